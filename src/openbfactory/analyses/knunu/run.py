"""The order of the measurement: pilot chunks, BDT1, the other chunks, BDT2, templates, fits, report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu import kept
from openbfactory.analyses.knunu.accounts import write_accounts
from openbfactory.analyses.knunu.chunk import ChunkMaker
from openbfactory.analyses.knunu.classifiers import has_models, save_models
from openbfactory.analyses.knunu.config import (
    CONTINUUM,
    FOLDS,
    SIGNAL,
    KnunuConfig,
    SamplePlan,
    load_config,
    plan_samples,
)
from openbfactory.analyses.knunu.content import report_content
from openbfactory.analyses.knunu.continuum_shape import load_continuum, vary_continuum
from openbfactory.analyses.knunu.densities import number_densities, write_densities
from openbfactory.analyses.knunu.evaluation import SampleHistograms, evaluate, with_eta
from openbfactory.analyses.knunu.measurement import Measurement, measure
from openbfactory.analyses.knunu.modelling import Modelling, load_modelling
from openbfactory.analyses.knunu.record import KnunuResult, SampleSummary, weight_summary_of
from openbfactory.analyses.knunu.templates import expectation, relative_shifts
from openbfactory.analyses.knunu.training import (
    Columns,
    FirstStage,
    FoldModel,
    Rows,
    TrainingSummary,
    folds,
    judge,
    passing,
    train_first,
    train_second,
)
from openbfactory.analyses.knunu.validations import find_validations
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.experiment import Card, load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES, DecayCounts
from openbfactory.pipeline.chunks import ChunkTask, plan
from openbfactory.pipeline.costs import COSTS, CostLog
from openbfactory.pipeline.engines import Engine, open_engine
from openbfactory.pipeline.produce import produce
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import ChunkStore, open_store
from openbfactory.pipeline.warmup import compile_kernels
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.report.html import write_report
from openbfactory.select.reweighting import Reweighting

#: columns of a chunk that training reads
READ = tuple(dict.fromkeys(("event", "q2_rec", "mcQ2", "mcIsSignal", "weight", "variation", *BDT1_INPUTS,
                            *BDT2_INPUTS)))


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is made of; ``pilot_share`` is the part of each sample whose candidates are all kept.

    ``continuum`` holds the weights of BDTc for the variation contW, None for its quoted sizes.
    """

    config: KnunuConfig
    modelling: Modelling
    card: Card
    detector: str
    tag: InclusiveTagConfig
    plans: tuple[SamplePlan, ...]
    seed: int
    title: str
    pilot_share: float
    continuum: Reweighting | None = None

    @property
    def shape(self) -> str:
        """Checksum of the weights of the continuum, empty without."""
        return "" if self.continuum is None else self.continuum.digest()

    @property
    def tasks(self) -> tuple[ChunkTask, ...]:
        """Chunks of all samples; every sample has an even number of them where it has two events or more."""
        return tuple(t for p in self.plans for t in plan({p.name: p.events}, self.seed, self.chunk_size(p.events)))

    def chunk_size(self, events: int) -> int:
        """Events in a chunk of a sample of ``events``: at most the configured number, in an even number of chunks."""
        pairs = -(-events // (2 * self.config.chunk_size))
        return max(1, -(-events // (2 * pairs)))

    def pilot_chunks(self, sample: str) -> int:
        """Number of chunks at the beginning of a sample that are in the pilot: even, at least two."""
        events = next(p.events for p in self.plans if p.name == sample)
        chunks = -(-events // self.chunk_size(events))
        return min(chunks, FOLDS * max(1, math.ceil(self.pilot_share * chunks / FOLDS - 1e-9)))

    def weight(self, sample: SamplePlan) -> float:
        """Events of the data set that one generated event of a sample stands for."""
        return sample.weight(self.config, self.card.machine)

    @property
    def manifest(self) -> dict[str, Any]:
        """Everything that decides what the run makes."""
        return {"analysis": "knunu", "seed": self.seed, "samples": {p.name: p.events for p in self.plans},
                "pilot": {p.name: self.pilot_chunks(p.name) for p in self.plans},
                "config": self.config.digest(), "modelling": self.modelling.digest(),
                "card": self.card.digest(), "tag": self.tag.digest()}

    @property
    def references(self) -> tuple[str, ...]:
        """Reference keys of every number used."""
        generated = {key for p in self.plans for key in SAMPLES[p.process].references}
        quoted = (references_in(part) for part in (self.config, self.modelling, self.card, self.tag))
        return tuple(sorted(generated.union(*quoted)))


def setting_of(options: RunOptions) -> Setting:
    """Setting of the options that a user gave.

    Raises
    ------
    UnknownNameError, CardError, InputError
        For a preset or detector that does not exist, a card with mistakes, a folder without weights of the continuum.
    """
    config, card = load_config(), load_card(options.detector)
    preset = preset_of(config.presets, options.preset)
    plans = plan_samples(preset, options.luminosity, card.machine)
    title = f"preset {options.preset}" + ("" if options.luminosity is None else f", {options.luminosity:g} fb^{{−1}}")
    share = min(1.0, preset.pilot / (preset.luminosity if options.luminosity is None else options.luminosity))
    return Setting(config, load_modelling(), card, options.detector, InclusiveTagConfig(), tuple(plans), options.seed,
                   title, share, load_continuum(options.source) if options.source else None)


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of a run; chunks, workspace, record and report are in the output folder.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, too few events to train or fit.
    """
    setting = setting_of(options)
    off = tuple(p.name for p in setting.plans if p.off_resonance)
    maker = ChunkMaker(options.detector, setting.tag, off, modelling=setting.modelling)
    with (open_store(options.output, setting.manifest, resume=options.resume, overwrite=options.overwrite) as store,
          Progress("knunu") as progress):
        tasks, costs = setting.tasks, CostLog(options.output)
        if options.overwrite:
            (options.output / COSTS).unlink(missing_ok=True)
        key, found = kept.key_of(store.config_hash + setting.shape), None
        if options.resume:
            found = _finished(options, store, tasks, key, progress)
        if found is None:
            if options.workers:
                compile_kernels(maker, tasks)
            with open_engine(options.workers, options.scheduler) as engine:
                summaries, first = _produce(setting, maker, store, engine, progress, costs)
            histograms, training = _fill(setting, store, first, options, progress, costs)
            kept.keep(options.output, key, histograms, training)
        else:
            summaries, histograms, training = found
        progress.note("fitting")
        weights = {p.name: setting.weight(p) for p in setting.plans}
        expectations = {name: expectation(h.region, weights[name]) for name, h in histograms.items()}
        shifts = relative_shifts({name: h.shifts for name, h in histograms.items()}, setting.config)
        with costs.stage("fits"):
            measurement = measure(expectations, setting.config, setting.seed, shifts, unblind=options.unblind,
                                  toys=preset_of(setting.config.presets, options.preset).toys)
        made_of = setting.manifest | ({"continuum": setting.shape} if setting.shape else {})
        provenance = Provenance(digest(made_of), setting.seed, setting.references)
        machine = setting.card.machine
        result = KnunuResult(
            setting.config, setting.title, machine.integrated_luminosity(),
            machine.integrated_luminosity(off_resonance=True), _summaries(setting, store, summaries), histograms,
            expectations, shifts, tuple(training), measurement, provenance)
        return _write(result, options, measurement)


def _finished(options: RunOptions, store: ChunkStore, tasks: tuple[ChunkTask, ...], key: str, progress: Progress
              ) -> tuple[dict[ChunkTask, dict[str, Any]], dict[str, SampleHistograms], list[TrainingSummary]] | None:
    """Summaries of the chunks, histograms and training of a run that is finished up to its fits; None otherwise."""
    content = kept.read(options.output, key)
    if content is None or not has_models(options.output):
        return None
    summaries = {task: summary for task in tasks if (summary := store.finished(task)) is not None}
    if len(summaries) < len(tasks):
        store.damaged.clear()
        return None
    progress.note("chunks, classifiers and templates are finished already")
    return summaries, *content


def _fill(setting: Setting, store: ChunkStore, first: tuple[FirstStage, ...], options: RunOptions, progress: Progress,
          costs: CostLog) -> tuple[dict[str, SampleHistograms], list[TrainingSummary]]:
    """Histograms of every sample and the training of the classifiers, which are written to the folder."""
    progress.note("training the second classifier")
    with costs.stage("training the second classifier"):
        models, training = _train(setting, store, first)
    save_models(models, options.output)
    progress.note("filling the templates")
    with costs.stage("templates"):
        return _evaluate(setting, store, models), training


def _write(result: KnunuResult, options: RunOptions, measurement: Measurement) -> dict[str, Any]:
    """Write everything that a run leaves; the record."""
    document = result.to_dict()
    measurement.workspace.write(options.output / "workspace.json")
    opened = options.output / "workspace_pseudo_experiment.json"
    opened.unlink(missing_ok=True)
    if measurement.pseudo is not None:
        measurement.data.write(opened)
    densities = number_densities(result.histograms[SIGNAL].joint, result.expectations[SIGNAL],
                                 result.config.region.control_bins)
    write_densities(densities, options.output)
    write_record(document, options.output / "result.json")
    write_report(report_content(result, find_validations(options.output)), options.output / "report.html")
    write_accounts(result, options.output)
    return document


def _produce(setting: Setting, maker: ChunkMaker, store: ChunkStore, engine: Engine, progress: Progress,
             costs: CostLog) -> tuple[dict[ChunkTask, dict[str, Any]], tuple[FirstStage, ...]]:
    """Summaries of all chunks, and BDT1 of every fold: the pilot comes first, the others pass through its BDT1."""
    tasks = setting.tasks
    pilot = [t for t in tasks if t.index < setting.pilot_chunks(t.sample)]
    summaries = dict(zip(pilot, produce(pilot, maker, store, engine, progress, costs), strict=True))
    progress.note("training the first classifier")
    with costs.stage("training the first classifier"):
        rows = _rows(setting, store, pilot=True)
        first = tuple(train_first(f, rows[1 - f], _generated(setting, SIGNAL, 1 - f, pilot=True),
                                  setting.config.training, setting.seed) for f in folds())
    if others := [t for t in tasks if t not in summaries]:
        done = produce(others, replace(maker, first=first), store, engine, progress, costs)
        summaries |= dict(zip(others, done, strict=True))
    return summaries, first


def _candidates(setting: Setting, store: ChunkStore, sample: str, parity: int | None = None, *,
                pilot: bool = False, variations: bool = False) -> Iterator[tuple[ChunkTask, Columns]]:
    """Candidates of the chunks of a sample, one at a time; of the pilot alone where asked for.

    Those of the nominal reconstruction, with the columns that training needs; with ``variations`` also those of the
    detector-level variations, and the factors of all others.
    """
    for task in setting.tasks:
        if (task.sample == sample and (parity is None or task.index % FOLDS == parity)
                and not (pilot and task.index >= setting.pilot_chunks(sample))):
            sides = [n for n in pq.read_schema(store.path(task)).names if n.endswith(("_up", "_down"))]
            table = pq.read_table(store.path(task), columns=[*READ, *(sides if variations else [])])
            columns = {name: table[name].to_numpy() for name in table.column_names}
            nominal = columns["variation"] == 0
            yield task, columns if variations else {name: column[nominal] for name, column in columns.items()}


def _rows(setting: Setting, store: ChunkStore, *, pilot: bool = False,
          first: tuple[FirstStage, ...] | None = None) -> list[dict[str, Rows]]:
    """Candidates to train on, by parity and sample: those of the pilot, or those above the BDT1 cut of their fold."""
    found: list[dict[str, Rows]] = []
    for parity in folds():
        of_parity = {}
        for plan_ in (p for p in setting.plans if not p.off_resonance):
            rows = _training_rows(setting, store, plan_, parity, pilot, None if first is None else first[parity])
            if rows is not None:
                of_parity[plan_.name] = rows
        found.append(of_parity)
    return found


def _training_rows(setting: Setting, store: ChunkStore, plan_: SamplePlan, parity: int, pilot: bool,
                   first: FirstStage | None) -> Rows | None:
    """Candidates of a sample in the chunks of one parity, at most the configured number of rows."""
    most, parts, found = setting.config.training.rows_per_sample, [], 0
    weight = setting.weight(plan_)
    for _, columns in _candidates(setting, store, plan_.name, parity, pilot=pilot):
        signal = (columns["mcIsSignal"] == 1) if plan_.name == SIGNAL else np.zeros(len(columns["event"]), bool)
        part = {plan_.name: Rows(columns, signal, weight)}
        parts.append((part if first is None else passing(part, first))[plan_.name])
        found += len(parts[-1].signal)
        if found >= most:
            break
    if not found:
        return None
    merged = {name: np.concatenate([p.columns[name] for p in parts]) for name in parts[0].columns}
    return Rows(merged, np.concatenate([p.signal for p in parts]), weight)


def _generated(setting: Setting, sample: str, parity: int, *, pilot: bool = False) -> float:
    """Events generated in the chunks of one parity; of the pilot alone where asked for."""
    last = setting.pilot_chunks(sample) if pilot else math.inf
    return float(sum(t.events for t in setting.tasks
                     if t.sample == sample and t.index % FOLDS == parity and t.index < last))


def _train(setting: Setting, store: ChunkStore,
           first: tuple[FirstStage, ...]) -> tuple[list[FoldModel], list[TrainingSummary]]:
    """Classifiers of every fold with their transforms to eta, and how well they do."""
    pilot, above = _rows(setting, store, pilot=True), _rows(setting, store, first=first)
    models, training = [], []
    for fold in folds():
        other = 1 - fold
        model = train_second(fold, first[fold], above[other], setting.config.training, setting.seed)
        models.append(model)
        training.append(judge(model, (pilot[other], pilot[fold]), (above[other], above[fold])))
    signal: dict[int, Iterable[Columns]] = {f: [c for _, c in _candidates(setting, store, SIGNAL, f)] for f in folds()}
    return with_eta(models, signal, {f: _generated(setting, SIGNAL, f) for f in folds()}), training


def _evaluate(setting: Setting, store: ChunkStore, models: list[FoldModel]) -> dict[str, SampleHistograms]:
    """Histograms of every sample, scaled to the data set."""
    found = {}
    for plan_ in setting.plans:
        last = setting.pilot_chunks(plan_.name)
        weights = setting.continuum if plan_.process in CONTINUUM else None
        chunks = ((task.index, columns if weights is None else vary_continuum(columns, weights))
                  for task, columns in _candidates(setting, store, plan_.name, variations=True))
        detector = [f"{name}_{side}" for name in setting.config.systematics.detector for side in ("up", "down")]
        histograms = evaluate(chunks, models, setting.config.region, last, detector)
        histograms = histograms.scaled(setting.weight(plan_))
        complete = sum(_generated(setting, plan_.name, f, pilot=True) for f in folds())
        histograms.shown["BDT1"] = histograms.shown["BDT1"].scaled(plan_.events / complete)
        found[plan_.name] = histograms
    return found


def _summaries(setting: Setting, store: ChunkStore,
               summaries: Mapping[ChunkTask, Mapping[str, Any]]) -> dict[str, SampleSummary]:
    """Summaries of the chunks, added up by sample."""
    found = {}
    for plan_ in setting.plans:
        tasks = [t for t in summaries if t.sample == plan_.name]
        mine = [summaries[t] for t in tasks]
        cutflow: dict[str, float] = {}
        for summary in mine:
            for step, value in summary["cutflow"]:
                cutflow[step] = cutflow.get(step, 0.0) + value
        decays = sum((DecayCounts(**s["decays"]) for s in mine), start=DecayCounts())
        pilot = [t.index < setting.pilot_chunks(plan_.name) for t in tasks]
        sizes = [store.path(t).stat().st_size for t in tasks]
        q2 = np.sum([s["q2"] for s in mine], axis=0)
        found[plan_.name] = SampleSummary(
            plan_, setting.weight(plan_), cutflow, tuple(int(v) for v in q2), decays,
            weight_summary_of(mine),
            sum(t.events for t, first in zip(tasks, pilot, strict=True) if first),
            sum(n for n, first in zip(sizes, pilot, strict=True) if first),
            sum(n for n, first in zip(sizes, pilot, strict=True) if not first))
    return found
