"""ARGUS function: combinatorial background of the beam-constrained mass up to the beam energy.

    f(m) = m sqrt(y) exp(c y),   y = 1 - (m / m0)^2,   0 above m0

normalised between two limits (H. Albrecht et al. (ARGUS), PL B 241 (1990) 278).
m and m0 in GeV; c is negative for a background that rises less than phase space.

Validity: power 1/2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import dawsn

from openbfactory.fit.specification import FloatArray

PARAMETERS = ("m0", "c")


def argus(mass: FloatArray, low: float, high: float, m0: float, c: float) -> FloatArray:
    """Density between ``low`` and ``high``, shape of ``mass``."""
    y = np.maximum(1 - (mass / m0) ** 2, 0.0)
    ends = [max(1 - (v / m0) ** 2, 0.0) for v in (high, low)]
    norm = 0.5 * m0 * m0 * (_integral(ends[1], c) - _integral(ends[0], c))
    density: FloatArray = mass * np.sqrt(y) * np.exp(c * y) / norm
    return density


def _integral(y: float, c: float) -> float:
    """Integral of sqrt(y) exp(c y) from 0 to y."""
    root = math.sqrt(y)
    if abs(c * y) < 1e-2:  # series: the closed form cancels
        return y * root * sum((c * y) ** k / math.factorial(k) / (k + 1.5) for k in range(7))
    if c < 0:
        k = math.sqrt(-c)
        return root * math.exp(c * y) / c - math.sqrt(math.pi) / (2 * c * k) * math.erf(k * root)
    k = math.sqrt(c)
    return math.exp(c * y) * (root / c - float(dawsn(k * root)) / (c * k))
