"""What ``obf fit`` adds on request: ranking, impacts of groups, contours of two parameters, projections."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from openbfactory.fit.estimate import Analysis
    from openbfactory.fit.results import FitResult


def run(analysis: Analysis, result: FitResult, *, ranking: int | None, impacts: bool,
        axes: list[tuple[str, float, float, int]] | None, factors: list[float] | None) -> dict[str, Any]:
    """Record of everything that was asked for, printed as tables."""
    document: dict[str, Any] = {}
    if ranking is not None:
        document["ranking"] = _ranking(analysis, ranking)
    if impacts:
        document["impacts"] = _impacts(analysis)
    if axes:
        document["contour"] = _contour(analysis, axes)
    if factors:
        document["projection"] = _projection(analysis, result, factors)
    return document


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    return table


def _number(value: float | None, form: str = "+.4f") -> str:
    return "-" if value is None else format(value, form)


def _ranking(analysis: Analysis, shown: int) -> list[dict[str, Any]]:
    """Shifts by every nuisance, the largest first."""
    from openbfactory.fit.impacts import ranking
    from openbfactory.fit.workspace_schema import show

    found = ranking(analysis)
    table = _table(f"Shift of {analysis.poi} ({min(shown, len(found))} of {len(found)} nuisances)", "nuisance (-1, +1 "
                   "sigma)", "pull", "post-fit", "pre-fit")
    for item in found[:shown]:
        table.add_row(show(item.name), _number(item.pull, "+.2f"), *(
            " ".join(_number(v, "+.3f") for v in pair) for pair in (item.post, item.pre)))
    Console().print(table)
    return [{"name": i.name, "pull": i.pull, "constraint": i.constraint, "post": list(i.post), "pre": list(i.pre)}
            for i in found]


def _impacts(analysis: Analysis) -> dict[str, Any]:
    """Statistical and systematic part, and the impact of each group, the largest first."""
    from openbfactory.fit.impacts import group_impacts, groups_by_type, statistical_split

    members: dict[str, tuple[str, ...]] = {}
    for name, parameters in groups_by_type(analysis).items():
        stem = re.sub(r"_c\d+$", "", name)
        members[stem] = members.get(stem, ()) + parameters
    split, found = statistical_split(analysis), group_impacts(analysis, members)
    groups = dict(sorted(found.items(), key=lambda item: -item[1]))
    table = _table(f"Uncertainty of {analysis.poi}", "part", "size")
    for label, value in (("total", split.total), ("statistical", split.statistical), ("systematic", split.systematic),
                         *((f"impact of {name}", value) for name, value in groups.items())):
        table.add_row(label, _number(value, ".4f"))
    Console().print(table)
    return {"total": split.total, "statistical": split.statistical, "systematic": split.systematic,
            "groups": dict(groups)}


def _contour(analysis: Analysis, axes: list[tuple[str, float, float, int]]) -> dict[str, Any]:
    """Profile likelihood of two parameters."""
    from openbfactory.fit.contours import Axis, scan_two

    first, second = (Axis(*axis) for axis in axes)
    found = scan_two(analysis, first, second)
    table = _table(f"2NLL - minimum (rows {first.name}, columns {second.name}); 68.27 %: "
                   f"{found.level(0.6827):.2f}, 95 %: {found.level(0.95):.2f}",
                   "", *(f"{v:g}" for v in second.values))
    for value, row in zip(first.values, found.delta, strict=True):
        table.add_row(f"{value:g}", *("-" if math.isnan(d) else f"{d:.2f}" for d in row))
    Console().print(table)
    return found.to_dict()


def _projection(analysis: Analysis, result: FitResult, factors: list[float]) -> list[dict[str, float | None]]:
    """Uncertainties at other luminosities, for data as expected at a parameter of interest of 1."""
    from openbfactory.fit.projection import project

    found = project(analysis.workspace, factors, poi=analysis.poi)
    table = _table(f"{result.poi} at other luminosities (expected data at {result.poi} = 1)", "luminosity", "total",
                   "statistical", "systematic")
    for p in found:
        label = "without end" if math.isinf(p.factor) else f"x {p.factor:g}"
        table.add_row(label, *(_number(v, ".4f") for v in (p.total, p.statistical, p.systematic)))
    Console().print(table)
    return [{"factor": None if math.isinf(p.factor) else p.factor, "total": p.total, "statistical": p.statistical,
             "systematic": p.systematic} for p in found]
