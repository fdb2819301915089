"""Crystal Ball with a power-law tail on both sides: a Gaussian core, tails from a_left and a_right sigma.

    f = exp(-z^2 / 2)                              for -a_l < z < a_r,  z = (x - mean) / sigma
    f = exp(-a^2 / 2) (1 + a (|z| - a) / n)^-n      beyond, a and n those of the side

normalised between two limits (J. Gaiser, SLAC-R-255 (1982), appendix F; both sides
as usual).  The function and its slope are continuous.

Validity: sigma, a > 0, n > 0 (n near 1 is treated as 1).
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.fit.specification import FloatArray

PARAMETERS = ("mean", "sigma", "a_left", "n_left", "a_right", "n_right")


def double_crystal_ball(x: FloatArray, low: float, high: float, mean: float, sigma: float, a_left: float,
                        n_left: float, a_right: float, n_right: float) -> FloatArray:
    """Density between ``low`` and ``high``, shape of ``x``."""
    z = (x - mean) / sigma
    a, n = np.where(z < 0, a_left, a_right), np.where(z < 0, n_left, n_right)
    beyond = np.maximum(np.abs(z) - a, 0.0)
    log = np.where(beyond > 0, -0.5 * a * a - n * np.log1p(a * beyond / n), -0.5 * z * z)
    norm = _half((high - mean) / sigma, (a_left, n_left), (a_right, n_right)) - _half(
        (low - mean) / sigma, (a_left, n_left), (a_right, n_right))
    density: FloatArray = np.exp(log) / (sigma * norm)
    return density


def _half(z: float, left: tuple[float, float], right: tuple[float, float]) -> float:
    """Integral of the form from 0 to z, in units of sigma."""
    a, n = left if z < 0 else right
    core = math.sqrt(math.pi / 2) * math.erf(min(abs(z), a) / math.sqrt(2))
    if abs(z) > a:
        y = math.log1p(a * (abs(z) - a) / n)
        power = 1 - n
        tail = math.expm1(power * y) / power if abs(power) > 1e-9 else y
        core += math.exp(-0.5 * a * a) * n / a * tail
    return math.copysign(core, z)
