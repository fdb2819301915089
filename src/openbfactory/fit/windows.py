"""A window of a spectrum: an exponential of a polynomial plus a template, fitted by Fisher scoring in compiled code.

The likelihood is that of independent Poisson counts, 2NLL against the saturated model.  A step is halved until the
likelihood does not fall and every expectation is positive.  See :mod:`openbfactory.fit.resonance`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit
from scipy.optimize import brentq

from openbfactory.fit.specification import FloatArray, IntArray

#: level of q0 whose upcrossings are counted
CROSSED = 1.0
#: most steps of one fit, and the change of 2NLL at which it ends
STEPS, SETTLED = 100, 1e-9


class Window:
    """Fits of one window: best signal, and the profile of twice the negative log-likelihood."""

    def __init__(self, counts: FloatArray, template: FloatArray, order: int) -> None:
        self.counts, self.template = np.ascontiguousarray(counts), np.ascontiguousarray(template)
        self.beta = np.zeros(order + 1)
        self.beta[0] = math.log(max(counts.mean(), 1e-3))
        _, self.zero, _ = fit_window(self.counts, self.template, self.beta, 0.0, False)
        self.signal, self.least, self.sigma = 0.0, self.zero, math.nan
        if template.any():
            self.signal, self.least, variance = fit_window(self.counts, self.template, self.beta.copy(), 0.0, True)
            self.sigma = math.sqrt(variance)
        self._reference = self.least if self.signal >= 0 else self.zero

    def background(self) -> FloatArray:
        """Expectation without signal."""
        return np.asarray(np.exp(_polynomial(self.beta, len(self.counts))))

    def root(self, signal: float) -> float:
        """Square root of q-tilde at a signal."""
        if self.signal >= signal:
            return 0.0
        value = fit_window(self.counts, self.template, self.beta.copy(), signal, False)[1]
        return math.sqrt(max(0.0, value - self._reference))

    def reaches(self, target: float) -> float:
        """Signal at which :meth:`root` reaches a value."""
        return crossing(lambda s: self.root(s) - target, max(0.0, self.signal), self.sigma)


@njit(cache=True)
def _polynomial(beta: FloatArray, bins: int) -> FloatArray:
    """Chebyshev polynomial at the middles of equal steps over [-1, 1]."""
    out = np.empty(bins)
    for i in range(bins):
        x = (2.0 * i + 1.0) / bins - 1.0
        before, now, total = 1.0, x, beta[0]
        for k in range(1, len(beta)):
            total += beta[k] * now
            before, now = now, 2.0 * x * now - before
        out[i] = total
    return out


@njit(cache=True)
def _twice_nll(counts: FloatArray, expected: FloatArray) -> float:
    """Saturated 2NLL; infinite where an expectation is not above 0."""
    total = 0.0
    for i in range(len(counts)):
        if not expected[i] > 0.0:
            return np.inf
        total += expected[i] - counts[i]
        if counts[i] > 0.0:
            total += counts[i] * np.log(counts[i] / expected[i])
    return 2.0 * total


@njit(cache=True)
def _solve(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Solution of a symmetric positive system by Cholesky's method, in place; a row without curvature gives 0."""
    n = len(vector)
    for j in range(n):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] ** 2
        matrix[j, j] = np.sqrt(matrix[j, j]) if matrix[j, j] > 1e-300 else np.inf
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for j in range(n):
        for k in range(j):
            vector[j] -= matrix[j, k] * vector[k]
        vector[j] /= matrix[j, j]
    for j in range(n - 1, -1, -1):
        for k in range(j + 1, n):
            vector[j] -= matrix[k, j] * vector[k]
        vector[j] /= matrix[j, j]
    return vector


@njit(cache=True)
def fit_window(counts: FloatArray, template: FloatArray, beta: FloatArray, signal: float,
               free: bool) -> tuple[float, float, float]:
    """Signal, saturated 2NLL and variance of the signal at the minimum; ``beta`` is changed to the best polynomial.

    Parameters
    ----------
    counts, template : (bins,)
    beta : (order + 1,)
        Coefficients of the logarithm of the background, to start from.
    signal
        Signal to start from, or to hold.
    free
        Whether the signal is fitted; it may go below 0 as long as every expectation is positive.
    """
    bins, n = len(counts), len(beta) + 1
    slopes, matrix, vector = np.empty(n), np.empty((n, n)), np.empty(n)
    background = np.exp(_polynomial(beta, bins))
    value, variance = _twice_nll(counts, background + signal * template), np.nan
    for _ in range(STEPS):
        matrix[:], vector[:] = 0.0, 0.0
        for i in range(bins):
            expected = background[i] + signal * template[i]
            x = (2.0 * i + 1.0) / bins - 1.0
            slopes[0], slopes[1] = template[i] if free else 0.0, background[i]
            before, now = 1.0, x
            for k in range(2, n):
                slopes[k] = background[i] * now
                before, now = now, 2.0 * x * now - before
            for j in range(n):
                vector[j] += (counts[i] / expected - 1.0) * slopes[j]
                for k in range(j + 1):
                    matrix[j, k] += slopes[j] * slopes[k] / expected
        if not free:
            matrix[0, 0] = 1.0
        step = _solve(matrix, vector)
        size = 1.0
        for k in range(1, n):
            size = min(size, 2.0 / abs(step[k])) if step[k] != 0.0 else size
        gain = 0.0
        for _half in range(40):
            tried = beta + size * step[1:]
            there = np.exp(_polynomial(tried, bins))
            found = _twice_nll(counts, there + (signal + size * step[0]) * template)
            if found <= value:
                gain, value = value - found, found
                beta[:], background, signal = tried, there, signal + size * step[0]
                break
            size *= 0.5
        if gain < SETTLED:
            break
    if free:
        variance = _variance(template, background, background + signal * template, n)
    return signal, value, variance


@njit(cache=True)
def _variance(template: FloatArray, background: FloatArray, expected: FloatArray, n: int) -> float:
    """Variance of the signal from the Fisher information."""
    bins = len(template)
    matrix, slopes, unit = np.zeros((n, n)), np.empty(n), np.zeros(n)
    for i in range(bins):
        x = (2.0 * i + 1.0) / bins - 1.0
        slopes[0], slopes[1] = template[i], background[i]
        before, now = 1.0, x
        for k in range(2, n):
            slopes[k] = background[i] * now
            before, now = now, 2.0 * x * now - before
        for j in range(n):
            for k in range(j + 1):
                matrix[j, k] += slopes[j] * slopes[k] / expected[i]
    unit[0] = 1.0
    return _solve(matrix, unit)[0]


@njit(cache=True)
def scan_windows(counts: FloatArray, templates: FloatArray, windows: IntArray, order: int) -> FloatArray:
    """q0 of every hypothesis."""
    q0, beta = np.zeros(len(templates)), np.zeros(order + 1)
    first, last, without = -1, -1, 0.0
    for k in range(len(templates)):
        if windows[k, 0] != first or windows[k, 1] != last:
            first, last = windows[k, 0], windows[k, 1]
            beta[:] = 0.0
            beta[0] = np.log(max(counts[first:last].mean(), 1e-3))
            _, without, _ = fit_window(counts[first:last], templates[k, first:last], beta, 0.0, False)
        signal, least, _ = fit_window(counts[first:last], templates[k, first:last], beta.copy(), 0.0, True)
        q0[k] = max(0.0, without - least) if signal > 0.0 else 0.0
    return q0


@njit(cache=True)
def scan_toys(rng: np.random.Generator, toys: int, rate: FloatArray, templates: FloatArray, windows: IntArray,
          order: int) -> tuple[FloatArray, int]:
    """Largest q0 of every toy, and the number of upcrossings of :data:`CROSSED` in all of them."""
    largest, crossings, counts = np.empty(toys), 0, np.empty(len(rate))
    for toy in range(toys):
        for i in range(len(rate)):
            counts[i] = rng.poisson(rate[i])
        q0 = scan_windows(counts, templates, windows, order)
        largest[toy] = q0.max()
        for k in range(1, len(q0)):
            crossings += q0[k - 1] < CROSSED <= q0[k]
    return largest, crossings


def crossing(rising: Callable[[float], float], low: float, step: float) -> float:
    """Zero of a rising function, negative at ``low``, above it; infinite when there is none."""
    inside, size = low, step
    for _ in range(60):
        outside = inside + 2 * size
        if rising(outside) >= 0:
            return float(brentq(rising, inside, outside, xtol=1e-6 * step))
        inside, size = outside, 2 * size
    return math.inf
