"""Matrix elements of e+e- -> gamma* -> mu+ mu- X, X radiated by either muon, at tree level.

Formula: with M^i (i = x, y) the amplitude of the virtual photon with polarisation i, the electron flying along z in the
c.m. frame and massless,

    <|M|^2> = e^4 / (2 s) sum_spins (|M^x|^2 + |M^y|^2),
    M^mu = ubar(k1) [ G (k1 + q + m) gamma^mu / (2 k1.q + M^2) + gamma^mu (m - k2 - q) G / (2 k2.q + M^2) ] v(k2),

slashes left out; G = 1 for a scalar, i gamma5 for a pseudoscalar (an axion-like particle with derivative couplings
gives the same), the polarisation slash(eps*) for a vector.  The coupling is one.

Approximation: the photon alone; the electron does not couple to X; no radiation from the muons here.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.spinors import current, slashed, spinor
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import two_body_momentum

#: kinds of X
SCALAR: Final = 0
PSEUDOSCALAR: Final = 1
VECTOR: Final = 2


class Scratch(NamedTuple):
    """Work space of one event: momenta (4, 4), spinors (10, 4), polarisations (3, 4), currents (2, 4)."""

    p: Array
    s: Array
    eps: Array
    j: Array


def scratch() -> Scratch:
    """Empty work space."""
    return Scratch(np.empty((4, 4)), np.empty((10, 4), np.complex128), np.zeros((3, 4), np.complex128),
                   np.empty((2, 4), np.complex128))


@njit(cache=True)
def polarisations(q: Array, mass: float, eps: Array) -> None:
    """Write three real polarisation vectors of a massive vector: the axes of its rest frame, boosted."""
    for i in range(3):
        for k in range(4):
            eps[i, k] = 0.0
        factor = q[i + 1] / mass
        eps[i, 0] = factor
        for k in range(3):
            eps[i, k + 1] = factor * q[k + 1] / (q[0] + mass)
        eps[i, i + 1] += 1.0


@njit(cache=True)
def vertex(kind: int, eps: Array, a: Array, sign: float, out: Array) -> None:
    """Write G a; ``sign`` -1 gives the conjugated vertex gamma0 G^dagger gamma0 on a (for real polarisations)."""
    if kind == SCALAR:
        for k in range(4):
            out[k] = a[k]
    elif kind == PSEUDOSCALAR:
        # gamma0 (i gamma5)^dagger gamma0 is i gamma5 again
        for k in range(2):
            out[k], out[k + 2] = -1j * a[k], 1j * a[k + 2]
    else:
        slashed(eps, 0.0, a, out)


@njit(cache=True)
def squared(k1: Array, k2: Array, q: Array, muon: float, mass: float, kind: int, w: Scratch) -> float:
    """sum_spins |M^x|^2 + |M^y|^2 for momenta (4,) of mu-, mu+ and X in the c.m. frame, coupling one [GeV^0]."""
    one = 2.0 * (k1[0] * q[0] - k1[1] * q[1] - k1[2] * q[2] - k1[3] * q[3]) + mass * mass
    two = 2.0 * (k2[0] * q[0] - k2[1] * q[1] - k2[2] * q[2] - k2[3] * q[3]) + mass * mass
    for k in range(4):
        w.p[0, k], w.p[1, k] = k1[k] + q[k], -k2[k] - q[k]
    for state in range(2):
        spinor(k1, muon, state, 1.0, w.s[state])
        spinor(k2, muon, state, -1.0, w.s[2 + state])
    total, count = 0.0, 1
    if kind == VECTOR:
        polarisations(q, mass, w.eps)
        count = 3
    for i in range(count):
        for state in range(2):
            vertex(kind, w.eps[i], w.s[state], -1.0, w.s[8])
            slashed(w.p[0], muon, w.s[8], w.s[4 + state])
            vertex(kind, w.eps[i], w.s[2 + state], 1.0, w.s[8])
            slashed(w.p[1], muon, w.s[8], w.s[6 + state])
        for a in range(2):
            for b in range(2):
                current(w.s[4 + a], w.s[2 + b], w.j[0])
                current(w.s[a], w.s[6 + b], w.j[1])
                for k in range(1, 3):
                    value = w.j[0, k] / one + w.j[1, k] / two
                    total += value.real * value.real + value.imag * value.imag
    return total


@njit(cache=True)
def _flat(rng: np.random.Generator, p: float, out: Array, energy: float) -> None:
    """Write a momentum of size ``p`` in a random direction."""
    z, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    s = math.sqrt(1.0 - z * z)
    out[0], out[1], out[2], out[3] = energy, p * s * math.cos(phi), p * s * math.sin(phi), p * z


@njit(cache=True)
def density(square: float, total: float, muon: float, mass: float) -> float:
    """Density in three-body phase space of the channel that draws the mass of mu X from 1 / (square - m^2)."""
    low, high = (muon + mass) ** 2 - muon * muon, (total - muon) ** 2 - muon * muon
    pair = math.sqrt(square)
    outer, inner = two_body_momentum(total, pair, muon), two_body_momentum(pair, muon, mass)
    volume = outer / (4.0 * math.pi * total) * inner / (4.0 * math.pi * pair) / (2.0 * math.pi)
    return 1.0 / ((square - muon * muon) * math.log(high / low) * volume) if volume > 0.0 else math.inf


@njit(cache=True)
def propose(rng: np.random.Generator, total: float, muon: float, mass: float, out: Array) -> float:
    """Fill ``out`` (3, 4) with mu-, mu+, X in the c.m. frame; the inverse of the density in phase space."""
    low, high = (muon + mass) ** 2 - muon * muon, (total - muon) ** 2 - muon * muon
    if total <= 2.0 * muon + mass:
        return 0.0
    square = muon * muon + low * math.exp(math.log(high / low) * rng.random())
    pair = math.sqrt(square)
    first = 0 if rng.random() < 0.5 else 1
    p = two_body_momentum(total, pair, muon)
    other = out[1 - first]
    _flat(rng, p, other, math.sqrt(p * p + muon * muon))
    p = two_body_momentum(pair, muon, mass)
    _flat(rng, p, out[first], math.sqrt(p * p + muon * muon))
    energy = math.sqrt(p * p + mass * mass)
    x, y, z = -out[first, 1], -out[first, 2], -out[first, 3]
    e0 = total - other[0]
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = boost_from_rest(energy, x, y, z, e0, -other[1], -other[2], -other[3],
                                                                 pair)
    for k in range(4):
        out[first, k] = (total if k == 0 else 0.0) - other[k] - out[2, k]
    second = total * total - 2.0 * total * out[first, 0] + muon * muon
    return 2.0 / (density(square, total, muon, mass) + density(second, total, muon, mass))
