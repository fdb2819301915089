"""Inclusive B -> X_u l nu: triple differential rate with Fermi motion (F. De Fazio, M. Neubert, JHEP 06 (1999) 017).

Method: with M = m_B - q_+ in place of the mass of the b quark, the variables are x = 2 E_l / M, z = 2 v . p and
p2 = p^2 / M^2 of the light quarks, and (hep-ph/9905351, eq. 2.6 and 3.1)::

    d3Gamma / dx dz dp2 = 12 Gamma_0 [ (2 - x - z)(x + z - 1 - p2) W_1 + (1 - z + p2) W_2
                                       + ((1 - x)(z + x - 1) - p2)(W_3 + 4 m_b (W_4 + m_b W_5)) ]

with W_i at order alpha_s.  The residual momentum k_+ = m_B - m_b - q_+ follows the exponential shape function
(1 - k)^a exp((1 + a) k), k = k_+ / (m_B - m_b), so that q_+ / (m_B - m_b) is a gamma variable of shape a + 1, mean 1.

Approximation: the part at p2 = 0 is spread over 1e-10 < p2 < 1e-5, and the plus distributions begin at the p2 where
the rate at p2 = 0 and z = 1 vanishes, as in EvtGen (EvtVub), so that all weights stay positive.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]

#: range of p2 that stands for p2 = 0
LOWEST: Final = 1e-10
EDGE: Final = 1e-5


@njit(cache=True)
def dilogarithm(x: float) -> float:
    """Li_2(x) for x <= 1 (series after the usual mappings; M. Abramowitz, I. Stegun, section 27.7)."""
    if x == 1.0:
        return math.pi**2 / 6.0
    if x < -1.0:
        return -dilogarithm(1.0 / x) - math.pi**2 / 6.0 - 0.5 * math.log(-x) ** 2
    if x < 0.0:
        return -dilogarithm(x / (x - 1.0)) - 0.5 * math.log(1.0 - x) ** 2
    if x > 0.5:
        return -dilogarithm(1.0 - x) + math.pi**2 / 6.0 - math.log(x) * math.log(1.0 - x)
    total, power = 0.0, 1.0
    for k in range(1, 60):
        power *= x
        total += power / (k * k)
        if power < 1e-17:
            break
    return total


@njit(cache=True)
def plus_edge(alpha_s: float) -> float:
    """Value of p2 where the plus distributions begin: there the coefficient of delta(p2) vanishes at z = 1."""
    if not alpha_s > 0.0:
        return 1.0
    square = 9.0 / 16.0 - 2.0 * math.pi**2 / 3.0 + 1.5 * math.pi / alpha_s
    return math.exp(-1.75 - math.sqrt(square)) if square > 0.0 else math.exp(-1.75)


@njit(cache=True)
def _at_zero(x: float, z: float, alpha_s: float, edge: float) -> float:
    """Coefficient of delta(p2)."""
    logarithm, ratio = math.log(z), math.log(edge)
    over = logarithm / (1.0 - z) if abs(1.0 - z) > 1e-12 else -1.0
    first = -(8.0 * logarithm**2 - 10.0 * logarithm + 2.0 * over + 4.0 * dilogarithm(1.0 - z)
              + 4.0 * math.pi**2 / 3.0 + 5.0) + (8.0 * logarithm - 7.0) * ratio - 2.0 * ratio * ratio
    strength = alpha_s / (3.0 * math.pi)
    return 12.0 * (z + x - 1.0) * ((2.0 - x - z) * (1.0 + strength * first) + (1.0 - x) * 2.0 * strength * over)


@njit(cache=True)
def _above_zero(x: float, z: float, p: float, alpha_s: float, edge: float) -> float:
    """Rate at p2 > 0; only the plus distributions are there where p2 is below the edge of the regular part."""
    strength = alpha_s / (3.0 * math.pi)
    one = ((8.0 * math.log(z) - 7.0) - 4.0 * math.log(p)) / p if p > edge else 0.0
    two = others = 0.0
    if p > EDGE:
        z2 = z * z
        t2 = max(1.0 - 4.0 * p / z2, 1e-300)
        t = math.sqrt(t2)
        ell = math.log((1.0 + t) / (1.0 - t)) / t if t > 1e-6 else 2.0
        common = (8.0 - z) * (2.0 - z) / (z2 * t2)
        one += 4.0 / p * (ell + math.log(p / z2)) + 1.0 - common + (0.5 * (2.0 - z) / z + 0.5 * common) * ell
        w = (32.0 - 8.0 * z + z2) / (4.0 * z * t2)
        two = 0.25 * (8.0 - z) + w - (z * t2 / 8.0 + 0.25 * (4.0 - z) + 0.5 * w) * ell
        t4 = t2 * t2
        three = ((z * t2 + 5.0 * (4.0 - z) - (64.0 + 56.0 * z - 7.0 * z2) / (z * t2) + 3.0 * (12.0 - z) / t4) / 16.0
                 * ell - (8.0 - 3.0 * z) / 8.0 + (32.0 + 22.0 * z - 3.0 * z2) / (4.0 * z * t2)
                 - 3.0 * (12.0 - z) / (8.0 * t4))
        four = (-(0.25 * (8.0 - 3.0 * z) - 0.5 * (22.0 - 3.0 * z) / t2 + 0.75 * (12.0 - z) / t4) / z * ell - 1.0
                - (32.0 - 5.0 * z) / (2.0 * z * t2) + 1.5 * (12.0 - z) / (z * t4))
        five = ((0.25 / z - 0.5 * (2.0 - z) / (z2 * t2) + 0.75 * (12.0 - z) / (z2 * t4)) * ell
                - 0.5 * (8.0 + z) / (z2 * t2) - 1.5 * (12.0 - z) / (z2 * t4))
        others = three + four + five
    xb = 1.0 - x
    return 12.0 * strength * ((1.0 + xb - z) * (z - xb - p) * one + (1.0 - z + p) * two
                              + (xb * (z - xb) - p) * others)


@njit(cache=True)
def charmless_rate(x: float, z: float, p: float, alpha_s: float, edge: float) -> float:
    """Triple differential rate over Gamma_0 (0 outside phase space).

    Parameters
    ----------
    x, z, p
        Scaled lepton energy, twice the scaled energy and scaled squared mass of the light quarks.
    alpha_s, edge
        Coupling and :func:`plus_edge`.
    """
    xb = 1.0 - x
    if x < 0.0 or x > 1.0 or z < xb or z > 1.0 + xb or p < max(0.0, z - 1.0) or p > xb * (z - xb):
        return 0.0
    if p < LOWEST:
        return 0.0
    if p < EDGE:
        return _at_zero(x, z, alpha_s, edge) / (EDGE - LOWEST) if z <= 1.0 else 0.0
    return _above_zero(x, z, p, alpha_s, edge)
