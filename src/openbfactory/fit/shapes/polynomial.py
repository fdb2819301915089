"""Chebyshev polynomial between two limits: smooth backgrounds.

    f(x) ~ 1 + sum_k c_k T_k(y),   y from -1 to 1 over the limits

Validity: where it turns negative there is no likelihood.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from openbfactory.fit.specification import FloatArray


def polynomial(x: FloatArray, low: float, high: float, *coefficients: float) -> FloatArray:
    """Density between ``low`` and ``high``, shape of ``x``."""
    series = np.array([1.0, *coefficients])
    integral = chebyshev.chebint(series)
    norm = float(chebyshev.chebval(1.0, integral) - chebyshev.chebval(-1.0, integral))
    density: FloatArray = chebyshev.chebval((2 * x - low - high) / (high - low), series) * 2 / ((high - low) * norm)
    return density
