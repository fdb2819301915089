"""Energy scale of calorimeter clusters that are not photons, and that of photons, in data and simulation.

Hadrons: clusters of B decays without track, far from tracks, with the pulse shapes of hadrons (K_L, neutrons, what
charged hadrons leave elsewhere); the part of photons among them is simulated and keeps its energies.  The same scale is
found from clusters at the K_L of e+e- -> gamma phi(K_S K_L), whose momenta are known (:mod:`.radiative_phi`).
Photons: the mass of pi0 of the same B decays, which is proportional to the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks import klong
from openbfactory.analyses.knunu.checks.energy_scale import Counts, Scale, fit_scale
from openbfactory.analyses.knunu.checks.radiative_phi import Klongs
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.config import Config, digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import Quantity, references_in
from openbfactory.experiment import load_card
from openbfactory.generate import SAMPLES
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.tables import CandidateMaker, SampleSetting, candidate_tables
from openbfactory.report.content import Paragraph, Picture, Section
from openbfactory.report.fitted import Curve, FittedDistribution, fitted_distribution
from openbfactory.report.records import Number

Array = npt.NDArray[np.float64]

#: PDG codes of what leaves hadronic energy
HADRONS = (130, 211, 321, 2112, 2212)
APPROXIMATIONS = (
    "The B sample holds B^{+}B^{−} pairs alone: in an experiment the continuum is taken off with off-resonance data.",
    "The part of photons among the clusters of hadrons comes from the truth of the simulation.",
    "One factor at all energies, as the card plants it; split-offs of charged hadrons have no scale in the card.",
    "The size of the published shift is 10 %, its sign here is an estimate.",
)


class Preset(Config):
    """Events of the data, how many times that is simulated, preset of the K_L sample."""

    title: str
    events: int
    factor: float
    klong: str


class Spectrum(Config):
    """Cut string, range and number of bins."""

    cut: str
    range: tuple[float, float]
    bins: int


class HadronicEnergy(Config):
    """Section ``hadronic_energy`` of ``checks.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int
    clusters: Spectrum
    klong_range: tuple[float, float]
    klong_bins: int
    pi0: Spectrum
    steps: dict[str, float]
    published: Quantity
    photons: Quantity


@dataclass(frozen=True, slots=True)
class Sample:
    """Energies of clusters (n,), whether hadrons made them, and masses of pi0 candidates (m,)."""

    energy: Array
    hadron: npt.NDArray[np.bool_]
    pi0: Array


def sample(name: str, card: str, events: int, config: HadronicEnergy, options: RunOptions) -> Sample:
    """Clusters and pi0 of B decays; samples of other names are independent."""
    requests = {"clusters": Request("K_L0:allecl", config.clusters.cut, variables=("energy = clusterE", "mcPDG")),
                "pi0": Request("pi0 -> gamma:pi0eff40 gamma:pi0eff40", config.pi0.cut, variables=("mass = InvM",))}
    found = {kind: candidate_tables(
        f"{name} {kind}", CandidateMaker(card, request, {name: SampleSetting("charged")}), {name: events},
        options.execution(f"{name}/{kind}", config.chunk_size),
        {"analysis": "knunu.hadronic_energy", "card": load_card(card).digest()})[name]
        for kind, request in requests.items()}
    codes = np.nan_to_num(np.abs(found["clusters"]["mcPDG"]))
    return Sample(found["clusters"]["energy"], np.isin(codes, HADRONS), found["pi0"]["mass"])


def hadron_scale(data: Sample, simulated: Sample, edges: Array, step: float) -> Scale:
    """Scale of the energies of hadrons among the clusters of B decays."""
    def scaled(factor: float) -> Counts:
        return Counts.of(np.where(simulated.hadron, factor, 1.0) * simulated.energy, edges)

    return fit_scale(Counts.of(data.energy, edges), scaled, edges, step)


def klong_scale(data: Klongs, simulated: Klongs, cone: float, edges: Array, step: float) -> Scale:
    """Scale of the energies of clusters at K_L; those at the direction of chance are taken off."""
    def counts(found: Klongs, factor: float) -> Counts:
        c = found.clusters
        return Counts.of(factor * c.energy[c.angle < cone], edges, factor * c.energy[c.chance < cone])

    return fit_scale(counts(data, 1.0), partial(counts, simulated), edges, step)


def photon_scale(data: Sample, simulated: Sample, edges: Array, step: float) -> Scale:
    """Scale of the energies of photons from the mass of the pi0, times a straight line for the background."""
    return fit_scale(Counts.of(data.pi0, edges), lambda s: Counts.of(s * simulated.pi0, edges), edges, step, degree=1)


def run(options: RunOptions, data_card: str | None = None) -> dict[str, Any]:
    """Result record of the check; ``data_card`` is that of the data-like world by default.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few events.
    """
    config, phi = section("hadronic_energy", HadronicEnergy), section("klong", klong.Klong)
    preset, cards = preset_of(config.presets, options.preset), (data_card or load_data_like().card, options.detector)
    share = 1.0 if options.luminosity is None else options.luminosity / preset_of(phi.presets, preset.klong).data
    sizes = [round(share * preset.events), round(share * preset.factor * preset.events)]
    names = ("data", "simulation")
    b = [sample(f"charged-{n}", c, e, config, options) for n, c, e in zip(names, cards, sizes, strict=True)]
    there = RunOptions(**{s: getattr(options, s) for s in options.__slots__} | {"preset": preset.klong})
    collisions = klong.events_of(phi, there)
    k = [klong.klongs(f"phigamma-{n}", c, e, phi, there)
         for n, c, e in zip(names, cards, (collisions.data, collisions.simulated), strict=True)]
    edges = (np.linspace(*config.clusters.range, config.clusters.bins + 1),
             np.linspace(*config.klong_range, config.klong_bins + 1),
             np.linspace(*config.pi0.range, config.pi0.bins + 1))
    step = config.steps["hadrons"]
    scales = (hadron_scale(b[0], b[1], edges[0], step), klong_scale(k[0], k[1], phi.cone, edges[1], step),
              photon_scale(b[0], b[1], edges[2], config.steps["photons"]))
    references = {*SAMPLES["phigamma"].references, *SAMPLES["charged"].references, *references_in(config),
                  *(r for c in cards for r in references_in(load_card(c)))}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "cards": [*cards], "sizes": sizes}),
                            options.seed, tuple(sorted(references)))
    samples = {f"B^{{+}}B^{{−}}, {n}": e for n, e in zip(names, sizes, strict=True)}
    return finish(Check(
        "knunu.hadronic_energy", "Energy of clusters that are not photons",
        "K_{L}, neutrons and what charged hadrons leave far from their tracks add to the energy beside the signal.",
        _findings(scales, cards, config), _sections(scales, edges, b[0], k[0], phi.cone), APPROXIMATIONS,
        samples | {"γφ, data": collisions.data, "γφ, simulation": collisions.simulated}, provenance,
        {"chi2": {n: [s.chi2, s.ndf] for n, s in zip(("clusters", "klong", "pi0"), scales, strict=True)}}), options)


def _findings(scales: tuple[Scale, ...], cards: tuple[str, str], config: HadronicEnergy) -> tuple[Finding, ...]:
    """Numbers of the check."""
    switches = [load_card(c).detector.switches for c in cards]
    hadrons, photons = (Number(value=getattr(switches[0], n) / getattr(switches[1], n))
                        for n in ("hadronic_energy", "photon_energy"))
    public = [Number(value=q.value, uncertainty=q.uncertainty) for q in (config.published, config.photons)]
    found = [Number(value=s.value, uncertainty=s.uncertainty) for s in scales]
    return (Finding("hadrons", "energy of hadronic clusters of B decays, data / simulation", found[0], hadrons,
                    public[0], remark="the sign of the published shift is an estimate"),
            Finding("klong", "energy of clusters at K_{L} of γφ, data / simulation", found[1], hadrons),
            Finding("photons", "energy of photons by the mass of the π^{0}, data / simulation", found[2], photons,
                    public[1]))


def _sections(scales: tuple[Scale, ...], edges: tuple[Array, ...], b: Sample, k: Klongs,
              cone: float) -> tuple[Section, ...]:
    """Figures of the check."""
    near, chance = k.clusters.energy[k.clusters.angle < cone], k.clusters.energy[k.clusters.chance < cone]
    values = (Counts.of(b.energy, edges[0]), Counts.of(near, edges[1], chance), Counts.of(b.pi0, edges[2]))
    labels = ("energy of the cluster", "energy of the cluster", r"mass of $\gamma\gamma$")
    figures = [_figure(v.values, s, e, x) for v, s, e, x in zip(values, scales, edges, labels, strict=True)]
    return (
        Section("Hadrons", (
            Paragraph("Energies of the simulation are scaled until their distribution has the shape of the data."),
            Picture(figures[0], "Clusters of B decays with the pulse shapes of hadrons. The simulation as it is has "
                    "too many of high energy; scaled, it agrees.", "hadronic clusters of B decays"),
            Picture(figures[1], "Clusters at K_{L} of known direction, clusters by chance taken off.",
                    "clusters at K_L"))),
        Section("Photons", (Picture(figures[2], "Pairs of photons of B decays: the peak of the π^{0} fixes the "
                                    "energy of photons independently of that of hadrons.", "mass of pi0"),)))


def _figure(counts: Array, scale: Scale, edges: Array, xlabel: str) -> Any:
    """Figure of the data with the simulation scaled and as it is."""
    centres = tuple(0.5 * (edges[1:] + edges[:-1]))
    curves = (Curve(label=f"simulation times {scale.value:.4g}", x=centres, y=scale.expected),
              Curve(label="simulation as it is", x=centres, y=scale.unscaled))
    return fitted_distribution(FittedDistribution(edges=edges, counts=counts, expected=scale.expected, curves=curves,
                                                  label="data-like", xlabel=xlabel, unit="GeV",
                                                  log=xlabel.startswith("energy")))
