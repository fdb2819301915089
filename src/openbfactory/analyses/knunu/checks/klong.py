"""Efficiency of the calorimeter for K_L in data and simulation: e+e- -> gamma phi, phi -> K_S K_L.

Flow: tables of the data-like and the simulated sample -> K_L of known direction (:mod:`.radiative_phi`) -> part of them
with a cluster near it -> ratio of data and simulation, beside the planted switch of the data's card.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.radiative_phi import Klongs, RadiativePhi, efficiency, find_klongs
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.config import Config, digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import Quantity, references_in
from openbfactory.experiment import load_card
from openbfactory.generate import SAMPLES, settled
from openbfactory.pipeline.tables import CandidateMaker, SampleSetting, candidate_tables
from openbfactory.report.comparisons import efficiency_comparison
from openbfactory.report.content import Paragraph, Picture, Section
from openbfactory.report.distributions import stacked_histogram
from openbfactory.report.records import (
    Contribution,
    DataPoints,
    EfficiencyComparison,
    EfficiencyCurve,
    Number,
    StackedHistogram,
)

Array = npt.NDArray[np.float64]

APPROXIMATIONS = (
    "One hard photon of the beams, and no other process than e^{+}e^{-} → γφ; all decays of φ and K_{S}.",
    "The efficiency holds for K_{L} of 1 to 5 GeV; the card of the data plants one factor at all momenta.",
    "Energies of hadrons differ between the cards too: fewer clusters reach the least one (1 % of the ratio).",
    "Clusters within 10 cm of another are one: a K_{L} close to the pions of the K_{S} may be lost in both.",
)


class Preset(Config):
    """Luminosity of the data [fb^-1], and how many times that is simulated."""

    title: str
    data: float
    factor: float


class Klong(Config):
    """Section ``klong`` of ``checks.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int
    sample: RadiativePhi
    cone: float
    least: float
    momenta: tuple[float, ...]
    published: Quantity


@dataclass(frozen=True, slots=True)
class Sizes:
    """Events of the data and of the simulation."""

    data: int
    simulated: int


def events_of(config: Klong, options: RunOptions) -> Sizes:
    """Collisions e+e- -> gamma phi of the preset, or of the luminosity of the user."""
    preset, chosen = preset_of(config.presets, options.preset), SAMPLES["phigamma"]
    assert chosen.cross_section is not None
    values = settled("phigamma", chosen.parameters, {"theta_min": config.sample.theta_min})
    sigma = chosen.cross_section(values, load_card(options.detector).machine)[0]
    data = 1e6 * sigma * (preset.data if options.luminosity is None else options.luminosity)
    return Sizes(round(data), round(preset.factor * data))


def klongs(name: str, card: str, events: int, config: Klong, options: RunOptions) -> Klongs:
    """K_L of a sample made with a card; samples of other names are independent."""
    pairs, triples = (
        candidate_tables(
            f"{name} {kind}",
            CandidateMaker(card, request, {name: SampleSetting("phigamma", {"theta_min": config.sample.theta_min},
                                                               known=False)}),
            {name: events}, options.execution(f"{name}/{kind}", config.chunk_size),
            {"analysis": "knunu.klong", "card": load_card(card).digest()})[name]
        for kind, request in zip(("pairs", "triples"), config.sample.requests(), strict=True))
    return find_klongs(pairs, triples, config.sample, load_card(options.detector).machine.p4)


def probability(card: str, least: float) -> float:
    """Factor of a card on the efficiency, times the part of the exponential energies above ``least`` [GeV]."""
    detector = load_card(card).detector
    mean = detector.ecl.k_long.energy.value * detector.switches.hadronic_energy
    return detector.switches.k_long_ecl_efficiency * float(np.exp(-least / mean))


def run(options: RunOptions, data_card: str | None = None, config: Klong | None = None) -> dict[str, Any]:
    """Result record of the check; ``data_card`` is that of the data-like world by default.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, or a folder in use.
    """
    config = config or section("klong", Klong)
    sizes, cards = events_of(config, options), (data_card or load_data_like().card, options.detector)
    data = klongs("phigamma-data", cards[0], sizes.data, config, options)
    simulated = klongs("phigamma-simulation", cards[1], sizes.simulated, config, options)
    planted = [probability(c, config.least) for c in cards]
    both = [efficiency(k, config.cone, config.least) for k in (data, simulated)]
    ratio = both[0][0] / both[1][0]
    sigma = ratio * float(np.sqrt(sum((e / v) ** 2 for v, e in both)))
    public = Number(value=config.published.value, uncertainty=config.published.uncertainty)
    findings = (Finding("ratio", "K_{L} efficiency of the calorimeter, data / simulation",
                        Number(value=ratio, uncertainty=sigma), Number(value=planted[0] / planted[1]), public,
                        remark="planted: switch of the card, and the clusters that the scale of energies moves below "
                               "the threshold"),
                *(Finding(k, f"efficiency in {n}", Number(value=v, uncertainty=e))
                  for k, n, (v, e) in zip(("data", "simulation"), ("data", "simulation"), both, strict=True)))
    references = {"benayoun-1999", *SAMPLES["phigamma"].references, *references_in(config),
                  *(r for c in cards for r in references_in(load_card(c)))}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "cards": [*cards]}), options.seed,
                            tuple(sorted(references)))
    return finish(Check(
        "knunu.klong", "Efficiency for K_{L} from e^{+}e^{-} → γ φ(K_{S}K_{L})",
        "B^{+} → K^{+} K_{L} K_{L} and D → K_{L} X look like the signal where the calorimeter does not see the K_{L}.",
        findings, _sections(data, simulated, config), APPROXIMATIONS,
        {"γφ, data": sizes.data, "γφ, simulation": sizes.simulated}, provenance,
        {"klongs": {"data": len(data), "simulation": len(simulated)}}), options)


def _sections(data: Klongs, simulated: Klongs, config: Klong) -> tuple[Section, ...]:
    """Figures of the check."""
    angle = np.linspace(0.0, 0.08, 33)
    scale = len(data) / max(len(simulated), 1)
    near, chance = (np.histogram(a, angle)[0] for a in (simulated.clusters.angle, simulated.clusters.chance))
    klong = np.maximum(near - chance, 0)
    clusters = _stack(angle, np.histogram(data.clusters.angle, angle)[0], scale, "angle to the predicted $K_L$", "rad",
                      {"by chance": (chance, "#b8b8b8"), "$K_L$": (klong, "#3f7fbf")}, (config.cone,))
    edges = np.linspace(0.98, 1.08, 51)
    mass = _stack(edges, np.histogram(data.masses, edges)[0], scale, "predicted mass of $K_S K_L$", "GeV",
                  {"simulation": (np.histogram(simulated.masses, edges)[0], "#3f7fbf")}, config.sample.mass)
    curves = tuple(_curve(label, k, config) for label, k in (("data", data), ("simulation", simulated)))
    drawn = efficiency_comparison(EfficiencyComparison(curves=curves, xlabel="momentum of the $K_L$", unit="GeV"))
    return (Section("K_{L} of known direction", (
        Paragraph("Photon and K_{S} fix the momentum of the K_{L}; the energy measured of the photon is not needed."),
        Picture(mass, "Mass of the φ from the direction of the photon and the K_{S}; dotted: the window.",
                "mass of the phi"),
        Picture(clusters, "Angle between clusters without track and the predicted K_{L}. Clusters by chance have the "
                "same angle to a direction turned by half a turn about the K_{S}; dotted: the cone that counts.",
                "angles of clusters"))),
            Section("Efficiency", (Picture(drawn, "Part of the K_{L} with a cluster: data lie below the simulation by "
                                           "the same factor at all momenta.", "efficiency for K_L"),)))


def _stack(edges: Array, data: Array, scale: float, xlabel: str, unit: str, parts: dict[str, tuple[Array, str]],
           lines: tuple[float, ...]) -> Any:
    """Figure of data and parts of the simulation."""
    stacked = tuple(Contribution(key=k, label=k, color=c, values=scale * v, variances=scale**2 * v)
                    for k, (v, c) in parts.items())
    error = np.sqrt(data)
    points = DataPoints(values=data.astype(float), low=data - error, high=data + error, label="data-like")
    return stacked_histogram(StackedHistogram(edges=edges, contributions=stacked, data=points, xlabel=xlabel, unit=unit,
                                              lines=lines))


def _curve(label: str, found: Klongs, config: Klong) -> EfficiencyCurve:
    """Efficiency in bins of momentum."""
    rows = [(found.momentum > a) & (found.momentum < b) for a, b in pairwise(config.momenta)]
    pairs = [efficiency(found, config.cone, config.least, r) if r.any() else (np.nan, 0.0) for r in rows]
    return EfficiencyCurve(label=label, edges=config.momenta, values=[v for v, _ in pairs],
                           low=[v - e for v, e in pairs], high=[v + e for v, e in pairs])
