"""e+e- -> mu+ mu- X with a dark vector, scalar or axion-like particle X: events and cross section.

Method: the mass after initial-state radiation follows the cross section (:mod:`openbfactory.generate.collisions`);
muons and X follow the tree-level matrix element (:mod:`openbfactory.generate.muonx`), unweighted by acceptance and
rejection; the decay engine decays X.  The cross section is the mean of the same weights, linear in the square of the
coupling.

Widths: Z' of L_mu - L_tau, Gamma(ll) = g^2 M / (12 pi) (1 + 2 r) sqrt(1 - 4 r), r = m^2 / M^2, and g^2 M / (24 pi) for
each of nu_mu, nu_tau (X.-G. He et al., Phys. Rev. D 44 (1991) 2118); scalar and pseudoscalar with a coupling
g m_l / m_mu to each lepton, Gamma(ll) = g_l^2 M / (8 pi) (1 - 4 r)^(3/2 or 1/2).

Approximation: tree level with the soft and collinear photons of the muons, no emission of X from the electrons; a broad
X has a Breit-Wigner mass with constant width; a vector decays unpolarised (its daughters are correlated with each other
as VLL has it, not with the muons); loops (X -> gamma gamma) are left out.  "invisible" is a pair of neutrinos.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ConfigError
from openbfactory.core.random import Address
from openbfactory.events.record import Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import (
    NB_GEV2,
    Rate,
    collide,
    masses_of_systems,
    particles_of,
    rate_table,
    relative_rate,
)
from openbfactory.generate.columns import STABLE, TO_DECAY, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.finalradiation import with_final_photons
from openbfactory.generate.lineshape import breit_wigner
from openbfactory.generate.muonx import PSEUDOSCALAR, SCALAR, VECTOR, Scratch, propose, scratch, squared
from openbfactory.generate.parameters import Parameter, Values
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import radiation_data
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import species, species_file

#: kind of X and its name in decay files
KINDS = {"zprime": (VECTOR, "dark_Z"), "scalar": (SCALAR, "dark_S"), "alp": (PSEUDOSCALAR, "dark_S")}
#: daughters of each decay, and the lepton whose coupling it has
DECAYS = {"ee": ("e+ e-", "e-"), "mumu": ("mu+ mu-", "mu-"), "tautau": ("tau+ tau-", "tau-")}
#: proposals at each energy of the tables, energies, and the safety of the largest weight
POINTS, ENERGIES, SAFETY = 20_000, 12, 1.2


def parameters(decays: tuple[str, ...]) -> tuple[Parameter, ...]:
    """Parameters of a sample with X."""
    return (Parameter("mass", 1.0, "mass of X", "GeV", 0.003, 10.0),
            Parameter("coupling", 0.01, "coupling of X to muons", "1", 1e-12, 4.0),
            Parameter("width", 0.0, "width of X, 0 for that of its couplings", "GeV", 0.0, 2.0),
            Parameter("decay", "model", "what X decays to", choices=("model", *decays)))


def partial_widths(model: str, mass: float, coupling: float) -> dict[str, float]:
    """Width [GeV] of each decay of X that is open.

    Parameters
    ----------
    model
        ``zprime``, ``scalar`` or ``alp``.
    mass, coupling
        Mass [GeV] and coupling to muons.
    """
    widths = {}
    for name, (_, lepton) in DECAYS.items():
        m = species(lepton).mass
        r = (m / mass) ** 2
        if r >= 0.25 or (model == "zprime" and name == "ee"):
            continue
        if model == "zprime":
            widths[name] = coupling**2 * mass / (12.0 * math.pi) * (1.0 + 2.0 * r) * math.sqrt(1.0 - 4.0 * r)
        else:
            own = coupling * m / species("mu-").mass
            widths[name] = own**2 * mass / (8.0 * math.pi) * (1.0 - 4.0 * r) ** (1.5 if model == "scalar" else 0.5)
    if model == "zprime":
        widths["invisible"] = 2.0 * coupling**2 * mass / (24.0 * math.pi)
    return widths


def decay_text(model: str, values: Values) -> str:
    """Text of a decay file with the mass, the width and the decays of X.

    Raises
    ------
    ConfigError
        For a decay that is closed at this mass.
    """
    mass, coupling, chosen = float(values["mass"]), float(values["coupling"]), str(values["decay"])
    widths, name = partial_widths(model, mass, coupling), KINDS[model][1]
    width = float(values["width"]) or sum(widths.values())
    if chosen == "invisible":
        shares = {chosen: 1.0}
    elif chosen == "model":
        shares = {k: w / sum(widths.values()) for k, w in widths.items()}
    else:
        if mass <= 2.0 * species(DECAYS[chosen][1]).mass:
            findings = Findings(f"parameters of X in the model '{model}'")
            findings.error("closed", "decay", f"X of {mass:g} GeV cannot decay to {chosen}", expected="a larger mass")
            raise ConfigError(findings)
        shares = {chosen: 1.0}
    lines = [channel for key, share in shares.items() for channel in _channels(model, key, share)]
    return "\n".join(["", f"Particle {name} {mass!r} {width!r}", f"Decay {name}", *lines, "Enddecay", ""])


def _channels(model: str, decay: str, share: float) -> list[str]:
    """Lines of a decay of X; opposite helicity amplitudes have the parity of a scalar, or of a pseudoscalar."""
    if decay == "invisible":
        kind = "VLL" if model == "zprime" else "PHSP"
        return [f"{0.5 * share!r} nu_{k} anti-nu_{k} {kind};" for k in ("mu", "tau")]
    daughters = DECAYS[decay][0]
    if model == "zprime":
        return [f"{share!r} {daughters} VLL;"]
    return [f"{share!r} {daughters} HELAMP 1.0 0.0 1.0 {0.0 if model == 'scalar' else math.pi!r};"]


class X(NamedTuple):
    """X for the kernels: kind, pole mass, width (0: sharp) and window of the mass, mass of the muon [GeV]."""

    kind: int
    mass: float
    width: float
    low: float
    high: float
    muon: float


class Tables(NamedTuple):
    """Cross section with coupling one at some energies, its standard deviation [nb], and the largest weights."""

    energies: Array
    values: Array
    errors: Array
    largest: Array


def _x(model: str, mass: float, width: float, low: float, high: float) -> X:
    """X with a sharp mass where the width is below that of line shapes."""
    sharp = width <= species_file().limits.narrow_width
    return X(KINDS[model][0], mass, 0.0 if sharp else width, mass if sharp else low, mass if sharp else high,
             species("mu-").mass)


@njit(cache=True)
def _weight(rng: np.random.Generator, total: float, x: X, out: Array, w: Scratch) -> float:
    """Weight of a proposed event in the c.m. frame; its mean is the cross section times s^2 over a constant."""
    mass, share = x.mass, 1.0
    if x.width > 0.0:
        high = min(x.high, total - 2.0 * x.muon)
        if high <= x.low:
            return 0.0
        whole = math.atan((x.high**2 - mass**2) / (mass * x.width)) - math.atan((x.low**2 - mass**2) / (mass * x.width))
        part = math.atan((high**2 - mass**2) / (mass * x.width)) - math.atan((x.low**2 - mass**2) / (mass * x.width))
        share = part / whole
        mass = breit_wigner(rng, mass, x.width, x.low, high)
    volume = propose(rng, total, x.muon, mass, out)
    return share * volume * squared(out[0], out[1], out[2], x.muon, mass, x.kind, w) if volume > 0.0 else 0.0


@njit(cache=True)
def _scan(rng: np.random.Generator, energies: Array, points: int, x: X, w: Scratch) -> tuple[Array, Array, Array]:
    """Mean, standard deviation of the mean, and largest weight at each energy."""
    mean, error, largest = np.zeros(len(energies)), np.zeros(len(energies)), np.zeros(len(energies))
    out = np.empty((3, 4))
    for i in range(len(energies)):
        square = 0.0
        for _ in range(points):
            value = _weight(rng, energies[i], x, out, w)
            mean[i] += value
            square += value * value
            largest[i] = max(largest[i], value)
        mean[i] /= points
        error[i] = math.sqrt(max(square / points - mean[i] * mean[i], 0.0) / points)
    return mean, error, largest


@lru_cache(maxsize=16)
def tables(x: X, top: float) -> Tables:
    """Cross section with coupling one between the threshold and ``top`` [GeV]."""
    threshold = 2.0 * x.muon + x.low
    energies = threshold + (top - threshold) * (np.arange(1, ENERGIES + 1) / ENERGIES) ** 1.5
    rng = Address(1, f"mu mu X {x}", 0, "cross section").generator()
    mean, error, largest = _scan(rng, energies, POINTS, x, scratch())
    # <|M|^2> / (2 s) with e^4 = (4 pi alpha)^2
    factor = NB_GEV2 * (4.0 * math.pi * radiation_data()["alpha"]) ** 2 / (4.0 * energies**4)
    return Tables(energies, factor * mean, factor * error, SAFETY * largest)


def _top(machine: Machine) -> float:
    """Highest energy of the tables [GeV]."""
    return machine.sqrt_s + 0.1


def cross_section(model: str, values: Values, machine: Machine) -> tuple[float, float]:
    """Cross section of e+e- -> mu+ mu- X without radiation, and its standard deviation from integration [nb].

    All decays of X are counted; it is proportional to the square of the coupling.
    """
    mass, coupling = float(values["mass"]), float(values["coupling"])
    width = float(values["width"]) or sum(partial_widths(model, mass, coupling).values())
    window = species_file().limits.window * width
    x = _x(model, mass, width, max(mass - window, 0.003), mass + window)
    if machine.sqrt_s <= 2.0 * x.muon + x.low:
        return 0.0, 0.0
    found = tables(x, machine.sqrt_s)
    return coupling**2 * float(found.values[-1]), coupling**2 * float(found.errors[-1])


@njit(cache=True)
def _draw(rng: np.random.Generator, totals: Array, x: X, ceiling: Rate, largest: float, w: Scratch,
          out: Array) -> int:
    """Fill momenta (n, 3, 4) of mu-, mu+, X in the c.m. frames; the number of weights above their bound."""
    excess = 0
    for i in range(len(totals)):
        bound = largest * relative_rate(totals[i], ceiling)
        while True:
            value = _weight(rng, totals[i], x, out[i], w)
            excess += value > bound
            if value > 0.0 and rng.random() * bound <= value:
                break
    return excess


def muon_pair_events(model: str, events: int, address: Address, machine: Machine, table: DecayTable,
                     values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of e+e- -> mu+ mu- X before the decay of X, and the record with weights above their bound.

    Parameters
    ----------
    model
        ``zprime``, ``scalar`` or ``alp``.
    events, address, machine, table
        As in :func:`openbfactory.generate.samples.generate_events`; mass, width and window of X are those of the table.
    values
        Parameters of the sample.

    Raises
    ------
    GenerationError
        When the beams cannot make X and two muons.
    """
    s = table.index[KINDS[model][1]]
    x = _x(model, float(table.mass[s]), float(table.width[s]), max(float(table.mass_low[s]), 0.003),
           float(table.mass_high[s]))
    low = 2.0 * x.muon + x.low
    found = tables(x, max(_top(machine), low + 0.1))
    rate = rate_table(low, float(found.energies[-1]), np.concatenate([[low], found.energies]),
                      np.concatenate([[0.0], found.values]))
    made = collide(events, address.at("collision"), machine, rate)
    # above the threshold the bound is that of the next energy of the table: weights grow with phase space
    ceiling = rate_table(low, float(found.energies[-1]), np.concatenate([[low], found.energies]),
                         np.concatenate([found.largest[:1], found.largest]))
    momenta = np.empty((events, 3, 4))
    excess = _draw(address.at("matrix element").generator(), masses_of_systems(made), x, ceiling,
                   float(found.largest.max()), scratch(), momenta)
    found_codes = (13, -13, int(table.pdg[s]))
    made = with_final_photons(made, momenta, found_codes, address.at("final photons"), machine, table)
    codes = np.tile(np.array(found_codes, np.int32), (events, 1))
    status = np.tile(np.array([STABLE, STABLE, TO_DECAY], np.int32), (events, 1))
    return particles_of(made, codes, status, in_laboratory(momenta, made, machine)), DecayCounts(excess=excess)
