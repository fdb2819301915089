"""The record and the report of the tau mass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass import figures
from openbfactory.analyses.tau_mass.config import Planted, Preset, TauMass
from openbfactory.analyses.tau_mass.measurement import MEGA, Bias, Calibration
from openbfactory.analyses.tau_mass.samples import Tracks
from openbfactory.analyses.tau_mass.systematics import Change, Changes, Samples, total
from openbfactory.core.provenance import Provenance
from openbfactory.experiment import Machine
from openbfactory.fit.unbinned import UnbinnedResult
from openbfactory.physics.particles import species
from openbfactory.report.content import Bullets, Highlight, Paragraph, ReportContent, Section, Table
from openbfactory.report.records import ComparisonRow, Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import comparison_table, pairs_table, provenance_table

Array = npt.NDArray[np.float64]

APPROXIMATIONS = (
    "Tau pairs are filtered before the detector: a tau of three charged particles with a pseudomass above 1.66 GeV, "
    "the other with one; all collisions count. Other processes keep events of 4 to 6 charged particles.",
    "The background is drawn with replacement from smaller samples, its pseudomasses smeared by 30 MeV.",
    "Photons of the three pions' side are vetoed by the energy of its hemisphere; limits of cuts are estimates.",
    "Momentum scale and energy are calibrated as differences from a simulation; the B sample holds one forced decay.",
    "Changes of the card move the mass in full: in an experiment the momentum scale would absorb a part.",
)
#: sources of which the largest change counts
LARGEST = ("fit range", "detector material density", "fit function")


@dataclass(frozen=True, slots=True)
class Closure:
    """Planted shifts, the calibration found, the change of the mean pseudomass against truth without and with it."""

    planted: Planted
    known: Calibration
    before: Change
    after: Change


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found: pseudomasses [GeV], edge, scan, bias, changes."""

    config: TauMass
    preset: Preset
    mass: Array
    samples: Samples
    machine: Machine
    fit: UnbinnedResult
    scan: tuple[tuple[float, ...], tuple[float, ...]]
    bias: Bias
    known: Calibration
    mesons: tuple[Tracks, Tracks, Tracks]
    closure: Closure
    changes: Changes
    sizes: Mapping[str, int]
    provenance: Provenance

    @property
    def value(self) -> tuple[float, float]:
        """Mass and statistical uncertainty, MeV."""
        edge, sigma = self.fit["p1"]
        return MEGA * edge - self.bias.mean[0], MEGA * sigma

    @property
    def generated(self) -> float:
        """Generated mass, MeV."""
        return MEGA * species("tau-").mass

    @property
    def at_published(self) -> float:
        """Statistical uncertainty at the published luminosity, MeV."""
        return self.value[1] * float(np.sqrt(self.preset.data / self.config.published.luminosity))

    @property
    def systematics(self) -> dict[str, float]:
        """Systematic uncertainty by source, MeV."""
        return {source: total(found, largest=source in LARGEST) for source, found in self.changes.items()}

    @property
    def systematic(self) -> float:
        """Their root of the sum of squares, MeV."""
        return float(np.sqrt(np.sum(np.square([*self.systematics.values()]))))


def record(result: Result) -> dict[str, Any]:
    """Plain dictionary for JSON; masses in MeV."""
    value, sigma = result.value
    scale, energy, closure = result.known.momentum, result.known.energy, result.closure
    planted = closure.known

    def change(c: Change) -> dict[str, float | None]:
        return {"value": c.value if np.isfinite(c.value) else None, "uncertainty": c.uncertainty
                if np.isfinite(c.uncertainty) else None, "counted": c.counted}

    return {
        "analysis": "tau_mass", "title": result.preset.title, "unit": "MeV",
        "luminosity": {"value": result.preset.data, "unit": "fb^-1"},
        "mass": {"value": value, "statistical": sigma, "systematic": result.systematic, "generated": result.generated},
        "statistical_at_published_luminosity": result.at_published,
        "parameters": {n: {"value": result.fit[n][0], "uncertainty": result.fit[n][1]} for n in result.fit.names},
        "warnings": list(result.fit.warnings), "candidates": _inside(result.mass, result.config.range),
        "background_candidates": _inside(result.samples.background, result.config.range),
        "bias": {"mean": result.bias.mean, "slope": result.bias.slope,
                 "points": {f"{m:g}": v for m, v in result.bias.points.items()}},
        "momentum_scale": {"mean": scale.mean, "factors": scale.factors.tolist(), "cosines": scale.cosines,
                           "uncertainties": scale.uncertainties.tolist(), "species": scale.species,
                           "candidates": scale.candidates},
        "beam_energy": {"sqrt_s": energy.value, "uncertainty": energy.uncertainty, "response": energy.response,
                        "nominal": result.machine.sqrt_s, "events": energy.candidates},
        "planted": {"momentum": closure.planted.momentum, "energy": closure.planted.energy,
                    "found_momentum": planted.momentum.mean, "found_energy": planted.energy.value,
                    "energy_uncertainty": planted.energy.uncertainty,
                    "before": change(closure.before), "after": change(closure.after)},
        "changes": {k: {n: change(c) for n, c in v.items()} for k, v in result.changes.items()},
        "systematics": result.systematics, "published": result.config.published.model_dump(mode="json"),
        "samples": dict(result.sizes), "provenance": result.provenance.to_dict(),
    }


def _inside(mass: Array, limits: tuple[float, float]) -> int:
    return int(np.sum((mass > limits[0]) & (mass < limits[1])))


def report_content(result: Result) -> ReportContent:
    """Content of the report page."""
    references = resolve(list(result.provenance.references))
    value, sigma = result.value
    count = _inside(result.mass, result.config.range)
    return ReportContent(
        title="Mass of the τ lepton",
        subtitle=f"simulated data, {result.preset.data:g} fb^{{−1}}; {result.preset.title}",
        result=f"From {count:,} decays τ → 3π ν the mass is {value:.2f} ± {sigma:.2f} (stat.) ± "
               f"{result.systematic:.2f} (syst.) MeV; generated with {result.generated:.2f} MeV.".replace(",", " "),
        comparison=comparison_table(_comparison(result), references),
        highlights=(Highlight("mass", f"{value:.2f} ± {sigma:.2f} MeV"),
                    Highlight("statistical, at 190 fb^{−1}", f"{result.at_published:.3f} MeV"),
                    Highlight("bias of the estimate", "{:.2f} ± {:.2f} MeV".format(*result.bias.mean))),
        sections=(_selection(result), _fit(result), _calibration(result), _systematics(result),
                  Section("World", (figures.world(result.config, value, sigma,
                                                  float(np.hypot(sigma, result.systematic))),)),
                  Section("What is approximate", (Bullets(APPROXIMATIONS),)),
                  Section("Run", (provenance_table(result.provenance),))),
        references=references, warnings=result.fit.warnings)


def _comparison(result: Result) -> list[ComparisonRow]:
    """Rows of the table "published | this run"."""
    p = result.config.published

    def row(quantity: str, published: float, here: float, error: tuple[float | None, float | None] = (None, None),
            remark: str = "") -> ComparisonRow:
        return ComparisonRow(quantity=quantity, published=Number(value=published, uncertainty=error[0]),
                             here=Number(value=here, uncertainty=error[1]), unit="MeV", remark=remark, source=p.source)

    value, sigma = result.value
    return [row("mass", p.mass, value, (p.statistical, sigma), f"generated with {result.generated:.2f} MeV"),
            row("statistical uncertainty at 190 fb^{−1}", p.statistical, result.at_published,
                remark="scaled with the root of the luminosity"),
            row("systematic uncertainty", p.systematic, result.systematic),
            row("bias of the estimate", p.bias[0], result.bias.mean[0], (p.bias[1], result.bias.mean[1]))]


def _selection(result: Result) -> Section:
    """Decay, cuts, samples."""
    tau = result.config.tau
    cuts = {"decay": tau.decay, "candidates": tau.cut, **{f"of {k}": v for k, v in tau.cuts.items()},
            "trigger": tau.trigger, "selection": tau.selection}
    counts = {name: f"{n:,} collisions".replace(",", " ") for name, n in result.sizes.items()}
    tracks = result.samples.data
    picture, _ = figures.resolution(tracks, result.machine, result.config.range)
    return Section("Selection", (pairs_table(cuts, caption="The strings that select."),
                                 pairs_table(counts, caption="Samples."), picture))


def _fit(result: Result) -> Section:
    """Edge, scan, bias."""
    background = result.samples.background
    rows = {n: f"{result.fit[n][0]:.6g} ± {result.fit[n][1]:.2g}" for n in result.fit.names}
    return Section("Fit", (
        Paragraph("Unbinned maximum likelihood of F(M) = 1 − P_{3} arctan[(M − P_{1})/P_{2}] + P_{4}(M − P_{1}) + "
                  "P_{5}(M − P_{1})^{2}; the mass is P_{1} minus its bias."),
        figures.edge(result.mass, background, result.fit, result.config.range, result.preset.data),
        figures.scan(result.scan, result.fit), figures.biases(result.bias),
        pairs_table(rows, caption="Parameters; P_{1} and P_{2} in GeV.")))


def _calibration(result: Result) -> Section:
    """Momentum scale, energy, planted shifts."""
    scale, energy, closure = result.known.momentum, result.known.energy, result.closure
    d0, b, _ = result.mesons
    rows = []
    for k, charge in enumerate(("−", "+")):
        for i in range(len(scale.cosines) - 1):
            rows.append((charge, f"{scale.cosines[i]:g} to {scale.cosines[i + 1]:g}",
                         f"{1e3 * scale.factors[k, i]:+.2f} ± {1e3 * scale.uncertainties[k, i]:.2f}"))
    rows += [(name.rstrip("+-") + (" −" if name.endswith("-") else " +"), "all", f"{1e3 * v:+.2f} ± {1e3 * s:.2f}")
             for name, (v, s) in scale.species.items()]
    p, found = closure.planted, closure.known
    shifts = (("momentum scale − 1", f"{p.momentum - 1:.2e}", "{:.2e} ± {:.1e}".format(*found.momentum.mean)),
              ("√s − nominal [MeV]", f"{MEGA * p.energy:.2f}",
               f"{MEGA * (found.energy.value - result.machine.sqrt_s):.2f} ± {MEGA * found.energy.uncertainty:.2f}"),
              ("change of the pseudomass, not corrected [MeV]", "–", _text(closure.before)),
              ("change of the pseudomass, corrected [MeV]", "0", _text(closure.after)))
    return Section("Calibrations", (
        Paragraph(f"√s = {MEGA * energy.value:.2f} ± {MEGA * energy.uncertainty:.2f} MeV from {energy.candidates} "
                  f"events with B^{{+}} → D̅^{{0}}π^{{+}}, where the card has {MEGA * result.machine.sqrt_s:.2f} MeV; "
                  f"the mean mass of B pairs moves by {energy.response:.2f} of a change of √s."),
        figures.pair_masses(b, result.mesons[2], result.machine, result.config.b.window),
        Table(("charge or species", "cos θ", "factor − 1 [10^{−3}]"), tuple(rows),
              "Momentum scale, measured over true.", numeric=frozenset({2})),
        figures.d0_masses(d0, scale.correct(d0)),
        Table(("quantity", "planted", "found"), shifts,
              "Shifts planted in another data set; pseudomasses are compared with those of true momenta and energy.",
              numeric=frozenset({1, 2}))))


def _text(change: Change) -> str:
    return f"{change.value:+.3f} ± {change.uncertainty:.3f}" if change.uncertainty else f"{change.value:+.3f}"


def _systematics(result: Result) -> Section:
    """The table of systematic uncertainties, published beside ours."""
    published, here = result.config.systematics, result.systematics
    rows = []
    for name in dict.fromkeys([*published, *here]):
        told = "; ".join(f"{n}: {_text(c)}" + (f" (× {c.counted:g} counted)" if c.counted != 1 else "")
                         for n, c in result.changes.get(name, {}).items())
        rows.append((name, f"{published[name]:g}" if name in published else "–",
                     f"{here[name]:.3f}" if name in here else "–", told))
    rows.append(("sum in quadrature", f"{result.config.published.systematic:g}", f"{result.systematic:.2f}", ""))
    return Section("Systematic uncertainties", (
        Paragraph("Every row is a run or a fit that differs. Cards: the same collisions with another detector, mean "
                  "change of the pseudomass of common candidates; generators: change of the edge; the rest: other fits "
                  "of the same candidates. Numbers after ± are statistical uncertainties of the samples: a row whose "
                  "changes are not larger says how much was simulated, not how large the effect is."),
        Table(("source", "published [MeV]", "this run [MeV]", "changes [MeV]"), tuple(rows),
              "Systematic uncertainties.", numeric=frozenset({1, 2}), emphasis=frozenset({len(rows) - 1}))))
