"""Figures and numbers of the report, taken from the record of a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from openbfactory.analyses.knunu.chunk import Q2_EDGES
from openbfactory.analyses.knunu.config import BACKGROUNDS, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.fit.results import FitResult
from openbfactory.physics.published import PublishedMeasurement
from openbfactory.report import classifiers, comparisons, distributions, likelihood
from openbfactory.report.content import Picture, Table
from openbfactory.report.records import (
    Contribution,
    EfficiencyComparison,
    EfficiencyCurve,
    ImportanceRanking,
    LikelihoodProfile,
    Number,
    ProfileLine,
    Pull,
    PullList,
    StackedHistogram,
    YieldComparison,
    YieldSet,
)
from openbfactory.report.text import format_number
from openbfactory.select.intervals import clopper_pearson

#: how much larger than expected the signal is drawn over the stacks
SIGNAL_SCALE = 50.0


def _key(sample: str) -> str:
    """Category of a sample in figures."""
    return "signal" if sample == SIGNAL else sample


def region_total(result: KnunuResult, sample: str, above: float = 0.0) -> Number:
    """Expected events of a sample in the fit region with eta above a value, with the simulation's uncertainty."""
    histogram = result.histograms[sample].region
    shape = tuple(a.size for a in histogram.binning.axes)
    keep = np.asarray(histogram.binning.axes[1].edges[:-1]) >= above - 1e-9
    values = histogram.values.reshape(shape, order="F")[:, keep].sum()
    variance = histogram.variances.reshape(shape, order="F")[:, keep].sum()
    return Number(value=float(values), uncertainty=float(np.sqrt(variance)))


def summed(numbers: Sequence[Number]) -> Number:
    """Sum of independent numbers."""
    return Number(value=sum(n.value for n in numbers),
                  uncertainty=float(np.sqrt(sum((n.uncertainty or 0.0) ** 2 for n in numbers))))


def share(part: Sequence[Number], whole: Sequence[Number]) -> Number | None:
    """Share of a part in a whole of independent numbers; None when the whole is zero."""
    inside, total = summed(part), summed(whole)
    if total.value <= 0:
        return None
    fraction = inside.value / total.value
    outside = np.sqrt(max((total.uncertainty or 0) ** 2 - (inside.uncertainty or 0) ** 2, 0.0))
    error = np.hypot((1 - fraction) * (inside.uncertainty or 0), fraction * outside) / total.value
    return Number(value=fraction, uncertainty=float(error))


def region_efficiency(result: KnunuResult) -> Number:
    """Signal efficiency of the fit region, of all generated signal."""
    passed, total = int(result.histograms[SIGNAL].region.counts.sum()), result.samples[SIGNAL].plan.events
    value = passed / total
    return Number(value=value, uncertainty=float(np.sqrt(value * (1 - value) / total)))


def stack(result: KnunuResult, name: str, label: str, unit: str, caption: str, *, log: bool = False) -> Picture:
    """Stack of one shown histogram with the signal drawn larger."""
    shown = {n: result.histograms[n].shown[name] for n in (SIGNAL, *BACKGROUNDS)}
    parts = [Contribution(key=n, values=h.values, variances=h.variances) for n, h in shown.items() if n != SIGNAL]
    overlay = Contribution(key="signal", values=SIGNAL_SCALE * shown[SIGNAL].values,
                           label=rf"signal $\times$ {SIGNAL_SCALE:g}")
    record = StackedHistogram(edges=shown[SIGNAL].binning.axes[0].edges, contributions=tuple(parts), xlabel=label,
                              unit=unit, overlay=overlay, luminosity=result.luminosity, log=log)
    return Picture(distributions.stacked_histogram(record), caption, f"stacked histogram of {name}")


def efficiency(result: KnunuResult) -> Picture:
    """Signal efficiency as a function of the generated q2."""
    generated = np.asarray(result.samples[SIGNAL].generated_q2)
    passed = np.minimum(result.histograms[SIGNAL].shown["mcQ2"].counts, generated)
    filled = generated > 0
    low, high = clopper_pearson(np.where(filled, passed, 0), np.where(filled, generated, 1))
    values = np.where(filled, passed / np.where(filled, generated, 1), np.nan)
    curve = EfficiencyCurve(label="this run, η > 0.92", edges=Q2_EDGES, values=values,
                            low=np.where(filled, low, np.nan), high=np.where(filled, high, np.nan))
    record = EfficiencyComparison(curves=(curve,), xlabel=r"generated $q^2$", unit=r"$\mathrm{GeV}^2$",
                                  ylabel="signal efficiency", log=True)
    return Picture(comparisons.efficiency_comparison(record),
                   "Signal efficiency of the fit region as a function of the generated momentum transfer: high at low "
                   "q^{2}, where the kaon is fast, and falling steeply.", "signal efficiency against q2")


def yields(result: KnunuResult, published: PublishedMeasurement) -> Picture:
    """Expected events in the fit bins, published beside ours."""
    theirs = published.yields["on_resonance"]
    order = ("signal", *BACKGROUNDS)
    first = YieldSet(label="published", contributions=tuple(
        Contribution(key=n, values=theirs.samples[n],
                     variances=[u * u for u in theirs.uncertainties[n]] if n in theirs.uncertainties else None)
        for n in order if n in theirs.samples))
    ours = []
    for name in (SIGNAL, *BACKGROUNDS):
        template = result.expectations[name].template
        assert template.uncertainties is not None
        ours.append(Contribution(key=_key(name), values=template.yields, variances=template.uncertainties**2))
    q2, eta = (a.edges for a in result.config.region.binning.axes)
    record = YieldComparison(
        published=first, here=YieldSet(label="this run", contributions=tuple(ours)),
        bin_labels=tuple(f"{a:g} to {b:g}" for _ in range(len(eta) - 1) for a, b in pairwise(q2)),
        groups=tuple((rf"$\eta$ {a:g} to {b:g}", len(q2) - 1) for a, b in pairwise(eta)),
        xlabel=r"$q^2_{\mathrm{rec}}$ [$\mathrm{GeV}^2$]", luminosity=result.luminosity)
    return Picture(comparisons.yield_comparison(record),
                   "Expected events in the fit bins: published (pale, left) and of this run (right), and their ratio. "
                   "Nothing was tuned to the published numbers.", "expected events by bin", wide=True)


def yields_table(result: KnunuResult, published: PublishedMeasurement) -> Table:
    """Signal and background expected in each fit bin, published and here."""
    theirs = published.yields["on_resonance"]
    ours = {n: result.expectations[n].template for n in (SIGNAL, *BACKGROUNDS)}
    background = np.sum([ours[n].yields for n in BACKGROUNDS], axis=0)
    spread = np.sqrt(np.sum([np.square(u) for n in BACKGROUNDS if (u := ours[n].uncertainties) is not None], axis=0))
    binning = result.config.region.binning
    rows = []
    for index, total in enumerate(theirs.total(*(n for n in BACKGROUNDS if n in theirs.samples))):
        (q2_low, q2_high), (eta_low, eta_high) = binning.ranges(index)
        here = Number(value=float(background[index]), uncertainty=float(spread[index]))
        rows.append((f"{eta_low:.2f} to {eta_high:.2f}", f"{q2_low:g} to {q2_high:g}",
                     f"{theirs.samples['signal'][index]:.1f}", f"{ours[SIGNAL].yields[index]:.1f}",
                     f"{total:.0f}", format_number(here), f"{theirs.data[index]:.0f}"))
    return Table(("η", "q^{2}_{rec} [GeV^{2}]", "signal, published", "signal, this run", "background, published",
                  "background, this run", "data, published"), tuple(rows),
                 "Expected events in the fit bins at the luminosity of the data set (μ = 1), and the published counts.",
                 numeric=frozenset(range(2, 7)))


def importance(result: KnunuResult, name: str) -> Picture:
    """Importance of the inputs of a classifier."""
    ranking = result.training[0].importance[name]
    record = ImportanceRanking(names=tuple(i.name for i in ranking), shares=tuple(i.gain for i in ranking))
    return Picture(classifiers.importance_ranking(record),
                   f"Inputs of {name} by their share of the gain of all splits (fold 0).",
                   f"importance of {name} inputs")


def profile(result: KnunuResult) -> Picture:
    """Profile likelihood of the expectation."""
    scan, fit = result.measurement.profile, result.measurement.expected
    ends = tuple(None if d is None else fit.value + d for d in fit.interval)
    record = LikelihoodProfile(
        lines=(ProfileLine(label="expected", values=scan.values, twice_delta_nll=scan.delta),),
        xlabel=r"signal strength $\mu$", value=fit.value, interval=(ends[0], ends[1]),
        references={"background only": 0.0})
    return Picture(likelihood.likelihood_profile(record),
                   "Profile likelihood of the expected events with μ = 1, all other parameters profiled.",
                   "profile likelihood")


def pulls_of(fit: FitResult, most: int = 25) -> Picture:
    """The largest pulls of a fit."""
    found = fit.pulls()
    record = PullList(pulls=tuple(Pull(name=p.name, pull=p.pull or 0.0, constraint=p.constraint) for p in found[:most]),
                      note=f"the largest {min(most, len(found))} of {len(found)}")
    return Picture(likelihood.pulls(record), "Pulls of the nuisance parameters in the pseudo-experiment.", "pulls")
