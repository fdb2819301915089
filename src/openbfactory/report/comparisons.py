"""Figures that put published numbers beside ours: yields in the fit bins, efficiencies."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from openbfactory.report.records import Contribution, EfficiencyComparison, PairedBars, YieldComparison, YieldSet
from openbfactory.report.style import (
    HERE,
    INK,
    LINES,
    PUBLISHED,
    axis_label,
    category_colors,
    category_label,
    corner,
    figure,
    ordered,
    style,
)

Floats = NDArray[np.float64]
_WIDTH = 0.40


def yield_comparison(record: YieldComparison) -> Figure:
    """Figure of two stacks a bin, published (pale, left) and ours (right), and our sum over the published one below."""
    with style():
        drawn = figure(9.6, 6.4)
        main, below = drawn.subplots(2, 1, sharex=True, height_ratios=[3.0, 1.0])
        entries = [*record.published.contributions, *record.here.contributions]
        colors = category_colors(list({c.key: c for c in entries}.values()))
        sums = [_draw_bars(main, record.published, colors, -0.5 * _WIDTH - 0.02, 0.5),
                _draw_bars(main, record.here, colors, 0.5 * _WIDTH + 0.02, 1.0)]
        top = max(float((total + band).max(initial=0.0)) for total, band in sums) or 1.0
        parts = ordered(list({c.key: c for c in entries}.values()))
        handles = [Patch(facecolor=colors[c.key], label=category_label(c.key, c.label)) for c in parts]
        handles += [Patch(facecolor="#bbbbbb", label=f"left, pale: {record.published.label}"),
                    Patch(facecolor="#666666", label=f"right: {record.here.label}")]
        main.legend(handles=handles, ncols=5, loc="upper right", borderaxespad=0.6)
        main.set_ylim(0.0, 1.42 * top)
        main.set_ylabel("expected events / bin")
        _draw_groups(main, below, record)
        _draw_quotient(below, sums)
        bins = len(record.bin_labels)
        below.set_xticks(np.arange(bins), record.bin_labels, fontsize=10.5)
        below.set_xlim(-0.6, bins - 0.4)
        for axes in (main, below):
            axes.tick_params(axis="x", which="both", length=0)
        below.set_xlabel(record.xlabel)
        corner(main, record.luminosity)
        drawn.align_ylabels()
    return drawn


def _draw_bars(axes: Axes, record: YieldSet, colors: dict[str, str], shift: float,
               alpha: float) -> tuple[Floats, Floats]:
    """Draw one stack a bin; the sums and their standard deviations, (bins)."""
    parts: list[Contribution] = ordered(record.contributions)
    places = np.arange(len(parts[0].values)) + shift
    base, variance = np.zeros(places.size), np.zeros(places.size)
    for part in reversed(parts):
        axes.bar(places, part.values, _WIDTH, bottom=base, color=colors[part.key], alpha=alpha, lw=0)
        base = base + np.asarray(part.values)
        variance += np.asarray(part.variances) if part.variances is not None else 0.0
    band = np.sqrt(variance)
    if band.any():
        axes.errorbar(places, base, yerr=band, fmt="none", ecolor=INK, lw=1.0, capsize=2)
    return base, band


def _draw_groups(main: Axes, below: Axes, record: YieldComparison) -> None:
    """Draw lines between the groups of bins and their names."""
    start = 0
    for name, size in record.groups:
        if start:
            for axes, height in ((main, 0.76), (below, 1.0)):
                axes.axvline(start - 0.5, ymax=height, color=INK, lw=0.8, ls=":")
        main.annotate(name, (start + 0.5 * size - 0.5, 0.70), xycoords=("data", "axes fraction"), ha="center",
                      fontsize=11.5)
        start += size


def _draw_quotient(axes: Axes, sums: list[tuple[Floats, Floats]]) -> None:
    """Draw our sum over the published one."""
    (published, published_band), (here, here_band) = sums
    filled = (published > 0) & (here > 0)
    ratio = here[filled] / published[filled]
    error = ratio * np.hypot(published_band[filled] / published[filled], here_band[filled] / here[filled])
    axes.axhline(1.0, color=INK, lw=0.9)
    axes.errorbar(np.flatnonzero(filled), ratio, yerr=error, fmt="o", ms=5, lw=1.2, color="black")
    axes.set_ylim(0.0, 1.15 * max(1.5, float((ratio + error).max(initial=0.0))))
    axes.set_ylabel("here / publ.", loc="center")


def efficiency_comparison(record: EfficiencyComparison) -> Figure:
    """Figure of efficiencies with their intervals; published curves are lines without points."""
    with style():
        drawn = figure(7.0, 5.2)
        axes = drawn.subplots()
        for index, curve in enumerate(record.curves):
            edges, color = np.asarray(curve.edges), LINES[index % len(LINES)]
            values = _numbers(curve.values)
            if curve.published:
                axes.stairs(values, edges, baseline=None, color=color, lw=1.8, ls="--", label=curve.label)
                continue
            low = values - _numbers(curve.low) if curve.low else np.zeros(values.size)
            high = _numbers(curve.high) - values if curve.high else np.zeros(values.size)
            axes.errorbar(0.5 * (edges[1:] + edges[:-1]), values, xerr=0.5 * np.diff(edges), yerr=[low, high], fmt="o",
                          ms=4.5, lw=1.2, color=color, label=curve.label)
        every = np.concatenate([_numbers(c.values) for c in record.curves])
        positive = every[np.isfinite(every) & (every > 0)]
        top = float(positive.max(initial=0.0)) or 1.0
        if record.log and positive.size:
            axes.set_yscale("log")
            low_end = 0.4 * float(positive.min())
            axes.set_ylim(low_end, low_end * (top / low_end) ** 1.3)
        else:
            axes.set_ylim(0.0, 1.35 * top)
        axes.set_xlim(min(c.edges[0] for c in record.curves), max(c.edges[-1] for c in record.curves))
        axes.set_xlabel(axis_label(record.xlabel, record.unit))
        axes.set_ylabel(record.ylabel)
        axes.legend(loc="upper right", borderaxespad=0.6)
        corner(axes)
    return drawn


def paired_bars(record: PairedBars) -> Figure:
    """Figure of two bars a name, the published one above ours."""
    with style():
        count = len(record.names)
        drawn = figure(7.4, 1.4 + 0.34 * count)
        axes = drawn.subplots()
        places = np.arange(count)
        for shift, values, color, label in ((-0.19, record.published, PUBLISHED, "published"),
                                            (0.19, record.here, HERE, "this run")):
            axes.barh(places + shift, np.nan_to_num(_numbers(values)), height=0.36, color=color, label=label)
        axes.set_yticks(places, record.names, fontsize=10.5)
        axes.set_ylim(count - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", length=0)
        axes.minorticks_off()
        axes.set_xlim(left=0.0)
        axes.set_xlabel(record.xlabel)
        axes.legend(loc="lower right")
        corner(axes)
    return drawn


def _numbers(values: tuple[float | None, ...] | None) -> Floats:
    """Values with NaN for what is absent."""
    return np.asarray([np.nan if v is None else v for v in values or ()], dtype=np.float64)
