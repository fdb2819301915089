"""Unbinned fit of the edge of a pseudomass: -2 ln L with its gradient in one pass, and the fit with its fallbacks.

The forms, their parameters and sources are those of :mod:`openbfactory.fit.shapes.pseudomass`.  Where a sample is too
small for all five parameters to have a minimum, some are fixed, one set after the other, and the result says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numba import njit

from openbfactory.core.errors import FitError, InputError
from openbfactory.core.registry import lookup
from openbfactory.fit.costs import inside
from openbfactory.fit.shapes.pseudomass import FORMS, PARAMETERS
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned

#: candidates that a fit of five parameters needs
LEAST = 100
#: distances of the scanned edges from the estimate, in standard deviations
SCAN = np.linspace(-3, 3, 13)
START = {"p1": 1.777, "p2": 0.005, "p3": 0.4, "p4": 0.0, "p5": 0.0}
LIMITS = {"p1": (1.74, 1.82), "p2": (1e-3, 0.03), "p3": (0.0, 0.636), "p4": (-30.0, 30.0), "p5": (-300.0, 300.0)}
#: numbers that are fixed where there is no minimum, one set after the other
SIMPLER: tuple[dict[str, float], ...] = ({}, {"p5": 0.0}, {"p2": 0.005, "p5": 0.0}, {"p2": 0.005, "p4": 0.0, "p5": 0.0})


@njit(cache=True)
def edge_deviance(x: FloatArray, weights: FloatArray, low: float, high: float, p1: float, p2: float, p3: float, c: float, a: float,
                  b: float, slopes: FloatArray) -> float:
    """-2 ln L of 1 - (p3 + c d) arctan(d / p2) + a d + b d^2, d = x - p1, normalised; infinite where it is negative.

    ``slopes`` (6,) become its derivatives to p1, p2, p3, c, a, b; every event has its weight.
    """
    slopes[:] = 0.0
    area, ends = 0.0, np.zeros(6)
    for sign, end in ((1.0, high - p1), (-1.0, low - p1)):
        angle, rise = math.atan(end / p2), 0.5 * math.log(end * end + p2 * p2)
        step = end * angle - p2 * (rise - math.log(p2))
        lean = 0.5 * (end * end + p2 * p2) * angle - 0.5 * p2 * end
        area += sign * (end - p3 * step - c * lean + a * end**2 / 2 + b * end**3 / 3)
        ends[0] -= sign * (1.0 - (p3 + c * end) * angle + a * end + b * end * end)
        ends[1] += sign * (p3 * rise + c * (end - p2 * angle))
        ends[2] -= sign * step
        ends[3] -= sign * lean
        ends[4] += sign * end**2 / 2
        ends[5] += sign * end**3 / 3
    total, size = 0.0, 0.0
    for i in range(len(x)):
        d = x[i] - p1
        angle, lorentz, height = math.atan(d / p2), 1.0 / (d * d + p2 * p2), p3 + c * d
        value = 1.0 - height * angle + a * d + b * d * d
        if value <= 0.0:
            return math.inf
        size += weights[i]
        total += weights[i] * math.log(value)
        inverse = weights[i] / value
        slopes[0] += (c * angle + height * p2 * lorentz - a - 2.0 * b * d) * inverse
        slopes[1] += height * d * lorentz * inverse
        slopes[2] -= angle * inverse
        slopes[3] -= d * angle * inverse
        slopes[4] += d * inverse
        slopes[5] += d * d * inverse
    if area <= 0.0:
        return math.inf
    for k in range(6):
        slopes[k] = -2.0 * (slopes[k] - size * ends[k] / area)
    return -2.0 * (total - size * math.log(area))


class EdgeCost:
    """Pseudomasses between two limits in one of the forms; the parameters are ``p1`` ... ``p5``.

    With ``weights`` uncertainties from the second derivatives are not those of the estimates.

    Raises
    ------
    InputError
        When the data have mistakes, or for a form that is not there.
    """

    def __init__(self, mass: FloatArray, limits: tuple[float, float], form: str = "quadratic",
                 weights: FloatArray | None = None) -> None:
        lookup("forms of the edge", form, FORMS)
        self._x, self._limits = inside(mass, limits), limits
        self._weights = np.ones(len(self._x)) if weights is None else np.ascontiguousarray(weights, np.float64)
        #: where p4 and p5 stand among p1, p2, p3, c, a, b
        self._rows = np.array([0, 1, 2, 4, 5] if form == "quadratic" else [0, 1, 2, 3, 4])
        self._at: tuple[float, ...] = ()
        self._value, self._slopes = math.nan, np.zeros(6)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return PARAMETERS

    def value(self, theta: FloatArray) -> float:
        """-2 ln L."""
        self._evaluate(theta)
        return self._value

    def gradient(self, theta: FloatArray) -> FloatArray:
        """Its derivatives, from the same pass over the events."""
        self._evaluate(theta)
        return self._slopes[self._rows]

    def _evaluate(self, theta: FloatArray) -> None:
        """Value and gradient at a point, kept for the next question."""
        if (at := tuple(float(v) for v in theta)) != self._at:
            point = np.zeros(6)
            point[self._rows] = at
            self._value = math.inf
            if at[1] > 0:
                self._value = float(edge_deviance(self._x, self._weights, *self._limits, *point, self._slopes))
            if not math.isfinite(self._value):
                self._slopes[:] = 0.0
            self._at = at


def fit_edge(mass: FloatArray, limits: tuple[float, float], form: str = "quadratic",
             start: Mapping[str, float] | None = None, fixed: tuple[str, ...] = (),
             weights: FloatArray | None = None) -> UnbinnedResult:
    """Estimates of the edge; p1 and p2 in GeV.  Where there is no minimum some are fixed, with a warning.

    Parameters
    ----------
    mass
        Pseudomasses [GeV]; those outside of the limits are left out.
    start, fixed
        Start values that differ from :data:`START`, and parameters that stay there.
    weights
        One for each pseudomass; 1 if None.

    Raises
    ------
    InputError
        With too few candidates in the range.
    FitError
        When no minimum is found.
    """
    near = (mass > limits[0]) & (mass < limits[1])
    chosen = mass[near]
    if len(chosen) < LEAST:
        message = f"{len(chosen)} candidates between {limits[0]:g} and {limits[1]:g} GeV: a fit needs {LEAST}"
        raise InputError(message)
    everything = START | dict(start or {})
    cost = EdgeCost(chosen, limits, form, None if weights is None else weights[near])
    for fewer in SIMPLER:
        try:
            found = fit_unbinned(cost, everything | fewer, limits=LIMITS, fixed={*fixed, *fewer})
        except FitError:
            if fewer == SIMPLER[-1]:
                raise
            continue
        said = f"{', '.join(fewer)} fixed: there is no minimum with more parameters for {len(chosen)} candidates"
        return replace(found, warnings=(*found.warnings, said)) if fewer else found
    raise AssertionError


def scan_edge(mass: FloatArray, limits: tuple[float, float], best: UnbinnedResult,
              form: str = "quadratic") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Edges [GeV] about the estimate and the rise of -2 ln L there, all other parameters refitted."""
    value, sigma = best["p1"]
    known = dict(zip(best.names, best.values.tolist(), strict=True))
    points = [value + k * sigma for k in SCAN]
    rises = [fit_edge(mass, limits, form, known | {"p1": p}, ("p1",)).twice_nll - best.twice_nll for p in points]
    return tuple(points), tuple(max(float(r), 0.0) for r in rises)
