"""Clusters and pi0 of B decays, and the factors on their energies that turn a simulation into data.

Hadrons: clusters of B decays without track, far from tracks, with the pulse shapes of hadrons (K_L, neutrons, what
charged hadrons leave elsewhere); the part of photons among them is simulated and keeps its energies.  The same scale is
found from clusters at the K_L of e+e- -> gamma phi(K_S K_L), whose momenta are known (:mod:`.radiative_phi`).
Photons: the mass of pi0 of the same B decays, which is proportional to the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.radiative_phi import Klongs
from openbfactory.core.config import Config
from openbfactory.core.quantities import Quantity
from openbfactory.fit.energy_scale import Counts, Scale, fit_scale
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.tables import RequestsMaker, SampleSetting, request_tables
from openbfactory.select.binning import Bins

Array = npt.NDArray[np.float64]

#: PDG codes of what leaves hadronic energy
HADRONS = (130, 211, 321, 2112, 2212)


class Preset(Config):
    """Events of the data, how many times that is simulated, preset of the K_L sample."""

    title: str
    events: int
    factor: float
    klong: str


class Selected(Bins):
    """Cut string of what is filled into bins."""

    cut: str


class HadronicEnergy(Config):
    """Section ``hadronic_energy`` of ``checks.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int
    clusters: Selected
    klong: Bins
    pi0: Selected
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
    found = request_tables(name, RequestsMaker(card, requests, {name: SampleSetting("charged")}), {name: events},
                           options.execution(name, config.chunk_size), {"analysis": "knunu.hadronic_energy"})[name]
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
