"""One decay in the rest frame of its mother, with the amplitude of its spin states where the model has one."""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.models import MIXING_PAIR
from openbfactory.generate.momenta import fill_momenta, mixing_pair, sort_leptons, sort_tau
from openbfactory.generate.polarised import (
    FERMION_PAIR,
    LEPTONIC,
    MESON_LEPTONS,
    MESON_PAIR,
    NONE,
    NORMAL,
    POLARIMETER,
    TAU_VECTOR,
    TRANSFER,
    TWO_BODY,
    SpinTable,
    meson_leptons,
    oriented,
    pair_table,
    tau_vector_table,
    transfer,
    two_body,
)
from openbfactory.generate.raredecay import meson_pair_node, sort_pair
from openbfactory.generate.spin import SpinWork, enter, matters


@njit(cache=True)
def decay_with_spin(rng: np.random.Generator, channel: int, species: int, mass: float, table: TableArrays,
                    held: SpinTable, spin: SpinWork, link: int, density: Array, axes: Array, daughters: Array,
                    masses: Array, count: int, momenta: Array, ctau: Array, scratch: Array) -> int:
    """Fill ``momenta[:count]`` and, for a channel with an amplitude, the next node of ``spin``.

    ``link`` says where the polarisation of the mother is kept; ``density`` and ``axes`` are those of primaries.
    Returns how many weights were above the bound of their channel.
    """
    kind = held.kind[channel]
    if kind == NONE:
        return fill_momenta(rng, channel, species, mass, table, daughters, masses, count, momenta, scratch)
    polarised = enter(spin, link, held.states[species], density, axes)
    if kind in (TWO_BODY, FERMION_PAIR, TAU_VECTOR):
        if table.code[channel] == MIXING_PAIR:
            mixing_pair(rng, table, channel, daughters, ctau)
        d1, d2 = held.states[daughters[0]], held.states[daughters[1]]
        passed = held.wants[daughters[0]] or held.wants[daughters[1]] or matters(spin, link)
        if kind == TWO_BODY:
            two_body(rng, spin, held.helicities[held.first[channel]:held.first[channel + 1]], d1, d2, polarised,
                     passed, mass, masses, momenta)
            return 0
        amplitudes = np.empty(6, np.complex128)
        if kind == FERMION_PAIR:
            pair_table(mass, masses[0], amplitudes)
        else:
            tau_vector_table(mass, masses[0] + masses[1], d1 == 3, table.pdg[species] > 0, amplitudes)
        two_body(rng, spin, amplitudes, d1, d2, polarised, passed, mass, masses, momenta)
        return 0
    excess = fill_momenta(rng, channel, species, mass, table, daughters, masses, count, momenta, scratch)
    order = np.empty(3, np.int64)
    if kind == MESON_LEPTONS:
        sort_leptons(table, daughters, species, order)
        negative = table.pdg[daughters[order[1]]] > 0
        bottom = abs(table.pdg[species]) // 100 % 10 == 5
        meson_leptons(spin, order[0], order[1], order[2], scratch, negative, bottom != negative,
                      held.states[daughters[order[0]]], masses, momenta)
    elif kind == MESON_PAIR:
        sort_pair(table, daughters, species, order)
        meson_pair_node(spin, order, scratch, table.pdg[species] > 0, held.states[daughters[order[0]]], masses, momenta)
    elif kind == LEPTONIC:
        sort_tau(table, daughters, order)
        oriented(rng, spin, count, momenta, order[1], -1 if table.pdg[species] > 0 else -2)
    elif kind == NORMAL:
        oriented(rng, spin, count, momenta, 0, 1)
    elif kind == POLARIMETER:
        oriented(rng, spin, count + 1, momenta, count, -1)
    elif kind == TRANSFER:
        transfer(rng, spin, polarised, count, momenta, masses[0])
    return excess
