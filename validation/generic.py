"""Generic events for comparisons: Upsilon(4S) -> B Bbar at rest with the decay files of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from validation.rows import reference_input

CHUNK = 10_000


def bbbar_chunks(events: int, *, photons: bool, seed: int = 1) -> Iterator[Any]:
    """MCParticles of chunks of Upsilon(4S) -> B Bbar at rest (10.58 GeV), with photon radiation or without."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.particles import UPSILON_4S

    text = reference_input("evtgen", "bb.dec").read_text()
    table = load_decay_table(reference_input("evtgen", "DECAY_BELLE2_evtgen.dec"),
                             overlay=text if photons else f"noPhotos\n{text}")
    columns = {c.name: c.empty(CHUNK) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = UPSILON_4S, -1, 10.58
    for chunk in range(events // CHUNK):
        yield decay_events(Jagged(np.arange(CHUNK + 1), columns), table, Address(seed, "validation/bbbar", chunk))[0]


def has_daughters(particles: Any) -> Any:
    """Mask of the records that decayed."""
    first = np.repeat(particles.offsets[:-1], particles.counts)
    mothers = np.asarray(particles["mother"])
    found = np.zeros(len(mothers), bool)
    found[(first + mothers)[mothers >= 0]] = True
    return found
