"""Estimates from a likelihood workspace: the verbs ``analyse``, ``estimate`` and ``scan``.

``analyse`` makes the best fit once; ``estimate`` and ``scan`` take its result, or
anything that ``analyse`` takes.  The definitions of the numbers stand in
:mod:`openbfactory.fit.results`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError, UnknownNameError
from openbfactory.core.provenance import Provenance
from openbfactory.fit.compilation import compile_model
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.profile import Crossing, Fit, best_fit, with_lowest
from openbfactory.fit.results import BranchingFraction, FitResult, ParameterEstimate, ScanResult
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.workspace import Workspace, as_workspace

T = TypeVar("T")


@dataclass(slots=True)
class Analysis:
    """A workspace, the parameter of interest and the fit so far, shared by the verbs.

    The fit is replaced when a conditional fit finds a better minimum.
    """

    workspace: Workspace
    poi: str
    measurement: str
    fit: Fit

    @property
    def index(self) -> int:
        """Index of the parameter of interest."""
        return self.fit.likelihood.model.parameters.index(self.poi)

    def settled(self, compute: Callable[[], T]) -> T:
        """What a function of this analysis gives when no conditional fit in it lies below the best fit.

        Raises
        ------
        FitError
            When conditional fits keep finding lower minima.
        """
        def of(fit: Fit) -> T:
            self.fit = fit
            return compute()

        return with_lowest(self.fit, of)[0]

    def provenance(self) -> Provenance:
        """What made a result of this analysis."""
        content = {"workspace": self.workspace.digest(), "poi": self.poi, "measurement": self.measurement}
        return Provenance(config_hash=digest(content))


def analyse(workspace: Workspace | Mapping[str, Any] | str | Path, poi: str | None = None, *,
            channels: Sequence[str] | None = None, measurement: str | None = None) -> Analysis:
    """Best fit of a workspace, ready for :func:`estimate` and :func:`scan`.

    Raises
    ------
    WorkspaceError, UnknownNameError
        When the workspace has mistakes, or has no such channel, measurement or parameter.
    FitError
        When there is no minimum.
    """
    checked = as_workspace(workspace)
    if channels:
        checked = checked.select(channels)
    chosen = checked.measurement(measurement)
    name = poi or chosen.poi
    model = compile_model(checked, chosen.name)
    if not name:
        raise UnknownNameError("parameter of interest", "", [n for n in model.parameters.names if "[" not in n])
    index = model.parameters.index(name)
    if model.parameters.fixed[index]:
        message = f"the parameter of interest '{name}' is fixed by the measurement '{chosen.name}'"
        raise FitError(message)
    fit = best_fit(Likelihood.of(model, checked.observed()))
    if math.isnan(fit.covariance[index, index]):
        flat = [n for i, n in enumerate(model.parameters.names) if i != index and math.isnan(fit.covariance[i, i])]
        message = f"the data do not determine {name}" + (f": it can be traded for {_listed(flat)}" if flat else "")
        raise FitError(message)
    return Analysis(checked, name, chosen.name, fit)


def estimate(workspace: Workspace | Mapping[str, Any] | str | Path | Analysis, poi: str | None = None, *,
             channels: Sequence[str] | None = None, measurement: str | None = None, unit: float | None = None,
             tests: Sequence[float] = (0.0, 1.0)) -> FitResult:
    """Estimate of the parameter of interest with uncertainty, interval and significance.

    Parameters
    ----------
    workspace
        Workspace, JSON document, file name, or the result of :func:`analyse`.
    poi
        Parameter of interest, that of the measurement by default.
    channels
        Channels to use, all by default.
    unit
        Branching fraction at a parameter of interest of 1.
    tests
        Values whose significance is computed.

    Raises
    ------
    WorkspaceError, UnknownNameError
        When the workspace has mistakes, or has no such channel, measurement or parameter.
    FitError
        When there is no minimum.
    """
    analysis = workspace if isinstance(workspace, Analysis) else analyse(
        workspace, poi, channels=channels, measurement=measurement)
    return analysis.settled(lambda: _estimate(analysis, unit, tests))


def scan(workspace: Workspace | Mapping[str, Any] | str | Path | Analysis, poi: str | None = None, *,
         low: float, high: float, points: int, channels: Sequence[str] | None = None,
         measurement: str | None = None) -> ScanResult:
    """Profile likelihood of the parameter of interest at equally spaced values.

    Raises
    ------
    InputError
        When the range is empty or leaves the bounds of the parameter.
    WorkspaceError, UnknownNameError, FitError
        As :func:`estimate`.
    """
    analysis = workspace if isinstance(workspace, Analysis) else analyse(
        workspace, poi, channels=channels, measurement=measurement)
    _check_range(analysis, low, high, points)
    values = np.linspace(low, high, points)
    delta = analysis.settled(lambda: _scan(analysis, values))
    warnings = tuple(f"no conditional fit at {analysis.poi} = {v:g}" for v, d in zip(values, delta, strict=True)
                     if d is None)
    best = float(analysis.fit.minimum.x[analysis.index])
    return ScanResult(analysis.poi, tuple(values.tolist()), tuple(delta), best, analysis.fit.twice_nll, warnings,
                      analysis.provenance())


def _check_range(analysis: Analysis, low: float, high: float, points: int) -> None:
    """Refuse a scan that cannot be done."""
    parameters = analysis.fit.likelihood.model.parameters
    lower, upper = float(parameters.lower[analysis.index]), float(parameters.upper[analysis.index])
    findings = Findings(f"scan of {analysis.poi}")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        findings.error("scan-range", "", f"found {low:g} to {high:g}", expected="low < high")
    elif low < lower or high > upper:
        findings.error("scan-range", "", f"{low:g} to {high:g} leaves the bounds of {analysis.poi}",
                       expected=f"a range inside [{lower:g}, {upper:g}]")
    if not 2 <= points <= 10_000:
        findings.error("scan-points", "", f"found {points} points", expected="2 to 10000")
    findings.raise_if_errors(InputError)


def _scan(analysis: Analysis, values: FloatArray) -> list[float | None]:
    """Rise of the profile at each value, going outwards from the best one."""
    fit, index = analysis.fit, analysis.index
    best = fit.minimum.x[index]
    result: list[float | None] = [None] * len(values)
    for side in (np.flatnonzero(values >= best), np.flatnonzero(values < best)[::-1]):
        start = None
        for at in side:
            try:
                minimum = fit.conditional(index, float(values[at]), start)
            except FitError:
                start = None
                continue
            result[at], start = fit.rise(minimum), minimum.x
    return result


def _estimate(analysis: Analysis, unit: float | None, tests: Sequence[float]) -> FitResult:
    """Estimate from the fit of an analysis."""
    fit, index = analysis.fit, analysis.index
    model = fit.likelihood.model
    value = float(fit.minimum.x[index])
    warnings = [f.render() for f in analysis.workspace.findings]
    uncertainty = fit.uncertainty(index)
    ends, at_bound = _interval(analysis, warnings)
    interval = (None if ends[0] is None else ends[0] - value, None if ends[1] is None else ends[1] - value)
    significance = {f"{t:g}": _significance(analysis, t, warnings) for t in tests}
    expected = model.expected(fit.minimum.x)
    _warn(fit, analysis.poi, uncertainty, expected, warnings)
    fraction = None if unit is None else BranchingFraction(
        unit, unit * value, None if uncertainty is None else unit * uncertainty,
        (None if interval[0] is None else unit * interval[0], None if interval[1] is None else unit * interval[1]))
    return FitResult(
        poi=analysis.poi, value=value, uncertainty=uncertainty, interval=interval, interval_at_bound=at_bound,
        twice_nll=fit.twice_nll, significance=significance, branching_fraction=fraction,
        measurement=analysis.measurement, channels=tuple(analysis.workspace.channel_names), bins=model.bins,
        observed=float(fit.likelihood.observed.sum()), expected=float(expected.sum()),
        parameters=_parameter_estimates(fit), warnings=tuple(warnings), provenance=analysis.provenance(),
    )


def _interval(analysis: Analysis,
              warnings: list[str]) -> tuple[tuple[float | None, float | None], tuple[bool, bool]]:
    """Ends of the profile interval and whether each is a bound."""
    ends: list[Crossing | None] = []
    for side, word in ((-1, "lower"), (1, "upper")):
        try:
            end = analysis.fit.crossing(analysis.index, side)
        except FitError as error:
            warnings.append(f"no {word} end of the interval: {error}")
            ends.append(None)
            continue
        ends.append(end)
        if end.at_bound:
            warnings.append(f"the {word} end of the interval is the bound {analysis.poi} = {end.value:g}: "
                            "the profile does not rise by 1 before it")
    low, high = ends
    return ((None if low is None else low.value, None if high is None else high.value),
            (low is not None and low.at_bound, high is not None and high.at_bound))


def _significance(analysis: Analysis, tested: float, warnings: list[str]) -> float | None:
    """Signed square root of the rise of the profile at a tested value."""
    parameters = analysis.fit.likelihood.model.parameters
    index = analysis.index
    if not parameters.lower[index] <= tested <= parameters.upper[index]:
        warnings.append(f"no significance at {analysis.poi} = {tested:g}: outside the bounds of the parameter")
        return None
    try:
        minimum = analysis.fit.conditional(index, tested)
    except FitError as error:
        warnings.append(f"no significance at {analysis.poi} = {tested:g}: {error}")
        return None
    root = math.sqrt(analysis.fit.rise(minimum))
    return math.copysign(root, analysis.fit.minimum.x[index] - tested) if root > 0 else 0.0


def _warn(fit: Fit, poi: str, uncertainty: float | None, expected: FloatArray, warnings: list[str]) -> None:
    """Add what the reader of the numbers must know."""
    names = fit.likelihood.model.parameters.names
    held = [names[i] for i in np.flatnonzero(fit.minimum.at_bound)]
    if held:
        warnings.append(f"held at a bound: {_listed(held)}")
    flat = [names[i] for i in np.flatnonzero(np.isnan(np.diag(fit.covariance)))]
    if flat:
        warnings.append(f"not determined by the data: {_listed(flat)}")
    if uncertainty is None:
        warnings.append(f"the Hessian gives no uncertainty of {poi}")
    if (expected < 0).any():
        warnings.append(f"the expectation is negative in {int((expected < 0).sum())} bins without events")


def _listed(names: Sequence[str]) -> str:
    """The first ten names and the number of the others."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _parameter_estimates(fit: Fit) -> tuple[ParameterEstimate, ...]:
    """Value, uncertainty, pull and constraint of every component."""
    parameters = fit.likelihood.model.parameters
    variance = np.diag(fit.covariance)
    estimates = []
    for i, name in enumerate(parameters.names):
        value, width = float(fit.minimum.x[i]), float(parameters.width[i])
        sigma = math.sqrt(variance[i]) if variance[i] > 0 else None
        constrained = math.isfinite(width) and not fit.fixed[i]
        estimates.append(ParameterEstimate(
            name, value, sigma,
            pull=(value - float(parameters.center[i])) / width if constrained else None,
            constraint=sigma / width if constrained and sigma is not None else None,
            fixed=bool(fit.fixed[i]), at_bound=bool(fit.minimum.at_bound[i]),
        ))
    return tuple(estimates)
