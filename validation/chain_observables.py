"""Observables of decay chains, by the names that EvtGen's histograms have.

A particle is named by its path: "0" is the first daughter of the root, "01" the second daughter of that.  Frames are
reached by successive pure boosts along the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from validation.rows import Row

Array = npt.NDArray[np.float64]
#: probability of a larger chi squared below which a row differs
PROBABILITY = 1e-5
#: bins with fewer entries in both samples are put together
FEWEST = 20


class Tree:
    """Events of one chain: the four-momentum (E, px, py, pz) of each particle by its path."""

    def __init__(self, particles: Any) -> None:
        size = int(particles.offsets[1])
        shape = (len(particles), size)
        mothers = np.asarray(particles["mother"]).reshape(shape)
        if np.any(mothers != mothers[0]):
            message = "the events of a chain differ in structure"
            raise ValueError(message)
        p = np.stack([np.asarray(particles[k]).reshape(shape) for k in ("E", "px", "py", "pz")], axis=-1)
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


def _two(a: str = "0", b: str = "1") -> dict[str, Callable[[Tree], Array]]:
    return {"cos1": partial(helicity, f"{a}0"), "cos2": partial(helicity, f"{b}0"),
            "phi": partial(azimuth, a, f"{a}0", f"{b}0"), "m1": partial(mass, a), "m2": partial(mass, b)}


def _cascade() -> dict[str, Callable[[Tree], Array]]:
    def phi(tree: Tree) -> Array:
        return signed_angle(tree.seen("00", "0"), tree.seen("000", "0"), -tree.seen("", "0"))

    return {"mX": partial(mass, "0"), "cosX": partial(helicity, "00"), "cosV": partial(helicity, "000"),
            "mV": partial(mass, "00"), "phi": phi}


def _semileptonic() -> dict[str, Callable[[Tree], Array]]:
    return {"q2": lambda t: mass("1+2", t) ** 2, "costhl": partial(in_pair, "1", "1+2"), "El": partial(energy, "1"),
            "costhV": partial(helicity, "00"), "costhX": partial(helicity, "00"), "mV": partial(mass, "0"),
            "mX": partial(mass, "0"), "chi": partial(azimuth, "0", "00", "1"),
            "costhDst": partial(helicity, "000"), "p_slowpi": lambda t: np.linalg.norm(t["01"][:, 1:], axis=1),
            "El_B": partial(energy, "1")}


def _with_tau() -> dict[str, Callable[[Tree], Array]]:
    return {"q2": lambda t: mass("1+2", t) ** 2, "costhtau": partial(in_pair, "1", "1+2"), "Etau": partial(energy, "1"),
            "costhV": partial(helicity, "00"), "Ex": partial(energy, "10"), "cosx_B": partial(helicity, "10"),
            "cosx_W": partial(through_pair, "10", "1", "1+2"), "mrho": partial(mass, "10"),
            "cospsi": partial(helicity, "100"), "Epi": partial(energy, "100")}


def _tau_alone() -> dict[str, Callable[[Tree], Array]]:
    return {"cosz": partial(polar, "0"), "mV": partial(mass, "0"), "cospsi": partial(helicity, "00"),
            "Enubar": partial(energy, "1"), "Enutau": partial(energy, "2"), "m_nunu": partial(mass, "1+2"),
            "x": partial(scaled_energy, "0", "")}


def scaled_energy(path: str, mother: str, tree: Tree) -> Array:
    """Energy in the frame of the mother in units of half its mass."""
    found: Array = 2 * to_rest(tree[path], tree[mother])[:, 0] / mass(mother, tree)
    return found


def _simple() -> dict[str, Callable[[Tree], Array]]:
    return {"cosz": partial(polar, "0"), "coshel": partial(helicity, "00"), "mV": partial(mass, "0"),
            "cosp": partial(helicity, "00"), "cosX": partial(helicity, "00"), "mX": partial(mass, "0"),
            "cosK": partial(helicity, "00"), "Eg": partial(energy, "1"), "cospi": partial(helicity, "00"),
            "mpipi": partial(mass, "0")}


def _three_pions(first: str, second: str, third: str, nu: str) -> dict[str, Callable[[Tree], Array]]:
    every = f"{first}+{second}+{third}"

    def beta(tree: Tree) -> Array:
        return cosine(np.cross(tree.seen(first, every), tree.seen(second, every)), tree[every][:, 1:])

    return {"cosz": partial(polar, every), "m3pi": partial(mass, every), "m12": partial(mass, f"{second}+{third}"),
            "m02": partial(mass, f"{first}+{third}"), "m01": partial(mass, f"{first}+{second}"), "cosbeta": beta,
            "E2": partial(energy, third)}


def observables_of(name: str) -> dict[str, Callable[[Tree], Array]]:
    """Observables of a chain by name; those of two dimensions follow from the definitions of their axes."""
    if name.startswith(("02", "04b", "13_B0_a2rho")):
        return _two()
    if name in ("13_Bp_D1pi", "13_Bp_Ds1D"):
        return _cascade()
    if name.startswith("03_Bp_D"):
        found = _with_tau()
        if name.endswith("_mu"):
            found["x_mu"] = partial(scaled_energy, "10", "1")
        if name.endswith("_a1"):
            # the hadrons of the tau together
            found |= {"Ex": partial(energy, "10+11+12"), "m3pi": partial(mass, "10+11+12"),
                      "cosx_B": lambda t: cosine(t.seen("10+11+12", "1"), t["1"][:, 1:]),
                      "cosx_W": partial(through_pair, "10+11+12", "1", "1+2")}
        return found
    if name.endswith("_swapped"):
        return {"costau": partial(polar, "1"), "cos1": partial(helicity, "10"), "cos2": partial(helicity, "00"),
                "phi": partial(azimuth, "1", "10", "00"),
                "acop": lambda t: cosine(t["00"][:, 1:], t["10"][:, 1:])}
    if "taunu" in name:
        return {"Ex": partial(energy, "00"), "cosx": partial(helicity, "00"), "x_mu": partial(scaled_energy, "00", "0")}
    if "3pi" in name and name.startswith("07"):
        return _three_pions("0", "1", "2", "3")
    if name.startswith("07"):
        return _tau_alone()
    if name.startswith(("01", "11")):
        return _semileptonic()
    return _simple() | _special(name)


def _special(name: str) -> dict[str, Callable[[Tree], Array]]:
    """Observables that a chain defines in its own way."""
    if name == "09_psi2S_Jpsipi0pi0":
        return {"mpipi": partial(mass, "1+2"), "cosz_V": partial(polar, "0"), "cosz_pi": partial(polar, "1"),
                "cospi": partial(in_pair, "1", "1+2"), "cosl_hel": partial(helicity, "00"),
                "cosl_z": lambda t: _along_z(t.seen("00", "0")), "cosl_z_lab": partial(polar, "00")}
    if name == "09_Bp_psi2SK_Jpsipipi":
        return {"mpipi": partial(mass, "01+02"), "cosJ": partial(helicity, "00"), "cosl": partial(helicity, "000"),
                "cosl_B": lambda t: cosine(t.seen("000", "0", "00"), t["0"][:, 1:])}
    if name == "06b_Bp_omegaK":
        return {"m_omega": partial(mass, "0"),
                "cosn": lambda t: cosine(np.cross(t.seen("00", "0"), t.seen("01", "0")), t["0"][:, 1:])}
    if name.startswith("13_Y2S"):
        return {"cosz_g1": partial(polar, "0"), "cosg2": partial(helicity, "10"), "cosl": partial(helicity, "110")}
    if name == "09_etap_rhogamma":
        return {"mpipi": partial(mass, "0")}
    masses = {"m_f0": "1", "m_Kst": "0", "m_a1": "0", "m_rho": "00", "m_D0st": "1", "m_D1": "0", "m_D2st": "0"}
    if name.startswith("14_Bp_JpsiK1"):
        masses = {"m_K1": "1", "m_rho": "10", "m_Kst": "10"}
    if name in ("14_Bp_D0strho", "14_Bp_rho0K"):
        masses["m_rho"] = "0"
    if name.startswith("14"):
        return {k: partial(mass, v) for k, v in masses.items()}
    return {}


def _along_z(p: Array) -> Array:
    found: Array = p[:, 2] / np.linalg.norm(p, axis=1)
    return found


#: names of the axes of two-dimensional histograms that are short for others
SHORT = {"c1": "cos1", "c2": "cos2", "cX": "cosX", "cV": "cosV", "cl": "costhl", "cz": "cosz", "ch": "coshel",
         "cp": "cosp", "cg1": "cosz_g1", "cg2": "cosg2", "coslz": "cosl_z", "cosxW": "cosx_W", "xmu": "x_mu"}


def _axes(name: str, known: dict[str, Callable[[Tree], Array]]) -> tuple[str, str] | None:
    """Names of the two axes of a two-dimensional histogram."""
    words = name.split("_")
    for k in range(1, len(words)):
        pair = []
        for side in ("_".join(words[:k]), "_".join(words[k:])):
            long = SHORT.get(side, side)
            if side == "cV" and "costhV" in known:
                long = "costhV"
            if side == "cX" and "costhX" in known:
                long = "costhX"
            pair.append(long)
        if pair[0] in known and pair[1] in known:
            return pair[0], pair[1]
    return None


def compared(ours: Array, theirs: Array) -> tuple[float, int]:
    """Chi squared of two histograms of different sizes, and its degrees of freedom."""
    a, b = ours.ravel().astype(float), theirs.ravel().astype(float)
    order = np.argsort(a + b, kind="stable")
    small = order[(a + b)[order] < FEWEST]
    kept = np.setdiff1d(order, small)
    a, b = np.append(a[kept], a[small].sum()), np.append(b[kept], b[small].sum())
    filled = a + b > 0
    a, b = a[filled], b[filled]
    ratio = np.sqrt(b.sum() / a.sum())
    return float(np.sum((ratio * a - b / ratio) ** 2 / (a + b))), len(a) - 1


def histogram_rows(chain: str, tree: Tree, reference: dict[str, Array],
                   known: dict[str, Callable[[Tree], Array]]) -> list[Row]:
    """Rows of the observables of a chain that are known here."""
    made = []
    for key in reference:
        if not key.endswith("_counts"):
            continue
        name, counts = key.removesuffix("_counts"), reference[key]
        if counts.ndim == 1 and name in known:
            values, label = known[name](tree), ""
            if chain == "13_Lc_Lambdapi_up" and name == "cosz":
                values, label = -values, " (EvtGen has the sign of the asymmetry turned)"
            ours, _ = np.histogram(values, reference[f"{name}_edges"])
        elif counts.ndim == 2 and (axes := _axes(name, known)) is not None and chain != "13_Lc_Lambdapi_up":
            x, y = (known[a](tree) for a in axes)
            ours, *_ = np.histogram2d(x, y, [reference[f"{name}_edges"], reference[f"{name}_edges_y"]])
            label = ""
        else:
            continue
        chi2, ndf = compared(ours.astype(float), counts)
        allowed = float(stats.chi2.isf(PROBABILITY, max(ndf, 1))) - ndf
        made.append(Row(f"{chain} {name}{label}: chi2", ndf, chi2, allowed))
    return made
