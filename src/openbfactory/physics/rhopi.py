"""B0 and anti-B0 -> pi+ pi- pi0 through rho+ pi-, rho- pi+ and rho0 pi0, with the interference of the three.

Method: A. Snyder, H. Quinn, Phys. Rev. D 48 (1993) 2139, with trees T exp(-i alpha) and penguins P from isospin::

    A = a3 f+ + a4 f- + a5 f0 / 2,  a3 = T+- + P1 + P0,  a4 = T-+ - P1 + P0,  a5 = T+0 + T0+ - T+- - T-+ - 2 P0,

P1, P0 = (P+- -+ P-+) / 2.  The amplitude of anti-B0 has f+ and f- exchanged and exp(+i alpha); it contains q/p.
f+ belongs to (pi+ pi0), f- to (pi0 pi-), f0 to (pi+ pi-): the cosine of the first to the third pion in the frame of
the pair, times a sum of relativistic Breit-Wigner shapes m_R^2 / (m_R^2 - s - i sqrt(s) Gamma(s)) of rho(770),
rho(1450) and rho(1700), Gamma(s) = Gamma (m_R^2 / s) ((s - 4 m^2) / (m_R^2 - 4 m^2))^(3/2).  The numbers are data
(rhopi.yaml).

Left out: electroweak penguins, f_0 and non-resonant parts.
"""

from __future__ import annotations

import cmath
import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from numba import njit

from openbfactory.physics.particles import DATA, species

Array = npt.NDArray[Any]

#: complex coefficients of f+, f- and f0 for B0, then for anti-B0, as pairs of reals; behind, (m^2, width, share) each
_COEFFICIENTS = 12
_RESONANCES = 3
_THRESHOLD = 4.0 * species("pi+").mass ** 2


@cache
def _numbers() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DATA / "rhopi.yaml").read_text(encoding="utf-8"))
    return document


def rhopi_terms(alpha: float) -> Array:
    """Numbers of the amplitudes, as :func:`rhopi_amplitudes` takes them, for an angle alpha [rad]."""
    numbers = _numbers()["amplitudes"]
    first, second = (cmath.rect(*numbers[k]) if numbers[k][0] > 0 else -cmath.rect(-numbers[k][0], numbers[k][1])
                     for k in ("penguin +-", "penguin -+"))
    odd, even = 0.5 * (first - second), 0.5 * (first + second)
    terms: list[float] = []
    for sign in (-1.0, 1.0):
        p0, z0, pm, mp = (numbers[f"tree {k}"] * cmath.exp(1j * sign * alpha) for k in ("+0", "0+", "+-", "-+"))
        one, two = pm + odd + even, mp - odd + even
        both = 0.5 * (p0 + z0 - pm - mp - 2.0 * even)
        for value in ((one, two, both) if sign < 0 else (two, one, both)):
            terms += [value.real, value.imag]
    total = sum(r[2] for k, r in _numbers()["resonances"].items() if k != "source")
    for name, values in _numbers()["resonances"].items():
        if name != "source":
            terms += [values[0] ** 2, values[1], values[2] / total]
    return np.array(terms, np.float64)


@njit(cache=True)
def _shape(a: Array, s: float) -> complex:
    """Sum of the resonances at the squared mass s."""
    total = complex(0.0, 0.0)
    if s <= _THRESHOLD:
        return total
    for k in range(_RESONANCES):
        pole, width = a[_COEFFICIENTS + 3 * k], a[_COEFFICIENTS + 3 * k + 1]
        running = width * pole / s * ((s - _THRESHOLD) / (pole - _THRESHOLD)) ** 1.5
        total += a[_COEFFICIENTS + 3 * k + 2] * pole / complex(pole - s, -math.sqrt(s) * running)
    return total


@njit(cache=True)
def _cosine(mother: float, first: float, second: float, third: float, s: float, other: float) -> float:
    """Cosine of the first to the third in the frame of (first, second), ``other`` the squared mass (first, third)."""
    root = math.sqrt(s)
    e1, e3 = (s + first * first - second * second) / (2.0 * root), (mother * mother - s - third * third) / (2.0 * root)
    p = math.sqrt(max((e1 * e1 - first * first) * (e3 * e3 - third * third), 1e-24))
    return (first * first + third * third + 2.0 * e1 * e3 - other) / (2.0 * p)


@njit(cache=True)
def rhopi_amplitudes(a: Array, mother: float, m: Array, s: Array) -> tuple[complex, complex]:
    """Amplitudes of B0 and of anti-B0 (with q/p) to (pi+, pi-, pi0) = (1, 2, 3).

    Parameters
    ----------
    a
        What :func:`rhopi_terms` returns.
    mother, m : (3,)
        Masses [GeV].
    s : (3,)
        Squared masses [GeV^2] of the pairs (2, 3), (3, 1), (1, 2).
    """
    plus = _shape(a, s[1]) * _cosine(mother, m[0], m[2], m[1], s[1], s[2])
    minus = _shape(a, s[0]) * _cosine(mother, m[2], m[1], m[0], s[0], s[1])
    zero = _shape(a, s[2]) * _cosine(mother, m[0], m[1], m[2], s[2], s[1])
    b0 = complex(a[0], a[1]) * plus + complex(a[2], a[3]) * minus + complex(a[4], a[5]) * zero
    anti = complex(a[6], a[7]) * plus + complex(a[8], a[9]) * minus + complex(a[10], a[11]) * zero
    return b0, anti


@njit(cache=True)
def rhopi_matrix(a: Array, mother: float, m: Array) -> tuple[float, complex]:
    """Share of |A|^2 in |A|^2 + |Abar|^2, and that of A conj(Abar), over the whole Dalitz plot (midpoint rule)."""
    s, points = np.empty(3), 400
    both, first, mixed = 0.0, 0.0, complex(0.0, 0.0)
    low, high = (m[0] + m[1]) ** 2, (mother - m[2]) ** 2
    for i in range(points):
        s[2] = low + (high - low) * (i + 0.5) / points
        root = math.sqrt(s[2])
        e1, e3 = (s[2] + m[0] ** 2 - m[1] ** 2) / (2.0 * root), (mother**2 - s[2] - m[2] ** 2) / (2.0 * root)
        p = math.sqrt(max((e1 * e1 - m[0] ** 2) * (e3 * e3 - m[2] ** 2), 0.0))
        for k in range(points):
            s[1] = m[0] ** 2 + m[2] ** 2 + 2.0 * e1 * e3 - 2.0 * p * (-1.0 + (2 * k + 1.0) / points)
            s[0] = mother**2 + m[0] ** 2 + m[1] ** 2 + m[2] ** 2 - s[1] - s[2]
            b0, anti = rhopi_amplitudes(a, mother, m, s)
            size = b0.real * b0.real + b0.imag * b0.imag
            first += p * size
            both += p * (size + anti.real * anti.real + anti.imag * anti.imag)
            mixed += p * b0 * np.conj(anti)
    return first / both, mixed / both
