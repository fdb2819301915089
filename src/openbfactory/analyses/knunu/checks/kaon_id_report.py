"""Figures and tables of the check of kaon identification."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from openbfactory.analyses.knunu.checks.pid_corrections import BINNED, FITTED, TRACKS, KaonId, Ratio, rate
from openbfactory.fit.passing import CATEGORIES, Passing
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.report.comparisons import efficiency_comparison
from openbfactory.report.content import Paragraph, Picture, Section, Table
from openbfactory.report.fitted import binned_fit
from openbfactory.report.records import EfficiencyComparison, EfficiencyCurve
from openbfactory.report.text import format_number

#: labels of the axes, their units, bins of the mass
AXES = {"p": ("momentum", "GeV"), "cosTheta": (r"$\cos\theta$", "")}
BINS = 50
TITLES = {"kaon": "efficiency of kaons", "pion": "fake rate of pions"}


def report_sections(tables: Mapping[str, SampleTable], found: Mapping[str, list[Ratio]],
                    chosen: KaonId) -> tuple[Section, ...]:
    """Fits, rates by bin, and the table of corrections."""
    cut = InclusiveTagConfig().kaon_id_min
    fits = [mass(tables["data"], name, rate(tables["data"], name, cut, chosen), category, cut)
            for name in TRACKS for category in CATEGORIES]
    rates = [curves(found[f"{name} {v}"], name, v, chosen) for name in TRACKS for v in BINNED]
    text = (f"The slow pion of the D^{{*+}} tells kaon and pion of the D^{{0}} apart without identification. Signal "
            f"with kaonID above and below {cut:g} is fitted together, for data and simulation, in every bin.")
    return (Section("Fits of the D^{0} mass", (Paragraph(text), *fits)), Section("Rates", tuple(rates)),
            Section("Corrections", (correction_table(found, chosen),)))


def mass(table: SampleTable, name: str, fitted: Passing, category: str, cut: float) -> Picture:
    """Masses of the passing or failing candidates of the data with the fit."""
    column = table[f"{name}_kaonID"] > cut
    chosen = table["mass"][column if category == "pass" else ~column]
    counts, edges = np.histogram(chosen, BINS, fitted.limits)
    x = 0.5 * (edges[1:] + edges[:-1])
    signal, background = (c * np.diff(edges)[0] for c in fitted.curve(category, x))
    words = f"{name} {'above' if category == 'pass' else 'below'} the cut"
    drawn = binned_fit(edges, counts, {"fit": signal + background, "background": background}, ("background",),
                       xlabel=r"$M(K^-\pi^+)$", unit="GeV", note=words, log=True)
    return Picture(drawn, f"Data, {words}: the peak is counted.", f"D0 mass, {words}")


def curves(ratios: list[Ratio], name: str, variable: str, chosen: KaonId) -> Picture:
    """Rates of data and simulation in bins, lines for what was generated."""
    edges = chosen.edges[variable]
    lines = []
    for kind in FITTED:
        lines.append(EfficiencyCurve.symmetric(kind, edges, *np.transpose([getattr(r, kind) for r in ratios])))
    for kind in FITTED:
        truth = np.array([getattr(r, f"planted_{kind}")[0] for r in ratios])
        lines.append(EfficiencyCurve(label=f"truth of {kind}", edges=edges, values=truth, published=True))
    label, unit = AXES[variable]
    drawn = EfficiencyComparison(curves=tuple(lines), xlabel=label, unit=unit, ylabel=TITLES[name])
    return Picture(efficiency_comparison(drawn), f"The {TITLES[name]} differs between data and simulation; lines are "
                   "counted with truth in independent samples.", f"{TITLES[name]} against {variable}")


def correction_table(found: Mapping[str, list[Ratio]], chosen: KaonId) -> Table:
    """Corrections in bins with what was planted."""
    rows = []
    for name in TRACKS:
        for variable in BINNED:
            edges = chosen.edges[variable]
            for k, ratio in enumerate(found[f"{name} {variable}"]):
                error = np.hypot(ratio.found.uncertainty or 0.0, ratio.planted.uncertainty or 0.0)
                pull = (ratio.found.value - ratio.planted.value) / error
                rows.append((name, f"{variable} {edges[k]:g} to {edges[k + 1]:g}", format_number(ratio.planted),
                             format_number(ratio.found), f"{pull:+.1f}"))
    return Table(("track", "bin", "planted", "found", "difference [σ]"), tuple(rows),
                 "Corrections, data over simulation. Those by momentum are in the record for other measurements.",
                 numeric=frozenset({2, 3, 4}))
