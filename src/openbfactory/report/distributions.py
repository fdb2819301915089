"""Distributions: stacked categories with uncertainty band, data and ratio panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from openbfactory.report.records import Contribution, DataPoints, StackedHistogram
from openbfactory.report.style import (
    INK,
    axis_label,
    category_colors,
    category_label,
    corner,
    figure,
    ordered,
    style,
)

Floats = NDArray[np.float64]


def stacked_histogram(record: StackedHistogram) -> Figure:
    """Figure of a stack; with data a panel below shows data over expectation.

    Categories are stacked from the last to the first of the fixed order, so the
    signal is on top.  The band is one standard deviation of the sum, from the
    variances of the contributions.  A logarithmic axis needs something to show:
    without any positive value the axis is linear.
    """
    with style():
        drawn = figure(7.0, 6.2 if record.data else 5.2)
        if record.data:
            main, below = drawn.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.0])
        else:
            main, below = drawn.subplots(), None
        total, band = _draw_stack(main, record)
        _draw_extras(main, record)
        _finish_main(main, record, total + band)
        if below is not None:
            _draw_ratio(below, record, total, band)
        bottom = main if below is None else below
        bottom.set_xlabel(axis_label(record.xlabel, record.unit))
        drawn.align_ylabels()
    return drawn


def data_on_simulation(edges: Any, counts: Any, parts: Mapping[str, tuple[Any, str]], scale: float,
                       **more: Any) -> Figure:
    """Figure of counts of data-like simulation on counts of parts of the simulation times a factor.

    Parameters
    ----------
    edges, counts
        Bins, and events of the data in them.
    parts
        Label of a part to its simulated events in the bins and its colour.
    scale
        Events of the data for one that is simulated.
    more
        Further fields of :class:`~.records.StackedHistogram`: the label of the axis, its unit, lines.
    """
    stacked = tuple(Contribution(key=name, label=name, color=color, values=scale * np.asarray(events),
                                 variances=scale**2 * np.asarray(events)) for name, (events, color) in parts.items())
    return stacked_histogram(StackedHistogram(edges=edges, contributions=stacked,
                                              data=DataPoints.counted(counts, "data-like"), **more))


def _draw_stack(axes: Axes, record: StackedHistogram) -> tuple[Floats, Floats]:
    """Draw the stack with its band; the sum and its standard deviation, (bins)."""
    edges, colors = np.asarray(record.edges), category_colors(record.contributions)
    base = np.zeros(edges.size - 1)
    variance = np.zeros(edges.size - 1)
    for part in reversed(ordered(record.contributions)):
        top = base + np.asarray(part.values)
        axes.stairs(top, edges, baseline=base, fill=True, color=colors[part.key], lw=0)
        axes.stairs(top, edges, color="white", lw=0.5)
        variance += np.asarray(part.variances) if part.variances is not None else 0.0
        base = top
    band = np.sqrt(variance)
    axes.stairs(base, edges, color=INK, lw=0.9)
    if band.any():
        axes.stairs(base + band, edges, baseline=np.maximum(base - band, 0.0), fill=True, facecolor="none",
                    edgecolor=INK, hatch="//////", lw=0)
    return base, band


def _draw_extras(axes: Axes, record: StackedHistogram) -> None:
    """Draw overlay, data and lines, and the legend of everything."""
    edges, colors = np.asarray(record.edges), category_colors(record.contributions)
    handles: list[object] = [Patch(facecolor=colors[c.key], label=category_label(c.key, c.label))
                             for c in ordered(record.contributions)]
    if any(c.variances is not None for c in record.contributions):
        label = "sim. uncertainty" if record.simulated else "uncertainty"
        handles.append(Patch(facecolor="none", edgecolor=INK, hatch="//////", lw=0, label=label))
    if record.overlay:
        color = category_colors([record.overlay])[record.overlay.key]
        handles.append(axes.stairs(record.overlay.values, edges, color=color, lw=2.0, ls=(0, (4, 1.5)),
                                   label=category_label(record.overlay.key, record.overlay.label)))
    if record.data:
        values, centres = np.asarray(record.data.values), 0.5 * (edges[1:] + edges[:-1])
        errors = [values - record.data.low, np.asarray(record.data.high) - values]
        handles.insert(0, axes.errorbar(centres, values, yerr=errors, fmt="o", ms=4.5, color="black", lw=1.1,
                                        label=record.data.label, zorder=5))
    for position in record.lines:
        axes.axvline(position, ymax=0.74, color=INK, lw=1.1, ls=":")
    axes.legend(handles=handles, ncols=3, loc="upper right", borderaxespad=0.6)


def _finish_main(axes: Axes, record: StackedHistogram, highest: Floats) -> None:
    """Set limits (with room for the legend), labels and the corner text."""
    edges = np.asarray(record.edges)
    tops = [highest.max(initial=0.0), max(record.data.high, default=0.0) if record.data else 0.0,
            max(record.overlay.values, default=0.0) if record.overlay else 0.0]
    top = max(tops) or 1.0
    rows = -(-(len(record.contributions) + 3) // 3)
    positive = [v for c in record.contributions for v in c.values if v > 0]
    if record.log and positive:
        low = max(min(positive) * 0.5, top * 1e-6)
        axes.set_yscale("log")
        axes.set_ylim(low, low * (top / low) ** (1.0 / (0.92 - 0.075 * rows)))
    else:
        axes.set_ylim(0.0, top / (0.95 - 0.075 * rows))
    axes.set_xlim(edges[0], edges[-1])
    widths = np.diff(edges)
    equal = np.allclose(widths, widths[0]) and (record.unit != "" or widths[0] != 1)
    width = f" / {widths[0]:.3g}" + (f" {record.unit}" if record.unit else "") if equal else " / bin"
    axes.set_ylabel("events" + width)
    corner(axes, record.luminosity, record.note, simulated=record.simulated)


def _draw_ratio(axes: Axes, record: StackedHistogram, total: Floats, band: Floats) -> None:
    """Draw data over expectation and the relative band."""
    assert record.data is not None
    edges = np.asarray(record.edges)
    filled = total > 0
    scale = np.where(filled, total, 1.0)
    relative = np.where(filled, band / scale, 0.0)
    axes.stairs(1 + relative, edges, baseline=1 - relative, fill=True, facecolor="none", edgecolor=INK,
                hatch="//////", lw=0)
    axes.axhline(1.0, color=INK, lw=0.9)
    ratio = np.asarray(record.data.values)[filled] / scale[filled]
    errors = [(np.asarray(record.data.values) - record.data.low)[filled] / scale[filled],
              (np.asarray(record.data.high) - record.data.values)[filled] / scale[filled]]
    axes.errorbar((0.5 * (edges[1:] + edges[:-1]))[filled], ratio, yerr=errors, fmt="o", ms=4.5, color="black", lw=1.1)
    ends = np.concatenate([ratio + errors[1] - 1, ratio - errors[0] - 1, relative])
    reach = min(1.15 * max(float(np.max(np.abs(ends), initial=0.0)), 0.05), 1.0)
    axes.set_ylim(1 - reach, 1 + reach)
    axes.set_ylabel("data / exp.", loc="center")
