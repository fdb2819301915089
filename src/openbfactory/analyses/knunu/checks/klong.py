"""Efficiency of the calorimeter for K_L in data and simulation: e+e- -> gamma phi, phi -> K_S K_L.

Flow: tables of the data-like and the simulated sample -> K_L of known direction (:mod:`.radiative_phi`) -> part of them
with a cluster near it -> ratio of data and simulation, beside the planted switch of the data's card.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.radiative_phi import Klongs, RadiativePhi, efficiency, find_klongs
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.config import Config
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import load_card
from openbfactory.generate import enriched_events
from openbfactory.pipeline.tables import RequestsMaker, SampleSetting, request_tables
from openbfactory.report.comparisons import efficiency_comparison
from openbfactory.report.content import Paragraph, Picture, Section
from openbfactory.report.distributions import data_on_simulation
from openbfactory.report.records import EfficiencyComparison, EfficiencyCurve, Number

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


def sizes_of(config: Klong, options: RunOptions) -> dict[str, int]:
    """Collisions e+e- -> gamma phi of data and simulation, of the preset or of the luminosity of the user."""
    preset = preset_of(config.presets, options.preset)
    luminosity = preset.data if options.luminosity is None else options.luminosity
    events = enriched_events("phigamma", load_card(options.detector).machine, luminosity,
                             {"theta_min": config.sample.theta_min})
    return {"data": round(events), "simulation": round(preset.factor * events)}


def klongs(name: str, card: str, events: int, config: Klong, options: RunOptions) -> Klongs:
    """K_L of a sample made with a card; samples of other names are independent."""
    setting = SampleSetting("phigamma", {"theta_min": config.sample.theta_min}, known=False)
    found = request_tables(name, RequestsMaker(card, config.sample.requests(), {name: setting}), {name: events},
                           options.execution(name, config.chunk_size), {"analysis": "knunu.klong"})[name]
    return find_klongs(found["pairs"], found["triples"], config.sample, load_card(options.detector).machine.p4)


def probability(card: str, least: float) -> float:
    """Factor of a card on the efficiency, times the part of the exponential energies above ``least`` [GeV]."""
    detector = load_card(card).detector
    mean = detector.ecl.k_long.energy.value * detector.switches.hadronic_energy
    return detector.switches.k_long_ecl_efficiency * float(np.exp(-least / mean))


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, or a folder in use.
    """
    config = section("klong", Klong)
    sizes, cards = sizes_of(config, options), (load_data_like().card, options.detector)
    found = {n: klongs(f"phigamma-{n}", c, sizes[n], config, options) for n, c in zip(sizes, cards, strict=True)}
    planted = [probability(c, config.least) for c in cards]
    both = {n: Number.of(efficiency(k, config.cone, config.least)) for n, k in found.items()}
    findings = (Finding("ratio", "K_{L} efficiency of the calorimeter, data / simulation",
                        both["data"].over(both["simulation"]), Number(value=planted[0] / planted[1]),
                        Number.of(config.published), remark="planted: switch of the card, and the clusters that the "
                        "scale of energies moves below the threshold"),
                *(Finding(n, f"efficiency in {n}", value) for n, value in both.items()))
    return finish(Check(
        "knunu.klong", "Efficiency for K_{L} from e^{+}e^{-} → γ φ(K_{S}K_{L})",
        "B^{+} → K^{+} K_{L} K_{L} and D → K_{L} X look like the signal where the calorimeter does not see the K_{L}.",
        findings, _sections(found["data"], found["simulation"], config), APPROXIMATIONS,
        {f"γφ, {n}": e for n, e in sizes.items()}, made_of(options, config, cards, sizes, "phigamma"),
        {"klongs": {n: len(k) for n, k in found.items()}}), options)


def _sections(data: Klongs, simulated: Klongs, config: Klong) -> tuple[Section, ...]:
    """Figures of the check."""
    angle, edges = np.linspace(0.0, 0.08, 33), np.linspace(0.98, 1.08, 51)
    scale = len(data) / max(len(simulated), 1)
    near, chance = (np.histogram(a, angle)[0] for a in (simulated.clusters.angle, simulated.clusters.chance))
    clusters = data_on_simulation(
        angle, np.histogram(data.clusters.angle, angle)[0],
        {"by chance": (chance, "#b8b8b8"), "$K_L$": (np.maximum(near - chance, 0), "#3f7fbf")}, scale,
        xlabel="angle to the predicted $K_L$", unit="rad", lines=(config.cone,))
    mass = data_on_simulation(
        edges, np.histogram(data.masses, edges)[0],
        {"simulation": (np.histogram(simulated.masses, edges)[0], "#3f7fbf")}, scale,
        xlabel="predicted mass of $K_S K_L$", unit="GeV", lines=config.sample.mass)
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


def _curve(label: str, found: Klongs, config: Klong) -> EfficiencyCurve:
    """Efficiency in bins of momentum."""
    rows = [(found.momentum > a) & (found.momentum < b) for a, b in pairwise(config.momenta)]
    pairs = [efficiency(found, config.cone, config.least, r) if r.any() else (np.nan, 0.0) for r in rows]
    return EfficiencyCurve.symmetric(label, config.momenta, *np.transpose(pairs))
