"""The order of the measurement: samples, calibrations, fit, planted shifts, variations, report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.tau_mass.calibration import MomentumScale, beam_energy, momentum_scale
from openbfactory.analyses.tau_mass.config import Preset, TauMass, load_config
from openbfactory.analyses.tau_mass.content import Closure, Result, record, report_content
from openbfactory.analyses.tau_mass.measurement import Calibration, bias, fit, pseudomasses, scan
from openbfactory.analyses.tau_mass.samples import B_TRACKS, D0_TRACKS, Source, Tracks, selected
from openbfactory.analyses.tau_mass.systematics import Change, Samples, of_the_fit, of_the_variations, residual
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES
from openbfactory.physics.particles import species
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.tables import Execution
from openbfactory.report.html import write_report

Array = npt.NDArray[np.float64]

#: least number of events of a calibration sample
LEAST = 400
#: standard deviation of the smearing of background pseudomasses [GeV]: a few events are drawn many times
SMEARING = 0.03


@dataclass(frozen=True, slots=True)
class Simulated:
    """Calibration candidates of the simulation: D0 mesons, B mesons at the nominal energy and at both steps from it."""

    d0: MomentumScale
    b: Tracks
    moved: tuple[Tracks, Tracks]


def run(options: RunOptions, config: TauMass | None = None) -> dict[str, Any]:
    """Result record of a run of the packaged configuration, or of another; everything is in the output folder.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few candidates to fit.
    """
    config = config or load_config()
    preset = _sized(preset_of(config.presets, options.preset), options.luminosity)
    source = Source(config, options.detector, Execution(options.output / "tables", options.seed, options.workers,
                                                        options.scheduler, options.resume, options.overwrite))
    simulated = _simulated(source, preset)
    known, d0, b = _calibration(source.at("data"), preset, simulated)
    samples, sizes = _samples(source, preset)
    machine, nominal = source.machine, Calibration.nominal(source.machine)
    mass = np.concatenate([pseudomasses(samples.data, machine, known), samples.background])
    best = fit(mass, config.range)
    found = bias({m: pseudomasses(t, machine, nominal) for m, t in samples.simulated.items()}, config.range)
    changes = of_the_fit(samples, machine, known, config, 1e3 * best["p1"][1])
    changes |= of_the_variations(source, samples, preset.variation)
    card = load_card(options.detector)
    references = {config.published.source, *(w.source for w in config.world), *SAMPLES["taupair"].references,
                  *references_in(card)}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "sizes": sizes}), options.seed,
                            tuple(sorted(references)))
    result = Result(config, preset, mass, samples, machine, best, scan(mass, config.range, best), found, known,
                    (d0, b, simulated.b), _closure(source, preset, simulated, samples), changes, sizes, provenance)
    document = record(result)
    write_record(document, options.output / "result.json")
    write_report(report_content(result), options.output / "report.html")
    return document


def _sized(preset: Preset, luminosity: float | None) -> Preset:
    """The preset, or everything in proportion to the luminosity that the user asks for."""
    if luminosity is None:
        return preset
    share = luminosity / preset.data
    events = tuple(max(round(share * n), LEAST) for n in preset.calibration)
    return preset.model_copy(update={
        "title": "luminosity of the user", "data": luminosity, "bias": share * preset.bias,
        "generic": share * preset.generic, "variation": share * preset.variation, "calibration": events})


def _simulated(source: Source, preset: Preset) -> Simulated:
    """Calibration samples of the simulation; their names make them independent of the data."""
    config, (b, d0) = source.config, preset.calibration
    scale = momentum_scale(source.at("d0").mesons(config.d0, D0_TRACKS, d0, "d0-simulation"), config.d0)
    low, high = (replace(source.at(f"b{k}"), energy=Energy(shift=step)).mesons(config.b, B_TRACKS, b, "b-simulation")
                 for k, step in enumerate(config.b.steps, 1))
    return Simulated(scale, source.at("b0").mesons(config.b, B_TRACKS, b, "b-simulation"), (low, high))


def _calibration(source: Source, preset: Preset, simulated: Simulated) -> tuple[Calibration, Tracks, Tracks]:
    """Momentum scale and energy of a data set, and its D0 and B candidates."""
    config, (events_b, events_d0) = source.config, preset.calibration
    d0 = source.at("d0").mesons(config.d0, D0_TRACKS, events_d0, "d0-data")
    b = source.at("b").mesons(config.b, B_TRACKS, events_b, "b-data")
    scale = momentum_scale(d0, config.d0).minus(simulated.d0)
    energy = beam_energy(scale.correct(b), simulated.b, simulated.moved, source.machine.p4, config.b)
    return Calibration(scale, energy), d0, b


def _samples(source: Source, preset: Preset) -> tuple[Samples, dict[str, int]]:
    """Selected taus of data and simulation, and the number of collisions of each sample."""
    config, machine = source.config, source.machine
    data, generic = source.at("data/tau").taus(source.pairs(preset.data), preset.generic)
    sizes = {"data: taupair": data.events, **{f"data: {k}": t.events for k, t in generic.items()}}
    simulated = {}
    for step in config.mass_steps:
        generated = round(species("tau-").mass + step, 6)
        text = "".join(f"Particle tau{sign} {generated} 0.0\n" for sign in "+-")
        name = f"mass-{generated:g}"
        simulated[generated] = source.at(name).taus(source.pairs(preset.bias), decays=text, name=name)[0]
        sizes[f"simulation: {generated:g} GeV"] = simulated[generated].events
    both = [{m: selected(t, config.tau, machine, trigger=t_) for m, t in simulated.items()} for t_ in (True, False)]
    rng = Address(source.run.seed, "tau_mass", 0).at("background").generator()
    parts = [pseudomasses(selected(t, config.tau, machine), machine, Calibration.nominal(machine))
             for t in generic.values()]
    background = _drawn(parts, preset.data / preset.generic if generic else 0.0, rng)
    return Samples(selected(data, config.tau, machine), background, both[0],
                   selected(data, config.tau, machine, trigger=False), both[1], data.events), sizes


def _drawn(parts: list[Array], scale: float, rng: np.random.Generator) -> Array:
    """Pseudomasses of the background, smeared and drawn with replacement, as many as the data set has."""
    pool = np.concatenate([np.zeros(0), *parts])
    if not len(pool):
        return pool
    many = rng.choice(pool, rng.poisson(scale * len(pool)))
    smeared: Array = many + SMEARING * rng.standard_normal(len(many))
    return smeared


def _closure(source: Source, preset: Preset, simulated: Simulated, samples: Samples) -> Closure:
    """Shifts planted in another data set of the same collisions, and what the calibrations make of them."""
    config = source.config
    planted = config.planted
    there = source.varied("planted", {"switches": {"momentum": planted.momentum}}, Energy(shift=planted.energy))
    known, _, _ = _calibration(there, preset, simulated)
    table, _ = there.at("tau").taus(there.pairs(planted.luminosity, samples.collisions))
    other, nominal = selected(table, config.tau, source.machine), Calibration.nominal(source.machine)
    machine, limits = source.machine, config.range
    one = residual(samples.data, machine, limits, nominal, machine.sqrt_s)
    two = [residual(other, machine, limits, k, machine.sqrt_s + planted.energy) for k in (nominal, known)]
    before, after = (Change(t.value - one.value, float(np.hypot(t.uncertainty, one.uncertainty))) for t in two)
    return Closure(planted, known, before, after)
