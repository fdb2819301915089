"""Collisions with the energy spread of the beams and initial-state radiation, and what they leave for a process.

Method: the four-momentum of a collision is that of the machine with its spread.  Photons leave the beams as in
:mod:`openbfactory.generate.pairproduction`; the collision is kept with a probability proportional to the cross section
at the mass that remains, given as a table.  The spread is drawn anew with the photons, so that the mass follows
(spread) x (radiation) x (cross section) exactly.

Approximation: photons below ``photon_min`` (c.m., 1 MeV) are not made; no vacuum polarisation.  A machine with
``fixed_energy`` makes neither spread nor photons.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.errors import GenerationError
from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import ELECTRON_MASS, Machine
from openbfactory.generate.columns import INITIAL, STABLE, Array
from openbfactory.generate.laboratory import electron_frame
from openbfactory.generate.pairproduction import Beams, emit_photons
from openbfactory.generate.pythia import pythia_data
from openbfactory.generate.radiation import _undo_recoil, radiation_data
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.physics.particles import VIRTUAL_PHOTON

#: (hbar c)^2 [GeV^2 nb] (CODATA 2018)
NB_GEV2 = 0.3893793721e6
#: most photons of one collision
MOST_PHOTONS = 32
#: rounds of proposals, each of at least this many, before a process counts as out of reach
ROUNDS, LEAST = 200, 256


class Rate(NamedTuple):
    """Cross section of a process over its largest value, at equidistant masses from ``low`` [GeV].

    Below ``low`` it is zero; above the last entry it keeps that value.
    """

    low: float
    step: float
    values: Array


class Collisions(NamedTuple):
    """Collisions in the laboratory.

    Attributes
    ----------
    total : (n, 4)
        E, px, py, pz of both beams [GeV].
    vertex : (n, 4)
        t [ns], x, y, z [cm].
    system : (n, 4)
        What is left after initial radiation.
    first : (n + 1,) int64
        Photons of collision ``i`` are ``photons[first[i]:first[i + 1]]``.
    photons : (m, 4)
        Photons of the beams.
    """

    total: Array
    vertex: Array
    system: Array
    first: Array
    photons: Array


def rate_table(low: float, high: float, masses: Array, values: Array) -> Rate:
    """Rate on an equidistant grid from ``low`` to ``high`` by interpolation of ``values`` at ``masses``."""
    grid = np.linspace(low, high, 4001)
    table = np.maximum(np.interp(grid, masses, values), 0.0)
    return Rate(low, float(grid[1] - grid[0]), table / table.max())


def masses_of_systems(made: Collisions) -> Array:
    """Masses (n,) of what is left of each collision [GeV]."""
    s = made.system
    masses: Array = np.sqrt(s[:, 0] ** 2 - s[:, 1] ** 2 - s[:, 2] ** 2 - s[:, 3] ** 2)
    return masses


def collide(events: int, address: Address, machine: Machine, rate: Rate, *, photons: bool = True) -> Collisions:
    """Collisions of a process.

    Parameters
    ----------
    events
        Number of collisions.
    address
        Where random numbers are drawn.
    machine
        The collider.
    rate
        Cross section of the process as a function of the mass.
    photons
        Whether photons may leave the beams.

    Raises
    ------
    GenerationError
        When the energy of the beams is below the threshold of the process.
    """
    rng, rotation = address.generator(), electron_frame(machine)
    beams = Beams(ELECTRON_MASS, pythia_data().photon_min.value, rate.low, radiation_data()["alpha"] / math.pi, 1.0)
    totals, vertices, systems, counts, rows_of, missing = [], [], [], [], [], events
    fixed = machine.fixed_energy or not photons
    for _ in range(ROUNDS):
        p4, vertex = machine.initial_states(2 * missing + LEAST, rng)
        kept, system, number, rows = _proposed(rng, p4, rotation, beams, rate, fixed)
        chosen = np.flatnonzero(kept)[:missing]
        last = np.concatenate([[0], np.cumsum(number)]).astype(np.int64)
        totals.append(p4[chosen])
        vertices.append(vertex[chosen])
        systems.append(system[chosen])
        counts.append(number[chosen])
        own = np.repeat(np.isin(np.arange(len(p4)), chosen), np.diff(last))
        rows_of.append(rows[own])
        missing -= len(chosen)
        if not missing:
            break
    else:
        message = (f"sqrt(s) of {machine.name}, {machine.sqrt_s:.4f} GeV, does not reach the threshold "
                   f"{rate.low:.4f} GeV")
        raise GenerationError(message)
    first = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    return Collisions(np.concatenate(totals), np.concatenate(vertices), np.concatenate(systems), first,
                      np.concatenate(rows_of))


@njit(cache=True)
def relative_rate(mass: float, rate: Rate) -> float:
    """Cross section at a mass over the largest one."""
    place = (mass - rate.low) / rate.step
    if place < 0.0:
        return 0.0
    i = int(place)
    if i >= len(rate.values) - 1:
        return float(rate.values[-1])
    share = place - i
    return float((1.0 - share) * rate.values[i] + share * rate.values[i + 1])


@njit(cache=True)
def _proposed(rng: np.random.Generator, p4: Array, rotation: Array, beams: Beams, rate: Rate,
              fixed: bool) -> tuple[Array, Array, Array, Array]:
    """Which collisions are kept, what remains of each, the number of photons of each, and all photons."""
    events = len(p4)
    kept, system, number = np.zeros(events, np.bool_), p4.copy(), np.zeros(events, np.int64)
    rows, size = np.empty((2 * events + MOST_PHOTONS, 4)), 0
    photons, before = np.empty((MOST_PHOTONS + 1, 4)), np.empty(MOST_PHOTONS)
    for event in range(events):
        e0, x0, y0, z0 = p4[event, 0], p4[event, 1], p4[event, 2], p4[event, 3]
        mass = math.sqrt(e0 * e0 - x0 * x0 - y0 * y0 - z0 * z0)
        n, left = 0, mass
        if not fixed:
            n, left = emit_photons(rng, mass, beams, photons[:MOST_PHOTONS], before)
        if rng.random() >= relative_rate(left, rate):
            continue
        kept[event], number[event] = True, n
        if n == 0:
            continue
        # the system is one more row behind the photons
        photons[n, 0], photons[n, 1], photons[n, 2], photons[n, 3] = left, 0.0, 0.0, 0.0
        for k in range(n - 1, -1, -1):
            _undo_recoil(k, 0, n + 1, before[k], photons)
        if size + n > len(rows):
            rows = np.concatenate((rows, np.empty_like(rows)))
        for k in range(n + 1):
            p = photons[k]
            a = rotation[0, 0] * p[1] + rotation[0, 1] * p[2] + rotation[0, 2] * p[3]
            b = rotation[1, 0] * p[1] + rotation[1, 1] * p[2] + rotation[1, 2] * p[3]
            c = rotation[2, 0] * p[1] + rotation[2, 1] * p[2] + rotation[2, 2] * p[3]
            out = rows[size + k] if k < n else system[event]
            out[0], out[1], out[2], out[3] = boost_from_rest(p[0], a, b, c, e0, x0, y0, z0, mass)
        size += n
    return kept, system, number, rows[:size].copy()


def particles_of(made: Collisions, pdg: Array, status: Array, momenta: Array) -> Jagged:
    """MCParticles of collisions with the particles of the process.

    Parameters
    ----------
    made
        Collisions.
    pdg, status : (n, k) int32
        Code and status of the ``k`` particles of each event.
    momenta : (n, k, 4)
        E, px, py, pz in the laboratory.

    Returns
    -------
    Jagged
        The virtual photon first (status 4), then the particles of the process, then the photons of the beams, all with
        mother 0 and at the point of the collision.
    """
    k = pdg.shape[1]
    number = np.diff(made.first)
    offsets = np.concatenate([[0], np.cumsum(1 + k + number)]).astype(np.int64)
    start, size = offsets[:-1], int(offsets[-1])
    columns = {c.name: c.empty(size) for c in MC_PARTICLES.required}
    p = np.zeros((size, 4))
    p[start] = made.total
    own = start[:, None] + 1 + np.arange(k)
    p[own] = momenta
    photon = np.repeat(start + 1 + k - made.first[:-1], number) + np.arange(int(made.first[-1]))
    p[photon] = made.photons
    for i, name in enumerate(("E", "px", "py", "pz")):
        columns[name][:] = p[:, i]
    for i, name in enumerate(("t", "x", "y", "z")):
        columns[name][:] = np.repeat(made.vertex[:, i], np.diff(offsets))
    columns["PDG"][:], columns["status"][:] = 22, STABLE
    columns["PDG"][start], columns["status"][start], columns["mother"][start] = VIRTUAL_PHOTON, INITIAL, -1
    columns["PDG"][own], columns["status"][own] = pdg, status
    return Jagged(offsets, columns)
