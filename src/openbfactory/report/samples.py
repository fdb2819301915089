"""Page that puts two samples side by side: every column as a histogram with its ratio, and a table of distances.

One figure a group: the columns of the group stand side by side, each in its own frame of the width 1, with the fraction
of rows a bin above and the ratio of both samples below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from openbfactory.report.content import Paragraph, Picture, ReportContent, Section, Table
from openbfactory.report.html import write_report
from openbfactory.report.references import resolve
from openbfactory.report.style import HERE, INK, PUBLISHED, corner, style

Floats = NDArray[np.float64]
#: chance below which a column counts as different, divided by the number of columns
CHANCE = 1e-3
#: a column of two samples, see :class:`openbfactory.select.comparison.ColumnComparison`
Compared = Any


@dataclass(frozen=True, slots=True)
class SamplePage:
    """What the page says beside its columns.

    Attributes
    ----------
    title, subtitle
        What is compared.
    labels
        Names of the first and the second sample.
    rows
        Numbers of their rows.
    notes
        Sentences for the first page; findings about the files.
    sources
        Reference keys.
    """

    title: str
    subtitle: str
    labels: tuple[str, str]
    rows: tuple[int, int]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def write_sample_page(page: SamplePage, columns: Sequence[Compared], groups: Mapping[str, Sequence[str]],
                      path: str | Path) -> Path:
    """Path of the page of all columns; ``groups`` says which of them share a figure."""
    return write_report(sample_content(page, columns, groups), path)


def sample_content(page: SamplePage, columns: Sequence[Compared], groups: Mapping[str, Sequence[str]]) -> ReportContent:
    """Content of the page."""
    by_name = {c.name: c for c in columns}
    limit = CHANCE / max(len(columns), 1)
    different = [c for c in columns if c.probability < limit]
    pictures = []
    for title, names in groups.items():
        found = [by_name[name] for name in names if name in by_name]
        if found:
            worst = max(found, key=lambda c: c.disagreement)
            pictures.append(Picture(group_figure(title, found, page.labels),
                                    f"`{title}`: largest disagreement beyond chance {worst.disagreement:.3f} "
                                    f"(`{worst.name}`).",
                                    f"histograms of {title}", raster=True, wide=True))
    result = f"None of {len(columns)} columns differs beyond chance."
    if different:
        result = (f"{len(different)} of {len(columns)} columns differ beyond chance, most of all `{columns[0].name}` "
                  f"by {columns[0].disagreement:.3f}.")
    sections = (
        Section("Groups", (_groups(groups, by_name),)),
        Section("Every column", (Paragraph(
            f"Fraction of rows a bin, {page.labels[0]} filled and {page.labels[1]} as a line, and below the ratio of "
            "the second to the first with its standard deviation. Values outside are in the first and last bin."),
            *pictures)),
        Section("Distances", (_table(columns, page, limit),)))
    return ReportContent(page.title, page.subtitle, result, sections, references=resolve(page.sources),
                         warnings=page.notes)


def _groups(groups: Mapping[str, Sequence[str]], by_name: Mapping[str, Compared]) -> Table:
    """The worst column of each group, the largest disagreement first."""
    worst = {title: max((by_name[n] for n in names if n in by_name), key=lambda c: c.disagreement)
             for title, names in groups.items() if any(n in by_name for n in names)}
    rows = [(f"`{title}`", f"{c.disagreement:.4f}", f"`{c.name}`")
            for title, c in sorted(worst.items(), key=lambda item: -item[1].disagreement)]
    return Table(("group", "beyond chance", "column"), tuple(rows), "Groups of columns by their largest disagreement: "
                 "distance, or difference of the fractions of rows with a number, beyond chance.",
                 numeric=frozenset({1}))


def _table(columns: Sequence[Compared], page: SamplePage, limit: float) -> Table:
    """Distances of all columns."""
    rows = [(f"`{c.name}`", f"{c.distance:.4f}", f"{c.significance:.2f}", f"{c.presence:+.4f}",
             *(f"{value:.4g}" for pair in (c.means, c.deviations, c.present) for value in pair)) for c in columns]
    a, b = page.labels
    heads = ("column", "distance", "D sqrt(nm/(n+m))", "presence", f"mean, {a}", f"mean, {b}", f"deviation, {a}",
             f"deviation, {b}", f"present, {a}", f"present, {b}")
    different = frozenset(i for i, c in enumerate(columns) if c.probability < limit)
    return Table(heads, tuple(rows), "Kolmogorov distance, difference of the fractions of rows with a number, moments; "
                 "the largest disagreement first, columns in bold differ beyond chance.",
                 numeric=frozenset(range(1, len(heads))), emphasis=different)


def group_figure(title: str, columns: Sequence[Compared], labels: tuple[str, str]) -> Figure:
    """Figure of columns side by side."""
    with style():
        width = max(5.0, 1.0 + 1.25 * len(columns))
        drawn = Figure(figsize=(width, 3.6))
        drawn.subplots_adjust(left=0.85 / width, right=1.0 - 0.15 / width, top=0.91, bottom=0.15, hspace=0.06)
        main, below = drawn.subplots(2, 1, sharex=True, height_ratios=[2.6, 1.0])
        for i, c in enumerate(columns):
            edges = np.asarray(c.edges)
            place = i + 0.04 + 0.92 * (edges - edges[0]) / (edges[-1] - edges[0])
            values = np.asarray(c.first), np.asarray(c.second)
            top = max(float(max(v.max(initial=0.0) for v in values)), 1e-12)
            main.stairs(values[0] / top, place, fill=True, color=PUBLISHED, alpha=0.30, lw=0,
                        label=labels[0] if i == 0 else None)
            main.stairs(values[1] / top, place, color=HERE, lw=1.1, label=labels[1] if i == 0 else None)
            _ratio(below, place, c)
            main.text(i + 0.5, 1.06, f"{edges[0]:.3g} to {edges[-1]:.3g}", ha="center", va="bottom", fontsize=7.5)
            for axes in (main, below):
                axes.axvline(i, color=INK, lw=0.5)
        below.axhline(1.0, color=INK, lw=0.7, ls=":")
        below.set_ylim(0.5, 1.5)
        below.set_ylabel("ratio", loc="center", fontsize=10)
        main.set_ylim(0.0, 1.45)
        main.set_ylabel("fraction of rows\n(own scale)", loc="center", fontsize=10)
        main.legend(loc="upper right", ncols=2, fontsize=9, borderaxespad=0.3)
        below.set_xlim(0.0, len(columns))
        below.set_xticks(np.arange(len(columns)) + 0.5, [str(i + 1) for i in range(len(columns))], fontsize=9)
        for axes in (main, below):
            axes.minorticks_off()
            axes.tick_params(axis="y", labelsize=8)
            axes.tick_params(axis="x", which="both", length=0)
        below.set_xlabel(f"{title}, by rank" if len(columns) > 1 else title, fontsize=11)
        corner(main)
    return drawn


def _ratio(axes: Axes, place: Floats, c: Compared) -> None:
    """Draw the second sample over the first, with its standard deviation."""
    a, b = np.asarray(c.first), np.asarray(c.second)
    errors = [np.asarray(e) for e in c.errors]
    good = (a > 0) & (b > 0)
    ratio = b[good] / a[good]
    sigma = ratio * np.sqrt((errors[0][good] / a[good]) ** 2 + (errors[1][good] / b[good]) ** 2)
    sure: Any = sigma < 0.35
    centre = 0.5 * (place[1:] + place[:-1])[good]
    axes.errorbar(centre[sure], np.clip(ratio[sure], 0.5, 1.5), yerr=sigma[sure], fmt=".", ms=2.5, color=HERE, lw=0.6)
