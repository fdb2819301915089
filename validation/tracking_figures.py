"""Draws the pictures of the pages on tracking and matter: ``python -m validation.tracking_figures``.

More than a million particles of the gun go through the belle2 card; points are what the simulation makes, lines and
bands are published or recalled figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from validation.detector_tracking import (
    card_of,
    conversions_of,
    core,
    found_fraction,
    kshort_efficiency,
    shoot,
    true_helices,
)

Array = npt.NDArray[Any]
FOLDER = Path("docs/pictures")
SAMPLE = 200_000
#: what nothing but the particle itself makes
PLAIN = {"fake_tracks": 0.0, "cloned_tracks": 0.0, "beam_background": 0.0}
#: points an estimate with straight lever arms gives at 90 degrees, two pixel layers: pT [GeV], d0 [um], z0 [um]
ESTIMATE = np.array([[0.3, 51, 54], [0.5, 32, 35], [1.0, 20, 22], [2.0, 14, 16], [5.0, 9.4, 13]])
#: recalled ranges of efficiencies: pT from, to [GeV], lowest, highest
RANGES = ((0.05, 0.1, 0.40, 0.65), (0.1, 0.2, 0.80, 0.90), (0.2, 0.5, 0.93, 0.95), (0.5, 3.0, 0.96, 0.98))


def profile(x: Array, y: Array, edges: Array) -> tuple[Array, Array]:
    """Centres of the bins and half of the central 68 % in each."""
    bins = np.digitize(x, edges) - 1
    middle = np.array([np.median(x[bins == k]) for k in range(len(edges) - 1)])
    return middle, np.array([core(y[bins == k])[1] for k in range(len(edges) - 1)])


def efficiency(x: Array, found: Array, edges: Array) -> tuple[Array, Array, Array]:
    """Centres, efficiencies and their binomial errors."""
    bins, count = np.digitize(x, edges) - 1, len(edges) - 1
    number = np.array([np.sum(bins == k) for k in range(count)])
    share = np.array([found[bins == k].mean() for k in range(count)])
    return (edges[1:] + edges[:-1]) / 2, share, np.sqrt(share * (1 - share) / number)


def momenta(events: Any) -> tuple[Array, Array]:
    """Transverse momenta [GeV] and polar angles [deg] of the particles shot."""
    mc = events["MCParticles"]
    first = mc.offsets[:-1]
    pt = np.hypot(mc["px"][first], mc["py"][first])
    return pt, np.degrees(np.arctan2(pt, mc["pz"][first]))


def resolutions(target: Path) -> Path:
    """Impact parameters and transverse momentum against pT at 90 degrees, both run periods."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    edges = np.geomspace(0.15, 6.0, 15)
    for name, colour, label in (("belle2", "C0", "Run 1"), ("belle2:run2", "C3", "two pixel layers")):
        events, _ = shoot("pi+", SAMPLE, card_of(name, **PLAIN), momentum=(0.15, 6.0), theta=(85.0, 95.0),
                          spectrum="logp", charges="both")
        tracks, mc = events["Tracks"], events["MCParticles"]
        good = np.flatnonzero(tracks["mcIndex"] >= 0)
        index = mc.offsets[tracks.event_index()[good]] + tracks["mcIndex"][good]
        truth, pt = true_helices(mc, index), np.hypot(mc["px"][index], mc["py"][index])
        for axis, k, column, scale in ((axes[0], 0, "d0", 1e4), (axes[1], 3, "z0", 1e4)):
            axis.plot(*profile(pt, scale * (tracks[column][good] - truth[:, k]), edges), "o-", ms=3, lw=0.8,
                      color=colour, label=label)
        if name == "belle2":
            axes[2].plot(*profile(pt, 100 * (truth[:, 2] / tracks["omega"][good] - 1), edges), "o-", ms=3, lw=0.8,
                         color=colour, label="simulated")
    for axis, k in ((axes[0], 1), (axes[1], 2)):
        axis.plot(ESTIMATE[:, 0], ESTIMATE[:, k], "k^", ms=4, mfc="none", label="estimate, two layers, aligned")
    axes[0].plot([5.3, 5.3], [12.5, 14.1], "s-", color="0.4", ms=4, label="two-track events: simulation, data")
    beta = edges / np.hypot(edges, 0.13957)
    axes[2].plot(edges, np.hypot(0.1 * edges, 0.3 / beta), "k--", label="0.1 % p$_T$ $\\oplus$ 0.3 % / $\\beta$")
    for axis, title in zip(axes, ("$\\sigma(d_0)$ [$\\mu$m]", "$\\sigma(z_0)$ [$\\mu$m]", "$\\sigma(p_T) / p_T$ [%]"),
                           strict=True):
        axis.set(xscale="log", xlabel="p$_T$ [GeV]", ylabel=title)
        axis.set_xticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
        axis.set_xticks([], minor=True)
        axis.set_ylim(0, None)
        axis.legend(fontsize=7)
    return _save(figure, target)


def efficiencies(target: Path) -> Path:
    """Track efficiency against pT, polar angle and radius of the origin."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    events, _ = shoot("pi+", SAMPLE, card_of(**PLAIN), momentum=(0.03, 2.0), theta=(25.0, 140.0), spectrum="pt",
                      charges="both")
    low, _ = shoot("pi+", SAMPLE // 2, card_of(**PLAIN), momentum=(0.03, 0.3), theta=(25.0, 140.0), spectrum="pt",
                   charges="both")
    x = np.concatenate([momenta(events)[0], momenta(low)[0]])
    found = np.concatenate([found_fraction(events), found_fraction(low)])
    edges = np.concatenate([np.linspace(0.03, 0.2, 18), np.linspace(0.25, 2.0, 15)])
    axes[0].errorbar(*efficiency(x, found, edges), fmt="o", ms=3, color="C0", label="simulated pions")
    for n, (first, last, least, most) in enumerate(RANGES):
        axes[0].fill_between([first, min(last, 2.0)], least, most, color="0.8", label="" if n else "recalled range")
    axes[0].set(xlabel="p$_T$ [GeV]", ylabel="efficiency")
    events, _ = shoot("pi+", SAMPLE, card_of(**PLAIN), momentum=(0.5, 2.0), theta=(10.0, 160.0), charges="both")
    axes[1].errorbar(*efficiency(momenta(events)[1], found_fraction(events), np.linspace(10, 160, 61)), fmt="o", ms=3,
                     color="C0", label="pions, 0.5-2 GeV")
    axes[1].axvspan(17, 150, color="0.9", label="acceptance")
    axes[1].set(xlabel="polar angle [deg]")
    events, _ = shoot("pi+", SAMPLE, card_of(**PLAIN), momentum=(0.3, 2.0), theta=(40.0, 120.0), radius=(0.0, 90.0),
                      opening=40.0, charges="both")
    mc = events["MCParticles"]
    radius = np.hypot(mc["x"], mc["y"])[mc.offsets[:-1]]
    axes[2].errorbar(*efficiency(radius, found_fraction(events), np.linspace(0, 90, 46)), fmt="o", ms=3, color="C0",
                     label="pions, 0.3-2 GeV")
    axes[2].set(xlabel="radius of the origin [cm]")
    for axis in axes:
        axis.set_ylim(0, 1.05)
        axis.legend(fontsize=7, loc="lower right" if axis is axes[0] else "lower center")
    return _save(figure, target)


def matter(target: Path) -> Path:
    """K_S efficiency and conversions against the radius."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    radius, found = kshort_efficiency()
    axes[0].errorbar(*efficiency(radius, found, np.linspace(0, 60, 31)), fmt="o", ms=3, color="C0",
                     label="K$_S \\to \\pi^+\\pi^-$, both tracks")
    axes[0].fill_between([1, 30], [0.85, 0.40], [0.90, 0.50], color="0.8", label="recalled range")
    axes[0].set(xlabel="radius of the decay [cm]", ylabel="efficiency")
    axes[0].set_ylim(0, 1.05)
    card = card_of("belle2:run2", beam_background=0.0, fake_tracks=0.0)
    events, _ = shoot("gamma", SAMPLE, card, momentum=(0.5, 2.0), theta=(90.0, 90.0))
    where, both = conversions_of(events)
    edges = np.linspace(0, 25, 101)
    axes[1].step(edges[1:], np.cumsum(np.histogram(where, edges)[0]) / SAMPLE, color="C0",
                 label="simulated, two pixel layers")
    axes[1].axhline(0.031, ls="--", color="k", lw=0.8, label="before the CDC: 7/9 of 4.0 %")
    axes[1].set(xlabel="radius [cm]", ylabel="photons converted inside, 90 degrees")
    groups = ((0.9, 1.3, "pipe"), (1.3, 3, "PXD"), (3.8, 4.1, "SVD 3"), (7.9, 8.2, "4"), (10, 11, "5"), (13, 14, "6"),
              (18, 22, "CDC"))
    share = [both[(where > low) & (where < high)].mean() for low, high, _ in groups]
    axes[2].plot(range(len(groups)), share, "o", color="C0", label="both tracks found, 0.5-2 GeV")
    axes[2].set_xticks(range(len(groups)), [name for _, _, name in groups], fontsize=8)
    axes[2].axhspan(0.2, 0.4, color="0.9", label="recalled range")
    axes[2].set(xlabel="layer of the conversion", ylabel="efficiency", ylim=(0, 1.0))
    for axis in axes:
        axis.legend(fontsize=7)
    return _save(figure, target)


def _save(figure: plt.Figure, target: Path) -> Path:
    mpl.rcParams["svg.hashsalt"] = "openbfactory"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None, dpi=80)
    plt.close(figure)
    return target


if __name__ == "__main__":
    for draw, name in ((resolutions, "tracking_resolution"), (efficiencies, "tracking_efficiency"), (matter, "matter")):
        print(draw(FOLDER / f"{name}.svg"))
