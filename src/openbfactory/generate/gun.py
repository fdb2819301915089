"""Particles of chosen species, momenta, angles and origins, without a collision: what curves of a detector are made of.

Method: momenta and angles are drawn independently, uniform in what is asked for; the k-th particle of a sample has the
k-th species of the list, over and over.  Species that do not leave generation undecayed (pi0, K_S, B ...) are decayed
by the decay engine.

Approximation: particles of one event are independent; unstable ones have the pole mass; no polarisation.
"""

from __future__ import annotations

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ConfigError, GenerationError
from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment.machine import Machine
from openbfactory.generate.columns import STABLE, TO_DECAY, Array
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.engine import decay_events
from openbfactory.generate.laboratory import flag_displaced, stable_codes
from openbfactory.generate.parameters import Parameter, Values, particles_of, range_of, settled
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import conjugate_name, species, species_of

#: parameters of the sample ``gun``
GUN = (
    Parameter("particles", "pi+", "species, one after the other: names or PDG codes with commas", kind="particles"),
    Parameter("momentum", "0.1,4", "momentum (or what spectrum says)", "GeV", 1e-4, 100.0, kind="range"),
    Parameter("theta", "17,150", "polar angle of the momentum", "deg", 0.0, 180.0, kind="range"),
    Parameter("radius", "0", "distance of the origin from the z axis", "cm", 0.0, 1000.0, kind="range"),
    Parameter("opening", 0.0, "largest azimuth between momentum and origin, uniform to both sides", "deg", 0.0, 180.0),
    Parameter("z", "0", "z of the origin", "cm", -1000.0, 1000.0, kind="range"),
    Parameter("time", "0", "time of the origin", "ns", -1e5, 1e5, kind="range"),
    Parameter("per_event", 1.0, "particles an event", "1", 1.0, 10_000.0, kind="integer"),
    Parameter("charges", "given", "the species as given, or either of it and its antiparticle",
              choices=("given", "both")),
    Parameter("spectrum", "p", "what is uniform: p, pt (then momentum is pt) or the logarithm of p",
              choices=("p", "pt", "logp")),
    Parameter("angle", "costheta", "what is uniform: costheta or theta", choices=("costheta", "theta")),
)


def particle_gun(particles: int | str | tuple[int | str, ...] | list[int | str], events: int, address: Address, *,
                 momentum: tuple[float, float] = (0.1, 4.0), theta: tuple[float, float] = (17.0, 150.0),
                 radius: tuple[float, float] = (0.0, 0.0), opening: float = 0.0, z: tuple[float, float] = (0.0, 0.0),
                 time: tuple[float, float] = (0.0, 0.0), per_event: int = 1, charges: str = "given",
                 spectrum: str = "p", angle: str = "costheta", first: int = 0) -> Events:
    """Events with MCParticles (laboratory) of a particle gun; record 0 is the first particle, with mother -1.

    Parameters
    ----------
    particles
        Species by name (``pi+``, ``K_L0``, ``gamma`` ...) or PDG code; particle k of all has entry k of the list,
        over and over: with ``per_event`` as long as the list, every event has one of each.
    events
        Number of events.
    address
        Where random numbers are drawn.
    momentum
        Lowest and highest momentum [GeV].
    theta
        Lowest and highest polar angle [deg].
    radius, z, time
        Limits of the origin: distance from the z axis [cm], z [cm], time [ns]; uniform.
    opening
        The azimuth of the origin is that of the momentum plus or minus up to this angle [deg]; 180: independent.
    per_event
        Particles an event.
    charges
        ``given`` or ``both``: with the latter half of them are antiparticles.
    spectrum
        What is uniform between the limits of ``momentum``: ``p``, ``pt`` (of which these are the limits), ``logp``.
    angle
        What is uniform: ``costheta`` or ``theta``.
    first
        Number of the first event.

    Raises
    ------
    ConfigError
        With everything that is wrong, and the nearest names.
    GenerationError
        When the number of events is negative.
    """
    names = [particles] if isinstance(particles, int | str) else particles
    given: dict[str, float | str] = {k: f"{float(lo)!r},{float(hi)!r}" for k, (lo, hi) in (
        ("momentum", momentum), ("theta", theta), ("radius", radius), ("z", z), ("time", time))}
    given |= {"particles": ",".join(map(str, names)), "opening": opening, "per_event": per_event, "charges": charges,
              "spectrum": spectrum, "angle": angle}
    values = settled("gun", GUN, given)
    if events < 0:
        message = f"cannot make {events} events"
        raise GenerationError(message)
    made = _primaries(events, address, values)
    if np.any(made["status"] == TO_DECAY):
        made, _ = decay_events(made, load_decay_table(), address)
        flag_displaced(made)
    return Events.of_process("gun", events, first=first, MCParticles=made)


def gun_primaries(events: int, address: Address, machine: Machine, table: DecayTable,
                  values: Values) -> tuple[Jagged, DecayCounts]:
    """MCParticles of the sample ``gun``, before decays; neither the machine nor the table is used."""
    return _primaries(events, address, values), DecayCounts()


def _primaries(events: int, address: Address, values: Values) -> Jagged:
    """MCParticles of settled values; status 0 what is to decay.

    Raises
    ------
    ConfigError
        For a transverse momentum along the z axis.
    """
    _check_transverse(values)
    per_event, rng = int(float(values["per_event"])), address.at(f"{address.stage}/gun").generator()
    n = events * per_event
    pdg = _codes(n, values, rng)
    kind, inverse = np.unique(pdg, return_inverse=True)
    mass = np.array([species_of(code).mass for code in kind.tolist()])[inverse]
    polar, p = _polar(n, values, rng), _momentum(n, values, rng)
    if values["spectrum"] == "pt":
        p = p / np.sin(polar)
    phi = rng.uniform(-np.pi, np.pi, n)
    azimuth = phi + np.radians(float(values["opening"])) * rng.uniform(-1.0, 1.0, n)
    rho, z, t = (_uniform(rng, values[k], n) for k in ("radius", "z", "time"))
    columns = {
        "PDG": pdg, "px": p * np.sin(polar) * np.cos(phi), "py": p * np.sin(polar) * np.sin(phi),
        "pz": p * np.cos(polar), "E": np.hypot(p, mass), "x": rho * np.cos(azimuth), "y": rho * np.sin(azimuth), "z": z,
        "t": t, "mother": np.full(n, -1, np.int32),
        "status": np.where(np.isin(pdg, stable_codes()), STABLE, TO_DECAY).astype(np.int32)}
    offsets = np.arange(0, n + 1, per_event, dtype=np.int64)
    return Jagged(offsets, {c.name: columns[c.name] for c in MC_PARTICLES.required})


def _check_transverse(values: Values) -> None:
    """Raise where a transverse momentum has no polar angle that it can have."""
    low, high = range_of(values["theta"])
    findings = Findings("parameters of the sample 'gun'")
    if values["spectrum"] == "pt" and not 0.1 <= low <= high <= 179.9:
        findings.error("parameter", "theta", f"found '{values['theta']}' with spectrum=pt", expected="0.1 to 179.9 deg")
    findings.raise_if_errors(ConfigError)


def _codes(n: int, values: Values, rng: np.random.Generator) -> Array:
    """PDG codes (n,) in turn, of either charge where asked for."""
    given = particles_of(values["particles"], "particles", Findings("gun"))
    pair = np.array([(code, _conjugate(code)) for code in given], np.int32)
    side = rng.integers(0, 2, n) if values["charges"] == "both" else np.zeros(n, np.int64)
    codes: Array = pair[np.arange(n) % len(pair), side]
    return codes


def _conjugate(code: int) -> int:
    """PDG code of the antiparticle, the code itself where there is none."""
    return species(conjugate_name(species_of(code).name)).pdg


def _polar(n: int, values: Values, rng: np.random.Generator) -> Array:
    """Polar angles (n,) [rad]."""
    low, high = np.radians(range_of(values["theta"]))
    u = rng.random(n)
    if values["angle"] == "theta":
        return np.asarray(low + (high - low) * u)
    return np.asarray(np.arccos(np.clip(np.cos(low) + (np.cos(high) - np.cos(low)) * u, -1.0, 1.0)))


def _momentum(n: int, values: Values, rng: np.random.Generator) -> Array:
    """Momenta (n,), or transverse ones [GeV]."""
    low, high = range_of(values["momentum"])
    u = rng.random(n)
    return np.asarray(low * (high / low) ** u if values["spectrum"] == "logp" else low + (high - low) * u)


def _uniform(rng: np.random.Generator, limits: float | str, n: int) -> Array:
    """Uniform numbers (n,) within a range."""
    low, high = range_of(limits)
    return np.asarray(low + (high - low) * rng.random(n))
