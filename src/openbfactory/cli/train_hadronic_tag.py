"""``obf train hadronic-tag``: the classifiers of the full event interpretation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def hadronic_tag(
    events: Annotated[int, typer.Option(help="Generic B pairs to train on, half of them charged.", min=2)],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the classifiers.")],
    detector: Annotated[str, typer.Option(help="Name or path of the card.")] = "belle2",
    channels: Annotated[Path | None, typer.Option(help="YAML file with the channels; the packaged ones if absent.")
                        ] = None,
    enrichment: Annotated[int, typer.Option(
        help="Further pairs that are generated, as a multiple; those with a B in a channel are simulated.", min=0)] = 4,
    seed: Annotated[int, typer.Option(help="Seed of every random number.", min=0)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
) -> None:
    """Train the hadronic tag: one classifier a channel of every stage; the same seed gives the same files."""
    from openbfactory.pipeline import Progress
    from openbfactory.pipeline.tag_training import train_hadronic_tag
    from openbfactory.reconstruct.tag_channels import CHANNELS

    done = train_hadronic_tag(output, events=events, seed=seed, card=detector, channels=channels or CHANNELS,
                              enrichment=enrichment, resume=resume, progress=Progress("train hadronic-tag"))
    print(f"{output}: {done.trained} channels trained, {done.resumed} were there; {done.events} generic events and "
          f"{done.chosen} chosen of {enrichment * events}")
