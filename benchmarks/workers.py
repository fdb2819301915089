"""Wall time of B+ -> K+ nu nubar chunks with one and two Dask workers: ``python -m benchmarks.workers [EVENTS]``.

Workers read the compiled kernels before the clock starts.  Two workers need two idle cores: the load of the machine
is printed, and a ratio that was taken under load says nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from openbfactory.analyses.knunu.chunk import ChunkMaker
from openbfactory.pipeline.chunks import plan
from openbfactory.pipeline.costs import CostLog
from openbfactory.pipeline.engines import open_engine
from openbfactory.pipeline.produce import produce
from openbfactory.pipeline.store import open_store
from openbfactory.pipeline.warmup import compile_kernels
from openbfactory.reconstruct.config import InclusiveTagConfig

CHUNK = 5000


def timed(workers: int, events: int) -> tuple[float, float]:
    """Wall and CPU seconds of the chunks, workers started and warm."""
    maker = ChunkMaker("belle2", InclusiveTagConfig(), ())
    warm = plan({"charged": 2 * workers * 100}, 1, 100)
    tasks = plan({"charged": events}, 2, CHUNK)
    compile_kernels(maker, warm)
    with tempfile.TemporaryDirectory() as name, open_engine(workers) as engine:
        folder = Path(name)
        with open_store(folder / "warm", {"warm": workers}) as store:
            produce(warm, maker, store, engine)
        with open_store(folder / "run", {"run": workers}) as store:
            begin = time.perf_counter()
            produce(tasks, maker, store, engine, costs=CostLog(folder / "run"))
            wall = time.perf_counter() - begin
        return wall, sum(c.seconds for c in CostLog(folder / "run").read())


def main() -> None:
    """Print the table."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 80_000
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} before the start"
          + ("" if load < 0.3 else ": NOT an idle machine, the ratio of wall times says nothing"))
    found = {}
    for workers in (1, 2):
        found[workers], cpu = timed(workers, events)
        print(f"{workers} worker{'s' if workers > 1 else ' '}: {events} events in {found[workers]:.1f} s "
              f"({events / found[workers]:.0f} events/s), {cpu:.1f} CPU s ({events / cpu:.0f} events per CPU s)")
    print(f"two workers over one: {found[1] / found[2]:.2f} times")


if __name__ == "__main__":
    main()
