"""Writes one table of comparisons with other programs, closed forms and published numbers (``out/validation.md``).

Each row comes from a module of this folder with a function ``rows() -> list[Row]``; a comparison whose reference input
is absent says so and is left out.  Figures are in ``out/validation/``.  Exit code 0 only when every row agrees or is in
:mod:`validation.known_differences` with its size and reason, and no row of that table has come to agree.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from validation import (
    candidates,
    chain_photons,
    chain_times,
    closed_forms,
    conservation,
    detector_calorimeter,
    detector_identification,
    detector_muons,
    detector_tracking,
    detector_trigger,
    evtgen_chains,
    evtgen_multiplicities,
    flavour,
    hadronic_tag,
    inference,
    lifetimes,
    partonic,
    published_likelihood,
    reconstruction,
    tau_mass,
    tau_pairs,
)
from validation.known_differences import KNOWN
from validation.rows import Row, line, verdict

MODULES = {"published likelihood": published_likelihood, "EvtGen multiplicities": evtgen_multiplicities,
           "closed forms": closed_forms, "conservation laws": conservation, "partonic decays": partonic,
           "EvtGen chains": evtgen_chains, "EvtGen chains with photons": chain_photons,
           "EvtGen pairs of B mesons": chain_times, "hadronic tag": hadronic_tag,
           "inference": inference, "tau pairs": tau_pairs, "tau mass": tau_mass, "lifetimes": lifetimes,
           "reconstruction": reconstruction, "candidates": candidates, "flavour": flavour,
           "trigger": detector_trigger, "muons": detector_muons, "detector tracking": detector_tracking,
           "calorimeter": detector_calorimeter, "identification": detector_identification}


def main() -> int:
    """Run the comparisons named on the command line, all by default."""
    chosen = sys.argv[1:] or list(MODULES)
    wrong = [name for name in chosen if name not in MODULES]
    if wrong:
        print(f"no such comparison: {', '.join(wrong)}; there are: {', '.join(MODULES)}")
        return 2
    rows: list[Row] = []
    for name in chosen:
        print(f"{name} ...", flush=True)
        started = time.perf_counter()
        try:
            rows += MODULES[name].rows()
        except FileNotFoundError as absent:
            print(f"  left out: {absent}")
        print(f"  {time.perf_counter() - started:.0f} s", flush=True)
    return report(rows)


def report(rows: list[Row]) -> int:
    """Write and print the table; 0 when every row is as it should be."""
    verdicts = [verdict(row, KNOWN) for row in rows]
    lines = ["| what | reference | here | tolerance | verdict | remark |", "|---|---|---|---|---|---|"]
    lines += [line(row, words) for row, (_, words) in zip(rows, verdicts, strict=True)]
    target = Path("out/validation.md")
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    wrong = [row for row, (fine, _) in zip(rows, verdicts, strict=True) if not fine]
    known = sum(row.what in KNOWN for row in rows)
    for row in wrong:
        print(f"NOT AS IT SHOULD BE: {row.what}")
    print(f"{len(rows)} rows: {len(rows) - known - len(wrong)} agree, {known} known differences, {len(wrong)} not as "
          f"they should be; table in {target}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
