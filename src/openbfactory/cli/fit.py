"""``obf fit WORKSPACE.json``: estimate of the parameter of interest of a likelihood workspace."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from openbfactory.fit.results import BranchingFraction, FitResult, ScanResult

#: number of pulls in the table on the terminal
PULLS_SHOWN = 10


def fit(
    workspace: Annotated[Path, typer.Argument(metavar="WORKSPACE.json", help="Likelihood workspace (pyhf JSON).")],
    poi: Annotated[str | None, typer.Option(help="Parameter of interest [default: that of the measurement].")] = None,
    json: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the result record to this file.")] = None,
    unit: Annotated[float | None, typer.Option(help="Branching fraction at a parameter of interest of 1.")] = None,
    scan: Annotated[str | None, typer.Option(metavar="LO,HI,N", help="Profile likelihood at N values.")] = None,
    channels: Annotated[str | None, typer.Option(metavar="A,B,...", help="Use only these channels.")] = None,
    limit: Annotated[bool, typer.Option("--limit", help="Upper limit (CLs) with its expected band.")] = False,
    level: Annotated[float, typer.Option(help="Confidence level of the limit.")] = 0.90,
    toys: Annotated[int | None, typer.Option(metavar="N", help="Throw and fit N toys: spread, pulls, coverage, "
                                             "goodness of fit.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the toys.")] = 1,
    ranking: Annotated[int | None, typer.Option(metavar="N", min=1, help="Shifts of the estimate by each nuisance, "
                                                "the largest N shown.")] = None,
    impacts: Annotated[bool, typer.Option("--impacts", help="Statistical part, and impacts of groups.")] = False,
    contour: Annotated[list[str] | None, typer.Option(metavar="NAME,LO,HI,N", help="Profile likelihood of two "
                                                      "parameters: give it twice.")] = None,
    project: Annotated[str | None, typer.Option(metavar="F,F,...", help="Uncertainty at so many times the "
                                                "luminosity.")] = None,
    figures: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw what was computed: PNG and PDF.")] = None,
) -> None:
    """Fit a likelihood workspace: estimate, uncertainty, interval, significance, pulls, limit, toys, ranking."""
    if unit is not None and not (math.isfinite(unit) and unit > 0):
        raise typer.BadParameter("expected a number > 0", param_hint="--unit")
    if toys is not None and not 1 <= toys <= 1_000_000:
        raise typer.BadParameter("expected 1 to 1000000", param_hint="--toys")
    if not 0.5 < level < 1:
        raise typer.BadParameter("expected a number between 0.5 and 1", param_hint="--level")
    grid = _grid(scan) if scan is not None else None
    axes = _axes(contour) if contour else None
    factors = _factors(project) if project is not None else None
    # the matrices are small: threads of the linear algebra cost more than they give, most of all on a busy machine
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from openbfactory.fit import estimate as fitting
    from openbfactory.fit.results import write_record

    names = [c.strip() for c in channels.split(",") if c.strip()] if channels else None
    analysis = fitting.analyse(workspace, poi, channels=names)
    profile = None if grid is None else fitting.scan(analysis, low=grid[0], high=grid[1], points=grid[2])
    result = fitting.estimate(analysis, unit=unit)
    _print_result(result, str(workspace))
    document: dict[str, Any] = result.to_dict()
    if profile is not None:
        _print_scan(profile)
        document["scan"] = profile.to_dict()
    if limit:
        from openbfactory.cli import fit_tables
        from openbfactory.fit.limits import upper_limit

        bound = upper_limit(analysis, level=level)
        fit_tables.print_limit(bound, unit)
        document["limit"] = bound.to_dict()
    if toys is not None:
        from openbfactory.cli import fit_tables

        document["toys"] = fit_tables.run_toys(analysis, toys, seed)
    if ranking is not None or impacts or axes or factors:
        from openbfactory.cli import fit_studies

        document |= fit_studies.run(analysis, result, ranking=ranking, impacts=impacts, axes=axes, factors=factors)
    if figures is not None:
        from openbfactory.fit.yields import channel_yields

        document["yields"] = [channel.to_dict() for channel in channel_yields(analysis)]
    if json is not None:
        write_record(document, json)
    if figures is not None:
        from openbfactory.cli import fit_figures

        print("\n".join(str(path) for path in fit_figures.write(document, figures)))


def _grid(text: str) -> tuple[float, float, int]:
    """Low, high and number of points of a scan."""
    try:
        low, high, points = text.split(",")
        return float(low), float(high), int(points)
    except ValueError:
        message = f"found '{text}', expected LO,HI,N such as 0,10,41"
        raise typer.BadParameter(message, param_hint="--scan") from None


def _axes(texts: list[str]) -> list[tuple[str, float, float, int]]:
    """The two axes of a contour."""
    try:
        found = [(name, float(low), float(high), int(points))
                 for name, low, high, points in (text.split(",") for text in texts)]
        first, second = found
        if first[0] == second[0]:
            raise ValueError
    except ValueError:
        message = f"found '{' '.join(texts)}', expected two parameters as NAME,LO,HI,N such as mu,0,10,41"
        raise typer.BadParameter(message, param_hint="--contour") from None
    return [first, second]


def _factors(text: str) -> list[float]:
    """Luminosity factors."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(math.isfinite(f) and f > 0 for f in found):
        message = f"found '{text}', expected numbers above 0 such as 1,10,100"
        raise typer.BadParameter(message, param_hint="--project")
    return found


def _print_result(result: FitResult, source: str) -> None:
    """Print the estimate as tables."""
    from rich.console import Console
    from rich.table import Table

    from openbfactory.fit.workspace_schema import show

    console = Console()
    table = Table(title=f"{show(result.poi)}: {show(Path(source).name)}", show_header=False)
    for label, text in _rows(result):
        table.add_row(label, text)
    console.print(table)
    pulls = result.pulls()[:PULLS_SHOWN]
    if pulls:
        pull_table = Table(title=f"Largest pulls ({len(pulls)} of {len(result.pulls())})")
        for heading in ("parameter", "pull", "uncertainty / constraint"):
            pull_table.add_column(heading, justify="left" if heading == "parameter" else "right", no_wrap=True)
        for p in pulls:
            pull_table.add_row(show(p.name), f"{p.pull:+.3f}", _number(p.constraint, ".3f"))
        console.print(pull_table)
    for warning in result.warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)


def _rows(result: FitResult) -> list[tuple[str, str]]:
    """Label and text of each line of the table of an estimate."""
    low, high = result.interval
    bound = [" (bound)" if b else "" for b in result.interval_at_bound]
    rows = [
        ("estimate", f"{result.value:.5f}"),
        ("uncertainty (Hessian)", _number(result.uncertainty, ".5f")),
        ("interval (profile)", f"{_number(low, '+.4f')}{bound[0]} {_number(high, '+.4f')}{bound[1]}"),
        ("2NLL at the minimum", f"{result.twice_nll:.5f}"),
        *((f"Z({tested})", _number(z, ".5f")) for tested, z in result.significance.items()),
    ]
    if result.branching_fraction is not None:
        rows.append(("branching fraction", _fraction_text(result.branching_fraction)))
    rows.append(("data", f"{len(result.channels)} channels, {result.bins} bins, {result.observed:.10g} events, "
                 f"{result.expected:.1f} expected, {len(result.parameters)} parameters"))
    return rows


def _fraction_text(fraction: BranchingFraction) -> str:
    """Branching fraction with uncertainty and interval, in a common power of ten."""
    exponent = math.floor(math.log10(abs(fraction.value) or fraction.unit))
    value, sigma, low, high = (None if v is None else v / 10**exponent
                               for v in (fraction.value, fraction.uncertainty, *fraction.interval))
    return (f"({_number(value, '.3f')} +- {_number(sigma, '.3f')}) 1e{exponent:d}, "
            f"interval {_number(low, '+.3f')} {_number(high, '+.3f')}")


def _number(value: float | None, form: str) -> str:
    """Formatted number, or a dash for an absent one."""
    return "-" if value is None else format(value, form)


def _print_scan(profile: ScanResult) -> None:
    """Print the values of a scan."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Profile likelihood")
    table.add_column(profile.poi, justify="right")
    table.add_column("2NLL - minimum", justify="right")
    for value, delta in zip(profile.values, profile.delta, strict=True):
        table.add_row(f"{value:g}", _number(delta, ".4f"))
    Console().print(table)
