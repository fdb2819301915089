"""What an uncertainty is made of: ranking of the nuisances, impacts of groups, correlations, statistical part.

Definitions
-----------
shift of a nuisance
    Change of the estimate when the nuisance is held one standard deviation above
    or below its best value and everything else is fitted again.  ``post``: the
    standard deviation of the fit; ``pre``: that of the constraint term.
impact of a group
    sqrt(sigma_total^2 - sigma_fixed^2), with sigma_fixed from the Hessian with the
    group held at its best values (the best point is the same, so no second fit is
    needed).  The Hessian is that expected at the best point (data and auxiliary
    measurements equal to their expectations); with the observed one an impact
    differs by up to a third.  Groups are correlated: their squares do not add up.
statistical part
    Spread of the estimate under Poisson fluctuations of the counts, all nuisances
    profiled.  Linear formula: with H the Hessian of 2NLL and J the derivatives of
    the expected events lambda, d theta / d n_b = 2 H^-1 J_b / lambda_b, hence
    sigma_stat^2 = sum_b lambda_b (d mu / d n_b)^2.  Holding all nuisances fixed
    instead is another, smaller number.

Approximation: the linear formula takes the same expected H and is exact for a
linear model;
:func:`openbfactory.fit.toys.statistical_split` gives the spread itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from openbfactory.core.errors import FitError, UnknownNameError
from openbfactory.fit.estimate import Analysis
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.profile import Fit, hessian_covariance
from openbfactory.fit.specification import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Impact:
    """Shifts of the estimate by one nuisance.

    Attributes
    ----------
    pull, constraint
        (value - auxiliary measurement) and uncertainty in units of the constraint; None without one.
    post, pre
        Shifts for the nuisance (down, up); None where there is no such fit.
    """

    name: str
    pull: float | None
    constraint: float | None
    post: tuple[float | None, float | None]
    pre: tuple[float | None, float | None]

    @property
    def size(self) -> float:
        """The larger of the two shifts with the uncertainty of the fit."""
        return max((abs(s) for s in self.post if s is not None), default=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """Correlation matrix of the free parameters.

    Attributes
    ----------
    names
        Parameters, in the order of the matrix.
    matrix
        Correlations, shape (names, names).
    """

    names: tuple[str, ...]
    matrix: FloatArray

    def largest(self, count: int = 10) -> list[tuple[str, str, float]]:
        """The pairs with the largest correlation."""
        rows, columns = np.triu_indices(len(self.names), 1)
        values = self.matrix[rows, columns]
        order = np.argsort(-np.abs(values), kind="stable")[:count]
        return [(self.names[rows[i]], self.names[columns[i]], float(values[i])) for i in order]


@dataclass(frozen=True, slots=True)
class UncertaintySplit:
    """Statistical and systematic part of an uncertainty; ``total^2 = statistical^2 + systematic^2``.

    Attributes
    ----------
    method
        ``linear`` or ``toys``.
    """

    total: float
    statistical: float
    systematic: float
    method: str


def correlations(fit: Fit) -> Correlations:
    """Correlation matrix of the parameters that are free and determined, from the Hessian."""
    variance = np.diag(fit.covariance)
    which = np.flatnonzero(variance > 0)
    sigma = np.sqrt(variance[which])
    names = tuple(fit.likelihood.model.parameters.names[i] for i in which)
    return Correlations(names, fit.covariance[np.ix_(which, which)] / np.outer(sigma, sigma))


def ranking(analysis: Analysis, names: Sequence[str] | None = None) -> list[Impact]:
    """Shifts of the estimate by each nuisance, the largest first.

    Parameters
    ----------
    names
        Nuisances to rank, all free ones by default.

    Raises
    ------
    UnknownNameError
        When there is no such parameter.
    FitError
        When the profile keeps finding lower minima.
    """
    parameters = analysis.fit.likelihood.model.parameters
    which = [parameters.index(n) for n in names] if names is not None else [
        int(i) for i in np.flatnonzero(analysis.fit.minimum.free) if i != analysis.index]
    impacts = analysis.settled(lambda: [_impact(analysis, i) for i in which])
    return sorted(impacts, key=lambda i: (-i.size, i.name))


def _impact(analysis: Analysis, index: int) -> Impact:
    """Shifts by one nuisance."""
    fit = analysis.fit
    parameters = fit.likelihood.model.parameters
    best, sigma = float(fit.minimum.x[index]), fit.uncertainty(index)
    center, width = float(parameters.center[index]), float(parameters.width[index])
    constrained = math.isfinite(width)
    return Impact(
        parameters.names[index],
        pull=(best - center) / width if constrained else None,
        constraint=sigma / width if constrained and sigma is not None else None,
        post=(None, None) if sigma is None else (_shift(analysis, index, -sigma), _shift(analysis, index, sigma)),
        pre=(_shift(analysis, index, -width), _shift(analysis, index, width)) if constrained else (None, None),
    )


def _shift(analysis: Analysis, index: int, step: float) -> float | None:
    """Shift of the estimate with a nuisance moved by a step (up to its bound) and everything else fitted again."""
    fit = analysis.fit
    parameters = fit.likelihood.model.parameters
    value = float(np.clip(fit.minimum.x[index] + step, parameters.lower[index], parameters.upper[index]))
    try:
        moved = fit.conditional(index, value)
    except FitError:
        return None
    return float(moved.x[analysis.index] - fit.minimum.x[analysis.index])


def groups_by_type(analysis: Analysis) -> dict[str, tuple[str, ...]]:
    """Names of the nuisances: one group for the size of the simulated samples, one for each other parameter."""
    simulated: list[str] = []
    others: dict[str, tuple[str, ...]] = {}
    for channel in analysis.workspace.content.channels:
        for modifier in (m for s in channel.samples for m in s.modifiers):
            if modifier.type in {"staterror", "shapesys"}:
                simulated.append(modifier.name)
            elif modifier.name != analysis.poi:
                others[modifier.name] = (modifier.name,)
    return {"size of simulated samples": tuple(dict.fromkeys(simulated)), **others} if simulated else others


def group_impacts(analysis: Analysis, groups: Mapping[str, Sequence[str]] | None = None, *,
                  observed: bool = False) -> dict[str, float]:
    """Impact of each group of nuisances on the uncertainty of the parameter of interest.

    Parameters
    ----------
    groups
        Parameter names by group, with ``*`` and ``?`` as in file names;
        :func:`groups_by_type` by default.
    observed
        Take the Hessian for the data instead of the expected one.

    Raises
    ------
    UnknownNameError
        When a name or pattern has no parameter.
    FitError
        When the Hessian gives no uncertainty.
    """
    fit, index = analysis.fit, analysis.index
    hessian = fit.minimum.hessian if observed else expected_hessian(fit)
    total = _sigma(fit, hessian, fit.minimum.free, index)
    result = {}
    for group, patterns in (groups_by_type(analysis) if groups is None else groups).items():
        free = fit.minimum.free.copy()
        free[_matching(fit, patterns)] = False
        result[group] = math.sqrt(max(0.0, total**2 - _sigma(fit, hessian, free, index) ** 2))
    return result


def _matching(fit: Fit, patterns: Sequence[str]) -> list[int]:
    """Indices of the parameters of some patterns; a pattern may name a component or the whole parameter."""
    names = fit.likelihood.model.parameters.names
    found: list[int] = []
    for pattern in patterns:
        hits = [i for i, n in enumerate(names) if fnmatchcase(n, pattern) or fnmatchcase(n.split("[")[0], pattern)]
        if not hits:
            raise UnknownNameError("parameter", pattern, names)
        found += hits
    return found


def expected_hessian(fit: Fit) -> FloatArray:
    """Hessian of 2NLL at the best point for counts and auxiliary measurements equal to their expectations."""
    x, likelihood = fit.minimum.x, fit.likelihood
    terms = likelihood.model.constraints
    center = x[terms.order] * np.where(terms.is_poisson, terms.width, 1.0)
    rate = np.maximum(likelihood.model.expected(x), 0.0)
    hessian: FloatArray = Likelihood(likelihood.model, rate, center).evaluate(x)[2]
    return hessian


def _sigma(fit: Fit, hessian: FloatArray, free: BoolArray, index: int) -> float:
    """Uncertainty of a parameter from the Hessian of some free parameters."""
    released = free.copy()
    released[index] = True
    variance = hessian_covariance(hessian, released)[index, index]
    if not variance > 0:
        message = f"the Hessian gives no uncertainty of {fit.likelihood.model.parameters.names[index]}"
        raise FitError(message)
    return math.sqrt(variance)


def statistical_split(analysis: Analysis) -> UncertaintySplit:
    """Statistical and systematic part of the uncertainty by the linear formula.

    Raises
    ------
    FitError
        When the Hessian gives no uncertainty.
    """
    fit, index = analysis.fit, analysis.index
    total = _sigma(fit, fit.minimum.hessian, fit.minimum.free, index)
    free = fit.minimum.free.copy()
    free[index] = True
    expectation = fit.likelihood.model.derivatives(fit.minimum.x)
    row = hessian_covariance(expected_hessian(fit), free)[index]  # 2 H^-1
    usable = expectation.bins > 0
    rate = expectation.bins[usable]
    slope = fit.likelihood.model.jacobian(expectation)[usable] @ row / rate
    statistical = math.sqrt(float(np.sum(rate * slope**2)))
    return UncertaintySplit(total, statistical, math.sqrt(max(0.0, total**2 - statistical**2)), "linear")
