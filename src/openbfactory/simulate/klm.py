"""Clusters of the K_L and muon detector.

K_L: probability against momentum, direction smeared, Poisson number of layers.
Muons: probability against momentum, number of layers from their range; in the
barrel above a transverse momentum only.  Pions and kaons punch through with a
constant fraction of that probability.  Muons of decays in flight make clusters
of their own: one that no track of its own points to is matched to the track of
the particle that decayed, when that points there, so that muon identification
has both kinds of fakes.

Approximation: tracks point to the detector with their direction at the
calorimeter (no bending in the return yoke); protons count as kaons, electrons
never arrive; neutrons make no clusters; no beam background; a cluster in the
calorimeter is independent of one here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.kinematics.helix import helix_of
from openbfactory.simulate.draws import interpolate, poisson, wrapped
from openbfactory.simulate.parameters import MuonNumbers
from openbfactory.simulate.species import charge_of
from openbfactory.simulate.surface import helix_to_surface
from openbfactory.simulate.transport import (
    ANCESTOR,
    DECAY,
    HIT,
    PDG,
    PROCESS,
    PX,
    PY,
    PZ,
    SECONDARY,
    SPECIES,
    Particles,
    X,
    Y,
    Z,
)

Array = npt.NDArray[Any]


class MuonClusters(NamedTuple):
    """Offsets (n + 1,) and rows (m, 5): theta, phi, layers, track, particle."""

    offsets: Array
    rows: Array


@kernel
def arrival_probability(species: int, muon: float, punch_through: Array) -> float:
    """Probability that a charged particle of species 0 to 5 makes a cluster that matches its track.

    ``muon`` is that of a muon of the same momentum, ``punch_through`` (2,) the fractions of it for pions and
    for all other hadrons.
    """
    if species == 0:
        return 0.0
    if species == 1:
        return muon
    return muon * (punch_through[0] if species == 2 else punch_through[1])


@kernel
def covered(theta: float, pt: float, limits: Array, barrel_pt: float) -> bool:
    """Whether a charged particle can reach the detector; ``limits`` (4,) of acceptance and barrel [rad]."""
    return limits[0] <= theta <= limits[1] and (pt > barrel_pt or not limits[2] <= theta <= limits[3])


@kernel
def track_of_mother(particles: Particles, i: int, first: int, of_particle: Array, card: MuonNumbers) -> int:
    """Track (index in its event) of the primary whose decay in flight made row ``i``, where it points there, else -1.

    ``first`` is the first row of the event.
    """
    numbers, codes, surface = particles.numbers, particles.codes, card.surface
    for k in range(first, i):
        if codes[k, SECONDARY] >= 0 or codes[k, ANCESTOR] != codes[i, ANCESTOR]:
            continue
        if of_particle[k] < 0 or codes[k, SPECIES] > 5:
            return -1
        row = numbers[k]
        helix = helix_of(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], float(charge_of(codes[k, PDG])), card.field)
        hit = helix_to_surface(helix[0], helix[1], helix[2], helix[3], helix[4], surface[0], surface[1], surface[2])
        theta, phi = numbers[i, HIT], numbers[i, HIT + 1]
        cosine = math.sin(theta) * math.sin(hit[0]) * math.cos(phi - hit[1]) + math.cos(theta) * math.cos(hit[0])
        return of_particle[k] if hit[2] > 0.0 and cosine > card.match_angle else -1
    return -1


@kernel
def fill(particles: Particles, of_particle: Array, card: MuonNumbers, rng: np.random.Generator, offsets: Array,
         rows: Array) -> None:
    """Write offsets and rows of the clusters of all events."""
    k_long_p, k_long, muon_p, muon, punch_through = (card.k_long_p, card.k_long, card.muon_p, card.muon,
                                                     card.punch_through)
    limits, resolution, layers_p, layers_muon = card.theta, card.resolution, card.layers_p, card.layers_muon
    starts, numbers, codes = particles.offsets, particles.numbers, particles.codes
    offsets[0], n = 0, 0
    for event in range(len(starts) - 1):
        for i in range(starts[event], starts[event + 1]):
            row, species = numbers[i], codes[i, SPECIES]
            theta, phi = row[HIT], row[HIT + 1]
            if row[HIT + 2] == 0.0 or species < 1 or species == 6 or species > 7:
                continue
            if theta < limits[0] or theta > limits[1]:
                continue
            pt, neutral = math.hypot(row[PX], row[PY]), species == 7
            p = math.hypot(pt, row[PZ])
            if not neutral and not covered(theta, pt, limits, card.barrel_pt):
                continue
            if neutral:
                chance = interpolate(p, k_long_p, k_long) * card.switch_k_long
            else:
                chance = arrival_probability(species, interpolate(p, muon_p, muon), punch_through)
            if rng.random() >= chance:
                continue
            spread = resolution[0] if limits[2] <= theta <= limits[3] else resolution[1]
            rows[n, 0] = min(max(theta + spread * rng.standard_normal(), 1e-3), math.pi - 1e-3)
            rows[n, 1] = wrapped(phi + spread / math.sin(theta) * rng.standard_normal())
            mean = card.layers_k_long if neutral else interpolate(p, layers_p, layers_muon)
            rows[n, 2] = min(1.0 + poisson(max(mean - 1.0, 0.0), rng), card.layers)
            track = -1 if neutral else of_particle[i]
            if track < 0 and not neutral and codes[i, PROCESS] == DECAY:
                track = track_of_mother(particles, i, starts[event], of_particle, card)
            rows[n, 3] = track
            rows[n, 4] = codes[i, ANCESTOR]
            n += 1
        offsets[event + 1] = n


def reach(particles: Particles, of_particle: Array, card: MuonNumbers, rng: np.random.Generator) -> MuonClusters:
    """Clusters of all events; ``of_particle`` is the track of each particle (index in its event), -1 for none."""
    offsets, rows = np.empty(len(particles.offsets), np.int64), np.empty((len(particles.codes), 5))
    fill(particles, of_particle, card, rng, offsets, rows)
    return MuonClusters(offsets, rows[:offsets[-1]].copy())
