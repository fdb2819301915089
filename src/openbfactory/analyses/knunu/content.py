"""The report of a run: records of the result turned into tables, figures and sentences."""

from __future__ import annotations

from openbfactory.analyses.knunu import figures
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, CONTINUUM, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.core.quantities import Quantity
from openbfactory.fit.results import FitResult
from openbfactory.generate import DecayCounts
from openbfactory.physics.published import PublishedMeasurement, load_published
from openbfactory.report.content import Bullets, Highlight, Paragraph, ReportContent, Section
from openbfactory.report.records import ComparisonRow, CutflowColumn, CutflowStep, FallbackModel, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table, cutflow_table, fallback_table, pairs_table, provenance_table
from openbfactory.report.text import format_count

#: what a reader must know before using a number of the report
APPROXIMATIONS = (
    "Decays follow the models of the decay file as the page on approximations states them; section \"Decays\" lists "
    "those that used phase space instead. Spin correlations end at decays of partons and at decays by phase space.",
    "The detector response is parametrised, not simulated hit by hit: acceptance, efficiencies, resolutions, particle "
    "identification and the calorimeter's answer to hadrons come from the card, many of them estimates.",
    "The cross sections of the card normalise every sample; data are pseudo-experiments of the same simulation, so no "
    "difference between data and simulation can be seen here.",
    "The systematic uncertainties are normalisations (50 % of each background, 3 % of the signal) and the size of the "
    "simulated samples. The publication has many more.",
    "A bin without a simulated candidate of a category is filled from the category's own row and column sums with "
    "100 % uncertainty.",
)


def report_content(result: KnunuResult) -> ReportContent:
    """Content of the report page."""
    published = load_published("knunu")
    references = resolve([*result.provenance.references, *(q.source for q in published.quantities.values())])
    fit, pseudo = result.measurement.expected, result.measurement.pseudo
    return ReportContent(
        title="B^{+} → K^{+}νν̅ with the inclusive tag",
        subtitle=f"simulated Belle II data, {result.luminosity:g} fb^{{−1}}; {result.title}",
        result=_sentence(result),
        comparison=comparison_table(_comparison(result, published), references),
        highlights=(Highlight("expected uncertainty of μ", _uncertainty(fit)),
                    Highlight("without the simulation's own size",
                              _uncertainty(result.measurement.expected_large_simulation)),
                    Highlight("data", _estimate(result.measurement.pseudo))),
        sections=(_run(result), _cutflows(result), _distributions(result, published), _classifiers(result),
                  _fit(result), _decays(result), Section("What is approximate", (Bullets(APPROXIMATIONS),))),
        references=references,
        warnings=tuple(dict.fromkeys((*fit.warnings, *(pseudo.warnings if pseudo else ()), *_size_warning(result)))),
    )


def _sentence(result: KnunuResult) -> str:
    """The result in one sentence."""
    fit, z = result.measurement.expected, result.measurement.expected.significance.get("0")
    significance = "" if z is None else f", an expected significance of {z:.2f} standard deviations"
    return (f"With {result.luminosity:g} fb^{{−1}} and the templates of this run a Standard Model signal (μ = 1) is "
            f"measured with an uncertainty of {_uncertainty(fit)} on μ{significance}; the signal region of the data "
            + ("is hidden." if result.measurement.pseudo is None else
               f"gives μ = {_estimate(result.measurement.pseudo)}."))


def _uncertainty(fit: FitResult) -> str:
    return "–" if fit.uncertainty is None else f"{fit.uncertainty:.2f}"


def _estimate(fit: FitResult | None) -> str:
    return "hidden" if fit is None else f"{fit.value:.2f} ± {_uncertainty(fit)}"


def _size_warning(result: KnunuResult) -> tuple[str, ...]:
    """A warning when the simulated samples are smaller than the data set."""
    largest = max(result.samples[name].weight for name in BACKGROUNDS)
    if largest <= 1.5:
        return ()
    return (f"one simulated background event stands for up to {largest:.0f} events of the data set: the templates are "
            "rough, and their own uncertainty is part of the result; a larger --luminosity makes it smaller",)


def _number(quantity: Quantity) -> Number:
    return Number(value=quantity.value, uncertainty=quantity.uncertainty)


def _comparison(result: KnunuResult, published: PublishedMeasurement) -> list[ComparisonRow]:
    """Rows of the table "published | this run"."""
    totals = {n: figures.region_total(result, n) for n in (SIGNAL, *BACKGROUNDS)}
    background = figures.summed([totals[n] for n in BACKGROUNDS])
    groups = {"fraction_BBbar": B_PAIRS, "fraction_continuum": CONTINUUM[:-1], "fraction_taupair": CONTINUUM[-1:]}
    names = {"fraction_BBbar": "share of BB̅", "fraction_continuum": "share of continuum",
             "fraction_taupair": "share of τ^{+}τ^{−}"}
    high = {n: figures.region_total(result, n, above=0.98) for n in (SIGNAL, *BACKGROUNDS)}
    fit, large = result.measurement.expected, result.measurement.expected_large_simulation

    def row(key: str, quantity: str, here: Number | None, *, percent: bool = False, remark: str = "") -> ComparisonRow:
        return ComparisonRow(quantity=quantity, published=_number(published[key]), here=here, percent=percent,
                             source=published[key].source, remark=remark)

    rows = [row("efficiency_inclusive", "signal efficiency, η > 0.92", figures.region_efficiency(result), percent=True,
                remark="8 % by the definition of η"),
            row("signal_in_region", "signal events, η > 0.92", totals[SIGNAL]),
            row("background_in_region", "background events, η > 0.92", background,
                remark="the test of the whole chain")]
    rows += [row(key, names[key], figures.share([totals[n] for n in group], [totals[n] for n in BACKGROUNDS]),
                 percent=True) for key, group in groups.items()]
    rows += [row("signal_high_eta", "signal events, η > 0.98", high[SIGNAL]),
             row("background_high_eta", "background events, η > 0.98", figures.summed([high[n] for n in BACKGROUNDS])),
             row("mu_inclusive_total_uncertainty", "uncertainty of μ",
                 None if fit.uncertainty is None else Number(value=fit.uncertainty),
                 remark="published: all systematic uncertainties, at μ = 5.4"),
             row("mu_inclusive_statistical_uncertainty", "the same, without the simulation's own size",
                 None if large.uncertainty is None else Number(value=large.uncertainty),
                 remark="published: statistical part; here the 50 % normalisations are in")]
    return rows


def _run(result: KnunuResult) -> Section:
    """What was run."""
    rows = {name: f"{format_count(s.plan.events)} events, one stands for {format_count(float(f'{s.weight:.3g}'))} "
                  "of the data set" for name, s in result.samples.items()}
    return Section("What was run", (
        Paragraph("Every sample is generated, simulated, reconstructed and selected in chunks; classifiers are trained "
                  "on one half of the chunks and applied to the other half, both ways, so every event is used and none "
                  "is judged by a classifier that saw it. The first classifier is trained on a pilot whose "
                  "candidates are all kept; of later chunks only candidates above its cut are kept."),
        pairs_table(rows, caption="Samples; the names that end in _off run 60 MeV below the resonance.",
                    heads=("sample", "size")),
        provenance_table(result.provenance),
    ))


def _cutflows(result: KnunuResult) -> Section:
    """Cutflow of each category."""
    columns = []
    for name in (SIGNAL, *BACKGROUNDS):
        flow = result.samples[name].cutflow
        total = next(iter(flow.values()))
        steps = tuple(CutflowStep(name=k, count=round(v), weight=v, efficiency=v / total if total else None)
                      for k, v in flow.items())
        columns.append(CutflowColumn(key="signal" if name == SIGNAL else name, steps=steps))
    return Section("Selection", (
        Paragraph("The inclusive tag asks for one well identified kaon and puts everything else into the rest of the "
                  "event."),
        cutflow_table(columns, caption="Simulated events left after each step.", show="events"),
        cutflow_table(columns, caption="Efficiency of all steps up to each one.", show="efficiency"),
    ))


def _distributions(result: KnunuResult, published: PublishedMeasurement) -> Section:
    """Distributions in the fit region and of the classifiers."""
    return Section("Distributions", (
        figures.stack(result, "q2_rec", r"$q^2_{\mathrm{rec}}$", "$\\mathrm{GeV}^2$",
                      "Reconstructed momentum transfer in the fit region (η > 0.92), scaled to the data set. "
                      "The signal (line, times 50) is at low values, background from B mesons at high ones."),
        figures.stack(result, "eta", r"$\eta(\mathrm{BDT}_2)$", "",
                      "Quantile-transformed classifier output in the fit region. The signal is flat by construction; "
                      "the background falls towards 1."),
        figures.stack(result, "BDT1", r"$\mathrm{BDT}_1$ output", "",
                      "First classifier, all selected candidates, on a logarithmic scale.", log=True),
        figures.stack(result, "BDT2", r"$\mathrm{BDT}_2$ output", "",
                      "Second classifier, candidates above the cut on the first, on a logarithmic scale.", log=True),
        figures.efficiency(result),
        figures.yields(result, published),
        figures.yields_table(result, published),
    ))


def _classifiers(result: KnunuResult) -> Section:
    """Training, over-training check and importance."""
    rows: dict[str, str] = {}
    for fold, summary in enumerate(result.training):
        for name, check in summary.checks.items():
            signal, background = summary.rows[name]
            rows[f"{name}, fold {fold}"] = (
                f"{format_count(signal)} signal and {format_count(background)} background rows; area under the ROC "
                f"curve {check.auc_train:.4f} on training rows, {check.auc_test:.4f} on independent rows; KS p-values "
                f"{check.signal.p_value:.2g} (signal), {check.background.p_value:.2g} (background)")
    return Section("Classifiers", (
        pairs_table(rows, caption="Training and independent rows. Results come from independent rows only.",
                    heads=("classifier", "training")),
        figures.importance(result, "BDT1"),
        figures.importance(result, "BDT2"),
    ))


def _fit(result: KnunuResult) -> Section:
    """Likelihood and pulls."""
    fit = result.measurement.expected
    filled = {n: int(e.filled.sum()) for n, e in result.expectations.items() if e.filled.any()}
    text = ("Bins without a simulated candidate that were filled from row and column sums: "
            + ", ".join(f"{n} {k}" for n, k in filled.items()) + "." if filled else "No bin had to be filled in.")
    return Section("Fit", (
        Paragraph(f"Binned likelihood in {len(fit.channels)} channels and {fit.bins} bins with {len(fit.parameters)} "
                  "parameters; the workspace is beside this page and opens with pyhf. " + text),
        figures.profile(result),
        *([] if result.measurement.pseudo is None else [figures.pulls_of(result.measurement.pseudo)]),
    ))


def _decays(result: KnunuResult) -> Section:
    """Decay models that fell back to phase space."""
    counts = sum((s.decays for s in result.samples.values()), start=DecayCounts())
    total = max(counts.total, 1)
    models = [FallbackModel(model=m, fraction=n / total, decays=n) for m, n in counts.fallback.items()]
    if not models:
        return Section("Decays", (Paragraph("Every decay used its own model."),))
    return Section("Decays", (
        Paragraph(f"{100 * sum(m.fraction for m in models):.1f} % of {total:,} decays used phase space in the place of "
                  "the model of the decay file.".replace(",", " ")),
        fallback_table(models),
    ))

