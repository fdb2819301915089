"""Distributions of data with fitted curves and pulls, and scans of a likelihood of one parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field, model_validator

from openbfactory.core.config import Config
from openbfactory.report.records import Floats, _lengths, _need
from openbfactory.report.style import HERE, INK, LINES, PUBLISHED, axis_label, corner, figure, style


class Curve(Config):
    """A curve over the bins: expected events a bin at each x; ``filled`` draws an area (a background)."""

    label: str
    x: Floats = Field(min_length=2)
    y: Floats
    filled: bool = False

    @model_validator(mode="after")
    def _check(self) -> Curve:
        _need(_lengths(len(self.x), y=self.y))
        return self


class FittedDistribution(Config):
    """Counts in bins and curves fitted to them.

    Attributes
    ----------
    edges, counts
        Bins and events.
    expected
        Events that the fit expects in each bin; the panel of pulls is left out without it.
    curves
        The first is the whole fit.
    spans
        Shaded ranges of x by label.
    counted
        What the bins count.
    simulated
        Whether the figure is marked as one of simulated data.
    """

    edges: Floats = Field(min_length=2)
    counts: Floats
    expected: Floats | None = None
    curves: tuple[Curve, ...] = ()
    spans: tuple[tuple[str, float, float], ...] = ()
    label: str = "simulated data"
    counted: str = "candidates"
    simulated: bool = True
    xlabel: str
    unit: str = ""
    luminosity: float | None = None
    log: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> FittedDistribution:
        _need(_lengths(len(self.edges) - 1, counts=self.counts, expected=self.expected))
        return self


def fitted_distribution(record: FittedDistribution) -> Figure:
    """Figure of counts and fitted curves; below it the pulls, (counts - expected) / sqrt(expected)."""
    with style():
        drawn = figure(7.0, 6.0 if record.expected else 5.0)
        if record.expected:
            main, below = drawn.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.0])
        else:
            main, below = drawn.subplots(), None
        edges, counts = np.asarray(record.edges), np.asarray(record.counts)
        centres = 0.5 * (edges[1:] + edges[:-1])
        for color, (name, low, high) in zip(("#9ecae1", "#d9d9d9", "#d9d9d9", "#d9d9d9"), record.spans, strict=False):
            main.axvspan(low, high, color=color, alpha=0.5, lw=0, label=name or None)
        main.errorbar(centres, counts, yerr=np.sqrt(counts), fmt="o", ms=3.5, color="black", lw=1.0,
                      label=record.label, zorder=5)
        for color, curve in zip((HERE, PUBLISHED, *LINES[2:]), record.curves, strict=False):
            if curve.filled:
                main.fill_between(curve.x, curve.y, color=color, alpha=0.45, lw=0, label=curve.label)
            else:
                main.plot(curve.x, curve.y, color=color, lw=1.8, label=curve.label, zorder=6)
        _limits(main, record, counts)
        main.legend(loc="upper right")
        corner(main, record.luminosity, record.note, simulated=record.simulated)
        if below is not None:
            expected = np.maximum(np.asarray(record.expected), 1e-9)
            shown = expected > 0.5
            below.bar(centres[shown], ((counts - expected) / np.sqrt(expected))[shown], np.diff(edges)[shown],
                      color=INK, alpha=0.6, lw=0)
            below.axhline(0.0, color=INK, lw=0.8)
            below.set_ylim(-4.9, 4.9)
            below.set_ylabel("pull", loc="center")
        (main if below is None else below).set_xlabel(axis_label(record.xlabel, record.unit))
        drawn.align_ylabels()
    return drawn


def binned_fit(edges: Any, counts: Any, curves: Mapping[str, Any], filled: Collection[str] = (),
               **more: Any) -> Figure:
    """Figure of counts with curves that are known at the centres of the bins.

    Parameters
    ----------
    edges, counts
        Bins, and events in them.
    curves
        Label of a curve to its expected events in the bins; the first is the whole fit, which the pulls are of.
    filled
        Labels of those that are drawn as areas.
    more
        Further fields of :class:`FittedDistribution`.
    """
    centres = 0.5 * (np.asarray(edges)[1:] + np.asarray(edges)[:-1])
    drawn = tuple(Curve(label=n, x=centres, y=y, filled=n in filled) for n, y in curves.items())
    return fitted_distribution(FittedDistribution(edges=edges, counts=counts, expected=drawn[0].y, curves=drawn,
                                                  **more))


def _limits(axes: Axes, record: FittedDistribution, counts: np.ndarray) -> None:
    """Limits and labels of the main panel."""
    edges = np.asarray(record.edges)
    top = max(float(counts.max(initial=1.0)), *(max(c.y) for c in record.curves), 1.0)
    axes.set_xlim(edges[0], edges[-1])
    if record.log:
        axes.set_yscale("log")
        axes.set_ylim(0.5, 30 * top)
    else:
        axes.set_ylim(0, 1.45 * top)
    unit = f" {record.unit}" if record.unit else ""
    axes.set_ylabel(f"{record.counted} / ({edges[1] - edges[0]:.3g}{unit})")


class ParameterScan(Config):
    """-2 ln L above its minimum over a parameter, the estimate and its uncertainty, and marked values by label.

    ``simulated`` says whether the figure is marked as one of simulated data.
    """

    x: Floats = Field(min_length=3)
    rise: Floats
    value: float
    uncertainty: float
    marks: dict[str, float] = Field(default_factory=dict)
    xlabel: str
    unit: str = ""
    simulated: bool = True

    @model_validator(mode="after")
    def _check(self) -> ParameterScan:
        _need(_lengths(len(self.x), rise=self.rise))
        return self


def parameter_scan(record: ParameterScan) -> Figure:
    """Figure of a profile likelihood with the parabola of the Hessian."""
    with style():
        drawn = figure(6.2, 4.8)
        axes = drawn.subplots()
        fine = np.linspace(record.x[0], record.x[-1], 201)
        axes.plot(fine, ((fine - record.value) / record.uncertainty) ** 2, color=INK, lw=1.2, ls="--", label="parabola")
        axes.plot(record.x, record.rise, "o-", color=HERE, ms=4, lw=1.6, label="profile likelihood")
        for level in (1.0, 4.0):
            axes.axhline(level, color="#8c8c8c", lw=0.9, ls=":")
        for color, (name, position) in zip(LINES, record.marks.items(), strict=False):
            axes.axvline(position, color=color, lw=1.4, ls="-.", label=name)
        axes.set_xlim(record.x[0], record.x[-1])
        axes.set_ylim(0.0, 1.5 * max(record.rise))
        axes.set_xlabel(axis_label(record.xlabel, record.unit))
        axes.set_ylabel(r"$-2\,\Delta \ln L$")
        axes.legend(loc="upper center", ncols=2)
        corner(axes, None, "", simulated=record.simulated)
    return drawn
