"""The hadronic tag: trained by its command, applied to events of another seed, beside the published efficiencies.

Right tags are those with ``isSignal``; the best candidate of an event and charge is that with the largest
SignalProbability among those with Mbc > 5.27 GeV and |deltaE| < 0.2 GeV.  Efficiencies are right tags over all events
with a pair of that charge; purities are right tags over all tags of B pairs (both charges, in the fractions of the
Upsilon(4S)).  The classifiers stay in ``out/validation/hadronic-tag``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from validation.rows import Row

FOLDER, TARGET = Path("out/validation/hadronic-tag"), Path("docs/pictures/hadronic_tag.svg")
#: training: generic events, seed; test: events of each charge, seed
TRAINING, SEED, EVENTS, TEST_SEED, BATCH = 20_000, 11, 20_000, 777, 4_000
#: published largest tag-side efficiencies of hadronic tags in simulation [%] (T. Keck et al., Comput. Softw. Big Sci. 3
#: (2019) 6; recalled and not checked), and data over simulation for a loose selection (arXiv:2008.06096)
PUBLISHED = {"B+": (0.76, 0.65, 0.02), "B0": (0.46, 0.83, 0.03)}
#: B0 pairs over B+ pairs of the Upsilon(4S), of the packaged decay file
MIXED_OVER_CHARGED = 0.483122645 / 0.515122645
CUTS = np.concatenate([[0.0], np.geomspace(1e-4, 0.7, 60)])


def trained() -> Path:
    """Folder of the classifiers, trained where they are not there."""
    from openbfactory.pipeline.tag_training import train_hadronic_tag

    train_hadronic_tag(FOLDER, events=TRAINING, seed=SEED, resume=True)
    return FOLDER


def tags(events: int = EVENTS) -> tuple[dict[str, dict[str, np.ndarray]], float]:
    """Columns of all tags of ``events`` pairs of each charge, and events tagged a CPU second."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.pipeline.tagging import tags_of
    from openbfactory.reconstruct.hadronic_tag import load_tag
    from openbfactory.simulate import simulate

    card, tag, found, busy = load_card("belle2"), load_tag(trained()), {}, 0.0
    for sample in ("charged", "mixed"):
        parts = []
        for chunk in range(events // BATCH):
            address = Address(TEST_SEED, sample, chunk)
            made = simulate(generate_events(sample, BATCH, address, card.machine)[0], card, address.at("simulate"))
            began = time.process_time()
            best, _ = tags_of(made, card, tag, best=20)
            columns = best.table(["PDG", "Mbc", "deltaE", "p = extraInfo(SignalProbability)", "isSignal"])
            busy += time.process_time() - began
            parts.append(columns | {"event": best.event + BATCH * chunk})
        found[sample] = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return found, 2 * events / busy


def chosen(columns: dict[str, np.ndarray], code: int) -> dict[str, np.ndarray]:
    """The best candidate of each event for a |PDG code|: probability, truth, Mbc (of all, before its cut)."""
    mask = (np.abs(columns["PDG"]) == code) & (np.abs(columns["deltaE"]) < 0.2) & (columns["Mbc"] > 5.27)
    rows = np.flatnonzero(mask)
    rows = rows[np.lexsort((-columns["p"][rows], columns["event"][rows]))]
    first = np.concatenate([[True], np.diff(columns["event"][rows]) != 0]) if len(rows) else np.empty(0, bool)
    rows = rows[first]
    return {"p": columns["p"][rows], "right": columns["isSignal"][rows] == 1, "Mbc": columns["Mbc"][rows]}


def curve(found: dict[str, dict[str, np.ndarray]], head: str, events: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Efficiency [%], purity and events with a tag [%] for every cut on the probability."""
    own, other = ("charged", "mixed") if head == "B+" else ("mixed", "charged")
    code = 521 if head == "B+" else 511
    weight = MIXED_OVER_CHARGED if head == "B+" else 1.0 / MIXED_OVER_CHARGED
    mine, wrong = chosen(found[own], code), chosen(found[other], code)
    right = np.array([np.sum(mine["right"] & (mine["p"] > c)) for c in CUTS])
    every = np.array([np.sum(mine["p"] > c) + weight * np.sum(wrong["p"] > c) for c in CUTS])
    return 100 * right / events, right / np.maximum(every, 1), 100 * every / events


def draw(found: dict[str, dict[str, np.ndarray]], events: int, target: Path) -> Path:
    """Efficiency and purity, and Mbc of the tags above two probabilities."""
    mpl.rcParams["svg.hashsalt"] = "openbfactory"
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
    for head, label, colour in (("B+", "B$^+$", "C0"), ("B0", "B$^0$", "C1")):
        efficiency, purity, _ = curve(found, head, events)
        few = efficiency * events / 100 >= 10
        axes[0].plot(efficiency[few], 100 * purity[few], ".-", color=colour, label=f"{label}, here")
        axes[0].axvline(PUBLISHED[head][0], color=colour, ls="--", label=f"{label}, published, at any purity")
    axes[0].set(xlabel="tag-side efficiency [%]", ylabel="purity [%]", xlim=(0, None), ylim=(0, 100),
                title="best tag of an event, M$_{bc}$ > 5.27 GeV")
    axes[0].legend(fontsize=8, loc="upper right", framealpha=1.0)
    edges = np.linspace(5.2, 5.29, 46)
    for axis, head, label in ((axes[1], "B+", "B$^+$"), (axes[2], "B0", "B$^0$")):
        code = 521 if head == "B+" else 511
        columns = {k: np.concatenate([found[s][k] for s in found]) for k in found["charged"]}
        mask = (np.abs(columns["PDG"]) == code) & (columns["p"] > 0.01)
        right = columns["isSignal"] == 1
        stack = [columns["Mbc"][mask & ~right], columns["Mbc"][mask & right]]
        axis.hist(stack, edges, stacked=True, color=["0.75", "C2"], label=["wrong", "right"])
        axis.set(xlabel="M$_{bc}$ [GeV]", ylabel="candidates / 2 MeV",
                 title=f"all {label} candidates, probability > 0.01")
        axis.legend(frameon=False, loc="upper left")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=90, metadata={"Date": None} if target.suffix == ".svg" else None)
    plt.close(figure)
    return target


def rows() -> list[Row]:
    """Efficiencies beside the published ones, the meaning of the probability, and the rate."""
    found, rate = tags()
    made = []
    for head, (published, ratio, _) in PUBLISHED.items():
        efficiency, purity, share = curve(found, head, EVENTS)
        loose = int(np.searchsorted(CUTS, 1e-3))
        made.append(Row(f"hadronic tag, {head}: largest tag-side efficiency [%]", published, float(efficiency[0]), 0.1,
                        f"purity {100 * purity[0]:.0f} %; data over simulation of the experiment: {ratio}"))
        print(f"{head}: at SignalProbability > 0.001 efficiency {efficiency[loose]:.2f} %, purity "
              f"{100 * purity[loose]:.0f} %, events with a tag {share[loose]:.2f} %")
    p = np.concatenate([found[s]["p"] for s in found])
    right = np.concatenate([found[s]["isSignal"] for s in found]) == 1
    made.append(Row("hadronic tag: sum of SignalProbability over right candidates", 1.0, p.sum() / right.sum(), 0.15,
                    f"{right.sum()} right of {len(p)} candidates"))
    made.append(Row("hadronic tag: events tagged a CPU second, above 500", 1.0, float(rate >= 500), 0.0,
                    f"{rate:.0f} a second"))
    draw(found, EVENTS, Path("out/validation/hadronic_tag.png"))
    return made


if __name__ == "__main__":
    print(draw(tags()[0], EVENTS, Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
