"""Energy of the collisions of B pairs, options of samples. Oracles: numerical convolution of the Gaussian spread, the
exponentiated O(alpha) radiator (Kuraev, Fadin, Sov. J. Nucl. Phys. 41 (1985) 466) and the line shape; conservation
laws; the nominal energies of the machine.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each) unless stated.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.core.errors import ConfigError, GenerationError
from openbfactory.core.random import Address
from openbfactory.generate import generate_events
from openbfactory.generate.bpair import upsilon_primaries
from openbfactory.generate.collisions import collide, rate_table, relative_rate
from openbfactory.generate.resonance import line_shape, resonance_data, upsilon_rate
from openbfactory.physics.particles import species

EVENTS = 60_000
COLUMNS = ("E", "px", "py", "pz")


def masses(j, mask):
    return np.sqrt(np.maximum(j["E"][mask] ** 2 - sum(j[k][mask] ** 2 for k in COLUMNS[1:]), 0))


def convolution(machine, masses, spread=True, radiation=True):
    """Density of the mass of the B pair on a grid of masses, from quadrature."""
    beta = 2 / (137.036 * np.pi) * (2 * np.log(machine.sqrt_s / 0.51099895e-3) - 1)
    sigma = np.hypot(machine.her.spread.value * machine.ler.energy.value,
                     machine.ler.spread.value * machine.her.energy.value) * 2 / machine.sqrt_s * np.cos(0.0415) ** 2
    energies = machine.sqrt_s + sigma * np.linspace(-6, 6, 1201) if spread else np.array([machine.sqrt_s])
    weights = np.exp(-0.5 * ((energies - machine.sqrt_s) / sigma) ** 2)
    found = np.zeros_like(masses)
    for energy, weight in zip(energies, weights, strict=True):
        x = 1 - masses**2 / energy**2
        edges = np.maximum(1 - (masses[:, None] + (masses[1] - masses[0]) * np.array([0.5, -0.5])) ** 2 / energy**2, 0)
        peak = (edges[:, 1] ** beta - edges[:, 0] ** beta)  # integral of beta x^(beta - 1) over each step
        hard = np.where(x > 0, 1 - x + 0.5 * x * x, 1.0)
        found += weight * peak * hard
    found *= line_shape(masses)
    return found / found.sum()


@pytest.fixture(scope="module")
def primaries(machine):
    return upsilon_primaries(EVENTS, Address(1, "mixed"), machine)


def test_mass_of_the_pair(machine, primaries):
    mass = masses(primaries, primaries["PDG"] == 300553)
    grid = np.arange(upsilon_rate().low, 10.64, 5e-5)
    density = convolution(machine, grid)
    mean = np.sum(density * grid)
    width = np.sqrt(np.sum(density * (grid - mean) ** 2))
    assert mass.mean() == pytest.approx(mean, abs=5 * width / np.sqrt(EVENTS) + 2e-5)
    assert mass.std() == pytest.approx(width, rel=5 / np.sqrt(2 * EVENTS) + 0.01)
    distance = np.abs(np.searchsorted(np.sort(mass), grid + 2.5e-5) / EVENTS - np.cumsum(density)).max()
    assert distance < 2.0 / np.sqrt(EVENTS) + 0.004  # photons below 1 MeV are not made
    without = convolution(machine, grid, radiation=True, spread=False)
    assert np.abs(np.searchsorted(np.sort(mass), grid) / EVENTS - np.cumsum(without)).max() > 0.1  # planted fault


def test_line_shape():
    mass = resonance_data()["mass"]
    grid = np.linspace(10.5, 10.7, 20_001)
    shape = line_shape(grid)
    assert shape[grid < 2 * species("B+").mass].max() == 0
    assert grid[np.argmax(shape)] == pytest.approx(mass, abs=0.004)
    above = shape > shape.max() / 2
    assert np.ptp(grid[above]) == pytest.approx(resonance_data()["width"], rel=0.15)
    at_pole = line_shape(np.array([mass]))[0]
    assert at_pole == pytest.approx(1 / (mass**2 * resonance_data()["width"]), rel=1e-12)


def test_layout_and_balance(primaries):
    first = primaries.offsets[:-1]
    assert set(primaries["PDG"][first].tolist()) == {10022}
    assert set(primaries["PDG"][first + 1].tolist()) == {300553}
    for k in COLUMNS:
        total = np.add.reduceat(np.where(primaries["status"] != 4, primaries[k], 0), first)
        np.testing.assert_allclose(total, primaries[k][first], atol=1e-11)
    photon = primaries["PDG"] == 22
    assert 0.1 < photon.sum() / EVENTS < 0.3
    assert np.abs(masses(primaries, photon)).max() < 1e-6


def test_photons_follow_the_beams(machine, primaries):
    """Angular distribution of soft photons, sin^2 / (1 - b^2 cos^2)^2: share close to the beams by quadrature."""
    from openbfactory.generate.laboratory import electron_frame

    photon = primaries["PDG"] == 22
    total, mass = machine.p4, machine.sqrt_s
    p = np.stack([primaries[k][photon] for k in COLUMNS], axis=1)
    energy = (p[:, 0] * total[0] - p[:, 1:] @ total[1:]) / mass
    own = p[:, 1:] - np.outer((p[:, 0] + energy) / (total[0] + mass), total[1:])
    cosine = np.abs(own @ electron_frame(machine)[:, 2]) / np.linalg.norm(own, axis=1)
    inverse = (2 * 0.51099895e-3 / mass) ** 2  # 1 / gamma^2

    def part(edge):  # in u = ln(1 - cos), 1 - b^2 cos^2 = v (2 - v) + cos^2 / gamma^2
        def density(u):
            v = np.exp(u)
            return v * v * (2 - v) / (v * (2 - v) + inverse * (1 - v) ** 2) ** 2
        return quad(density, -40, np.log(edge), limit=400)[0]

    expected = part(1e-3) / part(1.0)
    assert np.mean(1 - cosine < 1e-3) == pytest.approx(expected, abs=5 * np.sqrt(expected / photon.sum()))


def test_fixed_energy(machine):
    fixed = machine.at_fixed_energy()
    particles = generate_events("bbbar", 200, Address(1, "bbbar"), fixed)[0]["MCParticles"]
    first = particles.offsets[:-1]
    assert set(particles["PDG"][first].tolist()) == {300553}
    np.testing.assert_allclose(masses(particles, first), machine.sqrt_s, rtol=1e-12)
    for name in ("uubar", "taupair"):
        particles = generate_events(name, 100, Address(1, name), fixed)[0]["MCParticles"]
        np.testing.assert_allclose(masses(particles, particles.offsets[:-1]), machine.sqrt_s, rtol=1e-12)


def test_other_energies(machine):
    assert machine.at_energy_shift(-0.06).sqrt_s == pytest.approx(machine.sqrt_s - 0.06, abs=1e-9)
    assert machine.at_energy_shift(0.0) is machine
    shifted = machine.at_energy_shift(0.05)
    assert shifted.cross_section("uubar") == pytest.approx(1.61 * (machine.sqrt_s / shifted.sqrt_s) ** 2)
    assert shifted.cross_section("charged") == 0.0
    with pytest.raises(GenerationError, match="cannot move"):
        machine.at_energy_shift(-11.0)
    with pytest.raises(GenerationError, match="threshold"):
        generate_events("charged", 5, Address(1, "charged"), machine.at_off_resonance())
    particles = generate_events("ssbar", 50, Address(1, "ssbar"), machine.at_off_resonance())[0]["MCParticles"]
    assert masses(particles, particles.offsets[:-1]).mean() == pytest.approx(machine.sqrt_s - 0.06, abs=0.004)


def test_rates_are_interpolated(machine):
    rate = rate_table(1.0, 5.0, np.array([1.0, 5.0]), np.array([0.0, 2.0]))
    assert [relative_rate(m, rate) for m in (0.5, 3.0, 5.0, 6.0)] == pytest.approx([0, 0.5, 1, 1])
    made = collide(0, Address(1, "none"), machine, rate)
    assert len(made.total) == 0
    assert made.first.tolist() == [0]


def test_parameters_of_samples(machine):
    def shape(**settings):
        events = generate_events("taupair", 4000, Address(1, "taupair"), machine, settings=settings)[0]
        particles = events["MCParticles"]
        electron = np.isin(particles["PDG"], (-12, 12))
        return particles["E"][electron].mean()

    assert shape(rho=0.75) == shape()
    assert shape(rho="0.0") != shape()
    with pytest.raises(ConfigError) as caught:
        generate_events("taupair", 1, Address(1, "x"), machine, settings={"roh": 1, "eta": 7, "xi": "a"})
    assert [f.nearest for f in caught.value.findings][:1] == ["rho"]
    assert len(caught.value.findings) == 3
    with pytest.raises(ConfigError, match="takes no parameters"):
        generate_events("charged", 1, Address(1, "x"), machine, settings={"mass": 1})
