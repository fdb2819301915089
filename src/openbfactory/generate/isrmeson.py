"""e+e- -> gamma V, V a narrow vector meson (phi, omega, J/psi, psi(2S)) made by the radiative return.

Formula: with x = 1 - M^2 / s and L = ln(s / m_e^2), the cross section for a photon at any angle is

    sigma = 12 pi^2 Gamma_ee / (M s) W,   W = 2 alpha / (pi x) (L - 1) (1 - x + x^2 / 2),

and between angles with |cos| < C: W = 2 alpha / (pi x) [(1 - x + x^2 / 2) ln((1 + C) / (1 - C)) - x^2 C / 2]
(M. Benayoun et al., Mod. Phys. Lett. A 14 (1999) 2605; G. Bonneau, F. Martin, Nucl. Phys. B 27 (1971) 381, for the
angle with the mass of the electron).

Method: one hard photon; V decays in its rest frame with helicities +1 and -1 along its flight in equal shares, and
everything that came of it is boosted, vertices too.  Longitudinal V is of the order M^2 / s.

Approximation: no further photons of the beams (the spread of the energy is there); no continuum below V and no
interference; the mass follows the line shape with the cross section of the peak; longitudinal V left out.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numba import njit

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.core.random import Address
from openbfactory.core.units import speed_of_light
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import ELECTRON_MASS, Machine
from openbfactory.generate.collisions import NB_GEV2, Collisions, Rate, collide, masses_of_systems, particles_of
from openbfactory.generate.columns import STABLE, TO_DECAY, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.engine import decay_events
from openbfactory.generate.lineshape import breit_wigner
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import radiation_data
from openbfactory.kinematics.fourvector import boost_from_rest, unboost
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species

#: mesons and the names of their electronic widths
MESONS = {"phi": "phi_ee", "omega": "omega_ee", "J/psi": "jpsi_ee", "psi(2S)": "psi2s_ee"}
PARAMETERS = (Parameter("meson", "phi", "the vector meson", choices=tuple(MESONS)),
              Parameter("theta_min", 0.0, "smallest angle of the photon to the beams (c.m.)", "deg", 0.0, 80.0))
#: helicities +1 and -1 in equal shares
_TRANSVERSE = np.diag([0.5, 0.0, 0.5])


@cache
def meson_data() -> QuantityTable:
    """Electronic widths of ``data/mesons.yaml``."""
    with as_file(files("openbfactory.generate") / "data" / "mesons.yaml") as path:
        return load_quantities(path)


def radiator(x: float, s: float, theta_min: float) -> float:
    """W, the probability density of one photon that takes the share x of s, at angles above ``theta_min`` [deg]."""
    common, hard = 2.0 * radiation_data()["alpha"] / (math.pi * x), 1.0 - x + 0.5 * x * x
    if theta_min <= 0.0:
        return common * (math.log(s / ELECTRON_MASS**2) - 1.0) * hard
    edge = math.cos(math.radians(theta_min))
    return common * (hard * math.log((1.0 + edge) / (1.0 - edge)) - 0.5 * x * x * edge)


def cross_section(values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section of e+e- -> gamma V, all decays of V [nb], and 0."""
    meson, s = str(values["meson"]), machine.sqrt_s**2
    m = species(meson).mass
    peak = 12.0 * math.pi**2 * meson_data()[MESONS[meson]] / (m * s)
    return NB_GEV2 * peak * radiator(1.0 - m * m / s, s, float(values["theta_min"])), 0.0


@njit(cache=True)
def _photons(rng: np.random.Generator, totals: Array, low: float, high: float, pole: float, width: float,
             electron: float, edge: float, out: Array) -> None:
    """Fill momenta (n, 2, 4) of the photon and V in the c.m. frames, z along the electron."""
    for i in range(len(totals)):
        mass = breit_wigner(rng, pole, width, low, high) if width > 0.0 else pole
        total = totals[i]
        x = 1.0 - (mass / total) ** 2
        gamma = 0.5 * total / electron
        beta = math.sqrt(1.0 - 1.0 / (gamma * gamma))
        reach = math.log((1.0 + beta) * gamma) if edge >= 1.0 else math.atanh(beta * edge)
        while True:
            slope = math.tanh(reach * (2.0 * rng.random() - 1.0))
            cosine, left = slope / beta, 1.0 - slope * slope
            sine2 = max(1.0 - cosine * cosine, 0.0)
            if rng.random() < (1.0 - x) * beta * beta * sine2 / left + 0.5 * x * x * (1.0 - 0.5 * left):
                break
        energy, phi = 0.5 * total * x, 2.0 * math.pi * rng.random()
        a, b, c = (energy * math.sqrt(sine2) * math.cos(phi), energy * math.sqrt(sine2) * math.sin(phi),
                   energy * cosine)
        out[i, 0, 0], out[i, 0, 1], out[i, 0, 2], out[i, 0, 3] = energy, a, b, c
        out[i, 1, 0], out[i, 1, 1], out[i, 1, 2], out[i, 1, 3] = total - energy, -a, -b, -c


@njit(cache=True)
def _carried(offsets: Array, p: Array, place: Array, systems: Array, frames: Array, light: float) -> None:
    """Boost momenta and displacements (rows E, px, py, pz and t, x, y, z) of decays at rest; in place.

    The z axis of the decays becomes the direction ``frames`` (n, 3) in the rest frame of each meson.
    """
    for i in range(len(offsets) - 1):
        a, b, c = frames[i, 0], frames[i, 1], frames[i, 2]
        f = 1.0 / math.sqrt(1.0 - b * b) if abs(b) < 0.9 else 0.0
        if f > 0.0:
            ux, uy, uz = -a * b * f, (1.0 - b * b) * f, -b * c * f
        else:
            f = 1.0 / math.sqrt(1.0 - a * a)
            ux, uy, uz = (1.0 - a * a) * f, -a * b * f, -a * c * f
        vx, vy, vz = b * uz - c * uy, c * ux - a * uz, a * uy - b * ux
        e0, x0, y0, z0 = systems[i, 0], systems[i, 1], systems[i, 2], systems[i, 3]
        mass = math.sqrt(e0 * e0 - x0 * x0 - y0 * y0 - z0 * z0)
        for j in range(offsets[i], offsets[i + 1]):
            for rows, scale in ((p, 1.0), (place, light)):
                r = rows[j]
                t, x, y, z = r[0] * scale, r[1], r[2], r[3]
                t, r[1], r[2], r[3] = boost_from_rest(t, x * ux + y * vx + z * a, x * uy + y * vy + z * b,
                                                      x * uz + y * vz + z * c, e0, x0, y0, z0, mass)
                r[0] = t / scale


def radiative_return(events: int, address: Address, machine: Machine, table: DecayTable,
                     values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of e+e- -> gamma V with V decayed, and the record of its decays."""
    s = table.index[str(values["meson"])]
    width, edge = float(table.width[s]), math.cos(math.radians(float(values["theta_min"])))
    low, high = float(table.mass_low[s]), float(table.mass_high[s])
    made = collide(events, address.at("collision"), machine, Rate(high, 1.0, np.ones(2)), photons=False)
    momenta = np.empty((events, 2, 4))
    _photons(address.at("photon").generator(), masses_of_systems(made), low, high, float(table.mass[s]),
             width if high > low else 0.0, ELECTRON_MASS, edge, momenta)
    placed = in_laboratory(momenta, made, machine)
    code = int(table.pdg[s])
    meson = np.sqrt(np.maximum(momenta[:, 1, 0] ** 2 - np.sum(momenta[:, 1, 1:] ** 2, axis=1), 0.0))
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.required}
    columns["PDG"][:], columns["mother"][:], columns["status"][:], columns["E"][:] = code, -1, TO_DECAY, meson
    at_rest = Jagged(np.arange(events + 1, dtype=np.int64), columns)
    decayed, counts = decay_events(at_rest, table, address.at("meson"), density=_TRANSVERSE)
    pdg = np.tile(np.array([22, code], np.int32), (events, 1))
    whole = particles_of(made, pdg, np.full((events, 2), STABLE, np.int32), placed)
    return _joined(whole, decayed, placed[:, 1], made), counts


def _joined(whole: Jagged, decayed: Jagged, systems: Array, made: Collisions) -> Jagged:
    """Events of photon and meson, with the meson replaced by what it became, carried to the laboratory."""
    p = np.stack([decayed[k] for k in ("E", "px", "py", "pz")], axis=1)
    place = np.stack([decayed[k] for k in ("t", "x", "y", "z")], axis=1)
    # the collision as the meson sees it moves against the flight of the meson
    seen = unboost(tuple(made.system.T), tuple(systems.T))
    frames = -np.stack(seen[1:], axis=1)
    frames /= np.linalg.norm(frames, axis=1)[:, None]
    _carried(decayed.offsets, p, place, systems, frames, speed_of_light)
    place += np.repeat(made.vertex, decayed.counts, axis=0)
    # the meson is record 2 of each event, and the first of its decays; its descendants follow behind
    more = decayed.counts - 1
    offsets = np.concatenate([[0], np.cumsum(whole.counts + more)]).astype(np.int64)
    kept = np.arange(whole.size) + np.repeat(offsets[:-1] - whole.offsets[:-1], whole.counts)
    local = np.arange(decayed.size) - np.repeat(decayed.offsets[:-1], decayed.counts)
    behind = np.repeat(whole.counts, decayed.counts) - 1
    index = np.where(local == 0, 2, local + behind)
    target = np.repeat(offsets[:-1], decayed.counts) + index
    columns = {}
    for c in MC_PARTICLES.required:
        columns[c.name] = c.empty(int(offsets[-1]))
        columns[c.name][kept] = whole[c.name]
    for i, (momentum, position) in enumerate(zip(("E", "px", "py", "pz"), ("t", "x", "y", "z"), strict=True)):
        columns[momentum][target], columns[position][target] = p[:, i], place[:, i]
    columns["PDG"][target], columns["status"][target] = decayed["PDG"], decayed["status"]
    mother = decayed["mother"]
    columns["mother"][target] = np.where(local == 0, 0, np.where(mother == 0, 2, mother + behind))
    return Jagged(offsets, columns)
