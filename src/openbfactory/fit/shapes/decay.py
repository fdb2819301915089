"""Exponential decay seen with a Gaussian resolution: density of measured decay times.

Its form is::

    f(t) = int_0^inf exp(-t'/tau) / tau * G(t - t'; bias, s sigma) dt'
         = exp(s sigma (s sigma / 2 tau - x) / tau) erfc(u) / 2 tau,
    x = (t - bias) / (s sigma),  u = (s sigma / tau - x) / sqrt(2)

with the uncertainty sigma of each event and a scale s; the resolution is a sum of
one to three Gaussians of one bias with scales s_1, s_2, s_3 and fractions f_1, f_2
(the last has the rest).  The first derivatives follow from f + tau df/dt = G and
df/dsigma = sigma d2f/dt2, so that one pass over the events gives value and gradient.

Validity: t and sigma in one unit, sigma > 0; conditional on sigma (its own density
must not differ between signal and background, or must be multiplied).  Far below
zero the asymptotic series of erfc is used (relative precision 1e-10); nearer its
Taylor series from tabulated nodes (1e-13).
Left out: limits in t (the density is normalised over all times).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import erfcx

Array = npt.NDArray[Any]

_ROOT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_ROOT_PI = math.sqrt(math.pi)

#: nodes of erfcx per unit, argument up to which they are used, order of the Taylor series at each
_NODES, _LAST, _ORDER = 32, 12, 6


def _erfcx_table() -> Array:
    """Taylor coefficients of erfcx at each node, highest first: y' = 2 x y - 2 / sqrt(pi), then by recursion."""
    x = np.arange(_NODES * _LAST + 1) / _NODES
    derivatives = [erfcx(x), 2.0 * x * erfcx(x) - 2.0 / _ROOT_PI]
    for n in range(1, _ORDER):
        derivatives.append(2.0 * x * derivatives[n] + 2.0 * n * derivatives[n - 1])
    table = np.array([d / math.factorial(n) for n, d in enumerate(derivatives)])
    return np.ascontiguousarray(table.T[:, ::-1])


_TABLE = _erfcx_table()


@njit(cache=True)
def scaled_erfc(u: float) -> float:
    """exp(u^2) erfc(u) for u >= 0, relative precision 1e-10."""
    if u >= _LAST:
        v = 1.0 / (2.0 * u * u)
        return (1.0 - v * (1.0 - 3.0 * v * (1.0 - 5.0 * v * (1.0 - 7.0 * v * (1.0 - 9.0 * v))))) / (u * _ROOT_PI)
    node = int(u * _NODES + 0.5)
    h = u - node / _NODES
    row = _TABLE[node]
    value = row[0]
    for j in range(1, _ORDER + 1):
        value = value * h + row[j]
    return value


@njit(cache=True)
def exponential_gauss(t: float, width: float, tau: float) -> tuple[float, float]:
    """Exponential of mean ``tau`` convolved with a Gaussian of standard deviation ``width``, and that Gaussian, at t.

    The Gaussian is set to 0 where it is below 1e-18 of the convolution.
    """
    s, x = width / tau, t / width
    u = (s - x) * _ROOT_HALF
    if u < -6.5:
        return math.exp(s * (0.5 * s - x)) / tau, 0.0
    bell = math.exp(-0.5 * x * x)
    half = 0.5 * bell * scaled_erfc(abs(u)) / tau
    if u < 0.0:
        half = math.exp(s * (0.5 * s - x)) / tau - half
    return half, bell / (width * _ROOT_2PI)


@njit(cache=True)
def decay_density(t: Array, sigma: Array, tau: float, bias: float, scales: Array, fractions: Array) -> Array:
    """Density of each event; ``fractions`` has one entry fewer than ``scales``."""
    count = len(scales)
    result = np.empty(len(t))
    last = 1.0
    for k in range(count - 1):
        last -= fractions[k]
    for i in range(len(t)):
        total = 0.0
        for k in range(count):
            weight = fractions[k] if k < count - 1 else last
            total += weight * exponential_gauss(t[i] - bias, scales[k] * sigma[i], tau)[0]
        result[i] = total
    return result


@njit(cache=True)
def decay_deviance(t: Array, sigma: Array, tau: float, bias: float, scales: Array, fractions: Array,
                   gradient: Array) -> float:
    """-2 sum ln f over the events; fills its gradient to (tau, bias, scales, fractions).

    Infinite (with a gradient of no use) when the density of an event is not positive.
    """
    count = len(scales)
    size = 1 + 2 * count
    for j in range(size):
        gradient[j] = 0.0
    last = 1.0
    for k in range(count - 1):
        last -= fractions[k]
    value, product, here = 0.0, 1.0, np.empty(size)
    parts = np.empty(count)
    for i in range(len(t)):
        d = t[i] - bias
        total, slope_tau, slope_bias = 0.0, 0.0, 0.0
        for k in range(count):
            width = scales[k] * sigma[i]
            x = d / width
            weight = fractions[k] if k < count - 1 else last
            f, g = exponential_gauss(d, width, tau)
            slope = (g - f) / tau  # df/dt
            parts[k] = f
            total += weight * f
            slope_bias -= weight * slope
            slope_tau += weight * (f * (d / tau - 1.0) + width * width / (tau * tau) * (g - f)) / tau
            here[2 + k] = weight * sigma[i] * width * (-x / width * g - slope) / tau
        if not total > 0.0:
            return math.inf
        inverse = 1.0 / total
        gradient[0] += slope_tau * inverse
        gradient[1] += slope_bias * inverse
        for k in range(count):
            gradient[2 + k] += here[2 + k] * inverse
        for k in range(count - 1):
            gradient[2 + count + k] += (parts[k] - parts[count - 1]) * inverse
        if 1e-90 < total < 1e90:
            product *= total  # one logarithm for several events
        else:
            value += math.log(total)
        if not 1e-200 < product < 1e200:
            value += math.log(product)
            product = 1.0
    value += math.log(product)
    for j in range(size):
        gradient[j] *= -2.0
    return -2.0 * value
