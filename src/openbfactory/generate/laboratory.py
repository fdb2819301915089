"""Events in the c.m. frame at one energy, put into the laboratory at the energy of each collision.

Method.  A batch is made at the nominal sqrt(s).  For every event: photons too
soft to matter are dropped; what remains is boosted into its own rest frame;
all three-momenta are multiplied by one factor, found by Newton's method, such
that the energies add up to the sampled sqrt(s) of the collision; the z axis is
turned into the direction of the electron; the event is boosted to the sampled
four-momentum.  Masses are kept, and the final state adds up to the initial
system to rounding (about 1e-14 GeV).  The factor differs from 1 by the
relative spread of sqrt(s), 5e-4.

Approximation: inside that spread the cross section (1/s) and the shape of
an event are taken as constant; the direction of the electron in the c.m. frame
is that of the nominal beams; the azimuth is uniform.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import GenerationError, UnknownNameError
from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.columns import DECAYED, DISPLACED, INITIAL, STABLE, TO_DECAY
from openbfactory.generate.pythia import Batch, batch, pair_settings, pythia_data
from openbfactory.physics.particles import VIRTUAL_PHOTON, evtgen_codes, species_file

Array = npt.NDArray[Any]

#: first status code of hadrons in Pythia
HADRONS = 80
#: what a machine with fixed energy changes in Pythia
NO_BEAM_PHOTONS = ("PDF:lepton = off", "PartonLevel:ISR = off")
#: Newton's method stops at this relative difference of the energies
TOLERANCE = 1e-13


def fermion_pairs(name: str, known: Mapping[str, str], events: int, address: Address, machine: Machine,
                  more: tuple[str, ...] = ()) -> Jagged:
    """MCParticles of fermion-pair events in the laboratory, before decays.

    Parameters
    ----------
    name, known
        Sample, and the samples that the caller offers.
    events
        Number of events.
    address
        Where random numbers are drawn.
    machine
        The collider: energies and luminous region.
    more
        Further settings of Pythia, one line each.

    Returns
    -------
    Jagged
        The virtual photon first (status 4), then final particles with mother 0:
        status 0 what is to decay, 1 what is stable in generation.

    Raises
    ------
    UnknownNameError
        When ``name`` is not in ``known``.
    GenerationError
        When Pythia fails.
    """
    if name not in known:
        raise UnknownNameError("sample", name, known)
    settings = (*pair_settings(name, machine.sqrt_s), *more)
    settings = (*settings, *NO_BEAM_PHOTONS) if machine.fixed_energy else settings
    made = batch(settings, events, address.at("pythia").pythia_seed())
    p4, vertex = machine.initial_states(events, address.at("collision").generator())
    particles = place(made, p4, vertex, electron_frame(machine), photon_min=pythia_data().photon_min.value)
    status = particles["status"]
    status[(status == STABLE) & ~np.isin(particles["PDG"], stable_codes())] = TO_DECAY
    return particles


@cache
def stable_codes() -> Array:
    """PDG codes of the species that leave generation undecayed, sorted."""
    codes = evtgen_codes()
    return np.array(sorted(codes[name] for name in species_file().stable.names), np.int32)


@cache
def displaced_codes() -> Array:
    """PDG codes of the species whose decay the detector may undo, sorted."""
    codes = evtgen_codes()
    return np.array(sorted(codes[name] for name in species_file().displaced.names), np.int32)


def flag_displaced(particles: Jagged) -> None:
    """Give decayed K_S and hyperons their own status, in place."""
    status = particles["status"]
    status[(status == DECAYED) & np.isin(particles["PDG"], displaced_codes())] = DISPLACED


def electron_frame(machine: Machine) -> Array:
    """Rotation (3, 3) from axes with z along the electron to the lab axes, in the c.m. frame.

    The columns are the three axes: the third is the direction of the electron
    after the boost into the c.m. frame of the nominal beams, the second is
    perpendicular to it and to the lab x axis.
    """
    electron = machine.her.momentum(np.array([machine.her.energy.value]), +1)[0]
    total = machine.p4
    mass = machine.sqrt_s
    energy = (total[0] * electron[0] - total[1:] @ electron[1:]) / mass
    z = electron[1:] - total[1:] * (electron[0] + energy) / (total[0] + mass)
    z = z / np.linalg.norm(z)
    y = np.cross(z, [1.0, 0.0, 0.0])
    y = y / np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z], axis=1)


def place(batch: Batch, p4: Array, vertex: Array, rotation: Array, *, photon_min: float) -> Jagged:
    """MCParticles of a batch in the laboratory; the first record is the initial system.

    Parameters
    ----------
    batch
        Events in the c.m. frame.
    p4 : (n, 4)
        Four-momenta [E, px, py, pz] of the collisions in the lab, GeV.
    vertex : (n, 4)
        Collision points [t, x, y, z], ns and cm.
    rotation : (3, 3)
        See :func:`electron_frame`.
    photon_min
        Photons below this energy (c.m. frame, GeV) are dropped unless a hadron made them.

    Returns
    -------
    Jagged
        MCParticles; every final particle has status 1 and mother 0 (the initial system).

    Raises
    ------
    GenerationError
        When an event is heavier than the energy of its collision.
    """
    soft = (batch.pdg == 22) & (batch.energy < photon_min) & (batch.status < HADRONS)
    kept = np.flatnonzero(~soft)
    event = batch.event_index()[kept]
    counts = np.bincount(event, minlength=len(batch)) + 1
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    slot = np.arange(len(kept)) + event + 1
    momentum = np.empty((int(offsets[-1]), 5))
    for column, values in enumerate((batch.px, batch.py, batch.pz, batch.energy, batch.mass)):
        momentum[slot, column] = values[kept]
    failed = _to_laboratory(offsets, momentum, p4, rotation)
    if failed:
        message = f"{failed} of {len(batch)} events are heavier than the energy of their collision"
        raise GenerationError(message)
    pdg = np.full(len(momentum), VIRTUAL_PHOTON, np.int32)
    pdg[slot] = batch.pdg[kept]
    return _particles(offsets, pdg, momentum, vertex)


def balanced(particles: Jagged, mass: Array) -> Jagged:
    """Records of events whose first record is the initial system, with new masses and the four-momentum of it.

    Three-momenta in the rest frame are multiplied by one factor an event.

    Parameters
    ----------
    particles
        Primary particles; columns are copied.
    mass : (size,)
        Masses, GeV; that of the first record of an event is not used.

    Raises
    ------
    GenerationError
        When an event is heavier than its initial system.
    """
    momentum = np.stack([*(particles[n] for n in ("px", "py", "pz", "E")), mass], axis=1)
    momentum[:, 3] = np.sqrt(np.sum(momentum[:, :3] ** 2, axis=1) + mass**2)
    first = particles.offsets[:-1]
    total = np.stack([particles[n][first] for n in ("E", "px", "py", "pz")], axis=1)
    failed = _to_laboratory(particles.offsets, momentum, total, np.eye(3))
    if failed:
        message = f"{failed} of {len(particles)} events are heavier than their initial system"
        raise GenerationError(message)
    changed = {name: np.ascontiguousarray(momentum[:, i]) for i, name in enumerate(("px", "py", "pz", "E"))}
    return Jagged(particles.offsets, particles.columns | changed)


def _particles(offsets: Array, pdg: Array, momentum: Array, vertex: Array) -> Jagged:
    """MCParticles of final particles that all come from the initial system at the collision point."""
    size = len(pdg)
    status, mother = np.full(size, STABLE, np.int32), np.zeros(size, np.int32)
    status[offsets[:-1]], mother[offsets[:-1]] = INITIAL, -1
    point = np.repeat(vertex, np.diff(offsets), axis=0)
    columns = {"PDG": pdg}
    columns |= {name: np.ascontiguousarray(momentum[:, i]) for i, name in enumerate(("px", "py", "pz", "E"))}
    columns |= {name: np.ascontiguousarray(point[:, i]) for name, i in (("x", 1), ("y", 2), ("z", 3), ("t", 0))}
    return Jagged(offsets, columns | {"mother": mother, "status": status})


@nb.njit(cache=True)
def _to_laboratory(offsets: Array, p: Array, total: Array, rotation: Array) -> int:
    """Number of events that cannot have their energy; momenta (size, 5) [px, py, pz, E, m] are changed in place.

    The first record of each event receives the initial system ``total`` (n, 4).
    """
    failed = 0
    for event in range(len(offsets) - 1):
        first, last = offsets[event], offsets[event + 1]
        e0, x0, y0, z0 = total[event, 0], total[event, 1], total[event, 2], total[event, 3]
        mass = np.sqrt(e0 * e0 - x0 * x0 - y0 * y0 - z0 * z0)
        p[first, 0], p[first, 1], p[first, 2], p[first, 3], p[first, 4] = x0, y0, z0, e0, mass
        _to_rest(p, first + 1, last)
        factor = _momentum_factor(p, first + 1, last, mass)
        if factor <= 0.0:
            failed += 1
            continue
        for i in range(first + 1, last):
            x, y, z = factor * p[i, 0], factor * p[i, 1], factor * p[i, 2]
            e = np.sqrt(x * x + y * y + z * z + p[i, 4] * p[i, 4])
            a = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
            b = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
            c = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
            energy = (e0 * e + x0 * a + y0 * b + z0 * c) / mass
            share = (e + energy) / (e0 + mass)
            p[i, 0], p[i, 1], p[i, 2], p[i, 3] = a + x0 * share, b + y0 * share, c + z0 * share, energy
    return failed


@nb.njit(cache=True)
def _to_rest(p: Array, first: int, last: int) -> None:
    """Boost records ``first:last`` into their common rest frame, in place."""
    x0, y0, z0, e0 = 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        x0 += p[i, 0]
        y0 += p[i, 1]
        z0 += p[i, 2]
        e0 += p[i, 3]
    mass = np.sqrt(e0 * e0 - x0 * x0 - y0 * y0 - z0 * z0)
    for i in range(first, last):
        energy = (e0 * p[i, 3] - x0 * p[i, 0] - y0 * p[i, 1] - z0 * p[i, 2]) / mass
        share = (p[i, 3] + energy) / (e0 + mass)
        p[i, 0] -= x0 * share
        p[i, 1] -= y0 * share
        p[i, 2] -= z0 * share
        p[i, 3] = energy


@nb.njit(cache=True)
def _momentum_factor(p: Array, first: int, last: int, mass: float) -> float:
    """Factor of all three-momenta with which records ``first:last`` have energy ``mass``; 0 when there is none."""
    rest = 0.0
    for i in range(first, last):
        rest += p[i, 4]
    if not rest < mass:
        return 0.0
    factor = 1.0
    for _ in range(50):
        energy, slope = 0.0, 0.0
        for i in range(first, last):
            p2 = p[i, 0] * p[i, 0] + p[i, 1] * p[i, 1] + p[i, 2] * p[i, 2]
            e = np.sqrt(factor * factor * p2 + p[i, 4] * p[i, 4])
            energy += e
            slope += factor * p2 / e
        step = (energy - mass) / slope
        if abs(step) < TOLERANCE * factor or abs(energy - mass) < TOLERANCE * mass:
            return factor
        factor = max(factor - step, 0.5 * factor)
    return 0.0
