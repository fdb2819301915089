"""e+e- -> l+ l- L+ L- through virtual photons at tree level, for leptons other than electrons: amplitudes.

Formula: with the currents J1, J2 of the pairs (momenta q1, q2) and E of the beams, three gauge-invariant sets of two
diagrams each,

    M = E.(current of the first pair with J2 radiated by either lepton) / (s q2^2)
      + E.(current of the second pair with J1 radiated by either lepton) / (s q1^2)
      + vbar [ J2 (p - q1) J1 / (p - q1)^2 + J1 (p - q2) J2 / (p - q2)^2 ] u / (q1^2 q2^2),

slashes left out, p the electron, massless.  Two equal pairs are antisymmetrised in the two l-.  Every spin state is
summed: <|M|^2> = e^8 / 4 sum |M|^2.

Approximation: no Z, no radiation from the final leptons here, coupling at zero momentum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.spinors import current, slashed, spinor


class Scratch(NamedTuple):
    """Work space: spinors, currents, beams, momenta, vectors, leptons with the two l- exchanged, amplitudes of both."""

    s: Array
    j: Array
    e: Array
    p: Array
    v: Array
    k: Array
    amplitude: Array
    exchanged: Array


def scratch() -> Scratch:
    """Empty work space."""
    return Scratch(np.zeros((24, 4), np.complex128), np.zeros((2, 4, 4), np.complex128),
                   np.zeros((2, 4), np.complex128), np.zeros((5, 4)), np.zeros((4, 4), np.complex128),
                   np.zeros((4, 4)), *(np.zeros((2, 2, 2, 2, 2), np.complex128) for _ in range(2)))


@njit(cache=True)
def dot(a: Array, b: Array) -> float:
    """Product of real four-vectors."""
    return float(a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3])


@njit(cache=True)
def _radiated(first: int, k: Array, masses: Array, total: float, q2: float, sign: float, w: Scratch) -> None:
    """Add the set where the pair ``first`` radiates the current of the other pair."""
    other = 1 - first
    m, s = masses[first], w.s
    q = w.p[3 + other]
    for i in range(4):
        w.p[0, i], w.p[1, i] = k[2 * first, i] + q[i], -k[2 * first + 1, i] - q[i]
    d1, d2 = dot(w.p[0], w.p[0]) - m * m, dot(w.p[1], w.p[1]) - m * m
    u, v = 4 * first, 4 * first + 2
    for f in range(4):
        j = w.j[other, f]
        for i in range(4):
            w.v[0, i] = j[i].conjugate()
        for state in range(2):
            slashed(w.v[0], 0.0, s[u + state], s[16])
            slashed(w.p[0], m, s[16], s[17 + state])
            slashed(j, 0.0, s[v + state], s[16])
            slashed(w.p[1], m, s[16], s[19 + state])
        for a in range(2):
            for b in range(2):
                current(s[17 + a], s[v + b], w.v[1])
                current(s[u + a], s[19 + b], w.v[2])
                for i in range(4):
                    w.v[1, i] = w.v[1, i] / d1 + w.v[2, i] / d2
                for h in range(2):
                    # E has no time and no z component
                    value = -sign * (w.e[h, 1] * w.v[1, 1] + w.e[h, 2] * w.v[1, 2]) / (total * total * q2)
                    if first == 0:
                        w.amplitude[h, a, b, f // 2, f % 2] += value
                    else:
                        w.amplitude[h, f // 2, f % 2, a, b] += value


@njit(cache=True)
def _converted(total: float, square1: float, square2: float, sign: float, w: Scratch) -> None:
    """Add the set where the beams turn into two virtual photons."""
    s, half = w.s, 0.5 * total
    for i in range(4):
        beam = half if i == 0 or i == 3 else 0.0
        w.p[0, i], w.p[1, i] = beam - w.p[3, i], beam - w.p[4, i]
    t1, t2 = dot(w.p[0], w.p[0]) * square1 * square2, dot(w.p[1], w.p[1]) * square1 * square2
    for h in range(2):
        v = s[11 - h]
        for one in range(4):
            slashed(w.j[0, one], 0.0, s[8 + h], s[16])
            slashed(w.p[0], 0.0, s[16], s[17])
            for two in range(4):
                slashed(w.j[1, two], 0.0, s[17], s[18])
                slashed(w.j[1, two], 0.0, s[8 + h], s[16])
                slashed(w.p[1], 0.0, s[16], s[19])
                slashed(w.j[0, one], 0.0, s[19], s[20])
                value = 0.0j
                for i in range(4):
                    c = v[(i + 2) % 4].conjugate()
                    value += c * (s[18, i] / t1 + s[20, i] / t2)
                w.amplitude[h, one // 2, one % 2, two // 2, two % 2] += sign * value


@njit(cache=True)
def add_amplitudes(k: Array, masses: Array, total: float, sign: float, sets: int, w: Scratch) -> None:
    """Add ``sign`` times the amplitudes for momenta (4, 4) of l-, l+, L-, L+ in the c.m. frame to ``w.amplitude``.

    ``sets`` is a sum of 1 (first pair radiates), 2 (second pair radiates), 4 (beams convert).
    """
    s, half = w.s, 0.5 * total
    for pair in range(2):
        for i in range(4):
            w.p[3 + pair, i] = k[2 * pair, i] + k[2 * pair + 1, i]
        for state in range(2):
            spinor(k[2 * pair], masses[pair], state, 1.0, s[4 * pair + state])
            spinor(k[2 * pair + 1], masses[pair], state, -1.0, s[4 * pair + 2 + state])
        for f in range(4):
            current(s[4 * pair + f // 2], s[4 * pair + 2 + f % 2], w.j[pair, f])
    for i in range(4):
        w.p[0, i] = half if i == 0 or i == 3 else 0.0
        w.p[1, i] = half if i == 0 else (-half if i == 3 else 0.0)
    for h in range(2):
        spinor(w.p[0], 0.0, h, 1.0, s[8 + h])
        spinor(w.p[1], 0.0, h, -1.0, s[10 + h])
    for h in range(2):
        current(s[11 - h], s[8 + h], w.e[h])
    square1, square2 = dot(w.p[3], w.p[3]), dot(w.p[4], w.p[4])
    if sets & 1:
        _radiated(0, k, masses, total, square2, sign, w)
    if sets & 2:
        _radiated(1, k, masses, total, square1, sign, w)
    if sets & 4:
        _converted(total, square1, square2, sign, w)


@njit(cache=True)
def squared(k: Array, masses: Array, total: float, equal: bool, sets: int, w: Scratch) -> float:
    """Sum of |M|^2 over all spin states, couplings left out; over four where both pairs are equal."""
    _clear(w.amplitude)
    add_amplitudes(k, masses, total, 1.0, sets, w)
    if not equal:
        return _sum(w.amplitude, w.amplitude, 0.0)
    for i in range(4):
        w.k[0, i], w.k[1, i], w.k[2, i], w.k[3, i] = k[2, i], k[1, i], k[0, i], k[3, i]
    swapped = Scratch(w.s, w.j, w.e, w.p, w.v, w.k, w.exchanged, w.amplitude)
    _clear(w.exchanged)
    add_amplitudes(w.k, masses, total, -1.0, sets, swapped)
    return 0.25 * _sum(w.amplitude, w.exchanged, 1.0)


@njit(cache=True)
def _clear(amplitude: Array) -> None:
    """Set all amplitudes to zero."""
    for h in range(2):
        for f in range(16):
            amplitude[h, f // 8, f // 4 % 2, f // 2 % 2, f % 2] = 0.0


@njit(cache=True)
def _sum(direct: Array, exchanged: Array, share: float) -> float:
    """Sum of the squares of direct amplitudes plus ``share`` times those with the states of the two l- exchanged."""
    total = 0.0
    for h in range(2):
        for f in range(16):
            a, b, c, d = f // 8, f // 4 % 2, f // 2 % 2, f % 2
            z = direct[h, a, b, c, d] + share * exchanged[h, c, b, a, d]
            total += z.real * z.real + z.imag * z.imag
    return total
