"""The choice of the channel of a decay, and its daughters.

Kernels take the arrays that they use: a call with the whole table costs as much as what these do.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array

#: a channel is open when its threshold is not above the mass by more than this [GeV]
OPEN_MARGIN = 1e-12


@njit(cache=True, inline="always")
def above(values: Array, first: int, last: int, wanted: float) -> int:
    """First place in ``values[first:last]`` (ascending) whose value is above ``wanted``, ``last`` for none."""
    while first < last:
        middle = (first + last) >> 1
        if values[middle] > wanted:
            last = middle
        else:
            first = middle + 1
    return first


@njit(cache=True)
def choose_channel(rng: np.random.Generator, species: int, mass: float, channel_first: Array, cumulative: Array,
                   threshold: Array, fraction: Array) -> int:
    """Channel drawn by branching fraction among those open at the given mass, -1 when none is."""
    first, last = channel_first[species], channel_first[species + 1]
    for _ in range(8):
        c = above(cumulative, first, last, rng.random())
        if c < last and threshold[c] <= mass + OPEN_MARGIN:
            return c
    total = 0.0
    for c in range(first, last):
        if threshold[c] <= mass + OPEN_MARGIN:
            total += fraction[c]
    rest = total * rng.random()
    for c in range(first, last):
        if threshold[c] <= mass + OPEN_MARGIN and fraction[c] > 0.0:
            rest -= fraction[c]
            if rest < 0.0:
                return c
    return -1


@njit(cache=True)
def fill_daughters(first: int, last: int, listed: Array, conjugates: Array, conjugate: bool, daughters: Array) -> int:
    """Fill the species ``listed[first:last]`` of daughters, or their antiparticles; returns their number."""
    for i in range(last - first):
        s = listed[first + i]
        daughters[i] = conjugates[s] if conjugate else s
    return last - first
