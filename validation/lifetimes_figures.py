"""Draws the picture of the page on lifetimes: ``python -m validation.lifetimes_figures FOLDER``.

``FOLDER`` holds finished runs (``FOLDER/d0/result.json`` ...): decay times of each mode with the fit, and the lifetimes
beside the generated ones, in units of their statistical uncertainty.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from openbfactory.analyses.lifetimes.config import load_config

FOLDER = Path("docs/pictures")


def times(axes: Any, title: str, found: dict[str, Any]) -> None:
    """Decay times of one mode with the fit."""
    record = found["decay_times"]
    edges, counts = np.array(record["edges"]), np.array(record["counts"])
    axes.errorbar(0.5 * (edges[1:] + edges[:-1]), counts, np.sqrt(counts), fmt="k.", ms=2.5, lw=0.7,
                  label="simulated data")
    for curve in record["curves"]:
        if curve["filled"]:
            axes.fill_between(curve["x"], curve["y"], color="#2c6fbb", alpha=0.35, lw=0, label=curve["label"])
        else:
            axes.plot(curve["x"], curve["y"], color="#c0392b", lw=1.2, label=curve["label"])
    value, sigma = found["lifetime"]["value"], found["lifetime"]["statistical"]
    axes.set(yscale="log", ylim=(0.5, 4 * counts.max()), xlabel="decay time [fs]",
             ylabel=f"candidates in {edges[1] - edges[0]:.0f} fs")
    axes.set_title(f"{title}: {value:.{1 if sigma < 10 else 0}f} ± {sigma:.{1 if sigma < 10 else 0}f} fs", fontsize=9)
    axes.legend(frameon=False, fontsize=7)


def summary(axes: Any, found: dict[str, dict[str, Any]], symbols: dict[str, str]) -> None:
    """Lifetimes less those generated, over their uncertainties; statistical uncertainties at the published yields."""
    for k, record in enumerate(found.values()):
        life, published = record["lifetime"], record["published"]
        away = (life["value"] - life["generated"]) / life["statistical"]
        axes.errorbar(away, k, xerr=1.0, fmt="o", ms=4, color="#c0392b", capsize=3)
        axes.text(4.4, k, f"{record['statistical_at_published_yield']:.3g} ({published['statistical']:.3g}) fs",
                  va="center", fontsize=8)
    axes.axvline(0, color="0.6", lw=0.8, zorder=0)
    axes.set_yticks(range(len(found)), [symbols[n] for n in found])
    axes.set(xlim=(-4, 8), ylim=(len(found) - 0.4, -0.6), xlabel="(lifetime - generated) / statistical uncertainty")
    axes.set_xticks(range(-4, 5, 2))
    axes.set_title("statistical uncertainty at the published yield (published)", fontsize=8, loc="right")


def main(folder: str) -> None:
    """Write the picture."""
    modes = load_config().modes
    found = {n: json.loads(path.read_text(encoding="utf-8")) for n in modes
             if (path := Path(folder) / n / "result.json").exists()}
    symbols = {n: "$" + modes[n].symbol.replace("Λ", r"\Lambda").replace("Ω", r"\Omega") + "$" for n in found}
    with mpl.rc_context({"svg.hashsalt": "openbfactory", "svg.fonttype": "none", "font.size": 9}):
        drawn, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
        for panel, (name, record) in zip(axes.flat, found.items(), strict=False):
            times(panel, symbols[name], record)
        summary(axes.flat[-1], found, symbols)
        drawn.savefig(FOLDER / "lifetimes.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
