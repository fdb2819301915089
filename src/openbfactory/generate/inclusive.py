"""Inclusive decays B -> X l nu, X gamma, X l l, X nu nu: the kinematics of the quarks with Fermi motion.

The mass of X is part of what is drawn; X then decays as its block of the decay file says.

- ``CHARMLESS`` (``VUB``): :mod:`openbfactory.physics.charmless`, with weights in bins of the mass of X that make room
  for exclusive channels; the shape function is drawn first and kept, as in EvtGen.
- ``PHOTON`` (``BTOXSGAMMA``): the mass of X from quantiles of :mod:`openbfactory.physics.kagan_neubert`.
- ``LEPTONS`` (``BTOXSLL``): :mod:`openbfactory.physics.xsll` in the frame of a b quark of mass
  m^2 = m_B^2 + m_q^2 - 2 m_B E_q, whose momentum is Maxwellian exp(-p^2 / p_F^2) p^2 (A. Ali, E. Pietarinen,
  Nucl. Phys. B 154, 519); X is the s quark and the spectator.
- ``NEUTRINOS`` (``BTOXSNUNU``, ``BTOXSNUNU_FERMI``): the same Fermi motion,
  dG/ds ~ sqrt(L) [3 s (1 + m^2 - s) + L] (J. Kamenik, C. Smith, JHEP 03 (2012) 090; arXiv:1509.06248, eq. 41).

Approximation: leptons of B -> X l l are unpolarised.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.semileptonic import place_leptons
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.physics.charmless import charmless_rate
from openbfactory.physics.xsll import lepton_angle, lepton_rate, neutrino_rate

#: numbers of the kernels
CHARMLESS: Final = 1
PHOTON: Final = 2
LEPTONS: Final = 3
NEUTRINOS: Final = 4

#: decades of p2 below 1 that are drawn
DECADES: Final = 10.0
#: largest Fermi momentum in units of its parameter
LARGEST_FERMI: Final = 5.0
#: numbers before the bounds in the payload of ``LEPTONS``: m_s, m_q, p_F, smallest mass, first and last ln(s)
HEAD: Final = 6
#: bins of ln(s) with bounds of the rate
BINS: Final = 96


@njit(cache=True)
def random_direction(rng: np.random.Generator) -> tuple[float, float, float]:
    """Unit vector, isotropic."""
    z, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    s = math.sqrt(1.0 - z * z)
    return s * math.cos(phi), s * math.sin(phi), z


@njit(cache=True)
def mass_weight(mass: float, edges: Array, weights: Array) -> float:
    """Weight of the bin that a mass is in; the last bin has no upper edge."""
    i = int(np.searchsorted(edges, mass, side="left"))
    value: float = weights[max(i - 1, 0)]
    return value


@njit(cache=True)
def charmless(rng: np.random.Generator, a: Array, mass: float, masses: Array, order: Array, momenta: Array) -> int:
    """Fill ``momenta`` and the mass of X of B -> X l nu, (X, lepton, neutrino) = ``order``.

    ``a``: m_b, shape, alpha_s, edge of the plus distributions, lower edges of the mass bins and their weights (at most
    1).  Returns how many weights were above their bound.
    """
    bins = (len(a) - 4) // 2
    edges, weights = a[4:4 + bins], a[4 + bins:]
    alpha_s, edge = a[2], a[3]
    scale, shape, excess = mass - a[0], a[1] + 1.0, 0
    lightest, lepton = edges[0] * edges[0], masses[order[1]]
    bound = max(3.0, 0.21344 + 8.905 * alpha_s)
    while True:
        plus = scale * rng.standard_gamma(shape) / shape
        quark = mass - plus
        if quark <= 2.0 * lepton or (alpha_s == 0.0 and mass - plus < 0.5 * mass
                                     - math.sqrt(max(0.25 * mass * mass - lightest, 0.0))):
            continue
        for _ in range(1000000):
            x, z, p = rng.random(), 2.0 * rng.random(), 10.0 ** (-DECADES * rng.random())
            if z < 1.0 - x or z > 2.0 - x or p > (1.0 - x) * (z + x - 1.0) or p < z - 1.0:
                continue
            e, eh = 0.5 * x * quark, 0.5 * z * quark + plus
            square = p * quark * quark + plus * z * quark + plus * plus
            if e <= lepton or square <= lightest or eh * eh <= square:
                continue
            if mass * mass + square - 2.0 * mass * eh <= lepton * lepton:
                continue
            value = p * charmless_rate(x, z, p, alpha_s, edge)
            excess += 1 if value > bound else 0
            if rng.random() * bound < value:
                break
        else:
            continue
        if rng.random() < mass_weight(math.sqrt(square), edges, weights):
            break
    masses[order[0]] = math.sqrt(square)
    q2 = mass * mass + square - 2.0 * mass * eh
    q = math.sqrt(q2)
    k = (q2 - lepton * lepton) / (2.0 * q)
    momentum = math.sqrt(eh * eh - square)
    cosine = (e * q - (mass - eh) * math.sqrt(k * k + lepton * lepton)) / (momentum * k)
    place_leptons(rng, mass, q, masses, order, min(max(cosine, -1.0), 1.0), momenta)
    return excess


@njit(cache=True)
def radiative(rng: np.random.Generator, quantiles: Array, mass: float, masses: Array, momenta: Array) -> None:
    """Fill ``momenta`` and the mass of X of B -> X gamma (in this order)."""
    system = mass
    while not system < mass:
        position = rng.random() * (len(quantiles) - 1)
        i = min(int(position), len(quantiles) - 2)
        system = quantiles[i] + (position - i) * (quantiles[i + 1] - quantiles[i])
    p = (mass * mass - system * system) / (2.0 * mass)
    x, y, z = random_direction(rng)
    masses[0] = system
    momenta[0, 0], momenta[0, 1], momenta[0, 2], momenta[0, 3] = mass - p, p * x, p * y, p * z
    momenta[1, 0], momenta[1, 1], momenta[1, 2], momenta[1, 3] = p, -p * x, -p * y, -p * z


@njit(cache=True)
def fermi_momentum(rng: np.random.Generator, scale: float) -> float:
    """Momentum with the density p^2 exp(-p^2 / scale^2), below five times the scale."""
    while True:
        p = math.sqrt(rng.standard_gamma(1.5))
        if p < LARGEST_FERMI:
            return scale * p


@njit(cache=True)
def _assemble(rng: np.random.Generator, mass: float, quark: float, fermi: float, strange: float, pair: float,
              lepton: float, cosine: float, masses: Array, momenta: Array) -> float:
    """Fill ``momenta`` of b -> s l l in a moving b quark, X in the first place; returns the squared mass of X.

    ``cosine`` is that of the second particle to the direction of the pair in its frame.
    """
    order = np.array([0, 1, 2])
    kept = masses[0]
    masses[0] = strange
    place_leptons(rng, quark, pair, masses, order, cosine, momenta)
    masses[0] = kept
    x, y, z = random_direction(rng)
    energy = math.sqrt(quark * quark + fermi * fermi)
    for i in range(1, 3):
        p = momenta[i]
        p[0], p[1], p[2], p[3] = boost_from_rest(p[0], p[1], p[2], p[3], energy, fermi * x, fermi * y, fermi * z,
                                                 quark)
    out = momenta[0]
    out[0] = mass
    out[1] = out[2] = out[3] = 0.0
    for i in range(1, 3):
        for k in range(4):
            out[k] -= momenta[i, k]
    return out[0] ** 2 - out[1] ** 2 - out[2] ** 2 - out[3] ** 2


@njit(cache=True)
def _quark_mass(rng: np.random.Generator, mass: float, spectator: float, scale: float,
                smallest: float) -> tuple[float, float]:
    """Mass of the b quark, at least ``smallest``, and its momentum."""
    while True:
        fermi = fermi_momentum(rng, scale)
        square = mass * mass + spectator * spectator - 2.0 * mass * math.sqrt(fermi * fermi + spectator * spectator)
        if square > smallest * smallest:
            return math.sqrt(square), fermi


@njit(cache=True)
def dileptonic(rng: np.random.Generator, a: Array, mass: float, masses: Array, flip: bool, momenta: Array) -> int:
    """Fill ``momenta`` and the mass of X of B -> X l+ l-; ``flip``: the lepton charges are those of a b quark turned.

    ``a``: m_s, m_q, p_F, smallest mass of X, first and last ln(s), running sum (BINS + 1,) of the largest s dG/ds in
    bins of ln(s).  Returns how many weights were above their bound.
    """
    strange, lepton, cumulative = a[0], masses[1], a[HEAD:HEAD + BINS + 1]
    excess = 0
    while True:
        quark, fermi = _quark_mass(rng, mass, a[1], a[2], strange + 2.0 * lepton)
        low, high = 4.0 * lepton * lepton, (quark - strange) ** 2
        while True:
            i = min(int(np.searchsorted(cumulative, rng.random() * cumulative[BINS], side="right")) - 1, BINS - 1)
            s = math.exp(a[4] + (a[5] - a[4]) * (i + rng.random()) / BINS)
            if s <= low or s >= high:
                continue
            bound, value = cumulative[i + 1] - cumulative[i], s * lepton_rate(quark, strange, lepton, s)
            excess += 1 if value > bound else 0
            if rng.random() * bound < value:
                break
        pair = math.sqrt(s)
        cosine = lepton_angle(rng, quark, strange, lepton, s)
        square = _assemble(rng, mass, quark, fermi, strange, pair, lepton, -cosine if flip else cosine, masses,
                           momenta)
        if square > a[3] * a[3]:
            masses[0] = math.sqrt(square)
            return excess


@njit(cache=True)
def with_neutrinos(rng: np.random.Generator, a: Array, mass: float, masses: Array, momenta: Array) -> None:
    """Fill ``momenta`` and the mass of X of B -> X nu nubar.

    ``a``: m_s, m_q, p_F, smallest mass of X, masses of b and s in the rate, largest rate.
    """
    ratio = a[5] / a[4]
    while True:
        quark, fermi = _quark_mass(rng, mass, a[1], a[2], a[0])
        s = (1.0 - ratio) ** 2 * rng.random()
        if rng.random() * a[6] >= neutrino_rate(s, ratio) or math.sqrt(s) * a[4] >= quark - a[0]:
            continue
        square = _assemble(rng, mass, quark, fermi, a[0], math.sqrt(s) * a[4], 0.0, 2.0 * rng.random() - 1.0, masses,
                           momenta)
        if square > a[3] * a[3]:
            masses[0] = math.sqrt(square)
            return


@njit(cache=True)
def inclusive(rng: np.random.Generator, kind: int, a: Array, mass: float, masses: Array, order: Array, flip: bool,
              momenta: Array) -> int:
    """Fill ``momenta`` and the mass of X; returns how many weights were above their bound."""
    if kind == CHARMLESS:
        return charmless(rng, a, mass, masses, order, momenta)
    if kind == LEPTONS:
        return dileptonic(rng, a, mass, masses, flip, momenta)
    if kind == NEUTRINOS:
        with_neutrinos(rng, a, mass, masses, momenta)
    else:
        radiative(rng, a, mass, masses, momenta)
    return 0
