"""Figures of histograms beside the table (``out/validation/*.png``): both samples, and their difference in units of its
spread."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from validation.histograms import Histogram

FOLDER = Path("out/validation")
#: panels a row of a figure
COLUMNS = 4
#: a histogram whose largest bin is above this many means gets a logarithmic axis
PEAK = 30


def draw(name: str, histograms: list[Histogram], label: str = "EvtGen") -> Path | None:
    """Draw one-dimensional histograms as panels of one figure; None when there is none."""
    if not histograms:
        return None
    rows = -(-len(histograms) // COLUMNS)
    figure = plt.figure(figsize=(4.2 * COLUMNS, 3.6 * rows), layout="constrained")
    grid = figure.add_gridspec(2 * rows, COLUMNS, height_ratios=[3, 1] * rows)
    for k, histogram in enumerate(histograms):
        row, column = divmod(k, COLUMNS)
        above, below = (figure.add_subplot(grid[2 * row + i, column]) for i in (0, 1))
        _panel(above, below, histogram, label)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path


def _panel(above: plt.Axes, below: plt.Axes, histogram: Histogram, label: str) -> None:
    """One histogram with the pulls under it."""
    edges, factor = histogram.edges[0], histogram.factor()
    here = factor * histogram.here
    above.stairs(histogram.there, edges, color="0.75", fill=True, label=label)
    above.stairs(here, edges, color="C3", label="openbfactory")
    above.set_title(histogram.what, fontsize=9)
    above.legend(fontsize=7)
    if histogram.there.max() > PEAK * histogram.there.mean():
        above.set_yscale("log")
    else:
        above.set_ylim(0, None)
    above.tick_params(labelsize=7, labelbottom=False)
    spread = np.sqrt(np.maximum(histogram.there + factor**2 * histogram.squares, 1.0))
    below.stairs((here - histogram.there) / spread, edges, color="C0")
    below.axhline(0.0, color="0.5", linewidth=0.8)
    below.set_ylim(-6, 6)
    below.set_ylabel("pull", fontsize=7)
    below.tick_params(labelsize=7)
