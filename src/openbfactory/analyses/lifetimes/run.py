"""The order of the measurement: samples, data set, fit, variations, report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.lifetimes.config import load_config
from openbfactory.analyses.lifetimes.content import report_content
from openbfactory.analyses.lifetimes.data import make_data
from openbfactory.analyses.lifetimes.measurement import measure, model_of
from openbfactory.analyses.lifetimes.record import Result, record
from openbfactory.analyses.lifetimes.samples import Samples
from openbfactory.analyses.lifetimes.systematics import of_detectors, of_feed_down, of_models, of_toys
from openbfactory.analyses.lifetimes.toys import toys
from openbfactory.core.config import digest
from openbfactory.core.errors import InputError
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES
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
    if options.luminosity is not None and not options.luminosity > 0:
        message = f"the luminosity has to be positive, found {options.luminosity:g}"
        raise InputError(message)
    luminosity = options.luminosity or mode.published.luminosity * (1.0 if mode.all_events else preset.fraction)
    samples = Samples(name, mode, config, options)
    generic = preset.generic * mode.generic if mode.sidebands else 0.0
    sizes = {mode.sample: samples.expected(mode.sample, luminosity)}
    others = {s: round(card.machine.expected(s, generic)) for s in config.generic_samples} if generic else {}
    signal = samples.tables(sizes)[mode.sample]
    tables = samples.tables(others, "background", background=True) if others else {}
    scale = luminosity / generic if generic else 0.0
    data = make_data(mode, signal, tables, scale, Address(options.seed, name, 0).at("background").generator())
    found = measure(data, model_of(mode, data))
    if mode.sidebands and not data.background:
        found = replace(found, fit=replace(found.fit, warnings=(*found.fit.warnings, NO_BACKGROUND)))
    shifts = of_models(data, found.model)
    shifts |= of_detectors(mode, *samples.varied(min(sizes[mode.sample], preset.variation)))
    shifts |= of_feed_down(mode, data, found.model, samples.heavier(luminosity))
    checked = toys(data, found, preset.toys, options.seed, name) if preset.toys else None
    shifts |= of_toys(checked[0]) if checked else {}
    references = {mode.published.source, *SAMPLES[mode.sample].references, *references_in(card)}
    provenance = Provenance(digest({"mode": mode.model_dump(mode="json"), "samples": sizes | others,
                                    "card": card.digest(), "trigger": config.trigger}), options.seed,
                            tuple(sorted(references)))
    title = "luminosity of the user" if options.luminosity else preset.title
    result = Result(name, mode, title, luminosity, signal, sizes | others, data, found, shifts, checked, provenance)
    document = record(result)
    write_record(document, options.output / "result.json")
    write_report(report_content(result), options.output / "report.html")
    return document


d0, dplus, ds, lambdac, omegac = (partial(run, name) for name in ("d0", "dplus", "ds", "lambdac", "omegac"))
