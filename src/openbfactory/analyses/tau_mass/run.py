"""The order of the measurement: samples, calibrations, fit, planted shifts, variations, report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.tau_mass.background import Background, background
from openbfactory.analyses.tau_mass.beam_energy import beam_energy
from openbfactory.analyses.tau_mass.closure import closure, planted_source
from openbfactory.analyses.tau_mass.config import Preset, TauMass, load_config
from openbfactory.analyses.tau_mass.content import report_content
from openbfactory.analyses.tau_mass.measurement import Calibration, pseudomasses
from openbfactory.analyses.tau_mass.momentum_scale import MomentumScale, momentum_scale
from openbfactory.analyses.tau_mass.record import Result, record
from openbfactory.analyses.tau_mass.samples import B_TRACKS, D0_TRACKS, Source
from openbfactory.analyses.tau_mass.systematics import Samples, estimate, of_the_fit
from openbfactory.analyses.tau_mass.tracks import Tracks, selected
from openbfactory.analyses.tau_mass.variations import of_the_variations
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.fit.pseudomass import fit_edge, scan_edge
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES
from openbfactory.physics.particles import species
from openbfactory.pipeline.generation import Energy
from openbfactory.report.html import write_report

Array = npt.NDArray[np.float64]

#: least number of events of a calibration sample
LEAST = 400


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
    source = Source(config, options.detector, options.execution("tables"))
    simulated = _simulated(source, preset)
    known, d0, b = _calibration(source.at("data"), preset, simulated)
    samples, beside, sizes = _samples(source, preset)
    mass = np.concatenate([pseudomasses(samples.data, source.machine, known), samples.background])
    fits = {form: fit_edge(mass, config.range, form) for form in config.forms}
    forms = {form: estimate(samples, source.machine, known, config.range, form) for form in config.forms}
    changes = of_the_fit(samples, source.machine, known, config, forms)
    changes |= of_the_variations(source, samples, preset.variation)
    there = planted_source(source)
    found = closure(there, _calibration(there, preset, simulated)[0], samples, forms[config.forms[0]].bias)
    references = {config.published.source, *(w.source for w in config.world), *SAMPLES["taupair"].references,
                  *references_in(load_card(options.detector))}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "sizes": sizes}), options.seed,
                            tuple(sorted(references)))
    result = Result(config, preset, mass, samples, beside, source.machine, fits, forms,
                    scan_edge(mass, config.range, fits[config.forms[0]], config.forms[0]), known, (d0, b, simulated.b),
                    found, changes, sizes, provenance)
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


def _samples(source: Source, preset: Preset) -> tuple[Samples, Background, dict[str, float]]:
    """Selected taus of data and simulation, the other processes, and the luminosity of each sample [fb^-1]."""
    config, machine = source.config, source.machine
    data = source.at("data/tau").taus(source.pairs(preset.data))
    generic = source.at("data/others").others(preset.generic)
    sizes = {"data: tau pairs": source.luminosity(data), **{f"data: {k}": preset.generic for k in generic}}
    simulated = {}
    for step in config.mass_steps:
        generated = round(species("tau-").mass + step, 6)
        text = "".join(f"Particle tau{sign} {generated} 0.0\n" for sign in "+-")
        name = f"mass-{generated:g}"
        simulated[generated] = source.at(name).taus(source.pairs(preset.bias), decays=text, name=name)
        sizes[f"simulation: {generated:g} GeV"] = source.luminosity(simulated[generated])
    both = [{m: selected(t, config.tau, machine, trigger=t_) for m, t in simulated.items()} for t_ in (True, False)]
    luminosity = source.luminosity(data)
    beside = background(generic, source, preset.generic, luminosity, Address(source.run.seed, "tau_mass", 0))
    return Samples(selected(data, config.tau, machine), beside.masses, both[0],
                   selected(data, config.tau, machine, trigger=False), both[1], data.events, luminosity), beside, sizes
