"""Tau pairs of 3 x 1 charged particles near the edge of the pseudomass: what a pair must be before it is written.

Method: both channels are drawn first, by their branching fractions; pairs whose channels cannot give three charged
particles on one side and one on the other end there.  Of the others the pseudomass of the three (as pions, c.m. frame
of the collision) must be large; where mesons are still to decay, that of all but the neutrinos, which is never
smaller.  Everything that ends so is counted.

Approximation: electrons count only where they come from the tau itself (no Dalitz pairs).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.generate.columns import DECAYED, STABLE, Array
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species

#: what leaves a track, by PDG code
CHARGED = (11, 13, 211, 321, 2212)
#: mass that the three charged particles are given
_PION = species("pi+").mass


class Wanted(NamedTuple):
    """What a pair must be.

    Attributes
    ----------
    least
        Least pseudomass [GeV]; 0 takes every pair.
    low, high : (C,) int64
        Fewest and most charged particles of each channel.
    charged, unseen : (S,) bool
        Species that leave tracks, neutrinos.
    """

    least: float
    low: Array
    high: Array
    charged: Array
    unseen: Array


def wanted(table: DecayTable, least: float) -> Wanted:
    """What a pair must be for a least pseudomass, 0 for everything."""
    low, high = np.zeros(len(table.fraction), np.int64), np.zeros(len(table.fraction), np.int64)
    known: dict[int, tuple[int, int]] = {}
    for tau in ("tau-", "tau+") if least > 0 else ():
        for c in table.channels_of(tau):
            low[c], high[c] = _of_channel(table, c, known, direct=True)
    code = np.abs(table.pdg)
    return Wanted(least, low, high, np.isin(code, CHARGED) & table.stable, np.isin(code, (12, 14, 16)))


def _of_channel(table: DecayTable, channel: int, known: dict[int, tuple[int, int]], *, direct: bool) -> tuple[int, int]:
    """Fewest and most charged particles of a channel; its electrons count where they are ``direct``."""
    found = [_of_species(table, int(s), known, direct=direct)
             for s in table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]]
    return sum(f[0] for f in found), sum(f[1] for f in found)


def _of_species(table: DecayTable, kind: int, known: dict[int, tuple[int, int]], *, direct: bool) -> tuple[int, int]:
    """Fewest and most charged particles that a species ends in."""
    code = abs(int(table.pdg[kind]))
    if table.stable[kind]:
        number = int(code in CHARGED and (direct or code != CHARGED[0]))
        return number, number
    if kind not in known:
        channels = [c for c in range(int(table.channel_first[kind]), int(table.channel_first[kind + 1]))
                    if table.fraction[c] > 0]
        found = [_of_channel(table, c, known, direct=False) for c in channels] or [(0, 0)]
        known[kind] = min(f[0] for f in found), max(f[1] for f in found)
    return known[kind]


@njit(cache=True)
def possible(want: Wanted, three: int, one: int) -> bool:
    """True when channel ``three`` may give three charged particles, and ``one`` a single one."""
    return want.low[three] <= 3 <= want.high[three] and want.low[one] <= 1 <= want.high[one]


@njit(cache=True)
def near_edge(want: Wanted, channel: int, first: int, end: int, energy: float, momenta: Array, kinds: Array,
              status: Array) -> bool:
    """True unless the rows of a tau from ``first`` to ``end`` are known to have a smaller pseudomass.

    Parameters
    ----------
    energy
        sqrt(s) [GeV] of the collision, in whose rest frame the ``momenta`` (n, 4) are.
    kinds, status
        Species and status of the rows.
    """
    count = 0
    for j in range(first, end):
        count += int(status[j] == STABLE and want.charged[kinds[j]])
    known = count == 3 and want.high[channel] == 3
    e, x, y, z = 0.0, 0.0, 0.0, 0.0
    for j in range(first, end):
        p = momenta[j]
        if known and status[j] == STABLE and want.charged[kinds[j]]:
            e += math.sqrt(p[1] * p[1] + p[2] * p[2] + p[3] * p[3] + _PION * _PION)
            x, y, z = x + p[1], y + p[2], z + p[3]
        elif not known and status[j] != DECAYED and not want.unseen[kinds[j]]:
            e, x, y, z = e + p[0], x + p[1], y + p[2], z + p[3]
    size = math.sqrt(x * x + y * y + z * z)
    return (e * e - size * size) + 2.0 * (0.5 * energy - e) * (e - size) > want.least * want.least
