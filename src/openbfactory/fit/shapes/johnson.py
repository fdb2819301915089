"""Johnson S_U: a Gaussian seen through arsinh, for peaks with tails and skew.

    f(x) = delta / (lambda sqrt(2 pi) sqrt(1 + z^2)) exp(-(gamma + delta arsinh z)^2 / 2),   z = (x - xi) / lambda

normalised between two limits (N. Johnson, Biometrika 36 (1949) 149).

Validity: lambda, delta > 0.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from openbfactory.fit.specification import FloatArray

PARAMETERS = ("xi", "lambda", "gamma", "delta")


def johnson_su(x: FloatArray, low: float, high: float, xi: float, lam: float, gamma: float, delta: float) -> FloatArray:
    """Density between ``low`` and ``high``, shape of ``x``."""
    z = (x - xi) / lam
    ends = gamma + delta * np.arcsinh((np.array([low, high]) - xi) / lam)
    norm = float(np.diff(ndtr(ends))[0])
    core = np.exp(-0.5 * (gamma + delta * np.arcsinh(z)) ** 2)
    density: FloatArray = delta / (lam * math.sqrt(2 * math.pi) * norm) * core / np.sqrt(1 + z * z)
    return density
