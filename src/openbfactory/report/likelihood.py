"""Figures of a fit: likelihood profiles and pulls."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from openbfactory.report.records import LikelihoodProfile, PullList
from openbfactory.report.style import HERE, INK, LINES, corner, figure, style


def likelihood_profile(record: LikelihoodProfile, highest: float = 10.0) -> Figure:
    """Figure of the profiles with the one- and two-sigma levels, up to ``highest`` on the vertical axis."""
    with style():
        drawn = figure(7.0, 5.2)
        axes = drawn.subplots()
        found = [np.asarray([np.nan if v is None else v for v in x.twice_delta_nll]) for x in record.lines]
        top = min(highest, max([5.0, *(float(v[np.isfinite(v)].max(initial=0.0)) for v in found)]))
        for index, (line, values) in enumerate(zip(record.lines, found, strict=True)):
            shown = np.where(values <= 1.02 * top, values, np.nan)
            axes.plot(line.values, shown, color=LINES[(0, 3, 2, 4)[index % 4]], lw=2.0, ls="-" if index == 0 else "--",
                      label=line.label, zorder=3)
        left, right = min(min(x.values) for x in record.lines), max(max(x.values) for x in record.lines)
        for level, name in ((1.0, r"$1\,\sigma$"), (4.0, r"$2\,\sigma$"), (9.0, r"$3\,\sigma$")):
            if level < 0.97 * top:
                axes.axhline(level, color=INK, lw=0.9, ls=":")
                axes.annotate(name, (1.0, level), xycoords=("axes fraction", "data"), xytext=(-8, 3), ha="right",
                              textcoords="offset points", fontsize=11, zorder=4,
                              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85})
        if record.value is not None:
            axes.axvline(record.value, ymax=0.8, color=INK, lw=0.9)
        low, high = record.interval
        if low is not None and high is not None:
            axes.axvspan(low, high, ymax=0.8, color=LINES[0], alpha=0.12, lw=0)
        for index, (name, position) in enumerate(record.references.items()):
            axes.axvline(position, ymax=0.8, color=HERE, lw=1.5, ls=("-.", ":")[index % 2], label=name)
        axes.set_xlim(left, right)
        axes.set_ylim(0.0, top * 1.25)
        axes.set_xlabel(record.xlabel)
        axes.set_ylabel(r"$-2\,\Delta\,\ln L$")
        axes.legend(loc="upper center", ncols=2, borderaxespad=0.6)
        corner(axes, simulated=record.simulated)
    return drawn


def pulls(record: PullList) -> Figure:
    """Figure of pulls (points) and post-fit uncertainties (bars) in units of the prior ones, bands at 1 and 2."""
    with style():
        number = len(record.pulls)
        drawn = figure(7.0, 1.5 + 0.24 * number)
        axes = drawn.subplots()
        axes.axvspan(-2, 2, color="#F0E442", alpha=0.35, lw=0)
        axes.axvspan(-1, 1, color="#009E73", alpha=0.25, lw=0)
        axes.axvline(0.0, color=INK, lw=0.9)
        places = np.arange(number)
        values = np.asarray([p.pull for p in record.pulls])
        bars = np.asarray([0.0 if p.constraint is None else p.constraint for p in record.pulls])
        axes.errorbar(values, places, xerr=bars, fmt="o", ms=4, lw=1.2, color="black")
        axes.set_yticks(places, [p.name for p in record.pulls], fontsize=9.5)
        axes.set_ylim(number - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", length=0)
        axes.minorticks_off()
        reach = max(2.5, 1.05 * float(np.max(np.abs(values) + bars)))
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$")
        corner(axes, note=record.note, simulated=record.simulated)
    return drawn
