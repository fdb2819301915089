"""Unbinned fit of the edge of a pseudomass: -2 ln L with its gradient in one pass, and the fit with its fallbacks.

The forms, their parameters and sources are those of :mod:`openbfactory.fit.shapes.pseudomass`.  Where a sample is too
small for all five parameters to have a minimum, some are fixed, one set after the other, and the result says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.errors import FitError, InputError
from openbfactory.core.registry import lookup
from openbfactory.fit.costs import OnePassCost, inside
from openbfactory.fit.shapes.pseudomass import FORMS, PARAMETERS
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned

#: candidates that a fit of five parameters needs
LEAST = 100
#: distances of the scanned edges from the estimate, in standard deviations
SCAN = np.linspace(-3, 3, 13)
#: groups of collisions of the jackknife
GROUPS = 8
START = {"p1": 1.777, "p2": 0.005, "p3": 0.4, "p4": 0.0, "p5": 0.0}
LIMITS = {"p1": (1.74, 1.82), "p2": (1e-3, 0.03), "p3": (0.0, 0.636), "p4": (-30.0, 30.0), "p5": (-300.0, 300.0)}
#: numbers that are fixed where there is no minimum, one set after the other
SIMPLER: tuple[dict[str, float], ...] = ({}, {"p5": 0.0}, {"p2": 0.005, "p5": 0.0}, {"p2": 0.005, "p4": 0.0, "p5": 0.0})


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Pseudomasses (n,) [GeV] with the number of the collision of each, and weights where they are not 1."""

    mass: FloatArray
    collision: npt.NDArray[np.int64]
    weights: FloatArray | None = None


@njit(cache=True)
def edge_deviance(x: FloatArray, weights: FloatArray, low: float, high: float, p1: float, p2: float, p3: float,
                  c: float, a: float, b: float, slopes: FloatArray) -> float:
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


class EdgeCost(OnePassCost):
    """Pseudomasses between two limits in one of the forms; the parameters are ``p1`` ... ``p5``.

    With ``weights`` uncertainties from the second derivatives are not those of the estimates.

    Raises
    ------
    InputError
        When the data have mistakes, or for a form that is not there.
    """

    def __init__(self, mass: FloatArray, limits: tuple[float, float], form: str = "quadratic",
                 weights: FloatArray | None = None) -> None:
        super().__init__(PARAMETERS)
        lookup("forms of the edge", form, FORMS)
        self._x, self._limits = inside(mass, limits), limits
        self._weights = np.ones(len(self._x)) if weights is None else np.ascontiguousarray(weights, np.float64)
        #: where p4 and p5 stand among p1, p2, p3, c, a, b
        self._rows = np.array([0, 1, 2, 4, 5] if form == "quadratic" else [0, 1, 2, 3, 4])

    def _pass(self, point: FloatArray) -> tuple[float, FloatArray]:
        everything, slopes, value = np.zeros(6), np.zeros(6), math.inf
        everything[self._rows] = point
        if point[1] > 0:
            value = float(edge_deviance(self._x, self._weights, *self._limits, *everything, slopes))
        return value, slopes[self._rows] if math.isfinite(value) else np.zeros(len(point))


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


def edge_change(one: Sample, other: Sample, limits: tuple[float, float], form: str = "quadratic",
                ) -> tuple[float, float]:
    """Edge of ``other`` minus that of ``one`` [GeV], and its standard deviation.

    Samples of the same collisions fluctuate together: the uncertainty is that of the difference, by leaving out one of
    :data:`GROUPS` groups of collisions in both at a time (jackknife).
    """
    best = [fit_edge(s.mass, limits, form, weights=s.weights) for s in (one, other)]

    def edge(k: int, group: int) -> float:
        sample = (one, other)[k]
        kept = sample.collision % GROUPS != group
        known = dict(zip(best[k].names, best[k].values.tolist(), strict=True))
        weights = None if sample.weights is None else sample.weights[kept]
        return fit_edge(sample.mass[kept], limits, form, known, weights=weights)["p1"][0]

    left = np.array([edge(1, g) - edge(0, g) for g in range(GROUPS)])
    sigma = math.sqrt((GROUPS - 1) / GROUPS * float(np.sum((left - left.mean()) ** 2)))
    return best[1]["p1"][0] - best[0]["p1"][0], sigma
