"""Production of a lepton pair: photons from the beams, angle of the pair, spin of one lepton given the other's decay.

Method: photons leave the beams as a Poisson process with the O(alpha) matrix element of massless electrons,

    dN = alpha / pi dw / w dcos { 2 (1 - x) b^2 sin^2 / (1 - b^2 cos^2)^2 + x^2 [1 / (1 - b^2 cos^2) - 1/2] },

x = 2 w / M (G. Bonneau, F. Martin, Nucl. Phys. B 27 (1971) 381), one after the other in the rest frame of what is left;
events are accepted with the cross section at the mass that remains.  The pair has the angle 1 + cos^2 + sin^2 / g^2 and
the spin matrix C = T - 2 (D^2 - D n n D), D = diag(1, 1, 1/g), n the beam in the axes of the tau- (Y. S. Tsai, Phys.
Rev. D 4 (1971) 2821).

Approximation: no vacuum polarisation, no Z, no beam polarisation; the beam axis stays along z after a photon at large
angle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array


class Beams(NamedTuple):
    """Constants of the production: masses and energies [GeV], alpha / pi, the largest cross section times GeV^2."""

    electron: float
    photon_min: float
    mass_min: float
    strength: float
    largest: float


@njit(cache=True)
def pair_rate(mass: float, lepton: float) -> float:
    """Cross section of a lepton pair of the given mass, up to a constant."""
    square = 1.0 - 4.0 * lepton * lepton / (mass * mass)
    return math.sqrt(square) * (3.0 - square) / (mass * mass) if square > 0.0 else 0.0


@njit(cache=True)
def emit_photons(rng: np.random.Generator, mass: float, beams: Beams, photons: Array,
                 masses: Array) -> tuple[int, float]:
    """Number of photons that leave the beams and the mass that remains, without regard to what follows.

    ``photons`` (rows E, px, py, pz) and ``masses`` (before each photon) are filled; each photon is in the rest frame
    that is left by those before it, with z along the electron.
    """
    gamma = 0.5 * mass / beams.electron
    beta = math.sqrt(1.0 - 1.0 / (gamma * gamma))
    reach = math.log((1.0 + beta) * gamma)  # artanh(beta)
    rate = 4.0 * beams.strength * reach / beta
    n, current, energy = 0, mass, 0.5 * mass
    while n < len(photons):
        energy *= math.exp(-rng.standard_exponential() / rate)
        if energy < beams.photon_min:
            break
        x = 2.0 * energy / current
        if x >= 1.0 - (beams.mass_min / current) ** 2:
            continue
        slope = math.tanh(reach * (2.0 * rng.random() - 1.0))
        cosine, left = slope / beta, 1.0 - slope * slope
        sine2 = max(1.0 - cosine * cosine, 0.0)
        if rng.random() >= (1.0 - x) * beta * beta * sine2 / left + 0.5 * x * x * (1.0 - 0.5 * left):
            continue
        phi, sine = 2.0 * math.pi * rng.random(), math.sqrt(sine2)
        out = photons[n]
        out[0], out[1], out[2] = energy, energy * sine * math.cos(phi), energy * sine * math.sin(phi)
        out[3], masses[n] = energy * cosine, current
        current = math.sqrt(current * (current - 2.0 * energy))
        n += 1
    return n, current


@njit(cache=True)
def radiate_beams(rng: np.random.Generator, mass: float, lepton: float, beams: Beams, photons: Array,
                  masses: Array) -> tuple[int, float]:
    """Number of initial photons and the mass that remains; ``photons`` and the masses before each are filled."""
    while True:
        n, current = emit_photons(rng, mass, beams, photons, masses)
        if rng.random() * beams.largest < pair_rate(current, lepton):
            return n, current


@njit(cache=True)
def pair_axes(rng: np.random.Generator, inverse: float, axes: Array) -> float:
    """Cosine of the tau- to the beam; ``axes`` (3, 3) holds its x, y, z axes, the beam in the x-z plane.

    ``inverse`` is 1 / gamma^2 of the taus.
    """
    while True:
        c = 2.0 * rng.random() - 1.0
        if 2.0 * rng.random() < 1.0 + c * c + (1.0 - c * c) * inverse:
            break
    s, phi = math.sqrt(1.0 - c * c), 2.0 * math.pi * rng.random()
    a, b = math.cos(phi), math.sin(phi)
    axes[0, 0], axes[0, 1], axes[0, 2] = -c * a, -c * b, s
    axes[1, 0], axes[1, 1], axes[1, 2] = b, -a, 0.0
    axes[2, 0], axes[2, 1], axes[2, 2] = s * a, s * b, c
    return c


@njit(cache=True)
def spin_of_partner(c: float, inverse: float, h: Array) -> tuple[float, float, float]:
    """Polarisation of the tau+ when the tau- has decayed with the polarimeter ``h``; both in the axes of the tau-."""
    s2 = 1.0 - c * c
    total, root = 1.0 + c * c + s2 * inverse, math.sqrt(inverse)
    mixed = 2.0 * c * math.sqrt(s2) * root
    return ((s2 * (1.0 + inverse) * h[0] + mixed * h[2]) / total, -s2 * (1.0 - inverse) * h[1] / total,
            (mixed * h[0] + (1.0 + c * c - s2 * inverse) * h[2]) / total)
