"""e+e- -> mu+ mu- tau+ tau-, mu+ mu- mu+ mu-: phase space, cross section and events.

Method: proposals come from three channels that follow the peaks of :mod:`openbfactory.generate.fourlepton` (two virtual
photons along the beams; a light pair radiated by either lepton of the first pair, or of the second); their densities
add up; events are unweighted by acceptance and rejection.  Photons leave the beams as in
:mod:`openbfactory.generate.collisions`.  The decay engine decays taus.

Approximation: that of the amplitudes; taus decay unpolarised; e+e- l+ l- with its electrons in the t-channel is not
here (:mod:`openbfactory.generate.twophoton` has its soft part).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import (
    NB_GEV2,
    Rate,
    collide,
    masses_of_systems,
    particles_of,
    rate_table,
    relative_rate,
)
from openbfactory.generate.columns import STABLE, TO_DECAY, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.finalradiation import with_final_photons
from openbfactory.generate.fourlepton import Scratch, dot, scratch, squared
from openbfactory.generate.muonx import density, propose
from openbfactory.generate.parameters import Values
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import radiation_data
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import two_body_momentum
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species

#: codes of the leptons of each sample
PAIRS: Final = {"mumutautau": (13, 15), "mumumumu": (13, 13)}
ALL_SETS: Final = 7
#: proposals at each energy of the tables, energies, and the safety of the largest weight
POINTS, ENERGIES, SAFETY = 8_000, 7, 1.3


class Tables(NamedTuple):
    """Cross section and its standard deviation [nb], and the largest weight, at some energies."""

    energies: Array
    values: Array
    errors: Array
    largest: Array


@njit(cache=True)
def _pair(rng: np.random.Generator, q: Array, mass: float, lepton: float, row: int, out: Array) -> None:
    """Fill rows ``row`` and ``row`` + 1 of ``out`` with the leptons of a pair of momentum ``q``, isotropic."""
    p = two_body_momentum(mass, lepton, lepton)
    z, phi = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    s = math.sqrt(1.0 - z * z)
    x, y, z = p * s * math.cos(phi), p * s * math.sin(phi), p * z
    o = out[row]
    o[0], o[1], o[2], o[3] = boost_from_rest(0.5 * mass, x, y, z, q[0], q[1], q[2], q[3], mass)
    for i in range(4):
        out[row + 1, i] = q[i] - o[i]


@njit(cache=True)
def _volume(mass: float, one: float, two: float) -> float:
    """Two-body phase space."""
    return two_body_momentum(mass, one, two) / (4.0 * math.pi * mass)


@njit(cache=True)
def _density_converted(total: float, m1: float, m2: float, along: float, masses: Array) -> float:
    """Density of the channel with two virtual photons along the beams."""
    p = two_body_momentum(total, m1, m2)
    if p <= 0.0:
        return 0.0
    a = 0.5 * (total * total - m1 * m1 - m2 * m2) / (total * p)
    c = along / p
    angle = (1.0 / (a - c) + 1.0 / (a + c)) / math.log((a + 1.0) / (a - 1.0))  # times two: over that of isotropy
    g1 = 1.0 / (m1 * m1 * 2.0 * math.log((total - 2.0 * masses[1]) / (2.0 * masses[0])))
    g2 = 1.0 / (m2 * m2 * 2.0 * math.log((total - m1) / (2.0 * masses[1])))
    volume = _volume(total, m1, m2) * _volume(m1, masses[0], masses[0]) * _volume(m2, masses[1], masses[1])
    return g1 * g2 * angle * 4.0 * math.pi * math.pi / volume


@njit(cache=True)
def _density_radiated(total: float, first: int, pair: float, k: Array, masses: Array) -> float:
    """Density of the channel where the pair ``first`` radiates the other, of mass ``pair``."""
    m, other = masses[first], masses[1 - first]
    if pair >= total - 2.0 * m:
        return 0.0
    g = 1.0 / (pair * pair * 2.0 * math.log((total - 2.0 * m) / (2.0 * other)))
    one = total * total - 2.0 * total * k[2 * first + 1, 0] + m * m
    two = total * total - 2.0 * total * k[2 * first, 0] + m * m
    three = 0.5 * (density(one, total, m, pair) + density(two, total, m, pair))
    return g * three * 2.0 * math.pi / _volume(pair, other, other)


@njit(cache=True)
def total_density(total: float, k: Array, masses: Array) -> float:
    """Mean density of the three channels in four-body phase space."""
    m1 = math.sqrt(2.0 * (masses[0] * masses[0] + dot(k[0], k[1])))
    m2 = math.sqrt(2.0 * (masses[1] * masses[1] + dot(k[2], k[3])))
    return (_density_converted(total, m1, m2, k[0, 3] + k[1, 3], masses) + _density_radiated(total, 0, m2, k, masses)
            + _density_radiated(total, 1, m1, k, masses)) / 3.0


@njit(cache=True)
def _exchange(k: Array) -> None:
    """Exchange the two l-."""
    for i in range(4):
        k[0, i], k[2, i] = k[2, i], k[0, i]


@njit(cache=True)
def propose_four(rng: np.random.Generator, total: float, masses: Array, equal: bool, three: Array, out: Array) -> float:
    """Fill ``out`` (4, 4) with l-, l+, L-, L+ in the c.m. frame; the inverse density in phase space, 0 for none."""
    if total <= 2.0 * (masses[0] + masses[1]):
        return 0.0
    channel = int(3.0 * rng.random())
    if channel == 0:
        m1 = 2.0 * masses[0] * math.exp(math.log((total - 2.0 * masses[1]) / (2.0 * masses[0])) * rng.random())
        m2 = 2.0 * masses[1] * math.exp(math.log((total - m1) / (2.0 * masses[1])) * rng.random())
        p = two_body_momentum(total, m1, m2)
        if p <= 0.0:
            return 0.0
        a = 0.5 * (total * total - m1 * m1 - m2 * m2) / (total * p)
        c = a - (a + 1.0) * math.exp(-math.log((a + 1.0) / (a - 1.0)) * rng.random())
        if rng.random() < 0.5:
            c = -c
        phi, s = 2.0 * math.pi * rng.random(), math.sqrt(max(1.0 - c * c, 0.0))
        q = three[0]
        q[0], q[1], q[2], q[3] = math.sqrt(p * p + m1 * m1), p * s * math.cos(phi), p * s * math.sin(phi), p * c
        _pair(rng, q, m1, masses[0], 0, out)
        q[0], q[1], q[2], q[3] = total - q[0], -q[1], -q[2], -q[3]
        _pair(rng, q, m2, masses[1], 2, out)
    else:
        first = channel - 1
        m, other = masses[first], masses[1 - first]
        pair = 2.0 * other * math.exp(math.log((total - 2.0 * m) / (2.0 * other)) * rng.random())
        if propose(rng, total, m, pair, three) <= 0.0:
            return 0.0
        for i in range(4):
            out[2 * first, i], out[2 * first + 1, i] = three[0, i], three[1, i]
        _pair(rng, three[2], pair, other, 2 - 2 * first, out)
    found = total_density(total, out, masses)
    if equal:
        _exchange(out)
        found = 0.5 * (found + total_density(total, out, masses))
        if rng.random() < 0.5:
            _exchange(out)
    return 1.0 / found if found > 0.0 else 0.0


@njit(cache=True)
def weight(rng: np.random.Generator, total: float, masses: Array, equal: bool, three: Array, out: Array,
           w: Scratch) -> float:
    """Weight of a proposed event; its mean is the cross section times 8 s / e^8."""
    volume = propose_four(rng, total, masses, equal, three, out)
    return volume * squared(out, masses, total, equal, 7, w) if volume > 0.0 else 0.0


@njit(cache=True)
def _scan(rng: np.random.Generator, energies: Array, points: int, masses: Array, equal: bool,
          w: Scratch) -> tuple[Array, Array, Array]:
    """Mean, its standard deviation and largest weight at each energy."""
    mean, error, largest = np.zeros(len(energies)), np.zeros(len(energies)), np.zeros(len(energies))
    three, out = np.empty((3, 4)), np.empty((4, 4))
    for i in range(len(energies)):
        square = 0.0
        for _ in range(points):
            value = weight(rng, energies[i], masses, equal, three, out, w)
            mean[i] += value
            square += value * value
            largest[i] = max(largest[i], value)
        mean[i] /= points
        error[i] = math.sqrt(max(square / points - mean[i] * mean[i], 0.0) / points)
    return mean, error, largest


@njit(cache=True)
def _draw(rng: np.random.Generator, totals: Array, masses: Array, equal: bool, ceiling: Rate, largest: float,
          w: Scratch, out: Array) -> int:
    """Fill momenta (n, 4, 4) in the c.m. frames; the number of weights above their bound."""
    excess, three = 0, np.empty((3, 4))
    for i in range(len(totals)):
        bound = largest * relative_rate(totals[i], ceiling)
        while True:
            value = weight(rng, totals[i], masses, equal, three, out[i], w)
            excess += value > bound
            if value > 0.0 and rng.random() * bound <= value:
                break
    return excess


def _masses(name: str) -> Array:
    """Masses (2,) of the leptons of a sample [GeV]."""
    return np.array([species({13: "mu-", 15: "tau-"}[code]).mass for code in PAIRS[name]])


@lru_cache(maxsize=8)
def tables(name: str, top: float) -> Tables:
    """Cross section between the threshold and ``top`` [GeV]."""
    masses = _masses(name)
    threshold = 2.0 * float(masses.sum())
    energies = threshold + (top - threshold) * (np.arange(1, ENERGIES + 1) / ENERGIES) ** 1.5
    rng = Address(1, name, 0, "cross section").generator()
    mean, error, largest = _scan(rng, energies, POINTS, masses, PAIRS[name][0] == PAIRS[name][1], scratch())
    factor = NB_GEV2 * (4.0 * math.pi * radiation_data()["alpha"]) ** 4 / (8.0 * energies**2)
    return Tables(energies, factor * mean, factor * error, SAFETY * largest)


def cross_section(name: str, values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section without radiation, and its standard deviation from integration [nb]."""
    found = tables(name, round(machine.sqrt_s, 6))
    return float(found.values[-1]), float(found.errors[-1])


def four_lepton_events(name: str, events: int, address: Address, machine: Machine, table: DecayTable,
                       values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of l- l+ L- L+ before the decays of taus, and the record with weights above their bound."""
    masses, codes = _masses(name), PAIRS[name]
    low, found = 2.0 * float(masses.sum()), tables(name, round(machine.sqrt_s + 0.1, 6))
    grid, high = np.concatenate([[low], found.energies]), float(found.energies[-1])
    rate = rate_table(low, high, grid, np.concatenate([[0.0], found.values]))
    made = collide(events, address.at("collision"), machine, rate)
    ceiling = rate_table(low, high, grid, np.concatenate([found.largest[:1], found.largest]))
    momenta = np.empty((events, 4, 4))
    excess = _draw(address.at("matrix element").generator(), masses_of_systems(made), masses, codes[0] == codes[1],
                   ceiling, float(found.largest.max()), scratch(), momenta)
    one, two = codes
    made = with_final_photons(made, momenta, (one, -one, two, -two), address.at("final photons"), machine, table)
    pdg = np.tile(np.array([one, -one, two, -two], np.int32), (events, 1))
    status = np.where(np.abs(pdg) == 15, TO_DECAY, STABLE).astype(np.int32)
    return particles_of(made, pdg, status, in_laboratory(momenta, made, machine)), DecayCounts(excess=excess)
