"""Sections of the report from the systematic uncertainties to the reinterpretation."""

from __future__ import annotations

from fnmatch import fnmatchcase

from openbfactory.analyses.knunu import fit_figures
from openbfactory.analyses.knunu.blinding import counts
from openbfactory.analyses.knunu.config import B_PAIRS, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.analyses.knunu.studies import FitStudy
from openbfactory.analyses.knunu.templates import parameter_name
from openbfactory.fit.results import FitResult
from openbfactory.physics.published import PublishedMeasurement
from openbfactory.report.content import Block, Bullets, Paragraph, Picture, Section, Table
from openbfactory.report.records import Number
from openbfactory.report.text import format_number

#: what the page says where data are hidden
CLOSED = ("The signal region of the data (on resonance, η > 0.94) is **hidden**: no count of it was fitted, drawn or "
          "written. `obf run knunu --unblind --resume` with the other options of this run opens it; no sample is made "
          "again.")


def systematics(result: KnunuResult) -> Section:
    """Sources of uncertainty and their impacts."""
    measured, config = result.measurement, result.config
    names = {p.name for p in measured.expected.parameters if p.pull is not None}
    statistical = sum(n.startswith("stat") for n in names)
    rows = [(_pretty(r.title), _two(r.published), _two(r.likelihood), _two(r.here_published_mu), _two(r.here),
             ", ".join(f"`{p}`" for p in g.parameters),
             "below its noise" if any(fnmatchcase(n, p) for n in result.noisy for p in g.parameters) else "")
            for r, g in zip(measured.impacts, config.systematics.impacts, strict=True)]
    size = [(f"{f:g}", _two(u)) for f, u in measured.simulation.items()]
    return Section("Systematic uncertainties", (
        Paragraph(f"The model has the names, types and sizes of the published likelihood: {len(names)} constrained "
                  f"parameters, {statistical} of them for the size of the simulated samples in each bin and sample. "
                  "The impact of a group is √(σ^{2}_{total} − σ^{2}_{fixed}), the group fixed at its best values."),
        Table(("source", "published", "published likelihood, fitted here", "this run, published μ", "this run, μ = 1",
               "parameters", "remark"), tuple(rows),
              "Impacts on μ. Published: talk and paper; second column: fit of the inclusive channels of the published "
              "likelihood with this program. A dash: the samples of this run have no such variation. "
              "Below its noise: the shift is smaller than what the size of the samples makes of it by chance.",
              numeric=frozenset({1, 2, 3, 4})),
        fit_figures.impacts(result),
        *_model(result),
        Table(("simulated samples, times", "uncertainty of μ"), tuple(size),
              "What larger simulated samples would give (μ = 1): this is the part that more computing buys.",
              numeric=frozenset({0, 1})),
    ))


def _model(result: KnunuResult) -> list[Block]:
    """Table of the named weights and what they do to the number of events before any selection."""
    shown = (SIGNAL, *B_PAIRS)
    weights = {n: result.samples[n].weights.variations for n in shown}
    names = dict.fromkeys(name for by in weights.values() for name in by)
    rows = []
    for name in names:
        parameter = parameter_name(name)
        title = next((g.title for g in result.config.systematics.impacts
                      if any(fnmatchcase(parameter, p) for p in g.parameters)), "")
        cells = ["–" if name not in weights[n] else " / ".join(f"{100 * (x - 1):+.3f} %".replace("-", "−")
                                                              for x in weights[n][name]) for n in shown]
        rows.append((f"`{parameter}`", _pretty(title), *cells))
    if not rows:
        return []
    return [Table(("parameter", "what", "signal", "B^{+}B^{−}", "B^{0}B̅^{0}"), tuple(rows),
                  "Named weights of the simulation: change of the number of generated events by one standard deviation "
                  "up / down. After the selection the changes are much larger, because it picks such events.",
                  numeric=frozenset({2, 3, 4}))]


def fit(result: KnunuResult) -> Section:
    """Data that may be seen, likelihood, pulls, profile, cross-checks, toys."""
    measured = result.measurement
    expected, seen = measured.expected, measured.observation
    filled = {n: int(e.filled.sum()) for n, e in result.expectations.items() if e.filled.any()}
    text = ("Bins without a simulated candidate that were filled from row and column sums: "
            + ", ".join(f"{n} {k}" for n, k in filled.items()) + "." if filled else "No bin had to be filled in.")
    caption = ("Pulls (points) and widths after the fit (bars) in units of the widths before it, largest pull first: "
               "most should lie in the green band.") if seen is not None else (
               "Widths of the nuisance parameters after the fit of the expectation, in units of those before it, "
               "narrowest first: what the data would determine better than is known now. The points are at zero, "
               "because the expectation is fitted.")
    return Section("Fit", (
        Paragraph(f"Binned likelihood in {len(expected.channels)} channels and {expected.bins} bins: q^{{2}}_{{rec}} "
                  f"in three times η in four, on and off resonance at once, with {len(expected.parameters)} "
                  "parameters. The workspace beside this page opens with pyhf. " + text),
        Paragraph(CLOSED) if seen is None else Paragraph("The signal region of the data is **open**."),
        *_channels(result),
        _checks(result),
        fit_figures.profile(result),
        fit_figures.pulls_of(expected if seen is None else seen.fit, caption),
        *_toys(result),
    ))


def _channels(result: KnunuResult) -> list[Picture]:
    """Figures of the counts that may be seen."""
    captions = {
        "CR_on_resonance": ("control slice", "Control slice η = 0.92 to 0.94 on resonance, which is never hidden: "
                            "counts (points) and expectation before the fit. The ratio below should be one within the "
                            "hatched band, which is the uncertainty of the simulated samples alone."),
        "SR_off_resonance": ("off resonance", "Off resonance, η > 0.94, bin by bin: there is no signal and no B "
                             "meson, only continuum."),
        "CR_off_resonance": ("off resonance", "Off resonance, η = 0.92 to 0.94."),
        "SR_on_resonance": ("signal region", "Signal region, η > 0.94 on resonance, bin by bin: counts and "
                            "expectation before the fit."),
    }
    return [fit_figures.channel(result, name, title, caption) for name, (title, caption) in captions.items()
            if name in counts(result.measurement.data)]


def _checks(result: KnunuResult) -> Table:
    """Fits of the expectation and of the data beside their Gaussian cross-checks."""
    rows = []
    for study in _studies(result):
        rows.append((_title(study), _estimate(study.fit), _two(study.split.statistical), _two(study.split.systematic),
                     *("–" if g.value is None else f"{g.value:.2f} ± {_two(g.uncertainty)}" for g in study.gaussian),
                     _two(study.gaussian[0].p_value)))
    return Table(("fit of", "μ", "statistical", "systematic", "Gaussian, expected variance",
                  "Gaussian, observed variance", "p-value"), tuple(rows),
                 "Binned Poisson fit and the cross-check by a Gaussian fit with all nuisances in a covariance matrix. "
                 "The statistical part is the spread of estimates when the counts fluctuate.",
                 numeric=frozenset(range(1, 7)))


def _toys(result: KnunuResult) -> list[Block]:
    """Table of the toys."""
    toys = result.measurement.toys
    if toys is None:
        return []
    rows = (("toys fitted, without a minimum", f"{toys.count}, {toys.failed}"),
            ("mean of μ, thrown at " + f"{toys.truth:.2f}", _pair(toys.mean)), ("spread of μ", _pair(toys.spread)),
            ("mean of the pulls (0)", _pair(toys.pull_mean)), ("width of the pulls (1)", _pair(toys.pull_width)),
            ("coverage of the interval (0.683)", _pair(toys.coverage)),
            ("statistical part from toys of the counts alone", _two(toys.statistical)))
    return [Table(("toys", "value"), rows, "Toys thrown at the expectation with μ = 1: an unbiased fit has pulls of "
                  "mean 0 and width 1.", numeric=frozenset({1}))]


def after_fit(result: KnunuResult) -> Section:
    """Distributions after the fit."""
    study = result.measurement.observation
    seen = study is not None
    shown: FitStudy = study if study is not None else result.measurement.expectation_published_mu
    what = "the data" if seen else f"the expectation with the published signal (μ = {shown.fit.value:.1f})"
    points = "The points are the data; the ratio below tells whether the fit describes them. " if seen else ""
    return Section("After the fit", (
        Paragraph(f"Distributions after the fit of {what}, with the uncertainty of the fit (hatched), which is smaller "
                  "than before it because bins and samples constrain each other."
                  + ("" if seen else " The data of the signal region are hidden, so there are no points.")),
        fit_figures.after_fit(result, shown, "q2_rec", points + "q^{2}_{rec} in the whole fit region, η > 0.92: the "
                              "signal (on top) is a few per cent of all.", data=seen),
        fit_figures.after_fit(result, shown, "q2_rec_high_eta", points + "The same for η > 0.98, where the signal is "
                              "strongest: it shows at low q^{2}_{rec}.", data=seen),
        fit_figures.after_fit(result, shown, "eta", points + "η: the signal is the same in every slice, the background "
                              "falls.", data=seen),
        fit_figures.after_fit(result, shown, "eta_off", points + "η off resonance: continuum only, which fixes its "
                              "level in the fit.", data=seen),
    ))


def outcome(result: KnunuResult, published: PublishedMeasurement) -> Section:
    """The result, beside the published one."""
    rows = []
    for study in _studies(result):
        fraction = study.fit.branching_fraction
        rows.append((_title(study), _interval(study.fit), _two(study.split.statistical), _two(study.split.systematic),
                     "–" if fraction is None else format_number(Number(value=fraction.value,
                                                                       uncertainty=fraction.uncertainty)),
                     *(_two(study.fit.significance.get(t)) for t in ("0", "1"))))
    shown = [format_number(Number(value=published[n].value, uncertainty=published[n].uncertainty))
             for n in ("mu_inclusive", "mu_inclusive_statistical_uncertainty", "mu_inclusive_systematic_uncertainty",
                       "branching_fraction_inclusive", "significance_inclusive_background_only",
                       "significance_inclusive_standard_model")]
    rows.append(("published, inclusive tag", *shown))
    return Section("Result", (
        Paragraph(CLOSED if result.measurement.observation is None else
                  "The data of this run are simulated with μ = 1: the estimate should agree with 1 within its "
                  "uncertainty, and says nothing about nature."),
        Table(("fit of", "μ", "statistical", "systematic", "branching fraction", "Z(μ = 0)", "Z(μ = 1)"), tuple(rows),
              "Signal strength, its parts, branching fraction, and significances in standard deviations with respect "
              "to background only and to the Standard Model. The published split of the uncertainty is recalled and "
              "unchecked.", numeric=frozenset(range(1, 7))),
    ))


def world(result: KnunuResult) -> Section:
    """Comparison with all experiments."""
    return Section("In the world", (fit_figures.world(result),))


def reinterpretation(result: KnunuResult) -> Section:
    """How to go on with other models."""
    return Section("Reinterpretation", (
        Paragraph("The likelihood and the joint number densities of the signal (fit bin by generated q^{2}) lie beside "
                  "this page, so that any model with another q^{2} spectrum can be fitted without the samples: the "
                  "signal of each bin is scaled by the ratio of the rates."),
        Bullets((
            "weak effective theory (vector, scalar and tensor couplings): `obf interpret workspace.json --model wet "
            "--density SR_on_resonance=number_density_SR_on_resonance.csv "
            "--density CR_on_resonance=number_density_CR_on_resonance.csv --json wet.json`",
            "an invisible particle, B^{+} → K^{+}X: the same with `--model kx --mass 0,4,9`",
            "any other fit: `obf fit workspace.json --poi mu --unit 4.97e-6`; the file is a pyhf workspace.",
            "The published likelihood goes through the same commands: `obf data get 10.17182/hepdata.166082`.")),
    ))


def _studies(result: KnunuResult) -> list[FitStudy]:
    """Studies that are shown, in order."""
    measured = result.measurement
    return [measured.expectation, measured.expectation_published_mu,
            *([] if measured.observation is None else [measured.observation])]


def _pretty(title: str) -> str:
    """A title with the marks of the page."""
    for plain, marked in (("->", "→"), ("B+ ", "B^{+} "), ("K+ ", "K^{+} "), ("K_L", "K_{L}"), ("K_S", "K_{S}"),
                          ("l nu", "ℓν"), ("n nbar", "nn̅")):
        title = title.replace(plain, marked)
    return title


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _pair(pair: tuple[float, float]) -> str:
    return f"{_two(pair[0])} ± {_two(pair[1])}"


def _title(study: FitStudy) -> str:
    return study.title.replace("with mu", "with μ")


def _estimate(fit_: FitResult) -> str:
    return f"{_two(fit_.value)} ± {_two(fit_.uncertainty)}"


def _interval(fit_: FitResult) -> str:
    """Estimate with its profile interval."""
    low, high = fit_.interval
    if low is None or high is None:
        return _estimate(fit_)
    return format_number(Number(value=fit_.value, interval=(low, high)))
