"""What is timed of the flavour tagger: from detector objects to q r of the other B."""

from __future__ import annotations

import tempfile
from collections.abc import Callable


def flavour_tags() -> Callable[[int], object]:
    """Flavour of the other B in events of B0 -> nu nubar, from the detector objects on; 13 categories of 100 trees."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.pipeline.flavour_training import train_flavour_tagger
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.reconstruct.flavour_features import whole_events
    from openbfactory.reconstruct.flavour_tagger import load_tagger
    from openbfactory.simulate import simulate

    card, address, made = load_card("belle2"), Address(1, "nunubar", 0), {}
    with tempfile.TemporaryDirectory() as folder:
        train_flavour_tagger(12_000, folder)
        tagger = load_tagger(folder)

    def work(n: int) -> object:
        if n not in made:
            made[n] = simulate(generate_events("nunubar", n, address, card.machine)[0], card, address.at("simulate"))
        owner = Reconstruction.of_card(made[n], card)
        return tagger(owner, whole_events(owner))

    return work
