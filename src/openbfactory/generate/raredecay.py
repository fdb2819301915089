"""Decays of a pseudoscalar to a meson and a pair of charged leptons: momenta, and amplitudes for what decays next.

Method: q2 is drawn from A + B / q2 (the second term follows the photon pole), the lepton angle uniformly; both are
accepted with the rate of :func:`openbfactory.physics.btosll.rare_weight`.  A and B are found on a grid of q2 and of the
mass of a broad meson.  The angle is that of the negative lepton for a meson with a b quark, else of the positive one;
the decays of anti-b are those of b with all helicities turned.

Spin: helicity amplitudes of the pair, with theta the lepton angle, beta the speed and L the vector current of
helicity l = +, -, 0::

    (+ -)  -sqrt(2 q2) d^1_(l,1) (H^V_l + beta H^A_l),      (+ +)   2 m (d^1_(l,0) H^V_l + H^A_t),
    (- +)   sqrt(2 q2) d^1_(l,-1) (H^V_l - beta H^A_l),     (- -)  -2 m (d^1_(l,0) H^V_l - H^A_t),

H^A_t for l = 0 only (axes of the second lepton are those of the first turned by pi about y).  With a vector meson its
states are kept and the four of the leptons are summed; with a pseudoscalar those of both leptons are kept.

Approximation: taus beside a vector meson decay unpolarised.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.pairframe import lepton_axes, meson_axes, pair_frame
from openbfactory.generate.semileptonic import MASSES, SAFETY, bound_at, place_leptons
from openbfactory.generate.spin import SpinWork, fill_wigner
from openbfactory.kinematics.phasespace import two_body_momentum
from openbfactory.physics.btosll import AMPLITUDES, rare_amplitudes, rare_weight

#: q2 up to which the photon pole may set the envelope [GeV^2]
_POLE_REGION: Final = 0.1
#: grid points of q2 for the envelope, logarithmic and linear
_POINTS: Final = 60


@njit(cache=True)
def _peak(a: Array, mother: float, daughter: float, lepton: float, q2: float, h: Array) -> float:
    """Largest rate at one q2 over the lepton angle."""
    p = two_body_momentum(mother, daughter, math.sqrt(q2))
    rare_amplitudes(a, mother, daughter, q2, p, h)
    largest = 0.0
    for j in range(21):
        largest = max(largest, rare_weight(h, q2, lepton, p, -1.0 + 0.1 * j))
    return largest


@njit(cache=True)
def envelope(a: Array, mother: float, daughter: float, lepton: float) -> tuple[float, float]:
    """Numbers A and B of the envelope A + B / q2 of the rate; zeros for a closed decay."""
    low, high = 4.0 * lepton * lepton, (mother - daughter) ** 2
    if high <= low or daughter <= 0.0:
        return 0.0, 0.0
    flat, pole, h = 0.0, 0.0, np.empty(AMPLITUDES)
    if low < _POLE_REGION:
        for i in range(_POINTS):
            q2 = low * (_POLE_REGION / low) ** ((i + 0.5) / _POINTS)
            pole = max(pole, q2 * _peak(a, mother, daughter, lepton, q2, h))
    for i in range(4 * _POINTS):
        q2 = low + (high - low) * (i + 0.5) / (4 * _POINTS)
        flat = max(flat, _peak(a, mother, daughter, lepton, q2, h) - pole / q2)
    return SAFETY * flat, SAFETY * pole


def envelopes(a: Array, mother: float, low: float, high: float, lepton: float) -> Array:
    """A (MASSES,) and then B (MASSES,) of :func:`envelope` at equidistant masses of the meson."""
    masses = [low] if low == high else np.linspace(low, high, MASSES).tolist()
    found = np.array([envelope(a, mother, m, lepton) for m in masses])
    return np.concatenate([np.resize(found[:, k], MASSES) for k in range(2)])


@njit(cache=True)
def sort_pair(table: TableArrays, daughters: Array, species: int, order: Array) -> None:
    """Fill ``order`` with the positions of the meson, of the lepton whose angle counts, and of the other.

    The lepton that counts is the particle for a meson with a b quark (negative code), else the antiparticle.
    """
    for i in range(3):
        code = table.pdg[daughters[i]]
        if abs(code) > 16:
            order[0] = i
        elif (code > 0) == (table.pdg[species] < 0):
            order[1] = i
        else:
            order[2] = i


@njit(cache=True)
def meson_pair(rng: np.random.Generator, a: Array, bounds: Array, low: float, high: float, mass: float, masses: Array,
               order: Array, h: Array, momenta: Array) -> int:
    """Fill ``momenta`` of a decay to (meson, lepton, lepton) = ``order``; ``h`` gets the amplitudes.

    ``low``, ``high`` is the window of the mass of the meson.  Returns how many weights were above the envelope.
    """
    meson, lepton = order[0], masses[order[1]]
    flat = bound_at(bounds[:MASSES], masses[meson], low, high)
    pole = bound_at(bounds[MASSES:2 * MASSES], masses[meson], low, high)
    least, largest = 4.0 * lepton * lepton, (mass - masses[meson]) ** 2
    ratio = math.log(largest / least)
    share = flat * (largest - least) / (flat * (largest - least) + pole * ratio)
    excess = 0
    while True:
        if rng.random() < share:
            q2 = least + (largest - least) * rng.random()
        else:
            q2 = least * math.exp(ratio * rng.random())
        cosine = 2.0 * rng.random() - 1.0
        p = two_body_momentum(mass, masses[meson], math.sqrt(q2))
        rare_amplitudes(a, mass, masses[meson], q2, p, h)
        weight, bound = rare_weight(h, q2, lepton, p, cosine), flat + pole / q2
        if weight > bound:
            excess += 1
        if rng.random() * bound <= weight:
            break
    place_leptons(rng, mass, math.sqrt(q2), masses, order, cosine, momenta)
    return excess


@njit(cache=True)
def pair_amplitudes(h: Array, cosine: float, speed: float, q: float, lepton: float, flip: bool, out: Array) -> None:
    """Fill ``out`` (3, 2, 2): meson helicity from +1 down, helicities of the two leptons from +1/2 down."""
    wigner = np.empty((5, 5))
    fill_wigner(2, cosine, wigner)
    size = math.sqrt(2.0) * q
    for k in range(3):
        helicity = 1 - k
        i = (0, 2, 1)[k]
        vector, axial = complex(h[2 * i], h[2 * i + 1]), speed * h[6 + i]
        scalar = h[9] if helicity == 0 else 0.0
        opposite = -size * wigner[k, 0] * (vector + axial), size * wigner[k, 2] * (vector - axial)
        same = 2.0 * lepton * (wigner[k, 1] * vector + scalar), -2.0 * lepton * (wigner[k, 1] * vector - scalar)
        if flip:
            sign = -1.0 if helicity == 0 else 1.0
            out[2 - k, 1, 0], out[2 - k, 0, 1] = -sign * opposite[0], -sign * opposite[1]
            out[2 - k, 1, 1], out[2 - k, 0, 0] = sign * same[0], sign * same[1]
        else:
            out[k, 0, 1], out[k, 1, 0], out[k, 0, 0], out[k, 1, 1] = opposite[0], opposite[1], same[0], same[1]


@njit(cache=True)
def meson_pair_node(spin: SpinWork, order: Array, h: Array, flip: bool, states: int, masses: Array,
                    momenta: Array) -> None:
    """Fill the node of a decay to a meson of 2J + 1 ``states`` and two leptons; ``flip``: anti-b decays."""
    n = spin.top[0]
    axes, amplitude = np.empty((3, 3)), np.empty((3, 2, 2), np.complex128)
    e, k, lepton = momenta[order[1]], momenta[order[2]], masses[order[1]]
    cosine, q = pair_frame(e, k, axes)
    if q <= 0.0:
        return
    speed = math.sqrt(max(1.0 - 4.0 * lepton * lepton / (q * q), 0.0))
    pair_amplitudes(h, cosine, speed, q, lepton, flip, amplitude)
    if states == 3:
        # the leptons are not followed: their four states are summed
        meson_axes(axes, spin.axes[n, 0])
        for i in range(3):
            for j in range(4):
                spin.amplitude[n, 0, i, j] = amplitude[i, j // 2, j % 2]
        spin.position[n, 0], spin.dims[n, 1], spin.dims[n, 2] = order[0], 3, 4
        return
    for i in range(2):
        for j in range(2):
            spin.amplitude[n, 0, i, j] = amplitude[1, i, j]
    for slot in range(2):
        lepton_axes(axes, cosine, q, e, k, lepton, slot == 1, spin.axes[n, slot])
        spin.position[n, slot], spin.dims[n, slot + 1] = order[1 + slot], 2
