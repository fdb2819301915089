"""The report of a lifetime."""

from __future__ import annotations

import numpy as np

from openbfactory.analyses.lifetimes import figures
from openbfactory.analyses.lifetimes.changes import Change
from openbfactory.analyses.lifetimes.internal_checks import internal_checks
from openbfactory.analyses.lifetimes.record import Result
from openbfactory.report.content import Bullets, Highlight, Paragraph, ReportContent, Section, Table
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table, pairs_table, provenance_table

APPROXIMATIONS = (
    "Signal comes from an enriched sample (one decay forced, collisions without a target hadron dropped and counted), "
    "background from generic quark pairs, drawn with replacement to the size of the data set.",
    "The background has the same decay times over the whole range of masses; in the fit its resolution is one "
    "Gaussian; what that does to the lifetime is the row of the signal alone, by truth.",
    "The Ω_{c}^{0} takes the momentum of other charmed baryons, its rate is an estimate; the size of its background is "
    "that of the published purity, the decay times of it come from looser cuts.",
    "Alignment: deformations of the silicon layers by about 10 μm; sizes are estimates.",
)


def report_content(result: Result) -> ReportContent:
    """Content of the report page."""
    mode, fit, data = result.mode, result.found.fit, result.data
    references = resolve(list(result.provenance.references))
    value, sigma = fit["tau"]
    return ReportContent(
        title=f"Lifetime of the {mode.symbol}",
        subtitle=f"{result.file or 'simulated data'}, {result.luminosity:g} fb^{{−1}}; {result.title}",
        result=f"From {result.selected:,.0f} decays {mode.title} the lifetime is {value:.2f} ± {sigma:.2f} fs"
               f"{f', where {mode.generated:.1f} fs were generated' if data.simulated else ''}.".replace(",", " "),
        comparison=comparison_table(_comparison(result), references),
        highlights=(Highlight("lifetime", f"{value:.1f} ± {sigma:.1f} fs"),
                    Highlight("statistical, at the published yield", f"{result.at_published:.2f} fs"),
                    Highlight("resolution, core", f"{figures.core(data):.0f} fs") if data.simulated else
                    Highlight("mean uncertainty of the decay time", f"{np.mean(data.sigma):.0f} fs")),
        sections=(_selection(result), _fit(result), *internal_checks(result), _systematics(result),
                  Section("What is approximate", (Bullets(APPROXIMATIONS if data.simulated else APPROXIMATIONS[1:]),)),
                  Section("Run", (provenance_table(result.provenance),))),
        references=references, warnings=fit.warnings)


def _comparison(result: Result) -> list[ComparisonRow]:
    """Rows of the table "published | this run"."""
    p, fit = result.mode.published, result.found.fit

    def row(quantity: str, published: float | None, here: float,
            errors: tuple[float | None, float | None] = (None, None), unit: str = "fs",
            remark: str = "") -> ComparisonRow:
        known = None if published is None else Number(value=published, uncertainty=errors[0])
        return ComparisonRow(quantity=quantity, published=known, here=Number(value=here, uncertainty=errors[1]),
                             unit=unit, remark=remark, source=p.source)

    return [row("lifetime", p.lifetime, fit["tau"][0], (p.statistical, fit["tau"][1]),
                remark=f"{'generated with' if result.data.simulated else 'particle table:'} "
                       f"{result.mode.generated:.1f} fs"),
            row("statistical uncertainty at the published yield", p.statistical, result.at_published),
            row("statistical uncertainty at the published luminosity", p.statistical, result.at_published_luminosity),
            row("systematic uncertainty", p.systematic, result.systematic),
            row("signal candidates at the published luminosity", float(p.yield_),
                result.selected * p.luminosity / result.luminosity, unit=""),
            row("purity", p.purity, result.data.purity[0] if result.mode.sidebands else 1.0, unit="",
                remark="" if result.mode.sidebands else "background neglected, as published"),
            row("uncertainty of the decay time, median", p.resolution, float(np.median(result.data.sigma)),
                remark=f"published: average resolution; mean {np.mean(result.data.sigma):.0f} fs")]


def _selection(result: Result) -> Section:
    """Decay, cuts and the mass."""
    mode = result.mode
    cuts = {"decay": mode.decay, "before the fit": mode.cut, **{f"of {k}": v for k, v in mode.cuts.items()},
            "after the fit": mode.after, "signal region": f"{mode.window[0]:g} to {mode.window[1]:g} GeV",
            "sidebands": ", ".join(f"{a:g} to {b:g} GeV" for a, b in mode.sidebands) or "none"}
    counts = {name: f"{n:,} events".replace(",", " ") for name, n in result.sizes.items()}
    if result.signal:
        counts["collisions tried for the signal"] = f"{result.signal.decays.tried:,}".replace(",", " ")
    else:
        counts["candidates"] = f"those of {result.file}; its own selection, ranges of mass as above"
    caption = "The strings that select." if result.signal else "The strings that select in simulation."
    return Section("Selection", (
        Paragraph("Every candidate is fitted as a whole: the tracks, the vertices and the interaction region, where it "
                  "was made. The decay time is m (d · p) / p^{2} of the flight d."),
        pairs_table(cuts, caption=caption), pairs_table(counts, caption="Samples."),
        figures.mass(result.mode, result.data, result.luminosity)))


def _fit(result: Result) -> Section:
    """Times, uncertainties, scan."""
    blocks = [figures.decay_times(result.mode, result.data, result.found, result.luminosity)]
    if result.found.model.background:
        blocks.append(figures.sideband_times(result.mode, result.data, result.found, result.luminosity))
    blocks.append(figures.uncertainties(result.data))
    if result.data.simulated:
        blocks.append(figures.residuals(result.data, result.found))
    if len(result.found.scan[0]) >= 3:
        blocks.append(figures.scan(result.mode, result.data, result.found))
    fit = result.found.fit
    rows = {n: f"{fit[n][0]:.4g} ± {fit[n][1]:.2g}" for n in fit.names}
    return Section("Fit", (Paragraph("Unbinned maximum likelihood in time and its uncertainty, signal region and "
                                     "sidebands together; every shape parameter is free."),
                           *blocks, pairs_table(rows, caption="Parameters; times in fs.")))


def _systematics(result: Result) -> Section:
    """The table of systematic uncertainties, published beside ours."""
    mode, here = result.mode, result.systematics
    rows = []
    for name in dict.fromkeys([*mode.systematics, *here]):
        changes = result.shifts.get(name, {})
        rows.append((name, f"{mode.systematics[name]:g}" if name in mode.systematics else "–",
                     f"{here[name][0]:.2f}" if name in here else "–", f"{here[name][1]:.2f}" if name in here else "–",
                     "; ".join(_words(k, c) for k, c in changes.items())))
    noise = float(np.sqrt(sum(u * u for _, u in here.values())))
    rows.append(("sum in quadrature", f"{mode.published.systematic:g}", f"{result.systematic:.2f}", f"{noise:.2f}", ""))
    return Section("Systematic uncertainties", (
        Paragraph("Models: the data set fitted in another way. Momentum scale and alignment: the same truth simulated "
                  "with another card, fitted as if nothing had changed. Each change has the statistical uncertainty of "
                  "the difference of two fits to the same events; a source counts what its changes have beyond that. "
                  "A small number beside a large statistical uncertainty is a limit, not an effect."),
        Table(("source", "published [fs]", "this run [fs]", "statistical [fs]", "changes of the lifetime [fs]"),
              tuple(rows), "Systematic uncertainties.", numeric=frozenset({1, 2, 3}),
              emphasis=frozenset({len(rows) - 1}))))


def _words(name: str, change: Change) -> str:
    """A change as text."""
    if not np.isfinite(change.value):
        return f"{name}: no minimum"
    return f"{name}: {change.value:+.2f} ± {change.uncertainty:.2f}{'' if change.counted else ' (not counted)'}"
