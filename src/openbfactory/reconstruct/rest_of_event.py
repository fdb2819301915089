"""The rest of the event of each candidate: what it did not use, with masks and clean-up.

The rest of a candidate is every track, calorimeter cluster and K_L cluster of its event that it does not use.  A
calorimeter cluster or K_L cluster to which a used track points is used too; those to which another track points are
kept but are no photons and no K_L.

Masks are one boolean a track, cluster or K_L cluster (any cut over the columns); a :class:`RestOfEvent` stays as it is
and :func:`masked` gives another.  :func:`with_composites` puts candidates such as K_S in the place of their tracks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: names of the kinds of objects
KINDS = ("tracks", "clusters", "klm")


@dataclass(frozen=True, slots=True)
class Remaining:
    """Objects of one kind that remain.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Objects of candidate ``i`` are the entries ``offsets[i]:offsets[i + 1]``.
    rows : (m,) int64
        Rows of the objects in their collection.
    """

    offsets: Index
    rows: Index

    @property
    def counts(self) -> Index:
        """Number of objects of each candidate."""
        return np.diff(self.offsets)

    def candidates(self) -> Index:
        """Candidate of each entry."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    def where(self, mask: Mask) -> Remaining:
        """The entries whose ``mask`` (m,) is true."""
        kept = np.concatenate([[0], np.cumsum(mask)]).astype(np.int64)
        return Remaining(kept[self.offsets], self.rows[mask])

    def total(self, values: Array) -> Array:
        """Sum over the objects of each candidate of ``values``, given for every row of the collection."""
        picked = values[self.rows]
        sums = np.concatenate([np.zeros((1, *picked.shape[1:])), np.cumsum(picked, axis=0)])
        out: Array = sums[self.offsets[1:]] - sums[self.offsets[:-1]]
        return out


@dataclass(frozen=True, slots=True)
class RestOfEvent:
    """Rest of the event of n candidates.

    Attributes
    ----------
    events : (n,) int64
        Event of each candidate.
    tracks, clusters, klm
        Tracks, calorimeter clusters (also those with a track), K_L clusters that remain.
    neutral : (all clusters,) bool
        Clusters without a track: the photons.
    neutralKlm : (all K_L clusters,) bool
        K_L clusters without a track.
    composites
        Composites in the place of their daughters; rows of the table given to :func:`with_composites`.
    """

    events: Index
    tracks: Remaining
    clusters: Remaining
    klm: Remaining
    neutral: Mask
    neutralKlm: Mask
    composites: Remaining

    @property
    def photons(self) -> Remaining:
        """Remaining clusters without a track."""
        return self.clusters.where(self.neutral[self.clusters.rows])


@njit(cache=True, error_model="numpy")
def _remaining(events: Index, offsets: Index, used: Index, owner: Index, used_tracks: Index,
               out: Index, counts: Index) -> int:
    """Fill the rows that remain; ``owner`` (rows,) is the track of each object, -1 for none.  Returns their number."""
    n = 0
    for c in range(len(events)):
        before = n
        for row in range(offsets[events[c]], offsets[events[c] + 1]):
            free = True
            for k in range(used.shape[1]):
                if used[c, k] == row:
                    free = False
            if owner[row] >= 0:
                for k in range(used_tracks.shape[1]):
                    if used_tracks[c, k] == owner[row]:
                        free = False
            if free:
                out[n] = row
                n += 1
        counts[c] = n - before
    return n


def _objects(events: Index, offsets: Index, used: Index, owner: Index, used_tracks: Index) -> Remaining:
    """Objects of one kind that remain."""
    sizes = np.diff(offsets)[events]
    out, counts = np.empty(int(sizes.sum()), np.int64), np.zeros(len(events), np.int64)
    n = _remaining(events, offsets, used, owner, used_tracks, out, counts)
    return Remaining(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), out[:n].copy())


def _rows(used: npt.ArrayLike | None, n: int) -> Index:
    """Used rows as (n, k) int64."""
    if used is None:
        return np.empty((n, 0), np.int64)
    rows = np.asarray(used, np.int64)
    return np.ascontiguousarray(rows.reshape(n, -1) if n else rows.reshape(0, 0))


def rest_of_event(events: Index, offsets: Mapping[str, Index], *, tracks: npt.ArrayLike | None = None,
                  clusters: npt.ArrayLike | None = None, klm: npt.ArrayLike | None = None,
                  cluster_track: Index | None = None, klm_track: Index | None = None) -> RestOfEvent:
    """Rest of the event of each candidate.

    Parameters
    ----------
    events : (n,) int64
        Event of each candidate.
    offsets
        Of ``tracks``, ``clusters`` and ``klm`` (those that exist): objects of event ``i`` are the rows
        ``offsets[i]:offsets[i + 1]``.
    tracks, clusters, klm : (n, k) int64
        Rows that each candidate uses, -1 for none.
    cluster_track, klm_track : (objects,) int64
        Row of the track that points to each object, -1 for none; see :func:`rows_of_tracks`.

    Raises
    ------
    InputError
        Without the offsets of the tracks, for an unknown kind, or when columns do not fit.
    """
    findings, n = Findings("rest of event"), len(events)
    for name in offsets:
        if name not in KINDS:
            findings.unknown_name(name, name, KINDS, what="kind")
    if "tracks" not in offsets:
        findings.error("missing-offsets", "tracks", "no offsets of the tracks")
    used = {name: _rows(rows, n) for name, rows in zip(KINDS, (tracks, clusters, klm), strict=True)}
    owners = {"tracks": None, "clusters": cluster_track, "klm": klm_track}
    for name, at in offsets.items():
        owner = owners.get(name)
        if owner is not None and len(owner) != at[-1]:
            findings.error("wrong-length", name, f"{len(owner)} tracks of objects", expected=f"{at[-1]}")
        if n and (events.min() < 0 or events.max() >= len(at) - 1):
            findings.error("wrong-event", name, f"events from {events.min()} to {events.max()}",
                           expected=f"0 to {len(at) - 2}")
    findings.raise_if_errors(InputError)
    events = np.ascontiguousarray(events, np.int64)
    found, single = {}, {}
    for name in KINDS:
        at = np.ascontiguousarray(offsets.get(name, np.zeros_like(offsets["tracks"])), np.int64)
        owner = owners[name]
        single[name] = np.full(at[-1], -1, np.int64) if owner is None else np.ascontiguousarray(owner, np.int64)
        found[name] = _objects(events, at, used[name], single[name], used["tracks"])
    none = Remaining(np.zeros(n + 1, np.int64), np.empty(0, np.int64))
    return RestOfEvent(events, found["tracks"], found["clusters"], found["klm"], single["clusters"] < 0,
                       single["klm"] < 0, none)


def rows_of_tracks(offsets: Index, track_offsets: Index, index: npt.NDArray[np.integer]) -> Index:
    """Rows (objects,) of the tracks of objects whose ``index`` counts within the event, -1 for none."""
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.where(index >= 0, track_offsets[event] + index, -1).astype(np.int64)


def masked(rest: RestOfEvent, *, tracks: Mask | None = None, clusters: Mask | None = None,
           klm: Mask | None = None) -> RestOfEvent:
    """The rest of event without the objects whose mask (one boolean a row of the collection) is false."""
    chosen = {name: getattr(rest, name) if mask is None else getattr(rest, name).where(mask[getattr(rest, name).rows])
              for name, mask in zip(KINDS, (tracks, clusters, klm), strict=True)}
    return replace(rest, **chosen)


def with_composites(rest: RestOfEvent, offsets: Index, daughters: Index) -> RestOfEvent:
    """The rest of event with composites in the place of their tracks, where all of them remain.

    Parameters
    ----------
    rest
        Rest of event without composites so far.
    offsets : (events + 1,) int64
        Composites of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``; the first ones win a shared track.
    daughters : (composites, k) int64
        Rows of their tracks.
    """
    n = len(rest.events)
    counts, taken = np.zeros(n, np.int64), np.zeros(len(rest.tracks.rows), np.bool_)
    out = np.empty(int(np.diff(offsets)[rest.events].sum()), np.int64)
    size = _compose(rest.events, rest.tracks.offsets, rest.tracks.rows, offsets, daughters, taken, out, counts)
    composites = Remaining(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), out[:size].copy())
    return replace(rest, tracks=rest.tracks.where(~taken), composites=composites)


@njit(cache=True, error_model="numpy")
def _compose(events: Index, track_offsets: Index, tracks: Index, offsets: Index, daughters: Index, taken: Mask,
             out: Index, counts: Index) -> int:
    """Mark the tracks that composites take and list these; returns the number of composites."""
    n = 0
    k = daughters.shape[1]
    place = np.empty(k, np.int64)
    for c in range(len(events)):
        before = n
        for row in range(offsets[events[c]], offsets[events[c] + 1]):
            found = 0
            for d in range(k):
                for i in range(track_offsets[c], track_offsets[c + 1]):
                    if tracks[i] == daughters[row, d] and not taken[i]:
                        place[found] = i
                        found += 1
                        break
            if found == k:
                for d in range(k):
                    taken[place[d]] = True
                out[n] = row
                n += 1
        counts[c] = n - before
    return n
