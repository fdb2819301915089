"""``obf tag``: the hadronic tag of an event file into a flat ntuple."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tag(
    file: Annotated[Path, typer.Argument(help="Event file with detector objects.")],
    classifiers: Annotated[Path, typer.Option(metavar="DIR", help="Folder that 'obf train hadronic-tag' wrote.")],
    output: Annotated[Path, typer.Option(help="Ntuple: .root or .parquet.")],
    best: Annotated[int, typer.Option(help="Candidates to keep of each event for B+ and for B0, most probable first.",
                                      min=1)] = 1,
    detector: Annotated[str | None, typer.Option(help="Name or path of the card; that of the file if absent.")] = None,
    counts: Annotated[Path | None, typer.Option(help="JSON file: candidates of every channel and what became of them.")
                      ] = None,
) -> None:
    """Tag events with fully reconstructed hadronic decays of a B: Mbc, deltaE, SignalProbability, decayModeID ..."""
    from openbfactory.pipeline import Progress
    from openbfactory.pipeline.tagging import tag_file

    done = tag_file(file, classifiers, output, best=best, card=detector, counts=counts, progress=Progress("tag"))
    found = ", ".join(f"{number} with {particle}" for particle, number in done.with_tag.items())
    print(f"{output}: {done.candidates} candidates of {done.events} events ({found})")
    for line in done.lines():
        print(f"  {line}")
