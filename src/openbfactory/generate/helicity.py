"""Two-body decays by helicity amplitudes: the tables of every model, made once a decay table.

Method (M. Jacob, G. Wick, Ann. Phys. 7 (1959) 404)::

    A[m, l1, l2] = conj(D^J[m, l1 - l2](phi, theta, 0)) H[l1, l2].

States go from +s down to -s.  The tables that :func:`helicity_table` returns refer to the axes of the second daughter
turned by pi about y, so that Jacob and Wick's amplitudes carry a factor (-1)^(s2 - l2).  Sets of partial waves become
helicities by

    H[l1, l2] = sum a_LS sqrt((2L + 1) / (2J + 1)) <L 0 S l | J l> <s1 l1 s2 -l2 | S l>,  l = l1 - l2.

Models and their amplitudes:

* VSS, TSS, SVS, STS, and SSD_CP whatever the flavour: one amplitude, helicity 0.
* SVV_HELAMP, SVP_HELAMP, HELAMP: magnitude and phase of each amplitude from the file, helicities of the first daughter
  descending, then those of the second.
* PARTWAVE: magnitude and phase of each wave, total spin S ascending, then L ascending.
* VVS_PWAVE: waves S, P, D; TVS_PWAVE: waves P, D, F.  D of VVS_PWAVE is the factor of (p_i p_j - delta_ij / 3).
* VSP_PWAVE: magnetic dipole.  VVP: a vector and a photon from an axial vector, (e1 x e_gamma) . e2.
* HypNonLepton: asymmetry alpha and phase phi [degrees] of a weak hyperon decay (PDG 2024, review "Baryon decay
  parameters"); both change sign for the antiparticle.
* SLN: the neutrino has helicity -1/2, and so has the charged lepton's angular momentum; TAUSCALARNU: the same.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from openbfactory.generate.columns import Array

#: twice the spins of mother and daughters, their codes (mother first), the parameters; to a table or None if unfit
TableMaker = Callable[[tuple[int, int, int], tuple[int, int, int], list[float]], Array | None]

_PHOTON = 22


@cache
def clebsch_gordan(j1: int, m1: int, j2: int, m2: int, j: int, m: int) -> float:
    """Clebsch-Gordan coefficient <j1 m1 j2 m2 | j m>, all arguments twice their values (Racah's formula)."""
    if m1 + m2 != m or abs(m1) > j1 or abs(m2) > j2 or abs(m) > j or not abs(j1 - j2) <= j <= j1 + j2:
        return 0.0

    def f(twice: int) -> int:
        return math.factorial(twice // 2)

    total = 0.0
    for k in range((j1 + j2 - j) // 2 + 1):
        terms = (2 * k, j1 + j2 - j - 2 * k, j1 - m1 - 2 * k, j2 + m2 - 2 * k, j - j2 + m1 + 2 * k, j - j1 - m2 + 2 * k)
        if min(terms) >= 0:
            total += (-1) ** k / math.prod(f(t) for t in terms)
    norm = (j + 1) * f(j1 + j2 - j) * f(j + j1 - j2) * f(j - j1 + j2) / f(j1 + j2 + j + 2)
    norm *= f(j + m) * f(j - m) * f(j1 + m1) * f(j1 - m1) * f(j2 + m2) * f(j2 - m2)
    return math.sqrt(norm) * total


def _states(spins: tuple[int, int, int], codes: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Indices (a, b) of the helicities of the daughters that can come from the mother, in the order of decay files."""
    found = []
    for a in range(spins[1] + 1):
        for b in range(spins[2] + 1):
            first, second = spins[1] - 2 * a, spins[2] - 2 * b
            massless = (codes[1] == _PHOTON and first == 0) or (codes[2] == _PHOTON and second == 0)
            if abs(first - second) <= spins[0] and not massless:
                found.append((a, b))
    return found


def _complex(values: list[float]) -> list[complex]:
    """Complex numbers of magnitudes and phases."""
    return [cmath.rect(r, phase) for r, phase in zip(values[::2], values[1::2], strict=True)]


def _turned(table: Array) -> Array:
    """Table with the phases of Jacob and Wick made one for the axes used here."""
    turned: Array = table * (-1.0) ** np.arange(table.shape[1])
    return turned


def partial_waves(spins: tuple[int, int, int], waves: dict[tuple[int, int], complex]) -> Array:
    """Helicity table of waves {(L, twice S): amplitude}; phases of Jacob and Wick."""
    twice_j, s1, s2 = spins
    table = np.zeros((s1 + 1, s2 + 1), np.complex128)
    for a in range(s1 + 1):
        for b in range(s2 + 1):
            l1, l2 = s1 - 2 * a, s2 - 2 * b
            for (wave, twice_s), amplitude in waves.items():
                table[a, b] += (amplitude * math.sqrt((2 * wave + 1) / (twice_j + 1))
                                * clebsch_gordan(2 * wave, 0, twice_s, l1 - l2, twice_j, l1 - l2)
                                * clebsch_gordan(s1, l1, s2, -l2, twice_s, l1 - l2))
    return table


def _single(mother: int, vector: int) -> TableMaker:
    """Maker for one amplitude of helicity 0: twice the spin of the mother, and of the one daughter with spin."""
    def make(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
        if spins[0] != mother or sorted(spins[1:]) != [0, vector] or _PHOTON in codes[1:]:
            return None
        table = np.zeros((spins[1] + 1, spins[2] + 1), np.complex128)
        table[spins[1] // 2, spins[2] // 2] = 1.0
        return table
    return make


def _listed(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """HELAMP and its special cases: the amplitudes stand in the file."""
    states = _states(spins, codes)
    if len(values) != 2 * len(states):
        return None
    table = np.zeros((spins[1] + 1, spins[2] + 1), np.complex128)
    for (a, b), value in zip(states, _complex(values), strict=True):
        table[a, b] = value
    return _turned(table)


def _of_scalar(second_photon: bool) -> TableMaker:
    """Maker for a scalar to two vectors (the second a photon or not), amplitudes in the file."""
    def make(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
        fits = spins == (0, 2, 2) and (codes[2] == _PHOTON) == second_photon
        return _listed(spins, codes, values) if fits else None
    return make


def _partwave(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """PARTWAVE: every wave of the file."""
    keys = [(wave // 2, total) for total in range(abs(spins[1] - spins[2]), spins[1] + spins[2] + 1, 2)
            for wave in range(abs(spins[0] - total), spins[0] + total + 1, 2)]
    if len(values) != 2 * len(keys) or any((spins[0] + total) % 2 for _, total in keys):
        return None
    return _turned(partial_waves(spins, dict(zip(keys, _complex(values), strict=True))))


def _vector_scalar(mother: int) -> TableMaker:
    """Maker for VVS_PWAVE (twice the spin of the mother: 2) and TVS_PWAVE (4)."""
    def make(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
        if spins[0] != mother or sorted(spins[1:]) != [0, 2] or len(values) != 6 or _PHOTON in codes[1:]:
            return None
        low, middle, high = _complex(values)
        first = mother // 2 - 1
        scale = math.sqrt(2.0) / 3.0 if mother == 2 else 1.0
        return _turned(partial_waves(spins, {(first, 2): low, (first + 1, 2): middle, (first + 2, 2): scale * high}))
    return make


def _dipole(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """VSP_PWAVE: a vector to a scalar and a photon."""
    if spins[0] != 2 or sorted(zip(spins[1:], (abs(c) == _PHOTON for c in codes[1:]), strict=True)) != [(0, False),
                                                                                                     (2, True)]:
        return None
    return _turned(partial_waves(spins, {(1, 2): 1.0}) * _transverse(spins, codes))


def _transverse(spins: tuple[int, int, int], codes: tuple[int, int, int]) -> Array:
    """Mask of the states without a photon of helicity 0."""
    mask = np.zeros((spins[1] + 1, spins[2] + 1))
    for state in _states(spins, codes):
        mask[state] = 1.0
    return mask


def _vector_photon(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """VVP: equal amplitudes for helicities 0 and 1 of the vector, odd under reflection."""
    if spins != (2, 2, 2) or codes[2] != _PHOTON:
        return None
    table = np.zeros((3, 3), np.complex128)
    table[0, 0] = table[1, 0] = 1.0
    table[1, 2] = table[2, 2] = -1.0
    return table


def _hyperon(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """HypNonLepton with (alpha, phi)."""
    if spins != (1, 1, 0) or len(values) < 2 or abs(values[0]) > 1.0:
        return None
    sign = 1.0 if codes[0] > 0 else -1.0
    alpha, phi = sign * values[0], math.radians(sign * values[1])
    return np.array([[cmath.rect(math.sqrt(0.5 * (1.0 + alpha)), phi)], [math.sqrt(0.5 * (1.0 - alpha))]])


def _neutrino(mother: int) -> TableMaker:
    """Maker for a fixed helicity of the neutrino: SLN (mother of spin 0) and TAUSCALARNU (a tau)."""
    def make(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
        place = [abs(c) in (12, 14, 16) for c in codes[1:]]
        if spins[0] != mother or sum(place) != 1 or spins[1 + place.index(True)] != 1:
            return None
        if spins[2 - place.index(True)] != 1 - mother:
            return None
        state = 1 if codes[1 + place.index(True)] > 0 else 0
        table = np.zeros((spins[1] + 1, spins[2] + 1), np.complex128)
        table[state if spins[1] else 0, state if spins[2] else 0] = 1.0
        return table
    return make


def _cp_scalar(spins: tuple[int, int, int], codes: tuple[int, int, int], values: list[float]) -> Array | None:
    """SSD_CP: a scalar and a particle of spin 0, 1 or 2."""
    if min(spins[1:]) > 0 or max(spins[1:]) not in (0, 2, 4):
        return None
    return _single(0, max(spins[1:]))(spins, codes, values)


#: maker of the table of each model
HELICITY_MODELS: Final[dict[str, TableMaker]] = {
    "VSS": _single(2, 0), "VSS_BMIX": _single(2, 0), "TSS": _single(4, 0), "SVS": _single(0, 2), "STS": _single(0, 4),
    "SVV_HELAMP": _of_scalar(False), "SVP_HELAMP": _of_scalar(True), "HELAMP": _listed, "PARTWAVE": _partwave,
    "VVS_PWAVE": _vector_scalar(2), "TVS_PWAVE": _vector_scalar(4), "VSP_PWAVE": _dipole, "VVP": _vector_photon,
    "HypNonLepton": _hyperon, "SLN": _neutrino(0), "TAUSCALARNU": _neutrino(1),
    "SSD_CP": _cp_scalar,
}


def helicity_table(model: str, spins: tuple[int, int, int], codes: tuple[int, int, int],
                   values: list[float]) -> Array | None:
    """Helicity amplitudes (states of daughter 1, of daughter 2) of a two-body channel; None when it does not fit.

    Parameters
    ----------
    model
        Name in decay files.
    spins, codes
        Twice the spins and the PDG codes of mother and daughters.
    values
        Parameters of the channel.
    """
    if not all(math.isfinite(v) for v in values) or max(spins) > 4:
        return None
    table = HELICITY_MODELS[model](spins, codes, values)
    if table is None or not np.any(table):
        return None
    return np.asarray(table, np.complex128) / math.sqrt(float(np.sum(np.abs(table) ** 2)))
