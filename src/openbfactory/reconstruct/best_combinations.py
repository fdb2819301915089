"""The best combinations of an event: all ways to make a mother, of which the N with the highest score are kept.

Method: the walk of :mod:`.combination`, with three things more, for lists that are combined many at a time.

- A branch ends where the mass (energy) of what was taken, with the smallest masses of what is to come, is above the
  window: both only grow.
- The score of a combination is ``sum_i ln p_i - (x - x0)^2 / (2 w^2)``: the probabilities of the daughters and the
  distance of the quantity of the window to its nominal value; the N with the highest are kept.
- Combinations in the window are counted, kept or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.combination import Combinations, allowed, joined_lists

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: quantities of a window: mass, mass minus the masses of the daughters, energy minus half of the collision
MASS, RELEASE, ENERGY = range(3)


@dataclass(frozen=True, slots=True)
class Window:
    """What a combination must fulfil, and how it is ranked.

    Attributes
    ----------
    quantity
        ``MASS``, ``RELEASE`` or ``ENERGY``.
    low, high
        Limits [GeV].
    centre, width
        Nominal value and scale of the score [GeV].
    mbc
        Smallest beam-constrained mass [GeV], for ``ENERGY``.
    """

    quantity: int
    low: float
    high: float
    centre: float
    width: float
    mbc: float = 0.0


@njit(cache=True, error_model="numpy")
def _mass(q: Array) -> float:
    """Invariant mass of a four-momentum, 0 where its square is negative."""
    m2 = q[0] * q[0] - q[1] * q[1] - q[2] * q[2] - q[3] * q[3]
    return math.sqrt(m2) if m2 > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _value(q: Array, masses: float, half: float, quantity: int, mbc: float) -> float:
    """Quantity of the window of a complete combination, NaN where ``Mbc`` is too small."""
    if quantity == ENERGY:
        p2 = q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
        return q[0] - half if half * half - p2 > mbc * mbc else math.nan
    return _mass(q) - (masses if quantity == RELEASE else 0.0)


@njit(cache=True, error_model="numpy")
def _hopeless(q: Array, masses: float, lightest: float, half: float, high: float, quantity: int) -> bool:
    """True where nothing that is added can bring a partial sum into the window."""
    if quantity == ENERGY:
        return q[0] + lightest - half > high
    return _mass(q) + lightest - (masses + lightest if quantity == RELEASE else 0.0) > high


@njit(cache=True, error_model="numpy")
def _place(score: float, count: int, scores: Array) -> int:
    """Place of a new combination among the best: a free one, that of the worst, or -1."""
    if count < len(scores):
        return count
    worst = 0
    for i in range(1, len(scores)):
        if scores[i] < scores[worst]:
            worst = i
    return worst if score > scores[worst] else -1


@njit(cache=True, error_model="numpy")
def _flush(e: int, count: int, scores: Array, side: Index, daughters: Index, at: int, event: Index, sides: Index,
           rows: Index) -> None:
    """Write the best combinations of an event in falling order of their scores (then as they were found)."""
    for k in range(count):
        best = -1
        for i in range(count):
            if side[i] != 0 and (best < 0 or scores[i] > scores[best]):
                best = i
        event[at + k] = e
        sides[at + k] = side[best]
        rows[at + k] = daughters[best]
        side[best] = 0


@njit(cache=True, error_model="numpy")
def _walk(e: int, turns: Index, rows: Index, offsets: Index, signs: Index, same: Index, p4: Array, mass: Array,
          log_p: Array, flavour: Index, sources: Index, lightest: Array, quantity: int, limits: Array, scores: Array,
          side: Index, daughters: Index, work: Array, place: Index, chosen: Index) -> tuple[int, int]:
    """Fill the best combinations of one event; gives how many are kept and how many are in the window."""
    low, high, centre, width, mbc, half = limits
    n_lists = len(offsets)
    count = seen = 0
    for turn in turns:
        depth = 0
        place[0] = offsets[0, e] - 1
        while depth >= 0:
            place[depth] += 1
            if place[depth] >= offsets[depth, e + 1]:
                depth -= 1
                continue
            row = rows[place[depth]]
            if not allowed(row, depth, turn, place, chosen, signs, same, flavour, sources):
                continue
            chosen[depth] = row
            now, then = work[depth + 1], work[depth]
            for a in range(4):
                now[a] = then[a] + p4[row, a]
            now[4] = then[4] + mass[row]
            now[5] = then[5] + log_p[row]
            if _hopeless(now, now[4], lightest[depth + 1], half, high, quantity):
                continue
            if depth + 1 < n_lists:
                depth += 1
                place[depth] = offsets[depth, e] - 1
                continue
            x = _value(now, now[4], half, quantity, mbc)
            if not (low < x < high):
                continue
            seen += 1
            score = now[5] - 0.5 * ((x - centre) / width) ** 2
            k = _place(score, count, scores)
            if k >= 0:
                scores[k], side[k] = score, turn
                daughters[k, :n_lists] = chosen[:n_lists]
                count = max(count, k + 1)
    return count, seen


@njit(cache=True, error_model="numpy")
def _best(turns: Index, rows: Index, offsets: Index, signs: Index, same: Index, p4: Array, mass: Array, log_p: Array,
          flavour: Index, sources: Index, lightest: Array, quantity: int, limits: Array,
          keep: int) -> tuple[Index, Index, Index, Index]:
    """Event, side and daughters of the best combinations, and how many were in the window of each event."""
    n_lists, n_events = offsets.shape[0], offsets.shape[1] - 1
    room = n_events * keep
    event, sides = np.empty(room, np.int64), np.empty(room, np.int64)
    found, seen = np.empty((room, n_lists), np.int64), np.empty(n_events, np.int64)
    scores, side = np.empty(keep), np.empty(keep, np.int64)
    daughters = np.empty((keep, n_lists), np.int64)
    work = np.zeros((n_lists + 1, 6))
    place, chosen = np.empty(n_lists, np.int64), np.empty(n_lists, np.int64)
    n = 0
    for e in range(n_events):
        count, seen[e] = _walk(e, turns, rows, offsets, signs, same, p4, mass, log_p, flavour, sources, lightest,
                               quantity, limits, scores, side, daughters, work, place, chosen)
        _flush(e, count, scores, side, daughters, n, event, sides, found)
        n += count
    return event[:n].copy(), sides[:n].copy(), found[:n].copy(), seen


@dataclass(frozen=True, slots=True)
class Leg:
    """Particles that may stand at a place of a decay, sorted by event.

    Attributes
    ----------
    rows : (n,) int64
        Rows in the table of particles.
    offsets : (events + 1,) int64
        Those of event ``i`` are ``offsets[i]:offsets[i + 1]``.
    p4 : (n, 4) float64
        E, px, py, pz [GeV], c.m. frame.
    mass : (n,) float64
        Masses [GeV].
    log_p : (n,) float64
        Logarithm of the probability to be right.
    flavour : (n,) int64
        Columns of the table.
    sources : (n, k) int64
        Detector objects.
    """

    rows: Index
    offsets: Index
    p4: Array
    mass: Array
    log_p: Array
    flavour: Index
    sources: Index


def make_leg(rows: Index, offsets: Index, p4: Array, probability: Array, flavour: Index, sources: Index) -> Leg:
    """Leg of particles with four-momenta in the c.m. frame and probabilities in [0, 1]; see :class:`Leg`."""
    squared = p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1)
    return Leg(rows, offsets, p4, np.sqrt(np.maximum(squared, 0.0)), np.log(np.clip(probability, 1e-12, 1.0)), flavour,
               sources)


def best_combinations(legs: list[Leg], signs: list[int], keys: list[object], *, both: bool, window: Window,
                      half: float, keep: int) -> tuple[Combinations, Index]:
    """The best combinations of each event in falling order of their score, and how many (events,) the window has.

    The four-momenta of the combinations are those of the c.m. frame.

    Parameters
    ----------
    legs
        Particles of each daughter.
    signs, keys, both
        As for :func:`openbfactory.reconstruct.combination.combine`.
    window
        What they must fulfil.
    half
        Half of the energy of the collision [GeV].
    keep
        Largest number of combinations of an event.
    """
    sizes = np.cumsum([0, *(len(leg.rows) for leg in legs)])
    local = [(np.arange(a, b), leg.offsets) for a, b, leg in zip(sizes, sizes[1:], legs, strict=False)]
    rows, offsets, same = joined_lists(local, signs, keys)
    width = max(leg.sources.shape[1] for leg in legs)
    sources = np.full((int(sizes[-1]), width), -1, np.int64)
    for a, b, leg in zip(sizes, sizes[1:], legs, strict=False):
        sources[a:b, : leg.sources.shape[1]] = leg.sources
    p4, mass = np.concatenate([leg.p4 for leg in legs]), np.concatenate([leg.mass for leg in legs])
    smallest = [leg.mass.min() if len(leg.mass) else 0.0 for leg in legs]
    lightest = np.concatenate([np.cumsum(smallest[::-1])[::-1], [0.0]])
    limits = np.array([window.low, window.high, window.centre, window.width, window.mbc, half])
    event, side, daughters, seen = _best(
        np.array([1, -1] if both else [1], np.int64), rows, offsets, np.array(signs, np.int64), same, p4, mass,
        np.concatenate([leg.log_p for leg in legs]), np.concatenate([leg.flavour for leg in legs]), sources, lightest,
        window.quantity, limits, keep)
    table = np.concatenate([leg.rows for leg in legs])
    return Combinations(event, side, table[daughters], p4[daughters].sum(axis=1)), seen
