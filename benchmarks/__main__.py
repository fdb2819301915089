"""Prints events/s of each stage on one core, with peak memory, next to the peers that pip can install.

Each row runs in a process of its own, pinned to one core and one thread; a first small call compiles or
loads the kernels and is not counted (its time is in its own column).  The rate per CPU second is that of an idle
machine, whatever else runs.  Names as arguments choose rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.rows import ROWS
from benchmarks.simulation import RECORDED

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_row(name: str) -> dict[str, float] | None:
    """Figures of one row, None where its peer is not installed."""
    pin = ["taskset", "-c", "0"] if sys.platform == "linux" else []
    done = subprocess.run([*pin, sys.executable, "-m", "benchmarks.rows", name], capture_output=True, text=True,
                          env={**os.environ, **THREADS}, check=False)
    if done.returncode == 3:
        return None
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(1)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the rows that were asked for and print the table."""
    names = sys.argv[1:] or list(ROWS)
    wrong = [n for n in names if n not in ROWS]
    if wrong:
        message = f"no such row: {', '.join(wrong)}; rows: {', '.join(ROWS)}"
        raise SystemExit(message)
    print(f"{'row':<34}{'what':<52}{'unit':>10}{'number':>10}{'s':>9}{'rate /s':>12}{'per CPU s':>12}"
          f"{'first s':>9}{'MB':>7}")
    results = {}
    for name in names:
        figures = run_row(name)
        title, unit = ROWS[name][:2]
        if figures is None:
            print(f"{name:<34}{title:<52}{'not installed':>14}")
            continue
        results[name] = figures
        print(f"{name:<34}{title:<52}{unit:>10}{figures['number']:>10.0f}{figures['seconds']:>9.2f}"
              f"{figures['rate']:>12,.0f}{figures['cpu_rate']:>12,.0f}{figures['first']:>9.2f}"
              f"{figures['memory']:>7.0f}", flush=True)
    for begin, text in RECORDED.items():
        if any(name.startswith(begin) for name in names):
            print(f"{begin}*: {text}")
    target = Path("out/benchmarks.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
