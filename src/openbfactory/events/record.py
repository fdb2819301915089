"""Events in memory: contiguous columns and offsets, and awkward arrays outside.

Kernels take the columns as they are; :meth:`Events.to_awkward` gives the same
memory to users as awkward records without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.events.columns import COLLECTIONS, EVENT, Collection

Array = npt.NDArray[Any]


@dataclass(slots=True)
class Jagged:
    """A list of records an event, as columns and offsets.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Records of event ``i`` are ``offsets[i]:offsets[i + 1]``.
    columns
        Name to array of shape (offsets[-1],) or (offsets[-1], width).
    """

    offsets: Array
    columns: dict[str, Array]

    @classmethod
    def empty(cls, collection: Collection, events: int = 0) -> Jagged:
        """``events`` empty lists with the declared columns."""
        return cls(np.zeros(events + 1, np.int64), {c.name: c.empty() for c in collection.columns})

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    @property
    def size(self) -> int:
        """Number of records in all events."""
        return int(self.offsets[-1] - self.offsets[0])

    @property
    def counts(self) -> Array:
        """Number of records of each event, (n,) int64."""
        return np.diff(self.offsets)

    def event_index(self) -> Array:
        """Event of each record, (size,) int64."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts)

    def take(self, events: Array) -> Jagged:
        """The lists of the events with the given indices (or mask), copied."""
        if events.dtype == np.bool_:
            events = np.flatnonzero(events)
        counts = self.counts[events]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        index = np.arange(offsets[-1]) + np.repeat(self.offsets[events] - offsets[:-1], counts)
        return Jagged(offsets, {k: v[index] for k, v in self.columns.items()})

    def select(self, mask: Array) -> Jagged:
        """The records where ``mask`` (size,) is true; every event is kept."""
        kept = np.concatenate([[0], np.cumsum(mask)]).astype(np.int64)
        return Jagged(kept[self.offsets], {k: v[mask] for k, v in self.columns.items()})

    @staticmethod
    def concatenate(parts: Sequence[Jagged]) -> Jagged:
        """The lists of all parts, one after the other."""
        counts = np.concatenate([p.counts for p in parts])
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Jagged(offsets, {k: np.concatenate([p[k] for p in parts]) for k in parts[0].columns})


@dataclass(slots=True)
class Events:
    """Events: numbers of the event and lists of records.

    Attributes
    ----------
    event : (n,) int64
    weight : (n,) float64
    process : (n,) int32
        Index into ``process_names``.
    process_names
        Names of the processes.
    lists
        Collection name (see :mod:`openbfactory.events.columns`) to records.
    """

    event: Array
    weight: Array
    process: Array
    process_names: tuple[str, ...]
    lists: dict[str, Jagged] = field(default_factory=dict)

    @classmethod
    def of_process(cls, name: str, size: int, *, first: int = 0, **lists: Jagged) -> Events:
        """``size`` events of one process with weight 1, numbered from ``first``."""
        return cls(np.arange(first, first + size, dtype=np.int64), np.ones(size), np.zeros(size, np.int32), (name,),
                   dict(lists))

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, name: str) -> Jagged:
        return self.lists[name]

    def with_lists(self, **lists: Jagged) -> Events:
        """The same events with further (or replaced) lists."""
        return Events(self.event, self.weight, self.process, self.process_names, {**self.lists, **lists})

    def without(self, *names: str) -> Events:
        """The same events without the named lists."""
        kept = {k: v for k, v in self.lists.items() if k not in names}
        return Events(self.event, self.weight, self.process, self.process_names, kept)

    def without_truth(self) -> Events:
        """The same events as data would be: no MCParticles, MCWeights or MCSecondaries, every ``mc*`` column gone."""
        kept = {name: Jagged(j.offsets, {k: v for k, v in j.columns.items() if not k.startswith("mc")})
                for name, j in self.lists.items() if not name.startswith("MC")}
        return Events(self.event, self.weight, self.process, self.process_names, kept)

    def take(self, events: Array) -> Events:
        """The events with the given indices (or mask)."""
        return Events(self.event[events], self.weight[events], self.process[events], self.process_names,
                      {k: v.take(events) for k, v in self.lists.items()})

    @staticmethod
    def concatenate(parts: Sequence[Events]) -> Events:
        """All events of all parts, in order."""
        names = tuple(dict.fromkeys(n for p in parts for n in p.process_names))
        process = [np.array([names.index(n) for n in p.process_names], np.int32)[p.process] for p in parts]
        return Events(np.concatenate([p.event for p in parts]), np.concatenate([p.weight for p in parts]),
                      np.concatenate(process), names,
                      {k: Jagged.concatenate([p[k] for p in parts]) for k in parts[0].lists})

    def to_awkward(self) -> Any:
        """An awkward array of records with fields event, weight, process (text) and the lists."""
        import awkward as ak

        fields: dict[str, Any] = {"event": self.event, "weight": self.weight,
                                  "process": ak.Array([*self.process_names])[self.process]}
        for name, jagged in self.lists.items():
            records = ak.zip(jagged.columns, depth_limit=1) if jagged.columns else ak.Array([])
            layout = ak.contents.ListOffsetArray(ak.index.Index64(jagged.offsets), records.layout)
            fields[name] = ak.Array(layout)
        return ak.zip(fields, depth_limit=1)


def declared(name: str) -> Collection:
    """Declaration of a collection by name.

    Raises
    ------
    UnknownNameError
        With the nearest declared name.
    """
    from openbfactory.core.errors import UnknownNameError

    if name not in COLLECTIONS:
        raise UnknownNameError("collection", name, COLLECTIONS)
    return COLLECTIONS[name]


EVENT_COLUMNS = tuple(c.name for c in EVENT)
