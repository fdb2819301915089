"""Produce chunks: plan, engine and store put together.

The same plan, function and manifest give the same files, byte for byte, for any
engine, any number of workers, and however often the run was stopped.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from openbfactory.events import Events
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.pipeline.costs import Cost, CostLog, peak_memory
from openbfactory.pipeline.engines import Engine
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import ChunkStore

#: gives the content of a chunk (Arrow table, events or bytes) and a small JSON-able summary
ChunkFunction = Callable[[ChunkTask], tuple[Any, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A chunk function whose content is turned into bytes where it runs; what it cost comes with it."""

    function: ChunkFunction

    def __call__(self, task: ChunkTask) -> tuple[bytes, dict[str, Any], Cost]:
        begin = time.process_time()
        content, summary = self.function(task)
        data = encode(content)
        cost = Cost(f"{task.sample}/{task.index}", task.events, time.process_time() - begin, peak_memory(), len(data))
        return data, json.loads(json.dumps(dict(summary))), cost


def encode(content: Any) -> bytes:
    """Bytes of the file of a chunk: those given, or a Parquet file of the table or events."""
    if isinstance(content, bytes):
        return content
    from openbfactory.events.parquet import TableWriter, to_table

    target = io.BytesIO()
    writer = TableWriter(target)
    writer.append(to_table(content) if isinstance(content, Events) else content)
    writer.close()
    return target.getvalue()


def produce(tasks: Iterable[ChunkTask], function: ChunkFunction, store: ChunkStore, engine: Engine,
            progress: Progress | None = None, costs: CostLog | None = None) -> list[dict[str, Any]]:
    """Summaries of all chunks in the order of the plan; the chunks are files of the store.

    Chunks that are finished already are not made again; damaged ones are, and
    are named.

    Parameters
    ----------
    function
        Picklable; is called with a task, on a worker.
    costs
        Where to write what each chunk cost, None for nowhere.

    Raises
    ------
    OpenBFactoryError
        When a chunk fails; what is finished stays in the store.
    """
    tasks = list(tasks)
    progress = progress or Progress("", quiet=True)
    summaries: dict[ChunkTask, dict[str, Any]] = {}
    for task in tasks:
        summary = store.finished(task)
        if summary is not None:
            summaries[task] = summary
    for line in store.damaged:
        progress.note(line)
    missing = [task for task in tasks if task not in summaries]
    if summaries:
        progress.note(f"{len(summaries)} of {len(tasks)} chunks are finished already")
    progress.start(len(missing), sum(task.events for task in missing))
    for task, (data, summary, cost) in engine.map(_Encoded(function), missing):
        summaries[task] = store.put(task, data, summary)
        if costs is not None:
            costs.add(cost)
        progress.advance(task)
    return [summaries[task] for task in tasks]
