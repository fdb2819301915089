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

from openbfactory.core.kernels import kernel
from openbfactory.core.units import speed_of_light
from openbfactory.simulate.draws import exponential, interpolate, poisson
from openbfactory.simulate.parameters import CalorimeterNumbers
from openbfactory.simulate.showers import BACKGROUND, HADRON, MINIMUM_IONISING, SPLIT_OFF
from openbfactory.simulate.transport import ANCESTOR, HIT, KEPT, PDG, PX, PY, PZ, SPECIES, Particles, T

Array = npt.NDArray[Any]

#: columns of a deposit: E, theta, phi, r, delay, kind (0: electromagnetic), track, particle
WIDTH = 8
#: most deposits of one particle, and of beam background in one event
MOST, MOST_BACKGROUND = 16, 512


class Deposits(NamedTuple):
    """Energy deposits: offsets (n + 1,) and rows (m, WIDTH)."""

    offsets: Array
    rows: Array


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def background(rows: Array, n: int, regions: Array, surface: Array, threshold: float, slope: float, scale: float,
               rng: np.random.Generator) -> int:
    """Append the beam-background deposits of one event; the new number of rows."""
    most = n + MOST_BACKGROUND
    for k in range(len(regions)):
        low, high = math.cos(regions[k, 2]), math.cos(regions[k, 1])
        for _ in range(min(poisson(regions[k, 4] * scale, rng), most - n)):
            cosine = low + (high - low) * rng.random()
            phi = 2.0 * math.pi * rng.random() - math.pi
            r = surface[0] / math.sqrt(1.0 - cosine * cosine)
            r = min(r, (surface[1] if cosine > 0.0 else surface[2]) / cosine) if cosine != 0.0 else r
            store(rows[n], threshold + exponential(slope, rng), math.acos(cosine), phi, r, math.nan, BACKGROUND, -1.0,
                  -1.0)
            n += 1
    return n


@kernel
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


@kernel
def fill(particles: Particles, of_particle: Array, masses: Array, card: CalorimeterNumbers, rng: np.random.Generator,
         event: int, offsets: Array, rows: Array) -> int:
    """Write offsets and rows of the deposits from ``event`` on; the event for which ``rows`` has no room any more."""
    starts, values, codes, switches = particles.offsets, particles.numbers, particles.codes, card.switches
    n = offsets[event]
    while event < len(starts) - 1:
        if n + MOST * (starts[event + 1] - starts[event]) + MOST_BACKGROUND > len(rows):
            return event
        for i in range(starts[event], starts[event + 1]):
            hit = values[i, HIT:HIT + 4]
            if hit[2] == 0.0:
                continue
            species, ancestor = codes[i, SPECIES], float(codes[i, ANCESTOR])
            px, py, pz, mass = values[i, PX], values[i, PY], values[i, PZ], masses[species]
            p = math.sqrt(px * px + py * py + pz * pz) * values[i, KEPT]
            energy = math.sqrt(p * p + mass * mass)
            delay = values[i, T] + (hit[3] * energy / p - hit[2]) / speed_of_light
            if species == 6:
                if rng.random() < switches[0] * interpolate(p, card.efficiency_energy, card.efficiency):
                    store(rows[n], p, hit[0], hit[1], hit[2], delay, 0.0, -1.0, ancestor)
                    n += 1
            elif species > 6:
                kind = species - 7
                chance = interpolate(p, card.neutral_p, card.neutral_efficiency[kind])
                seen = neutral_energy(kind, p, mass, chance * (switches[5] if kind == 0 else 1.0),
                                      card.neutral_energy[kind] * switches[2], rng)
                if seen > 0.0:
                    store(rows[n], seen, hit[0], hit[1], hit[2], delay, HADRON, -1.0, ancestor)
                    n += 1
            else:
                track = float(of_particle[i]) if rng.random() < card.charged[6] else -1.0
                n = charged_deposits(rows, n, species, codes[i, PDG] < 0, energy - mass, mass, hit, delay, track,
                                     ancestor, card.charged, card.split_off, switches, card.threshold, rng)
        n = background(rows, n, card.regions, card.surface, card.threshold, card.background[0], switches[4], rng)
        event += 1
        offsets[event] = n
    return event


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
    events = len(particles.offsets) - 1
    offsets, rows, event = np.zeros(events + 1, np.int64), np.empty((48 * events + 1024, WIDTH)), 0
    while True:
        event = fill(particles, of_particle, masses, card, rng, event, offsets, rows)
        if event == events:
            return Deposits(offsets, rows[:offsets[-1]])
        most = MOST * int(np.diff(particles.offsets[event:]).max())
        grown, n = np.empty((2 * len(rows) + most + MOST_BACKGROUND, WIDTH)), offsets[event]
        grown[:n] = rows[:n]
        rows = grown
