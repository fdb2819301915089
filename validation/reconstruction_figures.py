"""Draws the picture of the documentation on fits: ``python -m validation.reconstruction_figures [FILE]``."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from validation.reconstruction import charm_times, toy_pulls

TARGET = Path("docs/pictures/decay_times.svg")


def draw(target: Path) -> Path:
    """Pulls of toys, residuals and decay times of D mesons after the detector, in three panels."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    pull = toy_pulls()[1]["decay time"]
    edges = np.linspace(-4, 4, 41)
    axes[0].stairs(np.histogram(pull, edges)[0], edges, color="0.75", fill=True, label="fits")
    fine = np.linspace(-4, 4, 200)
    axes[0].plot(fine, len(pull) * (edges[1] - edges[0]) * np.exp(-fine**2 / 2) / np.sqrt(2 * np.pi), "C3",
                 label="unit normal")
    axes[0].set(xlabel="pull of the D$^0$ decay time", ylabel="fits", title="Gaussian measurements")
    axes[0].set_ylim(0, 1.25 * np.histogram(pull, edges)[0].max())
    axes[0].legend(frameon=False, ncols=2, loc="upper center")
    for name, label, colour in (("D0", "D$^0$", "C0"), ("D+", "D$^+$", "C1")):
        time, error, true = charm_times(name)
        edges = np.linspace(-400, 400, 41)
        width = (np.quantile(time - true, 0.8413) - np.quantile(time - true, 0.1587)) / 2
        axes[1].hist(1e6 * (time - true), edges, histtype="step", color=colour, density=True,
                     label=f"{label}: 68 % within {1e6 * width:.0f} fs, median error {1e6 * np.median(error):.0f} fs")
        edges = np.linspace(-0.5, 4, 46)
        axes[2].hist(1e3 * time, edges, histtype="step", color=colour, label=f"{label}, fitted")
        axes[2].hist(1e3 * true, edges, histtype="stepfilled", color=colour, alpha=0.2, label=f"{label}, generated")
    axes[1].set(xlabel="fitted minus generated decay time [fs]", ylabel="density [1/fs]", title="belle2 card")
    axes[1].set_ylim(0, 1.3 * axes[1].get_ylim()[1])
    axes[1].legend(frameon=False, loc="upper center", fontsize=8)
    axes[2].set(xlabel="decay time [ps]", ylabel="candidates", title="belle2 card", yscale="log")
    axes[2].legend(frameon=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=90)
    plt.close(figure)
    return target


if __name__ == "__main__":
    print(draw(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
