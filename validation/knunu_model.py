"""The systematic model of a run of ``obf run knunu`` beside that of the published likelihood.

``python -m validation.knunu_model FOLDER`` reads ``workspace.json`` of a finished run and the published workspace
(``shared/data/belle2-knunu`` beside the project) and prints: every parameter with its type and the samples that it acts
on, where the two differ; the size of each effect (root mean square over the bins of the fit on resonance, weighted
with the events) for signal, charged, mixed and ccbar; impacts at the published mu; and what the fits cost.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.analyses.knunu.config import SIGNAL, load_config
from openbfactory.fit.build import asimov
from openbfactory.fit.estimate import analyse, estimate, scan
from openbfactory.fit.impacts import group_impacts, statistical_split
from openbfactory.fit.toys import fit_toys
from openbfactory.fit.workspace import Workspace, read_workspace

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "data" / "belle2-knunu" / "combined_likelihood.json"

#: names of the published signal sample and of the parameters of the size of the simulation
RENAMED = {"signal": SIGNAL}
STATISTICAL = ("stat_*", "uncorr_*")
SHOWN = (SIGNAL, "charged", "mixed", "ccbar")


def structure(workspace: Workspace) -> tuple[dict[str, tuple[str, frozenset[str]]], int]:
    """Parameter to its type and samples (``_off``: off resonance), and the number of statistical nuisances."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    statistical = 0
    for channel, sample in samples(workspace):
        name = RENAMED.get(sample["name"], sample["name"]) + ("_off" if "off" in channel else "")
        for modifier in sample["modifiers"]:
            if modifier["type"] == "staterror":
                statistical += len(sample["data"])
            else:
                kind, on = found.get(modifier["name"], (modifier["type"], frozenset()))
                found[modifier["name"]] = (kind, on | {name})
    return found, statistical


def samples(workspace: Workspace) -> list[tuple[str, Mapping[str, Any]]]:
    """Channel and sample of each sample of each channel."""
    return [(c["name"], s) for c in workspace.document["channels"] for s in c["samples"]]


def size(workspace: Workspace, parameter: str, sample: str) -> float:
    """Root mean square of the relative shift of a sample on resonance in percent, weighted with the events."""
    shift, events = [], []
    for channel, found in samples(workspace):
        for modifier in found["modifiers"]:
            if (modifier["name"] == parameter and modifier["type"] == "histosys" and "off" not in channel
                    and RENAMED.get(found["name"], found["name"]) == sample):
                shift += [u / n - 1 for u, n in zip(modifier["data"]["hi_data"], found["data"], strict=True)]
                events += found["data"]
    return 100 * float(np.sqrt(np.average(np.square(shift), weights=events))) if events else 0.0


def print_structure(theirs: Workspace, ours: Workspace) -> None:
    """Numbers of parameters, and every parameter that differs."""
    (a, stat_a), (b, stat_b) = structure(theirs), structure(ours)
    print(f"nuisances: published {len(a) - 1} + {stat_a} statistical, here {len(b) - 1} + {stat_b} statistical")
    same = [n for n in a if a[n] == b.get(n)]
    print(f"same name, type and samples: {len(same)}")
    for name in sorted((set(a) | set(b)) - set(same)):
        print(f"  {name}: published {_text(a.get(name))}; here {_text(b.get(name))}")


def _text(entry: tuple[str, frozenset[str]] | None) -> str:
    return "absent" if entry is None else f"{entry[0]} on {', '.join(sorted(entry[1]))}"


def print_sizes(theirs: Workspace, ours: Workspace) -> None:
    """Sizes of all shapes, published | here, in percent."""
    print("\n" + "rms shift in % (published | here)".ljust(34) + "".join(f"{s:>16s}" for s in SHOWN))
    names = dict.fromkeys(n for w in (theirs, ours) for n, (kind, _) in structure(w)[0].items() if kind == "histosys")
    for name in names:
        cells = [f"{size(theirs, name, s):.2f} | {size(ours, name, s):.2f}" for s in SHOWN]
        print(name.ljust(34) + "".join(f"{c:>16s}" for c in cells))


def print_impacts(theirs: Workspace, ours: Workspace) -> None:
    """Uncertainties and impacts of both at the published mu."""
    config = load_config()
    mu, both = config.studies.mu.value, []
    for workspace in (theirs, ours):
        analysis = analyse(asimov(workspace, mu), "mu")
        names = [n.split("[")[0] for n in analysis.fit.likelihood.model.parameters.names]
        groups = {}
        for group in config.systematics.impacts:
            patterns = [*group.parameters, *(STATISTICAL if "stat_*" in group.parameters else ())]
            groups[group.title] = [p for p in patterns if any(fnmatchcase(n, p) for n in names)]
        split = statistical_split(analysis)
        impacts = group_impacts(analysis, {t: p for t, p in groups.items() if p})
        both.append({"total": split.total, "statistical": split.statistical, "systematic": split.systematic} | impacts)
    print(f"\nimpact on mu at mu = {mu:g}".ljust(46) + "published  here")
    for name in both[0]:
        here = f"{both[1][name]:.2f}" if name in both[1] else "-"
        print(f"  {name:44s}{both[0][name]:9.2f}{here:>6s}")


def print_costs(ours: Workspace) -> None:
    """CPU seconds of what a measurement does."""
    timed: dict[str, float] = {}
    start = time.process_time()

    def lap(name: str) -> None:
        nonlocal start
        timed[name], start = time.process_time() - start, time.process_time()

    analysis = analyse(ours, "mu")
    lap("fit")
    fit = estimate(analysis)
    lap("interval and significances")
    scan(analysis, "mu", low=fit.value - (fit.uncertainty or 1.0), high=fit.value + (fit.uncertainty or 1.0), points=31)
    lap("scan of 31 points")
    group_impacts(analysis)
    lap("impacts, each parameter by itself")
    toys = fit_toys(analysis, 50)
    lap("50 toys")
    print("\nCPU seconds: " + ", ".join(f"{name} {seconds:.3f}" for name, seconds in timed.items()))
    print(f"toys per CPU second: {50 / timed['50 toys']:.0f}, without a minimum: {toys.failed}")


def main() -> None:
    """Print everything."""
    published = read_workspace(PUBLISHED)
    theirs, ours = published.select(published.channel_names[:4]), read_workspace(Path(sys.argv[1]) / "workspace.json")
    print_structure(theirs, ours)
    print_sizes(theirs, ours)
    print_impacts(theirs, ours)
    print_costs(ours)


if __name__ == "__main__":
    main()
