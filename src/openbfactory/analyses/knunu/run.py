"""The order of the measurement: produce chunks, train, evaluate, fit, report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.chunk import ChunkMaker
from openbfactory.analyses.knunu.config import SIGNAL, KnunuConfig, SamplePlan, load_config, plan_samples
from openbfactory.analyses.knunu.content import report_content
from openbfactory.analyses.knunu.densities import number_densities, write_densities
from openbfactory.analyses.knunu.evaluation import SampleHistograms, evaluate, with_eta
from openbfactory.analyses.knunu.measurement import Measurement, measure
from openbfactory.analyses.knunu.record import KnunuResult, SampleSummary
from openbfactory.analyses.knunu.templates import expectation
from openbfactory.analyses.knunu.training import Columns, FoldModel, Rows, TrainingSummary, folds, judge, train_fold
from openbfactory.core.config import digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import references_in
from openbfactory.experiment import Card, load_card
from openbfactory.fit.results import write_record
from openbfactory.generate import SAMPLES, DecayCounts
from openbfactory.pipeline.chunks import ChunkTask, plan
from openbfactory.pipeline.engines import open_engine
from openbfactory.pipeline.produce import produce
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import ChunkStore, open_store
from openbfactory.pipeline.warmup import compile_kernels
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.report.html import write_report

#: columns of a chunk that the measurement reads
READ = tuple(dict.fromkeys(("event", "q2_rec", "mcQ2", "mcIsSignal", *BDT1_INPUTS, *BDT2_INPUTS)))


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is made of."""

    config: KnunuConfig
    card: Card
    detector: str
    tag: InclusiveTagConfig
    plans: tuple[SamplePlan, ...]
    seed: int
    title: str

    @property
    def tasks(self) -> tuple[ChunkTask, ...]:
        """Chunks of all samples; every sample has an even number of them where it has two events or more."""
        return tuple(t for p in self.plans for t in plan({p.name: p.events}, self.seed, self.chunk_size(p.events)))

    def chunk_size(self, events: int) -> int:
        """Events in a chunk of a sample of ``events``: at most the configured number, in an even number of chunks."""
        pairs = -(-events // (2 * self.config.chunk_size))
        return max(1, -(-events // (2 * pairs)))

    @property
    def manifest(self) -> dict[str, Any]:
        """Everything that decides what the run makes."""
        return {"analysis": "knunu", "seed": self.seed, "samples": {p.name: p.events for p in self.plans},
                "config": self.config.digest(), "card": self.card.digest(), "tag": self.tag.digest()}

    @property
    def references(self) -> tuple[str, ...]:
        """Reference keys of every number used."""
        generated = {key for p in self.plans for key in SAMPLES[p.process].references}
        quoted = (references_in(part) for part in (self.config, self.card, self.tag))
        return tuple(sorted(generated.union(*quoted)))


def setting_of(options: RunOptions) -> Setting:
    """Setting of the options that a user gave.

    Raises
    ------
    UnknownNameError, CardError
        For a preset or detector that does not exist, or a card with mistakes.
    """
    config, card = load_config(), load_card(options.detector)
    preset = config.preset(options.preset)
    plans = plan_samples(preset, options.luminosity, card.machine)
    title = f"preset {options.preset}" + ("" if options.luminosity is None else f", {options.luminosity:g} fb^{{−1}}")
    return Setting(config, card, options.detector, InclusiveTagConfig(), tuple(plans), options.seed, title)


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of a run; chunks, workspace, record and report are in the output folder.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, too few events to train or fit.
    """
    setting = setting_of(options)
    off = tuple(p.name for p in setting.plans if p.off_resonance)
    maker = ChunkMaker(options.detector, setting.tag, off)
    with (open_store(options.output, setting.manifest, resume=options.resume, overwrite=options.overwrite) as store,
          Progress("knunu") as progress):
        tasks = setting.tasks
        if options.workers:
            compile_kernels(maker, tasks)
        with open_engine(options.workers, options.scheduler) as engine:
            summaries = dict(zip(tasks, produce(tasks, maker, store, engine, progress), strict=True))
        progress.note("training the classifiers")
        models, training = _train(setting, store, summaries)
        progress.note("filling the templates")
        histograms = _evaluate(setting, store, models)
        progress.note("fitting")
        expectations = {name: expectation(h.region) for name, h in histograms.items()}
        measurement = measure(expectations, setting.config, setting.seed)
        provenance = Provenance(digest(setting.manifest), setting.seed, setting.references)
        machine = setting.card.machine
        result = KnunuResult(
            setting.config, setting.title, machine.integrated_luminosity(),
            machine.integrated_luminosity(off_resonance=True), _summaries(setting, summaries), histograms, expectations,
            tuple(training), measurement, provenance)
        return _write(result, options, measurement)


def _write(result: KnunuResult, options: RunOptions, measurement: Measurement) -> dict[str, Any]:
    """Write everything that a run leaves; the record."""
    document = result.to_dict()
    measurement.workspace.write(options.output / "workspace.json")
    measurement.pseudo_workspace.write(options.output / "workspace_pseudo_experiment.json")
    densities = number_densities(result.histograms[SIGNAL].joint, result.expectations[SIGNAL],
                                 result.config.region.control_bins)
    write_densities(densities, options.output)
    write_record(document, options.output / "result.json")
    write_report(report_content(result), options.output / "report.html")
    return document


def weight_of(setting: Setting, plan_: SamplePlan) -> float:
    """Events of the data set that one generated event of a sample stands for."""
    machine = setting.card.machine
    if plan_.name == SIGNAL:
        pairs = machine.expected("charged")
        return 2.0 * pairs * setting.config.branching_fraction.value / plan_.events
    return machine.expected(plan_.process, off_resonance=plan_.off_resonance) / plan_.events


def _candidates(setting: Setting, store: ChunkStore, sample: str,
                parity: int | None = None) -> Iterator[tuple[ChunkTask, Columns]]:
    """Candidates of the chunks of a sample, one chunk at a time."""
    for task in setting.tasks:
        if task.sample == sample and (parity is None or task.index % 2 == parity):
            table = pq.read_table(store.path(task), columns=list(READ))
            yield task, {name: table[name].to_numpy() for name in READ}


def _training_rows(setting: Setting, store: ChunkStore, plan_: SamplePlan, parity: int) -> Rows | None:
    """Candidates of a sample in the chunks of one parity, at most the configured number of rows."""
    most, parts, found = setting.config.training.rows_per_sample, [], 0
    for _, columns in _candidates(setting, store, plan_.name, parity):
        parts.append(columns)
        found += len(columns["event"])
        if found >= most:
            break
    if not found:
        return None
    merged = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    signal = (merged["mcIsSignal"] == 1) if plan_.name == SIGNAL else np.zeros(found, bool)
    return Rows(merged, signal, weight_of(setting, plan_))


def _generated(setting: Setting, sample: str, parity: int) -> float:
    """Events generated in the chunks of one parity."""
    return float(sum(t.events for t in setting.tasks if t.sample == sample and t.index % 2 == parity))


def _train(setting: Setting, store: ChunkStore,
           summaries: Mapping[ChunkTask, Mapping[str, Any]]) -> tuple[list[FoldModel], list[TrainingSummary]]:
    """Classifiers of every fold with their transforms to eta, and how well they do."""
    on = [p for p in setting.plans if not p.off_resonance]
    rows: list[dict[str, Rows]] = []
    for parity in folds():
        found = {p.name: _training_rows(setting, store, p, parity) for p in on}
        rows.append({name: r for name, r in found.items() if r is not None})
    models, training = [], []
    for fold in folds():
        other = 1 - fold
        model = train_fold(fold, rows[other], _generated(setting, SIGNAL, other), setting.config.training, setting.seed)
        models.append(model)
        training.append(judge(model, rows[other], rows[fold]))
    signal: dict[int, Iterable[Columns]] = {f: [c for _, c in _candidates(setting, store, SIGNAL, f)] for f in folds()}
    return with_eta(models, signal, {f: _generated(setting, SIGNAL, f) for f in folds()}), training


def _evaluate(setting: Setting, store: ChunkStore, models: list[FoldModel]) -> dict[str, SampleHistograms]:
    """Histograms of every sample, scaled to the data set."""
    found = {}
    for plan_ in setting.plans:
        chunks = ((task.index, columns) for task, columns in _candidates(setting, store, plan_.name))
        found[plan_.name] = evaluate(chunks, models, setting.config.region).scaled(weight_of(setting, plan_))
    return found


def _summaries(setting: Setting, summaries: Mapping[ChunkTask, Mapping[str, Any]]) -> dict[str, SampleSummary]:
    """Summaries of the chunks, added up by sample."""
    found = {}
    for plan_ in setting.plans:
        mine = [s for t, s in summaries.items() if t.sample == plan_.name]
        cutflow: dict[str, float] = {}
        for summary in mine:
            for step, value in summary["cutflow"]:
                cutflow[step] = cutflow.get(step, 0.0) + value
        decays = sum((DecayCounts(**s["decays"]) for s in mine), start=DecayCounts())
        q2 = np.sum([s["q2"] for s in mine], axis=0)
        found[plan_.name] = SampleSummary(plan_, weight_of(setting, plan_), cutflow, tuple(int(v) for v in q2), decays)
    return found

