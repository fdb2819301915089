"""Decays to three bodies whose squared matrix element is a function of the masses of the pairs.

Method: the squared mass s of one pair is drawn from a table of bounds in bins of log(s), the angle in the pair
uniformly; both are accepted with sqrt(s) p q W, where sqrt(s) p q is phase space in log(s) (p: momentum in the pair, q:
momentum of the third particle) and W is

- ``ISOBARS``: :func:`openbfactory.physics.isobars.isobar_intensity`;
- ``NORMAL`` (omega -> 3 pi): |p_1 x p_2|^2, the only structure of lowest order for a vector to three pseudoscalars;
- ``SLOPE`` (eta -> 3 pi0): 1 + 2 alpha z, z = (2/3) sum_i ((3 E_i - M) / Q)^2 (KLOE, Phys. Lett. B 694, 16);
- ``POLYNOMIAL`` (eta -> pi- pi+ pi0): 1 + a Y + b Y^2 + c X + d X^2 + e X Y + f Y^3, X = sqrt(3) (T_1 - T_2) / Q,
  Y = 3 T_3 / Q - 1 (BESIII, Phys. Rev. D 92, 012014); ``QUADRATIC`` (eta' -> pi pi eta): 1 + a Y + b Y^2 + c X + d X^2
  with Y = (2 m_pi + m_eta) T_eta / (m_pi Q) - 1;
- ``DIPION`` (V' -> V pi pi): (s - 4 m_pi^2)^2 (2 + E_V^2 / m_V^2), the second factor from the sums over polarisations;
- ``CLEO_DIPION``: |s - 2 m_pi^2 + (B/A) E_1 E_2|^2 (CLEO, Phys. Rev. D 76, 072001);
- ``CONVERSION`` (pi0 -> e+ e- gamma): (1 - s/M^2)^2 (2 - b^2 sin^2) / s / (1 - s / m_rho^2)^2, b the velocity of the
  electrons in their frame (N. Kroll, W. Wada, Phys. Rev. 98, 1355);
- ``RHO_PIONS`` (B0 -> pi+ pi- pi0): |A|^2 + |Abar|^2, :func:`openbfactory.physics.rhopi.rhopi_amplitudes`; what the
  flavour of the meson makes of it is accepted behind.

Bounds come from a scan when the table is loaded; a weight above its bound is counted.

The polarisation of vectors is the matter of :mod:`openbfactory.generate.polarised`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.semileptonic import place_leptons
from openbfactory.kinematics.phasespace import two_body_momentum
from openbfactory.physics.isobars import isobar_decays, isobar_intensity
from openbfactory.physics.particles import species
from openbfactory.physics.rhopi import rhopi_amplitudes, rhopi_terms

#: numbers of the weights
ISOBARS: Final = 0
NORMAL: Final = 1
SLOPE: Final = 2
POLYNOMIAL: Final = 3
QUADRATIC: Final = 4
DIPION: Final = 5
CLEO_DIPION: Final = 6
CONVERSION: Final = 7
RHO_PIONS: Final = 8

#: weight of each model, number of parameters in the file, and the pair drawn first
DALITZ_MODELS: dict[str, tuple[int, int, tuple[int, int]]] = {
    "D_DALITZ": (ISOBARS, 0, (0, 1)), "OMEGA_DALITZ": (NORMAL, 0, (0, 1)), "ETA_PI0DALITZ": (SLOPE, 1, (0, 1)),
    "ETA_FULLDALITZ": (POLYNOMIAL, 6, (0, 1)), "ETAPRIME_DALITZ": (QUADRATIC, 4, (0, 1)), "VVPIPI": (DIPION, 0, (1, 2)),
    "YMSTOYNSPIPICLEOBOOST": (CLEO_DIPION, 2, (1, 2)), "PI0_DALITZ": (CONVERSION, 0, (0, 1)),
    "BTO3PI_CP": (RHO_PIONS, 2, (0, 1)),
}
#: bins of the bounds, and points of the scan in each bin and in the angle
BINS: Final = 128
POINTS: Final = 5
ANGLES: Final = 121
#: factor of the largest weight that the scan finds in a bin
SAFETY: Final = 1.1
#: numbers before the parameters of the weight: positions of particles 1, 2, 3; the pair; running sum of the bounds
HEAD: Final = 5
PAYLOAD: Final = HEAD + BINS + 1

_RHO2: Final = species("rho0").mass ** 2


@njit(cache=True)
def _polynomial(kind: int, a: Array, mother: float, m: Array, t: Array) -> float:
    """Weight of eta and eta' decays from the kinetic energies."""
    available = mother - m[0] - m[1] - m[2]
    if kind == SLOPE:
        z = 0.0
        for i in range(3):
            z += (3.0 * (t[i] + m[i]) - mother) ** 2
        return max(1.0 + 4.0 / 3.0 * a[0] * z / (available * available), 0.0)
    x = math.sqrt(3.0) * (t[0] - t[1]) / available
    if kind == QUADRATIC:
        y = (m[0] + m[1] + m[2]) / m[1] * t[2] / available - 1.0
        return max(1.0 + y * (a[0] + a[1] * y) + x * (a[2] + a[3] * x), 0.0)
    y = 3.0 * t[2] / available - 1.0
    return max(1.0 + y * (a[0] + y * (a[1] + y * a[5])) + x * (a[2] + x * a[3] + a[4] * y), 0.0)


@njit(cache=True)
def dalitz_weight(kind: int, a: Array, mother: float, m: Array, s: Array) -> float:
    """Weight relative to phase space.

    Parameters
    ----------
    kind, a
        Number of the weight and its parameters.
    mother, m : (3,)
        Masses [GeV].
    s : (3,)
        Squared masses [GeV^2] of the pairs (2, 3), (3, 1), (1, 2).
    """
    if kind == ISOBARS:
        return isobar_intensity(a, mother, m, s)
    if kind == RHO_PIONS:
        b0, anti = rhopi_amplitudes(a, mother, m, s)
        return b0.real * b0.real + b0.imag * b0.imag + anti.real * anti.real + anti.imag * anti.imag
    if kind == CONVERSION:
        q2, m2 = s[2], mother * mother
        beta2 = max(1.0 - 4.0 * m[0] * m[0] / q2, 0.0)
        cosine = (s[0] - s[1]) / (m2 - q2)  # velocity times cosine
        return (1.0 - q2 / m2) ** 2 * (2.0 - beta2 + cosine * cosine) / q2 / (1.0 - q2 / _RHO2) ** 2
    t = np.empty(3)
    for i in range(3):
        t[i] = (mother * mother + m[i] * m[i] - s[i]) / (2.0 * mother) - m[i]
    if kind == NORMAL:
        e1, e2 = t[0] + m[0], t[1] + m[1]
        product = e1 * e2 - 0.5 * (s[2] - m[0] * m[0] - m[1] * m[1])
        scale = mother * mother / 9.0 - m[0] * m[0]
        return max((e1 * e1 - m[0] * m[0]) * (e2 * e2 - m[1] * m[1]) - product * product, 0.0) / (scale * scale)
    if kind in (DIPION, CLEO_DIPION):
        energy = t[0] + m[0]
        polarisation = 2.0 + (energy / m[0]) ** 2
        if kind == DIPION:
            return polarisation * (s[0] - 4.0 * m[1] * m[2]) ** 2
        both = (t[1] + m[1]) * (t[2] + m[2])
        return (s[0] - 2.0 * m[1] * m[2] + a[0] * both) ** 2 + (a[1] * both) ** 2
    return _polynomial(kind, a, mother, m, t)


@njit(cache=True)
def pair_density(kind: int, a: Array, mother: float, m: Array, pair: tuple[int, int], square: float, cosine: float,
                 s: Array) -> float:
    """Density in log(s) and the angle; fills the squared masses ``s`` of the pairs."""
    first, second = pair
    third = 3 - first - second
    root = math.sqrt(square)
    p, q = two_body_momentum(root, m[first], m[second]), two_body_momentum(mother, root, m[third])
    m2, ma2, mb2, mc2 = mother * mother, m[first] ** 2, m[second] ** 2, m[third] ** 2
    difference = (m2 - mc2) * (ma2 - mb2) / square + 4.0 * p * q * mother / root * cosine
    total = m2 + ma2 + mb2 + mc2 - square
    s[third], s[second], s[first] = square, 0.5 * (total + difference), 0.5 * (total - difference)
    return root * p * q * dalitz_weight(kind, a, mother, m, s)


@njit(cache=True)
def _bounds(kind: int, a: Array, mothers: Array, m: Array, pair: tuple[int, int]) -> Array:
    """Running sum (BINS + 1,) of the largest density in each bin."""
    s, cumulative = np.empty(3), np.zeros(BINS + 1)
    third = 3 - pair[0] - pair[1]
    for i in range(BINS):
        largest = 0.0
        for mother in mothers:
            low, high = 2.0 * math.log(m[pair[0]] + m[pair[1]]), 2.0 * math.log(mother - m[third])
            for k in range(POINTS):
                square = math.exp(low + (high - low) * (i + k / (POINTS - 1.0)) / BINS)
                for c in range(ANGLES):
                    cosine = -1.0 + 2.0 * c / (ANGLES - 1.0)
                    largest = max(largest, pair_density(kind, a, mother, m, pair, square, cosine, s))
        cumulative[i + 1] = cumulative[i] + largest
    # no bin is quite empty: its edge may be where the density vanishes
    floor = 1e-4 * cumulative[BINS] / BINS
    total, before = 0.0, 0.0
    for i in range(BINS):
        now = cumulative[i + 1]
        total += SAFETY * max(now - before, floor)
        cumulative[i + 1], before = total, now
    return cumulative


@njit(cache=True)
def dalitz(rng: np.random.Generator, kind: int, a: Array, mass: float, masses: Array, momenta: Array) -> int:
    """Fill ``momenta`` of a decay to three bodies; returns how many weights were above their bound.

    ``a`` is what :func:`prepared_dalitz` made of the channel.
    """
    m, s, order = np.empty(3), np.empty(3), np.empty(3, np.int64)
    for i in range(3):
        m[i] = masses[int(a[i])]
    pair = (int(a[3]), int(a[4]))
    third = 3 - pair[0] - pair[1]
    cumulative, payload = a[HEAD:PAYLOAD], a[PAYLOAD:]
    order[0], order[1], order[2] = int(a[third]), int(a[pair[0]]), int(a[pair[1]])
    low, high = 2.0 * math.log(m[pair[0]] + m[pair[1]]), 2.0 * math.log(mass - m[third])
    excess = 0
    while True:
        drawn = rng.random() * cumulative[BINS]
        i = min(int(np.searchsorted(cumulative, drawn, side="right")) - 1, BINS - 1)
        bound = cumulative[i + 1] - cumulative[i]
        square = math.exp(low + (high - low) * (i + rng.random()) / BINS)
        cosine = 2.0 * rng.random() - 1.0
        value = pair_density(kind, payload, mass, m, pair, square, cosine, s)
        if value > bound:
            excess += 1
        if rng.random() * bound <= value:
            break
    place_leptons(rng, mass, math.sqrt(square), masses, order, cosine, momenta)
    return excess


def _isobar_positions(mother: int, codes: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """Positions of particles 1, 2, 3 among the daughters of a D decay, and which decay it is; None when unknown."""
    sign = 1 if mother > 0 else -1
    plain = [311 if abs(c) in (311, 310, 130) else (c if abs(c) == 111 else sign * c) for c in codes]
    for number, decay in enumerate(isobar_decays()):
        if decay.mother == abs(mother) and sorted(decay.daughters) == sorted(plain):
            positions: list[int] = []
            for code in decay.daughters:
                positions.append(next(i for i, c in enumerate(plain) if c == code and i not in positions))
            return tuple(positions), number
    return None


def knows_dalitz(name: str, mother: int, codes: tuple[int, ...], parameters: int) -> bool:
    """True when a channel of this model, with these codes and this number of parameters, can be made."""
    if len(codes) != 3 or parameters != DALITZ_MODELS[name][1]:
        return False
    if name == "D_DALITZ":
        return _isobar_positions(mother, codes) is not None
    if name == "PI0_DALITZ":
        return codes[0] == -codes[1] and abs(codes[0]) in (11, 13) and codes[2] == 22
    if name == "BTO3PI_CP":
        return sorted(codes) == [-211, 111, 211] and abs(mother) == 511
    return True


@lru_cache(maxsize=256)
def prepared_dalitz(name: str, mother: int, codes: tuple[int, ...], parameters: tuple[float, ...],
                    mothers: tuple[float, ...], masses: tuple[float, ...]) -> Array:
    """What :func:`dalitz` needs to know about a channel.

    Parameters
    ----------
    name, mother, codes, parameters
        Model, codes of mother and daughters, parameters in the file.
    mothers
        Masses of the mother for which the bounds must hold.
    masses
        Masses of the daughters.
    """
    kind, _, pair = DALITZ_MODELS[name]
    positions: tuple[int, ...] = (0, 1, 2)
    payload = np.array(parameters, np.float64)
    if kind == ISOBARS:
        found = _isobar_positions(mother, codes)
        if found is None:
            return np.empty(0)
        positions, number = found
        decay = isobar_decays()[number]
        pair, payload = decay.first_pair, decay.terms.ravel()
    elif kind == RHO_PIONS:
        positions = tuple(codes.index(code) for code in (211, -211, 111))
        payload = rhopi_terms(parameters[1])
    m = np.array([masses[i] for i in positions])
    open_masses = np.array([x for x in mothers if x > m.sum() * (1.0 + 1e-9)])
    cumulative = _bounds(kind, payload, open_masses, m, pair)
    return np.concatenate((np.array([*positions, *pair], np.float64), cumulative, payload))
