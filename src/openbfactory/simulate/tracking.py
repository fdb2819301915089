"""Charged particles to tracks: acceptance, hits, finding efficiency, helix, smearing.

Method: the helix at the POCA to the z axis through the origin follows exactly
from the production vertex and momentum; layers of the card beyond the
production radius are crossed in closed form; a track is found with the
probability ``curve(pT) * endcap factor * curve(production radius)`` when it has
the minimum number of hits; then all five parameters are smeared with the
covariance of :mod:`openbfactory.simulate.covariance`, a small fraction of tracks
with larger deviations.

A particle that decays or interacts leaves hits up to there, its secondaries are
candidates of their own (kinks); the curvature of an electron that radiated is
that of what remained.

Energy loss shifts and widens the curvature (:mod:`openbfactory.simulate.energyloss`);
clones, fakes and wrong charges come afterwards (:mod:`openbfactory.simulate.ghosts`).

Approximation: one circle at most (no hits from later turns); the efficiency curve, which holds some
of the losses to decays and interactions, is not corrected for them; particles
that move inwards first have only the hits of their outward part.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.kinematics.helix import helix_of, point_at
from openbfactory.simulate import lanes
from openbfactory.simulate.covariance import fit_covariances
from openbfactory.simulate.draws import binomial, interpolate, wrapped
from openbfactory.simulate.energyloss import momentum_bias, weigh_losses
from openbfactory.simulate.lanes import LANES, cross_layers
from openbfactory.simulate.parameters import TrackingNumbers
from openbfactory.simulate.species import charge_of
from openbfactory.simulate.surface import LEAST_MOMENTUM
from openbfactory.simulate.transport import (
    CONVERSION,
    END,
    KEPT,
    PDG,
    PROCESS,
    PX,
    PY,
    PZ,
    SPECIES,
    Particles,
    X,
    Y,
    Z,
)

Array = npt.NDArray[Any]

#: the last charged species
DEUTERON = 5

class TrackColumns(NamedTuple):
    """Tracks as columns.

    ``row`` is the row of the particle of a track, ``of_particle`` the track (index in its event) of each particle, or
    -1; ``repaired`` counts covariances that were not positive-definite; ``kind`` as in
    :mod:`openbfactory.simulate.ghosts`.
    """

    offsets: Array
    charge: Array
    helix: Array
    covariance: Array
    hits: Array
    row: Array
    of_particle: Array
    repaired: int
    kind: Array


class Scratch(NamedTuple):
    """Numbers of the tracks of the lanes: state, half angles, arcs and hits by layer, factors, flags, helices, hits."""

    state: Array
    half: Array
    arcs: Array
    layer_hits: Array
    factor: Array
    broken: Array
    helix: Array
    counts: Array


def new_scratch(layers: int) -> Scratch:
    """Scratch for a number of layers."""
    return Scratch(np.ones(lanes.STATE_SIZE), np.zeros((layers, LANES)), np.zeros((layers, LANES)),
                   np.zeros((layers, LANES)), np.zeros(15 * LANES), np.zeros(LANES), np.ones((LANES, 5)),
                   np.zeros((LANES, 3), np.int32))


@kernel
def leave_hits(count: int, helix: Array, layers: Array, rng: np.random.Generator, arcs: Array, layer_hits: Array,
               hits: Array) -> None:
    """Write what hits the first ``count`` tracks leave in the layers that they cross.

    Parameters
    ----------
    helix : (LANES, 5)
        Helices at the perigee.
    layers : (k, LAYER_WIDTH)
        Layers from the inside out, see :mod:`openbfactory.simulate.covariance`.
    arcs, layer_hits : (k, LANES)
        Arc length [cm], set to -1 beyond the outermost hit, and number of hits.
    hits : (LANES, 3)
        Number of PXD, SVD and CDC hits.
    """
    for t in range(count):
        hits[t, 0], hits[t, 1], hits[t, 2] = 0, 0, 0
    for k in range(len(layers)):
        layer, trials, chance, system = layers[k], int(layers[k, 4]), layers[k, 5], int(layers[k, 3])
        every = chance ** trials
        for t in range(count):
            layer_hits[k, t] = 0.0
            if arcs[k, t] < 0.0 or system < 0:
                continue
            if layer[6] < 1.0:
                x, y, _ = point_at(helix[t, 0], helix[t, 1], helix[t, 2], helix[t, 3], helix[t, 4], arcs[k, t])
                if math.atan2(-y, -x) + math.pi > 2.0 * math.pi * layer[6]:
                    arcs[k, t] = -1.0
                    continue
            found = binomial(trials, chance, every, rng)
            hits[t, system] += found
            layer_hits[k, t] = found
    for t in range(count):
        k = len(layers) - 1
        while k >= 0 and layer_hits[k, t] == 0.0:
            arcs[k, t] = -1.0
            k -= 1


@kernel
def hold(state: Array, t: int, helix: Array, p: float, mass: float, start: float, end: float) -> None:
    """Put a track of momentum ``p`` [GeV] between two transverse distances [cm] into lane ``t``."""
    p_beta2 = p * p * p * p / (p * p + mass * mass)
    state[lanes.SPREAD + t], state[lanes.NOISE + t] = helix[2] * p * p / (p_beta2 * math.sqrt(p_beta2)), 0.0
    state[lanes.D0 + t], state[lanes.OMEGA + t], state[lanes.Z0 + t] = helix[0], helix[2], helix[3]
    state[lanes.TANL + t], state[lanes.RADIUS + t] = helix[4], 1.0 / helix[2]
    state[lanes.SCATTERING + t] = math.sqrt(1.0 + helix[4] * helix[4]) / p_beta2
    state[lanes.START + t], state[lanes.END + t] = start, end


@kernel
def deviate(factor: Array, t: int, scale: float, rng: np.random.Generator, helix: Array) -> None:
    """Add ``scale`` times a deviation with the covariance of lane ``t`` of the lower ``factor`` to the helix."""
    n = t
    for j in range(5):
        normal = scale * rng.standard_normal()
        for i in range(j, 5):
            helix[i] += factor[n] * normal
            n += LANES


@kernel
def choose(starts: Array, numbers: Array, codes: Array, card: TrackingNumbers, rng: np.random.Generator,
           chosen: Array, event_of: Array) -> int:
    """Write rows and events of the charged particles whose tracks are found if they leave enough hits; their number."""
    # polar angles as cotangents
    least, most = 1.0 / math.tan(card.theta_max), 1.0 / math.tan(card.theta_min)
    barrel_least, barrel_most = 1.0 / math.tan(card.barrel_max), 1.0 / math.tan(card.barrel_min)
    n = 0
    for event in range(len(starts) - 1):
        for i in range(starts[event], starts[event + 1]):
            if codes[i, SPECIES] > 5:
                continue
            pt = math.sqrt(numbers[i, PX] * numbers[i, PX] + numbers[i, PY] * numbers[i, PY])
            if pt < LEAST_MOMENTUM:
                continue
            slope = numbers[i, PZ] / pt
            if slope < least or slope > most:
                continue
            chance = card.switch_efficiency * interpolate(pt, card.efficiency_pt, card.efficiency)
            if codes[i, PROCESS] == CONVERSION:
                chance *= card.conversion_factor
            if slope < barrel_least or slope > barrel_most:
                chance *= card.endcap_factor
            radius = math.sqrt(numbers[i, X] * numbers[i, X] + numbers[i, Y] * numbers[i, Y])
            if rng.random() < chance * interpolate(radius, card.displacement_r, card.displacement):
                chosen[n], event_of[n], n = i, event, n + 1
    return n


@kernel
def start_tracks(count: int, chosen: Array, numbers: Array, codes: Array, masses: Array, field: float, helix: Array,
                 state: Array) -> None:
    """Put the first ``count`` particles of ``chosen`` into the lanes."""
    for t in range(count):
        i = chosen[t]
        x, y, px, py, pz = numbers[i, X], numbers[i, Y], numbers[i, PX], numbers[i, PY], numbers[i, PZ]
        helix[t, 0], helix[t, 1], helix[t, 2], helix[t, 3], helix[t, 4] = helix_of(
            x, y, numbers[i, Z], px, py, pz, float(charge_of(codes[i, PDG])), field)
        hold(state, t, helix[t], math.sqrt(px * px + py * py + pz * pz), masses[codes[i, SPECIES]],
             math.sqrt(x * x + y * y), numbers[i, END])


@kernel
def measure_tracks(chosen: Array, event_of: Array, numbers: Array, codes: Array, masses: Array, card: TrackingNumbers,
                   rng: np.random.Generator, scratch: Scratch, out: TrackColumns) -> tuple[int, int]:
    """Write the tracks of the chosen particles that leave enough hits; their number, and that of the repaired."""
    state, half, arcs, layer_hits, factor, broken, helix, counts = scratch
    n, repaired = 0, 0
    for first in range(0, len(chosen), LANES):
        count = min(LANES, len(chosen) - first)
        start_tracks(count, chosen[first:], numbers, codes, masses, card.field, helix, state)
        cross_layers(state, card.layers, half, arcs)
        leave_hits(count, helix, card.layers, rng, arcs, layer_hits, counts)
        weigh_losses(state, card.layers, card.loss, half, arcs, card.straggling)
        fit_covariances(state, card.layers, half, arcs, layer_hits, card.inflation, factor, broken)
        for t in range(count):
            if (counts[t, 0] + counts[t, 1] < card.minimum_silicon_hits and counts[t, 2] < card.minimum_drift_hits):
                continue
            i, event = chosen[first + t], event_of[first + t] + 1
            deviate(factor, t, card.tail_scale if rng.random() < card.tail_fraction else 1.0, rng, helix[t])
            helix[t, 1] = wrapped(helix[t, 1])
            p = math.sqrt(numbers[i, PX] ** 2 + numbers[i, PY] ** 2 + numbers[i, PZ] ** 2)
            species = codes[i, SPECIES]
            helix[t, 2] /= card.switch_momentum * numbers[i, KEPT] * (1.0 + momentum_bias(
                state[lanes.LOST + t], p, masses[species], card.fitted[species], card.loss_ratio))
            for k in range(5):
                out.helix[n, k] = helix[t, k]
            for k in range(15):
                out.covariance[n, k] = state[k * LANES + t]
            for k in range(3):
                out.hits[n, k] = counts[t, k]
            out.charge[n], out.row[n] = (1 if helix[t, 2] > 0.0 else -1), i
            out.of_particle[i] = out.offsets[event]
            out.offsets[event] += 1
            repaired += int(broken[t])
            n += 1
    return n, repaired


def find_tracks(particles: Particles, card: TrackingNumbers, masses: Array, rng: np.random.Generator) -> TrackColumns:
    """Tracks of all events; ``masses`` (10,) by species index [GeV]."""
    numbers, codes = particles.numbers, particles.codes
    most = int(np.count_nonzero(codes[:, SPECIES] <= DEUTERON))
    chosen, event_of = np.empty(most, np.int64), np.empty(most, np.int64)
    count = choose(particles.offsets, numbers, codes, card, rng, chosen, event_of)
    out = TrackColumns(np.zeros(len(particles.offsets), np.int64), np.empty(count, np.int32), np.empty((count, 5)),
                       np.empty((count, 15)), np.empty((count, 3), np.int32), np.empty(count, np.int64),
                       np.full(len(codes), -1, np.int32), 0, np.zeros(count, np.int8))
    n, repaired = measure_tracks(chosen[:count], event_of, numbers, codes, masses, card, rng,
                                 new_scratch(len(card.layers)), out)
    np.cumsum(out.offsets, out=out.offsets)
    return TrackColumns(out.offsets, out.charge[:n], out.helix[:n], out.covariance[:n], out.hits[:n], out.row[:n],
                        out.of_particle, repaired, out.kind[:n])
