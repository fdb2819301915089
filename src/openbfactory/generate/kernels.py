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
from openbfactory.generate.channels import choose_channel, fill_daughters
from openbfactory.generate.columns import (
    CHOSEN,
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
    NOT_CHOSEN,
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
from openbfactory.generate.flavour import FLAVOUR, density_at, draw_alone, follow_pair, mix_alone
from openbfactory.generate.lineshape import draw_masses
from openbfactory.generate.models import MIXING_PAIR, PARTONIC
from openbfactory.generate.partonic import pool_of, take_entry
from openbfactory.generate.polarised import NONE, SpinTable, follow
from openbfactory.generate.radiation import RadiationArrays, radiate
from openbfactory.generate.spin import PRIMARY, UNPOLARISED, SpinWork, close
from openbfactory.generate.spindecay import decay_with_spin
from openbfactory.kinematics.fourvector import boost_from_rest, invariant_mass
from openbfactory.physics.particles import UPSILON_4S

#: most daughters of one decay (channels and hadronised decays)
MAX_DAUGHTERS = 64

@njit(cache=True)
def enlarged(rows: Array, size: int) -> Array:
    """Rows with room for at least ``size``, content kept."""
    larger = np.empty((2 * size, rows.shape[1]), rows.dtype)
    larger[:len(rows)] = rows
    return larger


@njit(cache=True)
def append_daughters(floats: Array, ints: Array, row: int, n: int, daughters: Array, count: int, masses: Array,
                     momenta: Array, ctau: Array, chosen: Array, base: int, pdg: Array, stable: Array) -> None:
    """Write ``count`` daughters of ``row``, now decayed, behind record ``n``; ``base`` is the event's first record."""
    mother = floats[row]
    m0, ints[row, STATUS] = mother[MASS], DECAYED
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
        ints[n + i, PDG] = pdg[s]
        ints[n + i, MOTHER] = row - base
        ints[n + i, STATUS] = STABLE if stable[s] else TO_DECAY
        ints[n + i, LINK] = UNPOLARISED
        ints[n + i, CHOSEN] = chosen[i]


@njit(cache=True)
def begin(given_floats: Array, given_ints: Array, floats: Array, ints: Array, n: int,
          stack: Array) -> tuple[Array, Array, Array, int]:
    """Copy the given records of an event behind record ``n`` and stack those to decay; returns rows, stack, depth."""
    size, depth = len(given_floats), 0
    if n + size > len(floats):
        floats, ints = enlarged(floats, n + size), enlarged(ints, n + size)
    for k in range(size - 1, -1, -1):
        floats[n + k] = given_floats[k]
        ints[n + k] = given_ints[k]
        if ints[n + k, STATUS] == TO_DECAY:
            if depth >= len(stack) - 1:
                stack = np.concatenate((stack, np.empty_like(stack)))
            stack[depth] = n + k
            depth += 1
    return floats, ints, stack, depth


@njit(cache=True, inline="always")
def push(stack: Array, depth: int, ints: Array, n: int, count: int) -> tuple[int, Array]:
    """Stack those of ``count`` records behind ``n`` that are to decay, the first on top; returns depth and stack."""
    if depth + count > len(stack):
        stack = np.concatenate((stack, np.empty_like(stack)))
    for i in range(count - 1, -1, -1):
        if ints[n + i, STATUS] == TO_DECAY:
            stack[depth] = n + i
            depth += 1
    return depth, stack


@njit(cache=True, inline="always")
def made_alone(floats: Array, ints: Array, row: int, base: int) -> bool:
    """True for a meson with a mother other than an Upsilon(4S) whose time and decay are not known yet."""
    mother = ints[row, MOTHER]
    if floats[row, CTAU] >= 0.0 or ints[row, CHOSEN] != NOT_CHOSEN or mother < 0:
        return False
    return ints[base + mother, PDG] != UPSILON_4S


@njit(cache=True)
def turns(rng: np.random.Generator, table: TableArrays, floats: Array, ints: Array, row: int, n: int, base: int,
          daughters: Array, masses: Array, momenta: Array, ctau: Array, chosen: Array) -> bool:
    """Draw time and decay of a meson made alone; True when it turns into its antiparticle, then record ``n``."""
    species, mass = ints[row, SPECIES], floats[row, MASS]
    floats[row, CTAU], other, decided = mix_alone(rng, table, species, mass)
    if other == species:
        ints[row, CHOSEN] = decided
        return False
    daughters[0], masses[0], ctau[0], chosen[0] = other, mass, 0.0, decided
    momenta[0, 0], momenta[0, 1], momenta[0, 2], momenta[0, 3] = mass, 0.0, 0.0, 0.0
    append_daughters(floats, ints, row, n, daughters, 1, masses, momenta, ctau, chosen, base, table.pdg,
                     table.stable)
    chosen[0] = NOT_CHOSEN
    return True


@njit(cache=True)
def walk(rng: np.random.Generator, offsets: Array, given_floats: Array, given_ints: Array, table: TableArrays,
         radiation: RadiationArrays, held: SpinTable, spin: SpinWork, density: Array, axes: Array, pools: PoolArrays,
         floats: Array, ints: Array, out_offsets: Array, stack: Array, state: Array,
         counts: Array) -> tuple[Array, Array, Array, bool]:
    """Decay the primaries of every event; returns the rows, the stack and whether the walk is complete.

    ``density`` (d, d) is the spin density of polarised primaries relative to ``axes`` (3, 3; columns).
    ``state`` says where the walk stands (:mod:`openbfactory.generate.columns`); ``counts`` (C + 1,) are the decays by
    channel, the last entry those that had no open channel.
    """
    masses, ctau, scratch = np.empty(MAX_DAUGHTERS), np.empty(MAX_DAUGHTERS), np.empty(MAX_DAUGHTERS)
    momenta, recoiled = np.empty((MAX_DAUGHTERS, 4)), np.empty((MAX_DAUGHTERS, 4))
    daughters, alone = np.empty(MAX_DAUGHTERS, np.int32), np.empty((2, 2), np.complex128)
    n, depth, pending, chosen = state[RECORDS], state[DEPTH], state[PENDING], np.full(MAX_DAUGHTERS, NOT_CHOSEN)
    known, listed = (table.pdg, table.stable), (table.channel_first, table.cumulative, table.threshold, table.fraction)
    for event in range(state[EVENT], len(offsets) - 1):
        base = out_offsets[event]
        if n == base and depth == 0:
            given = slice(offsets[event], offsets[event + 1])
            floats, ints, stack, depth = begin(given_floats[given], given_ints[given], floats, ints, n, stack)
            n += offsets[event + 1] - offsets[event]
        while depth > 0:
            depth, row = depth - 1, stack[depth - 1]
            species, mass = ints[row, SPECIES], floats[row, MASS]
            if n + MAX_DAUGHTERS > len(floats):
                floats, ints = enlarged(floats, n + MAX_DAUGHTERS), enlarged(ints, n + MAX_DAUGHTERS)
            if table.mixing[species] > 0.0 and pending == NO_CHANNEL and made_alone(floats, ints, row, base) \
                    and turns(rng, table, floats, ints, row, n, base, daughters, masses, momenta, ctau, chosen):
                depth, stack = push(stack, depth, ints, n, 1)
                n += 1
                continue
            decided, link, rho = ints[row, CHOSEN], ints[row, LINK], density
            channel, pending, chosen[:] = pending, NO_CHANNEL, NOT_CHOSEN
            if channel == NO_CHANNEL:
                channel = decided >> 1 if decided != NOT_CHOSEN else choose_channel(rng, species, mass, *listed)
            if channel < 0:
                ints[row, STATUS] = STABLE
                counts[len(counts) - 1] += 1
                close(spin, link)
                continue
            if table.code[channel] == PARTONIC:
                count = take_entry(pools, species, mass, daughters, masses, momenta)
                if count < 0:
                    state[EVENT], state[RECORDS], state[DEPTH] = event, n, depth + 1
                    state[PENDING], state[DRY_POOL] = channel, pool_of(pools, species, mass)
                    return floats, ints, stack, False
                ctau[:count] = -1.0
            else:
                conjugate = decided >= 0 and decided & 1 == 1
                if table.code[channel] == FLAVOUR and link == UNPOLARISED:
                    if decided < 0:
                        floats[row, CTAU], conjugate = draw_alone(rng, table, channel, species)
                    density_at(table, channel, species, floats[row, CTAU], alone)
                    link, rho = PRIMARY, alone
                first, last = table.daughter_first[channel], table.daughter_first[channel + 1]
                count = fill_daughters(first, last, table.daughters, table.conjugate, conjugate, daughters)
                count = 2 if table.code[channel] == MIXING_PAIR else count
                draw_masses(rng, channel, mass, table, daughters[:count], masses, chosen)
                ctau[:count] = -1.0
                state[EXCESS] += decay_with_spin(rng, channel, species, mass, table, held, spin, link, rho, axes,
                                                 daughters, masses, count, momenta, ctau, chosen, scratch)
            counts[channel] += 1
            if radiation.photos[channel]:
                bare = count
                count = radiate(rng, mass, radiation, daughters, masses, count, momenta, scratch, recoiled)
                ctau[bare:count] = -1.0
            if floats[row, CTAU] < 0.0:
                floats[row, CTAU] = table.ctau[species] * rng.standard_exponential()
            append_daughters(floats, ints, row, n, daughters, count, masses, momenta, ctau, chosen, base, *known)
            if held.kind[channel] == NONE:
                if ints[row, LINK] >= 0:
                    close(spin, ints[row, LINK])
            elif table.code[channel] == MIXING_PAIR:
                follow_pair(spin, ints, row, n, held)
            else:
                follow(spin, floats, ints, row, n, daughters, momenta, masses, held)
            (depth, stack), n = push(stack, depth, ints, n, count), n + count
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

