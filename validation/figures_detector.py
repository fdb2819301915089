"""Draws the curves of the pages on the detector from a million single particles each.

``python -m validation.figures_detector [calorimeter|identification] [NUMBER]`` writes docs/pictures/*.svg; published
figures are points, bands and dashed lines beside the curves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from validation import detector_calorimeter, detector_identification
from validation import detector_guns as guns
from validation.detector_identification import NAMES, STANDARD

PICTURES = Path("docs/pictures")
TOTAL = 1_000_000
mpl.rcParams.update({"svg.hashsalt": "openbfactory", "font.size": 8, "legend.fontsize": 7, "legend.frameon": False,
                     "axes.titlesize": 9})


def save(figure: plt.Figure, name: str, folder: Path = PICTURES) -> Path:
    """Write a figure without a date."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def binned(x: np.ndarray, edges: np.ndarray, value: Callable[[np.ndarray], float]) -> np.ndarray:
    """A number of each bin of x, from the indices in it; NaN below 50 entries."""
    place = np.digitize(x, edges) - 1
    order = np.argsort(place, kind="stable")
    first = np.searchsorted(place[order], np.arange(len(edges)))
    parts = [order[a:b] for a, b in pairwise(first)]
    return np.array([value(part) if len(part) >= 50 else np.nan for part in parts])


def calorimeter(total: int) -> Path:
    """Resolutions, efficiencies and discriminants of the calorimeter."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.2), layout="constrained")
    of = guns.photons(total)
    ratio = of["energy"] / of["p"]
    _resolution(axes[0, 0], of, ratio)
    _photon_efficiency(axes[0, 1], of, ratio)
    _angles(axes[0, 2], of, ratio)
    _position(axes[1, 0], of, ratio)
    _fakes(axes[1, 1], total)
    _k_long(axes[1, 2], total // 4)
    return save(figure, "calorimeter")


def _resolution(axes: plt.Axes, of: dict[str, np.ndarray], ratio: np.ndarray) -> None:
    edges = np.geomspace(0.03, 8, 29)
    middle = np.sqrt(edges[1:] * edges[:-1])
    for label, low, high, colour in (("barrel", 35, 126, "C0"), ("forward endcap", 14, 30, "C1")):
        kept = (of["theta"] > low) & (of["theta"] < high) & (ratio > 0.5)
        values = ratio[kept]
        axes.step(middle, 100 * binned(of["p"][kept], edges, lambda i, v=values: guns.spread_above(v[i])), where="mid",
                  color=colour, label=f"card, {label}")
    axes.plot(middle, np.sqrt((0.2 / middle) ** 2 + 1.6**2 / np.sqrt(middle) + 1.2**2), "k--", lw=0.8,
              label="design (TDR), no background")
    axes.errorbar([0.1, 1, 4], [7, 2.25, 1.7], [0.5, 0.25, 0.1], fmt="ks", ms=3, label="in practice (recalled)")
    axes.set(xscale="log", yscale="log", xlabel="photon energy [GeV]", ylabel="$\\sigma_E / E$ [%]",
             title="Energy resolution", ylim=(1, 40))
    axes.legend()


def _photon_efficiency(axes: plt.Axes, of: dict[str, np.ndarray], ratio: np.ndarray) -> None:
    edges = np.geomspace(0.02, 8, 30)
    middle = np.sqrt(edges[1:] * edges[:-1])
    for label, low, high, colour in (("barrel", 35, 126, "C0"), ("forward endcap", 14, 30, "C1")):
        kept = (of["theta"] > low) & (of["theta"] < high)
        good = ratio[kept] > 0.5
        axes.step(middle, 100 * binned(of["p"][kept], edges, lambda i, g=good: g[i].mean()), where="mid", color=colour,
                  label=f"card, {label}")
    axes.fill_between([0.2, 8], 95, 99, color="0.8", label="95-99 % (recalled)")
    axes.set(xscale="log", xlabel="photon energy [GeV]", ylabel="efficiency [%]", ylim=(50, 101),
             title="Photons with more than half of their energy seen")
    axes.legend(loc="lower right")


def _angles(axes: plt.Axes, of: dict[str, np.ndarray], ratio: np.ndarray) -> None:
    edges = np.linspace(10, 160, 151)
    kept = of["p"] > 0.2
    good = ratio[kept] > 0.5
    axes.stairs(100 * np.nan_to_num(binned(of["theta"][kept], edges, lambda i: good[i].mean())), edges, color="C0",
                label="card, above 0.2 GeV")
    for k, angle in enumerate((12.4, 31.4, 32.2, 128.7, 130.7, 155.1)):
        axes.axvline(angle, color="k", ls=":", lw=0.6, label="edges of the regions (basf2)" if k == 0 else None)
    axes.set(xlabel="polar angle [deg]", ylabel="efficiency [%]", ylim=(0, 105), title="Acceptance")
    axes.legend(loc="center")


def _position(axes: plt.Axes, of: dict[str, np.ndarray], ratio: np.ndarray) -> None:
    edges = np.geomspace(0.03, 8, 29)
    middle = np.sqrt(edges[1:] * edges[:-1])
    kept = (of["theta"] > 60) & (of["theta"] < 120) & (ratio > 0.5)
    off = 1e3 * (np.radians(of["theta"]) - of["angle"])[kept]
    axes.step(middle, binned(of["p"][kept], edges, lambda i: guns.narrow(off[i])), where="mid", color="C0",
              label="card, 60-120 degrees")
    axes.plot([0.1, 1], [12, 4], "ks", ms=3, label="12 and 4 mrad (Belle NIM, recalled)")
    axes.set(xscale="log", yscale="log", xlabel="photon energy [GeV]", ylabel="$\\sigma_\\theta$ [mrad]",
             title="Angular resolution")
    axes.legend()


def _fakes(axes: plt.Axes, total: int) -> None:
    energies = np.geomspace(0.1, 1.5, 9)
    rates = np.array([detector_calorimeter.fake_rates(total, total // 4, float(e)) for e in energies])
    axes.plot(energies, rates[:, 0], "o-", ms=3, color="C1", label="shower shapes (clusterZernikeMVA)")
    axes.plot(energies, rates[:, 1], "o-", ms=3, color="C0", label="pulse shapes (clusterPulseShapeDiscr...)")
    for k, (energy, factor) in enumerate(((0.2, 3.0), (1.0, 10.0))):
        top = float(np.interp(np.log(energy), np.log(energies), rates[:, 0]))
        axes.annotate("", (energy, top / factor), (energy, top), arrowprops={"arrowstyle": "->", "lw": 0.8})
        axes.plot([energy], [top / factor], "kv", ms=4,
                  label="lower by 3 and 10: at least so (arXiv:2007.09642)" if k == 0 else None)
    axes.set(xscale="log", yscale="log", xlabel="cluster energy [GeV]", ylabel="fraction of photons", ylim=(1e-3, 3),
             title="Photons as hadrons, 80 % of the K$_L$ kept")
    axes.legend(loc="upper right")


def _k_long(axes: plt.Axes, total: int) -> None:
    edges = np.linspace(0.1, 4, 27)
    for label, efficiency, colour in (("card", 1.0, "C0"), ("k_long_ecl_efficiency 0.83", 0.83, "C3")):
        of = guns.neutral_hadrons(total, efficiency=efficiency)
        good = np.isfinite(of["energy"])
        axes.stairs(100 * binned(of["p"], edges, lambda i, g=good: g[i].mean()), edges, color=colour, label=label)
    axes.axhline(55, color="k", ls="--", lw=0.8, label="55 % interact (0.8 interaction lengths)")
    axes.set(xlabel="K$_L$ momentum [GeV]", ylabel="with a cluster [%]", ylim=(0, 70), title="K$_L$ in the calorimeter")
    axes.legend(loc="lower right")


def identification(total: int) -> Path:
    """Efficiencies and fake rates of the identities against momentum."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.2), layout="constrained")
    each = total // 5
    _curves(axes[0, 0], each, "kaonID > 0.5", (("K+", NAMES["K+"], 0.5), ("pi+", NAMES["K+"], 0.5),
                                               ("p+", NAMES["K+"], 0.5)),
            (((0.5, 1.5), (88, 92)), ((2, 3), (80, 85)), ((0.5, 3), (4, 7)), ((3, 4), (10, 15))))
    _curves(axes[0, 1], each, "kaonID > 0.9", (("K+", NAMES["K+"], 0.9), ("pi+", NAMES["K+"], 0.9)),
            (((0.5, 3), (66, 70)), ((0.5, 3), (1.0, 1.4))))
    _curves(axes[0, 2], each, "muonID > 0.9", (("mu-", NAMES["mu-"], 0.9), ("pi+", NAMES["mu-"], 0.9),
                                               ("K+", NAMES["mu-"], 0.9)),
            (((1, 3), (85, 90)), ((0.4, 0.7), (40, 60)), ((1, 3), (4, 7)), ((1, 3), (1, 2))))
    _curves(axes[1, 0], each, "electronID > 0.9", (("e-", NAMES["e-"], 0.9), ("pi+", NAMES["e-"], 0.9)),
            (((1, 3), (86, 94)), ((0.2, 0.6), (70, 85)), ((1, 3), (0.1, 1)), ((0.2, 0.6), (1, 5))))
    _curves(axes[1, 1], each, "protonID > 0.5", (("p+", NAMES["p+"], 0.5), ("K+", NAMES["p+"], 0.5),
                                                 ("pi+", NAMES["p+"], 0.5)), ())
    _standard(axes[1, 2], each)
    return save(figure, "identification")


def _curves(axes: plt.Axes, total: int, title: str, curves: tuple[tuple[str, int, float], ...],
            bands: tuple[tuple[tuple[float, float], tuple[float, float]], ...]) -> None:
    """Efficiency and fake rates against momentum; bands are published ranges."""
    edges = np.linspace(0.1, 4, 40)
    labels = {"e-": "e", "mu-": "$\\mu$", "pi+": "$\\pi$", "K+": "K", "p+": "p"}
    for k, (name, identity, cut) in enumerate(curves):
        of = guns.tracks(name, total)
        kept = ~of["decayed"] | (k > 0)
        good = of["identity"][kept, identity] > cut
        values = binned(of["p"][kept], edges, lambda i, g=good: g[i].mean())
        axes.stairs(np.clip(values, 1e-4, 1 - 1e-3), edges, baseline=None, color=f"C{k}", label=f"{labels[name]}, card")
    for k, ((left, right), (low, high)) in enumerate(bands):
        axes.fill_between([left, right], low / 100, high / 100, color="0.5", alpha=0.35, lw=0,
                          label="published (recalled)" if k == 0 else None)
    axes.set(xlabel="momentum [GeV]", ylabel="fraction of the tracks (logit scale)", title=title)
    axes.set_yscale("logit", one_half="0.5")
    axes.set_ylim(4e-5, 0.99)
    ticks = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95)
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.legend(ncols=2, loc="lower right")


def _standard(axes: plt.Axes, total: int) -> None:
    """Efficiencies at the cuts of the standard lists beside 95, 90 and 85 %."""
    percents = (95, 90, 85)
    for k, (_, species, cuts) in enumerate(STANDARD):
        for j, cut in enumerate(cuts):
            if cut is not None:
                value = detector_identification.rate(species, NAMES[species], cut, 1, 4, total=total)
                axes.plot(k + 0.2 * (j - 1), value, "o", ms=4, color=f"C{j}")
    for j, percent in enumerate(percents):
        axes.axhline(percent, color=f"C{j}", ls="--", lw=0.8, label=f"cut for {percent} % (basf2, release 03)")
    axes.set(ylim=(80, 101), ylabel="efficiency, 1-4 GeV [%]", title="Cuts of the standard lists")
    axes.set_xticks(range(len(STANDARD)), [name for name, _, _ in STANDARD], rotation=15)
    axes.legend(loc="lower right")


FIGURES = {"calorimeter": calorimeter, "identification": identification}


def main() -> int:
    """Draw the named figures, all by default."""
    chosen = [a for a in sys.argv[1:] if not a.isdigit()] or list(FIGURES)
    total = next((int(a) for a in sys.argv[1:] if a.isdigit()), TOTAL)
    wrong = [name for name in chosen if name not in FIGURES]
    if wrong:
        print(f"no such figure: {', '.join(wrong)}; there are: {', '.join(FIGURES)}")
        return 2
    for name in chosen:
        print(FIGURES[name](total))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
