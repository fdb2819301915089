"""What chunks and stages of a run cost: CPU seconds, peak memory and bytes, in a file beside what they make.

The file is no part of a run's result: it differs from run to run and from
machine to machine, everything else in the folder does not.  A line is written
when a chunk is finished, so an interrupted and resumed run has them all; what
is made twice counts with its last line.

Approximation: the CPU seconds are those of the process that made the chunk, with
the threads of its libraries; the first chunk of a process reads compiled kernels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: name of the file in an output folder
COSTS = "cost.tsv"
_HEAD = "what\tevents\tcpu_seconds\tpeak_megabytes\tbytes"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a chunk (named ``sample/index``) or stage cost; peak memory of its process so far [MB], size of its file."""

    what: str
    events: int
    seconds: float
    memory: float = 0.0
    size: int = 0

    @property
    def sample(self) -> str:
        """Name of the sample, empty for a stage."""
        return self.what.rpartition("/")[0]

    @property
    def index(self) -> int:
        """Index of the chunk, -1 for a stage."""
        return int(self.what.rpartition("/")[2]) if self.sample else -1


@dataclass(frozen=True, slots=True)
class CostLog:
    """The file of costs of one output folder."""

    folder: Path

    def add(self, cost: Cost) -> None:
        """Write one line."""
        path = self.folder / COSTS
        with path.open("a", encoding="utf-8") as file:
            if not file.tell():
                print(_HEAD, file=file)
            print(cost.what, cost.events, f"{cost.seconds:.3f}", f"{cost.memory:.0f}", cost.size, sep="\t", file=file)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Context that writes the CPU seconds of this process while it is open."""
        begin = time.process_time()
        yield
        self.add(Cost(name, 0, time.process_time() - begin, peak_memory()))

    def read(self) -> list[Cost]:
        """Costs in the order in which they were first written; lines that cannot be read are left out."""
        try:
            lines = (self.folder / COSTS).read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        found = {}
        for line in lines[1:]:
            cells = line.split("\t")
            try:
                cost = Cost(cells[0], int(cells[1]), float(cells[2]), float(cells[3]), int(cells[4]))
                found[cost.what] = cost
            except (IndexError, ValueError):
                continue
        return list(found.values())


def peak_memory() -> float:
    """Largest resident memory of this process so far [MB]; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # pragma: no cover - not on this system
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
