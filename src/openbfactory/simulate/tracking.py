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

Approximation: one circle at most (no hits from later turns), no energy loss of
other particles, no fake or cloned tracks; the efficiency curve, which holds some
of the losses to decays and interactions, is not corrected for them; particles
that move inwards first have only the hits of their outward part.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.helix import helix_of, point_at
from openbfactory.simulate.covariance import add_deviation, fit_covariance
from openbfactory.simulate.draws import binomial, interpolate, wrapped
from openbfactory.simulate.parameters import TrackingNumbers
from openbfactory.simulate.species import charge_of
from openbfactory.simulate.surface import LEAST_MOMENTUM, arc_to_radius
from openbfactory.simulate.transport import END, KEPT, PDG, PX, PY, PZ, SPECIES, Particles, X, Y, Z

Array = npt.NDArray[Any]


class TrackColumns(NamedTuple):
    """Tracks as columns.

    ``row`` is the row of the particle of a track, ``of_particle`` the track (index in its event) of each particle, or
    -1; ``repaired`` counts covariances that were not positive-definite.
    """

    offsets: Array
    charge: Array
    helix: Array
    covariance: Array
    hits: Array
    row: Array
    of_particle: Array
    repaired: int


@njit(cache=True, error_model="numpy")
def cross_layers(helix: Array, radius: float, end: float, layers: Array, rng: np.random.Generator, hits: Array,
                 arcs: Array, layer_hits: Array) -> int:
    """Write where a helix that starts at ``radius`` [cm] crosses the layers and what hits it leaves.

    Parameters
    ----------
    end
        Transverse distance [cm] where the particle ends.
    layers : (k, LAYER_WIDTH)
        Layers from the inside out, see :mod:`openbfactory.simulate.covariance`.
    hits : (3,)
        Number of PXD, SVD and CDC hits.
    arcs, layer_hits : (k,)
        Arc length [cm], -1 where a layer is not crossed, and number of hits.

    Returns
    -------
    last : int
        Number of layers within reach.
    """
    hits[:] = 0
    for k in range(len(layers)):
        layer = layers[k]
        arcs[k], layer_hits[k] = -1.0, 0.0
        if layer[0] <= radius:
            continue
        s = arc_to_radius(helix[0], helix[2], layer[0])
        if s < 0.0 or layer[0] >= end:
            return k
        z = helix[3] + s * helix[4]
        if z < layer[1] or z > layer[2]:
            continue
        if layer[6] < 1.0:
            x, y, _ = point_at(helix[0], helix[1], helix[2], helix[3], helix[4], s)
            if math.atan2(-y, -x) + math.pi > 2.0 * math.pi * layer[6]:
                continue
        arcs[k] = s
        if layer[3] >= 0.0:
            count = binomial(int(layer[4]), layer[5], rng)
            hits[int(layer[3])] += count
            layer_hits[k] = count
    return len(layers)


@njit(cache=True, error_model="numpy")
def finding_efficiency(pt: float, radius: float, efficiency: tuple[Array, Array],
                       displacement: tuple[Array, Array]) -> float:
    """Probability that the track of a particle in the barrel is found."""
    return (interpolate(pt, efficiency[0], efficiency[1])
            * interpolate(radius, displacement[0], displacement[1]))


@njit(cache=True, error_model="numpy")
def find_tracks(particles: Particles, card: TrackingNumbers, masses: Array, rng: np.random.Generator) -> TrackColumns:
    """Tracks of all events; ``masses`` (10,) by species index [GeV]."""
    starts, numbers, codes = particles.offsets, particles.numbers, particles.codes
    size, events = len(codes), len(starts) - 1
    efficiency, displacement = (card.efficiency_pt, card.efficiency), (card.displacement_r, card.displacement)
    layers, inflation = card.layers, card.inflation
    offsets = np.zeros(events + 1, np.int64)
    most = 0
    for i in range(size):
        most += codes[i, SPECIES] <= 5
    charge, row_of = np.zeros(most, np.int32), np.zeros(most, np.int64)
    helices, covariance = np.zeros((most, 5)), np.zeros((most, 15))
    hits, of_particle = np.zeros((most, 3), np.int32), np.full(size, -1, np.int32)
    arcs, layer_hits, lower = np.zeros(len(layers)), np.zeros(len(layers)), np.zeros((5, 5))
    n, repaired = 0, 0
    for event in range(events):
        for i in range(starts[event], starts[event + 1]):
            species, row = codes[i, SPECIES], numbers[i]
            if species > 5:
                continue
            pt, radius = math.hypot(row[PX], row[PY]), math.hypot(row[X], row[Y])
            theta = math.atan2(pt, row[PZ])
            if pt < LEAST_MOMENTUM or theta < card.theta_min or theta > card.theta_max:
                continue
            factor = card.endcap_factor if theta < card.barrel_min or theta > card.barrel_max else 1.0
            chance = factor * card.switch_efficiency * finding_efficiency(pt, radius, efficiency, displacement)
            if rng.random() >= chance:
                continue
            helix = helices[n]
            helix[0], helix[1], helix[2], helix[3], helix[4] = helix_of(
                row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], float(charge_of(codes[i, PDG])), card.field)
            last = cross_layers(helix, radius, row[END], layers, rng, hits[n], arcs, layer_hits)
            silicon, drift = hits[n, 0] + hits[n, 1], hits[n, 2]
            if silicon < card.minimum_silicon_hits and drift < card.minimum_drift_hits:
                continue
            p = math.hypot(pt, row[PZ])
            p_beta = p * p / math.hypot(p, masses[species])
            repaired += fit_covariance(helix, p_beta, layers, arcs, layer_hits, last, inflation, covariance[n], lower)
            add_deviation(lower, card.tail_scale if rng.random() < card.tail_fraction else 1.0, rng, helix)
            helix[1], helix[2] = wrapped(helix[1]), helix[2] / (card.switch_momentum * row[KEPT])
            charge[n], row_of[n] = (1 if helix[2] > 0.0 else -1), i
            of_particle[i] = n - offsets[event]
            n += 1
        offsets[event + 1] = n
    return TrackColumns(offsets, charge[:n], helices[:n], covariance[:n], hits[:n], row_of[:n], of_particle, repaired)
