"""The hadronic tag of simulated B pairs made beforehand, with classifiers trained once (``out/benchmarks``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Work = Callable[[int], object]
FOLDER, TRAINING, BATCH = Path("out/benchmarks/hadronic-tag"), 6_000, 4_000


def tagging() -> Work:
    """Best tags of both charges in half B+ B-, half B0 B0bar."""
    from openbfactory.core.random import Address
    from openbfactory.events import Events
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.pipeline.tag_training import train_hadronic_tag
    from openbfactory.pipeline.tagging import tags_of
    from openbfactory.reconstruct.hadronic_tag import load_tag
    from openbfactory.simulate import simulate

    train_hadronic_tag(FOLDER, events=TRAINING, seed=1, resume=True)
    tag, card, parts = load_tag(FOLDER), load_card("belle2"), []
    for sample in ("charged", "mixed"):
        address = Address(2, sample)
        made = generate_events(sample, BATCH // 2, address, card.machine)[0]
        parts.append(simulate(made, card, address.at("simulate")))
    events = Events.concatenate(parts)

    def batch() -> object:
        tags, _ = tags_of(events, card, tag)
        return tags.table(["Mbc", "deltaE", "extraInfo(SignalProbability)"])

    return lambda n: [batch() for _ in range(max(n // BATCH, 1))]
