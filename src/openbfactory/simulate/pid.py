"""Log-likelihoods of e, mu, pi, K, p, d for every track.

Method: each device draws one observable for the true particle and gives its
log-probability under each of the six hypotheses; those of one subdetector are
the columns ``logL_K_TOP`` ..., their sums the columns ``logL_K`` ..., so that
``kaonID = L_K / sum L``, every binary ratio and every version without a
subdetector follow.  Devices (as many as the card lists):

- ionisation: ln dE/dx, Gaussian around the curve of the card at p/m, sigma
  scales as 1/sqrt(hits);
- ring: found with probability 1 - exp(-N sin^2 theta_c) above threshold and
  with a small one below; its angle Gaussian around acos(1/(n beta));
- flight: time over the path, Gaussian;
- threshold: fires or not, Poisson number of photons;
- calorimeter: the energy of the matched cluster against p (electrons), a
  minimum-ionising deposit or a shower (the simulated clusters themselves);
- muon detector: whether a cluster matches the track.

A fraction of the observables of each device is flat (outliers); the likelihood
may expect another fraction, which limits how sure it can be.  A fraction of the
tracks is confused: all Cherenkov, time and dE/dx observables are those of
another particle (scatters), which the likelihood does not know.  Where a
particle decays on its way, Cherenkov and time devices see a muon in its place;
particles that interact reach none of them.

Approximation: no dependence on the impact point in a device, no correlation
between devices besides the true momentum, true momentum in place of the
measured one; numbers tuned to published working points, not to raw detector
performance.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.core.units import speed_of_light
from openbfactory.events.columns import SUBDETECTORS
from openbfactory.simulate.draws import interpolate
from openbfactory.simulate.klm import arrival_probability, covered
from openbfactory.simulate.parameters import IdentificationNumbers, MuonNumbers
from openbfactory.simulate.transport import DECAY, FATE, HIT, PX, PY, PZ, SPECIES, Particles

Array = npt.NDArray[Any]

#: table of ln dE/dx: first ln(beta gamma), step, size
TABLE_START = -4.0
TABLE_STEP = 0.02
TABLE_SIZE = 700
#: range of ln dE/dx and of times [ns] over which outliers are flat
LOG_IONISATION_RANGE = 3.0
TIME_RANGE = 10.0
#: showers and outliers are flat in energy up to p plus this [GeV]
SPAN = 0.5
#: tracks whose likelihoods are held in double precision at once (no power of 2: rows would share lines of the cache)
BLOCK = 2000
#: rows of the likelihoods: calorimeter, muon detector, and the sum of all
CALORIMETER, MUON_DETECTOR, SUM = SUBDETECTORS.index("ECL"), SUBDETECTORS.index("KLM"), len(SUBDETECTORS)
SQRT_TWO_PI = 2.5066282746310002


def ionisation_table(curve: Array) -> Array:
    """Table (TABLE_SIZE,) of ln dE/dx on a grid of ln(beta gamma).

    The curve is ``a/b^d (e - b^d - ln(c + x^-g))`` with b = beta, x = beta gamma and ``curve`` = (a, e, c, d, g).
    """
    x = np.exp(TABLE_START + TABLE_STEP * np.arange(TABLE_SIZE))
    power = (x * x / (1.0 + x * x)) ** (curve[3] / 2.0)
    values: Array = np.log(curve[0] / power * (curve[1] - power - np.log(curve[2] + x ** -curve[4])))
    return values


@kernel
def gaussian(x: float, mean: float, sigma: float) -> float:
    """Normal density; 0 beyond nine standard deviations (below 1e-17 of the maximum)."""
    u = (x - mean) / sigma
    return math.exp(-0.5 * u * u) / (SQRT_TWO_PI * sigma) if abs(u) < 9.0 else 0.0


@kernel
def tabulated(log_beta_gamma: float, table: Array) -> float:
    """Value of ln dE/dx by linear interpolation in the table of :func:`ionisation_table`."""
    place = (log_beta_gamma - TABLE_START) / TABLE_STEP
    place = min(max(place, 0.0), len(table) - 1.001)
    k = int(place)
    return table[k] + (place - k) * (table[k + 1] - table[k])


@kernel
def apparent(species: int, confusion: Array, rng: np.random.Generator) -> int:
    """Species that the devices see: normally the true one."""
    if species > 4 or rng.random() >= confusion[species]:
        return species
    return 2 if species == 1 or species == 3 else 3


@kernel
def add_ionisation(device: Array, hits: float, seen: int, levels: Array, scale: float, rng: np.random.Generator,
                   out: Array) -> None:
    """Multiply by the likelihoods of one dE/dx measurement; ``levels`` (6,) are the expected ln dE/dx."""
    if hits < device[7]:
        return
    sigma = device[5] * math.sqrt(device[6] / hits)
    flat = device[10] / LOG_IONISATION_RANGE
    x = levels[seen] + scale * sigma * rng.standard_normal()
    if rng.random() < device[8]:
        x = levels[seen] + LOG_IONISATION_RANGE * (rng.random() - 0.5)
    for h in range(6):
        out[h] *= (1.0 - device[10]) * gaussian(x, levels[h], sigma) + flat


@kernel
def add_ring(device: Array, seen: int, beta: Array, fake: float, scale: float, rng: np.random.Generator,
             out: Array) -> None:
    """Multiply by the likelihoods of one Cherenkov-angle measurement; ``beta`` (6,) by hypothesis."""
    index, sigma = device[5], device[6]
    widest = math.acos(1.0 / index) + 0.1
    cosine = 1.0 / (index * beta[seen])
    chance = max(1.0 - math.exp(-device[7] * (1.0 - cosine * cosine)), fake) if cosine < 1.0 else fake
    found = rng.random() < chance
    x = widest * rng.random()
    if cosine < 1.0 and rng.random() >= device[8]:
        x = math.acos(cosine) + scale * sigma * rng.standard_normal()
    for h in range(6):
        cosine = 1.0 / (index * beta[h])
        if cosine < 1.0:
            chance = max(1.0 - math.exp(-device[7] * (1.0 - cosine * cosine)), fake)
            density = (1.0 - device[10]) * gaussian(x, math.acos(cosine), sigma) + device[10] / widest
        else:
            chance, density = fake, 1.0 / widest
        out[h] *= chance * density if found else 1.0 - chance + 1e-3


@kernel
def add_flight(device: Array, seen: int, beta: Array, sine: float, scale: float, rng: np.random.Generator,
               out: Array) -> None:
    """Multiply by the likelihoods of one time of flight."""
    path, sigma = device[5] / sine, device[6]
    x = path / (speed_of_light * beta[seen]) + scale * sigma * rng.standard_normal()
    if rng.random() < device[8]:
        x = path / (speed_of_light * beta[seen]) + TIME_RANGE * (rng.random() - 0.5)
    for h in range(6):
        mean = path / (speed_of_light * beta[h])
        out[h] *= (1.0 - device[10]) * gaussian(x, mean, sigma) + device[10] / TIME_RANGE


@kernel
def firing_chance(device: Array, beta: float) -> float:
    """Probability that a threshold counter fires."""
    full = 1.0 - 1.0 / (device[5] * device[5])
    light = max(1.0 - 1.0 / (device[5] * beta) ** 2, 0.0) / full * device[6] + device[7]
    return (1.0 - device[8]) * (1.0 - math.exp(-light)) + 0.5 * device[8]


@kernel
def add_threshold(device: Array, seen: int, beta: Array, rng: np.random.Generator, out: Array) -> None:
    """Multiply by the likelihoods of one threshold counter that fires or not."""
    fired = rng.random() < firing_chance(device, beta[seen])
    for h in range(6):
        chance = firing_chance(device, beta[h])
        out[h] *= chance if fired else 1.0 - chance


@kernel
def add_calorimeter(energy: float, p: float, masses: Array, charged: Array, numbers: Array, out: Array) -> None:
    """Multiply by the likelihoods of the energy [GeV] of the matched cluster.

    ``numbers`` (5,): outliers; mean, width and floor of electrons; widening of minimum-ionising deposits.
    """
    span, outliers = p + SPAN, numbers[0]
    flat = outliers / span
    for h in range(6):
        kinetic = math.hypot(p, masses[h]) - masses[h]
        mip = min(charged[0] + charged[1], kinetic)
        if h == 0:
            density = (1.0 - outliers) * gaussian(energy, p * numbers[1], p * numbers[2] + numbers[3])
        else:
            shower = charged[2] if h >= 2 else 0.0
            peak = gaussian(energy, mip, numbers[4] * charged[1])
            density = (1.0 - outliers) * ((1.0 - shower) * peak + shower / span)
        out[h] *= density + flat


@kernel
def add_muon_detector(found: bool, muon: float, punch_through: Array, out: Array) -> None:
    """Multiply by the probabilities of a match in the muon detector, or of none; ``muon`` is that of a muon."""
    if muon <= 0.0:
        return
    for h in range(6):
        chance = min(max(arrival_probability(h, muon, punch_through), 1e-3), 1.0 - 1e-3)
        out[h] *= chance if found else 1.0 - chance


@kernel
def measure_devices(devices: Array, hits: Array, theta: float, pt: float, p: float, arrives: bool, seen: int,
                    later: int, beta: Array, levels: Array, fake_ring: float, scale: float,
                    rng: np.random.Generator, out: Array) -> None:
    """Multiply ``out`` (subdetectors, 6) by the likelihoods of every device that the track crosses.

    The tracker sees species ``seen``, devices behind it see ``later``.
    """
    for d in range(len(devices)):
        device = devices[d]
        target = out[int(device[9])]
        if device[0] == 0.0:
            add_ionisation(device, float(hits[int(device[1])]), seen, levels, scale, rng, target)
        elif arrives and device[2] <= theta <= device[3] and pt >= device[4]:
            if device[0] == 1.0:
                add_ring(device, later, beta, fake_ring, scale, rng, target)
            elif device[0] == 2.0:
                add_flight(device, later, beta, pt / p, scale, rng, target)
            else:
                add_threshold(device, later, beta, rng, target)


@kernel
def multiply_likelihoods(particles: Particles, row_of_track: Array, hits: Array, cluster_energy: Array,
                         muon_match: Array, card: IdentificationNumbers, klm: MuonNumbers, charged: Array,
                         masses: Array, table: Array, rng: np.random.Generator, scratch: Array, out: Array) -> None:
    """Write the likelihoods (9, 6, n); ``scratch`` (SUM + 3, 6) is overwritten, its last row the logarithms of masses.

    The other parameters are those of :func:`identify`.
    """
    beta, levels, log_mass = scratch[SUM], scratch[SUM + 1], scratch[SUM + 2]
    for k in range(len(row_of_track)):
        row = particles.numbers[row_of_track[k]]
        pt = math.sqrt(row[PX] * row[PX] + row[PY] * row[PY])
        p, theta = math.sqrt(pt * pt + row[PZ] * row[PZ]), math.atan2(pt, row[PZ])
        seen, log_p = apparent(particles.codes[row_of_track[k], SPECIES], card.confusion, rng), math.log(p)
        for h in range(6):
            beta[h] = p / math.sqrt(p * p + masses[h] * masses[h])
            levels[h] = tabulated(log_p - log_mass[h], table)
            for d in range(SUM):
                scratch[d, h] = 1.0
        decayed = particles.codes[row_of_track[k], FATE] == DECAY
        measure_devices(card.devices, hits[k], theta, pt, p, decayed or row[HIT + 2] > 0.0, seen,
                        1 if decayed else seen, beta, levels, card.fake_ring, card.switch_resolution, rng, scratch)
        if cluster_energy[k] > 0.0:
            add_calorimeter(cluster_energy[k], p, masses, charged, card.calorimeter, scratch[CALORIMETER])
        if covered(theta, pt, klm.theta, klm.barrel_pt):
            add_muon_detector(muon_match[k] > 0, interpolate(p, klm.muon_p, klm.muon), klm.punch_through,
                              scratch[MUON_DETECTOR])
        for h in range(6):
            product = 1.0
            for d in range(SUM):
                product *= scratch[d, h]
                out[d, h, k] = scratch[d, h]
            out[SUM, h, k] = product


def identify(particles: Particles, row_of_track: Array, hits: Array, cluster_energy: Array, muon_match: Array,
             card: IdentificationNumbers, klm: MuonNumbers, charged: Array, masses: Array, table: Array,
             rng: np.random.Generator) -> tuple[Array, Array]:
    """Log-likelihoods of the tracks: their sum (6, n), and those of each subdetector (8, 6, n) in single precision.

    Parameters
    ----------
    particles
        Particles on their way through the detector.
    row_of_track : (n,)
        Row of the particle of each track.
    hits : (n, 3)
        Hits in PXD, SVD and CDC.
    cluster_energy, muon_match : (n,)
        Energy [GeV] and number of clusters matched in calorimeter and muon detector.
    charged : (7,)
        Deposits of charged particles in the calorimeter.
    masses : (6,)
        Masses of the hypotheses [GeV].
    table
        ln dE/dx of :func:`ionisation_table`.
    """
    tracks = len(row_of_track)
    total, parts = np.empty((6, tracks)), np.empty((SUM, 6, tracks), np.float32)
    scratch, held = np.empty((SUM + 3, 6)), np.empty((SUM + 1) * 6 * min(BLOCK, tracks))
    scratch[SUM + 2] = np.log(masses)
    for begin in range(0, tracks, BLOCK):
        own = slice(begin, min(begin + BLOCK, tracks))
        size = own.stop - begin
        out = held[:(SUM + 1) * 6 * size].reshape(SUM + 1, 6, size)
        multiply_likelihoods(particles, row_of_track[own], hits[own], cluster_energy[own], muon_match[own], card, klm,
                             charged, masses, table, rng, scratch, out)
        np.log(out, out=out)  # all at once: several logarithms in one instruction
        total[:, own], parts[:, :, own] = out[SUM], out[:SUM]
    return total, parts
