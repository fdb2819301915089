"""Events of one decay chain, and the angles, masses and energies that observables are made of.

A particle is named by its path: "0" is the first daughter of the root, "01" the second daughter of that, "0+1" a sum.
Frames are reached by successive pure boosts along the chain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Tree:
    """Events of one chain: the four-momentum (E, px, py, pz) of each particle by its path.

    ``records`` says how many of each event count, where the decays at the end of the chain differ in structure; all if
    None.  ``sizes`` are the numbers of records before that.
    """

    def __init__(self, particles: Any, records: int | None = None) -> None:
        size = int(particles.offsets[1]) if records is None else records
        shape = (len(particles), size)
        self.sizes = np.diff(particles.offsets).astype(np.float64)
        kept = (slice(None) if records is None else
                (np.asarray(particles.offsets)[:-1, None] + np.arange(size)[None, :]).ravel())
        mothers = np.asarray(particles["mother"])[kept].reshape(shape)
        if np.any(mothers != mothers[0]):
            message = "the events of a chain differ in structure"
            raise ValueError(message)
        p = np.stack([np.asarray(particles[k])[kept].reshape(shape) for k in ("E", "px", "py", "pz")], axis=-1)
        paths, children = [""], [0] * size
        for i in range(1, size):
            mother = int(mothers[0, i])
            paths.append(paths[mother] + str(children[mother]))
            children[mother] += 1
        self._momenta = {path: p[:, i] for i, path in enumerate(paths)}
        self.paths = paths

    def __getitem__(self, path: str) -> Array:
        if "+" in path:
            total: Array = np.sum([self._momenta[x] for x in path.split("+")], axis=0)
            return total
        return self._momenta[path]

    def seen(self, path: str, *frames: str) -> Array:
        """Three-momentum of a particle after boosts to the rest frames of the given ones, one after the other."""
        p, systems = self[path], [self[f] for f in frames]
        for k in range(len(systems)):
            p = to_rest(p, systems[k])
            systems[k + 1:] = [to_rest(s, systems[k]) for s in systems[k + 1:]]
        return p[:, 1:]


def to_rest(p: Array, system: Array) -> Array:
    """Four-momenta in the rest frame of others."""
    mass = np.sqrt(system[:, 0] ** 2 - np.sum(system[:, 1:] ** 2, axis=1))
    product = np.sum(p[:, 1:] * system[:, 1:], axis=1)
    energy = (p[:, 0] * system[:, 0] - product) / mass
    factor = -(p[:, 0] + energy) / (system[:, 0] + mass)
    return np.column_stack([energy, p[:, 1:] + factor[:, None] * system[:, 1:]])


def cosine(a: Array, b: Array) -> Array:
    """Cosine of the angle between vectors."""
    found: Array = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return found


def helicity(path: str, tree: Tree) -> Array:
    """Helicity cosine of a particle in its mother, with the direction of the mother in the frame of its own mother."""
    chain = [path[:k] for k in range(1, len(path) - 1)]
    mother = path[:-1]
    return cosine(tree.seen(path, *chain, mother), tree.seen(mother, *chain))


def polar(path: str, tree: Tree) -> Array:
    """Polar cosine to the z axis."""
    p = tree[path]
    found: Array = p[:, 3] / np.linalg.norm(p[:, 1:], axis=1)
    return found


def mass(path: str, tree: Tree) -> Array:
    """Mass of a particle or of several."""
    p = tree[path]
    found: Array = np.sqrt(np.maximum(p[:, 0] ** 2 - np.sum(p[:, 1:] ** 2, axis=1), 0.0))
    return found


def signed_angle(z: Array, a: Array, b: Array) -> Array:
    """Angle about z from the transverse part of a to that of b."""
    z = z / np.linalg.norm(z, axis=1)[:, None]
    a, b = a - z * np.sum(a * z, axis=1)[:, None], b - z * np.sum(b * z, axis=1)[:, None]
    found: Array = np.arctan2(np.sum(z * np.cross(a, b), axis=1), np.sum(a * b, axis=1))
    return found


def azimuth(axis: str, first: str, second: str, tree: Tree) -> Array:
    """Signed angle about one particle from the transverse momentum of another to that of a third."""
    return signed_angle(tree[axis][:, 1:], tree[first][:, 1:], tree[second][:, 1:])


def energy(path: str, tree: Tree) -> Array:
    """Energy in the frame of the root."""
    return tree[path][:, 0]


def in_pair(path: str, pair: str, tree: Tree) -> Array:
    """Cosine of a particle in the frame of a pair to the direction of that."""
    return cosine(tree.seen(path, pair), tree[pair][:, 1:])


def through_pair(path: str, mother: str, pair: str, tree: Tree) -> Array:
    """Helicity cosine of a daughter with the frame of its mother reached through that of a pair."""
    return cosine(tree.seen(path, pair, mother), tree.seen(mother, pair))


def scaled_energy(path: str, mother: str, tree: Tree) -> Array:
    """Energy in the frame of the mother in units of half its mass."""
    found: Array = 2 * to_rest(tree[path], tree[mother])[:, 0] / mass(mother, tree)
    return found


def along_z(p: Array) -> Array:
    """Cosine of three-vectors to the z axis."""
    found: Array = p[:, 2] / np.linalg.norm(p, axis=1)
    return found


def square(path: str, tree: Tree) -> Array:
    """Squared mass of a particle or of several."""
    p = tree[path]
    found: Array = p[:, 0] ** 2 - np.sum(p[:, 1:] ** 2, axis=1)
    return found


def normal(first: str, second: str, frame: str, tree: Tree) -> Array:
    """Vector product of two momenta in a frame."""
    found: Array = np.cross(tree.seen(first, frame), tree.seen(second, frame))
    return found
