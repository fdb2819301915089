"""Decays to a meson and two leptons: B and D to P l nu, V l nu, B -> K nu nubar, and leptonic tau decays.

Method: the squared mass of the leptons is drawn from three-body phase space and the lepton angle uniformly; both are
accepted with (q2 - m_l^2) W, where (J. Korner, G. Schuler, Z. Phys. C 46, 93)::

    W = (1 - eta c)^2 H_+^2 + (1 + eta c)^2 H_-^2 + 2 (1 - c^2) H_0^2
        + m_l^2 / q2 [(1 - c^2)(H_+^2 + H_-^2) + 2 (H_t - H_0 c)^2],

c is the cosine of the charged lepton to the direction of the pair, in the frame of the pair; eta is +1 for bottom and
-1 for charm.  B -> K nu nubar draws q2 from its exact distribution and the angle from 1 - c^2.  Leptonic tau decays
are accepted with the V-A matrix element (p_tau . p_antinu)(p_l . p_nu).

Here are the momenta alone; the polarisation of a vector meson or a tau is passed on by
:mod:`openbfactory.generate.spindecay`.

Approximation: what the form factors leave out (:mod:`openbfactory.physics.formfactors`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import decay_to, pair_mass, two_body_momentum
from openbfactory.physics.formfactors import helicity_amplitudes

#: factor of the largest weight found on the grid of :func:`largest_weight`
SAFETY = 1.1
#: masses of a broad meson for which a bound is kept, behind the parameters of the channel
MASSES = 17


@njit(cache=True)
def lepton_weight(h: Array, q2: float, lepton: float, cosine: float, eta: float) -> float:
    """Weight of q2 and the lepton angle relative to three-body phase space."""
    sine, m2 = 1.0 - cosine * cosine, lepton * lepton
    plus, minus, zero = h[0] * h[0], h[1] * h[1], h[2]
    value = (1.0 - eta * cosine) ** 2 * plus + (1.0 + eta * cosine) ** 2 * minus + 2.0 * sine * zero * zero
    if m2 > 0.0:
        value += m2 / q2 * (sine * (plus + minus) + 2.0 * (h[3] - zero * cosine) ** 2)
    return (q2 - m2) * value


@njit(cache=True)
def largest_weight(kind: int, a: Array, mother: float, daughter: float, lepton: float, eta: float) -> float:
    """Largest weight on a grid in q2 and the angle, with a margin; 0 for a closed decay."""
    lower, upper = lepton * lepton, (mother - daughter) ** 2
    largest, h = 0.0, np.empty(4)
    if upper <= lower or daughter <= 0.0:
        return 0.0
    for i in range(60):
        q2 = lower + (upper - lower) * (i + 0.5) / 60.0
        p = two_body_momentum(mother, daughter, math.sqrt(q2))
        helicity_amplitudes(kind, a, mother, daughter, q2, p, h)
        for j in range(11):
            largest = max(largest, lepton_weight(h, q2, lepton, -1.0 + 0.2 * j, eta))
    return SAFETY * largest


@njit(cache=True)
def bound_at(bounds: Array, mass: float, low: float, high: float) -> float:
    """Bound for a mass of the meson, from ``bounds`` at equidistant masses between low and high."""
    if high <= low:
        return max(bounds[0], 1e-300)
    steps = len(bounds) - 1
    i = min(max(int((mass - low) / (high - low) * steps), 0), steps - 1)
    return max(bounds[i], bounds[i + 1], 1e-300)


@njit(cache=True)
def place_leptons(rng: np.random.Generator, mass: float, q: float, masses: Array, order: Array, cosine: float,
                  momenta: Array) -> None:
    """Fill the momenta of (meson, lepton, neutrino) = ``order`` for a pair of mass q and a given lepton angle."""
    meson, lepton, neutrino = order[0], order[1], order[2]
    p = two_body_momentum(mass, masses[meson], q)
    z, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    s = math.sqrt(1.0 - z * z)
    ux, uy, uz = s * math.cos(phi), s * math.sin(phi), z
    vx, vy, vz = z * math.cos(phi), z * math.sin(phi), -s
    wx, wy = -math.sin(phi), math.cos(phi)
    momenta[meson, 0] = math.sqrt(p * p + masses[meson] ** 2)
    momenta[meson, 1], momenta[meson, 2], momenta[meson, 3] = -p * ux, -p * uy, -p * uz
    k = two_body_momentum(q, masses[lepton], masses[neutrino])
    sine, azimuth = math.sqrt(max(1.0 - cosine * cosine, 0.0)), 2.0 * math.pi * rng.random()
    a, b = k * sine * math.cos(azimuth), k * sine * math.sin(azimuth)
    x, y, zz = k * cosine * ux + a * vx + b * wx, k * cosine * uy + a * vy + b * wy, k * cosine * uz + a * vz
    energy = mass - momenta[meson, 0]
    e = math.sqrt(k * k + masses[lepton] ** 2)
    out = momenta[lepton]
    out[0], out[1], out[2], out[3] = boost_from_rest(e, x, y, zz, energy, p * ux, p * uy, p * uz, q)
    for i in range(4):
        momenta[neutrino, i] = -momenta[meson, i] - out[i]
    momenta[neutrino, 0] += mass


@njit(cache=True)
def semileptonic(rng: np.random.Generator, kind: int, a: Array, mass: float, masses: Array, order: Array, eta: float,
                 bound: float, h: Array, momenta: Array) -> int:
    """Fill ``momenta`` of a decay to (meson, lepton, neutrino) = ``order``; ``h`` (4,) is scratch.

    Returns how many weights were above the bound.
    """
    meson, lepton, neutrino = order[0], order[1], order[2]
    excess = 0
    while True:
        q = pair_mass(rng, mass, masses[lepton], masses[neutrino], masses[meson])
        cosine = 2.0 * rng.random() - 1.0
        p = two_body_momentum(mass, masses[meson], q)
        helicity_amplitudes(kind, a, mass, masses[meson], q * q, p, h)
        weight = lepton_weight(h, q * q, masses[lepton], cosine, eta)
        if weight > bound:
            excess += 1
        if rng.random() * bound <= weight:
            break
    place_leptons(rng, mass, q, masses, order, cosine, momenta)
    return excess


@njit(cache=True)
def kaon_neutrinos(rng: np.random.Generator, quantiles: Array, mass: float, masses: Array, momenta: Array) -> None:
    """Fill ``momenta`` of a decay to K nu nubar with q2 from its tabulated quantiles."""
    largest = (mass - masses[0]) ** 2
    q2 = largest
    while not 0.0 < q2 < largest:
        position = rng.random() * (len(quantiles) - 1)
        i = min(int(position), len(quantiles) - 2)
        q2 = quantiles[i] + (position - i) * (quantiles[i + 1] - quantiles[i])
    cosine = 2.0 * rng.random() - 1.0
    while rng.random() > 1.0 - cosine * cosine:
        cosine = 2.0 * rng.random() - 1.0
    order = np.array([0, 1, 2])
    place_leptons(rng, mass, math.sqrt(q2), masses, order, cosine, momenta)


@njit(cache=True)
def leptonic_tau(rng: np.random.Generator, mass: float, masses: Array, momenta: Array, antineutrino: int, lepton: int,
                 scratch: Array) -> None:
    """Fill ``momenta`` of tau -> l nu nubar; ``antineutrino`` is the daughter that goes with the lepton.

    With E the energy of that neutrino the matrix element is M E (M^2 - 2 M E - m_l^2) / 2.
    """
    available = mass * mass - masses[lepton] ** 2
    while True:
        decay_to(rng, mass, masses, 3, momenta, scratch)
        energy = momenta[antineutrino, 0]
        value = mass * energy * (available - 2.0 * mass * energy)
        if rng.random() * available * available / 8.0 <= value:
            return
