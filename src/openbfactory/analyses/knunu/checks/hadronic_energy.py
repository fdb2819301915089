"""Energy scale of calorimeter clusters that are not photons, and that of photons, in data and simulation.

The factors on the energies are found in clusters and pi0 of B decays and in clusters at K_L of known momentum
(:mod:`.hadronic_scales`), beside the planted switches of the data's card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks import klong
from openbfactory.analyses.knunu.checks.hadronic_scales import (
    HadronicEnergy,
    hadron_scale,
    klong_scale,
    photon_scale,
    sample,
)
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.experiment import load_card
from openbfactory.fit.energy_scale import Scale
from openbfactory.report.content import Paragraph, Picture, Section
from openbfactory.report.fitted import binned_fit
from openbfactory.report.records import Number

APPROXIMATIONS = (
    "The B sample holds B^{+}B^{−} pairs alone: in an experiment the continuum is taken off with off-resonance data.",
    "The part of photons among the clusters of hadrons comes from the truth of the simulation.",
    "One factor at all energies, as the card plants it; split-offs of charged hadrons have no scale in the card.",
    "The size of the published shift is 10 %, its sign here is an estimate.",
)


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few events.
    """
    config, phi = section("hadronic_energy", HadronicEnergy), section("klong", klong.Klong)
    preset, cards = preset_of(config.presets, options.preset), (load_data_like().card, options.detector)
    share = 1.0 if options.luminosity is None else options.luminosity / preset_of(phi.presets, preset.klong).data
    there = replace(options, preset=preset.klong)
    collisions = klong.sizes_of(phi, there)
    sizes = {"data": round(share * preset.events), "simulation": round(share * preset.factor * preset.events)}
    b = [sample(f"charged-{n}", c, sizes[n], config, options) for n, c in zip(sizes, cards, strict=True)]
    k = [klong.klongs(f"phigamma-{n}", c, collisions[n], phi, there) for n, c in zip(sizes, cards, strict=True)]
    step = config.steps["hadrons"]
    scales = {"clusters": hadron_scale(b[0], b[1], config.clusters.edges, step),
              "klong": klong_scale(k[0], k[1], phi.cone, config.klong.edges, step),
              "pi0": photon_scale(b[0], b[1], config.pi0.edges, config.steps["photons"])}
    samples = ({f"B^{{+}}B^{{−}}, {n}": e for n, e in sizes.items()}
               | {f"γφ, {n}": e for n, e in collisions.items()})
    return finish(Check(
        "knunu.hadronic_energy", "Energy of clusters that are not photons",
        "K_{L}, neutrons and what charged hadrons leave far from their tracks add to the energy beside the signal.",
        _findings(scales, cards, config), _sections(scales), APPROXIMATIONS, samples,
        made_of(options, config, cards, samples, "charged", "phigamma", others=(phi,)),
        {"chi2": {n: [s.chi2, s.ndf] for n, s in scales.items()}}), options)


def _findings(scales: Mapping[str, Scale], cards: tuple[str, str], config: HadronicEnergy) -> tuple[Finding, ...]:
    """Numbers of the check."""
    switches = [load_card(c).detector.switches for c in cards]
    hadrons, photons = (Number(value=getattr(switches[0], n) / getattr(switches[1], n))
                        for n in ("hadronic_energy", "photon_energy"))
    found = {n: Number.of(s) for n, s in scales.items()}
    return (Finding("hadrons", "energy of hadronic clusters of B decays, data / simulation", found["clusters"], hadrons,
                    Number.of(config.published), remark="the sign of the published shift is an estimate"),
            Finding("klong", "energy of clusters at K_{L} of γφ, data / simulation", found["klong"], hadrons),
            Finding("photons", "energy of photons by the mass of the π^{0}, data / simulation", found["pi0"], photons,
                    Number.of(config.photons)))


def _sections(scales: Mapping[str, Scale]) -> tuple[Section, ...]:
    """Figures of the check."""
    return (
        Section("Hadrons", (
            Paragraph("Energies of the simulation are scaled until their distribution has the shape of the data."),
            Picture(_figure(scales["clusters"], "energy of the cluster", log=True), "Clusters of B decays with the "
                    "pulse shapes of hadrons. The simulation as it is has too many of high energy; scaled, it agrees.",
                    "hadronic clusters of B decays"),
            Picture(_figure(scales["klong"], "energy of the cluster", log=True), "Clusters at K_{L} of known "
                    "direction, clusters by chance taken off.", "clusters at K_L"))),
        Section("Photons", (Picture(_figure(scales["pi0"], r"mass of $\gamma\gamma$"), "Pairs of photons of B decays: "
                                    "the peak of the π^{0} fixes the energy of photons independently of that of "
                                    "hadrons.", "mass of pi0"),)))


def _figure(scale: Scale, xlabel: str, *, log: bool = False) -> Any:
    """Figure of the data with the simulation scaled and as it is."""
    curves = {f"simulation times {scale.value:.4g}": scale.expected, "simulation as it is": scale.unscaled}
    return binned_fit(scale.edges, scale.data.values, curves, label="data-like", xlabel=xlabel, unit="GeV", log=log)
