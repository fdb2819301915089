"""Draws the picture of the documentation on flavour: ``python -m validation.flavour_figures [FILE]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from validation.flavour import FIT, candidates, mixing, pair_density, resolution, trained

TARGET = Path("docs/pictures/flavour.svg")
#: bins of r in the asymmetry: the best three
BEST = 4


def asymmetry(axes: Any) -> None:
    """Draw the asymmetry of unmixed and mixed events against |Delta t| with the fit."""
    fit, c = mixing(), candidates(FIT)
    best = fit["place"] >= BEST
    edges = np.concatenate([np.linspace(0, 6, 13), [7.0, 8.5, 11.0]])
    centre = 0.5 * (edges[1:] + edges[:-1])
    t = np.abs(fit["t"][best])
    n = [np.histogram(t[fit["unmixed"][best] == s], edges)[0] for s in (1, -1)]
    total = n[0] + n[1]
    value = (n[0] - n[1]) / total
    error = np.sqrt((1 - value**2) / total)
    axes.errorbar(centre, value, yerr=error, xerr=np.diff(edges) / 2, fmt="o", ms=3.5, color="k", lw=1,
                  label="simulated events, r > 0.6")
    rows = np.flatnonzero(best)[:400]
    grid = np.linspace(0.0, 11.0, 80)
    curve = []
    for x in grid:
        both = [pair_density(np.full(len(rows), s * x), fit["error"][rows], c["slope"][rows], fit["values"][1],
                             fit["values"][0], resolution()) for s in (1, -1)]
        dilution = fit["values"][2:][fit["place"][rows]]
        curve.append(sum((dilution * wave).sum() for _, wave in both) / sum(plain.sum() for plain, _ in both))
    label = rf"fit: $\Delta m$ = {fit['values'][0]:.3f} $\pm$ {fit['errors'][0]:.3f} / ps"
    axes.plot(grid, curve, "C3", label=label)
    axes.axhline(0.0, color="0.6", lw=0.8)
    axes.set(xlabel=r"|$\Delta t$| [ps]", ylabel="(unmixed - mixed) / sum", xlim=(0, 11), ylim=(-1, 1.25),
             title="B$^0$ mixing")
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def draw(target: Path) -> Path:
    """Output of the tagger, its calibration and the oscillation, in three panels."""
    mpl.rcParams["svg.hashsalt"] = "openbfactory"
    done = trained()[0]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    edges = np.linspace(-1, 1, 41)
    for sign, label, colour in ((1, "B$^0$", "C0"), (-1, r"anti-B$^0$", "C1")):
        axes[0].hist(done.qr[done.flavour == sign], edges, histtype="step", color=colour, label=label)
    axes[0].set(xlabel="q r", ylabel="events", xlim=(-1, 1), title=f"effective efficiency "
                f"{100 * done.performance.effective:.1f} $\\pm$ {100 * done.performance.error:.1f} %")
    axes[0].set_ylim(0, 1.2 * axes[0].get_ylim()[1])
    axes[0].legend(frameon=False, ncols=2, loc="upper center")
    bins = [b for b in done.performance.bins if b.dilution is not None]
    axes[1].plot([0, 1], [0, 1], color="0.6", lw=0.8)
    axes[1].errorbar([b.r for b in bins], [b.dilution for b in bins], yerr=[b.error for b in bins], fmt="o", ms=4,
                     color="C0", label="truth")
    fit = mixing()
    axes[1].errorbar(np.array(fit["r"]) + 0.012, fit["values"][2:], yerr=fit["errors"][2:], fmt="s", ms=4, color="C3",
                     label="oscillation of B$^0$ -> D$^-$ $\\pi^+$")
    axes[1].set(xlabel="mean r", ylabel="1 - 2w", xlim=(0, 1), ylim=(-0.05, 1.1), title="calibration")
    axes[1].legend(frameon=False, loc="upper left")
    asymmetry(axes[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=90, **({"metadata": {"Date": None}} if target.suffix == ".svg" else {}))
    plt.close(figure)
    return target


if __name__ == "__main__":
    for name in sys.argv[1:] or [str(TARGET)]:
        print(draw(Path(name)))
