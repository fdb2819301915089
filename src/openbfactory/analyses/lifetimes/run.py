"""The order of the measurement: samples, data set, fit, variations, report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.lifetimes.config import Mode, Preset, load_config
from openbfactory.analyses.lifetimes.content import report_content
from openbfactory.analyses.lifetimes.data import make_data
from openbfactory.analyses.lifetimes.dataset import DataSet
from openbfactory.analyses.lifetimes.measurement import measure, model_of
from openbfactory.analyses.lifetimes.ntuple import read_data
from openbfactory.analyses.lifetimes.record import Result, record
from openbfactory.analyses.lifetimes.samples import Samples
from openbfactory.analyses.lifetimes.subsamples import subsamples
from openbfactory.analyses.lifetimes.systematics import of_detectors, of_feed_down, of_mass, of_models, of_toys
from openbfactory.analyses.lifetimes.toys import toys
from openbfactory.core.config import digest
from openbfactory.core.errors import InputError
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.core.random import Address
from openbfactory.events.ntuples import content_digest
from openbfactory.experiment import load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES
from openbfactory.pipeline.tables import SampleTable
from openbfactory.report.html import write_report

#: said where generic samples are too small
NO_BACKGROUND = ("the generic samples left too few candidates to draw a background from: the data set has none; "
                 "a larger preset has more")


def run(name: str, options: RunOptions) -> dict[str, Any]:
    """Result record of a run; tables, record and report are in the output folder.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few events to fit.
    """
    config, card = load_config(), load_card(options.detector)
    mode, preset = config.modes[name], preset_of(config.presets, options.preset)
    luminosity = _luminosity(mode, preset, options)
    samples = Samples(name, mode, config, options)
    signal, sizes, data = _data_set(samples, luminosity, preset.generic * mode.generic if mode.sidebands else 0.0)
    found = measure(data, model_of(mode, data))
    if mode.sidebands and not data.background:
        found = replace(found, fit=replace(found.fit, warnings=(*found.fit.warnings, NO_BACKGROUND)))
    shifts = of_models(data, found.model) | of_mass(mode, found.fit["tau"][0])
    shifts |= of_detectors(mode, *samples.varied(min(samples.expected(mode.sample, luminosity), preset.variation)))
    shifts |= of_feed_down(mode, data, found.model, samples.heavier(luminosity))
    checked = toys(data, found, preset.toys, options.seed, name) if preset.toys else None
    shifts |= of_toys(checked[0]) if checked else {}
    references = {mode.published.source, *SAMPLES[mode.sample].references, *references_in(card), *references_in(mode)}
    told = {"data": content_digest(options.data)} if options.data else {}
    provenance = Provenance(digest({"mode": mode.model_dump(mode="json"), "samples": sizes, "card": card.digest(),
                                    "trigger": config.trigger} | told), options.seed,
                            tuple(sorted(references)))
    title = "luminosity of the user" if options.luminosity else preset.title
    parts = subsamples(data, found, found.fit["tau"][0] if options.data else mode.generated)
    result = Result(name, mode, title, luminosity, signal, sizes, data, found, shifts, checked, parts, provenance,
                    options.data.name if options.data else "")
    document = record(result)
    write_record(document, options.output / "result.json")
    write_report(report_content(result), options.output / "report.html")
    return document


def _luminosity(mode: Mode, preset: Preset, options: RunOptions) -> float:
    """Luminosity of the data set, fb^-1."""
    if options.data and options.luminosity is None:
        message = "--data: the luminosity of the data is not known; give it with --luminosity [fb^-1]"
        raise InputError(message)
    if options.luminosity is not None and not options.luminosity > 0:
        message = f"the luminosity has to be positive, found {options.luminosity:g}"
        raise InputError(message)
    return options.luminosity or mode.published.luminosity * (1.0 if mode.all_events else preset.fraction)


def _data_set(samples: Samples, luminosity: float,
              generic: float) -> tuple[SampleTable | None, dict[str, int], DataSet]:
    """Signal candidates and events by sample of what is simulated, and the data set: the user's, or one simulated.

    The signal has the luminosity of the data set, the background comes from ``generic`` fb^-1.
    """
    mode, options, machine = samples.mode, samples.options, load_card(samples.options.detector).machine
    if options.data:
        return None, {}, read_data(options.data, mode)
    sizes = {mode.sample: samples.expected(mode.sample, luminosity)}
    others = {s: round(machine.expected(s, generic)) for s in samples.config.generic_samples} if generic else {}
    signal = samples.tables(sizes)[mode.sample]
    tables = samples.tables(others, "background", background=True) if others else {}
    generator = Address(options.seed, samples.name, 0).at("background").generator()
    return signal, sizes | others, make_data(mode, signal, tables, luminosity / generic if generic else 0.0, generator)


d0, dplus, ds, lambdac, omegac = (partial(run, name) for name in ("d0", "dplus", "ds", "lambdac", "omegac"))
