"""Chunks: a sample is cut into pieces of some 10^4 events that do not know of each other.

What happens in a chunk depends on its address (run seed, sample, index) and on
nothing else, so the pieces may be made in any order, anywhere, and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from openbfactory.core.errors import PipelineError
from openbfactory.core.random import Address

if TYPE_CHECKING:
    from openbfactory.experiment import Card

#: events in a chunk, unless asked otherwise
CHUNK_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """One chunk of a sample.

    Attributes
    ----------
    sample
        Name of the sample.
    index
        Index of the chunk within the sample, from 0.
    first
        Number of its first event.
    events
        Number of its events.
    seed
        Seed of the run.
    """

    sample: str
    index: int
    first: int
    events: int
    seed: int

    @property
    def name(self) -> str:
        """Name for messages, such as ``charged/3``."""
        return f"{self.sample}/{self.index}"

    @property
    def address(self) -> Address:
        """Address of the random numbers of this chunk; refine with ``.at(stage)``."""
        return Address(self.seed, self.sample, self.index)


@cache
def _named(name: str) -> Card:
    from openbfactory.experiment import load_card

    return load_card(name)


def card_of(name: str) -> Card:
    """Card of a name or file; named ones, which do not change, are read once a process and not once a chunk."""
    from openbfactory.experiment import load_card

    return load_card(name) if "/" in name or ".yaml" in name or ".yml" in name else _named(name)


def plan(samples: Mapping[str, int], seed: int, chunk_size: int = CHUNK_SIZE) -> tuple[ChunkTask, ...]:
    """Chunks of all samples, in order.

    Parameters
    ----------
    samples
        Name of a sample to its number of events.

    Raises
    ------
    PipelineError
        For a negative number of events or a chunk size below 1.
    """
    if chunk_size < 1:
        message = f"a chunk needs at least one event, asked for {chunk_size}"
        raise PipelineError(message)
    tasks = []
    for sample, events in samples.items():
        if events < 0:
            message = f"sample '{sample}': the number of events cannot be negative, asked for {events}"
            raise PipelineError(message)
        for index, first in enumerate(range(0, events, chunk_size)):
            tasks.append(ChunkTask(sample, index, first, min(chunk_size, events - first), seed))
    return tuple(tasks)
