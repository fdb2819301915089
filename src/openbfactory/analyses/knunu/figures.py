"""Figures and numbers of the report, taken from the record of a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import BACKGROUNDS, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.analyses.knunu.training import SHAPE_EDGES
from openbfactory.physics import knunu
from openbfactory.physics.published import PublishedMeasurement
from openbfactory.report import classifiers, comparisons, distributions
from openbfactory.report.content import Picture, Table
from openbfactory.report.records import (
    ClassifierOutputs,
    Contribution,
    EfficiencyComparison,
    EfficiencyCurve,
    ImportanceRanking,
    Number,
    OutputShape,
    StackedHistogram,
    YieldComparison,
    YieldSet,
)
from openbfactory.report.style import INK
from openbfactory.report.text import format_number

Floats = npt.NDArray[np.float64]

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


def efficiency(result: KnunuResult, published: PublishedMeasurement) -> Picture:
    """Signal efficiency as a function of the generated q2, published beside ours."""
    curves = []
    for name, above in (("signal_in_region", 0.92), ("signal_high_eta", 0.98)):
        label = rf"$\eta > {above:g}$"
        edges, values, _ = _published_efficiency(published, name)
        curves.append(EfficiencyCurve(label=f"published, {label}", edges=edges, values=_shown(values), published=True))
        edges, values, errors = _efficiency_here(result, above)
        low, high = _shown(np.maximum(values - errors, 0.3 * values)), _shown(values + errors)
        curves.append(EfficiencyCurve(label=f"this run, {label}", edges=edges, values=_shown(values), low=low,
                                      high=high))
    record = EfficiencyComparison(curves=tuple(curves), xlabel=r"generated $q^2$", unit=r"$\mathrm{GeV}^2$",
                                  ylabel="signal efficiency", log=True)
    return Picture(comparisons.efficiency_comparison(record),
                   "Signal efficiency as a function of the generated momentum transfer, of this run (points) and "
                   "published (dashed, from the released joint number densities divided by the Standard Model rate): "
                   "high where the kaon is fast, and falling steeply. The published total of 8 % at η > 0.92 fixes "
                   "the scale of the dashed lines.", "signal efficiency against q2", wide=True)


def fall(result: KnunuResult, published: PublishedMeasurement, *, published_numbers: bool) -> float | None:
    """Efficiency above eta = 0.98 at q2 = 5 GeV^2 over that at 15; None without events at 15."""
    edges, values, _ = (_published_efficiency(published, "signal_high_eta") if published_numbers
                        else _efficiency_here(result, 0.98))
    low, high = (int(np.searchsorted(edges, q2, side="right")) - 1 for q2 in (5.0, 15.0))
    return float(values[low] / values[high]) if values[high] > 0 else None


def _published_efficiency(published: PublishedMeasurement, name: str) -> tuple[Floats, Floats, Floats]:
    """Edges, efficiencies and zeros, from the published number densities and the efficiency of the region."""
    spectrum = published.spectra[name]
    edges = np.linspace(spectrum.low, spectrum.high, len(spectrum.values) + 1)
    total = published["signal_in_region"].value / published["efficiency_inclusive"].value
    values = np.asarray(spectrum.values) / np.maximum(total * rate_shares(edges), 1e-12)
    return edges, values, np.zeros(len(values))


def _efficiency_here(result: KnunuResult, above: float, group: int = 4) -> tuple[Floats, Floats, Floats]:
    """Edges, efficiencies and uncertainties of this run above a value of eta; ``group`` bins of q2 are one."""
    joint = result.histograms[SIGNAL].joint
    shape = tuple(a.size for a in joint.binning.axes)
    keep = np.asarray(joint.binning.axes[1].edges[:-1]) >= above - 1e-9
    edges = np.asarray(joint.binning.axes[2].edges)[::group]
    signal = result.samples[SIGNAL]
    total = signal.plan.events * signal.weight * np.maximum(rate_shares(edges), 1e-12)
    passed, variance = (h.reshape(shape, order="F")[:, keep].sum(axis=(0, 1)).reshape(-1, group).sum(axis=1)
                        for h in (joint.values, joint.variances))
    return edges, passed / total, np.sqrt(variance) / total


def rate_shares(edges: Floats) -> Floats:
    """Share of the Standard Model rate in bins of generated q2."""
    rates = np.array([knunu.branching_fraction(a, b) for a, b in pairwise(edges.tolist())])
    return rates / knunu.branching_fraction()


def _shown(values: Floats) -> Floats:
    """Values with NaN where there is nothing to draw."""
    return np.where(values > 0, values, np.nan)


def overtraining(result: KnunuResult, name: str) -> Picture:
    """Outputs of a classifier on its training rows and on independent ones (fold 0)."""
    shapes, check = result.training[0].shapes[name], result.training[0].checks[name]
    record = ClassifierOutputs(
        edges=SHAPE_EDGES, xlabel=rf"$\mathrm{{BDT}}_{name[-1]}$ output",
        shapes=tuple(OutputShape(key=key, train=train, test=test, label=None if key == "signal" else "background",
                                 color=None if key == "signal" else INK)
                     for key, (train, test) in shapes.items()),
        summary=(f"area, training: {check.auc_train:.4f}", f"area, independent: {check.auc_test:.4f}"))
    return Picture(classifiers.classifier_outputs(record),
                   f"Output of {name} on its training rows (points) and on independent rows (lines), fold 0: points "
                   "off the lines are over-training.", f"over-training of {name}")


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
