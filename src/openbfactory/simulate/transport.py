"""Particles on their way through the detector: where they end, what they become, where they meet the calorimeter.

Method: the particles of an event that the detector sees form a queue; each is
followed along its helix (or straight line) to the front faces of the
calorimeter; a decay in flight, a conversion, a hadronic interaction or
bremsstrahlung on the way puts secondaries at the end of the queue.  Everything
downstream sees the particles of the queue.

Approximation: as in :mod:`openbfactory.simulate.surface` for the paths,
:mod:`openbfactory.simulate.matter` and :mod:`openbfactory.simulate.inflight`
for the processes; energy loss stops slow particles
(:mod:`openbfactory.simulate.energyloss`) and changes no path; particles that stop
leave nothing more; secondaries below the energy of the card are dropped.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import inlined, kernel
from openbfactory.core.units import speed_of_light
from openbfactory.kinematics.helix import helix_of, point_at
from openbfactory.simulate.draws import wrapped
from openbfactory.simulate.energyloss import SLOW, stopping_arc
from openbfactory.simulate.inflight import MOST_DAUGHTERS, Room, decay_in_flight, new_room
from openbfactory.simulate.matter import PAIRS, RADIATED, kicked, pair_share, photon_layer, radiated_share, track_layer
from openbfactory.simulate.parameters import TransportNumbers
from openbfactory.simulate.species import charge_of, is_neutrino, species_index
from openbfactory.simulate.surface import LEAST_MOMENTUM, helix_to_surface, straight_to_surface
from openbfactory.simulate.truth import Truth

Array = npt.NDArray[Any]
# four numbers: a place and a time, or an energy and a momentum
Point = tuple[float, float, float, float]

#: columns of ``numbers``: momentum, vertex, time, transverse distance where the path ends, fraction of the momentum
#: kept after radiation, polarisation (3), and theta, phi, r, path of the impact on the calorimeter (r = 0 for none)
PX, PY, PZ, X, Y, Z, T, END, KEPT, AXIS, HIT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
WIDTH = 16
#: columns of ``codes``: PDG, particle in MCParticles (the ancestor's for secondaries), species, secondary, process that
#: made it, DECAY for what decays on the way
PDG, ANCESTOR, SPECIES, SECONDARY, PROCESS, FATE = 0, 1, 2, 3, 4, 5
CODE_WIDTH = 6
#: processes
DECAY, CONVERSION, INTERACTION, RADIATION, STOP = 1, 2, 3, 4, 5


class Particles(NamedTuple):
    """Particles that the detector sees: offsets (n + 1,), numbers (m, WIDTH), codes (m, CODE_WIDTH).

    ``unknown`` and ``outside`` count stable particles that it does not know (neutrinos apart), and particles made
    beyond the front faces of the calorimeter.
    """

    offsets: Array
    numbers: Array
    codes: Array
    unknown: int
    outside: int


@inlined
def put(numbers: Array, codes: Array, n: int, pdg: int, ancestor: int, secondary: int, process: int) -> None:
    """Write the fields of row ``n`` that are not kinematics."""
    numbers[n, END], numbers[n, KEPT] = math.inf, 1.0
    code = codes[n]
    code[PDG], code[ANCESTOR], code[SPECIES], code[SECONDARY], code[PROCESS], code[FATE] = (
        pdg, ancestor, species_index(pdg), secondary, process, 0)


@kernel
def daughter(numbers: Array, codes: Array, n: int, k: int, pdg: int, px: float, py: float, pz: float, point: Point,
             process: int, secondaries: int, least: float) -> int:
    """Append a secondary of row ``k`` at ``point`` (x, y, z, t); the number of secondaries after it."""
    if math.sqrt(px * px + py * py + pz * pz) < least or species_index(pdg) < 0:
        return secondaries
    row = numbers[n + secondaries]
    row[:] = 0.0
    row[PX], row[PY], row[PZ] = px, py, pz
    row[X], row[Y], row[Z], row[T] = point[0], point[1], point[2], point[3]
    put(numbers, codes, n + secondaries, pdg, codes[k, ANCESTOR], secondaries, process)
    return secondaries + 1


@inlined
def follow_photon(numbers: Array, codes: Array, k: int, n: int, made: int, card: TransportNumbers,
                  rng: np.random.Generator) -> int:
    """Convert the photon of row ``k`` or lead it to the calorimeter; the number of secondaries of the event."""
    row, surface = numbers[k], card.surface
    px, py, pz = row[PX], row[PY], row[PZ]
    depth = -math.log(1.0 - rng.random()) / (PAIRS * card.material_scale)
    # a quick look first: most photons see less than three times the material at normal incidence over sin theta
    if depth < 3.0 * card.whole * math.sqrt(1.0 + pz * pz / (px * px + py * py)):
        path = photon_layer(row[X], row[Y], row[Z], px, py, pz, depth, card.material)
        if path >= 0.0:
            p = math.sqrt(px * px + py * py + pz * pz)
            point = (row[X] + path * px / p, row[Y] + path * py / p, row[Z] + path * pz / p,
                     row[T] + path / speed_of_light)
            row[END] = math.sqrt(point[0] * point[0] + point[1] * point[1])
            share = pair_share(rng)
            made = daughter(numbers, codes, n, k, 11, share * px, share * py, share * pz, point, CONVERSION, made,
                            card.least)
            share = 1.0 - share
            return daughter(numbers, codes, n, k, -11, share * px, share * py, share * pz, point, CONVERSION, made,
                            card.least)
    hit = straight_to_surface(row[X], row[Y], row[Z], px, py, pz, surface[0], surface[1], surface[2])
    row[HIT], row[HIT + 1], row[HIT + 2], row[HIT + 3] = hit
    return made


@kernel
def end_track(numbers: Array, codes: Array, k: int, n: int, made: int, process: int, arc: float, start: float,
              helix: tuple[float, float, float, float, float], masses: Array, card: TransportNumbers,
              rng: np.random.Generator, room: Room) -> int:
    """Let the process happen at the arc length ``arc`` [cm] of row ``k``; the number of secondaries of the event."""
    row, pdg = numbers[k], codes[k, PDG]
    pt, pz, mass = math.sqrt(row[PX] ** 2 + row[PY] ** 2), row[PZ], masses[codes[k, SPECIES]]
    p = math.sqrt(pt * pt + pz * pz)
    energy = math.sqrt(p * p + mass * mass)
    x, y, z = point_at(helix[0], helix[1], helix[2], helix[3], helix[4], arc)
    phi = helix[1] - helix[2] * arc
    px, py = pt * math.cos(phi), pt * math.sin(phi)
    point = (x, y, z, row[T] + (arc - start) * p / pt * energy / p / speed_of_light)
    if process == RADIATION:
        share = radiated_share(rng)
        row[KEPT] = 1.0 - share
        return daughter(numbers, codes, n, k, 22, share * px, share * py, share * pz, point, process, made, card.least)
    row[END] = math.sqrt(x * x + y * y)
    if process == STOP:
        return made
    if process == INTERACTION:
        px, py, pz = kicked(px, py, pz, card.kick, rng)
        return daughter(numbers, codes, n, k, pdg, px, py, pz, point, process, made, card.least)
    return decay_at(numbers, codes, k, n, made, (energy, px, py, pz), point, masses, card.least, rng, room)


@kernel
def decay_at(numbers: Array, codes: Array, k: int, n: int, made: int, p: Point, point: Point, masses: Array,
             least: float, rng: np.random.Generator, room: Room) -> int:
    """Let row ``k`` decay at ``point`` with the momentum ``p`` (E, px, py, pz); the number of secondaries."""
    row, pdg = numbers[k], codes[k, PDG]
    codes[k, FATE] = DECAY
    count = decay_in_flight(pdg, p, row[AXIS:AXIS + 3], masses, rng, room)
    for j in range(count):
        before, momentum = made, room.momenta[j]
        made = daughter(numbers, codes, n, k, room.codes[j], momentum[1], momentum[2], momentum[3], point, DECAY, made,
                        least)
        if made > before:
            for i in range(3):
                numbers[n + before, AXIS + i] = room.axes[j, i]
    return made


@inlined
def follow_track(numbers: Array, codes: Array, k: int, n: int, made: int, masses: Array, card: TransportNumbers,
                 rng: np.random.Generator, room: Room) -> int:
    """Follow the charged particle of row ``k``; the number of secondaries of the event."""
    row, species, surface = numbers[k], codes[k, SPECIES], card.surface
    px, py, pz = row[PX], row[PY], row[PZ]
    pt = math.sqrt(px * px + py * py)
    p = math.sqrt(pt * pt + pz * pz)
    helix = helix_of(row[X], row[Y], row[Z], px, py, pz, float(charge_of(codes[k, PDG])), card.field)
    hit = helix_to_surface(helix[0], helix[1], helix[2], helix[3], helix[4], surface[0], surface[1], surface[2])
    start = wrapped(helix[1] - math.atan2(py, px)) / helix[2]
    last = hit[3] * pt / p if hit[2] > 0.0 else math.pi / abs(helix[2])
    process, arc, radius = 0, last, math.sqrt(row[X] * row[X] + row[Y] * row[Y])
    length = card.ctau[species]
    if length > 0.0 and card.decay_scale > 0.0:
        decay = start - math.log(1.0 - rng.random()) * length / card.decay_scale * pt / masses[species]
        if decay < arc:
            process, arc = DECAY, decay
    rate = RADIATED if species == 0 else (card.interactions if species > 1 else 0.0)
    depth = -math.log(1.0 - rng.random()) / (rate * card.material_scale)
    if depth < 4.0 * card.whole * p / pt:
        where = track_layer(helix, radius, depth, card.material)
        if 0.0 <= where < arc:
            process, arc = (RADIATION if species == 0 else INTERACTION), where
    if p < SLOW * masses[species]:
        stop = stopping_arc(helix, radius, p, masses[species], card.material, card.loss_scale, card.loss_ratio)
        if 0.0 <= stop < arc:
            process, arc = STOP, stop
    if process == 0 or process == RADIATION:
        row[HIT], row[HIT + 1], row[HIT + 2], row[HIT + 3] = hit
    if process == 0:
        return made
    unknown = row[AXIS] == 0.0 and row[AXIS + 1] == 0.0 and row[AXIS + 2] == 0.0
    if process == DECAY and species == 1 and codes[k, SECONDARY] < 0 and unknown:
        # weak decays of heavier particles: the electron prefers the direction of the muon
        energy = math.sqrt(p * p + masses[1] ** 2)
        row[AXIS], row[AXIS + 1], row[AXIS + 2] = px / energy, py / energy, pz / energy
    return end_track(numbers, codes, k, n, made, process, arc, start, helix, masses, card, rng,
                     room)


@inlined
def follow_neutral(numbers: Array, codes: Array, k: int, n: int, made: int, masses: Array, card: TransportNumbers,
                   rng: np.random.Generator, room: Room) -> int:
    """Lead the neutral hadron of row ``k`` to the calorimeter or let it decay; the number of secondaries."""
    row, species, surface = numbers[k], codes[k, SPECIES], card.surface
    hit = straight_to_surface(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], surface[0], surface[1], surface[2])
    length = card.ctau[species] * card.decay_scale
    if length > 0.0:
        mass, p = masses[species], math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2)
        way = -math.log(1.0 - rng.random()) * card.ctau[species] / card.decay_scale * p / mass
        if way < hit[3]:
            energy = math.sqrt(p * p + mass * mass)
            point = (row[X] + way * row[PX] / p, row[Y] + way * row[PY] / p, row[Z] + way * row[PZ] / p,
                     row[T] + way * energy / p / speed_of_light)
            row[END] = math.sqrt(point[0] * point[0] + point[1] * point[1])
            return decay_at(numbers, codes, k, n, made, (energy, row[PX], row[PY], row[PZ]), point, masses, card.least,
                            rng, room)
    row[HIT], row[HIT + 1], row[HIT + 2], row[HIT + 3] = hit
    return made


@kernel
def take(truth: Truth, event: int, n: int, numbers: Array, codes: Array, left: Array) -> int:
    """Write the generated particles of an event that the detector sees from row ``n`` on; the next row."""
    first = truth.offsets[event]
    for i in range(first, truth.offsets[event + 1]):
        if truth.status[i] != 1:
            continue
        pdg = truth.pdg[i]
        if species_index(pdg) < 0:
            left[0] += not is_neutrino(pdg)
            continue
        row = numbers[n]
        row[PX], row[PY], row[PZ] = truth.px[i], truth.py[i], truth.pz[i]
        row[X], row[Y], row[Z], row[T] = truth.x[i], truth.y[i], truth.z[i], truth.t[i]
        for k in range(AXIS, WIDTH):
            row[k] = 0.0
        put(numbers, codes, n, pdg, i - first, -1, 0)
        if len(truth.polarisation) > 0 and (pdg == 13 or pdg == -13):
            # the electron prefers the spin of a mu+ and the opposite of that of a mu-
            for k in range(3):
                row[AXIS + k] = -truth.polarisation[i, k] if pdg > 0 else truth.polarisation[i, k]
        n += 1
    return n


@kernel
def follow(truth: Truth, masses: Array, card: TransportNumbers, rng: np.random.Generator, event: int,
           offsets: Array, numbers: Array, codes: Array, left: Array, room: Room) -> int:
    """Write offsets and rows of the particles from ``event`` on; the event for which there are no rows any more.

    ``left`` (2,) counts particles that are unknown, and those made outside.
    """
    radius, forward, backward = card.surface[0], card.surface[1], card.surface[2]
    while event < len(offsets) - 1:
        begin = offsets[event]
        last = begin + most_rows(truth.offsets[event + 1] - truth.offsets[event])
        if last > len(numbers):
            return event
        n, made, k = take(truth, event, begin, numbers, codes, left), 0, begin
        while k < n + made:
            row, species = numbers[k], codes[k, SPECIES]
            pt2 = row[PX] * row[PX] + row[PY] * row[PY]
            inside = row[X] * row[X] + row[Y] * row[Y] < radius * radius and backward < row[Z] < forward
            left[1] += not inside
            if inside and pt2 > LEAST_MOMENTUM * LEAST_MOMENTUM and n + made + 2 * MOST_DAUGHTERS < last:
                if species < 6:
                    made = follow_track(numbers, codes, k, n, made, masses, card, rng, room)
                elif species == 6:
                    made = follow_photon(numbers, codes, k, n, made, card, rng)
                else:
                    made = follow_neutral(numbers, codes, k, n, made, masses, card, rng, room)
            k += 1
        event += 1
        offsets[event] = n + made
    return event


@kernel
def most_rows(particles: int) -> int:
    """Most rows of an event: a particle makes at most MOST_DAUGHTERS; generations of secondaries shrink fast."""
    return 4 * MOST_DAUGHTERS * (particles + 8)


def transport(truth: Truth, masses: Array, card: TransportNumbers, rng: np.random.Generator) -> Particles:
    """All particles that the detector sees, primaries of each event first, then secondaries.

    Parameters
    ----------
    truth
        Generated particles; those of status 1 are followed.
    masses : (10,)
        Masses by species index [GeV].
    """
    events, left, room, event = len(truth.offsets) - 1, np.zeros(2, np.int64), new_room(), 0
    most = most_rows(int(np.diff(truth.offsets).max(initial=0)))
    size = int(1.1 * np.count_nonzero(truth.status == 1)) + most
    offsets, numbers, codes = np.zeros(events + 1, np.int64), np.empty((size, WIDTH)), np.empty((size, CODE_WIDTH),
                                                                                                 np.int32)
    while True:
        event = follow(truth, masses, card, rng, event, offsets, numbers, codes, left, room)
        n = offsets[event]
        if event == events:
            return Particles(offsets, numbers[:n], codes[:n], int(left[0]), int(left[1]))
        size = int(1.1 * n * events / max(event, 1)) + most
        more, more_codes = np.empty((size, WIDTH)), np.empty((size, CODE_WIDTH), np.int32)
        more[:n], more_codes[:n] = numbers[:n], codes[:n]
        numbers, codes = more, more_codes
