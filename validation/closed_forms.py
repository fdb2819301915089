"""Closed forms and numerical integrals: semileptonic spectra and rates, lifetimes, dipion masses, mixing.

Semileptonic: every combination of model, mother and meson of DECAY_BELLE2.DEC, mesons at their pole masses.  The q2
spectrum and the mean cosine of the lepton are compared with the rate integrated over the lepton angle in closed form
(J. Korner, G. Schuler, Z. Phys. C 46, 93); the total rate, with that formula by an adaptive rule, with the integral of
the weight that the kernel uses over both variables.  Angles of two-body models, Michel spectra and the soft-photon
limit are in the tests.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate

from validation.chain_tree import Tree, in_pair, mass, square
from validation.generic import bbbar_chunks
from validation.histograms import density_row
from validation.rows import Row

EVENTS = 20_000
#: pairs for lifetimes
PAIRS = 40_000
Array = npt.NDArray[Any]


def rows() -> list[Row]:
    """Rows of all closed forms."""
    return [*_semileptonic(), *_lifetimes(), *_dipion(), *_mixing()]


def events_of(text: str, root: str, events: int, stage: str) -> Any:
    """MCParticles of a root at rest, decayed with a decay text laid over DECAY_BELLE2.DEC."""
    from openbfactory.core.random import Address
    from openbfactory.events.columns import MC_PARTICLES
    from openbfactory.events.record import Jagged
    from openbfactory.generate import decay_events
    from openbfactory.physics.decaycache import load_decay_table

    table = load_decay_table(overlay=text)
    s = table.index[root]
    columns = {c.name: c.empty(events) for c in MC_PARTICLES.columns}
    columns["PDG"][:], columns["mother"][:], columns["E"][:] = table.pdg[s], -1, table.mass[s]
    particles, counts = decay_events(Jagged(np.arange(events + 1), columns), table, Address(11, stage))
    if counts.fallback.keys() - {"PYTHIA"}:
        message = f"{stage}: no model for {', '.join(counts.fallback)}"
        raise ValueError(message)
    return particles


def _channels() -> list[tuple[str, str, str, str, str, list[float]]]:
    """Model, mother, meson, lepton, neutrino and parameters of one channel of each combination."""
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.formfactors import PARAMETRISATIONS

    table = load_decay_table()
    found: dict[tuple[str, str, str, bool], tuple[str, str, str, str, str, list[float]]] = {}
    for mother in ("B+", "B0", "B_s0", "D+", "D0", "D_s+"):
        for c in table.channels_of(mother):
            model = str(table.models[table.model[c]])
            daughters = table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]].tolist()
            if model not in PARAMETRISATIONS or len(daughters) != 3:
                continue
            codes = [abs(int(table.pdg[d])) for d in daughters]
            meson = daughters[next(i for i, code in enumerate(codes) if code > 16)]
            lepton = daughters[next(i for i, code in enumerate(codes) if code in (11, 13, 15))]
            neutrino = daughters[next(i for i, code in enumerate(codes) if code in (12, 14, 16))]
            tau = 15 in codes
            names = [str(table.names[d]) for d in (meson, lepton, neutrino)]
            found.setdefault((model, mother, names[0], tau), (model, mother, *names, table.parameters_of(c).tolist()))
    return list(found.values())


def _semileptonic() -> list[Row]:
    """Rows of all semileptonic models."""
    made: list[Row] = []
    for number, channel in enumerate(_channels()):
        made += _one_semileptonic(number, *channel)
    return made


def _one_semileptonic(number: int, model: str, mother: str, meson: str, lepton: str, neutrino: str,
                      parameters: list[float]) -> list[Row]:
    """q2, angle and total rate of one channel."""
    from openbfactory.physics.decaycache import load_decay_table
    from openbfactory.physics.formfactors import PARAMETRISATIONS, kernel_parameters

    table = load_decay_table()
    m1, m2, ml = (float(table.mass[table.index[n]]) for n in (mother, meson, lepton))
    codes = int(table.pdg[table.index[mother]]), int(table.pdg[table.index[meson]])
    a = kernel_parameters(model, np.array(parameters), *codes, (m1, m2))
    if a is None or m1 < m2 + ml:
        return []
    kind, eta = PARAMETRISATIONS[model][0], 1.0 if mother.startswith("B") else -1.0
    arguments = " ".join(repr(x) for x in parameters)
    what = f"{mother} -> {meson} {lepton} {neutrino} {model}"
    text = (f"noPhotos\nParticle {meson} {m2!r} 0\nDecay {mother}\n1.0 {meson} {lepton} {neutrino} {model} "
            f"{arguments};\nEnddecay\nDecay {meson}\nEnddecay\nDecay {lepton}\nEnddecay\n")
    tree = Tree(events_of(text, mother, EVENTS, f"closed/{number}"))
    q2, cosine = square("1+2", tree), in_pair("1", "1+2", tree)
    low, high = ml * ml, (m1 - m2) ** 2
    rates = np.vectorize(partial(_rates, kind, a, m1, m2, ml, eta), otypes=[float, float])
    made = [density_row(f"{what}: q2", q2, lambda x: rates(x)[0], low, high, 40, "integral over the angle")]
    total = integrate.quad(lambda x: rates(x)[0], low, high, limit=200)[0]
    turned = integrate.quad(lambda x: rates(x)[1], low, high, limit=200)[0]
    made.append(Row(f"{what}: <cos theta_l>", turned / total, float(cosine.mean()),
                    float(4.5 * cosine.std() / np.sqrt(EVENTS)), "numerical integration"))
    grid = _grid_rate(kind, a, m1, m2, ml, eta)
    made.append(Row(f"{what}: total rate, weight of the kernel over the integral", 1.0, grid / total, 2e-4,
                    "two-dimensional rule and adaptive integration"))
    return made


def _momentum(m1: float, m2: float, q2: float) -> float:
    """Momentum of the meson."""
    return float(np.sqrt(max((m1 - m2) ** 2 - q2, 0.0) * ((m1 + m2) ** 2 - q2)) / (2 * m1))


def _rates(kind: int, a: Array, m1: float, m2: float, ml: float, eta: float, q2: float) -> tuple[float, float]:
    """Rate in q2 with the angle integrated, and the same times the cosine."""
    from openbfactory.physics.formfactors import helicity_amplitudes

    h, p = np.empty(4), _momentum(m1, m2, q2)
    helicity_amplitudes(kind, a, m1, m2, q2, p, h)
    plus, minus, zero, time = h
    x = ml * ml / q2
    common = p * q2 * (1 - x) ** 2
    transverse = plus**2 + minus**2
    whole = 8 / 3 * (transverse + zero**2) + x * (4 / 3 * (transverse + zero**2) + 4 * time**2)
    turned = eta * 4 / 3 * (minus**2 - plus**2) - x * 8 / 3 * time * zero
    return common * whole, common * turned


def _grid_rate(kind: int, a: Array, m1: float, m2: float, ml: float, eta: float) -> float:
    """Integral of the weight of the kernel over q2 and the angle by Gauss-Legendre rules."""
    from openbfactory.generate.semileptonic import lepton_weight
    from openbfactory.physics.formfactors import helicity_amplitudes

    nodes, weights = np.polynomial.legendre.leggauss(200)
    angles, shares = np.polynomial.legendre.leggauss(6)
    low, high = ml * ml, (m1 - m2) ** 2
    total, h = 0.0, np.empty(4)
    for node, weight in zip(nodes, weights, strict=True):
        # a quadratic map tames the square root at the end of the range
        t = 0.5 * (1 + node)
        q2 = high - (high - low) * (1 - t) ** 2
        p = _momentum(m1, m2, q2)
        helicity_amplitudes(kind, a, m1, m2, q2, p, h)
        inner = sum(float(s) * lepton_weight(h, q2, ml, float(c), eta) for c, s in zip(angles, shares, strict=True))
        total += float(weight) * (high - low) * (1 - t) * p * (1 - ml * ml / q2) * inner
    return total


def _lifetimes() -> list[Row]:
    """Mean proper decay lengths over those of the table, for every species with a visible flight."""
    from openbfactory.core.units import speed_of_light
    from openbfactory.physics.particles import species_of

    lengths: dict[int, list[Array]] = {}
    for particles in bbbar_chunks(PAIRS, photons=False, seed=12):
        mothers = np.asarray(particles["mother"])
        first = np.repeat(particles.offsets[:-1], particles.counts)
        child = np.flatnonzero(mothers >= 0)
        above, position = np.unique((first + mothers)[child], return_index=True)
        t, energy = np.asarray(particles["t"]), np.asarray(particles["E"])
        p2 = sum(np.asarray(particles[k])[above] ** 2 for k in ("px", "py", "pz"))
        proper = (t[child[position]] - t[above]) * np.sqrt(energy[above] ** 2 - p2) / energy[above] * speed_of_light
        codes = np.abs(np.asarray(particles["PDG"])[above])
        for code in np.unique(codes).tolist():
            lengths.setdefault(code, []).append(proper[codes == code])
    made = []
    for code, pieces in sorted(lengths.items()):
        values, entry = np.concatenate(pieces), species_of(code)
        if entry.ctau > 1e-5 and len(values) > 200:
            made.append(Row(f"mean proper decay length of {entry.name} over its c tau", 1.0,
                            float(values.mean() / entry.ctau), float(4.5 / np.sqrt(len(values))), "exponential"))
    return made


def _dipion() -> list[Row]:
    """Upsilon(4S) -> Upsilon pi pi, where the maximum fixed in EvtGen's VVPIPI clips the spectrum."""
    from openbfactory.physics.particles import species

    text = "noPhotos\nDecay Upsilon(4S)\n1.0 Upsilon pi+ pi- VVPIPI;\nEnddecay\nDecay Upsilon\nEnddecay\n"
    tree = Tree(events_of(text, "Upsilon(4S)", EVENTS, "closed/dipion"))
    heavy, light, pion = (mass(path, tree)[0] for path in ("", "0", "1"))

    def density(m: Array) -> Array:
        s = m * m
        q = np.sqrt(np.maximum((heavy**2 - (light + m) ** 2) * (heavy**2 - (light - m) ** 2), 0.0))
        p = np.sqrt(np.maximum(s / 4 - pion**2, 0.0))
        energy = (heavy**2 + light**2 - s) / (2 * heavy)
        found: Array = (s - 4 * species("pi+").mass ** 2) ** 2 * p * q * (2 + (energy / light) ** 2)
        return found

    return [density_row("Upsilon(4S) -> Upsilon pi+ pi- VVPIPI: m(pi pi)", mass("1+2", tree), density, 2 * pion,
                        heavy - light, remark="(s - 4 m^2)^2 p q sum |e . e'|^2; EvtGen clips it")]


def _mixing() -> list[Row]:
    """Mixed fraction and time-dependent asymmetry of B0 pairs."""
    from openbfactory.core.units import speed_of_light
    from openbfactory.physics.particles import species

    decays = "".join(f"Decay {b}\n1.0 {d} PHSP;\nEnddecay\n" for b, d in (("B0", "D- pi+"), ("anti-B0", "D+ pi-")))
    decays += "Decay D+\nEnddecay\nDecay D-\nEnddecay\n"
    text = f"noPhotos\nDecay Upsilon(4S)\n1.0 B0 anti-B0 VSS_BMIX dm;\nEnddecay\n{decays}"
    particles = events_of(text, "Upsilon(4S)", 10 * EVENTS, "closed/mixing")
    size = int(particles.offsets[1])
    columns = {k: np.asarray(particles[k]).reshape(-1, size) for k in ("PDG", "t", "E", "mother")}
    times = []
    for b in (1, 2):
        child = int(np.flatnonzero(columns["mother"][0] == b)[0])
        flight = columns["t"][:, child] - columns["t"][:, b]
        times.append(flight * species("B0").mass / columns["E"][:, b])
    mixed = columns["PDG"][:, 1] == columns["PDG"][:, 2]
    x = 0.507e3 * species("B0").ctau / speed_of_light
    chi = x * x / (2 * (1 + x * x))
    spread = np.sqrt(chi * (1 - chi) / len(mixed))
    made = [Row("B0 pairs: mixed fraction", chi, float(mixed.mean()), float(4.5 * spread), "x^2 / 2 (1 + x^2)")]
    tau = species("B0").ctau / speed_of_light
    for label, chosen, sign in (("unmixed", ~mixed, 1), ("mixed", mixed, -1)):
        made.append(density_row(f"B0 pairs: time difference, {label}", (times[0] - times[1])[chosen],
                                lambda t, s=sign: np.exp(-np.abs(t) / tau) * (1 + s * np.cos(0.507e3 * t)),
                                -8 * tau, 8 * tau, 80, "exp(-|t| / tau) (1 +- cos dm t)"))
    return made
