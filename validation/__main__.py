"""Writes one table of comparisons with other programs and published numbers (``out/validation.md``).

Each row comes from a module of this folder with a function ``rows() -> list[Row]``; a comparison whose reference input
is absent says so and is left out.  Exit code 1 when a verdict is "differs".
"""

from __future__ import annotations

import sys
from pathlib import Path

from validation import (
    evtgen_chains,
    evtgen_multiplicities,
    evtgen_weights,
    inference,
    photon_radiation,
    published_likelihood,
    tau_pairs,
)
from validation.rows import Row

MODULES = {"published likelihood": published_likelihood, "EvtGen multiplicities": evtgen_multiplicities,
           "EvtGen weights": evtgen_weights,
           "EvtGen chains": evtgen_chains,
           "inference": inference, "photon radiation": photon_radiation, "tau pairs": tau_pairs}


def main() -> int:
    """Run the comparisons named on the command line, all by default."""
    chosen = sys.argv[1:] or list(MODULES)
    rows: list[Row] = []
    for name in chosen:
        print(f"{name} ...", flush=True)
        try:
            rows += MODULES[name].rows()
        except FileNotFoundError as absent:
            print(f"  left out: {absent}")
    lines = ["| what | reference | here | tolerance | verdict |", "|---|---|---|---|---|"]
    lines += [row.line() for row in rows]
    target = Path("out/validation.md")
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    differs = [row for row in rows if not row.agrees]
    print(f"{len(differs)} of {len(rows)} rows differ; table in {target}")
    return 1 if differs else 0


if __name__ == "__main__":
    raise SystemExit(main())
