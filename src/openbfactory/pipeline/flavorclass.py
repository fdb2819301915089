"""Our simulation of B0 -> nu nubar beside the public data set FlavorClass, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError, PipelineError
from openbfactory.core.provenance import Provenance
from openbfactory.events.flavorclass import LABEL, SOURCE, FlavorClassFile, names
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask, plan
from openbfactory.pipeline.progress import Progress

if TYPE_CHECKING:
    from openbfactory.select.comparison import ColumnComparison

Array = npt.NDArray[np.float64]

#: sample that is compared; events, unless asked otherwise
SAMPLE, EVENTS = "nunubar", 20_000


@dataclass(frozen=True, slots=True)
class FlavorClassComparison:
    """Result of a comparison.

    Attributes
    ----------
    source
        Name of the file.
    rows
        Rows of the file that were read, and of our simulation (its events with a track).
    columns
        The first sample is the file, the second our simulation; the largest disagreement first.
    findings
        About columns of the file.
    provenance
        What made our simulation.
    """

    source: str
    rows: tuple[int, int]
    columns: tuple[ColumnComparison, ...]
    findings: Findings
    provenance: Provenance


def simulated_columns(events: int, *, seed: int, card: str = "belle2", chunk_size: int = CHUNK_SIZE,
                      progress: Progress | None = None) -> Iterator[dict[str, Array]]:
    """Columns of the layout from our own events, chunk by chunk.

    Raises
    ------
    PipelineError
        Without an event.
    """
    if events < 1:
        message = f"the comparison needs at least one event, asked for {events}"
        raise PipelineError(message)
    for task in plan({SAMPLE: events}, seed, chunk_size):
        yield _chunk(task, card)
        if progress is not None:
            progress.advance(task)


def _chunk(task: ChunkTask, card: str) -> dict[str, Array]:
    """Columns of the events of a chunk."""
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.reconstruct.flavorclass import flavorclass_columns
    from openbfactory.simulate import simulate

    loaded = load_card(card)
    truth, _ = generate_events(task.sample, task.events, task.address.at("generate"), loaded.machine, first=task.first)
    detected = simulate(truth, loaded, task.address.at("simulate"))
    return flavorclass_columns(Reconstruction.of_card(detected, loaded))


def write_flavorclass(path: str | Path, events: int, *, seed: int, card: str = "belle2",
                      chunk_size: int = CHUNK_SIZE) -> int:
    """Number of rows of a new file in the layout of the data set, from our own simulation."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.float32()) for name in names()])
    rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for columns in simulated_columns(events, seed=seed, card=card, chunk_size=chunk_size):
            writer.write_table(pa.table({name: pa.array(values, pa.float32()) for name, values in columns.items()}))
            rows += len(columns[LABEL])
    return rows


def compare_flavorclass(path: str | Path, events: int = EVENTS, *, seed: int = 1, card: str = "belle2",
                        progress: Progress | None = None) -> FlavorClassComparison:
    """Comparison of at most ``events`` rows of a file with as many simulated events.

    Parameters
    ----------
    path
        Parquet file of the data set, or of its layout.

    Raises
    ------
    EventFileError
        When the file is unreadable, empty or of another layout.
    PipelineError
        Without an event.
    """
    from openbfactory.select.comparison import SampleComparison

    file = FlavorClassFile(path)
    if not file.rows:
        file.findings.error("no-rows", "", "the file has no rows")
        raise EventFileError(file.findings)
    progress = progress or Progress("", quiet=True)
    with progress:
        progress.start(-(-events // CHUNK_SIZE), events)
        ours = simulated_columns(events, seed=seed, card=card, progress=progress)
        first_ours = next(ours)
        theirs = (_labelled(batch) for batch in file.batches(events))
        first_theirs = next(theirs)
        sums = SampleComparison(first_theirs, first_ours)
        rows = [0, 0]
        for which, first, others in ((0, first_theirs, theirs), (1, first_ours, ours)):
            for columns in _chain(first, others):
                sums.fill(which, columns)
                rows[which] += len(next(iter(columns.values())))
    provenance = Provenance(f"{card} {SAMPLE} {events}", seed, (SOURCE,))
    return FlavorClassComparison(file.path.name, (rows[0], rows[1]), sums.results(), file.findings, provenance)


def _chain(first: Mapping[str, Array], others: Iterator[dict[str, Array]]) -> Iterator[Mapping[str, Array]]:
    """The first batch and the others, one at a time."""
    yield first
    yield from others


def _labelled(columns: dict[str, Array]) -> dict[str, Array]:
    """The same with a label of 0 and 1 where it is -1 and +1."""
    label = columns.get(LABEL)
    if label is not None and np.any(label < 0):
        columns[LABEL] = (label + 1.0) / 2.0
    return columns
