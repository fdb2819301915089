"""Sections of the report that check the measurement by itself: toys, and parts of the data set."""

from __future__ import annotations

from openbfactory.analyses.lifetimes import figures
from openbfactory.analyses.lifetimes.record import Result
from openbfactory.report.content import Paragraph, Section
from openbfactory.report.tables import pairs_table


def internal_checks(result: Result) -> tuple[Section, ...]:
    """Toys, and parts where the data set is large enough."""
    return (_toys(result), *_parts(result))


def _toys(result: Result) -> Section:
    """Bias and coverage."""
    if result.toys is None:
        return Section("Toys", (Paragraph("This preset has none."),))
    pulls, failed = result.toys
    rows = {"toys": f"{pulls.toys}, {failed} more without a minimum or with the lifetime at its limit"}
    rows |= {name: f"{value:.2f} ± {error:.2f}{unit}" for name, (value, error), unit in (
        ("mean of the pulls", pulls.mean, ""), ("width of the pulls", pulls.width, ""),
        ("coverage of one standard deviation (0.68)", pulls.coverage, ""), ("bias", pulls.bias, " fs"))}
    return Section("Toys", (Paragraph("Data sets of this size drawn from the fitted densities, and fitted."),
                            pairs_table(rows, caption="The lifetime in toys.")))


def _parts(result: Result) -> tuple[Section, ...]:
    """Parts of the data set by themselves; nothing where it is too small."""
    if result.parts is None:
        return ()
    pulls, expected = result.parts.summary("tau"), "generated lifetime" if result.data.simulated else "whole data set"
    rows = {"parts": f"{pulls.toys} of about {len(result.data.time) // (pulls.toys + result.parts.failed)} candidates, "
                     f"{result.parts.failed} more without a minimum or with the lifetime at its limit"}
    rows |= {name: f"{value:.2f} ± {error:.2f}" for name, (value, error) in (
        (f"mean of the pulls from the {expected}", pulls.mean), ("width of the pulls", pulls.width))}
    return (Section("Parts of the data set", (
        Paragraph("Events are dealt to parts that share none, and each is measured by itself."),
        pairs_table(rows, caption="The lifetime in the parts."), figures.pulls(result.data, result.parts))),)
