"""Which particles deposit what energy in the calorimeter, and beam background.

Method, particle by particle, at the point where it meets the front faces:
photons and electrons their whole energy (as an electromagnetic shower); muons a
minimum-ionising deposit; charged hadrons the same or, with the shower
probability, in addition a Gaussian part of their remaining kinetic energy;
antiprotons add annihilation energy; every charged hadron makes a Poisson number
of split-offs nearby.  K_L, n and anti-n: a probability against momentum and an
exponential visible energy.  Beam background: Poisson per region, exponential
spectrum.  What the calorimeter measures of it: :mod:`openbfactory.simulate.clusters`.

Approximation: the shower has no depth; curling tracks leave nothing; the
particle of a deposit is the generated one also where a secondary made it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import speed_of_light
from openbfactory.simulate.draws import exponential, interpolate, poisson
from openbfactory.simulate.parameters import CalorimeterNumbers
from openbfactory.simulate.showers import BACKGROUND, HADRON, MINIMUM_IONISING, SPLIT_OFF
from openbfactory.simulate.surface import straight_to_surface
from openbfactory.simulate.transport import ANCESTOR, HIT, KEPT, PDG, PX, PY, PZ, SPECIES, Particles, T

Array = npt.NDArray[Any]

#: columns of a deposit: E, theta, phi, r, delay, kind (0: electromagnetic), track, particle
WIDTH = 8
#: most deposits of one particle
MOST = 16


class Deposits(NamedTuple):
    """Energy deposits: offsets (n + 1,) and rows (m, WIDTH)."""

    offsets: Array
    rows: Array


@njit(cache=True)
def store(row: Array, energy: float, theta: float, phi: float, r: float, delay: float, kind: float, track: float,
          particle: float) -> None:
    """Write one deposit; ``delay`` [ns] is after light from the origin, NaN for beam background."""
    row[0] = energy
    row[1] = theta
    row[2] = phi
    row[3] = r
    row[4] = delay
    row[5] = kind
    row[6] = track
    row[7] = particle


@njit(cache=True)
def charged_energy(kinetic: float, available: float, hadron: bool, numbers: Array, scale: float,
                   rng: np.random.Generator) -> tuple[float, int]:
    """Visible energy of a muon or charged hadron, and the kind of deposit.

    ``available`` is annihilation energy; ``numbers`` (7,): energy and width of a minimum-ionising deposit,
    shower probability, mean and width of the visible part, annihilation energy, probability to match.
    """
    mip = numbers[0] + numbers[1] * rng.standard_normal() + exponential(numbers[1], rng)
    if not hadron or rng.random() >= numbers[2]:
        return min(mip, kinetic + available), MINIMUM_IONISING
    part = min(max(numbers[3] + numbers[4] * rng.standard_normal(), 0.0), 1.0)
    energy = kinetic if kinetic < mip else mip + (kinetic - mip) * part
    if available > 0.0:
        energy += min(exponential(numbers[5], rng), available)
    return energy * scale, HADRON


@njit(cache=True)
def split_offs(rows: Array, n: int, hit: Array, most: float, delay: float, rate: float, numbers: Array,
               threshold: float, particle: float, rng: np.random.Generator) -> int:
    """Append the split-offs of a hadron; the new number of rows. ``numbers``: rate, energy, distance."""
    for _ in range(min(poisson(rate, rng), MOST - 1)):
        distance = exponential(numbers[2], rng) / hit[2]
        angle = 2.0 * math.pi * rng.random()
        energy = min(threshold + exponential(numbers[1], rng), most)
        store(rows[n], energy, hit[0] + distance * math.cos(angle),
              hit[1] + distance * math.sin(angle) / math.sin(hit[0]), hit[2], delay, SPLIT_OFF, -1.0, particle)
        n += 1
    return n


@njit(cache=True)
def neutral_energy(kind: int, p: float, mass: float, chance: float, mean: float, rng: np.random.Generator) -> float:
    """Visible energy of K_L (0), n (1) or anti-n (2) that interacts with ``chance``; 0 where it does not."""
    if rng.random() >= chance:
        return 0.0
    most = math.sqrt(p * p + mass * mass)
    if kind == 1:
        most -= mass
    elif kind == 2:
        most += mass
    return min(exponential(mean, rng), most)


@njit(cache=True)
def background(rows: Array, n: int, regions: Array, surface: Array, threshold: float, slope: float, scale: float,
               rng: np.random.Generator) -> int:
    """Append the beam-background deposits of one event; the new number of rows."""
    for k in range(len(regions)):
        low, high = math.cos(regions[k, 2]), math.cos(regions[k, 1])
        for _ in range(min(poisson(regions[k, 4] * scale, rng), len(rows) - n)):
            cosine = low + (high - low) * rng.random()
            phi = 2.0 * math.pi * rng.random() - math.pi
            sine = math.sqrt(1.0 - cosine * cosine)
            hit = straight_to_surface(0.0, 0.0, 0.0, sine, 0.0, cosine, surface[0], surface[1], surface[2])
            store(rows[n], threshold + exponential(slope, rng), hit[0], phi, hit[2], math.nan, BACKGROUND, -1.0, -1.0)
            n += 1
    return n


@njit(cache=True)
def charged_deposits(rows: Array, n: int, species: int, antiparticle: bool, kinetic: float, mass: float, hit: Array,
                     delay: float, track: float, particle: float, numbers: Array, split: Array, switches: Array,
                     threshold: float, rng: np.random.Generator) -> int:
    """Append the deposits of a charged particle; the new number of rows."""
    if species == 0:
        store(rows[n], kinetic + mass, hit[0], hit[1], hit[2], delay, 0.0, track, particle)
        return n + 1
    available = 2.0 * mass if species == 4 and antiparticle else 0.0
    energy, kind = charged_energy(kinetic, available, species >= 2, numbers, switches[2], rng)
    store(rows[n], energy, hit[0], hit[1], hit[2], delay, kind, track, particle)
    if species == 1:
        return n + 1
    return split_offs(rows, n + 1, hit, kinetic + available, delay, split[0] * switches[3], split, threshold,
                      particle, rng)


@njit(cache=True)
def deposit(particles: Particles, of_particle: Array, masses: Array, card: CalorimeterNumbers,
            rng: np.random.Generator) -> Deposits:
    """Energy deposits of all events.

    Parameters
    ----------
    particles
        Particles on their way through the detector.
    of_particle : (n,)
        Track of each particle (index in the event), -1 for none.
    masses : (10,)
        Masses by species index [GeV].
    """
    starts, values, codes = particles.offsets, particles.numbers, particles.codes
    numbers, split, switches, regions, surface = (card.charged, card.split_off, card.switches, card.regions,
                                                  card.surface)
    photon_x, photon_y = card.efficiency_energy, card.efficiency
    neutral_x, neutral_y, neutral_mean = card.neutral_p, card.neutral_efficiency, card.neutral_energy
    threshold = card.threshold
    events = len(starts) - 1
    offsets = np.zeros(events + 1, np.int64)
    rows = np.zeros((32 * events + 256, WIDTH))
    n = 0
    for event in range(events):
        for i in range(starts[event], starts[event + 1]):
            row, species, ancestor = values[i], codes[i, SPECIES], float(codes[i, ANCESTOR])
            hit = row[HIT:HIT + 4]
            if hit[2] == 0.0:
                continue
            if n + 128 > len(rows):
                grown = np.zeros((2 * len(rows), WIDTH))
                for k in range(n):  # element by element: slices compile slowly
                    for column in range(WIDTH):
                        grown[k, column] = rows[k, column]
                rows = grown
            mass = masses[species]
            p = math.sqrt(row[PX] ** 2 + row[PY] ** 2 + row[PZ] ** 2) * row[KEPT]
            energy = math.sqrt(p * p + mass * mass)
            delay = row[T] + (hit[3] * energy / p - hit[2]) / speed_of_light
            if species == 6:
                if rng.random() < switches[0] * interpolate(p, photon_x, photon_y):
                    store(rows[n], p, hit[0], hit[1], hit[2], delay, 0.0, -1.0, ancestor)
                    n += 1
            elif species > 6:
                kind = species - 7
                chance = interpolate(p, neutral_x, neutral_y[kind]) * (switches[5] if kind == 0 else 1.0)
                seen = neutral_energy(kind, p, mass, chance, neutral_mean[kind] * switches[2], rng)
                if seen > 0.0:
                    store(rows[n], seen, hit[0], hit[1], hit[2], delay, HADRON, -1.0, ancestor)
                    n += 1
            else:
                track = float(of_particle[i]) if rng.random() < numbers[6] else -1.0
                n = charged_deposits(rows, n, species, codes[i, PDG] < 0, energy - mass, mass, hit, delay, track,
                                     ancestor, numbers, split, switches, threshold, rng)
        n = background(rows, n, regions, surface, threshold, card.background[0], switches[4], rng)
        offsets[event + 1] = n
    return Deposits(offsets, rows[:n])
