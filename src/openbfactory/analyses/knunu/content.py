"""The report of a run: its front page, and the sections in the order in which the measurement is told in talks."""

from __future__ import annotations

from collections.abc import Sequence

from openbfactory.analyses.knunu import figures, inference, sections
from openbfactory.analyses.knunu.accounts import cost_section
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, CONTINUUM, SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult
from openbfactory.analyses.knunu.validations import Validation
from openbfactory.core.quantities import Quantity
from openbfactory.fit.results import FitResult
from openbfactory.physics.published import PublishedMeasurement, load_published
from openbfactory.report.content import Bullets, Highlight, ReportContent, Section
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table

#: what a reader must know before using a number of the report
APPROXIMATIONS = (
    "Decays follow the models of the decay file as the page on approximations states them; section \"Decays\" lists "
    "those that used phase space instead. Spin correlations end at decays of partons and at decays by phase space.",
    "The detector response is parametrised, not simulated hit by hit: acceptance, efficiencies, resolutions, particle "
    "identification and the calorimeter's answer to hadrons come from the card, many of them estimates.",
    "The cross sections of the card normalise every sample; data are pseudo-experiments of the same simulation, so no "
    "difference between data and simulation can be seen here.",
    "The systematic model has the names and sizes of the published one; effects that the samples of this run have no "
    "variation for are missing (a dash in the table of impacts), and shifts of templates are symmetric and smoothed.",
    "A bin without a simulated candidate of a category is filled from the category's own row and column sums with "
    "100 % uncertainty.",
)


def report_content(result: KnunuResult, validations: Sequence[Validation] = ()) -> ReportContent:
    """Content of the report page.

    Parameters
    ----------
    validations
        Checks whose results lie beside the run.
    """
    published = load_published("knunu")
    world = load_published("knunu_world")
    sources = (q.source for p in (published, world) for q in p.quantities.values())
    references = resolve([*result.provenance.references, *sources])
    expectation, fit = result.measurement.expectation, result.measurement.expected
    opened = result.measurement.pseudo
    return ReportContent(
        title="B^{+} → K^{+}νν̅ with the inclusive tag",
        subtitle=f"simulated Belle II data, {result.luminosity:g} fb^{{−1}}; {result.title}",
        result=_sentence(result),
        comparison=comparison_table(_comparison(result, published), references),
        highlights=(Highlight("expected uncertainty of μ", _uncertainty(fit)),
                    Highlight("its statistical part", f"{expectation.split.statistical:.2f}"),
                    Highlight("data", "hidden" if opened is None else _estimate(opened))),
        sections=(
            sections.why(), sections.samples(result), sections.selection(result, references),
            sections.classifiers(result), sections.efficiency(result, published),
            sections.backgrounds(result, published), sections.validation(validations), inference.systematics(result),
            inference.fit(result), inference.after_fit(result), inference.outcome(result, published),
            inference.world(result), inference.reinterpretation(result), cost_section(result), sections.decays(result),
            Section("What is approximate", (Bullets(APPROXIMATIONS),))),
        references=references,
        warnings=tuple(dict.fromkeys((*fit.warnings, *(opened.warnings if opened else ()), *_size_warning(result),
                                      *_noise_warning(result)))),
    )


def _sentence(result: KnunuResult) -> str:
    """The result in one sentence."""
    fit, opened = result.measurement.expected, result.measurement.pseudo
    large = _uncertainty(result.measurement.expected_large_simulation)
    z, unit = fit.significance.get("0"), result.config.branching_fraction.value * 1e6
    significance = "" if z is None else f" and an expected significance of {z:.2f} standard deviations"
    if opened is None or opened.branching_fraction is None:
        return (f"In {result.luminosity:g} fb^{{−1}} the branching fraction of the Standard Model, {unit:.2f} × "
                f"10^{{−6}} (μ = 1), would be measured with an uncertainty of {_uncertainty(fit)} on μ ({large} "
                f"with simulated samples without limit){significance}; the signal region of the data is hidden.")
    found = opened.branching_fraction
    return (f"In {result.luminosity:g} fb^{{−1}} of simulated data the branching fraction is "
            f"({found.value * 1e6:.1f} ± {(found.uncertainty or 0.0) * 1e6:.1f}) × 10^{{−6}}, μ = {_estimate(opened)}, "
            f"where μ = 1 was put in; expected was an uncertainty of {_uncertainty(fit)}{significance}.")


def _uncertainty(fit: FitResult) -> str:
    return "–" if fit.uncertainty is None else f"{fit.uncertainty:.2f}"


def _estimate(fit: FitResult) -> str:
    return f"{fit.value:.2f} ± {_uncertainty(fit)}"


def _size_warning(result: KnunuResult) -> tuple[str, ...]:
    """A warning when the simulated samples are smaller than the data set."""
    largest = max(result.samples[name].weight for name in BACKGROUNDS)
    if largest <= 1.5:
        return ()
    return (f"one simulated background event stands for up to {largest:.0f} events of the data set: the templates are "
            "rough, and their own uncertainty is part of the result; a larger --luminosity makes it smaller",)


def _noise_warning(result: KnunuResult) -> tuple[str, ...]:
    """A warning when systematic shifts are smaller than their noise."""
    if not result.noisy:
        return ()
    return (f"shifts smaller than their noise from the size of the simulated samples: {', '.join(result.noisy)}; their "
            "impacts are what chance gives, until more is simulated",)


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
    split = result.measurement.expectation_published_mu.split

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
             row("efficiency_ratio_q2_5_15", "efficiency at q^{2} = 5 over that at 15 GeV^{2}, η > 0.98",
                 _maybe(figures.fall(result, published, published_numbers=False)), remark="falls by more than 40"),
             row("mu_inclusive_statistical_uncertainty", "statistical uncertainty of μ",
                 Number(value=split.statistical), remark="at the published μ"),
             row("mu_inclusive_total_uncertainty", "total uncertainty of μ", Number(value=split.total),
                 remark="at the published μ; with the size of this run's samples"),
             ComparisonRow(quantity="total uncertainty of μ at μ = 1", published=None,
                           here=_maybe(fit.uncertainty)),
             ComparisonRow(quantity="the same, with simulated samples without limit", published=None,
                           here=_maybe(large.uncertainty))]
    return rows


def _maybe(value: float | None) -> Number | None:
    """The number where there is one."""
    return None if value is None else Number(value=value)
