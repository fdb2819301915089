"""e+e- -> tau+ tau- (gamma) with the spins of both taus correlated, and their decays.

Method: :mod:`openbfactory.generate.pairproduction` makes the pair.  The tau- decays unpolarised with the polarimeter h,
which leaves the tau+ with polarisation h C / T (:mod:`openbfactory.generate.taudecay`).  Taus and their daughters
radiate (:mod:`openbfactory.generate.radiation`).

Validity: tree level, the photon alone, sqrt(s) far above 2 m_tau and far below the Z.
Approximation: no interference of initial and final radiation; initial photons below ``photon_min`` (c.m.) are not made;
a daughter with spin that is not a vector decaying to two scalars decays unpolarised later; muons carry the
polarisation of an unpolarised tau's decay (:mod:`openbfactory.generate.muonspin`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.errors import GenerationError
from openbfactory.core.random import Address
from openbfactory.core.units import speed_of_light
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import ELECTRON_MASS, Machine
from openbfactory.generate.asked import asked_decays
from openbfactory.generate.channels import choose_channel
from openbfactory.generate.columns import DECAYED, INITIAL, STABLE, TO_DECAY, Array, TableArrays
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.laboratory import electron_frame
from openbfactory.generate.lineshape import draw_masses
from openbfactory.generate.pairproduction import Beams, pair_axes, pair_rate, radiate_beams, spin_of_partner
from openbfactory.generate.preparation import prepared
from openbfactory.generate.pythia import pythia_data
from openbfactory.generate.radiation import RadiationArrays, _undo_recoil, radiate, radiation_arrays
from openbfactory.generate.taudecay import (
    Michel,
    leptonic,
    other_hadrons,
    scalar,
    three_pions,
    vector,
    vector_mass,
)
from openbfactory.generate.taumodels import LEPTON, SCALAR, THREE_PIONS, VECTOR, TauArrays, tau_arrays
from openbfactory.generate.tauprongs import Wanted, near_edge, possible, wanted
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.kinematics.phasespace import two_body_momentum
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import VIRTUAL_PHOTON

#: most particles of one event, and most initial photons
ROWS, INITIAL_PHOTONS = 256, 32
#: records expected an event, for the first allocation only
_EXPECTED = 16
#: pairs tried without one that is wanted before the search ends
FRUITLESS = 300_000


class Work(NamedTuple):
    """Scratch of one event: momenta, species, mother and status of its rows, and of one decay."""

    momenta: Array
    species: Array
    mother: Array
    status: Array
    daughters: Array
    chosen: Array
    masses: Array
    inside: Array
    inner: Array
    scratch: Array
    recoiled: Array
    h: Array


def _work() -> Work:
    """Empty scratch."""
    return Work(np.empty((ROWS, 4)), np.empty(ROWS, np.int32), np.empty(ROWS, np.int32), np.empty(ROWS, np.int32),
                np.empty(64, np.int32), np.empty(64, np.int64), np.empty(ROWS), np.empty((64, 4)), np.empty((64, 4)),
                np.empty(64), np.empty((64, 4)), np.empty(3))


def polarised_taus(events: int, address: Address, table: DecayTable, spin: tuple[float, float, float], *,
                   michel: Michel | None = None) -> Jagged:
    """MCParticles of single tau- decays at rest with the given polarisation vector, for studies of the decays alone."""
    arrays, data = prepared(table)[0], radiation_arrays(table)
    counts = np.zeros(len(table.fraction), np.int64)
    made = make_singles(address.at("taus").generator(), events, table.index["tau-"], spin, arrays,
                        tau_arrays(table, michel or Michel())[0], data, counts, _work())
    return _jagged(*made)


def tau_pair_events(events: int, address: Address, machine: Machine, table: DecayTable, *,
                    michel: Michel | None = None, least: float = 0.0) -> tuple[Jagged, DecayCounts]:
    """MCParticles of tau-pair events with both taus decayed, and the record of these decays.

    Parameters
    ----------
    events
        Number of events.
    address
        Where random numbers are drawn.
    machine
        The collider: energies, spreads, luminous region.
    table
        Decay table: channels and branching fractions of the taus.
    michel
        Parameters of leptonic decays; V-A if None.
    least
        Where not 0, only pairs of 3 x 1 charged particles with at least this pseudomass [GeV] are made
        (:mod:`openbfactory.generate.tauprongs`), and the collisions that it took are counted.

    Returns
    -------
    particles, counts
        The virtual photon first (status 4), the taus next; status 0 marks daughters that are still to decay.

    Raises
    ------
    GenerationError
        When no pair is as wanted.
    """
    p4, vertex = machine.initial_states(events, address.at("collision").generator())
    arrays = prepared(table)[0]
    taus, fallback = tau_arrays(table, michel or Michel())
    pair = pythia_data()
    low, data = pair.pairs["taupair"].mass_min.value, radiation_arrays(table)
    tau = float(table.mass[table.index["tau-"]])
    masses = np.linspace(low, 12.0, 4001)
    largest = float(max(pair_rate(m, tau) for m in masses.tolist()))
    softest = math.inf if machine.fixed_energy else pair.photon_min.value
    beams = Beams(ELECTRON_MASS, softest, low, data.strength, largest)
    counts = np.zeros(len(table.fraction), np.int64)
    minus, plus = table.index["tau-"], table.index["tau+"]
    *made, tried = make_pairs(address.at("taus").generator(), p4, vertex, electron_frame(machine), beams, arrays, taus,
                              data, minus, plus, wanted(table, least), counts, _work())
    if tried < 0:
        message = f"none of {FRUITLESS} tau pairs has 3 x 1 charged particles with a pseudomass above {least:g} GeV"
        raise GenerationError(message)
    asked = {} if least > 0 else asked_decays(table, counts, {minus: events, plus: events}, follow=False)
    return _jagged(*made), DecayCounts(int(counts.sum()), _by_model(counts, table),
                                       _by_model(np.where(fallback, counts, 0), table), asked=asked,
                                       tried=tried if least > 0 else 0)


def _jagged(floats: Array, ints: Array, offsets: Array) -> Jagged:
    """Declared columns of rows."""
    columns = {name: np.ascontiguousarray(floats[:, k])
               for k, name in enumerate(("E", "px", "py", "pz", "t", "x", "y", "z"))}
    columns |= {name: np.ascontiguousarray(ints[:, k]) for k, name in enumerate(("PDG", "mother", "status"))}
    return Jagged(offsets, {c.name: columns[c.name] for c in MC_PARTICLES.required})


def _by_model(counts: Array, table: DecayTable) -> dict[str, int]:
    """Decays by model, without those that have none."""
    numbers: Any = np.bincount(table.model, weights=counts, minlength=len(table.models)).astype(int).tolist()
    return {str(name): n for name, n in zip(table.models, numbers, strict=True) if n}


@njit(cache=True)
def turn(momenta: Array, count: int, h: Array, sign: float) -> None:
    """Turn momenta by half a turn about an axis normal to ``h``, and mirror them where ``sign`` is negative."""
    x, y, z = (-h[1], h[0], 0.0) if abs(h[2]) < abs(h[0]) + abs(h[1]) else (0.0, -h[2], h[1])
    norm = x * x + y * y + z * z
    for i in range(count):
        p = momenta[i]
        factor = 2.0 * (p[1] * x + p[2] * y + p[3] * z) / norm
        p[1], p[2], p[3] = sign * (factor * x - p[1]), sign * (factor * y - p[2]), sign * (factor * z - p[3])


@njit(cache=True)
def channel_of(rng: np.random.Generator, species: int, table: TableArrays) -> int:
    """Channel of a tau, drawn by the branching fractions; negative when it stays whole."""
    return -1 if table.stable[species] else choose_channel(
        rng, species, table.mass[species], table.channel_first, table.cumulative, table.threshold, table.fraction)


@njit(cache=True)
def decay_tau(rng: np.random.Generator, row: int, n: int, species: int, channel: int, sign: float,
              spin: tuple[float, float, float], table: TableArrays, taus: TauArrays, radiation: RadiationArrays,
              counts: Array, w: Work) -> int:
    """Number of rows after the tau of ``row`` decayed; daughters are in its rest frame, in the axes of ``spin``.

    ``w.h`` becomes the polarimeter; it is zero when the tau stays whole.
    """
    w.h[:] = 0.0
    mass = table.mass[species]
    if channel < 0:
        w.status[row] = STABLE
        return n
    counts[channel] += 1
    kind, masses, inside = taus.kind[channel], w.masses, w.inside
    first = table.daughter_first[channel]
    count = table.daughter_first[channel + 1] - first
    w.daughters[:count] = table.daughters[first:first + count]
    draw_masses(rng, channel, mass, table, w.daughters[:count], masses, w.chosen)
    pair = -1
    if kind == LEPTON:
        leptonic(rng, mass, masses, taus.michel, taus.bound[channel], inside, w.h)
    elif kind == SCALAR:
        scalar(rng, mass, masses, inside, w.h)
    elif kind == VECTOR:
        v, m = w.daughters[0], taus.scalars[channel]
        masses[0] = vector_mass(rng, mass, table.mass[v], table.width[v], max(table.low[v], m[0] + m[1]),
                                min(table.high[v], mass), m[0], m[1], taus.bound[channel])
        pair = choose_channel(rng, v, masses[0], table.channel_first, table.cumulative, table.threshold, table.fraction)
        one, two = table.daughters[table.daughter_first[pair]], table.daughters[table.daughter_first[pair] + 1]
        vector(rng, mass, masses, table.mass[one], table.mass[two], inside, w.inner, w.h)
    elif kind == THREE_PIONS:
        k = taus.slot[channel]
        parameters = table.parameters[table.parameter_first[channel]:]
        three_pions(rng, mass, masses, taus.position[channel], parameters, taus.bounds[k], taus.cumulative[k], inside,
                    w.h)
    else:
        other_hadrons(rng, mass, masses, count, taus.position[channel], inside, w.scratch, w.h)
    if rng.random() >= 0.5 * (1.0 + spin[0] * w.h[0] + spin[1] * w.h[1] + spin[2] * w.h[2]):
        turn(inside, count, w.h, sign)
        turn(w.inner, 2, w.h, sign)
        for i in range(3):
            w.h[i] = -w.h[i]
    elif sign < 0.0:
        inside[:count, 1:] *= -1.0
        w.inner[:2, 1:] *= -1.0
    heavy = masses[0]
    if radiation.photos[channel]:
        count = radiate(rng, mass, radiation, w.daughters, masses, count, inside, w.scratch, w.recoiled)
    end = _append(row, n, count, 0, table, w, inside)
    if pair >= 0:
        counts[pair] += 1
        end = _decay_vector(rng, n, end, pair, heavy, table, radiation, w)
    return end


@njit(cache=True)
def _append(row: int, n: int, count: int, first: int, table: TableArrays, w: Work, momenta: Array) -> int:
    """Write daughters of ``row`` behind row ``n``."""
    for i in range(first, count):
        out = n + i - first
        w.momenta[out] = momenta[i]
        w.species[out], w.mother[out] = w.daughters[i], row
        w.status[out] = STABLE if table.stable[w.daughters[i]] else TO_DECAY
    return n + count - first


@njit(cache=True)
def _decay_vector(rng: np.random.Generator, row: int, n: int, channel: int, mass: float, table: TableArrays,
                  radiation: RadiationArrays, w: Work) -> int:
    """Number of rows after the vector of ``row`` decayed to the two scalars of ``w.inner``."""
    first = table.daughter_first[channel]
    for i in range(2):
        w.daughters[i] = table.daughters[first + i]
        w.masses[i] = table.mass[w.daughters[i]]
    count = 2
    if radiation.photos[channel]:
        count = radiate(rng, mass, radiation, w.daughters, w.masses, count, w.inner, w.scratch, w.recoiled)
    system = w.momenta[row]
    for i in range(count):
        p = w.inner[i]
        p[0], p[1], p[2], p[3] = boost_from_rest(p[0], p[1], p[2], p[3], system[0], system[1], system[2], system[3],
                                                 mass)
    w.status[row] = DECAYED
    return _append(row, n, count, 0, table, w, w.inner)


@njit(cache=True)
def make_pair(rng: np.random.Generator, mass: float, minus: int, plus: int, beams: Beams, table: TableArrays,
              taus: TauArrays, radiation: RadiationArrays, want: Wanted, counts: Array, axes: Array, photons: Array,
              before: Array, w: Work) -> int:
    """Number of rows of an event in the c.m. frame with z along the electron: tau-, tau+, then everything else.

    It is -1 for a pair that is not wanted.
    """
    one = two = -1
    if want.least > 0.0:
        one, two = channel_of(rng, minus, table), channel_of(rng, plus, table)
        if one < 0 or two < 0 or not (possible(want, one, two) or possible(want, two, one)):
            return -1
    lepton = table.mass[minus]
    initial, pair_mass = radiate_beams(rng, mass, lepton, beams, photons, before)
    inverse = 4.0 * lepton * lepton / (pair_mass * pair_mass)
    c = pair_axes(rng, inverse, axes)
    p = two_body_momentum(pair_mass, lepton, lepton)
    for i in range(2):
        sign = 1.0 - 2.0 * i
        w.daughters[i], w.masses[i] = (minus, plus)[i], lepton
        w.inside[i, 0] = 0.5 * pair_mass
        for k in range(3):
            w.inside[i, k + 1] = sign * p * axes[2, k]
    n = _append(-1, 0, radiate(rng, pair_mass, radiation, w.daughters, w.masses, 2, w.inside, w.scratch, w.recoiled),
                0, table, w, w.inside)
    spin, middle, start = (0.0, 0.0, 0.0), n, n
    for i in range(2):
        w.status[i] = DECAYED
        kind = (minus, plus)[i]
        channel = (one, two)[i] if want.least > 0.0 else channel_of(rng, kind, table)
        middle = n
        end = decay_tau(rng, i, n, kind, channel, 1.0 - 2.0 * i, spin, table, taus, radiation, counts, w)
        if i == 0:
            spin = spin_of_partner(c, inverse, w.h)
        system = w.momenta[i]
        for j in range(n, end):
            e, x, y, z = w.momenta[j]
            w.momenta[j, 0], w.momenta[j, 1], w.momenta[j, 2], w.momenta[j, 3] = boost_from_rest(
                e, x * axes[0, 0] + y * axes[1, 0] + z * axes[2, 0], x * axes[0, 1] + y * axes[1, 1] + z * axes[2, 1],
                x * axes[0, 2] + y * axes[1, 2] + z * axes[2, 2], system[0], system[1], system[2], system[3], lepton)
        n = end
    body = n
    for k in range(initial):
        w.momenta[n] = photons[k]
        w.species[n], w.mother[n], w.status[n] = radiation.photon, -1, STABLE
        n += 1
    for k in range(initial - 1, -1, -1):
        _undo_recoil(body + k, body, n, before[k], w.momenta)
    if want.least > 0.0 and not (
            (possible(want, one, two) and near_edge(want, one, start, middle, mass, w.momenta, w.species, w.status))
            or (possible(want, two, one) and near_edge(want, two, middle, body, mass, w.momenta, w.species, w.status))):
        return -1
    return n


@njit(cache=True)
def make_pairs(rng: np.random.Generator, p4: Array, vertex: Array, rotation: Array, beams: Beams, table: TableArrays,
               taus: TauArrays, radiation: RadiationArrays, minus: int, plus: int, want: Wanted, counts: Array,
               w: Work) -> tuple[Array, Array, Array, int]:
    """Rows (E, px, py, pz, t, x, y, z), rows (PDG, mother, status) and offsets of all events in the laboratory.

    The last number is that of the pairs tried, -1 where none is as wanted.  The collisions ``p4`` (n, 4) are taken in
    turn, from the first again where n are not enough; the vertices (n, 4) once each.
    """
    events, size, tried = len(p4), 0, 0
    floats, ints = np.empty((_EXPECTED * events + ROWS, 8)), np.empty((_EXPECTED * events + ROWS, 3), np.int32)
    offsets = np.zeros(events + 1, np.int64)
    axes, photons, before = np.empty((3, 3)), np.empty((INITIAL_PHOTONS, 4)), np.empty(INITIAL_PHOTONS)
    for event in range(events):
        n = -1
        while n < 0:
            total = p4[tried % events]
            mass = math.sqrt(total[0] ** 2 - total[1] ** 2 - total[2] ** 2 - total[3] ** 2)
            n = make_pair(rng, mass, minus, plus, beams, table, taus, radiation, want, counts, axes, photons, before, w)
            tried += 1
            if n < 0 and event == 0 and tried >= FRUITLESS:
                return floats[:0].copy(), ints[:0].copy(), offsets, -1
        if size + n + 1 > len(floats):
            floats = np.concatenate((floats, np.empty_like(floats)))
            ints = np.concatenate((ints, np.empty_like(ints)))
        floats[size, :4], floats[size, 4:] = total, vertex[event]
        ints[size, 0], ints[size, 1], ints[size, 2] = VIRTUAL_PHOTON, -1, INITIAL
        for i in range(n):
            p, out = w.momenta[i], floats[size + 1 + i]
            a = rotation[0, 0] * p[1] + rotation[0, 1] * p[2] + rotation[0, 2] * p[3]
            b = rotation[1, 0] * p[1] + rotation[1, 1] * p[2] + rotation[1, 2] * p[3]
            d = rotation[2, 0] * p[1] + rotation[2, 1] * p[2] + rotation[2, 2] * p[3]
            out[0], out[1], out[2], out[3] = boost_from_rest(p[0], a, b, d, total[0], total[1], total[2], total[3],
                                                             mass)
            mother = w.mother[i]
            out[4:] = floats[size + 1 + mother, 4:]
            if mother >= 0 and mother < 2:
                _fly(floats[size + 1 + mother], w.scratch[mother], out)
            if i < 2:
                w.scratch[i] = table.ctau[w.species[i]] * rng.standard_exponential() / table.mass[w.species[i]]
            ints[size + 1 + i, 0], ints[size + 1 + i, 1] = table.pdg[w.species[i]], mother + 1
            ints[size + 1 + i, 2] = w.status[i]
        size += n + 1
        offsets[event + 1] = size
    return floats[:size].copy(), ints[:size].copy(), offsets, tried


@njit(cache=True)
def make_singles(rng: np.random.Generator, events: int, minus: int, spin: tuple[float, float, float],
                 table: TableArrays, taus: TauArrays, radiation: RadiationArrays, counts: Array,
                 w: Work) -> tuple[Array, Array, Array]:
    """Rows and offsets, as :func:`make_pairs`, of single tau- at rest with a polarisation."""
    floats, ints = np.zeros((_EXPECTED * events + ROWS, 8)), np.empty((_EXPECTED * events + ROWS, 3), np.int32)
    offsets = np.zeros(events + 1, np.int64)
    for event in range(events):
        size = offsets[event]
        w.momenta[0, 0], w.momenta[0, 1:], w.species[0] = table.mass[minus], 0.0, minus
        w.mother[0], w.status[0] = -1, DECAYED
        n = decay_tau(rng, 0, 1, minus, channel_of(rng, minus, table), 1.0, spin, table, taus, radiation, counts, w)
        if size + n > len(floats):
            floats = np.concatenate((floats, np.zeros_like(floats)))
            ints = np.concatenate((ints, np.empty_like(ints)))
        for i in range(n):
            floats[size + i, :4] = w.momenta[i]
            ints[size + i, 0], ints[size + i, 1] = table.pdg[w.species[i]], w.mother[i]
            ints[size + i, 2] = w.status[i]
        offsets[event + 1] = size + n
    return floats[:offsets[-1]].copy(), ints[:offsets[-1]].copy(), offsets


@njit(cache=True)
def _fly(mother: Array, scale: float, out: Array) -> None:
    """Move the production point of a daughter to where its mother decayed; ``scale`` is c tau / m."""
    out[4] = mother[4] + scale * mother[0] / speed_of_light
    for k in range(3):
        out[5 + k] = mother[5 + k] + scale * mother[1 + k]
