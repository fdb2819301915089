"""e+e- -> e+ e- and e+e- -> gamma gamma at large angles: what triggers and luminosity need.

Formula (massless; F. A. Berends, R. Kleiss, Nucl. Phys. B 228 (1983) 537; PDG 2024, review "Cross-section formulae"), c
the cosine of the outgoing electron, or of either photon, to the electron in the c.m. frame:

    dsigma / dOmega (ee) = alpha^2 / (4 s) (3 + c^2)^2 / (1 - c)^2,
    dsigma / dOmega (gamma gamma) = alpha^2 / s (1 + c^2) / (1 - c^2), half of the sphere for identical photons.

Approximation: tree level between ``theta_min`` and 180 degrees - ``theta_min`` (c.m.), with photons of the beams along
the way (:mod:`openbfactory.generate.collisions`, rate 1 / s); no radiation after the scattering (for e+ e- it is as
strong as that before it, and acollinear events are too few), no vacuum polarisation, no Z.
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import NB_GEV2, collide, masses_of_systems, particles_of, rate_table
from openbfactory.generate.columns import STABLE, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import radiation_data
from openbfactory.physics.decaytable import DecayTable

#: codes of the two particles, the one along c first
CODES = {"ee": (11, -11), "gg": (22, 22)}
#: points of the table of the angle, and lowest mass after radiation over sqrt(s)
POINTS, LOWEST = 20_001, 0.3
PARAMETERS = (Parameter("theta_min", 10.0, "smallest angle to the beams in the c.m. frame", "deg", 0.5, 80.0),)


def angular_density(process: str, cosine: Array) -> Array:
    """Dsigma / dcos times s / (2 pi alpha^2); for photons over half of the sphere counted twice."""
    if process == "ee":
        density: Array = 0.25 * (3.0 + cosine**2) ** 2 / (1.0 - cosine) ** 2
    else:
        density = 0.5 * (1.0 + cosine**2) / (1.0 - cosine**2)
    return density


def _angles(process: str, theta_min: float) -> tuple[Array, Array]:
    """Cosines and the cumulated density at them; points are dense where the density is."""
    edge = math.cos(math.radians(theta_min))
    t = np.linspace(-math.atanh(edge), math.atanh(edge), POINTS)
    cosine = np.tanh(t)
    slope = angular_density(process, cosine) * (1.0 - cosine**2)
    return cosine, np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(t))])


def cross_section(process: str, values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section between the angles, without radiation [nb], and 0."""
    alpha = radiation_data()["alpha"]
    total = _angles(process, float(values["theta_min"]))[1][-1]
    return float(NB_GEV2 * 2.0 * math.pi * alpha**2 / machine.sqrt_s**2 * total), 0.0


def two_body_events(process: str, events: int, address: Address, machine: Machine, table: DecayTable,
                    values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of e+e- -> e+ e- (``ee``) or gamma gamma (``gg``); nothing decays."""
    low = LOWEST * machine.sqrt_s
    grid = np.linspace(low, machine.sqrt_s + 0.1, 2001)
    made = collide(events, address.at("collision"), machine, rate_table(low, float(grid[-1]), grid, grid**-2.0))
    rng = address.at("angles").generator()
    cosine, cumulated = _angles(process, float(values["theta_min"]))
    c = np.interp(rng.random(events) * cumulated[-1], cumulated, cosine)
    phi, s = 2.0 * math.pi * rng.random(events), np.sqrt(1.0 - c * c)
    codes = CODES[process]
    m = float(table.mass[table.index_of_pdg[codes[0]]])
    e = 0.5 * masses_of_systems(made)
    p = np.sqrt(e * e - m * m)
    momenta = np.empty((events, 2, 4))
    momenta[:, :, 0] = e[:, None]
    for sign, row in ((1.0, 0), (-1.0, 1)):
        momenta[:, row, 1:] = sign * np.stack([p * s * np.cos(phi), p * s * np.sin(phi), p * c], axis=1)
    pdg, status = np.tile(np.array(codes, np.int32), (events, 1)), np.full((events, 2), STABLE, np.int32)
    return particles_of(made, pdg, status, in_laboratory(momenta, made, machine)), DecayCounts()
