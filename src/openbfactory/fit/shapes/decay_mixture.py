"""Decay times of signal and background together: one pass for value and gradient.

    f(t | sigma) = p S(t | sigma) + (1 - p) r B(t | sigma)

S is an exponential seen with a sum of Gaussians (:mod:`.decay`); B a prompt Gaussian and two exponentials seen with one
Gaussian; r = h_B(sigma) / h_S(sigma) is the ratio of the densities of the uncertainties, given for each event (without
it the fit would be biased where they differ: G. Punzi, PHYSTAT2003, physics/0401045).

Validity, precision: as :mod:`.decay`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.fit.shapes.decay import exponential_gauss

Array = npt.NDArray[Any]

_ROOT_2PI = math.sqrt(2.0 * math.pi)
#: parameters of the background: bias, scale, the two lifetimes, the share that lives, the share of the first lifetime
BACKGROUND = 6


@njit(cache=True)
def _lived(d: float, width: float, tau: float) -> tuple[float, float, float, float]:
    """Exponential with a Gaussian resolution at distance ``d``, and its derivatives to d, tau and width."""
    f, g = exponential_gauss(d, width, tau)
    slope = (g - f) / tau
    to_tau = (f * (d / tau - 1.0) + width * width / (tau * tau) * (g - f)) / tau
    to_width = (-d / width * g - width * slope) / tau
    return f, slope, to_tau, to_width


@njit(cache=True)
def mixture_deviance(t: Array, sigma: Array, ratio: Array, purity: float, signal: Array, gaussians: int,
                     background: Array, gradient: Array) -> float:
    """-2 sum ln f over the events; fills its gradient to (purity, signal parameters, background parameters).

    Parameters
    ----------
    signal
        tau, bias, scales, fractions (one fewer).
    background
        See :data:`BACKGROUND`.

    Infinite (with a gradient of no use) when the density of an event is not positive.
    """
    ns = 2 * gaussians + 1
    tau, bias = signal[0], signal[1]
    last = 1.0
    for k in range(gaussians - 1):
        last -= signal[2 + gaussians + k]
    shift, stretch, tau1, tau2, lived, share = background
    value = 0.0
    gradient[:] = 0.0
    ds, db, parts = np.zeros(ns), np.zeros(BACKGROUND), np.zeros(gaussians)
    for i in range(len(t)):
        s = 0.0
        if purity > 0.0:
            d = t[i] - bias
            ds[0] = ds[1] = 0.0
            for k in range(gaussians):
                weight = signal[2 + gaussians + k] if k < gaussians - 1 else last
                f, slope, to_tau, to_width = _lived(d, signal[2 + k] * sigma[i], tau)
                parts[k] = f
                s += weight * f
                ds[0] += weight * to_tau
                ds[1] -= weight * slope
                ds[2 + k] = weight * to_width * sigma[i]
            for k in range(gaussians - 1):
                ds[2 + gaussians + k] = parts[k] - parts[gaussians - 1]
        d, width = t[i] - shift, stretch * sigma[i]
        x = d / width
        prompt = math.exp(-0.5 * x * x) / (width * _ROOT_2PI)
        f1, s1, t1, w1 = _lived(d, width, tau1)
        f2, s2, t2, w2 = _lived(d, width, tau2)
        long = share * f1 + (1.0 - share) * f2
        b = (1.0 - lived) * prompt + lived * long
        db[0] = (1.0 - lived) * x / width * prompt - lived * (share * s1 + (1.0 - share) * s2)
        db[1] = sigma[i] * ((1.0 - lived) * prompt * (x * x - 1.0) / width + lived * (share * w1 + (1.0 - share) * w2))
        db[2], db[3] = lived * share * t1, lived * (1.0 - share) * t2
        db[4], db[5] = long - prompt, lived * (f1 - f2)
        other = (1.0 - purity) * ratio[i]
        total = purity * s + other * b
        if not total > 0.0:
            return math.inf
        value += math.log(total)
        gradient[0] += (s - ratio[i] * b) / total
        for j in range(ns):
            gradient[1 + j] += purity * ds[j] / total
        for j in range(BACKGROUND):
            gradient[1 + ns + j] += other * db[j] / total
    gradient *= -2.0
    return -2.0 * value


@njit(cache=True)
def mean_densities(times: Array, sigma: Array, signal: Array, gaussians: int, background: Array) -> Array:
    """Densities of signal and background at some times, averaged over uncertainties, shape (2, times)."""
    result = np.zeros((2, len(times)))
    last = 1.0
    for k in range(gaussians - 1):
        last -= signal[2 + gaussians + k]
    shift, stretch, tau1, tau2, lived, share = background
    for i in range(len(sigma)):
        for j in range(len(times)):
            for k in range(gaussians):
                weight = signal[2 + gaussians + k] if k < gaussians - 1 else last
                result[0, j] += weight * exponential_gauss(times[j] - signal[1], signal[2 + k] * sigma[i], signal[0])[0]
            d, width = times[j] - shift, stretch * sigma[i]
            x = d / width
            result[1, j] += (1.0 - lived) * math.exp(-0.5 * x * x) / (width * _ROOT_2PI) + lived * (
                share * exponential_gauss(d, width, tau1)[0] + (1.0 - share) * exponential_gauss(d, width, tau2)[0])
    return result / len(sigma)
