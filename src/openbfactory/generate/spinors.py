"""Dirac spinors and their products for tree-level amplitudes, as kernels.

Convention: chiral representation, spinor = (left 2, right 2), metric (+, -, -, -); spin states are quantised along z in
the rest frame.  u = (sqrt(p.sigma) xi, sqrt(p.sigmabar) xi), v = (sqrt(p.sigma) eta, -sqrt(p.sigmabar) eta)
(M. E. Peskin, D. V. Schroeder, An Introduction to Quantum Field Theory, equations 3.50 and 3.62).
"""

from __future__ import annotations

import math

from numba import njit

from openbfactory.generate.columns import Array


@njit(cache=True)
def spinor(p: Array, mass: float, state: int, sign: float, out: Array) -> None:
    """Write u (``sign`` +1) or v (-1) of a particle with momentum ``p`` (4,) and spin state 0 or 1."""
    norm = 1.0 / math.sqrt(2.0 * (p[0] + mass))
    diagonal, z = p[0] + mass, p[3]
    t = complex(p[1], p[2])
    if state == 0:
        out[0], out[1] = norm * (diagonal - z), -norm * t
        out[2], out[3] = sign * norm * (diagonal + z), sign * norm * t
    else:
        out[0], out[1] = -norm * t.conjugate(), norm * (diagonal + z)
        out[2], out[3] = sign * norm * t.conjugate(), sign * norm * (diagonal - z)


@njit(cache=True)
def slashed(p: Array, mass: float, a: Array, out: Array) -> None:
    """Write (p-slash + ``mass``) a for a four-vector ``p`` (4,), real or complex."""
    minus, plus = p[0] - p[3], p[0] + p[3]
    t, tbar = p[1] + 1j * p[2], p[1] - 1j * p[2]
    a0, a1, a2, a3 = a[0], a[1], a[2], a[3]
    out[0] = minus * a2 - tbar * a3 + mass * a0
    out[1] = -t * a2 + plus * a3 + mass * a1
    out[2] = plus * a0 + tbar * a1 + mass * a2
    out[3] = t * a0 + minus * a1 + mass * a3


@njit(cache=True)
def current(a: Array, b: Array, out: Array) -> None:
    """Write the four components of a-bar gamma^mu b."""
    l00, l01, l10, l11 = (a[0].conjugate() * b[0], a[0].conjugate() * b[1], a[1].conjugate() * b[0],
                          a[1].conjugate() * b[1])
    r00, r01, r10, r11 = (a[2].conjugate() * b[2], a[2].conjugate() * b[3], a[3].conjugate() * b[2],
                          a[3].conjugate() * b[3])
    out[0] = l00 + l11 + r00 + r11
    out[1] = r01 + r10 - l01 - l10
    out[2] = 1j * (r10 - r01 - l10 + l01)
    out[3] = r00 - r11 - l00 + l11
