"""Draws the picture of the page on the mass of the tau: ``python -m validation.tau_mass_figures RUN/result.json``.

Pseudomasses of a finished run with both fitted forms, the bias against the generated mass, the systematic changes with
their uncertainties, and the mass beside published ones.
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

from openbfactory.analyses.tau_mass.config import load_config
from openbfactory.fit.shapes.pseudomass import FORMS

FOLDER = Path("docs/pictures")
COLOURS = {"quadratic": "#c0392b", "linear": "#2c6fbb"}


def pseudomasses(axes: Any, found: dict[str, Any]) -> None:
    """Counts and both forms."""
    edges, counts = (np.array(found["histogram"][k]) for k in ("edges", "counts"))
    limits, fine = (edges[0], edges[-1]), np.linspace(edges[0], edges[-1], 301)
    centres = 0.5 * (edges[1:] + edges[:-1])
    axes.errorbar(1e3 * centres, counts, np.sqrt(counts), fmt="k.", ms=3, lw=0.8, label="simulated data")
    for form, numbers in found["forms"].items():
        values = [numbers["parameters"][f"p{k}"]["value"] for k in range(1, 6)]
        axes.plot(1e3 * fine, counts.sum() * (edges[1] - edges[0]) * FORMS[form](fine, *limits, *values), lw=1.4,
                  color=COLOURS[form], ls="-" if form == "quadratic" else "--", label=f"{form} form")
    axes.set(xlabel="pseudomass [MeV]", ylabel="candidates in 2.5 MeV", ylim=(0, None))
    axes.legend(frameon=False)
    axes.set_title(f"{found['luminosity']['value']:.1f} fb$^{{-1}}$, {found['candidates']} candidates", fontsize=9)


def bias(axes: Any, found: dict[str, Any]) -> None:
    """Bias of both forms against the generated mass."""
    for k, (form, numbers) in enumerate(found["forms"].items()):
        points = numbers["bias"]["points"]
        x = np.array([1e3 * float(m) for m in points]) + 0.6 * k
        y, error = np.array(list(points.values())).T
        mean, sigma = numbers["bias"]["mean"]
        axes.axhspan(mean - sigma, mean + sigma, color=COLOURS[form], alpha=0.15, lw=0)
        axes.errorbar(x, y, error, fmt="o", ms=4, color=COLOURS[form], capsize=2,
                      label=f"{form}: {mean:.2f} ± {sigma:.2f}")
    axes.set(xlabel="generated mass [MeV]", ylabel="edge - generated mass [MeV]")
    axes.margins(y=0.35)
    axes.legend(frameon=False)


def changes(axes: Any, found: dict[str, Any]) -> None:
    """Every systematic change, the share that counts."""
    rows = [(f"{source}: {name}", c) for source, of in found["changes"].items() for name, c in of.items()
            if c["value"] is not None]
    y = np.arange(len(rows))[::-1]
    share = np.array([c["counted"] for _, c in rows])
    value, error = (share * np.array([c[k] or 0.0 for _, c in rows]) for k in ("value", "uncertainty"))
    axes.errorbar(value, y, xerr=error, fmt="o", ms=3, color="#333333", capsize=2, lw=0.9)
    axes.axvline(0, color="0.7", lw=0.8, zorder=0)
    axes.set_yticks(y, [text for text, _ in rows], fontsize=6)
    axes.locator_params(axis="x", nbins=5)
    axes.set(xlabel="change of the mass that counts [MeV]")


def world(axes: Any, found: dict[str, Any]) -> None:
    """Published masses and that of the run."""
    rows = [(w.name, w.value, w.statistical, np.hypot(w.statistical, w.systematic)) for w in load_config().world]
    mass = found["mass"]
    whole = float(np.hypot(mass["statistical"], mass["systematic"]))
    rows.append(("this run (simulated)", mass["value"], (mass["statistical"],) * 2, np.array([whole, whole])))
    for k, (_, value, inner, total) in enumerate(rows[::-1]):
        colour = "#c0392b" if k == 0 else "#333333"
        axes.errorbar(value, k, xerr=[[total[1]], [total[0]]], fmt="o", ms=4, color=colour, lw=1)
        axes.errorbar(value, k, xerr=[[inner[1]], [inner[0]]], fmt="none", color=colour, capsize=3, lw=2)
    axes.axvline(mass["generated"], color="#2c6fbb", lw=1, ls=":", label="generated")
    axes.set_yticks(range(len(rows)), [r[0] for r in rows[::-1]], fontsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.set(xlabel="mass of the tau [MeV]", ylim=(-0.6, len(rows) - 0.4))
    axes.legend(frameon=False, fontsize=8)


def main(path: str) -> None:
    """Write the picture."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    with mpl.rc_context({"svg.hashsalt": "openbfactory", "svg.fonttype": "none", "font.size": 9}):
        drawn, axes = plt.subplots(2, 2, figsize=(11, 8.4), layout="constrained")
        for panel, draw in zip(axes.flat, (pseudomasses, bias, changes, world), strict=True):
            draw(panel, found)
        drawn.savefig(FOLDER / "tau_mass.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
