"""e+e- -> e+ e- X by two photons: X = mu+ mu-, e+ e- or pi+ pi-, in the equivalent-photon approximation.

Formula: each beam carries photons with the share y of its energy and virtuality Q^2,

    dN = alpha / (2 pi) dy dQ^2 [ (1 + (1 - y)^2) / (y Q^2) - 2 m_e^2 y / Q^4 ],   Q^2 > m_e^2 y^2 / (1 - y)

(V. M. Budnev et al., Phys. Rept. 15 (1975) 181; S. Frixione et al., Phys. Lett. B 319 (1993) 339); with b the velocity
and c the cosine of the angle in the frame of the two photons of mass W,

    dsigma / dc (l+ l-) = 2 pi alpha^2 b / W^2 [1 + 2 b^2 (1 - b^2) (1 - c^2) - b^4 c^4] / (1 - b^2 c^2)^2

(G. Breit, J. A. Wheeler, Phys. Rev. 46 (1934) 1087), and for pions the Born term of scalar electrodynamics, times
(1 + W^2 / m_rho^2)^-2 so that it falls like the data,

    dsigma / dc (pi+ pi-) = pi alpha^2 b / W^2 [1 - 2 r + 2 r^2],   r = b^2 (1 - c^2) / (1 - b^2 c^2).

The outgoing electrons follow from y and Q^2 exactly.

Validity: what triggers need: rates and spectra of soft pairs, W above ``w_min``.
Approximation: virtualities up to W^2 (and for pions with the form factor 1 / (1 + Q^2 / m_rho^2) of each photon), the
cross section that of real photons; no correlation of the electrons' azimuths with the pair; no radiation; the other
diagrams of four leptons and the exchange of equal electrons are left out; no resonances (f_2(1270)), no other hadrons.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import ELECTRON_MASS, Machine
from openbfactory.generate.collisions import NB_GEV2, Rate, collide, masses_of_systems, particles_of
from openbfactory.generate.columns import STABLE, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import radiation_data
from openbfactory.kinematics.fourvector import boost_from_rest
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species

#: code of the pair, and whether it is of scalars
PAIRS: Final = {"eemumu": (13, False), "eeee": (11, False), "eepipi": (-211, True)}
PARAMETERS: Final = (Parameter("w_min", 0.5, "smallest mass of the pair", "GeV", 0.3, 9.0),)
#: proposals of the integration, and safety of the largest weight
POINTS: Final = 200_000
SAFETY: Final = 1.3


class Process(NamedTuple):
    """Constants of a process: masses of beam and pair, least W, mass of the rho [GeV], fine-structure constant."""

    electron: float
    mass: float
    scalar: bool
    w_min: float
    rho: float
    alpha: float


def process_of(name: str, values: Values) -> Process:
    """Constants of a sample."""
    code, scalar = PAIRS[name]
    mass = {13: species("mu-").mass, 11: ELECTRON_MASS, -211: species("pi-").mass}[code]
    return Process(ELECTRON_MASS, mass, scalar, float(values["w_min"]), species("rho0").mass,
                   radiation_data()["alpha"])


@njit(cache=True)
def pair_density(c: float, w: float, p: Process) -> float:
    """Dsigma / dc of real photons [1/GeV^2]."""
    square = 1.0 - 4.0 * p.mass * p.mass / (w * w)
    if square <= 0.0:
        return 0.0
    b2, s2 = square, 1.0 - c * c
    d = 1.0 - b2 * c * c
    common = math.pi * p.alpha * p.alpha * math.sqrt(square) / (w * w)
    if p.scalar:
        ratio = b2 * s2 / d
        return common * (1.0 - 2.0 * ratio + 2.0 * ratio * ratio) / (1.0 + (w / p.rho) ** 2) ** 2
    return 2.0 * common * (1.0 + 2.0 * b2 * (1.0 - b2) * s2 - b2 * b2 * c**4) / (d * d)


@njit(cache=True)
def _photon(rng: np.random.Generator, y: float, energy: float, highest: float, p: Process, out: Array,
            side: float) -> float:
    """Fill the outgoing electron; the density of photons in y, integrated over ln(Q^2), for the drawn Q^2."""
    e, m2 = energy * (1.0 - y), p.electron * p.electron
    if e <= p.electron:
        return 0.0
    before, after = math.sqrt(energy * energy - m2), math.sqrt(e * e - m2)
    # Q^2 = 2 (E E' - m^2 - p p' cos): at cos = 1 without the difference of large numbers
    lowest = 2.0 * m2 * (y * energy) ** 2 / (energy * e - m2 + before * after)
    if highest <= lowest:
        return 0.0
    width = math.log(highest / lowest)
    q2 = lowest * math.exp(width * rng.random())
    versine = (q2 - lowest) / (2.0 * before * after)
    if versine > 2.0:
        return 0.0
    sine, phi = math.sqrt(versine * (2.0 - versine)), 2.0 * math.pi * rng.random()
    out[0], out[1], out[2] = e, after * sine * math.cos(phi), after * sine * math.sin(phi)
    out[3] = side * after * (1.0 - versine)
    value = p.alpha / (2.0 * math.pi) * width * ((1.0 + (1.0 - y) ** 2) / y - 2.0 * m2 * y / q2)
    return value / (1.0 + q2 / (p.rho * p.rho)) ** 2 if p.scalar else value


@njit(cache=True)
def propose(rng: np.random.Generator, total: float, p: Process, out: Array) -> float:
    """Fill e-, e+ and the pair (4, 4) in the c.m. frame; the weight, whose mean is the cross section [1/GeV^2]."""
    s = total * total
    # tau = y1 y2 from 1 / tau^2, y1 from 1 / y1
    low = p.w_min * p.w_min / s
    top = (1.0 - 2.0 * p.electron / total) ** 2
    tau = 1.0 / (1.0 / low - rng.random() * (1.0 / low - 1.0 / top))
    edge = math.sqrt(top)
    y1 = tau / edge * math.exp(math.log(edge * edge / tau) * rng.random())
    y2 = tau / y1
    jacobian = tau * tau * (1.0 / low - 1.0 / top) * math.log(edge * edge / tau)  # of dtau dy1 / y1
    one = _photon(rng, y1, 0.5 * total, tau * s, p, out[0], 1.0)
    two = _photon(rng, y2, 0.5 * total, tau * s, p, out[1], -1.0)
    if one <= 0.0 or two <= 0.0:
        return 0.0
    e, x = total - out[0, 0] - out[1, 0], -out[0, 1] - out[1, 1]
    y, z = -out[0, 2] - out[1, 2], -out[0, 3] - out[1, 3]
    square = e * e - x * x - y * y - z * z
    if square <= max(p.w_min, 2.0 * p.mass) ** 2:
        return 0.0
    w = math.sqrt(square)
    # the angle from 1 / (1 - b^2 c^2)
    b = math.sqrt(1.0 - 4.0 * p.mass * p.mass / square)
    reach = math.log((1.0 + b) * 0.5 * w / p.mass)  # artanh(b)
    slope = math.tanh(reach * (2.0 * rng.random() - 1.0))
    c = slope / b
    flat = 2.0 * reach / b * (1.0 - slope * slope)
    momentum, phi = 0.5 * w * b, 2.0 * math.pi * rng.random()
    sine = math.sqrt(max(1.0 - c * c, 0.0))
    px, py, pz = momentum * sine * math.cos(phi), momentum * sine * math.sin(phi), momentum * c
    for k in range(2):
        sign = 1.0 - 2.0 * k
        out[2 + k, 0], out[2 + k, 1], out[2 + k, 2], out[2 + k, 3] = boost_from_rest(
            0.5 * w, sign * px, sign * py, sign * pz, e, x, y, z, w)
    return jacobian * one * two * flat * pair_density(c, w, p)


@njit(cache=True)
def _scan(rng: np.random.Generator, total: float, points: int, p: Process) -> tuple[float, float, Array]:
    """Mean, standard deviation of the mean, and the ten largest weights."""
    out, values = np.empty((4, 4)), np.empty(points)
    for i in range(points):
        values[i] = propose(rng, total, p, out)
    values.sort()
    return values.mean(), values.std() / math.sqrt(points), values[-10:].copy()


@lru_cache(maxsize=16)
def _integral(p: Process, total: float) -> tuple[float, float, float]:
    """Cross section and its standard deviation [nb], and the bound of the weights."""
    mean, error, largest = _scan(Address(1, f"two photons {p}", 0, "cross section").generator(), total, POINTS, p)
    return NB_GEV2 * mean, NB_GEV2 * error, SAFETY * float(largest[-1])


def cross_section(name: str, values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section of a sample, and its standard deviation from integration [nb]."""
    return _integral(process_of(name, values), round(machine.sqrt_s, 6))[:2]


@njit(cache=True)
def _draw(rng: np.random.Generator, totals: Array, p: Process, bound: float, out: Array) -> int:
    """Fill momenta (n, 4, 4) in the c.m. frames; the number of weights above the bound."""
    excess = 0
    for i in range(len(totals)):
        while True:
            value = propose(rng, totals[i], p, out[i])
            excess += value > bound
            if value > 0.0 and rng.random() * bound <= value:
                break
    return excess


def two_photon_events(name: str, events: int, address: Address, machine: Machine, table: DecayTable,
                      values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of e-, e+ and the pair; nothing decays; the record counts weights above their bound."""
    p = process_of(name, values)
    bound = _integral(p, round(machine.sqrt_s, 6))[2]
    # spread alone: the rate of soft pairs hardly depends on the energy, and no photons leave the beams
    flat = Rate(p.w_min + 4.0 * p.mass, 1.0, np.ones(2))
    made = collide(events, address.at("collision"), machine, flat, photons=False)
    momenta = np.empty((events, 4, 4))
    excess = _draw(address.at("matrix element").generator(), masses_of_systems(made), p, bound, momenta)
    code = PAIRS[name][0]
    pdg = np.tile(np.array([11, -11, code, -code], np.int32), (events, 1))
    status = np.full((events, 4), STABLE, np.int32)
    return particles_of(made, pdg, status, in_laboratory(momenta, made, machine)), DecayCounts(excess=excess)
