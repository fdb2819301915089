"""The choice of the channel of a decay, and its daughters."""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays

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
def choose_channel(rng: np.random.Generator, species: int, mass: float, table: TableArrays) -> int:
    """Channel drawn by branching fraction among those open at the given mass, -1 when none is."""
    first, last = table.channel_first[species], table.channel_first[species + 1]
    for _ in range(8):
        c = above(table.cumulative, first, last, rng.random())
        if c < last and table.threshold[c] <= mass + OPEN_MARGIN:
            return c
    total = 0.0
    for c in range(first, last):
        if table.threshold[c] <= mass + OPEN_MARGIN:
            total += table.fraction[c]
    rest = total * rng.random()
    for c in range(first, last):
        if table.threshold[c] <= mass + OPEN_MARGIN and table.fraction[c] > 0.0:
            rest -= table.fraction[c]
            if rest < 0.0:
                return c
    return -1


@njit(cache=True)
def fill_daughters(table: TableArrays, channel: int, conjugate: bool, daughters: Array) -> int:
    """Fill the species of the daughters of a channel, or of their antiparticles; returns their number."""
    first, last = table.daughter_first[channel], table.daughter_first[channel + 1]
    for i in range(last - first):
        s = table.daughters[first + i]
        daughters[i] = table.conjugate[s] if conjugate else s
    return last - first
