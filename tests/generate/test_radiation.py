"""Photon radiation in decays. Oracles: the soft limit in closed form (rate and angles of the current of all charges),
the exact spectrum of V -> l+ l- gamma, the splitting function of a charged lepton, conservation laws.

Statistical tests have fixed seeds; bounds are 5 standard deviations, KS tests fail falsely in 1e-4 of the cases.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.generate.radiation import radiation_data
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.physics.particles import species

N = 100_000
ALPHA = radiation_data()["alpha"]


def decays(primaries, mother, channel, *, flag="yesPhotos", n=N, mass=None):
    """Particles of ``n`` decays of ``mother`` at rest through one channel, and its mass."""
    table = load_decay_table(overlay=f"{flag}\nDecay {mother}\n1.0 {channel};\nEnddecay\n")
    keep = [table.index[w] for w in channel.split() if w in table.index]
    before = table.stable[keep].copy()
    table.stable[keep] = True
    mass = mass or species(mother).mass
    particles, _ = decay_events(primaries(species(mother).pdg, n, mass), table, Address(1, "radiation"))
    table.stable[keep] = before
    return particles, mass


def soft_rate(momenta, charges):
    """dN / dln(w) of soft photons from charges at rest with their sum: the integral of the current over directions."""
    c, weight = np.polynomial.legendre.leggauss(400)
    phi = 2 * np.pi * (np.arange(64) + 0.5) / 64
    s = np.sqrt(1 - c * c)
    n = np.stack([s[:, None] * np.cos(phi), s[:, None] * np.sin(phi), np.broadcast_to(c[:, None], (400, 64))], axis=-1)
    current = sum(q * np.cross(p[1:], n) / (p[0] - n @ p[1:])[..., None] for q, p in zip(charges, momenta, strict=True))
    return ALPHA / (4 * np.pi**2) * np.sum((current**2).sum(-1) * weight[:, None]) * 2 * np.pi / 64


def along_z(mass, m1, m2):
    """Two-body momenta along the z axis."""
    p = math.sqrt((mass**2 - (m1 + m2) ** 2) * (mass**2 - (m1 - m2) ** 2)) / (2 * mass)
    return np.array([[math.hypot(p, m1), 0, 0, p], [math.hypot(p, m2), 0, 0, -p]])


CASES = [("D0", "K- pi+", (-1, 1)), ("B+", "anti-D0 pi+", (0, 1)), ("J/psi", "mu+ mu-", (1, -1)),
         ("rho0", "pi+ pi-", (1, -1)), ("B0", "D- D_s+", (-1, 1))]


@pytest.mark.parametrize(("mother", "daughters", "charges"), CASES)
def test_soft_photons_follow_the_current(primaries, mother, daughters, charges):
    """Photons between 1e-6 and 1e-4 of the mass; a flat spectrum in ln(w) with the rate of the closed form."""
    particles, mass = decays(primaries, mother, f"{daughters} PHSP")
    energy = particles["E"][particles["PDG"] == 22]
    soft = energy[(energy > 1e-6 * mass) & (energy < 1e-4 * mass)]
    expected = N * soft_rate(along_z(mass, *(species(d).mass for d in daughters.split())), charges) * math.log(100)
    assert len(soft) == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert stats.kstest(np.log(soft / mass / 1e-6) / math.log(100), "uniform").pvalue > 1e-4
    if 0 not in charges:  # planted fault: the charges radiate without interference
        alone = N * math.log(100) * sum(soft_rate([p], [1]) for p in along_z(
            mass, *(species(d).mass for d in daughters.split())))
        assert abs(len(soft) - alone) > 5 * math.sqrt(alone) or mother == "J/psi"


def test_soft_photons_of_three_charges(primaries):
    """The rate averaged over phase space; events without photons give the momenta."""
    particles, mass = decays(primaries, "D+", "K- pi+ pi+ PHSP")
    bare, _ = decays(primaries, "D+", "K- pi+ pi+ PHSP", flag="noPhotos", n=1000)
    momenta = np.stack([bare[k].reshape(1000, 4) for k in ("E", "px", "py", "pz")], axis=-1)[:, 1:]
    rate = [soft_rate(m, (-1, 1, 1)) for m in momenta]
    energy = particles["E"][particles["PDG"] == 22]
    found = np.count_nonzero((energy > 1e-6 * mass) & (energy < 1e-4 * mass)) / math.log(100)
    spread = math.sqrt(found / math.log(100) + N * N * np.var(rate) / 1000)
    assert found == pytest.approx(N * np.mean(rate), abs=5 * spread)


def test_muon_pairs_follow_the_exact_spectrum(primaries):
    """(alpha / pi) (1 + (1 - x)^2) / x (ln(s (1 - x) / m^2) - 1) for m^2 << s, times x^beta for the other photons."""
    particles, mass = decays(primaries, "J/psi", "mu+ mu- PHSP", n=4 * N)
    event = np.repeat(np.arange(4 * N), particles.counts)
    photon = particles["PDG"] == 22
    total = np.bincount(event[photon], particles["E"][photon], minlength=4 * N)
    x = 2 * total / mass
    grid = np.linspace(0.05, 0.9, 2001)
    scale = (mass / species("mu-").mass) ** 2
    density = ALPHA / math.pi * (1 + (1 - grid) ** 2) / grid * (np.log(scale * (1 - grid)) - 1)
    beta = 2 * ALPHA / math.pi * (math.log(scale) - 1)
    density *= grid**beta  # exponentiation at leading order
    for low, high in ((0.05, 0.2), (0.2, 0.5), (0.5, 0.8)):
        inside = (grid >= low) & (grid <= high)
        expected = 4 * N * np.trapezoid(density[inside], grid[inside])
        found = np.count_nonzero((x > low) & (x < high))
        assert found == pytest.approx(expected, abs=5 * math.sqrt(expected) + 0.02 * expected)


def test_electrons_follow_the_splitting_function(primaries):
    """Collinear photons of a fast electron: (1 + (1 - x)^2) / x, its share of x above one half by integration."""
    particles, _ = decays(primaries, "B+", "e+ nu_e PHSP", n=4 * N)
    first = particles.offsets[:-1]
    single = particles.counts == 4
    rows = first[single]
    photon, electron = (np.stack([particles[k][rows + i] for k in ("px", "py", "pz")]) for i in (3, 1))
    energy, lepton = particles["E"][rows + 3], particles["E"][rows + 1]
    theta = 1 - (photon * electron).sum(0) / energy / np.linalg.norm(electron, axis=0)
    x = energy / (energy + lepton)
    close = (theta * lepton**2 < 0.05) & (theta * lepton**2 > 1e-5)
    hard, medium = np.count_nonzero(close & (x > 0.5) & (x < 0.95)), np.count_nonzero(close & (x > 0.05) & (x < 0.5))
    # between fixed transverse scales of the electron after the emission the rate is the splitting function
    grid = np.linspace(0.05, 0.95, 4001)
    p = (1 + (1 - grid) ** 2) / grid
    expected = np.trapezoid(p[grid > 0.5], grid[grid > 0.5]) / np.trapezoid(p[grid <= 0.5], grid[grid <= 0.5])
    assert hard / medium == pytest.approx(expected, abs=5 * expected * math.sqrt(1 / hard + 1 / medium))
    scalar = 2 * (1 - grid) / grid
    wrong = np.trapezoid(scalar[grid > 0.5], grid[grid > 0.5]) / np.trapezoid(scalar[grid <= 0.5], grid[grid <= 0.5])
    assert abs(hard / medium - wrong) > 5 * expected * math.sqrt(1 / hard + 1 / medium)


@pytest.mark.parametrize(("mother", "channel"), [("D+", "K- pi+ pi+ pi0 PHSP"), ("tau-", "e- anti-nu_e nu_tau PHSP"),
                                                 ("pi0", "e+ e- gamma PHSP"), ("B+", "e+ nu_e PHSP")])
def test_energy_momentum_and_masses(primaries, mother, channel):
    particles, mass = decays(primaries, mother, channel, n=20_000)
    first, final = particles.offsets[:-1], particles["status"] == 1
    for k in ("E", "px", "py", "pz"):
        total = np.add.reduceat(np.where(final, particles[k], 0.0), first)
        assert np.abs(total - (mass if k == "E" else 0.0)).max() < 1e-9
    p = np.sqrt(sum(particles[k] ** 2 for k in ("px", "py", "pz")))
    for code in np.unique(np.abs(particles["PDG"][final])):
        rows = final & (np.abs(particles["PDG"]) == code)
        m = 0.0 if code in (12, 16, 22) else {11: "e-", 211: "pi+", 321: "K+", 111: "pi0"}[int(code)]
        m = species(m).mass if m else 0.0
        assert np.abs(particles["E"][rows] - np.hypot(p[rows], m)).max() < 1e-9
    photons = (particles["PDG"] == 22) & final
    assert np.all(particles["mother"][photons] == 0)
    assert photons.sum() > (20_000 if mother == "pi0" else 500)


def test_switches(primaries):
    def photons(flag, mark):
        return int((decays(primaries, "D0", f"K- pi+ {mark}PHSP", flag=flag, n=2000)[0]["PDG"] == 22).sum())

    assert photons("noPhotos", "PHOTOS ") == 0
    assert photons("yesPhotos", "") > 200
    assert photons("", "") == photons("yesPhotos", "")  # the main file says yesPhotos


def test_neutral_decays_do_not_radiate(primaries):
    assert decays(primaries, "pi0", "gamma gamma PHSP", n=500)[0].counts.tolist() == [3] * 500
