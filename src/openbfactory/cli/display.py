"""``obf display``: events of a file as one page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def display(
    file: Annotated[Path, typer.Argument(help="Event file with generated particles, detector objects, or both.")],
    output: Annotated[Path, typer.Option(help="Page: .html.")],
    event: Annotated[str | None, typer.Option(
        metavar="N[,M|,FIRST:END]", help="Numbers of events: 3,7,9 or 0:10 (0 to 9) [default: the first].")] = None,
    detector: Annotated[str | None, typer.Option(help="Name or path of the card; that of the file if absent.")] = None,
    decay: Annotated[str, typer.Option(help="Decay string whose candidates are marked: 'D0 -> K- pi+'.")] = "",
    cut: Annotated[str, typer.Option(help="Cut string of these candidates.")] = "",
) -> None:
    """Draw events: detector, tracks, clusters and truth on a page that needs no network."""
    from openbfactory.pipeline.display import display_file

    drawn = display_file(file, output, events=event, card=detector, decay=decay, cut=cut)
    print(f"{output}: {drawn} event{'s' if drawn > 1 else ''}, {output.stat().st_size / 1e3:.0f} kB")
