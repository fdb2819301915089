"""Tables of ``obf fit --limit`` and ``obf fit --toys N``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

if TYPE_CHECKING:
    from openbfactory.fit.estimate import Analysis
    from openbfactory.fit.limits import LimitResult
    from openbfactory.fit.toys import Toys, ToyTask


def print_limit(limit: LimitResult, unit: float | None) -> None:
    """Print an upper limit and its expected band."""
    table = Table(title=f"Upper limit of {limit.poi} at {100 * limit.level:g} % ({limit.method})")
    for heading in ("", limit.poi, *(["branching fraction"] if unit is not None else [])):
        table.add_column(heading, justify="right")
    rows = [("observed", limit.observed), *(
        (f"expected {n:+d} sigma" if n else "expected median", v)
        for n, v in zip((-2, -1, 0, 1, 2), limit.expected, strict=True))]
    for label, value in rows:
        text = "above the bound" if value is None else f"{value:.4f}"
        fraction = [] if unit is None else ["-" if value is None else f"{unit * value:.3e}"]
        table.add_row(label, text, *fraction)
    console = Console()
    console.print(table)
    for warning in limit.warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)


def run_toys(analysis: Analysis, count: int, seed: int) -> dict[str, Any]:
    """Throw, fit and print toys; the summary for the record."""
    from openbfactory.fit.toys import CHUNK, fit_toys, goodness_of_fit

    chunks = -(-count // CHUNK)

    def mapper(work: Callable[[ToyTask], Toys], todo: Iterable[ToyTask]) -> Iterator[Toys]:
        if sys.stderr.isatty():
            yield from map(work, track(todo, "toys", total=chunks, console=Console(stderr=True)))
            return
        begin = time.monotonic()
        for done, task in enumerate(todo, start=1):
            yield work(task)
            left = (time.monotonic() - begin) / done * (chunks - done)
            print(f"toys: chunk {done} of {chunks} done, {left:.0f} s left", file=sys.stderr, flush=True)

    best = float(analysis.fit.minimum.x[analysis.index])
    toys = fit_toys(analysis, count, seed=seed, tested=best, mapper=mapper)
    quality, pulls, (coverage, error) = goodness_of_fit(analysis, toys), toys.pulls(), toys.coverage()
    summary = {
        "toys": count, "failed": toys.failed, "seed": seed, "truth": best,
        "mean": float(toys.estimates.mean()), "spread": float(toys.estimates.std()),
        "pull_mean": float(pulls.mean()) if len(pulls) else None,
        "pull_width": float(pulls.std()) if len(pulls) else None, "coverage": coverage, "coverage_uncertainty": error,
        "goodness_of_fit": {"statistic": quality.observed, "p": quality.p, "uncertainty": quality.uncertainty,
                            "asymptotic": quality.asymptotic},
    }
    _print_toys(summary, analysis.poi)
    return summary


def _print_toys(summary: dict[str, Any], poi: str) -> None:
    """Print the summary of toys."""
    pull = ", ".join("-" if v is None else f"{v:+.3f}" for v in (summary["pull_mean"], summary["pull_width"]))
    quality = summary["goodness_of_fit"]
    table = Table(title=f"{summary['toys']} toys at {poi} = {summary['truth']:.4f}", show_header=False)
    for label, text in (
        ("without a minimum", f"{summary['failed']}"),
        ("mean and spread of the estimate", f"{summary['mean']:.4f}, {summary['spread']:.4f}"),
        ("mean and width of the pull", pull),
        ("coverage of the 68.3 % interval", f"{summary['coverage']:.3f} +- {summary['coverage_uncertainty']:.3f}"),
        ("goodness of fit (saturated)", f"{quality['statistic']:.2f}, p = {quality['p']:.3f} +- "
         f"{quality['uncertainty']:.3f} (asymptotic {quality['asymptotic']:.3f})"),
    ):
        table.add_row(label, text)
    Console().print(table)
