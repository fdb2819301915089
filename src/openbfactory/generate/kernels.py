"""The compiled walk through a chunk: every unstable particle decays, depth first, until only stable ones are left.

Method: the records of an event are rows; a stack holds the rows that wait.  A decay draws the channel, the masses, the
proper time and the momenta in the rest frame of the mother, then boosts.  The walk stops at a decay that needs a
hadronised final state when none is left, and continues exactly there, so that refilling does not change the events.
Spin goes down and up the tree as :mod:`openbfactory.generate.spin` says.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.core.units import speed_of_light
from openbfactory.generate.columns import (
    CTAU,
    DECAYED,
    DEPTH,
    DRY_POOL,
    EVENT,
    EXCESS,
    FLOATS,
    INTS,
    LINK,
    MASS,
    MOTHER,
    NO_CHANNEL,
    PDG,
    PENDING,
    RECORDS,
    SPECIES,
    STABLE,
    STATUS,
    TO_DECAY,
    Array,
    PoolArrays,
    T,
    TableArrays,
    X,
    Y,
    Z,
)
from openbfactory.generate.lineshape import draw_masses
from openbfactory.generate.models import PARTONIC
from openbfactory.generate.partonic import take_entry
from openbfactory.generate.polarised import NONE, SpinTable, follow
from openbfactory.generate.radiation import RadiationArrays, radiate
from openbfactory.generate.spin import UNPOLARISED, SpinWork, close
from openbfactory.generate.spindecay import decay_with_spin
from openbfactory.kinematics.fourvector import boost_from_rest, invariant_mass

#: most daughters of one decay (channels and hadronised decays)
MAX_DAUGHTERS = 64
#: a channel is open when its threshold is not above the mass by more than this [GeV]
OPEN_MARGIN = 1e-12


@njit(cache=True)
def choose_channel(rng: np.random.Generator, species: int, mass: float, table: TableArrays) -> int:
    """Channel drawn by branching fraction among those open at the given mass, -1 when none is."""
    first, last = table.channel_first[species], table.channel_first[species + 1]
    for _ in range(8):
        c = first + np.searchsorted(table.cumulative[first:last], rng.random(), side="right")
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
def enlarged(rows: Array, size: int) -> Array:
    """Rows with room for at least ``size``, content kept."""
    larger = np.empty((2 * size, rows.shape[1]), rows.dtype)
    larger[:len(rows)] = rows
    return larger


@njit(cache=True)
def append_daughters(floats: Array, ints: Array, row: int, n: int, daughters: Array, count: int, masses: Array,
                     momenta: Array, ctau: Array, base: int, table: TableArrays) -> None:
    """Write ``count`` daughters of ``row`` behind record ``n``; ``base`` is the first record of the event."""
    mother = floats[row]
    m0 = mother[MASS]
    scale = mother[CTAU] / m0 if m0 > 0.0 else 0.0
    t, x = mother[T] + scale * mother[0] / speed_of_light, mother[X] + scale * mother[1]
    y, z = mother[Y] + scale * mother[2], mother[Z] + scale * mother[3]
    for i in range(count):
        out, p = floats[n + i], momenta[i]
        out[0], out[1], out[2], out[3] = boost_from_rest(p[0], p[1], p[2], p[3], mother[0], mother[1], mother[2],
                                                         mother[3], m0)
        out[T], out[X], out[Y], out[Z] = t, x, y, z
        out[MASS], out[CTAU] = masses[i], ctau[i]
        s = daughters[i]
        ints[n + i, SPECIES] = s
        ints[n + i, PDG] = table.pdg[s]
        ints[n + i, MOTHER] = row - base
        ints[n + i, STATUS] = STABLE if table.stable[s] else TO_DECAY
        ints[n + i, LINK] = UNPOLARISED


@njit(cache=True)
def walk(rng: np.random.Generator, offsets: Array, given_floats: Array, given_ints: Array, table: TableArrays,
         radiation: RadiationArrays, held: SpinTable, spin: SpinWork, density: Array, axes: Array, pools: PoolArrays,
         floats: Array, ints: Array, out_offsets: Array, stack: Array, state: Array,
         counts: Array) -> tuple[Array, Array, Array, bool]:
    """Decay the primaries of every event; returns the rows, the stack and whether the walk is complete.

    ``density`` (d, d) is the spin density of polarised primaries relative to ``axes`` (3, 3; columns).
    ``state`` holds where the walk stands (see :mod:`openbfactory.generate.columns`); ``counts`` (C + 1,) is the
    number of decays by channel, the last entry those that had no open channel.
    """
    masses, ctau = np.empty(MAX_DAUGHTERS), np.empty(MAX_DAUGHTERS)
    momenta, scratch = np.empty((MAX_DAUGHTERS, 4)), np.empty(MAX_DAUGHTERS)
    daughters, recoiled = np.empty(MAX_DAUGHTERS, np.int32), np.empty((MAX_DAUGHTERS, 4))
    n, depth, pending = state[RECORDS], state[DEPTH], state[PENDING]
    for event in range(state[EVENT], len(offsets) - 1):
        base = out_offsets[event]
        if n == base and depth == 0:
            size = offsets[event + 1] - offsets[event]
            if n + size > len(floats):
                floats, ints = enlarged(floats, n + size), enlarged(ints, n + size)
            for k in range(size - 1, -1, -1):
                floats[n + k] = given_floats[offsets[event] + k]
                ints[n + k] = given_ints[offsets[event] + k]
                if ints[n + k, STATUS] == TO_DECAY:
                    if depth >= len(stack) - 1:
                        stack = np.concatenate((stack, np.empty_like(stack)))
                    stack[depth] = n + k
                    depth += 1
            n += size
        while depth > 0:
            depth -= 1
            row = stack[depth]
            species, mass = ints[row, SPECIES], floats[row, MASS]
            channel = choose_channel(rng, species, mass, table) if pending == NO_CHANNEL else pending
            pending = NO_CHANNEL
            if channel < 0:
                ints[row, STATUS] = STABLE
                counts[len(counts) - 1] += 1
                close(spin, ints[row, LINK])
                continue
            if table.code[channel] == PARTONIC:
                count = take_entry(pools, species, mass, daughters, masses, momenta)
                if count < 0:
                    state[EVENT], state[RECORDS], state[DEPTH] = event, n, depth + 1
                    state[PENDING], state[DRY_POOL] = channel, pools.of_species[species]
                    return floats, ints, stack, False
                ctau[:count] = -1.0
            else:
                count = table.daughter_first[channel + 1] - table.daughter_first[channel]
                daughters[:count] = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]
                draw_masses(rng, mass, table, daughters[:count], masses)
                ctau[:count] = -1.0
                state[EXCESS] += decay_with_spin(rng, channel, species, mass, table, held, spin, ints[row, LINK],
                                                 density, axes, daughters, masses, count, momenta, ctau, scratch)
            counts[channel] += 1
            if radiation.photos[channel]:
                bare = count
                count = radiate(rng, mass, radiation, daughters, masses, count, momenta, scratch, recoiled)
                ctau[bare:count] = -1.0
            if floats[row, CTAU] < 0.0:
                floats[row, CTAU] = table.ctau[species] * rng.standard_exponential()
            if n + count > len(floats):
                floats, ints = enlarged(floats, n + count), enlarged(ints, n + count)
            append_daughters(floats, ints, row, n, daughters, count, masses, momenta, ctau, base, table)
            ints[row, STATUS] = DECAYED
            if held.kind[channel] == NONE:
                close(spin, ints[row, LINK])
            else:
                follow(spin, floats, ints, row, n, daughters, momenta, masses, held)
            if depth + count > len(stack):
                stack = np.concatenate((stack, np.empty_like(stack)))
            for i in range(count - 1, -1, -1):
                if ints[n + i, STATUS] == TO_DECAY:
                    stack[depth] = n + i
                    depth += 1
            n += count
        out_offsets[event + 1] = n
    state[EVENT], state[RECORDS], state[DEPTH], state[PENDING] = len(offsets) - 1, n, 0, NO_CHANNEL
    return floats, ints, stack, True


@njit(cache=True)
def masses_of(floats: Array) -> None:
    """Fill the mass of each row from its four-momentum."""
    for row in floats:
        row[MASS] = invariant_mass(row[0], row[1], row[2], row[3])


def empty_rows(size: int) -> tuple[Array, Array]:
    """Float and integer rows, not filled."""
    return np.empty((size, FLOATS)), np.empty((size, INTS), np.int32)

