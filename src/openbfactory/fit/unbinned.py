"""Unbinned maximum-likelihood fits: a cost (:mod:`openbfactory.fit.costs`) to estimates.

Method: Migrad, then Hesse (F. James, M. Roos, Comput. Phys. Commun. 10 (1975) 343),
through iminuit.  With the gradient of the cost, Migrad starts from and Hesse takes
central differences of it (two passes over the events a parameter); else of the value.

Fallbacks, in this order: Migrad with strategy 2; Simplex, then Migrad again; all of
it without the gradient (second derivatives of the cost mislead Minuit at a limit).
A fit that does not converge raises FitError; it never returns a number.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from iminuit.warnings import IMinuitWarning

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.costs import Cost
from openbfactory.fit.specification import FloatArray

#: step of the differences of the gradient, in units of the scale of a parameter
STEP = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class UnbinnedResult:
    """Estimates of an unbinned fit.

    Attributes
    ----------
    names, values, uncertainties
        Parameters, estimates, Hessian standard deviations (0 where fixed).
    covariance
        Covariance, zero for fixed parameters.
    twice_nll
        -2 ln L at the minimum.
    warnings
        What the reader of the numbers must know.
    """

    names: tuple[str, ...]
    values: FloatArray
    uncertainties: FloatArray
    covariance: FloatArray
    twice_nll: float
    warnings: tuple[str, ...]

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Value and uncertainty of a parameter."""
        i = self.names.index(name)
        return float(self.values[i]), float(self.uncertainties[i])


def fit_unbinned(cost: Cost, start: Mapping[str, float], *, limits: Mapping[str, tuple[float, float]] | None = None,
                 fixed: Collection[str] = (), thorough: bool = True) -> UnbinnedResult:
    """Estimates that minimise a cost.

    Parameters
    ----------
    start
        Start value of every parameter.
    limits
        Limits of some; fitted values at a limit are warned of.
    fixed
        Parameters that stay at their start.
    thorough
        Try again without the gradient of the cost where there is no minimum with it: ten times as long, and where the
        data do not tell two parameters apart mostly in vain.

    Raises
    ------
    InputError
        With all findings: unknown or missing parameters, starts that are not finite or outside the limits.
    FitError
        When no minimum is found.
    """
    bounds = dict(limits or {})
    _check(cost, start, bounds, fixed)
    if fixed:
        free = _Free(cost, start, fixed)
        return free.whole(fit_unbinned(free, {n: start[n] for n in free.parameters},
                                       limits={n: b for n, b in bounds.items() if n not in fixed}, thorough=thorough))
    names = cost.parameters
    point = np.array([start[n] for n in names])
    if not math.isfinite(here := cost.value(point)):
        message = "the likelihood is zero at the start values"
        raise FitError(message)
    if not names:  # every parameter is fixed
        return UnbinnedResult((), np.zeros(0), np.zeros(0), np.zeros((0, 0)), float(here), ())
    steps = np.array([_step(start[n], bounds.get(n)) for n in names])
    tried = []
    attempts = (False,) if cost.gradient(point) is None else (True, False) if thorough else (True,)
    for derivatives in attempts:
        minuit = _minuit(cost, point, steps, derivatives)
        for i, name in enumerate(names):
            minuit.errors[name] = steps[i]
            minuit.limits[name] = bounds.get(name, (-math.inf, math.inf))
        why = _minimise(minuit)
        if why is None:
            return _result(minuit, names)
        tried.append(f"{why} ({'with' if derivatives else 'without'} the gradient)")
    message = "no minimum found by Migrad, Migrad with strategy 2, Simplex: " + "; ".join(tried)
    raise FitError(message)


class _Free:
    """A cost as a function of its free parameters: Minuit mixes up indices of given second derivatives otherwise."""

    def __init__(self, cost: Cost, start: Mapping[str, float], fixed: Collection[str]) -> None:
        self._cost, self._point = cost, np.array([start[n] for n in cost.parameters])
        self._free = np.array([n not in fixed for n in cost.parameters])

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(n for n, free in zip(self._cost.parameters, self._free, strict=True) if free)

    def _full(self, theta: FloatArray) -> FloatArray:
        point = self._point.copy()
        point[self._free] = theta
        return point

    def value(self, theta: FloatArray) -> float:
        """-2 ln L."""
        return self._cost.value(self._full(theta))

    def gradient(self, theta: FloatArray) -> FloatArray | None:
        """Derivatives to the free parameters."""
        slope = self._cost.gradient(self._full(theta))
        return None if slope is None else slope[self._free]

    def whole(self, found: UnbinnedResult) -> UnbinnedResult:
        """Result with the fixed parameters, which have no uncertainty."""
        covariance = np.zeros((len(self._point), len(self._point)))
        covariance[np.ix_(self._free, self._free)] = found.covariance
        sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        return UnbinnedResult(self._cost.parameters, self._full(found.values), sigma, covariance, found.twice_nll,
                              found.warnings)


def _check(cost: Cost, start: Mapping[str, float], limits: Mapping[str, tuple[float, float]],
           fixed: Collection[str]) -> None:
    """Refuse start values and limits that make no sense."""
    findings = Findings("unbinned fit")
    for kind, given in (("start", start), ("limits", limits), ("fixed", fixed)):
        for name in given:
            if name not in cost.parameters:
                findings.unknown_name(f"{kind}.{name}", name, cost.parameters, what="parameter")
    for name in cost.parameters:
        low, high = limits.get(name, (-math.inf, math.inf))
        if name not in start:
            findings.error("start", f"start.{name}", "the start value is missing")
        elif not (math.isfinite(start[name]) and low < high and low <= start[name] <= high):
            findings.error("start", f"start.{name}", f"found {start[name]:g}",
                           expected=f"a finite number in [{low:g}, {high:g}]")
    findings.raise_if_errors(InputError)


def _step(value: float, limits: tuple[float, float] | None) -> float:
    """First step of a parameter."""
    if limits is not None and all(math.isfinite(v) for v in limits):
        return 0.01 * (limits[1] - limits[0])
    return 0.02 * abs(value) or 0.01


def _minuit(cost: Cost, point: FloatArray, steps: FloatArray, derivatives: bool) -> Minuit:
    """Minimiser of a cost, with its gradient or without."""
    def value(theta: FloatArray) -> float:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # steps far out are refused, not warned of
            found = cost.value(theta)
        return found if math.isfinite(found) else 1e300

    def gradient(theta: FloatArray) -> FloatArray:
        slope = cost.gradient(theta)
        assert slope is not None
        return slope

    def hessian(theta: FloatArray) -> FloatArray:
        matrix = np.empty((len(theta), len(theta)))
        for j in range(len(theta)):
            move = np.zeros(len(theta))
            move[j] = STEP * widths[j]
            matrix[j] = (gradient(theta + move) - gradient(theta - move)) / (2 * move[j])
        return 0.5 * (matrix + matrix.T)

    if not derivatives:
        minuit = Minuit(value, point, name=cost.parameters)
    else:
        widths = _widths(gradient, point, steps)
        with warnings.catch_warnings():
            # it says that g2 has no effect beside a Hessian, and fails without it where a second derivative is negative
            warnings.simplefilter("ignore", IMinuitWarning)
            minuit = Minuit(value, point, grad=gradient, g2=lambda theta: np.diag(hessian(theta)).copy(),
                            hessian=hessian, name=cost.parameters)
    minuit.errordef = 1.0
    minuit.strategy = 1
    return minuit


def _widths(gradient: Callable[[FloatArray], FloatArray], point: FloatArray, steps: FloatArray) -> FloatArray:
    """Scale of each parameter, where -2 ln L rises by 1, from one-sided differences of the gradient; at most a step."""
    here = gradient(point)
    result = steps.copy()
    for j, step in enumerate(steps):
        near = point.copy()
        near[j] += 1e-3 * step
        second = (gradient(near)[j] - here[j]) / (1e-3 * step)
        if second > 0:
            result[j] = min(step, math.sqrt(2 / second))
    return result


def _minimise(minuit: Minuit) -> str | None:
    """Migrad and Hesse with fallbacks; why there is no minimum, None when there is one."""
    minuit.migrad()
    if not minuit.valid:
        minuit.strategy = 2
        minuit.migrad()
    if not minuit.valid:
        minuit.simplex()
        minuit.migrad()
    if minuit.valid:
        minuit.hesse()
    if minuit.valid and minuit.accurate and math.isfinite(minuit.fval) and minuit.fval < 1e299:
        return None
    state = minuit.fmin
    if state.has_reached_call_limit:
        return "call limit reached"
    return f"distance to the minimum {state.edm:.1e}" if state.has_posdef_covar else "the Hessian is not positive"


def _result(minuit: Minuit, names: tuple[str, ...]) -> UnbinnedResult:
    """Record of a converged fit."""
    covariance = np.zeros((len(names), len(names))) if minuit.covariance is None else np.array(minuit.covariance)
    values, sigma = np.array(minuit.values), np.sqrt(np.maximum(np.diag(covariance), 0.0))
    warnings = []
    for i, name in enumerate(names):
        low, high = minuit.limits[name]
        if min(values[i] - low, high - values[i]) < 0.01 * sigma[i]:
            warnings.append(f"{name} = {values[i]:g} is at a limit: its uncertainty is not to be trusted")
    return UnbinnedResult(names, values, sigma, covariance, float(minuit.fval), tuple(warnings))
