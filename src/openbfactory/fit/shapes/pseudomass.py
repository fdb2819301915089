"""Edge of the pseudomass of tau -> 3 pi nu: a smeared step, falling at the tau mass.

    F(M) = 1 - p3 arctan((M - p1) / p2) + p4 (M - p1) + p5 (M - p1)^2

normalised between two limits (K. Belous et al. (Belle), PRL 99, 011801; Belle II,
arXiv:2305.19116).  p1 is the edge, p2 its width; p3 > 0 makes it fall.  M, p1, p2 in GeV.

Validity: an empirical form; where it turns negative there is no likelihood.
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.fit.specification import FloatArray

PARAMETERS = ("p1", "p2", "p3", "p4", "p5")


def pseudomass_edge(mass: FloatArray, low: float, high: float, p1: float, p2: float, p3: float, p4: float,
                    p5: float) -> FloatArray:
    """Density of the pseudomass between ``low`` and ``high``, shape of ``mass``."""
    d = mass - p1
    value: FloatArray = 1 - p3 * np.arctan(d / p2) + p4 * d + p5 * d * d
    return value / (_integral(high - p1, p2, p3, p4, p5) - _integral(low - p1, p2, p3, p4, p5))


def _integral(d: float, p2: float, p3: float, p4: float, p5: float) -> float:
    """Integral of the form up to a distance ``d`` from the edge."""
    arc = d * math.atan(d / p2) - 0.5 * p2 * math.log1p((d / p2) ** 2)
    return d - p3 * arc + p4 * d**2 / 2 + p5 * d**3 / 3
