"""Figures of the fit: counts, profile, pulls, impacts, distributions after the fit, comparison with the world."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.blinding import counts
from openbfactory.analyses.knunu.config import SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.analyses.knunu.studies import FitStudy
from openbfactory.fit.results import FitResult
from openbfactory.fit.yields import ChannelYields
from openbfactory.physics.published import load_published
from openbfactory.report import comparisons, distributions, fits, likelihood
from openbfactory.report.content import Picture
from openbfactory.report.fit_records import ComparedMeasurement, MeasurementComparison
from openbfactory.report.records import (
    Contribution,
    DataPoints,
    LikelihoodProfile,
    PairedBars,
    ProfileLine,
    Pull,
    PullList,
    StackedHistogram,
)
from openbfactory.select.intervals import poisson_interval

Floats = npt.NDArray[np.float64]
#: measurements of the world in the order of the figure
WORLD = ("babar_hadronic_429", "babar_semileptonic_418", "belle_hadronic_711", "belle_semileptonic_711",
         "belle2_inclusive_63", "belle2_hadronic_362", "belle2_inclusive_362", "belle2_combined_362")
_LABELS = ("BaBar, hadronic tag, 429 fb$^{-1}$", "BaBar, semileptonic tag, 418 fb$^{-1}$",
           "Belle, hadronic tag, 711 fb$^{-1}$", "Belle, semileptonic tag, 711 fb$^{-1}$",
           "Belle II, inclusive tag, 63 fb$^{-1}$", "Belle II, hadronic tag, 362 fb$^{-1}$",
           "Belle II, inclusive tag, 362 fb$^{-1}$", "Belle II, combined, 362 fb$^{-1}$")


def _points(values: Floats, label: str = "simulated data") -> DataPoints:
    """Counts with their Poisson intervals."""
    low, high = poisson_interval(values)
    return DataPoints(values=values, low=low, high=high, label=label)


def _parts(by_sample: Mapping[str, Floats], spread: Floats) -> tuple[Contribution, ...]:
    """Contributions of a stack with the uncertainty of their sum (carried by the first)."""
    names = list(by_sample)
    zero = np.zeros(len(spread))
    return tuple(Contribution(key="signal" if n == SIGNAL else n, values=np.maximum(by_sample[n], 0.0),
                              variances=spread**2 if n == names[0] else zero) for n in names)


def channel(result: KnunuResult, name: str, title: str, caption: str) -> Picture:
    """Counts of one channel beside the expectation before the fit."""
    content = next(c for c in result.measurement.workspace.document["channels"] if c["name"] == name)
    by_sample = {s["name"]: np.asarray(s["data"], float) for s in content["samples"]}
    size = len(next(iter(by_sample.values())))
    variance = np.zeros(size)
    for sample in by_sample:
        errors = result.expectations[sample + ("_off" if "off" in name else "")].template.uncertainties
        if errors is not None:
            split = result.config.region.control_bins
            variance += (errors[split:] if name.startswith("SR") else errors[:split]) ** 2
    data = counts(result.measurement.data).get(name)
    edges = result.config.region.q2_rec if size == len(result.config.region.q2_rec) - 1 else range(size + 1)
    record = StackedHistogram(
        edges=tuple(float(e) for e in edges), contributions=_parts(by_sample, np.sqrt(variance)),
        xlabel=r"$q^2_{\mathrm{rec}}$" if edges is result.config.region.q2_rec
        else r"bin of $\eta$ and $q^2_{\mathrm{rec}}$ ($q^2_{\mathrm{rec}}$ fastest)",
        unit=r"$\mathrm{GeV}^2$" if edges is result.config.region.q2_rec else "",
        data=None if data is None else _points(np.asarray(data)), note=title,
        luminosity=result.off_luminosity if "off" in name else result.luminosity)
    return Picture(distributions.stacked_histogram(record), caption, f"counts of {name}")


def after_fit(result: KnunuResult, study: FitStudy, name: str, caption: str, *, data: bool) -> Picture:
    """One distribution of a study after its fit, with its counts where they are data."""
    found: ChannelYields = next(d for d in study.distributions if d.channel == name)
    region = result.config.region
    along_eta = name.startswith("eta")
    record = StackedHistogram(
        edges=region.eta if along_eta else region.q2_rec, contributions=_parts(found.after, found.after_uncertainty),
        xlabel=r"$\eta(\mathrm{BDT}_2)$" if along_eta else r"$q^2_{\mathrm{rec}}$",
        unit="" if along_eta else r"$\mathrm{GeV}^2$", data=_points(found.observed) if data else None,
        note=r"$\eta > 0.98$" if "high_eta" in name else "",
        luminosity=result.off_luminosity if name.endswith("_off") else result.luminosity)
    return Picture(distributions.stacked_histogram(record), caption, f"{name} after the fit")


def profile(result: KnunuResult) -> Picture:
    """Profile likelihood of the expectation."""
    scan, fit = result.measurement.profile, result.measurement.expected
    ends = tuple(None if d is None else fit.value + d for d in fit.interval)
    record = LikelihoodProfile(
        lines=(ProfileLine(label="expected", values=scan.values, twice_delta_nll=scan.delta),),
        xlabel=r"signal strength $\mu$", value=fit.value, interval=(ends[0], ends[1]),
        references={"background only": 0.0})
    return Picture(likelihood.likelihood_profile(record),
                   "Profile likelihood of the expected events with μ = 1, all other parameters profiled: the shaded "
                   "interval is where −2 Δ ln L stays below 1, and the line at μ = 0 crosses at the square of the "
                   "expected significance.", "profile likelihood")


def pulls_of(fit: FitResult, caption: str, most: int = 25) -> Picture:
    """The largest pulls of a fit, or its strongest constraints where all pulls are zero."""
    found = fit.pulls()
    if all(abs(p.pull or 0.0) < 1e-3 for p in found):
        found = sorted(found, key=lambda p: (1.0 if p.constraint is None else p.constraint, p.name))
    record = PullList(pulls=tuple(Pull(name=p.name, pull=p.pull or 0.0, constraint=p.constraint) for p in found[:most]),
                      note=f"{min(most, len(found))} of {len(found)}")
    return Picture(likelihood.pulls(record), caption, "pulls")


def impacts(result: KnunuResult) -> Picture:
    """Impacts on mu, published beside ours."""
    rows = [r for r in result.measurement.impacts if r.here_published_mu is not None or r.published is not None]
    rows.sort(key=lambda r: -(r.published or 0.0))
    record = PairedBars(names=tuple(r.title for r in rows), published=tuple(r.published for r in rows),
                        here=tuple(r.here_published_mu for r in rows), xlabel=r"impact on $\mu$")
    return Picture(comparisons.paired_bars(record),
                   "Impact of each group of systematic uncertainties on μ, published and of this run at the published "
                   "μ, in the order of the publication's size. A missing bar of this run is an effect that its samples "
                   "had no variation for.", "impacts")


def world(result: KnunuResult) -> Picture:
    """Branching fractions of all experiments and of this run."""
    known, unit = load_published("knunu_world"), result.config.branching_fraction.value / 1e-5
    theory = load_published("knunu")["branching_fraction_standard_model"]
    rows = [ComparedMeasurement(label=label, value=known[n].value, down=known[n].uncertainty or 0.0,
                                up=known[n].uncertainty or 0.0) for n, label in zip(WORLD, _LABELS, strict=True)]
    studies = [("this run, expected for the SM", result.measurement.expectation)]
    if result.measurement.observation is not None:
        studies.append(("this run, simulated data", result.measurement.observation))
    for label, study in studies:
        total, inner = (unit * (v or 0.0) for v in (study.fit.uncertainty, study.split.statistical))
        rows.append(ComparedMeasurement(label=label, value=unit * study.fit.value, down=total, up=total,
                                        inner=(inner, inner), average=True))
    record = MeasurementComparison(
        measurements=tuple(rows), xlabel=r"$B(B^{+} \to K^{+} \nu\bar\nu)$ [$10^{-5}$]",
        prediction=(1e5 * theory.value, 1e5 * (theory.uncertainty or 0.0)),
        prediction_label=r"Standard Model, with $B^{+}\to\tau^{+}\nu$")
    return Picture(fits.measurement_comparison(record),
                   "Measurements of the branching fraction and, in colour, this run (bars: total; thick: statistical). "
                   "This run has no data of an experiment: its points show the precision that the chain would reach, "
                   "for a signal of the short-distance rate of 0.50 × 10^{−5}.", "world comparison", wide=True)
