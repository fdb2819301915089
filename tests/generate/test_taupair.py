"""Lepton pairs. Oracles: the Born angular distribution, the exponentiated O(alpha) radiator of initial-state radiation
(Kuraev, Fadin, Sov. J. Nucl. Phys. 41 (1985) 466), conservation laws.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each) unless stated.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.core.errors import UnknownNameError
from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events, pythia
from openbfactory.generate.laboratory import electron_frame, place
from openbfactory.generate.taupair import LEPTON_PAIRS, lepton_pair_primaries
from openbfactory.physics.particles import species_of

NO_RADIATION = ("PDF:lepton = off", "PartonLevel:ISR = off", "PartonLevel:FSR = off")
LEPTON = {"taupair": 15, "mumu": 13}
COLUMNS = ("E", "px", "py", "pz")


@pytest.fixture(scope="module")
def machine():
    return load_card("belle2").machine


def imbalance(jagged):
    """Largest difference between the final state and the initial system, GeV."""
    first = jagged.offsets[:-1]
    final = jagged["status"] != 4
    return max(np.abs(np.add.reduceat(np.where(final, jagged[c], 0), first) - jagged[c][first]).max() for c in COLUMNS)


def cos_theta(particles, code, machine):
    """Cosine of the angle between the lepton and the electron in the c.m. frame of each event."""
    first = particles.offsets[:-1]
    total = np.stack([particles[c][first] for c in COLUMNS], axis=1)
    lepton = np.stack([particles[c][particles["PDG"] == code] for c in COLUMNS], axis=1)
    mass = np.sqrt(total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=1))
    energy = (total[:, 0] * lepton[:, 0] - np.sum(total[:, 1:] * lepton[:, 1:], axis=1)) / mass
    p = lepton[:, 1:] - total[:, 1:] * ((lepton[:, 0] + energy) / (total[:, 0] + mass))[:, None]
    return p @ electron_frame(machine)[:, 2] / np.linalg.norm(p, axis=1)


def born_cos2(mass, sqrt_s):
    """Mean cos^2(theta) of 1 + cos^2(theta) + (4 m^2/s) sin^2(theta)."""
    r = 4 * mass**2 / sqrt_s**2
    return quad(lambda c: c * c * (1 + c * c + r * (1 - c * c)), -1, 1)[0] / (2 * (1 + 1 / 3 + r * 2 / 3))


def born_events(sample, machine, events, rotation):
    """Events without radiation, placed with ``rotation``."""
    batch = pythia.batch((*pythia.pair_settings(sample, machine.sqrt_s), *NO_RADIATION), events, 5)
    p4, vertex = machine.initial_states(events, Address(5, sample).generator())
    return place(batch, p4, vertex, rotation, photon_min=0.0)


@pytest.mark.parametrize("sample", LEPTON_PAIRS)
def test_angles_follow_the_born_cross_section(machine, sample):
    events = 20_000
    particles = born_events(sample, machine, events, electron_frame(machine))
    assert particles.counts.tolist() == [3] * events
    c = cos_theta(particles, LEPTON[sample], machine)
    expected = born_cos2(species_of(LEPTON[sample]).mass, machine.sqrt_s)
    assert np.mean(c * c) == pytest.approx(expected, abs=5 * np.std(c * c) / np.sqrt(events))
    assert np.mean(c) == pytest.approx(0.0, abs=5 * np.std(c) / np.sqrt(events))


def test_angles_to_the_wrong_axis_are_caught(machine):
    """Planted fault: the axes are exchanged, the pair follows 1 + cos^2 of the angle to another axis."""
    wrong = electron_frame(machine)[:, [2, 0, 1]]
    c = cos_theta(born_events("mumu", machine, 20_000, wrong), 13, machine)
    assert abs(np.mean(c * c) - born_cos2(0.10566, machine.sqrt_s)) > 10 * np.std(c * c) / np.sqrt(20_000)


@pytest.mark.parametrize("sample", LEPTON_PAIRS)
def test_conservation_and_status(machine, sample):
    particles = lepton_pair_primaries(sample, 2000, Address(1, sample, 0), machine)
    assert imbalance(particles) < 1e-10
    assert np.count_nonzero(particles["PDG"] == LEPTON[sample]) >= 2000
    code, first = particles["PDG"], particles.offsets[:-1]
    charge = np.where(np.isin(np.abs(code), (11, 13, 15)), -np.sign(code), 0)
    assert not np.add.reduceat(charge, first).any()
    assert set(particles["status"][np.abs(code) == 15].tolist()) == ({0} if sample == "taupair" else set())
    assert set(particles["status"][np.isin(np.abs(code), (11, 13, 22))].tolist()) == {1}


def test_imbalance_would_be_seen(machine):
    """Planted fault: one photon is lost."""
    particles = lepton_pair_primaries("mumu", 500, Address(1, "mumu", 0), machine)
    photon = np.flatnonzero(particles["PDG"] == 22)[0]
    assert imbalance(particles.select(np.arange(particles.size) != photon)) > 1e-4


def radiator(x, s):
    """Probability density that initial-state radiation takes the fraction x of s."""
    beta = 2 / (137.036 * np.pi) * (np.log(s / 0.51099895e-3**2) - 1)
    hard = 4 * (2 - x) * np.log(1 / x) - (1 + 3 * (1 - x) ** 2) / x * np.log(1 - x) - 6 + x
    return beta * x ** (beta - 1) * (1 + 0.75 * beta) - beta * (1 - x / 2) + beta**2 / 8 * hard


def test_initial_state_radiation_follows_the_radiator(machine):
    """Fraction of tau pairs that lost more than x of s; tolerance 6 %: the vacuum polarisation is in Pythia only."""
    s, mass, events = machine.sqrt_s**2, species_of(15).mass, 30_000
    low = pythia.pythia_data().pairs["taupair"].mass_min.value

    def rate(x):
        reduced = s * (1 - x)
        return radiator(x, s) * np.sqrt(max(0.0, 1 - 4 * mass**2 / reduced)) * (1 + 2 * mass**2 / reduced) / reduced

    top = 1 - low**2 / s
    beta = 0.0877  # x = t^(1/beta) takes out the peak at 0
    total = quad(lambda t: rate(t ** (1 / beta)) * t ** (1 / beta - 1) / beta, 0, top**beta, limit=400)[0]
    pair = pythia.batch(pythia.pair_settings("taupair", machine.sqrt_s), events, 11).pair_mass
    for cut in (0.001, 0.01, 0.1, 0.3):
        expected = quad(rate, cut, top, limit=400)[0] / total
        found = np.mean(1 - pair**2 / s > cut)
        assert found == pytest.approx(expected, rel=0.06, abs=5 * np.sqrt(expected * (1 - expected) / events))
        assert found != pytest.approx(0.7 * expected, rel=0.06, abs=5 * np.sqrt(expected * (1 - expected) / events))


def test_photons_carry_what_the_pair_lost(machine):
    """Photons of the events account for the mass of the pair: m^2 = s - 2 sqrt(s) E for one photon."""
    batch = pythia.batch((*pythia.pair_settings("mumu", machine.sqrt_s), "PartonLevel:FSR = off"), 3000, 2)
    photon, event = batch.pdg == 22, batch.event_index()
    energy = np.bincount(event[photon], batch.energy[photon], minlength=len(batch))
    single = np.bincount(event[photon & (batch.energy > 1e-3)], minlength=len(batch)) == 1
    s = machine.sqrt_s**2
    expected = s - 2 * machine.sqrt_s * energy
    assert single.sum() > 500
    assert batch.pair_mass[single] ** 2 == pytest.approx(expected[single], abs=0.1)


def test_a_chunk_does_not_depend_on_the_others(machine):
    def chunk(index):
        return lepton_pair_primaries("taupair", 300, Address(3, "taupair", index), machine)

    pythia.pythia.cache_clear()
    alone = chunk(5)
    pythia.pythia.cache_clear()
    assert alone["px"].tobytes() != chunk(0)["px"].tobytes()
    assert alone["px"].tobytes() == chunk(5)["px"].tobytes()


def test_unknown_sample(machine):
    with pytest.raises(UnknownNameError, match="taupair"):
        lepton_pair_primaries("taupairs", 10, Address(1, "x"), machine)


def test_taus_decay_as_the_table_says(machine):
    """Leptonic branching fractions of the Particle Data Group (2024: 17.82 % e, 17.39 % mu), 5 standard deviations."""
    events, counts = generate_events("taupair", 3000, Address(1, "taupair", 0), machine)
    particles = events["MCParticles"]
    code, status, first = particles["PDG"], particles["status"], particles.offsets[:-1]
    assert set(status[np.abs(code) == 15].tolist()) == {2}
    assert counts.undecayed == 0
    assert np.count_nonzero(np.abs(code) == 16) == 6000
    final = status == 1
    for c in COLUMNS:
        total = np.add.reduceat(np.where(final, particles[c], 0.0), first)
        assert total == pytest.approx(particles[c][first], abs=1e-9)
    electrons = np.isin(code, (12, -12)) & final
    muons = np.isin(code, (14, -14)) & final
    assert np.count_nonzero(electrons) / 6000 == pytest.approx(0.1782, abs=5 * (0.1782 * 0.82 / 6000) ** 0.5)
    assert np.count_nonzero(muons) / 6000 == pytest.approx(0.1739, abs=5 * (0.1739 * 0.83 / 6000) ** 0.5)


def test_muon_pairs_pass_unchanged(machine):
    address = Address(1, "mumu", 0)
    particles = generate_events("mumu", 200, address, machine)[0]["MCParticles"]
    primaries = lepton_pair_primaries("mumu", 200, address.at(f"{address.stage}/initial"), machine)
    assert all(np.array_equal(particles[c], primaries[c]) for c in particles.columns)
