"""One decay in the rest frame of its mother, with the amplitude of its spin states where the model has one."""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.dalitz import PAYLOAD, dalitz
from openbfactory.generate.flavour import OWN, draw_pair, entangle, flavour_pair, interferes
from openbfactory.generate.models import MIXING_PAIR
from openbfactory.generate.momenta import fill_momenta, sort_leptons, sort_tau
from openbfactory.generate.polarised import (
    FERMION_PAIR,
    FLAVOUR_PAIR,
    FLAVOUR_PIONS,
    LEPTONIC,
    MESON_LEPTONS,
    MESON_PAIR,
    NONE,
    NORMAL,
    PIONIC,
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
from openbfactory.generate.softpion import soft_pion
from openbfactory.generate.spin import SpinWork, enter, matters
from openbfactory.physics.rhopi import rhopi_amplitudes


@njit(cache=True, inline="always")
def decay_with_spin(rng: np.random.Generator, channel: int, species: int, mass: float, table: TableArrays,
                    held: SpinTable, spin: SpinWork, link: int, density: Array, axes: Array, daughters: Array,
                    masses: Array, count: int, momenta: Array, ctau: Array, chosen: Array,
                    scratch: Array) -> int:
    """Fill ``momenta[:count]`` and, for a channel with an amplitude, the next node of ``spin``.

    ``link`` says where the polarisation of the mother is kept; ``density`` and ``axes`` are those of primaries.  A pair
    that mixes has its species, ``ctau`` and ``chosen`` decays filled as well.  Returns how many weights were above the
    bound of their channel.
    """
    kind = held.kind[channel]
    if kind == NONE:
        return fill_momenta(rng, channel, species, mass, table, daughters, masses, count, momenta, scratch)
    if kind in (FLAVOUR_PAIR, FLAVOUR_PIONS):
        enter(spin, link, 2, density, axes)
        if kind == FLAVOUR_PIONS:
            return _pions(rng, spin, channel, mass, table, masses, momenta)
        d1, d2 = held.states[daughters[0]], held.states[daughters[1]]
        flavour_pair(rng, spin, held.helicities[held.first[channel]:held.first[channel + 1]], d1, d2, mass, masses,
                     momenta)
        return 0
    polarised = enter(spin, link, held.states[species], density, axes)
    if table.code[channel] == MIXING_PAIR:
        _pair(rng, spin, channel, mass, table, held, polarised, daughters, masses, momenta, ctau, chosen)
        return 0
    if kind in (TWO_BODY, FERMION_PAIR, TAU_VECTOR):
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
    if kind == PIONIC:
        a = table.parameters[table.parameter_first[channel]:table.parameter_first[channel + 1]]
        return soft_pion(rng, spin, a, table.pdg[daughters[2]] > 0, mass, masses, momenta, scratch)
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


@njit(cache=True)
def _pair(rng: np.random.Generator, spin: SpinWork, channel: int, mass: float, table: TableArrays, held: SpinTable,
          polarised: bool, daughters: Array, masses: Array, momenta: Array, ctau: Array, chosen: Array) -> None:
    """A coherent pair of mesons that mix: flavours, times, decays, momenta, and the node where its decays interfere."""
    amplitude, matrices = np.empty((2, 2), np.complex128), np.empty((2, 2, 2), np.complex128)
    draw_pair(rng, table, channel, masses, daughters, ctau, chosen, amplitude, matrices)
    linked = interferes(held, chosen[0]) or interferes(held, chosen[1])
    two_body(rng, spin, held.helicities[held.first[channel]:held.first[channel + 1]], 1, 1, polarised, linked, mass,
             masses, momenta)
    if linked:
        entangle(spin, amplitude, matrices)


@njit(cache=True)
def _pions(rng: np.random.Generator, spin: SpinWork, channel: int, mass: float, table: TableArrays, masses: Array,
           momenta: Array) -> int:
    """A neutral B of the flavour density of the node just entered to three pions; fills its amplitude."""
    n = spin.top[0]
    rho, amplitude = spin.density[n], spin.amplitude[n]
    a = table.parameters[table.parameter_first[channel] + OWN:table.parameter_first[channel + 1]]
    m, s, excess = np.empty(3), np.empty(3), 0
    for i in range(3):
        m[i] = masses[int(a[i])]
    while True:
        excess += dalitz(rng, table.kind[channel], a, mass, masses, momenta)
        for i in range(3):
            e = mass - momenta[int(a[i]), 0]
            p = momenta[int(a[i])]
            s[i] = e * e - p[1] * p[1] - p[2] * p[2] - p[3] * p[3]
        b0, anti = rhopi_amplitudes(a[PAYLOAD:], mass, m, s)
        amplitude[0, 0, 0], amplitude[1, 0, 0] = b0, anti
        both = b0.real * b0.real + b0.imag * b0.imag + anti.real * anti.real + anti.imag * anti.imag
        rate = 0.0
        for i in range(2):
            for k in range(2):
                rate += (rho[i, k] * amplitude[i, 0, 0] * np.conj(amplitude[k, 0, 0])).real
        if rng.random() * both <= rate:
            return excess
