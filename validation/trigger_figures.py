"""Draws the pictures of the pages on the trigger and on muons: ``python -m validation.trigger_figures [PARTICLES]``."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from openbfactory.simulate.trigger_training import half_width
from validation import detector_muons as muons
from validation import detector_trigger as trigger

FOLDER = Path("docs/pictures")
#: grey of what the experiments say
PUBLISHED = "0.82"
Array = npt.NDArray[np.float64]


def shares(values: Array, passed: Array, edges: Array) -> tuple[Array, Array, Array]:
    """Middles of bins, share that passed in each, and its binomial error."""
    number = np.histogram(values, edges)[0]
    share = np.histogram(values[passed], edges)[0] / np.maximum(number, 1)
    error = np.sqrt(np.maximum(share * (1.0 - share), 0.25 / np.maximum(number, 1)) / np.maximum(number, 1))
    return (edges[1:] + edges[:-1]) / 2.0, share, error


def steps(axis: plt.Axes, values: Array, passed: Array, edges: Array, colour: str, label: str, line: str = "-") -> None:
    """Draw the share that passed in every bin."""
    axis.stairs(shares(values, passed, edges)[1], edges, baseline=None, color=colour, label=label, linestyle=line)


def draw_trigger(particles: int, target: Path) -> Path:
    """Resolution in z against pT, acceptance of the cut on z against z, efficiencies against the polar angle."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
    at_origin = trigger.gun_tracks(particles // 2, theta=(17.0, 150.0))
    neural = at_origin[at_origin[:, trigger.NEURAL] > 0]
    edges = np.array([0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0])
    widths = [half_width(neural[chosen, trigger.Z_FOUND]) for low, high in pairwise(edges)
              if (chosen := (neural[:, trigger.PT] > low) & (neural[:, trigger.PT] < high)).any()]
    axes[0].plot([0.3, 0.5], [5, 5], color=PUBLISHED, linewidth=9, solid_capstyle="butt",
                 label="simulation of the experiment,\n\"about 5 cm\" and \"about 2 cm\"")
    axes[0].plot([2.0, 4.0], [2, 2], color=PUBLISHED, linewidth=9, solid_capstyle="butt")
    axes[0].stairs(widths, edges, baseline=None, color="C3", linewidth=1.8, label="here, central 68 %")
    axes[0].set(xlabel="transverse momentum [GeV]", ylabel="resolution in z [cm]", ylim=(0, 6.5), xlim=(0.2, 4.05),
                title="neural tracks from the origin")
    axes[0].legend(frameon=False, fontsize=8, loc="upper right")
    spread = trigger.gun_tracks(particles - particles // 2, z=80.0, seed=2)
    fast = spread[(spread[:, trigger.NEURAL] > 0) & (spread[:, trigger.P] > 0.7)]
    edges = np.linspace(-80, 80, 65)
    middle, share, error = shares(fast[:, trigger.Z], np.abs(fast[:, trigger.Z_FOUND]) < 15.0, edges)
    axes[1].errorbar(middle, share, error, fmt="C3.", markersize=4)
    axes[1].axvspan(-15, 15, color="0.93", zorder=0)
    axes[1].set(xlabel="true z of the track [cm]", ylabel="share with |z| < 15 cm", yscale="log", ylim=(1e-3, 1.5),
                title="tracks of p > 0.7 GeV from elsewhere")
    edges = np.linspace(17, 150, 54)
    fast = at_origin[at_origin[:, trigger.PT] > 0.5]
    for column, colour, label in ((trigger.IN_PLANE, "C0", "track in the transverse plane"),
                                  (trigger.NEURAL, "C3", "neural track")):
        steps(axes[2], np.degrees(fast[:, trigger.THETA]), fast[:, column] > 0, edges, colour, label)
    axes[2].set(xlabel="polar angle [deg]", ylabel="share of found tracks", ylim=(0, 1.25), title="pT > 0.5 GeV")
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(target, dpi=90, **({"metadata": {"Date": None}} if target.suffix == ".svg" else {}))
    plt.close(figure)
    return target


def draw_muons(particles: int, target: Path) -> Path:
    """Muons, their fakes, and clusters of K_L against momentum."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
    edges, each = np.linspace(0.3, 4.0, 38), particles // 4
    found = muons.charged_tracks("mu+", each)
    axes[0].fill_between([1.0, 4.0], 0.85, 0.90, color=PUBLISHED, label="muonID > 0.9 of the experiment")
    for passed, colour, label in ((found[:, muons.MATCHED] > 0, "C0", "matched cluster"),
                                  (found[:, muons.MUON_ID] > 0.9, "C3", "muonID > 0.9")):
        steps(axes[0], found[:, muons.P], passed, edges, colour, label)
    axes[0].set(xlabel="momentum [GeV]", ylabel="share of tracks", ylim=(0, 1.3), title="muons")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].fill_between([1.0, 4.0], 0.04, 0.07, color=PUBLISHED, label="pions and kaons of the experiment")
    axes[1].fill_between([1.0, 4.0], 0.01, 0.02, color=PUBLISHED)
    for name, colour, label in (("pi+", "C0", "pions"), ("K+", "C1", "kaons")):
        found = muons.charged_tracks(name, each)
        p = found[:, muons.P]
        steps(axes[1], p, found[:, muons.MUON_ID] > 0.9, edges, colour, f"{label}, muonID > 0.9")
        steps(axes[1], p, found[:, muons.MATCHED] > 0, edges, colour, f"{label}, matched cluster", ":")
    axes[1].set(xlabel="momentum [GeV]", ylim=(0, 0.16), title="hadrons taken for muons")
    axes[1].legend(frameon=False, fontsize=8, ncols=1)
    kaons = muons.long_lived(each)
    axes[2].fill_between([0.3, 3.0], [0, 0.7], [0, 0.8], color=PUBLISHED, label="design of the experiment")
    edges = np.linspace(0.1, 4.0, 40)
    steps(axes[2], kaons[:, 0], kaons[:, muons.CLUSTERS] > 0, edges, "C3", "here")
    axes[2].set(xlabel="momentum [GeV]", ylabel="share with a cluster", ylim=(0, 1), title="K$_L$")
    axes[2].legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(target, dpi=90, **({"metadata": {"Date": None}} if target.suffix == ".svg" else {}))
    plt.close(figure)
    return target


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "openbfactory"
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(draw_trigger(number, FOLDER / "trigger.svg"), draw_muons(number, FOLDER / "muons.svg"))
