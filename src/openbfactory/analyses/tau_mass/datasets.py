"""What is measured and what it is compared with: calibration samples, taus of the data and of known masses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from openbfactory.analyses.tau_mass.background import Background, background
from openbfactory.analyses.tau_mass.beam_energy import beam_energy
from openbfactory.analyses.tau_mass.config import Preset
from openbfactory.analyses.tau_mass.data import Data
from openbfactory.analyses.tau_mass.measurement import Calibration
from openbfactory.analyses.tau_mass.momentum_scale import MomentumScale, momentum_scale
from openbfactory.analyses.tau_mass.samples import B_TRACKS, D0_TRACKS, Source
from openbfactory.analyses.tau_mass.systematics import Samples
from openbfactory.analyses.tau_mass.tracks import Tracks, selected
from openbfactory.core.random import Address
from openbfactory.physics.particles import species
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.tables import SampleTable

#: luminosity of each sample [fb^-1] by what it is
Sizes = dict[str, float]


@dataclass(frozen=True, slots=True)
class Simulated:
    """Calibration candidates of the simulation: D0 mesons, B mesons at the nominal energy and at both steps from it."""

    d0: MomentumScale
    b: Tracks
    moved: tuple[Tracks, Tracks]


def simulated_mesons(source: Source, preset: Preset) -> Simulated:
    """Calibration samples of the simulation; their names make them independent of the data."""
    config, (b, d0) = source.config, preset.calibration
    scale = momentum_scale(source.at("d0").mesons(config.d0, D0_TRACKS, d0, "d0-simulation"), config.d0)
    low, high = (replace(source.at(f"b{k}"), energy=Energy(shift=step)).mesons(config.b, B_TRACKS, b, "b-simulation")
                 for k, step in enumerate(config.b.steps, 1))
    return Simulated(scale, source.at("b0").mesons(config.b, B_TRACKS, b, "b-simulation"), (low, high))


def calibration(source: Source, preset: Preset, simulated: Simulated) -> tuple[Calibration, Tracks, Tracks]:
    """Momentum scale and energy of a data set, and its D0 and B candidates."""
    config, (events_b, events_d0) = source.config, preset.calibration
    d0 = source.at("d0").mesons(config.d0, D0_TRACKS, events_d0, "d0-data")
    b = source.at("b").mesons(config.b, B_TRACKS, events_b, "b-data")
    scale = momentum_scale(d0, config.d0).minus(simulated.d0)
    energy = beam_energy(scale.correct(b), simulated.b, simulated.moved, source.machine.p4, config.b)
    return Calibration(scale, energy), d0, b


def simulated_data(source: Source, preset: Preset) -> tuple[Samples, Background, Sizes]:
    """A simulated data set with its background, and the simulation of known masses."""
    data = source.at("data/tau").taus(source.pairs(preset.data))
    luminosity, pairs = source.luminosity(data), data.events
    taus, taus_all = _selected(data, source)
    del data
    generic = source.at("data/others").others(preset.generic)
    sizes = {"data: tau pairs": luminosity, **{f"data: {k}": preset.generic for k in generic}}
    known, known_all, more = _known_masses(source, preset)
    beside = background(generic, source, preset.generic, luminosity, Address(source.run.seed, "tau_mass", 0))
    return Samples(taus, beside.masses, known, taus_all, known_all, taus, pairs, luminosity), beside, sizes | more


def measured_data(source: Source, preset: Preset, data: Data) -> tuple[Samples, Background, Sizes]:
    """Taus of an ntuple, the simulation of known masses, and simulated taus that other cards are compared with."""
    most = max(preset.variation, source.config.planted.luminosity)
    near = source.at("reference/tau").taus(source.pairs(most, source.pairs(preset.data)))
    known, known_all, sizes = _known_masses(source, preset)
    reference = selected(near, source.config.tau, source.machine)
    return (Samples(data.tracks, np.zeros(0), known, data.tracks_all, known_all, reference, near.events, None),
            Background(np.zeros(0), {}, 0.0), {"simulation: reference": source.luminosity(near), **sizes})


def _known_masses(source: Source, preset: Preset) -> tuple[dict[float, Tracks], dict[float, Tracks], Sizes]:
    """Selected taus by generated mass, with and without the trigger, and luminosities."""
    known: dict[float, Tracks] = {}
    known_all: dict[float, Tracks] = {}
    sizes: dict[str, float] = {}
    for step in source.config.mass_steps:
        generated = round(species("tau-").mass + step, 6)
        text = "".join(f"Particle tau{sign} {generated} 0.0\n" for sign in "+-")
        name = f"mass-{generated:g}"
        table = source.at(name).taus(source.pairs(preset.bias), decays=text, name=name)
        known[generated], known_all[generated] = _selected(table, source)
        sizes[f"simulation: {generated:g} GeV"] = source.luminosity(table)
    return known, known_all, sizes


def _selected(table: SampleTable, source: Source) -> tuple[Tracks, Tracks]:
    """Selected taus with and without the trigger; with them the table, which is much larger, need not stay."""
    with_trigger, without = (selected(table, source.config.tau, source.machine, trigger=t) for t in (True, False))
    return with_trigger, without
