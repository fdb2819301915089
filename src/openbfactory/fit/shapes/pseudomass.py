"""Edge of the pseudomass of tau -> 3 pi nu: a smeared step, falling at the tau mass.

    form "quadratic":  F(M) = 1 - p3 arctan(d / p2) + p4 d + p5 d^2,           d = M - p1
    form "linear":     F(M) = 1 - (p3 + p4 d) arctan(d / p2) + p5 d

normalised between two limits.  The first is that of arXiv:2305.19116 (Belle II), the second that of K. Belous et al.
(Belle), PRL 99, 011801, where M stands in the place of d: the same family of curves with the same p1 and p2.  p1 is the
edge, p2 its width; p3 > 0 makes it fall.  M, p1, p2 in GeV.

Validity: empirical forms; where one turns negative there is no likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from openbfactory.fit.specification import FloatArray

PARAMETERS = ("p1", "p2", "p3", "p4", "p5")


def pseudomass_edge(mass: FloatArray, low: float, high: float, p1: float, p2: float, p3: float, p4: float,
                    p5: float) -> FloatArray:
    """Density of the pseudomass between ``low`` and ``high`` in the quadratic form, shape of ``mass``."""
    return _density(mass, (low, high), (p1, p2, p3), (0.0, p4, p5))


def pseudomass_edge_linear(mass: FloatArray, low: float, high: float, p1: float, p2: float, p3: float, p4: float,
                           p5: float) -> FloatArray:
    """Density of the pseudomass between ``low`` and ``high`` in the linear form, shape of ``mass``."""
    return _density(mass, (low, high), (p1, p2, p3), (p4, p5, 0.0))


#: densities by the name of their form
FORMS: dict[str, Callable[..., FloatArray]] = {"quadratic": pseudomass_edge, "linear": pseudomass_edge_linear}


def _density(mass: FloatArray, limits: tuple[float, float], step: tuple[float, float, float],
             rest: tuple[float, float, float]) -> FloatArray:
    """1 - (p3 + c d) arctan(d / p2) + a d + b d^2, normalised; ``step`` is p1, p2, p3 and ``rest`` c, a, b.

    Zero where the integral is not positive.
    """
    p1, p2, p3 = step
    c, a, b = rest
    area = _integral(limits[1] - p1, p2, p3, rest) - _integral(limits[0] - p1, p2, p3, rest)
    d = mass - p1
    value: FloatArray = 1 - (p3 + c * d) * np.arctan(d / p2) + a * d + b * d * d
    return value / area if area > 0 else np.zeros_like(value)


def _integral(d: float, p2: float, p3: float, rest: tuple[float, float, float]) -> float:
    """Integral of a form up to a distance ``d`` from the edge."""
    c, a, b = rest
    angle = math.atan(d / p2)
    step = d * angle - 0.5 * p2 * math.log1p((d / p2) ** 2)
    lean = 0.5 * (d * d + p2 * p2) * angle - 0.5 * p2 * d
    return d - p3 * step - c * lean + a * d**2 / 2 + b * d**3 / 3
