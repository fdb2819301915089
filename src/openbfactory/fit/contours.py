"""Profile likelihood of two parameters on a grid, and the levels of its contours.

Definition: 2NLL with both parameters held, everything else profiled, above its
minimum.  In the asymptotic limit it follows a chi2 distribution with two degrees of
freedom; a contour of confidence p lies at the p-quantile: 2.30 for 68.27 %, 5.99
for 95 %.  Each row of the grid starts from its neighbour, from the best point outwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.provenance import Provenance
from openbfactory.fit.estimate import Analysis, analyse
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.workspace import Workspace

#: most points along one axis of a grid
MAX_POINTS = 500


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values at which it is held.

    Attributes
    ----------
    name
        Parameter.
    low, high, points
        Range, ends included, and number of values.
    """

    name: str
    low: float
    high: float
    points: int

    @property
    def values(self) -> FloatArray:
        """Equally spaced values."""
        return np.linspace(self.low, self.high, self.points)


@dataclass(frozen=True, slots=True, eq=False)
class ContourResult:
    """Profile likelihood of two parameters.

    Attributes
    ----------
    axes
        The two parameters.
    delta : (points of the first, points of the second)
        2NLL above its minimum; nan where no fit was possible.
    best
        Estimates of both.
    twice_nll
        2NLL at the minimum.
    """

    axes: tuple[Axis, Axis]
    delta: FloatArray
    best: tuple[float, float]
    twice_nll: float
    warnings: tuple[str, ...]
    provenance: Provenance

    @staticmethod
    def level(confidence: float) -> float:
        """Height of the contour of a confidence level: -2 ln(1 - p), the chi2 quantile for two parameters."""
        return float(chi2.ppf(confidence, 2))

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON; None where no fit was possible."""
        first, second = self.axes
        return {"parameters": [first.name, second.name], "values": [first.values.tolist(), second.values.tolist()],
                "delta": [[None if math.isnan(d) else d for d in row] for row in self.delta.tolist()],
                "best": list(self.best), "twice_nll": self.twice_nll, "warnings": list(self.warnings),
                "provenance": self.provenance.to_dict()}


def scan_two(workspace: Workspace | Mapping[str, Any] | str | Path | Analysis, first: Axis, second: Axis, *,
             channels: Sequence[str] | None = None) -> ContourResult:
    """Profile likelihood of two parameters on the grid of their values.

    Raises
    ------
    InputError
        When a range is empty or leaves the bounds of its parameter, or both axes are the same parameter.
    WorkspaceError, UnknownNameError, FitError
        As :func:`openbfactory.fit.estimate.estimate`.
    """
    analysis = workspace if isinstance(workspace, Analysis) else analyse(workspace, channels=channels)
    indices = _checked(analysis, first, second)
    delta = analysis.settled(lambda: _grid(analysis, indices, first.values, second.values))
    missing = int(np.isnan(delta).sum())
    warnings = (f"no conditional fit at {missing} of {delta.size} points",) if missing else ()
    x = analysis.fit.minimum.x
    return ContourResult((first, second), delta, (float(x[indices[0]]), float(x[indices[1]])), analysis.fit.twice_nll,
                         warnings, analysis.provenance())


def _checked(analysis: Analysis, first: Axis, second: Axis) -> tuple[int, int]:
    """Indices of the parameters of two axes that make sense."""
    parameters = analysis.fit.likelihood.model.parameters
    indices = parameters.index(first.name), parameters.index(second.name)
    findings = Findings(f"scan of {first.name} and {second.name}")
    if indices[0] == indices[1]:
        findings.error("same-parameter", "", f"both axes are {first.name}", expected="two parameters")
    for axis, index in zip((first, second), indices, strict=True):
        lower, upper = float(parameters.lower[index]), float(parameters.upper[index])
        if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low < axis.high):
            findings.error("scan-range", axis.name, f"found {axis.low:g} to {axis.high:g}", expected="low < high")
        elif axis.low < lower or axis.high > upper:
            findings.error("scan-range", axis.name, f"{axis.low:g} to {axis.high:g} leaves its bounds",
                           expected=f"a range inside [{lower:g}, {upper:g}]")
        if not 2 <= axis.points <= MAX_POINTS:
            findings.error("scan-points", axis.name, f"found {axis.points} points", expected=f"2 to {MAX_POINTS}")
        if parameters.fixed[index]:
            findings.error("fixed", axis.name, "the measurement fixes this parameter", expected="a free parameter")
    findings.raise_if_errors(InputError)
    return indices


def _grid(analysis: Analysis, indices: tuple[int, int], first: FloatArray, second: FloatArray) -> FloatArray:
    """Rise of the profile at each point: rows outwards from the best value, each row outwards too."""
    fit = analysis.fit
    best = fit.minimum.x[list(indices)]
    delta = np.full((len(first), len(second)), np.nan)
    for rows in _outwards(first, best[0]):
        for i in rows:
            for columns in _outwards(second, best[1]):
                start = None
                for j in columns:
                    try:
                        minimum = fit.held(indices, (float(first[i]), float(second[j])), start)
                    except FitError:
                        start = None
                        continue
                    delta[i, j], start = fit.rise(minimum), minimum.x
    return delta


def _outwards(values: FloatArray, best: float) -> tuple[list[int], list[int]]:
    """Indices of the values above and below the best one, nearest first."""
    return np.flatnonzero(values >= best).tolist(), np.flatnonzero(values < best)[::-1].tolist()
