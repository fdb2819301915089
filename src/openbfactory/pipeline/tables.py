"""Tables of candidates for a measurement: samples to candidates in memory, chunk by chunk, kept in the run's folder.

A :class:`CandidateMaker` makes one chunk (generate, simulate, reconstruct a :class:`.candidates.Request`); what leaves
it is a table with one row a candidate.  :func:`candidate_tables` makes the chunks of all samples on any engine and
reads them back; finished chunks are not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.pipeline.candidates import Request, candidates_of
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask, plan
from openbfactory.pipeline.engines import open_engine
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.produce import ChunkFunction, produce
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import open_store
from openbfactory.pipeline.warmup import compile_kernels

if TYPE_CHECKING:
    from openbfactory.events.record import Events
    from openbfactory.experiment import Card
    from openbfactory.generate import DecayCounts

Array = npt.NDArray[Any]

#: column that says which of several requests a candidate is of
REQUEST = "__request__"


@dataclass(frozen=True, slots=True)
class SampleSetting:
    """How a sample is made: name in the registry, values of its parameters, energy of the collisions, decay file.

    Attributes
    ----------
    filter
        Name in :data:`openbfactory.generate.FILTERS` of a choice of events before the detector, empty for all; the
        others count as events too.
    known
        Whether the reconstruction knows the energy of the collisions, or takes that of the card.
    """

    sample: str
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    energy: Energy = field(default_factory=Energy)
    decays: str | None = None
    filter: str = ""
    known: bool = True

    def detected(self, task: ChunkTask, card: str) -> tuple[Events, Card, DecayCounts]:
        """Events of a chunk in the detector of a card, the card as the reconstruction knows it, the decays."""
        from openbfactory.experiment import load_card
        from openbfactory.generate import filtered, generate_events
        from openbfactory.simulate import simulate

        loaded = load_card(card)
        machine = self.energy.of(loaded.machine)
        truth, decays = generate_events(self.sample, task.events, task.address.at("generate"), machine,
                                        first=task.first, decays=self.decays, settings=self.parameters)
        truth = filtered(truth, self.filter, loaded.machine) if self.filter else truth
        known = loaded.model_copy(update={"machine": machine}) if self.known else loaded
        return simulate(truth, loaded, task.address.at("simulate")), known, decays


@dataclass(frozen=True, slots=True)
class CandidateMaker:
    """Picklable function from a chunk task to its table of candidates.

    Attributes
    ----------
    card
        Name or path of the card.
    request
        What to reconstruct; its variables are the columns.
    settings
        How each sample of the plan is made, by its name in the plan.
    """

    card: str
    request: Request
    settings: Mapping[str, SampleSetting]

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        detected, card, decays = self.settings[task.sample].detected(task, self.card)
        columns, failed = candidates_of(detected, card, self.request)
        return _table(columns), {"events": task.events, "failed_fits": failed, "decays": asdict(decays)}


@dataclass(frozen=True, slots=True)
class RequestsMaker:
    """Picklable function from a chunk task to the candidates of several requests in the same events.

    The table has the candidates of one request after the other; the column ``__request__`` counts them.

    Attributes
    ----------
    card, settings
        As for :class:`CandidateMaker`.
    requests
        What to reconstruct, by a name of it.
    """

    card: str
    requests: Mapping[str, Request]
    settings: Mapping[str, SampleSetting]

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        detected, card, decays = self.settings[task.sample].detected(task, self.card)
        tables, parts = [], {}
        for k, (name, request) in enumerate(self.requests.items()):
            columns, failed = candidates_of(detected, card, request)
            tables.append(_table({REQUEST: np.full(len(columns["__event__"]), k, np.int8), **columns}))
            parts[name] = {"failed_fits": failed, "columns": list(columns)}
        summary = {"events": task.events, "decays": asdict(decays), "requests": parts}
        return pa.concat_tables(tables, promote_options="default"), summary


def _table(columns: Mapping[str, Array]) -> pa.Table:
    """Arrow table of columns."""
    return pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()})


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Candidates of a sample.

    Attributes
    ----------
    columns
        Variable to its values, one a candidate.
    events, failed_fits
        Events generated, candidates whose fit failed.
    decays
        Record of the decays, with the collisions tried by an enriched sample.
    """

    columns: dict[str, Array]
    events: int
    failed_fits: int
    decays: DecayCounts

    def __len__(self) -> int:
        return len(self.columns["__event__"])

    def __getitem__(self, name: str) -> Array:
        """Values of a variable, one a candidate.

        Raises
        ------
        UnknownNameError
            When there is no such column, with the nearest one.
        """
        if name not in self.columns:
            raise UnknownNameError("column", name, self.columns)
        return self.columns[name]

    def require(self, names: Iterable[str]) -> None:
        """Check that columns are there.

        Raises
        ------
        InputError
            With every column that is missing.
        """
        findings = Findings("table of candidates")
        for name in names:
            if name not in self.columns:
                findings.unknown_name(name, name, self.columns, what="column")
        findings.raise_if_errors(InputError)

    def where(self, mask: Array) -> SampleTable:
        """The candidates where a mask (candidates,) is true."""
        return replace(self, columns=rows_of(self.columns, mask))


@dataclass(frozen=True, slots=True)
class Execution:
    """Where and how a run is made: output folder, seed, workers or scheduler, resume or overwrite."""

    output: Path
    seed: int = 1
    workers: int = 0
    scheduler: str | None = None
    resume: bool = False
    overwrite: bool = False
    chunk_size: int = CHUNK_SIZE


def candidate_tables(name: str, maker: CandidateMaker, samples: Mapping[str, int], run: Execution,
                     manifest: Mapping[str, Any]) -> dict[str, SampleTable]:
    """Candidates of every sample.

    Parameters
    ----------
    name
        Name for the progress bar.
    samples
        Events of each sample.
    manifest
        Everything that decides what the run makes, besides samples and seed.

    Raises
    ------
    OpenBFactoryError
        For a wrong request, sample or folder, or when a chunk fails; what is finished stays in the folder.
    """
    maker.request.check()
    settings = {k: _described(v) for k, v in maker.settings.items()}
    whole = {**manifest, "request": asdict(maker.request), "settings": settings}
    return {sample: _joined(chunks) for sample, chunks in chunk_tables(name, maker, samples, run, whole).items()}


def request_tables(name: str, maker: RequestsMaker, samples: Mapping[str, int], run: Execution,
                   manifest: Mapping[str, Any]) -> dict[str, dict[str, SampleTable]]:
    """Candidates of every sample and request, each with the columns of its own; arguments as :func:`candidate_tables`.

    Raises
    ------
    OpenBFactoryError
        For a wrong request, sample or folder, or when a chunk fails; what is finished stays in the folder.
    """
    for request in maker.requests.values():
        request.check()
    settings = {k: _described(v) for k, v in maker.settings.items()}
    whole = {**manifest, "requests": {k: asdict(r) for k, r in maker.requests.items()}, "settings": settings}
    chunks = chunk_tables(name, maker, samples, run, whole)
    return {sample: {kind: _joined([_part(c, k, kind) for c in chunks[sample]])
                     for k, kind in enumerate(maker.requests)} for sample in samples}


def _part(chunk: tuple[pa.Table, dict[str, Any]], number: int, name: str) -> tuple[pa.Table, dict[str, Any]]:
    """The candidates of one request in a chunk of several."""
    table, summary = chunk
    part = summary["requests"][name]
    mine = table.take(np.flatnonzero(table[REQUEST].to_numpy() == number)).select(part["columns"])
    return mine, {**summary, "failed_fits": part["failed_fits"]}


def chunk_tables(name: str, maker: ChunkFunction, samples: Mapping[str, int], run: Execution,
                 manifest: Mapping[str, Any]) -> dict[str, list[tuple[pa.Table, dict[str, Any]]]]:
    """Table and summary of every chunk of every sample, made by any function of a chunk; arguments as there.

    Raises
    ------
    OpenBFactoryError
        For a wrong sample or folder, or when a chunk fails; what is finished stays in the folder.
    """
    tasks = plan(samples, run.seed, run.chunk_size)
    whole = {**manifest, "seed": run.seed, "samples": dict(samples), "chunk_size": run.chunk_size}
    if not tasks:
        return {sample: [] for sample in samples}
    with (open_store(run.output, whole, resume=run.resume, overwrite=run.overwrite) as store,
          Progress(name) as progress):
        if run.workers:
            compile_kernels(maker, tasks)
        with open_engine(run.workers, run.scheduler) as engine:
            summaries = produce(tasks, maker, store, engine, progress)
        done = list(zip(tasks, summaries, strict=True))
        return {sample: [(pq.read_table(store.path(t)), s) for t, s in done if t.sample == sample]
                for sample in samples}


def columns_of(chunks: Sequence[tuple[pa.Table, Mapping[str, Any]]]) -> dict[str, Array]:
    """Columns of chunks put together, in their order."""
    table = pa.concat_tables([t for t, _ in chunks], promote_options="permissive")
    return {name: table[name].to_numpy() for name in table.column_names}


def rows_of(columns: Mapping[str, Array], mask: Array) -> dict[str, Array]:
    """Some of the rows of columns."""
    return {name: column[mask] for name, column in columns.items()}


def _described(setting: SampleSetting) -> dict[str, Any]:
    """What a setting is for the record of a run: a decay file counts by what it says, not by where it stands."""
    text = "" if setting.decays is None else Path(setting.decays).read_text(encoding="utf-8", errors="replace")
    return asdict(setting) | {"decays": digest({"text": text}) if text else None}


def write_card(below: str, path: Path, sections: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Path of a card, written to ``path``, that extends another (name or file) in some of its sections."""
    base = str(Path(below).resolve()) if below.endswith((".yaml", ".yml")) else below
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"extends": base, **{k: dict(v) for k, v in sections.items() if v}}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(path.resolve())


def _joined(chunks: Sequence[tuple[pa.Table, Mapping[str, Any]]]) -> SampleTable:
    """Chunks of one sample put together."""
    from openbfactory.generate import DecayCounts

    decays = sum((DecayCounts(**{k: v for k, v in s["decays"].items() if k != "asked"}) for _, s in chunks),
                 start=DecayCounts())
    events, failed = (sum(s[k] for _, s in chunks) for k in ("events", "failed_fits"))
    return SampleTable(columns_of(chunks), events, failed, decays)
