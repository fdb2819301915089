"""Rows of the detector simulation: in memory, and `obf simulate` from file to file; the recorded figure of Delphes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Work = Callable[[int], object]

#: figures of programs that pip cannot install, measured once; printed with the rows whose names begin so
RECORDED = {"simulate-": (
    "recorded on 2026-11-22, not in this table's run (built from source against the ROOT wheel): Delphes 3.5.1pre15+ "
    "(github.com/delphes/delphes 0ee14ba), DelphesHepMC3 with a simple Belle-like card (1.5 T, efficiencies, smearing, "
    "144 x 46 calorimeter cells), 10 000 u, d, s, c events from HepMC3 to ROOT: 3 390 events/s, 6 290 events/s without "
    "start-up, 514 MB; one core of the 2-core AMD EPYC machine on which the figures of docs and CHANGELOG were taken")}


def simulate_stage(sample: str) -> Work:
    """Detector simulation of events made beforehand."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.simulate import simulate

    card = load_card("belle2")
    made: dict[int, object] = {}

    def work(n: int) -> object:
        if n not in made:
            made[n] = generate_events(sample, n, Address(1, sample, n), card.machine)[0]
        return simulate(made[n], card, Address(1, sample, n, "simulate"))

    return work


def simulate_stored(sample: str, events: int) -> Work:
    """`obf simulate` of a file of truth that another process wrote; reading, checks and writing are counted."""
    from openbfactory.pipeline.generation import simulate_file

    folder, begin = Path(tempfile.mkdtemp()), time.perf_counter()
    for number in (1, events):
        subprocess.run([sys.executable, "-m", "benchmarks.simulation", sample, str(number), str(folder)], check=True)

    def work(n: int) -> object:
        stored = folder / f"{events if n > 1 else 1}.parquet"
        try:
            return simulate_file(stored, "belle2", folder / "out.parquet")
        finally:
            if n == events:  # a row of this kind is timed once
                stored.unlink()
            (folder / "out.parquet").unlink(missing_ok=True)

    work.prepared = time.perf_counter() - begin  # type: ignore[attr-defined]
    return work


def store(sample: str, events: int, folder: Path) -> None:
    """Write a file of truth."""
    from openbfactory.pipeline.generation import generate_file

    generate_file(sample, events, 1, folder / f"{events}.parquet")


if __name__ == "__main__":
    store(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
