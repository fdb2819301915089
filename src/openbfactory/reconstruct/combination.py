"""Combination: all ways to make a mother from one particle of each list, without double use.

Method: for every event and both charge states the lists are walked depth
first; a branch ends as soon as a particle has the wrong flavour, shares a
detector object with one already taken, or (for equal lists) comes before it,
so that each set of particles appears once.  An optional window on the mass of
the sum is tested at the bottom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Combinations:
    """Combinations in the order of the events.

    Attributes
    ----------
    event, flavour : (n,) int64
        Event, and +1 for the decay as written or -1 for its conjugate.
    daughters : (n, k) int64
        Rows of the daughters.
    p4 : (n, 4) float64
        Sum of their four-momenta [GeV].
    """

    event: Index
    flavour: Index
    daughters: Index
    p4: Array


@njit(cache=True, error_model="numpy")
def _overlap(sources: Index, a: int, b: int) -> bool:
    """True when two particles share a detector object."""
    for i in range(sources.shape[1]):
        if sources[a, i] < 0:
            return False
        for j in range(sources.shape[1]):
            if sources[b, j] < 0:
                break
            if sources[a, i] == sources[b, j]:
                return True
    return False


@njit(cache=True, error_model="numpy")
def allowed(row: int, depth: int, side: int, place: Index, chosen: Index, signs: Index, same: Index, flavour: Index,
             sources: Index) -> bool:
    """True when a particle may stand at ``depth`` beside those chosen before."""
    f = flavour[row]
    if f != 0 and f * signs[depth] != side:
        return False
    for d in range(depth):
        if same[depth, d] == 1 and place[depth] <= place[d]:
            return False
        if same[depth, d] == 2 and f == 0 and flavour[chosen[d]] == 0 and place[depth] <= place[d]:
            return False
        if _overlap(sources, row, chosen[d]):
            return False
    return True


@njit(cache=True, error_model="numpy")
def _combine(rows: Index, offsets: Index, sides: Index, signs: Index, same: Index, p4: Array, flavour: Index,
             sources: Index, low: float, high: float) -> tuple[Index, Index, Index, Array]:
    """Columns of :class:`Combinations`; see :func:`combine` for the arguments."""
    n_lists, n_events = offsets.shape[0], offsets.shape[1] - 1
    room = 1024
    event = np.empty(room, np.int64)
    side_of = np.empty(room, np.int64)
    daughters = np.empty((room, n_lists), np.int64)
    total = np.empty((room, 4))
    place = np.empty(n_lists, np.int64)
    chosen = np.empty(n_lists, np.int64)
    partial = np.zeros((n_lists + 1, 4))
    n = 0
    for e in range(n_events):
        for side in sides:
            depth = 0
            place[0] = offsets[0, e] - 1
            while depth >= 0:
                place[depth] += 1
                if place[depth] >= offsets[depth, e + 1]:
                    depth -= 1
                    continue
                row = rows[place[depth]]
                if not allowed(row, depth, side, place, chosen, signs, same, flavour, sources):
                    continue
                chosen[depth] = row
                for a in range(4):
                    partial[depth + 1, a] = partial[depth, a] + p4[row, a]
                if depth + 1 < n_lists:
                    depth += 1
                    place[depth] = offsets[depth, e] - 1
                    continue
                q = partial[n_lists]
                m2 = q[0] * q[0] - q[1] * q[1] - q[2] * q[2] - q[3] * q[3]
                m = math.sqrt(m2) if m2 > 0.0 else 0.0
                if m < low or m > high:
                    continue
                if n == room:
                    event, side_of = _longer(event, room), _longer(side_of, room)
                    wider = np.empty((2 * room, n_lists), np.int64)
                    wider[:room] = daughters
                    daughters = wider
                    more = np.empty((2 * room, 4))
                    more[:room] = total
                    total = more
                    room *= 2
                event[n] = e
                side_of[n] = side
                for d in range(n_lists):
                    daughters[n, d] = chosen[d]
                for a in range(4):
                    total[n, a] = q[a]
                n += 1
    return event[:n], side_of[:n], daughters[:n], total[:n]


@njit(cache=True)
def _longer(values: Index, room: int) -> Index:
    """The same values with twice the room."""
    grown = np.empty(2 * room, np.int64)
    grown[:room] = values
    return grown


def combine(lists: list[tuple[Index, Index]], signs: list[int], keys: list[object], *, both: bool, p4: Array,
            flavour: Index, sources: Index, window: tuple[float, float] = (-math.inf, math.inf)) -> Combinations:
    """All combinations of one particle of each list.

    Parameters
    ----------
    lists
        Rows (n,) sorted by event, and their offsets (events + 1,), of each daughter.
    signs
        +1 where the daughter is the particle of the list as named, -1 where it is its conjugate.
    keys
        Equal for daughters from the same list.
    both
        Also make the charge conjugate of the decay.
    p4, flavour, sources : (m, 4), (m,), (m, k)
        Columns of all particles.
    window
        Mass of the sum [GeV], both ends allowed.
    """
    rows, shifted, same = joined_lists(lists, signs, keys)
    found = _combine(rows, shifted, np.array([1, -1] if both else [1], np.int64), np.array(signs, np.int64), same, p4,
                     flavour, sources, *window)
    return Combinations(*found)


def joined_lists(lists: list[tuple[Index, Index]], signs: list[int],
                 keys: list[object]) -> tuple[Index, Index, Index]:
    """Rows of all lists behind each other, offsets (k, events + 1) into them, and which pairs (k, k) are of one list.

    The pairs hold 1 for daughters from one list with the same sign, 2 with opposite signs, 0 else; the arguments are
    those of :func:`combine`.
    """
    base = np.cumsum([0, *(len(rows) for rows, _ in lists)])
    n = len(lists)
    same = np.zeros((n, n), np.int64)
    shifted = [offsets + base[i] for i, (_, offsets) in enumerate(lists)]
    for i in range(n):
        for j in range(i):
            if keys[i] == keys[j]:
                shifted[i], same[i, j] = shifted[j], 1 if signs[i] == signs[j] else 2
    return np.concatenate([rows for rows, _ in lists]), np.stack(shifted), same
