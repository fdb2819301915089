"""Energy deposits to clusters: regions, resolutions, time, threshold.

Electromagnetic showers: ``sigma_E/E = noise/E (+) stochastic/E^(1/4) (+)
constant``, times the factor of the region, with an exponential low-energy tail;
hadronic deposits keep the visible energy drawn before.  Position: ``k /
sqrt(E)`` in both directions.  Time: ``sigma = slope/E (+) constant``, around the
delay of the particle after light from the origin; beam background is flat in
time.  A cluster exists above the energy threshold when its time lies within the
99 % width or its energy above a second threshold.

Approximation: Gaussian beside the tail, the same everywhere in a region; shower shapes come after the
merging of clusters (:mod:`openbfactory.simulate.showers`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.simulate.draws import exponential, wrapped
from openbfactory.simulate.parameters import CalorimeterNumbers

Array = npt.NDArray[Any]

#: columns of a cluster: E, theta, phi, r, region, time, error of time, kind, merged share, track, particle
WIDTH = 11
#: half width in sigma that holds 99 %
NINETY_NINE = 2.5758293035489004


class Clusters(NamedTuple):
    """Clusters: offsets (n + 1,) and rows (m, WIDTH)."""

    offsets: Array
    rows: Array


@kernel
def region_at(theta: float, regions: Array) -> int:
    """Row of the region at a polar angle, -1 in gaps and outside."""
    for k in range(len(regions)):
        if regions[k, 1] <= theta <= regions[k, 2]:
            return k
    return -1


@kernel
def relative_resolution(energy: float, terms: Array) -> float:
    """sigma_E / E of an electromagnetic shower at ``energy`` [GeV]."""
    noise, stochastic = terms[0] / energy, terms[1] / math.sqrt(math.sqrt(energy))
    return math.sqrt(noise * noise + stochastic * stochastic + terms[2] * terms[2])


@kernel
def shower_energy(energy: float, factor: float, terms: Array, rng: np.random.Generator) -> float:
    """Measured energy of an electromagnetic shower."""
    deviation = rng.standard_normal()
    if rng.random() < terms[3]:
        deviation -= exponential(terms[4], rng)
    return energy * (1.0 + relative_resolution(energy, terms) * factor * deviation)


@kernel
def cluster_time(delay: float, sigma: float, free: bool, time_range: float, rng: np.random.Generator) -> float:
    """Measured time; NaN where the cluster is too late or too early to be kept.

    ``free`` clusters need not lie within the 99 % width; ``time_range`` [ns] is that of beam background.
    """
    span = NINETY_NINE * sigma
    if math.isnan(delay):
        return (time_range if free else span) * (2.0 * rng.random() - 1.0)
    time = delay + sigma * rng.standard_normal()
    return time if free or abs(time) <= span else math.nan


@kernel
def measure_deposits(offsets: Array, deposits: Array, card: CalorimeterNumbers, rng: np.random.Generator,
                     out_offsets: Array, rows: Array) -> None:
    """Write offsets and rows of the clusters of all events."""
    regions, resolution, timing = card.regions, card.resolution, card.timing
    photon_scale, free_energy, time_range = card.switches[1], card.timing_free_energy, card.background[1]
    out_offsets[0], n = 0, 0
    for event in range(len(offsets) - 1):
        for j in range(offsets[event], offsets[event + 1]):
            energy, theta, phi, r = deposits[j, 0], deposits[j, 1], deposits[j, 2], deposits[j, 3]
            region = region_at(theta, regions)
            if region < 0 or energy <= 0.0:
                continue
            if deposits[j, 5] == 0.0:
                energy = photon_scale * shower_energy(energy, regions[region, 3], resolution, rng)
            if energy < card.threshold:
                continue
            slope = timing[0] / energy
            sigma = math.sqrt(slope * slope + timing[1] * timing[1])
            time = cluster_time(deposits[j, 4], sigma, energy >= free_energy, time_range, rng)
            if math.isnan(time):
                continue
            spread = card.position / math.sqrt(energy) / r
            rows[n, 0] = energy
            rows[n, 1] = min(max(theta + spread * rng.standard_normal(), 1e-3), math.pi - 1e-3)
            rows[n, 2] = wrapped(phi + spread / math.sin(theta) * rng.standard_normal())
            rows[n, 3] = r
            rows[n, 4] = regions[region, 0]
            rows[n, 5] = time
            rows[n, 6] = NINETY_NINE * sigma
            rows[n, 7], rows[n, 8] = deposits[j, 5], 0.0
            rows[n, 9] = deposits[j, 6]
            rows[n, 10] = deposits[j, 7]
            n += 1
        out_offsets[event + 1] = n


def measure(offsets: Array, deposits: Array, card: CalorimeterNumbers, rng: np.random.Generator) -> Clusters:
    """Clusters of all events before merging; columns of ``deposits`` as in :mod:`openbfactory.simulate.ecl`."""
    out_offsets, rows = np.empty(len(offsets), np.int64), np.empty((len(deposits), WIDTH))
    measure_deposits(offsets, deposits, card, rng, out_offsets, rows)
    return Clusters(out_offsets, rows[:out_offsets[-1]])
