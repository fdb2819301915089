"""Interpolation between a down and an up variation, with first and second derivatives.

Every function returns (value, first, second derivative) with respect to alpha.

========  =================================================================================
code0     additive, linear: alpha (up - nominal) for alpha > 0, alpha (nominal - down) below
code4p    additive, linear outside [-1, 1], polynomial of degree 6 inside, C2 at its ends
code1     factor, exponential: up^alpha for alpha > 0, down^-alpha below
code4     factor, exponential outside [-1, 1], polynomial of degree 6 inside, C2 at its ends
========  =================================================================================

Sources: K. Cranmer et al., HistFactory, CERN-OPEN-2012-016, section 4.1;
definitions and numbering as in pyhf 0.7 (``pyhf.interpolators``), whose defaults
are code4p and code4.  code0 and code1 have a kink at 0, where the derivative
from below is returned: a minimum that lies on the kink has no zero gradient.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np

from openbfactory.fit.specification import FloatArray

Additive = Literal["code0", "code4p"]
Factor = Literal["code1", "code4"]
Derivatives: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]

#: coefficients a1..a6 of the polynomial of code4 from (up - 1, down - 1, up', down', up'', down'') at alpha = +-1
_CODE4: Final = np.array([
    [15 / 16, -15 / 16, -7 / 16, -7 / 16, 1 / 16, -1 / 16],
    [3 / 2, 3 / 2, -9 / 16, 9 / 16, 1 / 16, 1 / 16],
    [-5 / 8, 5 / 8, 5 / 8, 5 / 8, -1 / 8, 1 / 8],
    [-3 / 2, -3 / 2, 7 / 8, -7 / 8, -1 / 8, -1 / 8],
    [3 / 16, -3 / 16, -3 / 16, -3 / 16, 1 / 16, -1 / 16],
    [1 / 2, 1 / 2, -5 / 16, 5 / 16, 1 / 16, 1 / 16],
])


def additive(alpha: FloatArray, up: FloatArray, down: FloatArray, code: Additive) -> Derivatives:
    """Change of the yield.

    Parameters
    ----------
    alpha
        Parameter of each entry.
    up, down
        up variation minus nominal, and nominal minus down variation.
    """
    if code == "code0":
        slope = np.where(alpha > 0, up, down)
        return alpha * slope, slope, np.zeros_like(alpha)
    mean, bend = 0.5 * (up + down), 0.0625 * (up - down)
    square = alpha * alpha
    value = alpha * mean + bend * square * (15 + square * (3 * square - 10))
    first = mean + bend * alpha * (30 + square * (18 * square - 40))
    second = bend * (30 + square * (90 * square - 120))
    outside = np.abs(alpha) > 1
    slope = np.where(alpha > 0, up, down)
    return (np.where(outside, alpha * slope, value), np.where(outside, slope, first), np.where(outside, 0.0, second))


def code4_coefficients(up: FloatArray, down: FloatArray) -> FloatArray:
    """Coefficients a1..a6, shape (6, entries), of the polynomial of code4."""
    log_up, log_down = np.log(up), np.log(down)
    values = np.stack([up - 1, down - 1, log_up * up, -log_down * down, log_up**2 * up, log_down**2 * down])
    return _CODE4 @ values


def factor(alpha: FloatArray, log_up: FloatArray, log_down: FloatArray, coefficients: FloatArray,
           code: Factor) -> Derivatives:
    """Factor on the yield.

    Parameters
    ----------
    alpha
        Parameter of each entry.
    log_up, log_down
        Logarithms of the factors at alpha = +1 and -1.
    coefficients
        Those of :func:`code4_coefficients`; not used by code1.
    """
    slope = np.where(alpha > 0, log_up, -log_down)
    value = np.exp(alpha * slope)
    first, second = value * slope, value * slope * slope
    if code == "code1":
        return value, first, second
    a1, a2, a3, a4, a5, a6 = coefficients
    inside = np.abs(alpha) < 1
    inner = 1 + alpha * (a1 + alpha * (a2 + alpha * (a3 + alpha * (a4 + alpha * (a5 + alpha * a6)))))
    inner_first = a1 + alpha * (2 * a2 + alpha * (3 * a3 + alpha * (4 * a4 + alpha * (5 * a5 + alpha * 6 * a6))))
    inner_second = 2 * a2 + alpha * (6 * a3 + alpha * (12 * a4 + alpha * (20 * a5 + alpha * 30 * a6)))
    return (np.where(inside, inner, value), np.where(inside, inner_first, first),
            np.where(inside, inner_second, second))
