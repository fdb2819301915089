"""The order of the measurement: samples, calibrations, fit, planted shifts, variations, report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.tau_mass.closure import closure, planted_source
from openbfactory.analyses.tau_mass.config import Preset, TauMass, load_config
from openbfactory.analyses.tau_mass.content import report_content
from openbfactory.analyses.tau_mass.data import read_data
from openbfactory.analyses.tau_mass.datasets import calibration, measured_data, simulated_data, simulated_mesons
from openbfactory.analyses.tau_mass.measurement import pseudomasses
from openbfactory.analyses.tau_mass.record import record
from openbfactory.analyses.tau_mass.result import Result
from openbfactory.analyses.tau_mass.samples import Source
from openbfactory.analyses.tau_mass.systematics import estimate, of_the_fit
from openbfactory.analyses.tau_mass.variations import of_the_variations
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.experiment import load_card
from openbfactory.fit.pseudomass import fit_edge, scan_edge
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES
from openbfactory.report.html import write_report

Array = npt.NDArray[np.float64]

#: least number of events of a calibration sample
LEAST = 400


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
    data = read_data(options.data, config, source.machine) if options.data else None
    simulated = simulated_mesons(source, preset)
    known, d0, b = calibration(source.at("data"), preset, simulated)
    known = known.believed(source.machine) if data else known
    samples, beside, sizes = measured_data(source, preset, data) if data else simulated_data(source, preset)
    mass = np.concatenate([pseudomasses(samples.data, source.machine, known), samples.background])
    fits = {form: fit_edge(mass, config.range, form) for form in config.forms}
    forms = {form: estimate(samples, source.machine, known, config.range, form) for form in config.forms}
    changes = of_the_fit(samples, source.machine, known, config, forms)
    changes |= of_the_variations(source, samples, preset.variation)
    there = planted_source(source)
    found = closure(there, calibration(there, preset, simulated)[0], samples, forms[config.forms[0]].bias)
    references = {config.published.source, *(w.source for w in config.world), *SAMPLES["taupair"].references,
                  *references_in(load_card(options.detector))}
    told = {"data": data.digest} if data else {}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "sizes": sizes, **told}), options.seed,
                            tuple(sorted(references)))
    result = Result(config, preset, mass, samples, beside, source.machine, fits, forms,
                    scan_edge(mass, config.range, fits[config.forms[0]], config.forms[0]), known, (d0, b, simulated.b),
                    found, changes, sizes, provenance, data)
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
