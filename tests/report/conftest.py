"""Synthetic records for the tests of the report: shapes like those of a search, from fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.physics.published import load_published
from openbfactory.report.records import (
    ClassifierOutputs,
    Contribution,
    CutflowColumn,
    CutflowStep,
    DataPoints,
    EfficiencyComparison,
    EfficiencyCurve,
    ImportanceRanking,
    LikelihoodProfile,
    OutputShape,
    ProfileLine,
    Pull,
    PullList,
    StackedHistogram,
    YieldComparison,
    YieldSet,
)

SIZES = {"signal": 160, "charged": 7200, "mixed": 4100, "ccbar": 2900, "ssbar": 1400, "uubar": 720, "ddbar": 220,
         "taupair": 140}


def q2_contributions(edges):
    rng = Address(1, "report").generator()
    centres = 0.5 * (edges[1:] + edges[:-1])
    found = []
    for index, (key, size) in enumerate(SIZES.items()):
        shape = np.exp(-0.5 * ((centres - (3 if index > 2 else 11)) / (4 + index % 3)) ** 2)
        values = rng.poisson(4 * size * shape / shape.sum()) / 4
        found.append(Contribution(key=key, values=values, variances=values / 4))
    return tuple(found)


@pytest.fixture(scope="session")
def stack():
    edges = np.linspace(-1, 25, 27)
    parts = q2_contributions(edges)
    total = np.sum([p.values for p in parts], axis=0)
    data = Address(2, "report").generator().poisson(total).astype(float)
    points = DataPoints(values=data, low=data - np.sqrt(data), high=data + np.sqrt(data) + 0.5, label="pseudo-data")
    overlay = Contribution(key="signal", values=20 * np.array(parts[0].values), label=r"signal $\times\,20$")
    return StackedHistogram(edges=edges, contributions=parts, xlabel=r"$q^2_{\mathrm{rec}}$",
                            unit=r"$\mathrm{GeV}^2$", data=points, overlay=overlay, luminosity=362.0, lines=(4.0, 8.0))


@pytest.fixture(scope="session")
def outputs():
    x = np.linspace(0, 1, 41)[:-1] + 0.0125
    signal, charged, ccbar = np.exp(4 * x), np.exp(-3 * x) + 0.02, np.exp(-5 * x) + 0.005
    noise = Address(3, "report").generator().normal(1, 0.05, x.size)
    shapes = tuple(OutputShape(key=k, test=v / v.sum(), train=v * noise / v.sum())
                   for k, v in (("signal", signal), ("charged", charged), ("ccbar", ccbar)))
    return ClassifierOutputs(edges=np.linspace(0, 1, 41), shapes=shapes, xlabel="BDT2 output",
                             summary=("AUC 0.953 (test), 0.957 (train)", "KS p: signal 0.31, background 0.07"))


@pytest.fixture(scope="session")
def ranking():
    names = ("cosTBTO", "roeDeltae", "KSFWVariables(hso02)", "foxWolframR1", "harmonicMomentThrust0",
             "thrustAxisCosTheta")
    return ImportanceRanking(names=names, shares=(0.42, 0.25, 0.15, 0.1, 0.05, 0.03))


@pytest.fixture(scope="session")
def profile():
    mu = np.linspace(-1, 9, 81)
    full, stat = ((mu - 4.6) / 1.334) ** 2, ((mu - 4.6) / 0.91) ** 2
    lines = (ProfileLine(label="all uncertainties", values=mu, twice_delta_nll=full),
             ProfileLine(label="statistical only", values=mu, twice_delta_nll=np.where(stat < 40, stat, np.nan)))
    return LikelihoodProfile(lines=lines, xlabel=r"signal strength $\mu$", value=4.6, interval=(3.27, 5.95),
                             references={"Standard Model": 1.0})


@pytest.fixture(scope="session")
def yields():
    published = load_published("knunu").yields["on_resonance"]
    rng = Address(4, "report").generator()
    theirs = tuple(Contribution(key=k, values=v, variances=np.square(published.uncertainties[k]))
                   for k, v in published.samples.items())
    ours = tuple(Contribution(key=c.key, values=np.array(c.values) * rng.uniform(0.6, 1.5),
                              variances=9 * np.array(c.variances)) for c in theirs)
    return YieldComparison(
        published=YieldSet(label="published", contributions=theirs),
        here=YieldSet(label="this run", contributions=ours),
        bin_labels=("$-1$–4", "4–8", "8–25") * 4, luminosity=362.0, xlabel=r"$q^2_{\mathrm{rec}}$ [$\mathrm{GeV}^2$]",
        groups=tuple((rf"$\eta$ {low:.2f}–{low + 0.02:.2f}", 3) for low in (0.92, 0.94, 0.96, 0.98)))


@pytest.fixture(scope="session")
def efficiency():
    edges = np.linspace(0, 22.885, 16)
    centres = 0.5 * (edges[1:] + edges[:-1])
    value = 0.2 * np.exp(-centres / 4)
    here = np.where(centres < 19, value * Address(5, "report").generator().normal(1, 0.1, 15), np.nan)
    return EfficiencyComparison(
        curves=(EfficiencyCurve(label="published", edges=edges, values=value, published=True),
                EfficiencyCurve(label="this run", edges=edges, values=here, low=0.85 * here, high=1.17 * here)),
        xlabel=r"generated $q^2$", unit=r"$\mathrm{GeV}^2$", ylabel=r"signal efficiency, $\eta > 0.92$", log=True)


@pytest.fixture(scope="session")
def pull_list():
    rng = Address(6, "report").generator()
    names = ["norm_charged", "norm_mixed", "norm_ccbar", "norm_ssbar", "norm_uubar", "norm_ddbar", "norm_taupair"]
    names += [f"simulation_bin{i}" for i in range(8)]
    return PullList(pulls=tuple(Pull(name=n, pull=rng.normal(), constraint=rng.uniform(0.3, 1)) for n in names),
                    note="15 largest of 91")


@pytest.fixture(scope="session")
def cutflows():
    def column(key, counts, scale):
        steps = [CutflowStep(name=n, count=c, weight=c, efficiency=c / counts[0],
                             efficiency_uncertainty=np.sqrt(c / counts[0] * (1 - c / counts[0]) / counts[0]),
                             relative=None if i == 0 else c / counts[i - 1])
                 for i, (n, c) in enumerate(zip(("generated", "event selection", "signal kaon", "BDT1", "eta > 0.92"),
                                                counts, strict=True))]
        return CutflowColumn(key=key, steps=tuple(steps), scale=scale)
    return (column("signal", (40_000, 25_000, 15_000, 13_600, 3_200), 0.05),
            column("charged", (400_000, 310_000, 120_000, 9_000, 17), 512.0),
            column("ccbar", (400_000, 200_000, 50_000, 2_000, 3), 1176.0))
