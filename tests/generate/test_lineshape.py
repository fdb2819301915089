"""Masses from line shapes. Oracle: the Breit-Wigner in closed form, the formula with mass-dependent width and barrier
factors integrated numerically; energy limits. False-alarm probability of each test 1e-3, fixed seeds."""

import numpy as np
from numba import njit
from scipy import stats

from openbfactory.core.random import Address
from openbfactory.generate import decay_events
from openbfactory.generate.lineshape import breit_wigner
from openbfactory.physics.decaycache import load_decay_table


@njit
def many(rng, n, pole, width, low, high):
    out = np.empty(n)
    for i in range(n):
        out[i] = breit_wigner(rng, pole, width, low, high)
    return out


def test_masses_follow_the_breit_wigner_inside_their_window():
    pole, width, low, high = 0.775, 0.147, 0.28, 1.2
    m = many(np.random.Generator(np.random.PCG64DXSM(1)), 20_000, pole, width, low, high)
    angle = lambda x: np.arctan((x**2 - pole**2) / (pole * width))  # noqa: E731
    cdf = lambda x: (angle(x) - angle(low)) / (angle(high) - angle(low))  # noqa: E731
    assert low <= m.min() <= m.max() <= high
    assert stats.kstest(m, cdf).pvalue > 1e-3
    assert stats.kstest(m, stats.truncnorm((low - pole) / 0.07, (high - pole) / 0.07, pole, 0.07).cdf).pvalue < 1e-6


def test_a_narrow_window_is_kept():
    m = many(np.random.Generator(np.random.PCG64DXSM(1)), 100, 2.01, 8e-5, 2.00995, 2.01)
    assert 2.00995 <= m.min() <= m.max() <= 2.01


CHAIN = """noPhotos
Decay B+
1.0 rho0 K+ PHSP;
Enddecay
Decay rho0
1.0 pi+ pi- VSS;
Enddecay
"""


def resonance_masses(primaries, text, n=20_000, mother=521, mass=5.27941):
    """Masses of the first daughter of the root, and its events."""
    table = load_decay_table(overlay=text)
    particles, counts = decay_events(primaries(mother, n, mass), table, Address(11, "shape"))
    first = particles.offsets[:-1] + 1
    p = [particles[k][first] for k in ("E", "px", "py", "pz")]
    return np.sqrt(p[0] ** 2 - p[1] ** 2 - p[2] ** 2 - p[3] ** 2), particles, counts, table


def momentum(mass, a, b):
    return np.sqrt(np.maximum((mass**2 - (a + b) ** 2) * (mass**2 - (a - b) ** 2), 0.0)) / (2 * mass)


def cumulative(m, density):
    total = np.concatenate(([0.0], np.cumsum(0.5 * np.diff(m) * (density[1:] + density[:-1]))))
    return lambda x: np.interp(x, m, total / total[-1])


def test_masses_carry_the_factors_of_birth_and_decay(primaries):
    masses, _, _, table = resonance_masses(primaries, CHAIN, 60_000)
    s = table.index["rho0"]
    pole, width = table.mass[s], table.width[s]
    pion, kaon = table.mass[table.index["pi+"]], table.mass[table.index["K+"]]
    m = np.linspace(2 * pion + 1e-9, pole + 15 * width, 20_001)
    p, p0 = momentum(m, pion, pion), momentum(pole, pion, pion)
    g, g0 = p**3 / (1 + 9 * p**2), p0**3 / (1 + 9 * p0**2)
    f = g / ((pole**2 - m**2) ** 2 + (pole * width * pole / m * g / g0) ** 2)
    q = momentum(5.27941, m, kaon)
    assert stats.kstest(masses, cumulative(m, f * q**3 / (1 + q**2))).pvalue > 1e-3
    assert stats.kstest(masses, cumulative(m, f)).pvalue < 1e-3  # without the birth
    constant = g / ((pole**2 - m**2) ** 2 + (pole * width) ** 2)
    assert stats.kstest(masses, cumulative(m, constant * q**3 / (1 + q**2))).pvalue < 1e-3  # constant width


def test_branching_fractions_of_a_resonance_are_kept(primaries):
    text = "noPhotos\nDecay B+\n1.0 f_0 K+ PHSP;\nEnddecay\nDecay f_0\n0.6 pi+ pi- PHSP;\n0.4 K+ K- PHSP;\nEnddecay\n"
    masses, particles, _, _ = resonance_masses(primaries, text, 5000)
    kaons = np.abs(particles["PDG"][particles.offsets[:-1] + 3]) == 321
    assert abs(kaons.mean() - 0.4) < 3.3 * np.sqrt(0.24 / 5000)
    assert masses[kaons].min() > 2 * 0.49367
    assert masses[~kaons].min() < 0.9


def test_a_broad_daughter_of_a_broad_mother(primaries):
    """K_1 -> rho K at given masses of the K_1: the rho has the density times the momentum of the decay."""
    text = ("noPhotos\nDecay B+\n1.0 K_1+ J/psi PHSP;\nEnddecay\nDecay K_1+\n1.0 rho0 K+ PHSP;\nEnddecay\n"
            "Decay rho0\n1.0 pi+ pi- VSS;\nEnddecay\nDecay J/psi\n1.0 mu+ mu- VLL;\nEnddecay\n")
    heavy, particles, _, table = resonance_masses(primaries, text)
    rho = np.flatnonzero(particles["PDG"] == 113)
    p = [particles[k][rho] for k in ("E", "px", "py", "pz")]
    light = np.sqrt(p[0] ** 2 - p[1] ** 2 - p[2] ** 2 - p[3] ** 2)
    kaon = table.mass[table.index["K+"]]
    assert np.all(light + kaon < heavy)
    shape = table.shapes[table.shape[table.channels_of("rho0")[0]]]
    chosen = np.abs(heavy - 1.26) < 0.01
    m = np.linspace(shape[0, 0], 1.26 - kaon, 4001)
    density = np.interp(m, shape[0], shape[1]) * momentum(1.26, m, kaon)
    assert stats.kstest(light[chosen], cumulative(m, density)).pvalue > 1e-3
    assert stats.kstest(light[chosen], cumulative(m, np.interp(m, shape[0], shape[1]))).pvalue < 1e-3


def test_switches_reach_the_events(primaries):
    flat = resonance_masses(primaries, CHAIN + "LSFLAT rho0\nIncludeBirthFactor rho0 no\n", 4000)
    s = flat[3].index["rho0"]
    pole, width = flat[3].mass[s], flat[3].width[s]
    assert stats.kstest(flat[0], stats.uniform(pole - width, 2 * width).cdf).pvalue > 1e-3
    spikes = resonance_masses(primaries, CHAIN + "LSMANYDELTAFUNC rho0\nIncludeBirthFactor rho0 no\n", 2000)[0]
    assert set(np.round((spikes - pole) / width, 3)) <= {-1.0, 0.0, 1.0}
    cut = resonance_masses(primaries, CHAIN + "ChangeMassMin rho0 0.7\nChangeMassMax rho0 0.9\n", 2000)[0]
    assert 0.7 <= cut.min() < 0.71
    assert 0.89 < cut.max() <= 0.9
