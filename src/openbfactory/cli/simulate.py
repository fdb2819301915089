"""``obf simulate``: generated events through a detector into an event file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    file: Annotated[Path, typer.Argument(help="Event file with generated particles.")],
    output: Annotated[Path, typer.Option(help="Event file: .parquet or .root.")],
    detector: Annotated[str, typer.Option(help="Name or path of the card, with :PERIOD for a run period.")] = "belle2",
    seed: Annotated[int | None, typer.Option(help="Seed of the detector; that of the file unless given.",
                                             min=0)] = None,
) -> None:
    """Simulate a detector: tracks, clusters and identification of the particles in a file."""
    from openbfactory.experiment import check_card
    from openbfactory.pipeline import Progress, simulate_file

    for finding in check_card(detector):
        if finding.severity == "warning":
            print(f"{detector}: {finding.render()}", file=sys.stderr)
    events = simulate_file(file, detector, output, seed=seed, progress=Progress(f"simulate {detector}"))
    print(f"{output}: {events} events")
