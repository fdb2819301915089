"""Tables and figure of the half splits."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from openbfactory.analyses.knunu.checks.splitting import Half
from openbfactory.report.content import Picture, Section, Table
from openbfactory.report.style import HERE, INK, PUBLISHED, corner, figure, style

Fits = dict[str, tuple[Half, Half]]


def sections(titles: dict[str, str], fits: Fits, pulls: dict[str, float], broken: tuple[Half, Half], lost: float,
             luminosity: float) -> tuple[Section, ...]:
    """Sections of the report: all pairs, and the planted fault."""
    picture = Picture(_pairs_figure(titles, fits, pulls, luminosity), "mu in both halves of the same data, for every "
                      "criterion; on the right the difference in standard deviations (points beyond the axis: table).",
                      "mu in both halves of many splits", wide=True)
    return (Section("Pairs of mu", (picture, _table(titles, fits, pulls))),
            Section("A fault in one half", (_fault_table(lost, broken),)))


def _table(titles: dict[str, str], fits: Fits, pulls: dict[str, float]) -> Table:
    """Both halves of every split."""
    rows = tuple((titles[n], f"{a.mu:.2f} ± {a.sigma:.2f}", f"{b.mu:.2f} ± {b.sigma:.2f}",
                  f"{pulls[n]:+.1f}", f"{a.ratio[0]:.3f} ± {a.ratio[1]:.3f}", f"{b.ratio[0]:.3f} ± {b.ratio[1]:.3f}")
                 for n, (a, b) in fits.items())
    return Table(("split", "mu, first half", "second half", "difference [σ]", "data / expected, first", "second"),
                 rows, "Splits of one pseudo-experiment; uncertainties are statistical.",
                 numeric=frozenset(range(1, 6)))


def _fault_table(lost: float, broken: tuple[Half, Half]) -> Table:
    """What the planted fault does to mu and to the number of events."""
    a, b = broken
    rates = (b.ratio[0] - a.ratio[0]) / float(np.hypot(a.ratio[1], b.ratio[1]))
    strength = (b.mu - a.mu) / float(np.hypot(a.sigma, b.sigma))
    rows = (("mu", f"{a.mu:.2f} ± {a.sigma:.2f}", f"{b.mu:.2f} ± {b.sigma:.2f}", f"{strength:+.1f}"),
            ("data / expected", f"{a.ratio[0]:.3f} ± {a.ratio[1]:.3f}", f"{b.ratio[0]:.3f} ± {b.ratio[1]:.3f}",
             f"{rates:+.1f}"))
    return Table(("quantity", "backward half", "forward half", "difference [σ]"), rows,
                 f"{lost:.0%} of the kaons of the forward half are lost in the data. The free "
                 "background takes up most of it in the fit of mu; the number of events shows it.",
                 numeric=frozenset({1, 2, 3}))


def _pairs_figure(titles: dict[str, str], fits: Fits, pulls: dict[str, float], luminosity: float) -> Figure:
    """Figure of all pairs."""
    with style():
        drawn_ = figure(9.0, 1.6 + 0.42 * len(fits))
        axes = drawn_.subplots()
        y = np.arange(len(fits))[::-1]
        for shift, color, half, label in ((0.13, PUBLISHED, 0, "first half"), (-0.13, HERE, 1, "second half")):
            axes.errorbar([f[half].mu for f in fits.values()], y + shift, xerr=[f[half].sigma for f in fits.values()],
                          fmt="o", ms=4, color=color, lw=1.4, label=label)
        axes.axvline(1.0, color=INK, lw=0.8, ls=":")
        for at, name in zip(y, fits, strict=True):
            axes.text(1.01, at, f"{pulls[name]:+.1f}σ", transform=axes.get_yaxis_transform(), va="center", fontsize=11)
        axes.set_yticks(y, [titles[n] for n in fits])
        reach = 8 * float(np.median([h.sigma for f in fits.values() for h in f]))
        axes.set_xlim(max(axes.get_xlim()[0], 1 - reach), min(axes.get_xlim()[1], 1 + reach))
        axes.tick_params(axis="y", right=False)
        axes.set_ylim(-0.7, len(fits) + 0.6)
        axes.minorticks_off()
        axes.set_xlabel(r"$\mu$")
        axes.legend(loc="upper right", ncols=2)
        corner(axes, luminosity, simulated=True)
    return drawn_
