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
    from openbfactory.generate import DecayCounts

Array = npt.NDArray[Any]


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
        from openbfactory.experiment import load_card
        from openbfactory.generate import filtered, generate_events
        from openbfactory.simulate import simulate

        how, card = self.settings[task.sample], load_card(self.card)
        truth, counts = generate_events(how.sample, task.events, task.address.at("generate"),
                                        how.energy.of(card.machine), first=task.first, decays=how.decays,
                                        settings=how.parameters)
        truth = filtered(truth, how.filter, card.machine) if how.filter else truth
        moved = card.model_copy(update={"machine": how.energy.of(card.machine)}) if how.known else card
        columns, failed = candidates_of(simulate(truth, card, task.address.at("simulate")), moved, self.request)
        summary = {"events": task.events, "failed_fits": failed, "decays": asdict(counts)}
        return pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()}), summary


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
        return replace(self, columns={name: column[mask] for name, column in self.columns.items()})


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
