"""The record and the report of a lifetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from openbfactory.analyses.lifetimes import figures
from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.data import DataSet
from openbfactory.analyses.lifetimes.measurement import Measurement
from openbfactory.core.provenance import Provenance
from openbfactory.pipeline.tables import SampleTable
from openbfactory.report.content import Bullets, Highlight, Paragraph, ReportContent, Section, Table
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table, pairs_table, provenance_table

#: marks changes that are shown and not counted
NOT_COUNTED = "not counted"
APPROXIMATIONS = (
    "Signal comes from an enriched sample (one decay forced, collisions without a target hadron dropped and counted), "
    "background from generic quark pairs, drawn with replacement to the size of the data set.",
    "The background has the same decay times over the whole range of masses. Triggers are not asked.",
    "The Ω_{c}^{0} takes the momentum of other charmed baryons, and its rate is an estimate.",
    "Alignment: deformations of the silicon layers by about 10 μm; sizes are estimates.",
)


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found; ``shifts`` are changes of the lifetime [fs] by source and variation."""

    name: str
    mode: Mode
    title: str
    luminosity: float
    signal: SampleTable
    sizes: Mapping[str, int]
    data: DataSet
    found: Measurement
    shifts: Mapping[str, Mapping[str, float]]
    provenance: Provenance

    @property
    def selected(self) -> float:
        """Signal candidates in the signal region."""
        return len(self.data.residual)

    @property
    def at_published(self) -> float:
        """Statistical uncertainty [fs] at the published yield."""
        return self.found.fit["tau"][1] * float(np.sqrt(self.selected / self.mode.published.yield_))

    @property
    def at_published_luminosity(self) -> float:
        """Statistical uncertainty [fs] at the published luminosity."""
        return self.found.fit["tau"][1] * float(np.sqrt(self.luminosity / self.mode.published.luminosity))

    @property
    def systematics(self) -> dict[str, float]:
        """Systematic uncertainty [fs] by source: the largest change for models, the root of the sum of squares else."""
        totals = {}
        for source, changes in self.shifts.items():
            counted = [abs(v) for k, v in changes.items() if NOT_COUNTED not in k]
            total = float(np.sqrt(np.sum(np.square(counted))))
            totals[source] = max(counted, default=0.0) if "model" in source else total
        return totals


def record(result: Result) -> dict[str, Any]:
    """Plain dictionary for JSON."""
    fit, data = result.found.fit, result.data
    return {
        "analysis": f"lifetimes.{result.name}", "title": result.title, "unit": "fs",
        "luminosity": {"value": result.luminosity, "unit": "fb^-1"},
        "lifetime": {"value": fit["tau"][0], "statistical": fit["tau"][1], "generated": result.mode.generated,
                     "systematic": float(np.sqrt(sum(v * v for v in result.systematics.values())))},
        "parameters": {n: {"value": fit[n][0], "uncertainty": fit[n][1]} for n in fit.names},
        "warnings": list(fit.warnings), "signal_candidates": result.selected,
        "candidates": {"signal region": len(data.time), "sidebands": len(data.side_time)},
        "purity": data.purity[0], "resolution": {"mean_sigma": float(np.mean(data.sigma)), "core": figures.core(data)},
        "statistical_at_published_yield": result.at_published,
        "statistical_at_published_luminosity": result.at_published_luminosity,
        "shifts": {k: dict(v) for k, v in result.shifts.items()}, "systematics": result.systematics,
        "published": result.mode.published.model_dump(mode="json", by_alias=True),
        "samples": dict(result.sizes), "collisions_tried": result.signal.decays.tried,
        "failed_fits": result.signal.failed_fits, "provenance": result.provenance.to_dict(),
    }


def report_content(result: Result) -> ReportContent:
    """Content of the report page."""
    mode, fit = result.mode, result.found.fit
    references = resolve(list(result.provenance.references))
    value, sigma = fit["tau"]
    return ReportContent(
        title=f"Lifetime of the {mode.symbol}",
        subtitle=f"simulated data, {result.luminosity:g} fb^{{−1}}; {result.title}",
        result=f"From {result.selected:,.0f} decays {mode.title} the lifetime is {value:.2f} ± {sigma:.2f} fs, where "
               f"{mode.generated:g} fs were generated.".replace(",", " "),
        comparison=comparison_table(_comparison(result), references),
        highlights=(Highlight("lifetime", f"{value:.1f} ± {sigma:.1f} fs"),
                    Highlight("statistical, at the published yield", f"{result.at_published:.2f} fs"),
                    Highlight("resolution, core", f"{figures.core(result.data):.0f} fs")),
        sections=(_selection(result), _fit(result), _systematics(result),
                  Section("What is approximate", (Bullets(APPROXIMATIONS),)),
                  Section("Run", (provenance_table(result.provenance),))),
        references=references, warnings=fit.warnings)


def _comparison(result: Result) -> list[ComparisonRow]:
    """Rows of the table "published | this run"."""
    p, fit = result.mode.published, result.found.fit

    def row(quantity: str, published: float, here: float, error: tuple[float | None, float | None] = (None, None),
            unit: str = "fs", remark: str = "") -> ComparisonRow:
        return ComparisonRow(quantity=quantity, published=Number(value=published, uncertainty=error[0]),
                             here=Number(value=here, uncertainty=error[1]), unit=unit, remark=remark, source=p.source)

    total = float(np.sqrt(sum(v * v for v in result.systematics.values())))
    return [row("lifetime", p.lifetime, fit["tau"][0], (p.statistical, fit["tau"][1]),
                remark=f"generated with {result.mode.generated:g} fs"),
            row("statistical uncertainty at the published yield", p.statistical, result.at_published),
            row("statistical uncertainty at the published luminosity", p.statistical, result.at_published_luminosity),
            row("systematic uncertainty", p.systematic, total),
            row("signal candidates at the published luminosity", float(p.yield_),
                result.selected * p.luminosity / result.luminosity, unit=""),
            row("purity", p.purity, result.data.purity[0] if result.mode.sidebands else 1.0, unit="",
                remark="" if result.mode.sidebands else "background neglected, as published"),
            row("mean uncertainty of the decay time", p.resolution, float(np.mean(result.data.sigma)),
                remark="published: average resolution")]


def _selection(result: Result) -> Section:
    """Decay, cuts and the mass."""
    mode = result.mode
    cuts = {"decay": mode.decay, "before the fit": mode.cut, **{f"of {k}": v for k, v in mode.cuts.items()},
            "after the fit": mode.after, "signal region": f"{mode.window[0]:g} to {mode.window[1]:g} GeV",
            "sidebands": ", ".join(f"{a:g} to {b:g} GeV" for a, b in mode.sidebands) or "none"}
    counts = {name: f"{n:,} events".replace(",", " ") for name, n in result.sizes.items()}
    counts["collisions tried for the signal"] = f"{result.signal.decays.tried:,}".replace(",", " ")
    return Section("Selection", (
        Paragraph("Every candidate is fitted as a whole: the tracks, the vertices and the interaction region, where it "
                  "was made. The decay time is m (d · p) / p^{2} of the flight d."),
        pairs_table(cuts, caption="The strings that select."), pairs_table(counts, caption="Samples."),
        figures.mass(result.mode, result.data, result.luminosity)))


def _fit(result: Result) -> Section:
    """Times, uncertainties, scan."""
    blocks = [figures.decay_times(result.mode, result.data, result.found, result.luminosity)]
    if result.found.model.background:
        blocks.append(figures.sideband_times(result.mode, result.data, result.found, result.luminosity))
    blocks += [figures.uncertainties(result.data), figures.residuals(result.data, result.found)]
    if len(result.found.scan[0]) >= 3:
        blocks.append(figures.scan(result.mode, result.found))
    fit = result.found.fit
    rows = {n: f"{fit[n][0]:.4g} ± {fit[n][1]:.2g}" for n in fit.names}
    return Section("Fit", (Paragraph("Unbinned maximum likelihood in time and its uncertainty, signal region and "
                                     "sidebands together; every shape parameter is free."),
                           *blocks, pairs_table(rows, caption="Parameters; times in fs.")))


def _systematics(result: Result) -> Section:
    """The table of systematic uncertainties, published beside ours."""
    mode, here = result.mode, result.systematics
    names = list(dict.fromkeys([*mode.systematics, *here]))
    rows = [(n, f"{mode.systematics[n]:g}" if n in mode.systematics else "–",
             f"{here[n]:.2f}" if n in here else "–",
             "; ".join(f"{k}: {v:+.2f}" for k, v in result.shifts.get(n, {}).items())) for n in names]
    total = float(np.sqrt(sum(v * v for v in here.values())))
    rows.append(("sum in quadrature", f"{mode.published.systematic:g}", f"{total:.2f}", ""))
    return Section("Systematic uncertainties", (
        Paragraph("Models: the data set fitted in another way. Momentum scale and alignment: the same truth simulated "
                  "with another card, fitted as if nothing had changed; changes are added in quadrature."),
        Table(("source", "published [fs]", "this run [fs]", "changes of the lifetime [fs]"), tuple(rows),
              "Systematic uncertainties.", numeric=frozenset({1, 2}), emphasis=frozenset({len(rows) - 1}))))
