"""The order of the measurement: samples, data set, fit, variations, report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.lifetimes.config import Lifetimes, Mode, load_config
from openbfactory.analyses.lifetimes.content import Result, record, report_content
from openbfactory.analyses.lifetimes.data import DataSet, make_data
from openbfactory.analyses.lifetimes.measurement import Model, fit, measure, model_of, settled_model
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.core.random import Address
from openbfactory.experiment import Card, load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES, settled
from openbfactory.pipeline.tables import CandidateMaker, Execution, SampleSetting, SampleTable, candidate_tables
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
    luminosity = options.luminosity or mode.published.luminosity * (1.0 if mode.all_events else preset.fraction)
    execution = Execution(options.output, options.seed, options.workers, options.scheduler, options.resume,
                          options.overwrite, config.chunk_size)
    sizes = {mode.sample: round(1e6 * luminosity * _cross_section(mode, card))}
    if mode.sidebands:
        sizes |= {s: round(card.machine.expected(s, preset.generic)) for s in config.generic_samples}
    tables = _tables(name, mode, options.detector, sizes, execution)
    signal = tables.pop(mode.sample)
    scale = luminosity / preset.generic if preset.generic else 0.0
    data = make_data(mode, signal, tables, scale, Address(options.seed, name, 0).at("background").generator())
    found = measure(data, model_of(mode, data))
    if mode.sidebands and not data.background:
        found = replace(found, fit=replace(found.fit, warnings=(*found.fit.warnings, NO_BACKGROUND)))
    references = {mode.published.source, *SAMPLES[mode.sample].references, *references_in(card)}
    provenance = Provenance(digest({"mode": mode.model_dump(mode="json"), "samples": sizes}), options.seed,
                            tuple(sorted(references)))
    shifts = _shifts(data, found.model) | _variations(name, mode, config, options, execution, min(
        sizes[mode.sample], config.variation_events))
    title = "luminosity of the user" if options.luminosity else preset.title
    result = Result(name, mode, title, luminosity, signal, sizes, data, found, shifts, provenance)
    document = record(result)
    write_record(document, options.output / "result.json")
    write_report(report_content(result), options.output / "report.html")
    return document


def _cross_section(mode: Mode, card: Card) -> float:
    """Cross section of the enriched sample, nb."""
    chosen = SAMPLES[mode.sample]
    assert chosen.cross_section is not None
    return chosen.cross_section(settled(mode.sample, chosen.parameters, {}), card.machine)[0]


def _tables(name: str, mode: Mode, card: str, sizes: dict[str, int], run_: Execution) -> dict[str, SampleTable]:
    """Candidates of every sample."""
    maker = CandidateMaker(card, mode.request, {sample: SampleSetting(sample) for sample in sizes})
    return candidate_tables(f"lifetimes.{name}", maker, sizes, run_, {"analysis": f"lifetimes.{name}",
                                                                     "card": load_card(card).digest()})


def _shifts(data: DataSet, model: Model) -> dict[str, dict[str, float]]:
    """Changes of the lifetime [fs] by other models of resolution and background, by systematic source."""
    nominal = fit(data, model)["tau"][0]
    other, used = settled_model(data, replace(model, gaussians=3 - min(model.gaussians, 2)))
    found = {"resolution model": {f"Gaussians: {used.gaussians}": other["tau"][0] - nominal}}
    if model.background:
        same, none = replace(model, ratio=False), replace(model, background=False)
        found["background model"] = {"one density of the uncertainties": fit(data, same)["tau"][0] - nominal,
                                     "no background (not counted)": fit(data, none)["tau"][0] - nominal}
    return found


def _variations(name: str, mode: Mode, config: Lifetimes, options: RunOptions, execution: Execution,
                events: int) -> dict[str, dict[str, float]]:
    """Changes of the lifetime [fs] with detectors that differ from what the reconstruction assumes."""
    folder = execution.output / "variations"
    signal_only = mode.model_copy(update={"sidebands": ()})

    def lifetime(card: str, where: Path) -> float:
        there = Execution(where, options.seed, options.workers, options.scheduler, execution.resume,
                          execution.overwrite, config.chunk_size)
        table = _tables(name, mode, card, {mode.sample: events}, there)[mode.sample]
        data = make_data(signal_only, table, {}, 0.0, Address(options.seed, name, 0).at("background").generator())
        return fit(data, Model(1, background=False))["tau"][0]

    nominal = lifetime(options.detector, folder / "nominal")
    found: dict[str, dict[str, float]] = {}
    for source, changes in config.variations.items():
        for change in changes:
            (section, values), = change.items()
            (key, value), = values.items()
            card = _varied(options.detector, folder, key, {section: {key: value}})
            found.setdefault(source, {})[f"{key} {value:g}"] = lifetime(str(card), folder / key) - nominal
    return found


def _varied(base: str, folder: Path, name: str, change: dict[str, dict[str, float]]) -> Path:
    """Card file that differs from another in some numbers of the detector."""
    below = str(Path(base).resolve()) if base.endswith((".yaml", ".yml")) else base
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"extends": below, "detector": change}), encoding="utf-8")
    return path.resolve()


d0, dplus, ds, lambdac, omegac = (partial(run, name) for name in ("d0", "dplus", "ds", "lambdac", "omegac"))
