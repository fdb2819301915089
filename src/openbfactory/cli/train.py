"""``obf train``: classifiers of the hadronic tag, the flavour tagger, and the network of the track trigger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openbfactory.cli.train_flavour import flavour_tagger
from openbfactory.cli.train_hadronic_tag import hadronic_tag

app = typer.Typer(help="Train what a card needs: hadronic tag, flavour tagger, network of the track trigger.",
                  no_args_is_help=True)
app.command("hadronic-tag")(hadronic_tag)
app.command("flavour-tagger")(flavour_tagger)


@app.callback()
def train() -> None:
    """Train what a card needs: hadronic tag, flavour tagger, network of the track trigger."""


@app.command("trigger")
def trigger(
    output: Annotated[Path, typer.Option(help="File of the network: .json, to be named in the card.")],
    detector: Annotated[str, typer.Option(help="Name or path of the card.")] = "belle2",
    seed: Annotated[int, typer.Option(help="Seed of tracks and training.", min=0)] = 1,
    tracks: Annotated[int, typer.Option(help="Tracks that are simulated.", min=1)] = 1_500_000,
    epochs: Annotated[int, typer.Option(help="How often each track is seen.", min=1)] = 80,
) -> None:
    """Train the network of the track trigger on simulated track segments of the card's drift chamber."""
    from openbfactory.core.errors import ConfigError
    from openbfactory.experiment import load_card
    from openbfactory.experiment.network import write_network
    from openbfactory.pipeline import Progress
    from openbfactory.simulate.trigger_training import half_width, neural_tracks, train_network

    if output.suffix != ".json" or not output.parent.is_dir():
        message = f"--output {output}: expected a file that ends in .json, in a folder that exists"
        raise ConfigError(message)
    card = load_card(detector, untrained=True)
    progress = Progress("train trigger")

    def report(epoch: int, loss: float) -> None:
        if epoch == 0 or (epoch + 1) % max(1, epochs // 8) == 0:
            progress.note(f"train trigger: epoch {epoch + 1} of {epochs}, loss {loss:.5f}")

    network = train_network(card, seed=seed, tracks=tracks, epochs=epochs, report=report)
    write_network(network, output)
    print(f"{output}: {network.inputs} inputs, {len(network.hidden)} hidden neurons")
    for pt in (0.4, 1.0, 3.0):
        found = neural_tracks(card, network, pt, 0.0, 20_000)
        z = found[found[:, 1] > 0, 2]
        print(f"pT {pt:g} GeV: central 68 % of z within +-{half_width(z):.1f} cm of tracks from the origin"
              if len(z) else f"pT {pt:g} GeV: no neural tracks")
    print(f"name it in the card: detector.trigger.segments.network: {output.name}")
