"""Wrong charges, clones and fakes among the tracks found.

Method, with the numbers of the card:

- a found track has the wrong charge with a small probability: its curvature changes sign;
- a particle that curls up inside the outermost layer leaves a second track with some probability: the way back to the
  axis, one turn later in z, with all directions, d0 and the charge reversed;
- any other track leaves a second one with some probability, of its hits outside a layer drawn at random; its parameters
  are drawn anew with the covariance of those hits;
- fakes: a Poisson number an event, with an exponential spectrum of the transverse momentum, directions flat in phi and
  cos(theta), Gaussian impact parameters, and a fraction of the hits in the drift chamber on its way; without the
  minimum of hits there is none.

Clones and fakes stand behind the found tracks of an event; clones belong to the particle of their original, fakes to
none.

Approximation: clones are independent of their originals where they share hits; the energy loss of curling particles is
left out; the likelihoods of a fake are those of a random particle of the event; clones and fakes have no cluster.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.helix import helix_of
from openbfactory.simulate.covariance import fit_covariances
from openbfactory.simulate.draws import binomial, exponential, poisson, wrapped
from openbfactory.simulate.lanes import LANES, cross_layers
from openbfactory.simulate.parameters import TrackingNumbers
from openbfactory.simulate.species import charge_of
from openbfactory.simulate.tracking import Scratch, TrackColumns, deviate, hold, leave_hits, new_scratch
from openbfactory.simulate.transport import END, PDG, PX, PY, PZ, SPECIES, Particles, X, Y, Z

Array = npt.NDArray[Any]

#: kinds of tracks
FOUND, CLONE, FAKE = 0, 1, 2
#: columns of the numbers of the card
WRONG_CHARGE, CURLING, OTHERS, RATE, SLOPE, LEAST_PT, SPREAD_D0, SPREAD_Z0, HIT_FRACTION = range(9)
#: most fakes an event
MOST_FAKES = 6
#: system of the drift chamber
DRIFT = 2


class Seeds(NamedTuple):
    """Clones and fakes before their hits: helices (m, 5), momentum, mass, transverse distances of start and end (m, 4).

    ``begin`` is the first layer whose hits count; ``row``, ``event`` and ``kind`` are those of the tracks.
    """

    helix: Array
    numbers: Array
    row: Array
    event: Array
    kind: Array
    begin: Array


@kernel
def curls(helix: Array, outer: Array) -> bool:
    """Whether the circle stays inside the outermost layer and the next turn inside its length."""
    turn = helix[3] + 2.0 * math.pi * helix[4] / abs(helix[2])
    return abs(2.0 / helix[2] + helix[0]) < outer[0] and outer[1] < turn < outer[2]


@kernel
def fake_helix(card: TrackingNumbers, rng: np.random.Generator, helix: Array) -> float:
    """Momentum [GeV] of a track that no particle made; its helix is written."""
    g = card.ghosts
    pt = g[LEAST_PT] + exponential(g[SLOPE], rng)
    cosine = math.cos(card.theta_max) + (math.cos(card.theta_min) - math.cos(card.theta_max)) * rng.random()
    sign = 1.0 if rng.random() < 0.5 else -1.0
    helix[0], helix[1] = g[SPREAD_D0] * rng.standard_normal(), math.pi * (2.0 * rng.random() - 1.0)
    helix[2] = sign * card.field * pt_per_tesla_cm / pt
    helix[3], helix[4] = g[SPREAD_Z0] * rng.standard_normal(), cosine / math.sqrt(1.0 - cosine * cosine)
    return pt * math.sqrt(1.0 + helix[4] * helix[4])


@kernel
def plant_clone(seeds: Seeds, n: int, row: Array, pdg: int, mass: float, back: bool, field: float) -> None:
    """Write seed ``n`` of a second track of a particle."""
    helix, numbers = seeds.helix[n], seeds.numbers[n]
    helix[0], helix[1], helix[2], helix[3], helix[4] = helix_of(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ],
                                                                float(charge_of(pdg)), field)
    numbers[0], numbers[1] = math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2), mass
    numbers[2], numbers[3] = math.sqrt(row[X] ** 2 + row[Y] ** 2), row[END]
    seeds.kind[n] = CLONE
    if back:
        helix[3] += 2.0 * math.pi * helix[4] / abs(helix[2])
        helix[0], helix[1], helix[2], helix[4] = -helix[0], wrapped(helix[1] + math.pi), -helix[2], -helix[4]
        numbers[3] = math.inf


@kernel
def plant(tracks: TrackColumns, starts: Array, rows: Array, codes: Array, card: TrackingNumbers, masses: Array,
          rng: np.random.Generator, seeds: Seeds) -> tuple[int, int]:
    """Give found tracks wrong charges in place and write seeds of clones and fakes; numbers of wrong ones and seeds."""
    g, outer, depth = card.ghosts, card.layers[len(card.layers) - 1], float(len(card.layers))
    wrong, n = 0, 0
    for event in range(len(starts) - 1):
        for i in range(tracks.offsets[event], tracks.offsets[event + 1]):
            back = curls(tracks.helix[i], outer)
            chance, u = g[CURLING] if back else g[OTHERS], rng.random()
            if u < chance:
                row = tracks.row[i]
                plant_clone(seeds, n, rows[row], codes[row, PDG], masses[codes[row, SPECIES]], back, card.field)
                seeds.begin[n] = 0 if back else int(depth * rng.random())
                seeds.row[n], seeds.event[n], n = row, event, n + 1
            elif u > 1.0 - g[WRONG_CHARGE]:
                tracks.helix[i, 2], tracks.charge[i] = -tracks.helix[i, 2], -tracks.charge[i]
                wrong += 1
        inside = starts[event + 1] - starts[event]
        if g[RATE] == 0.0 or inside == 0:
            continue
        for _ in range(min(poisson(g[RATE], rng), MOST_FAKES)):
            seeds.numbers[n, 0] = fake_helix(card, rng, seeds.helix[n])
            seeds.numbers[n, 1], seeds.numbers[n, 2], seeds.numbers[n, 3] = masses[2], abs(seeds.helix[n, 0]), math.inf
            seeds.row[n], seeds.event[n] = starts[event] + int(rng.random() * inside), event
            seeds.kind[n], seeds.begin[n], n = FAKE, 0, n + 1
    return wrong, n


@kernel
def fewer_hits(t: int, kind: int, begin: int, layers: Array, fraction: float, layer_hits: Array, counts: Array,
               rng: np.random.Generator) -> None:
    """Take from lane ``t`` the hits inside layer ``begin``, and of fakes all but some in the drift chamber."""
    for k in range(len(layers)):
        found, kept = int(layer_hits[k, t]), int(layer_hits[k, t])
        if found == 0:
            continue
        if kind == FAKE:
            kept = binomial(found, fraction, fraction**found, rng) if layers[k, 3] == DRIFT else 0
        elif k < begin:
            kept = 0
        counts[t, int(layers[k, 3])] -= found - kept
        layer_hits[k, t] = kept


@kernel
def grow(size: int, seeds: Seeds, card: TrackingNumbers, rng: np.random.Generator, scratch: Scratch,
         out: TrackColumns) -> int:
    """Write the tracks of the seeds that have enough hits; their number.  ``out.of_particle`` takes the events."""
    state, half, arcs, layer_hits, factor, broken, helix, counts = scratch
    n = 0
    for first in range(0, size, LANES):
        count = min(LANES, size - first)
        for t in range(count):
            for k in range(5):
                helix[t, k] = seeds.helix[first + t, k]
            numbers = seeds.numbers[first + t]
            hold(state, t, helix[t], numbers[0], numbers[1], numbers[2], numbers[3])
        cross_layers(state, card.layers, half, arcs)
        leave_hits(count, helix, card.layers, rng, arcs, layer_hits, counts)
        for t in range(count):
            i = first + t
            fewer_hits(t, seeds.kind[i], seeds.begin[i], card.layers, card.ghosts[HIT_FRACTION], layer_hits, counts,
                       rng)
        fit_covariances(state, card.layers, half, arcs, layer_hits, card.inflation, factor, broken)
        for t in range(count):
            i = first + t
            if counts[t, 2] < card.minimum_drift_hits and (counts[t, 0] + counts[t, 1] < card.minimum_silicon_hits):
                continue
            if seeds.kind[i] == CLONE:
                deviate(factor, t, 1.0, rng, helix[t])
                helix[t, 1] = wrapped(helix[t, 1])
            for k in range(5):
                out.helix[n, k] = helix[t, k]
            for k in range(15):
                out.covariance[n, k] = state[k * LANES + t]
            for k in range(3):
                out.hits[n, k] = counts[t, k]
            out.charge[n], out.row[n] = (1 if helix[t, 2] > 0.0 else -1), seeds.row[i]
            out.kind[n], out.of_particle[n] = seeds.kind[i], seeds.event[i]
            n += 1
    return n


@kernel
def copy_track(source: TrackColumns, i: int, out: TrackColumns, n: int) -> None:
    """Copy track ``i`` to place ``n``."""
    for k in range(5):
        out.helix[n, k] = source.helix[i, k]
    for k in range(15):
        out.covariance[n, k] = source.covariance[i, k]
    for k in range(3):
        out.hits[n, k] = source.hits[i, k]
    out.charge[n], out.row[n], out.kind[n] = source.charge[i], source.row[i], source.kind[i]


@kernel
def merge(found: TrackColumns, ghosts: TrackColumns, more: int, out: TrackColumns) -> None:
    """Write the found tracks and the first ``more`` ghosts in order of events, ghosts last in each."""
    n, j = 0, 0
    for event in range(len(found.offsets) - 1):
        for i in range(found.offsets[event], found.offsets[event + 1]):
            copy_track(found, i, out, n)
            n += 1
        while j < more and ghosts.of_particle[j] == event:
            copy_track(ghosts, j, out, n)
            n, j = n + 1, j + 1
        out.offsets[event + 1] = n


def _empty(events: int, tracks: int, of_particle: Array, repaired: int) -> TrackColumns:
    """Columns without content."""
    return TrackColumns(np.zeros(events + 1, np.int64), np.empty(tracks, np.int32), np.empty((tracks, 5)),
                        np.empty((tracks, 15)), np.empty((tracks, 3), np.int32), np.empty(tracks, np.int64),
                        of_particle, repaired, np.zeros(tracks, np.int8))


def add_ghosts(tracks: TrackColumns, particles: Particles, card: TrackingNumbers, masses: Array,
               rng: np.random.Generator) -> tuple[TrackColumns, int, int, int]:
    """Tracks with wrong charges (given in place), clones and fakes; how many of each there are.

    Parameters
    ----------
    tracks
        Tracks found, of :func:`openbfactory.simulate.tracking.find_tracks`.
    masses : (10,)
        By species index [GeV].
    """
    events, found = len(tracks.offsets) - 1, len(tracks.charge)
    room = found + MOST_FAKES * events
    seeds = Seeds(np.empty((room, 5)), np.empty((room, 4)), *(np.empty(room, np.int64) for _ in range(4)))
    wrong, size = plant(tracks, particles.offsets, particles.numbers, particles.codes, card, masses, rng, seeds)
    if size == 0:
        return tracks, wrong, 0, 0
    more = _empty(events, size, np.empty(size, np.int32), 0)
    grown = grow(size, seeds, card, rng, new_scratch(len(card.layers)), more)
    out = _empty(events, found + grown, tracks.of_particle, tracks.repaired)
    merge(tracks, more, grown, out)
    clones = int(np.count_nonzero(more.kind[:grown] == CLONE))
    return out, wrong, clones, grown - clones
