"""Figures of fits: ranking, correlations, limits, significance, contours, projections, compared measurements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from openbfactory.report.fit_records import (
    Contour,
    CorrelationMatrix,
    LimitBand,
    MeasurementComparison,
    ProjectionCurve,
    RankingList,
    SignificanceScan,
)
from openbfactory.report.style import HERE, INK, LINES, corner, figure, style

#: colours of the inner and outer band, as the field draws them
INNER, OUTER = "#4fb477", "#f3d250"


def _numbers(row: object) -> npt.NDArray[np.float64]:
    """Numbers of a row, nan where there is none."""
    return np.array([np.nan if v is None else v for v in row], np.float64)  # type: ignore[attr-defined]


def ranking(record: RankingList) -> Figure:
    """Figure of the shifts of the estimate (bars, axis above) with pulls and constraints (points, axis below)."""
    with style():
        count = len(record.nuisances)
        drawn = figure(8.0, 1.9 + 0.30 * count)
        below = drawn.subplots()
        above = below.twiny()
        places = np.arange(count)
        reach = 0.0
        for which, filled in (("pre", False), ("post", True)):
            for side, color in ((0, LINES[0]), (1, LINES[1])):
                sizes = _numbers([getattr(n, which)[side] for n in record.nuisances])
                reach = max(reach, float(np.nanmax(np.abs(sizes), initial=0.0)))
                label = f"{'post' if filled else 'pre'}-fit, {'+' if side else '−'}1 σ"
                above.barh(places, sizes, height=0.72, color=color if filled else "none", edgecolor=color,
                           lw=0.9, alpha=0.75 if filled else 1.0, label=label, zorder=2)
        pulls = _numbers([n.pull for n in record.nuisances])
        widths = _numbers([n.constraint for n in record.nuisances])
        below.errorbar(pulls, places, xerr=np.nan_to_num(widths), fmt="o", ms=4, lw=1.3, color=INK, zorder=5)
        below.set_zorder(above.get_zorder() + 1)
        below.patch.set_visible(False)
        above.set_xlim(-1.25 * (reach or 1.0), 1.25 * (reach or 1.0))
        below.set_xlim(-2.2, 2.2)
        for line in (-1, 0, 1):
            below.axvline(line, color=INK, lw=0.7, ls="-" if line == 0 else ":")
        below.set_ylim(count - 0.4, -0.6)
        below.set_yticks(places, [n.name for n in record.nuisances], fontsize=10)
        below.tick_params(axis="y", which="both", length=0)
        below.set_xlabel(r"pull $(\hat\theta-\theta_0)/\Delta\theta$ (points)")
        above.set_xlabel(rf"shift of {record.poi} (bars)")
        above.legend(loc="lower right", fontsize=9.5, frameon=True, framealpha=0.9)
    return drawn


def correlation_matrix(record: CorrelationMatrix) -> Figure:
    """Figure of a correlation matrix in percent, numbers where there are at most 20 parameters."""
    with style():
        count = len(record.names)
        drawn = figure(2.6 + 0.36 * count, 2.0 + 0.36 * count)
        axes = drawn.subplots()
        values = 100 * np.array(record.rows)
        image = axes.imshow(values, cmap="RdBu_r", vmin=-100, vmax=100)
        if count <= 20:
            for i, j in np.ndindex(values.shape):
                axes.text(j, i, f"{values[i, j]:.0f}", ha="center", va="center", fontsize=8,
                          color="white" if abs(values[i, j]) > 60 else INK)
        axes.set_xticks(range(count), list(record.names), rotation=90, fontsize=9)
        axes.set_yticks(range(count), list(record.names), fontsize=9)
        axes.tick_params(which="both", length=0)
        axes.minorticks_off()
        drawn.colorbar(image, ax=axes, label="correlation [%]", shrink=0.8)
    return drawn


def limit_band(record: LimitBand) -> Figure:
    """Figure of limits with bands of one and two standard deviations."""
    with style():
        drawn = figure(7.4, 5.4)
        axes = drawn.subplots()
        x, bands = np.asarray(record.x), [_numbers(row) for row in record.expected]
        axes.fill_between(x, bands[0], bands[4], color=OUTER, lw=0, label=r"expected $\pm 2\,\sigma$")
        axes.fill_between(x, bands[1], bands[3], color=INNER, lw=0, label=r"expected $\pm 1\,\sigma$")
        axes.plot(x, bands[2], color=INK, ls="--", lw=1.4, label="expected median")
        if record.observed is not None:
            axes.plot(x, _numbers(record.observed), color=INK, lw=1.6, label="observed")
        for k, (label, value) in enumerate(record.references.items()):
            axes.axhline(value, color=LINES[k % len(LINES)], lw=1.4, ls="-.", label=label)
        if record.log:
            axes.set_yscale("log")
        _, top = axes.get_ylim()
        axes.set_ylim(top=top * (3.0 if record.log else 1.3))
        axes.set_xlim(x.min(), x.max())
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel(record.ylabel)
        axes.legend(loc="upper right", ncols=2)
        corner(axes, simulated=False)
    return drawn


def significance_scan(record: SignificanceScan) -> Figure:
    """Figure of the local significance."""
    with style():
        drawn = figure(7.4, 4.4)
        axes = drawn.subplots()
        axes.plot(record.x, record.local, color=LINES[0], lw=1.2)
        for level in range(1, 6):
            if level < 1.1 * max(record.local):
                axes.axhline(level, color=INK, lw=0.7, ls=":")
        axes.set_xlim(min(record.x), max(record.x))
        axes.set_ylim(0.0, 1.3 * max(1.0, *record.local))
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel(r"local significance [$\sigma$]")
        if record.note:
            axes.text(0.97, 0.93, record.note, transform=axes.transAxes, ha="right", va="top", fontsize=11.5)
        corner(axes, simulated=False)
    return drawn


def contour(record: Contour) -> Figure:
    """Figure of the contours of two parameters with the best point."""
    with style():
        drawn = figure(6.8, 5.6)
        axes = drawn.subplots()
        delta = np.array([_numbers(row) for row in record.delta]).T
        levels = record.levels or {"68 %": 2.2957, "95 %": 5.9915}
        shown = axes.contour(record.x, record.y, np.ma.masked_invalid(delta), sorted(levels.values()),
                             colors=[LINES[k % len(LINES)] for k in range(len(levels))], linewidths=1.8)
        names = {value: label for label, value in levels.items()}
        handles = [axes.plot([], [], color=LINES[k % len(LINES)], lw=1.8, label=names[level])[0]
                   for k, level in enumerate(shown.levels)]
        if record.best is not None:
            handles += axes.plot(*record.best, marker="+", ms=12, mew=2, ls="none", color=INK, label="best fit")
        for k, (label, place) in enumerate(record.points.items()):
            handles += axes.plot(*place, marker="*o^"[k % 3], ms=11, ls="none", color=HERE, label=label)
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel(record.ylabel)
        axes.legend(handles=handles, loc="best")
        corner(axes, simulated=False)
    return drawn


def projection(record: ProjectionCurve) -> Figure:
    """Figure of the uncertainty over luminosity."""
    with style():
        drawn = figure(7.0, 5.0)
        axes = drawn.subplots()
        for label, values, line in (("total", record.total, "-"), ("statistical", record.statistical, "--"),
                                    ("systematic", record.systematic, ":")):
            axes.plot(record.luminosity, values, ls=line, marker="o", ms=3.5, lw=1.8,
                      color={"total": INK, "statistical": LINES[0], "systematic": LINES[1]}[label], label=label)
        if record.floor is not None:
            axes.axhline(record.floor, color=LINES[1], lw=0.9, label="floor")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel(record.ylabel)
        axes.legend(loc="lower left")
        corner(axes, note="projection", simulated=False)
    return drawn


def measurement_comparison(record: MeasurementComparison) -> Figure:
    """Figure of measurements under each other, statistical (inner) and total bars, with the prediction as a band."""
    with style():
        count = len(record.measurements)
        drawn = figure(8.4, 1.6 + 0.55 * count)
        axes = drawn.subplots()
        if record.prediction is not None:
            value, sigma = record.prediction
            axes.axvspan(value - sigma, value + sigma, color=LINES[2], alpha=0.25, lw=0, label=record.prediction_label)
            axes.axvline(value, color=LINES[2], lw=1.2)
            axes.legend(loc="lower right", fontsize=10.5)
        for place, m in enumerate(record.measurements):
            _draw_measurement(axes, place, m.value, (m.down, m.up), m.inner, limit=m.limit, average=m.average)
        axes.set_yticks(range(count), [m.label for m in record.measurements], fontsize=11)
        axes.set_ylim(count - 0.4, -0.8)
        axes.tick_params(axis="y", which="both", length=0)
        axes.margins(x=0.08)
        axes.set_xlabel(record.xlabel)
        if record.note:
            axes.text(0.98, 0.97, record.note, transform=axes.transAxes, ha="right", va="top", fontsize=11)
    return drawn


def _draw_measurement(axes: Axes, place: int, value: float, outer: tuple[float, float],
                      inner: tuple[float, float] | None, *, limit: bool, average: bool) -> None:
    """Draw one measurement, or the arrow of an upper limit."""
    color = HERE if average else INK
    if limit:
        axes.plot([value], [place], marker="|", ms=12, color=color)
        axes.annotate("", (value, place), (-45, 0), textcoords="offset points",
                      arrowprops={"arrowstyle": "<-", "color": color, "lw": 1.4})
        return
    axes.errorbar([value], [place], xerr=[[outer[0]], [outer[1]]], fmt="s" if average else "o", ms=6, lw=1.6,
                  capsize=4, color=color, zorder=4)
    if inner is not None:
        axes.errorbar([value], [place], xerr=[[inner[0]], [inner[1]]], fmt="none", lw=4.5, alpha=0.6, color=color)
