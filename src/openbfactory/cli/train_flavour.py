"""``obf train flavour-tagger``: the classifiers of the flavour tagger, measured on events of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def flavour_tagger(
    events: Annotated[int, typer.Option(help="Events to generate: half of them train the categories, a third their "
                                             "combination, the others measure.", min=1)],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the tagger.")],
    seed: Annotated[int, typer.Option(help="Seed of every random number.", min=0)] = 1,
    detector: Annotated[str, typer.Option(help="Name or path of the detector card.")] = "belle2",
) -> None:
    """Train the flavour tagger on B0 -> nu nubar events and measure its effective efficiency."""
    from openbfactory.pipeline import Progress
    from openbfactory.pipeline.flavour_training import train_flavour_tagger
    from openbfactory.report.flavour import write_flavour_report

    done = train_flavour_tagger(events, output, seed=seed, card=detector, progress=Progress("train flavour-tagger"))
    page = write_flavour_report(done.record, done.qr, done.flavour, output / "flavour-tagger.html")
    found = done.performance
    print(f"{output}: effective efficiency {100 * found.effective:.1f} +- {100 * found.error:.1f} % on "
          f"{found.events} events, {100 * found.efficiency:.1f} % of them with a tag")
    for part in found.bins:
        if part.dilution is not None and part.r is not None:
            print(f"  r {part.low:5.3f} to {part.high:5.3f}: {100 * part.fraction:5.1f} % of events, "
                  f"mean r {part.r:.3f}, 1 - 2w {part.dilution:6.3f} +- {part.error:.3f}")
    print(f"  {page}")
