"""Events for the training of the hadronic tag: generic B pairs, and pairs that a generator filter chooses.

Right candidates for a B meson are rare (about one in a hundred events).  So more pairs are generated than simulated: of
these only those with a B that may be right go on, :func:`taggable`.  The right candidates of the chosen pairs are
used like those of generic ones; wrong candidates come from generic pairs alone, with which the odds are set.

Validity: the filter looks at the generated decays as truth matching does; what it misses (a K_S of which the simulation
makes something else, a misidentified particle) is missed among the chosen pairs only.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.events import Events
from openbfactory.physics.particles import species
from openbfactory.pipeline.chunks import ChunkTask, plan
from openbfactory.reconstruct.tag_channels import TagChannels

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
SAMPLES = ("charged", "mixed")
#: events of a batch, and index from which the batches of the filter count
BATCH, FILTERED = 5_000, 1_000_000
_PHOTON, _PI0 = 22, 111
#: energy [GeV] below which a photon may be radiated
_SOFT = 0.05


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """What to train on.

    Attributes
    ----------
    events
        Generic pairs, half of them charged.
    enrichment
        Further pairs that are generated for the filter, as a multiple of ``events``.
    seed
        Seed of the run.
    """

    events: int
    enrichment: int
    seed: int

    def tasks(self) -> Iterator[tuple[ChunkTask, bool]]:
        """Batches, and whether they are generic."""
        sizes = {SAMPLES[0]: (self.events + 1) // 2, SAMPLES[1]: self.events // 2}
        for task in plan(sizes, self.seed, BATCH):
            yield task, True
        more = {name: self.enrichment * size for name, size in sizes.items()}
        for task in plan(more, self.seed, 2 * BATCH):
            yield ChunkTask(task.sample, FILTERED + task.index, task.first, task.events, task.seed), False


def make_batch(task: ChunkTask, generic: bool, card: Any, channels: TagChannels) -> Events:
    """Detector objects with truth of a batch; only the pairs that the filter chooses where it is not generic."""
    from openbfactory.generate import generate_events
    from openbfactory.simulate import simulate

    events, _ = generate_events(task.sample, task.events, task.address.at("generate"), card.machine, first=task.first)
    if not generic:
        events = events.take(np.flatnonzero(taggable(events, channels)))
    return simulate(events, card, task.address.at("simulate"))


def taggable(events: Events, channels: TagChannels) -> Mask:
    """True (events,) where a particle that tags decays to a channel, and what it decays to does too.

    Charges and soft photons that no pi0 made are not looked at; excited states may be there or not.
    """
    truth = events["MCParticles"]
    code, mother = np.abs(truth["PDG"].astype(np.int64)), truth["mother"].astype(np.int64)
    above = np.where(mother >= 0, mother + np.repeat(truth.offsets[:-1], truth.counts), -1)
    allowed = _contents(channels)
    checked, closed = np.array([*allowed], np.int64), _closed(channels)
    token = np.isin(code, np.concatenate([checked, closed]))
    owner = above.copy()  # nearest ancestor that has a stage
    while np.any(step := (owner >= 0) & ~token[owner]):
        owner = np.where(step, above[owner], owner)
    of_mother = np.where(above >= 0, code[above], 0)
    stable = np.ones(len(code), np.bool_)
    stable[above[above >= 0]] = False
    counted = (token | stable) & (owner >= 0) & ~((code == _PHOTON) & (of_mother != _PI0) & (truth["E"] < _SOFT))
    kinds, inverse = np.unique(code, return_inverse=True)
    weight = np.array([_weight(int(kind)) for kind in kinds])[inverse]
    content = np.bincount(owner[counted], weights=weight[counted], minlength=len(code))
    good = np.ones(len(code), np.bool_)
    for particle, wanted in allowed.items():
        mine = code == particle
        good[mine] = np.isin(content[mine], wanted)
    inner = np.isin(code, checked) & (owner >= 0)
    for _ in range(len(channels.stages)):
        bad = inner & ~good
        good[owner[bad]] = False
    heads = np.isin(code, [species(name).pdg for name in channels.heads]) & good
    return np.bincount(truth.event_index()[heads], minlength=len(events)) > 0


def _weight(code: int) -> float:
    """A whole number for a |PDG code|, such that sums of few tell what was added."""
    return float(int.from_bytes(hashlib.blake2b(str(code).encode(), digest_size=5).digest(), "little"))


def _closed(channels: TagChannels) -> Index:
    """|PDG codes| of particles whose decay is not looked at: lists that are taken as they are."""
    return np.array([species(s.particle).pdg for s in channels.stages if s.of], np.int64)


def _contents(channels: TagChannels) -> dict[int, Array]:
    """Sums of weights that the decay of each particle with channels alone may have, excited states written out."""
    excited: dict[int, list[list[int]]] = {}
    found: dict[int, Array] = {}
    for stage in channels.stages:
        if stage.of:
            continue
        ways: list[list[int]] = []
        for mode in stage.modes():
            assert mode.decay is not None
            codes = [abs(d.pdg) for d in mode.decay.daughters]
            for parts in itertools.product(*[excited.get(code, [[code]]) for code in codes]):
                ways.append([code for part in parts for code in part])
        code = abs(species(stage.particle).pdg)
        if stage.window is not None and stage.window.quantity == "Q":
            excited[code] = ways
        else:
            found[code] = np.array([sum(_weight(c) for c in way) for way in ways])
    return found
