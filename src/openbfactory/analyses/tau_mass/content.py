"""The report of the tau mass."""

from __future__ import annotations

import numpy as np

from openbfactory.analyses.tau_mass import figures
from openbfactory.analyses.tau_mass.data import Data
from openbfactory.analyses.tau_mass.measurement import MEGA
from openbfactory.analyses.tau_mass.result import Result
from openbfactory.analyses.tau_mass.sections import calibration_section, minus, systematics_section
from openbfactory.report.content import Bullets, Highlight, Paragraph, ReportContent, Section, Table
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table, pairs_table, provenance_table

APPROXIMATIONS = (
    "Tau pairs are made where a tau has three charged particles with a pseudomass above 1.66 GeV and the other one; "
    "all collisions count. Other processes keep events of 4 to 6 charged particles.",
    "The background is drawn from an exponential of the pseudomass that describes smaller samples.",
    "Photons of the three pions' side are vetoed by the energy of its hemisphere; limits of cuts are estimates.",
    "Momentum scale and energy are calibrated as differences from a simulation; the B sample holds one forced decay.",
    "Changes of the card move the mass in full: in an experiment the momentum scale would absorb a part.",
)

#: what is approximate where the data come from a file
OF_DATA = (
    "Momenta and energy of the collisions are as believed: nothing calibrates the data of the file; their "
    "uncertainties are those of calibrations of simulated samples, of the size that this run made.",
    "The background is what the form of the edge takes up: none is subtracted, the simulation of the bias has none.",
    "The simulation must describe the data: its card is that of the run, its limits of cuts are estimates.",
    "Changes of the card move the mass in full: in an experiment the momentum scale would absorb a part.",
)


def report_content(result: Result) -> ReportContent:
    """Content of the report page."""
    references = resolve(list(result.provenance.references))
    (value, sigma), data, config = result.value, result.data, result.config
    total = float(np.hypot(sigma, result.systematic))
    highlights = [Highlight("mass", f"{value:.2f} ± {sigma:.2f} MeV"),
                  Highlight("bias of the estimate", minus("{:.2f} ± {:.2f} MeV".format(*result.estimate.bias.mean)))]
    if result.at_published is not None:
        highlights.insert(1, Highlight("statistical, at 190 fb^{−1}", f"{result.at_published:.3f} MeV"))
    return ReportContent(
        title="Mass of the τ lepton",
        subtitle=f"data of {data.name}, {data.rows} candidates; simulation: {result.preset.title}" if data else
                 f"simulated data, {result.samples.luminosity:.3g} fb^{{−1}}; {result.preset.title}",
        result=f"From {result.candidates:,} decays τ → 3π ν the mass is {value:.2f} ± {sigma:.2f} (stat.) ± "
               f"{result.systematic:.2f} (syst.) MeV".replace(",", " ")
               + ("." if data else f"; generated with {result.generated:.2f} MeV."),
        comparison=comparison_table(_comparison(result), references), highlights=tuple(highlights),
        sections=(_selection(result), _fit(result), calibration_section(result), systematics_section(result),
                  Section("World", (figures.world(config, value, sigma, total, measured=data is not None),)),
                  Section("What is approximate", (Bullets(OF_DATA if data else APPROXIMATIONS),)),
                  Section("Run", (provenance_table(result.provenance),))),
        references=references, warnings=result.warnings)


def _comparison(result: Result) -> list[ComparisonRow]:
    """Rows of the table "published | this run"."""
    p = result.config.published

    def row(quantity: str, published: float, here: float, error: tuple[float | None, float | None] = (None, None),
            remark: str = "") -> ComparisonRow:
        return ComparisonRow(quantity=quantity, published=Number(value=published, uncertainty=error[0]),
                             here=Number(value=here, uncertainty=error[1]), unit="MeV", remark=remark, source=p.source)

    (value, sigma), bias = result.value, result.estimate.bias.mean
    remark = "" if result.data else f"generated with {result.generated:.2f} MeV"
    statistical = [] if result.at_published is None else [
        row("statistical uncertainty at 190 fb^{−1}", p.statistical, round(result.at_published, 3),
            remark="scaled with the root of the luminosity")]
    return [row("mass", p.mass, value, (p.statistical, sigma), remark), *statistical,
            row("systematic uncertainty", p.systematic, round(result.systematic, 2)),
            row("bias of the estimate", p.bias[0], bias[0], (p.bias[1], bias[1]))]


def _selection(result: Result) -> Section:
    """Decay, cuts, samples, trigger, background."""
    tau = result.config.tau
    cuts = {"decay": tau.decay, "candidates": tau.cut, **{f"of {k}": v for k, v in tau.cuts.items()},
            "trigger": tau.trigger, "selection": tau.selection}
    resolution = figures.resolution(result.samples.reference, result.machine, result.config.range)[0]
    return Section("Selection", (
        pairs_table(cuts, caption="The strings that select."),
        pairs_table({k: f"{v:.4g} fb^{{−1}}" for k, v in result.sizes.items()}, caption="Samples."),
        *(_ntuple(result, result.data) if result.data else _others(result)), resolution))


def _ntuple(result: Result, data: Data) -> tuple[Paragraph, ...]:
    """What the ntuple holds."""
    return (Paragraph(f"{data.name} has {data.rows} candidates in {data.events} events; {len(data.tracks_all)} pass "
                      f"the selection, {len(data.tracks)} of them the trigger, {result.candidates} are in the range of "
                      "the fit. Decay string and cuts on candidates are those that the file must have been made with; "
                      "only the selection and the trigger are asked for here."),)


def _others(result: Result) -> tuple[Paragraph | Table, ...]:
    """Purity, trigger, other processes."""
    rows = [(name, f"{result.background.counted[name][0]} ({result.background.counted[name][1]})",
             f"{v:.0f} ± {s:.0f}", f"{100 * v / max(result.candidates, 1):.2f}")
            for name, (v, s) in result.background.expected.items()]
    return (
        Paragraph(f"In the range of the fit {100 * (result.purity or 0.0):.1f} % of the candidates are tau pairs; the "
                  f"trigger takes {100 * result.trigger:.1f} % of the selected ones."),
        Table(("process", "candidates in its sample (without trigger)", "expected in the data", "share [%]"),
              tuple(rows), "Other processes in the range of the fit; the uncertainty of none is that of one.",
              numeric=frozenset({1, 2, 3})))


def _fit(result: Result) -> Section:
    """Edge in both forms, scan, bias."""
    forms = []
    for name, found in result.estimates.items():
        best, mean, slope = result.fits[name], found.bias.mean, found.bias.slope
        numbers = "; ".join([f"P_{{2}} = {MEGA * best['p2'][0]:.2f} MeV",
                             *(f"P_{{{k}}} = {best[f'p{k}'][0]:.3g}" for k in range(3, 6))])
        forms.append((name, f"{found.edge[0]:.2f} ± {found.edge[1]:.2f}", minus(f"{mean[0]:+.2f} ± {mean[1]:.2f}"),
                      minus(f"{slope[0]:+.3f} ± {slope[1]:.3f}"), f"{found.mass:.2f}", minus(numbers)))
    return Section("Fit", (
        Paragraph("Unbinned maximum likelihood of the two published forms, 1 − P_{3} arctan[(M − P_{1})/P_{2}] + "
                  "P_{4}(M − P_{1}) + P_{5}(M − P_{1})^{2} (quadratic) and 1 − [P_{3} + P_{4}(M − P_{1})] "
                  "arctan[(M − P_{1})/P_{2}] + P_{5}(M − P_{1}) (linear); the mass is P_{1} minus its bias, the result "
                  f"that of the {result.config.forms[0]} form."),
        figures.edge(result.mass, result.samples.background, result.fits, result.config.range,
                     result.samples.luminosity),
        Table(("form", "edge [MeV]", "bias [MeV]", "change of the bias with the mass", "mass [MeV]", "other numbers"),
              tuple(forms), "Both forms of the same candidates; their biases come from the same samples. P_{4} and "
              "P_{5} for masses in GeV.",
              numeric=frozenset({1, 2, 3, 4})),
        figures.scan(result.scan, result.fit, simulated=result.data is None), figures.biases(result.estimate.bias)))
