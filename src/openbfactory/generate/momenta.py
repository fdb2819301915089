"""Momenta of one decay in the rest frame of its mother: the switch over all model kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.dalitz import dalitz
from openbfactory.generate.inclusive import CHARMLESS, LEPTONS, inclusive
from openbfactory.generate.models import (
    DALITZ,
    HADRONIC_TAU,
    INCLUSIVE,
    KAON_NEUTRINOS,
    LEPTON_PAIR,
    LEPTONIC_TAU,
    SEMILEPTONIC,
    WEAK,
)
from openbfactory.generate.raredecay import meson_pair, sort_pair
from openbfactory.generate.semileptonic import MASSES, bound_at, kaon_neutrinos, leptonic_tau, semileptonic
from openbfactory.generate.taudecay import other_hadrons, three_pions
from openbfactory.generate.taumodels import BINS, PION_PARAMETERS
from openbfactory.generate.weakdecay import weak_decay
from openbfactory.kinematics.phasespace import decay_to


@njit(cache=True)
def sort_leptons(table: TableArrays, daughters: Array, species: int, order: Array) -> None:
    """Fill ``order`` with the positions of meson, charged lepton and neutrino among three daughters.

    Of two neutrinos the left-handed one of b, the right-handed one of anti-b, is in the place of the charged lepton.
    """
    neutrinos = 0
    for i in range(3):
        neutrinos += abs(table.pdg[daughters[i]]) in (12, 14, 16)
    if neutrinos == 2:
        sort_pair(table, daughters, species, order)
        return
    for i in range(3):
        code = abs(table.pdg[daughters[i]])
        if code > 16:
            order[0] = i
        elif code % 2 == 1:
            order[1] = i
        else:
            order[2] = i


@njit(cache=True)
def sort_tau(table: TableArrays, daughters: Array, order: Array) -> None:
    """Fill ``order`` with the positions of lepton, its neutrino and the tau neutrino."""
    for i in range(3):
        code = abs(table.pdg[daughters[i]])
        if code == 16:
            order[2] = i
        elif code % 2 == 1:
            order[0] = i
        else:
            order[1] = i


@njit(cache=True)
def hadronic_tau(rng: np.random.Generator, a: Array, negative: bool, mass: float, masses: Array, count: int,
                 momenta: Array, scratch: Array) -> None:
    """Fill momenta of hadrons and neutrino and, as one row more, a direction on which the spin is projected.

    ``a`` is the position of the neutrino alone, or the payload of a channel to three pions.  A polarimeter h shorter
    than one stands for projections on h and -h with the shares (1 +- |h|) / 2.  A tau+ is the mirror image.
    """
    h = momenta[count, 1:]
    if len(a) == 1:
        other_hadrons(rng, mass, masses, count, int(a[0]), momenta, scratch, h)
        size = math.sqrt(h[0] * h[0] + h[1] * h[1] + h[2] * h[2])
        if rng.random() >= 0.5 * (1.0 + size):
            h[0], h[1], h[2] = -h[0], -h[1], -h[2]
    else:
        bounds = a[PION_PARAMETERS + 1:PION_PARAMETERS + 1 + BINS]
        three_pions(rng, mass, masses, int(a[PION_PARAMETERS]), a, bounds, a[PION_PARAMETERS + 1 + BINS:], momenta, h)
    if not negative:
        momenta[:count, 1:] *= -1.0


@njit(cache=True)
def draw_inclusive(rng: np.random.Generator, channel: int, species: int, mass: float, table: TableArrays,
                   daughters: Array, masses: Array, momenta: Array) -> int:
    """Fill ``momenta`` and the mass of the hadronic system of an inclusive decay; returns weights above the bound."""
    a = table.parameters[table.parameter_first[channel]:table.parameter_first[channel + 1]]
    order, flip = np.arange(3), False
    if table.kind[channel] == CHARMLESS:
        sort_leptons(table, daughters, species, order)
    elif table.kind[channel] == LEPTONS:
        # the kernel makes l+ l- of a b quark
        flip = (table.pdg[species] > 0) != (table.pdg[daughters[1]] > 0)
    return inclusive(rng, table.kind[channel], a, mass, masses, order, flip, momenta)


@njit(cache=True, inline="always")
def fill_momenta(rng: np.random.Generator, channel: int, species: int, mass: float, table: TableArrays,
                 daughters: Array, masses: Array, count: int, momenta: Array, scratch: Array) -> int:
    """Fill ``momenta[:count]`` (E, px, py, pz), in the rest frame of the mother, as the model of the channel says.

    Returns how many weights were above the bound of their channel.
    """
    code = table.code[channel]
    if code == SEMILEPTONIC:
        order = np.empty(3, np.int64)
        sort_leptons(table, daughters, species, order)
        last = table.parameter_first[channel + 1] - MASSES
        a, s = table.parameters[table.parameter_first[channel]:last], daughters[order[0]]
        bound = bound_at(table.parameters[last:last + MASSES], masses[order[0]], table.low[s], table.high[s])
        eta = 1.0 if abs(table.pdg[species]) // 100 % 10 == 5 else -1.0
        return semileptonic(rng, table.kind[channel], a, mass, masses, order, eta, bound, scratch, momenta)
    if code == LEPTON_PAIR:
        order = np.empty(3, np.int64)
        sort_pair(table, daughters, species, order)
        a = table.parameters[table.parameter_first[channel]:table.parameter_first[channel + 1]]
        s = daughters[order[0]]
        return meson_pair(rng, a, a[len(a) - 2 * MASSES:], table.low[s], table.high[s], mass, masses, order, scratch,
                          momenta)
    if code == KAON_NEUTRINOS:
        kaon_neutrinos(rng, table.quantiles, mass, masses, momenta)
    elif code == LEPTONIC_TAU:
        order = np.empty(3, np.int64)
        sort_tau(table, daughters, order)
        leptonic_tau(rng, mass, masses, momenta, order[1], order[0], scratch)
    elif code == HADRONIC_TAU:
        a = table.parameters[table.parameter_first[channel]:table.parameter_first[channel + 1]]
        hadronic_tau(rng, a, table.pdg[species] > 0, mass, masses, count, momenta, scratch)
    elif code == DALITZ:
        a = table.parameters[table.parameter_first[channel]:table.parameter_first[channel + 1]]
        return dalitz(rng, table.kind[channel], a, mass, masses, momenta)
    elif code == INCLUSIVE:
        return draw_inclusive(rng, channel, species, mass, table, daughters, masses, momenta)
    elif code == WEAK:
        weak_decay(rng, mass, masses, count, momenta, scratch)
    else:
        decay_to(rng, mass, masses, count, momenta, scratch)
    return 0
