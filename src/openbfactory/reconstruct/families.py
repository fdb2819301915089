"""From a decay and the lists of its daughters to rows of mothers: roles, charges, overlaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import CutError
from openbfactory.events.cut_grammar import Comparison, Condition, Logic, Number, Variable
from openbfactory.physics.particles import conjugate_name, species
from openbfactory.reconstruct.combination import Combinations, combine
from openbfactory.reconstruct.decay_string import DECAY, MASSIVE, MISID, UNSPECIFIED, Decay
from openbfactory.reconstruct.particles import Particles

if TYPE_CHECKING:
    from openbfactory.reconstruct.lists import ParticleList

Index = npt.NDArray[np.int64]

#: first bit of the marks of the daughters in ``ignored``; two bits each: misidentified, decayed in flight
FIRST_MARK = 16
MAX_DAUGHTERS = 20
#: combinations that are made before the cut is applied
BLOCK = 200_000


def check_decay(tree: Decay, cuts: Mapping[str, str], *, allow_charge_violation: bool) -> None:
    """Refuse decays whose charge is not conserved, and cuts for particles that are not there.

    Raises
    ------
    CutError
        With all findings.
    """
    findings = Findings(f"decay string '{tree}'")
    inner: set[str] = set()
    for path, particle in tree.walk():
        if not particle.daughters:
            continue
        if path:
            inner |= {particle.list_name, particle.conjugate().list_name}
        if len(particle.daughters) > MAX_DAUGHTERS:
            findings.error("too-many", particle.name, f"{len(particle.daughters)} daughters",
                           expected=f"at most {MAX_DAUGHTERS}")
        charge = sum(species(d.name).charge3 for d in particle.daughters)
        free = allow_charge_violation or particle.ignored & (MASSIVE | UNSPECIFIED)
        if not free and charge != species(particle.name).charge3:
            findings.error("charge", particle.name, f"the daughters have charge {charge / 3:+g}",
                           expected=f"{species(particle.name).charge3 / 3:+g}, or '...' for what is missing")
    for name in cuts:
        if name not in inner:
            findings.error("unknown-particle", name, f"no particle '{name}' stands in brackets",
                           nearest=nearest(name, inner))
    findings.raise_if_errors(CutError)


def mass_window(tree: Condition | None) -> tuple[float, float]:
    """Smallest and largest mass [GeV] that a cut allows, where it asks for ``M`` or ``InvM`` and nothing looser.

    The window only makes combining faster: the whole cut is applied afterwards.
    """
    low, high = -math.inf, math.inf
    parts = tree.parts if isinstance(tree, Logic) and tree.operator == "and" else (tree,)
    for part in parts:
        if not isinstance(part, Comparison):
            continue
        for operator, left, right in zip(part.operators, part.operands, part.operands[1:], strict=False):
            if isinstance(left, Variable) and left.name in ("M", "InvM") and isinstance(right, Number):
                side, value = operator, right.value
            elif isinstance(right, Variable) and right.name in ("M", "InvM") and isinstance(left, Number):
                side, value = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, ""), left.value
            else:
                continue
            if side in ("<", "<="):
                high = min(high, value + 1e-6)
            elif side in (">", ">="):
                low = max(low, value - 1e-6)
    return low, high


def event_blocks(lists: list[ParticleList]) -> list[tuple[int, int]]:
    """Ranges (first, last + 1) of events with at most about ``BLOCK`` combinations each: memory stays bounded."""
    ways = np.prod([np.diff(made.offsets).astype(np.float64) for made in lists], axis=0)
    number = (np.cumsum(ways) // BLOCK).astype(np.int64)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1, [len(ways)]])
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def combined_rows(particles: Particles, tree: Decay, lists: list[ParticleList], window: tuple[float, float],
                  block: tuple[int, int]) -> Index:
    """Rows of all combinations of the lists in a range of events, sorted by event.

    Parameters
    ----------
    tree
        Decay of a particle, not of an antiparticle.
    lists
        List of each daughter.
    """
    role = roles(tree, lists)
    first, last = block
    found = combine([(made.rows, made.offsets[first:last + 1]) for made in lists], role.signs, role.keys,
                    both=not role.mirrored, p4=particles["p4"], flavour=particles["flavour"],
                    sources=particles.sources[: particles.size], window=window)
    codes = [(abs(d.pdg), s) for d, s in zip(tree.daughters, role.signs, strict=True)]
    if len(set(codes)) < len(set(zip(codes, role.keys, strict=True))):
        found = _once(found)
    return append_mothers(particles, tree, found, role, first)


@dataclass(frozen=True, slots=True)
class Roles:
    """What the daughters of a decay are to each other.

    Attributes
    ----------
    signs
        +1 where a daughter is the particle of its list as named, -1 where it is its conjugate.
    keys
        Equal for daughters from the same list.
    mirrored
        True where the conjugate of the decay has the same daughters: it is made once, for both.
    """

    signs: list[int]
    keys: list[Any]
    mirrored: bool


def roles(tree: Decay, lists: list[ParticleList]) -> Roles:
    """Roles of the daughters of a decay of a particle (not of an antiparticle) with the list of each."""
    signs = [1 if made.self_conjugate or d.pdg > 0 else -1 for d, made in zip(tree.daughters, lists, strict=True)]
    keys: list[Any] = [id(made) for made in lists]
    conjugated = sorted((k, s if made.self_conjugate else -s) for k, s, made in zip(keys, signs, lists, strict=True))
    return Roles(signs, keys, conjugated == sorted(zip(keys, signs, strict=True)))


def append_mothers(particles: Particles, tree: Decay, found: Combinations, role: Roles, first: int = 0) -> Index:
    """Rows of new mothers of combinations whose events count from ``first``."""
    neutral = conjugate_name(tree.name) == tree.name
    flavour = np.zeros_like(found.flavour) if neutral or role.mirrored else found.flavour
    pdg = np.where(flavour < 0, -tree.pdg, tree.pdg)
    sources = particles.sources[found.daughters].reshape(len(pdg), found.daughters.shape[1]
                                                         * particles.sources.shape[1])
    sources = -np.sort(-sources, axis=1)
    sources = sources[:, : max(1, int(np.count_nonzero(sources >= 0, axis=1).max(initial=1)))]
    charge = np.sum(particles["charge"][found.daughters], axis=1)
    return particles.append(found.daughters, sources, p4=found.p4, pdg=pdg, charge=charge, flavour=flavour,
                            event=found.event + first, ignored=_ignored(tree))


def _ignored(tree: Decay) -> int:
    """Bits of the decay, with the marks of its final-state daughters above ``FIRST_MARK``."""
    bits = tree.ignored
    for i, daughter in enumerate(tree.daughters):
        bits |= (bool(daughter.markers & MISID) | bool(daughter.markers & DECAY) << 1) << (FIRST_MARK + 2 * i)
    return bits


def _once(found: Combinations) -> Combinations:
    """Each set of daughters once, where lists overlap."""
    key = np.column_stack([found.event, found.flavour, np.sort(found.daughters, axis=1)])
    _, first = np.unique(key, axis=0, return_index=True)
    keep = np.sort(first)
    return Combinations(found.event[keep], found.flavour[keep], found.daughters[keep], found.p4[keep])
