"""Page of a flavour tagger: effective efficiency, bins of r, calibration, categories."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from openbfactory.core.quantities import load_quantities
from openbfactory.report.content import Picture, ReportContent, Section, Table
from openbfactory.report.html import write_report
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.style import HERE, INK, PUBLISHED, corner, figure, style
from openbfactory.report.tables import comparison_table, pairs_table

Floats = NDArray[np.float64]


def write_flavour_report(record: Mapping[str, Any], qr: Floats, flavour: NDArray[Any], path: str | Path) -> Path:
    """Path of the page of a trained flavour tagger.

    Parameters
    ----------
    record
        What ``flavour-tagger.json`` holds.
    qr, flavour : (n,)
        Outputs and true flavours of the events that measured it.
    """
    return write_report(flavour_content(record, qr, flavour), path)


def flavour_content(record: Mapping[str, Any], qr: Floats, flavour: NDArray[Any]) -> ReportContent:
    """Content of the page."""
    measured = record["measured"]
    effective, error = measured["effective"], measured["error"]
    source = resources.files("openbfactory.physics") / "data" / "flavour_published.yaml"
    with resources.as_file(source) as file:
        published = load_quantities(file).quantities
    references = resolve({q.source for q in published.values()})
    rows = [ComparisonRow(quantity=f"effective efficiency, {what}",
                          published=Number(value=q.value, uncertainty=q.uncertainty),
                          here=Number(value=effective, uncertainty=error), percent=True, source=q.source)
            for what, q in (("categories", published["effective_efficiency_categories"]),
                            ("graph network", published["effective_efficiency_graph_network"]))]
    pictures = (Picture(output_figure(qr, flavour), "Output of the tagger for both flavours, on events that it was "
                        "not trained on.", "two distributions of q r"),
                Picture(calibration_figure(measured["bins"]),
                        "Dilution 1 - 2w in bins of r against the mean r; a calibrated tagger is on the line.",
                        "dilution against r"))
    settings = {"events": str(record["events"]), "card": str(record["card"]), "trees a category": str(record["trees"]),
                "seed": str(record["provenance"]["seed"]), "version": str(record["provenance"]["version"])}
    sections = (Section("Output and calibration", (*pictures, _bins(measured["bins"]))),
                Section("Categories", (_categories(record["categories"]),)),
                Section("How it was made", (pairs_table(settings, caption="The same lines give the same tagger."),)))
    return ReportContent(
        "Flavour tagger", f"{measured['events']} simulated B0 anti-B0 events, one B0 -> nu nubar",
        f"The effective efficiency is {100 * effective:.1f} +- {100 * error:.1f} %.", sections,
        comparison_table(rows, references, caption="Published (data) and this run (own simulation)."),
        references=references)


def _bins(bins: Any) -> Table:
    """Table of the bins of r."""
    rows = [(f"{b['low']:.3f} to {b['high']:.3f}", str(b["events"]), f"{100 * b['fraction']:.2f}",
             *(("–", "–", "–") if b["dilution"] is None else
               (f"{b['r']:.4f}", f"{b['dilution']:.4f} +- {b['error']:.4f}", f"{50 * (1 - b['dilution']):.2f}")))
            for b in bins]
    return Table(("r", "events", "fraction [%]", "mean r", "1 - 2w", "w [%]"), tuple(rows),
                 "Bins of r with the fraction of all events and the fraction w of wrong tags.",
                 numeric=frozenset(range(1, 6)))


def _categories(alone: Mapping[str, Any]) -> Table:
    """Table of what each category says alone."""
    rows = [(f"`{name}`", f"{100 * p['efficiency']:.1f}", f"{100 * p['effective']:.2f} +- {100 * p['error']:.2f}")
            for name, p in sorted(alone.items(), key=lambda item: -item[1]["effective"])]
    return Table(("category", "events with an output [%]", "effective efficiency [%]"), tuple(rows),
                 "Each category alone; they share tracks, so the sum is not that of the tagger.",
                 numeric=frozenset({1, 2}))


def output_figure(qr: Floats, flavour: NDArray[Any]) -> Figure:
    """Figure of the outputs for both flavours."""
    with style():
        drawn = figure(7.0, 5.2)
        axes = drawn.subplots()
        edges = np.linspace(-1.0, 1.0, 41).tolist()
        for sign, name, color in ((1, "$B^0$", PUBLISHED), (-1, r"$\overline{B}{}^0$", HERE)):
            axes.hist(qr[flavour == sign], edges, histtype="step", color=color, lw=1.8, label=name)
        axes.set_xlim(-1.0, 1.0)
        axes.set_ylim(0.0, 1.25 * axes.get_ylim()[1])
        axes.set_xlabel("$q r$")
        axes.set_ylabel("events / bin")
        axes.legend(loc="upper center", ncols=2)
        corner(axes)
    return drawn


def calibration_figure(bins: Any) -> Figure:
    """Figure of the dilution against r."""
    with style():
        drawn = figure(7.0, 5.2)
        axes = drawn.subplots()
        known = [b for b in bins if b["dilution"] is not None]
        axes.plot([0.0, 1.0], [0.0, 1.0], color=INK, lw=0.9, ls=":")
        axes.errorbar([b["r"] for b in known], [b["dilution"] for b in known], yerr=[b["error"] for b in known],
                      fmt="o", ms=5, color=HERE, lw=1.2)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(-0.05, 1.1)
        axes.set_xlabel("mean $r$")
        axes.set_ylabel("$1 - 2w$")
        corner(axes)
    return drawn
