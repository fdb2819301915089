"""Small chunk functions, and a run that can be killed: ``python fake_chunks.py FOLDER WORKERS MODE``."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from openbfactory.core.errors import DecayFileError, OpenBFactoryError, UnknownNameError
from openbfactory.events import Events, Jagged
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.pipeline import ChunkTask, Progress, open_engine, open_store, plan, produce

MANIFEST = {"analysis": "fake", "seed": 5, "cuts": {"M": [1.7, 2.0]}}


@dataclass(frozen=True)
class FakeChunk:
    """Random tables; later chunks are faster, so that they finish out of order."""

    seconds: float = 0.0
    fail: str = ""

    def __call__(self, task: ChunkTask):
        if task.index == 2 and self.fail:
            fail(self.fail)
        time.sleep(self.seconds * (1.5 if task.index % 2 == 0 else 0.5))
        rng = task.address.at("generate").generator()
        mass = rng.normal(5.28, 0.01, task.events)
        kept = np.abs(mass - 5.28) < 0.02
        name = pa.DictionaryArray.from_arrays(np.zeros(kept.sum(), np.int32), [task.sample])
        table = pa.table({"event": task.first + np.flatnonzero(kept), "Mbc": mass[kept], "sample": name,
                          "hits": [list(range(int(n))) for n in rng.integers(0, 4, kept.sum())]})
        return table, {"kept": int(kept.sum()), "sum": float(mass.sum()), "cutflow": (task.events, int(kept.sum()))}


def fail(how: str) -> None:
    if how == "bug":
        _ = 1 / 0
    if how == "named":
        raise DecayFileError("no such decay")
    if how == "unknown":
        raise UnknownNameError("sample", "chraged", ["charged"])
    if how == "not-picklable":
        raise Awkward(1, 2)
    if how == "exit":
        os._exit(3)


class Awkward(OpenBFactoryError):
    """An error that cannot be made again from its text."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} and {right}")


@dataclass(frozen=True)
class Total:
    """A record that adds up."""

    events: int

    def __add__(self, other: Total) -> Total:
        return Total(self.events + other.events)


def fake_events(task: ChunkTask) -> tuple[Events, Total]:
    """Random generated particles of a chunk."""
    time.sleep(0.05 if task.index % 2 == 0 else 0.0)
    rng = task.address.at("generate").generator()
    counts = rng.integers(1, 5, task.events)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    columns = {c.name: rng.random(offsets[-1]) if c.dtype == "float64" else np.full(offsets[-1], -1, np.int32)
               for c in MC_PARTICLES.required}
    columns["E"] += 3
    columns["PDG"][:] = 22
    columns["PDG"][offsets[:-1]] = 300553
    events = Events.of_process(task.sample, task.events, first=task.first, MCParticles=Jagged(offsets, columns))
    return events, Total(task.events)


def tree(folder: Path) -> dict[str, bytes]:
    """Content of every file of a run."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
            and p.name != ".lock"}


def main() -> None:
    folder, workers, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with open_store(folder, MANIFEST, resume=mode == "resume") as store, open_engine(workers) as engine, \
            Progress("fake") as progress:
        produce(plan({"charged": 1050, "mixed": 320}, 5, 100), FakeChunk(0.15 if mode == "slow" else 0.0), store,
                engine, progress)


if __name__ == "__main__":
    main()
