"""Particles of reconstruction: one growing table of columns that every list points into.

A particle is a row: four-momentum, identity, the detector object it comes from
or its daughters, and its sources, the detector objects at the bottom.  A list
is an array of rows in the order of the events; cutting and copying a list
copies row numbers only.  A particle and its charge conjugate are in the same
list, told apart by their flavour.

Rows are never changed after the list that made them is complete, but for fits,
which write momentum, vertex, covariance and probability of a composite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: what a particle is made from
COMPOSITE, TRACK, ECL_CLUSTER, KLM_CLUSTER, GENERATED = range(5)
#: columns: name to dtype, numbers a row, and value of rows that nobody filled
LAYOUT: dict[str, tuple[str, int, float]] = {
    "p4": ("float64", 4, np.nan), "vertex": ("float64", 3, np.nan), "p_value": ("float64", 1, np.nan),
    "pdg": ("int64", 1, 0), "charge": ("int64", 1, 0), "flavour": ("int64", 1, 0), "kind": ("int64", 1, COMPOSITE),
    "row": ("int64", 1, -1), "event": ("int64", 1, -1), "ignored": ("int64", 1, 0), "fit": ("int64", 1, -1),
    "mc": ("int64", 1, -1), "mc_errors": ("int64", 1, 0),
}


@dataclass(slots=True)
class Particles:
    """Table of all particles of some events.

    Attributes
    ----------
    size
        Number of rows in use.
    matched
        Number of rows whose truth (``mc``, ``mc_errors``) is known.
    version
        Counts how often rows got other numbers.
    columns
        Name to array with room for more rows; read with :meth:`__getitem__`.

        ``p4`` (n, 4): E, px, py, pz [GeV], lab frame; ``vertex`` (n, 3): production (final state) or decay (composite)
        vertex [cm]; ``p_value``: probability of the fit; ``pdg``, ``charge``; ``flavour``: +1 and -1 for a particle
        and its conjugate, 0 where both are the same or not told apart; ``kind``, ``row``: detector object; ``event``;
        ``ignored``: what truth matching ignores (see :mod:`.decay_string`); ``fit``: row among ``covariances``;
        ``mc``, ``mc_errors``: row in ``MCParticles`` and the bits of :mod:`.truth_matching`.
    daughters, sources : (n, k), (n, m) int64
        Rows of the daughters, and numbers of the detector objects, filled up with -1.
    extra
        Numbers that somebody attached by name (``extraInfo``), NaN elsewhere.
    covariances
        Covariance (7, 7) of (px, py, pz, E, x, y, z) of each fitted particle.
    """

    size: int = 0
    matched: int = 0
    version: int = 0
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    daughters: Index = field(default_factory=lambda: np.empty((0, 1), np.int64))
    sources: Index = field(default_factory=lambda: np.empty((0, 1), np.int64))
    extra: dict[str, Array] = field(default_factory=dict)
    covariances: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, (dtype, width, _) in LAYOUT.items():
            self.columns.setdefault(name, np.empty((0, width) if width > 1 else 0, dtype))

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Column in use."""
        return self.columns[name][: self.size]

    def append(self, daughters: Index, sources: Index, **columns: Any) -> Index:
        """Rows (n,) of new particles with the given columns, daughters (n, k) and sources (n, m)."""
        n, begin = len(sources), self.size
        self._reserve(n, daughters.shape[1], sources.shape[1])
        self.size += n
        rows = np.arange(begin, self.size)
        for name, (_, _, empty) in LAYOUT.items():
            self.columns[name][begin:self.size] = columns.get(name, empty)
        for target, family in ((self.daughters, daughters), (self.sources, sources)):
            target[begin:self.size] = -1
            target[begin:self.size, : family.shape[1]] = family
        for values in self.extra.values():
            values[begin:self.size] = np.nan
        return rows

    def keep_last(self, begin: int, mask: Mask) -> Index:
        """Drop the rows from ``begin`` on where ``mask`` is false; gives the new numbers of those that stay."""
        kept = begin + np.flatnonzero(mask)
        end = begin + len(kept)
        every: list[npt.NDArray[Any]] = [*self.columns.values(), self.daughters, self.sources, *self.extra.values()]
        for values in every:
            values[begin:end] = values[kept]
        self.size = end
        self.matched = min(self.matched, end)
        self.version += 1
        return np.arange(begin, end)

    def attach(self, name: str, rows: Index, values: Array) -> None:
        """Set the extra number ``name`` of some particles."""
        if name not in self.extra:
            self.extra[name] = np.full(len(self.columns["pdg"]), np.nan)
        self.extra[name][rows] = values

    def set_fit(self, rows: Index, p4: Array, vertex: Array, p_value: Array, covariance: Array | None = None) -> None:
        """Set the result of a fit: four-momenta (n, 4), vertices (n, 3), probabilities and covariances (n, 7, 7)."""
        self.columns["p4"][rows] = p4
        self.columns["vertex"][rows] = vertex
        self.columns["p_value"][rows] = p_value
        if covariance is not None:
            self.columns["fit"][rows] = len(self.covariances) + np.arange(len(rows))
            self.covariances.extend(covariance)

    def _reserve(self, more: int, n_daughters: int, n_sources: int) -> None:
        """Room for further rows and wider families."""
        room, needed = len(self.columns["pdg"]), self.size + more
        if needed > room:
            room = max(needed, room + room // 2)
            for name, (dtype, width, _) in LAYOUT.items():
                grown = np.empty((room, width) if width > 1 else room, dtype)
                grown[: self.size] = self.columns[name][: self.size]
                self.columns[name] = grown
            for name, values in self.extra.items():
                grown = np.full(room, np.nan)
                grown[: self.size] = values[: self.size]
                self.extra[name] = grown
        self.daughters = _widened(self.daughters, self.size, room, n_daughters)
        self.sources = _widened(self.sources, self.size, room, n_sources)


def _widened(values: Index, size: int, room: int, width: int) -> Index:
    """The same rows with room for more and wider ones."""
    width = max(width, values.shape[1])
    if values.shape == (room, width):
        return values
    grown = np.full((room, width), -1, np.int64)
    grown[:size, : values.shape[1]] = values[:size]
    return grown


def offsets_of(events: Index, n_events: int) -> Index:
    """Offsets (n_events + 1,) of rows that are sorted by event."""
    return np.searchsorted(events, np.arange(n_events + 1)).astype(np.int64)
