"""A fitted likelihood: best point, covariance, conditional fits, profile intervals.

Method: the best point and every conditional fit are Newton minima with exact
derivatives; a conditional fit starts on the tangent of the profile, x + (dx/dmu)
(mu - mu_hat), from the Hessian.  The crossing of the profile with +1 is found by
Newton steps on r(mu) = sqrt(2NLL(mu) - 2NLL_min), whose derivative is exact
(the gradient at the conditional minimum).

Bounds: a parameter that the data push against its bound is held there; it has no
uncertainty, and the others are computed with it fixed.  A profile interval that
reaches a bound before it rises by 1 ends at the bound and says so.

Validity: local minima are searched from one start; when a conditional fit finds
a lower point than the best one, the best fit is repeated from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from openbfactory.core.errors import FitError
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.minimise import FLAT, Minimum, Problem, minimise
from openbfactory.fit.specification import BoolArray, FloatArray, IntArray

T = TypeVar("T")

#: a conditional minimum that is lower than the best one by more than this is a better minimum
IMPROVEMENT = 1e-7

#: best fits that are made again from lower points, at most
TRIES = 5

#: precision of sqrt(2NLL difference) at the ends of a profile interval
CROSSING = 1e-7


class BetterMinimum(Exception):
    """Signal inside this room: a conditional fit went below the best fit; carries the point."""

    def __init__(self, x: FloatArray) -> None:
        self.x = x
        super().__init__()


@dataclass(frozen=True, slots=True)
class Crossing:
    """End of a profile interval.

    Attributes
    ----------
    value
        Where the profile has risen by 1, or the bound.
    at_bound
        Whether the bound came first.
    """

    value: float
    at_bound: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A likelihood with its best point.

    Attributes
    ----------
    likelihood
        The likelihood.
    fixed
        Parameters that were constant.
    minimum
        The best point.
    covariance
        Covariance from the inverse Hessian, shape (parameters, parameters): zero for
        parameters that are fixed or held at a bound, nan for those that the
        data do not determine.
    """

    likelihood: Likelihood
    fixed: BoolArray
    minimum: Minimum
    covariance: FloatArray

    @property
    def twice_nll(self) -> float:
        """Twice the negative log-likelihood at the best point."""
        return self.minimum.value + self.likelihood.constant

    def uncertainty(self, index: int) -> float | None:
        """Standard deviation of a parameter; of one that is held at a bound, from the Hessian with it released.

        None where the parameter is fixed or not determined.
        """
        if self.fixed[index]:
            return None
        variance = self.covariance[index, index]
        if self.minimum.at_bound[index]:
            free = self.minimum.free.copy()
            free[index] = True
            variance = hessian_covariance(self.minimum.hessian, free)[index, index]
        return math.sqrt(variance) if variance > 0 else None

    def conditional(self, index: int, value: float, start: FloatArray | None = None) -> Minimum:
        """Minimum with one parameter held at a value; see :meth:`held`."""
        return self.held((index,), (value,), start)

    def held(self, indices: Sequence[int], values: Sequence[float], start: FloatArray | None = None) -> Minimum:
        """Minimum with some parameters held at values.

        Parameters
        ----------
        start
            Point to start from; by default the tangent of the profile at the best point.

        Raises
        ------
        FitError
            When there is no such minimum.
        BetterMinimum
            When it lies below the best one.
        """
        which = np.asarray(indices, np.int64)
        fixed = self.fixed.copy()
        fixed[which] = True
        first = self._tangent(which, np.asarray(values, np.float64)) if start is None else start.copy()
        second = self.minimum.x.copy()
        first[which] = second[which] = values
        starts = [("given", first), ("best", second), *_default_starts(self.likelihood, which, values)]
        minimum = minimise(_problem(self.likelihood, fixed), iter(starts))
        if minimum.value < self.minimum.value - IMPROVEMENT:
            raise BetterMinimum(minimum.x)
        return minimum

    def rise(self, minimum: Minimum) -> float:
        """Difference of twice the negative log-likelihood to the best point, not below 0."""
        return max(0.0, minimum.value - self.minimum.value)

    def _tangent(self, which: IntArray, values: FloatArray) -> FloatArray:
        """First-order profile point for some parameters at values, inside the bounds."""
        free = self.minimum.free.copy()
        free[which] = False
        hessian = self.minimum.hessian
        x = self.minimum.x.copy()
        shift = values - x[which]
        x[which] = values
        try:
            x[free] -= np.linalg.solve(hessian[np.ix_(free, free)], hessian[np.ix_(free, which)] @ shift)
        except np.linalg.LinAlgError:
            return x
        parameters = self.likelihood.model.parameters
        inside = np.where(self.fixed, x, np.clip(x, parameters.lower, parameters.upper))
        return inside if math.isfinite(self.likelihood.deviance(inside)) else self.minimum.x.copy()

    def crossing(self, index: int, side: int) -> Crossing:
        """End of the interval in which the profile stays below 1, above (+1) or below (-1) the best value.

        Raises
        ------
        FitError
            When the profile cannot be followed.
        """
        parameters = self.likelihood.model.parameters
        bound = float(parameters.upper[index] if side > 0 else parameters.lower[index])
        inside = float(self.minimum.x[index])
        if inside == bound:
            return Crossing(bound, True)
        sigma = self.uncertainty(index) or 0.01 * float(parameters.upper[index] - parameters.lower[index])
        outside: float | None = None
        point = inside + side * sigma
        for _ in range(60):
            point = max(point, bound) if side < 0 else min(point, bound)
            level, slope = self._level(index, point)
            if abs(level - 1) < CROSSING:
                return Crossing(point, False)
            if level < 1:
                inside = point
                if point == bound:
                    return Crossing(bound, True)
            else:
                outside = point
            point = _next_point(point, level, slope, side, inside, outside)
        message = f"the profile of {parameters.names[index]} does not rise by 1 in a way that can be followed"
        raise FitError(message)

    def _level(self, index: int, value: float) -> tuple[float, float]:
        """Square root of the rise of the profile and its derivative; infinite where the likelihood is zero."""
        try:
            minimum = self.conditional(index, value)
        except FitError:
            return math.inf, math.nan
        level = math.sqrt(self.rise(minimum))
        return level, float(minimum.gradient[index]) / (2 * level) if level > 0 else math.nan


def _next_point(point: float, level: float, slope: float, side: int, inside: float, outside: float | None) -> float:
    """Newton step to level 1, kept between a point inside and one outside."""
    step = (1 - level) / slope if math.isfinite(slope) and slope * side > 0 else math.nan
    target = point + step
    if outside is None:
        reach = 2 * max(abs(point - inside), abs(step) if math.isfinite(step) else 0.0, 1e-6 * (1 + abs(point)))
        return target if math.isfinite(target) and abs(step) <= 10 * reach else point + side * reach
    if math.isfinite(target) and min(inside, outside) < target < max(inside, outside):
        return target
    return 0.5 * (inside + outside)


def best_fit(likelihood: Likelihood, *, start: FloatArray | None = None, fixed: BoolArray | None = None) -> Fit:
    """Fit of a likelihood, all parameters free but those fixed by the model.

    Parameters
    ----------
    start
        Point to start from; the start values of the model by default.
    fixed
        Parameters to hold at ``start`` instead of those of the model.

    Raises
    ------
    FitError
        When no start leads to a minimum.
    """
    fixed = likelihood.model.parameters.fixed if fixed is None else fixed
    starts = [] if start is None else [("given", start)]
    minimum = minimise(_problem(likelihood, fixed), iter([*starts, *_default_starts(likelihood)]))
    return Fit(likelihood, fixed, minimum, hessian_covariance(minimum.hessian, minimum.free))


def with_lowest(fit: Fit, compute: Callable[[Fit], T]) -> tuple[T, Fit]:
    """What a function gives of a best fit, and the fit: made again from lower points that conditional fits find.

    Raises
    ------
    FitError
        When they keep finding lower minima.
    """
    for _ in range(TRIES):
        try:
            return compute(fit), fit
        except BetterMinimum as better:
            fit = best_fit(fit.likelihood, start=better.x, fixed=fit.fixed)
    message = "the profile keeps finding lower minima: the likelihood has many"
    raise FitError(message)


def _default_starts(likelihood: Likelihood, which: IntArray | None = None,
                    values: Sequence[float] = ()) -> Iterator[tuple[str, FloatArray]]:
    """Start values of the model; then with every free factor that starts at zero raised to 1."""
    parameters = likelihood.model.parameters
    initial = parameters.inits.copy()
    raised = np.where((initial == 0) & np.isnan(parameters.center) & ~parameters.fixed,
                      np.clip(1.0, parameters.lower, parameters.upper), initial)
    for name, point in (("initial", initial), ("raised", raised)):
        if name == "raised" and np.array_equal(point, initial):
            return
        if which is not None:
            point[which] = values
        yield name, point


def _problem(likelihood: Likelihood, fixed: BoolArray) -> Problem:
    """Minimisation problem of a likelihood."""
    parameters = likelihood.model.parameters
    poisson = likelihood.model.constraints.is_poisson
    counts = float(np.sum(likelihood.observed) + np.sum(likelihood.auxdata[poisson]))
    return Problem(likelihood.evaluate, likelihood.deviance, parameters.lower, parameters.upper, fixed,
                   rounding=1e-15 * (10 + counts), explain=lambda x: _zero_likelihood(likelihood, x))


def _zero_likelihood(likelihood: Likelihood, x: FloatArray) -> str:
    """Why the likelihood is zero at a point."""
    bins = likelihood.impossible_bins(x)
    more = f" and {len(bins) - 3} more bins" if len(bins) > 3 else ""
    return f"the likelihood is zero, events but no expectation in {', '.join(bins[:3])}{more}"


def hessian_covariance(hessian: FloatArray, free: BoolArray) -> FloatArray:
    """Covariance 2 H^-1 of the free parameters; nan for those with a part in a flat direction."""
    result = np.zeros_like(hessian)
    which = np.flatnonzero(free)
    if not len(which):
        return result
    block = hessian[np.ix_(which, which)]
    diagonal = np.abs(np.diag(block))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = block * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    curved = values > FLAT
    inverse = (vectors[:, curved] / values[curved]) @ vectors[:, curved].T
    inverse = 2 * inverse * np.outer(scale, scale)
    flat = (np.abs(vectors[:, ~curved]) > 1e-6).any(axis=1)
    inverse[flat, :] = np.nan
    inverse[:, flat] = np.nan
    result[np.ix_(which, which)] = inverse
    return result
