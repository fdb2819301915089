"""What a measurement would reach at other luminosities: statistical, systematic and total uncertainty.

Method: the workspace is scaled (:func:`openbfactory.fit.editing.scaled`), its data replaced by the expectation at a
value of the parameter of interest, and fitted.  Uncertainties come from the Hessian; the statistical part is the
linear formula of :mod:`openbfactory.fit.impacts`, the systematic part what is left in quadrature.  What remains at a
luminosity without end is the floor: the systematic part at :data:`ENDLESS` times the luminosity.

Approximation: relative systematic uncertainties, the size of the simulated samples among them, stay as they are unless
``shrinking`` names those that data or simulation of growing size would reduce with 1/sqrt(luminosity).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.build import asimov
from openbfactory.fit.editing import scaled
from openbfactory.fit.estimate import analyse
from openbfactory.fit.impacts import statistical_split
from openbfactory.fit.workspace import Workspace, parse_workspace

#: luminosity factor that stands for one without end
ENDLESS = 1e6


@dataclass(frozen=True, slots=True)
class Projection:
    """Uncertainty of the parameter of interest at one luminosity.

    Attributes
    ----------
    factor
        Luminosity over that of the workspace; infinite for the floor.
    total, statistical, systematic
        Standard deviations; total^2 = statistical^2 + systematic^2.
    """

    factor: float
    total: float
    statistical: float
    systematic: float


def project(workspace: Workspace, factors: Sequence[float], *, mu: float = 1.0, poi: str | None = None,
            shrinking: Collection[str] = ()) -> list[Projection]:
    """Projections at each luminosity factor, and the floor as the last one.

    Parameters
    ----------
    mu
        Value of the parameter of interest in the expected data.
    shrinking
        Patterns of parameters whose relative uncertainty falls with 1/sqrt(luminosity).

    Raises
    ------
    InputError
        When a factor is not above 0 and finite.
    FitError, UnknownNameError
        As :func:`openbfactory.fit.estimate.analyse`.
    """
    findings = Findings("projection")
    for k, factor in enumerate(factors):
        if not (math.isfinite(factor) and factor > 0):
            findings.error("factor", f"factors[{k}]", f"found {factor:g}", expected="a number above 0")
    findings.raise_if_errors(InputError)
    found = [_at(workspace, f, f, mu, poi, shrinking) for f in factors]
    return [*found, _at(workspace, ENDLESS, math.inf, mu, poi, shrinking)]


def _at(workspace: Workspace, factor: float, label: float, mu: float, poi: str | None,
        shrinking: Collection[str]) -> Projection:
    """Projection at one luminosity factor."""
    larger = scaled(_shrunk(workspace, factor, shrinking), factor)
    analysis = analyse(asimov(larger, mu, poi), poi)
    split = statistical_split(analysis)
    return Projection(label, split.total, split.statistical, split.systematic)


def _shrunk(workspace: Workspace, factor: float, patterns: Collection[str]) -> Workspace:
    """The workspace with some relative uncertainties divided by the square root of the factor."""
    if not patterns:
        return workspace
    document, share = copy.deepcopy(workspace.document), 1 / math.sqrt(factor)
    for channel in document["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if any(fnmatchcase(modifier["name"], p) for p in patterns):
                    modifier["data"] = _closer(modifier, sample["data"], share)
    return parse_workspace(document, workspace.source)


def _closer(modifier: dict[str, Any], nominal: Sequence[float], share: float) -> Any:
    """Content of a modifier with its effect reduced to a share."""
    data = modifier["data"]
    if modifier["type"] == "normsys":
        return {side: 1 + share * (value - 1) for side, value in data.items()}
    if modifier["type"] == "histosys":
        return {side: [n + share * (v - n) for n, v in zip(nominal, values, strict=True)]
                for side, values in data.items()}
    if modifier["type"] in ("staterror", "shapesys"):
        return [share * v for v in data]
    return data
