"""Line shapes. Oracle: the formula written out again and integrated by SciPy; textbook forms of the barrier factors;
selection rules of angular momentum."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from openbfactory.core.diagnostics import Findings
from openbfactory.physics.decayfile import parse_statements
from openbfactory.physics.decaytable import compile_table
from openbfactory.physics.lineshapes import (
    FLAT,
    NON_RELATIVISTIC,
    SPIKES,
    Daughters,
    Resonance,
    barrier,
    lowest_wave,
    shape_of,
)

PION, KAON = 0.13957, 0.49368
RHO = Resonance(0.7753, 0.149, 0.0, 0.7753 + 15 * 0.149)


def momentum(m, a, b):
    return np.sqrt(max((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2), 0.0)) / (2 * m) if m > a + b else 0.0


def p_wave(m, a, b, radius):
    p = momentum(m, a, b)
    return p**3 / (1 + (radius * p) ** 2)


def rho_density(m):
    g = p_wave(m, PION, PION, 3.0)
    width = RHO.width * RHO.mass / m * g / p_wave(RHO.mass, PION, PION, 3.0)
    return g / ((RHO.mass**2 - m**2) ** 2 + (RHO.mass * width) ** 2)


def moments(shape, power):
    """Moment of straight lines between nodes, exactly (Simpson's rule holds up to the third power)."""
    m, f = shape.mass, shape.density
    middle, mean = 0.5 * (m[1:] + m[:-1]), 0.5 * (f[1:] + f[:-1])
    return float(np.sum(np.diff(m) / 6 * (f[1:] * m[1:]**power + f[:-1] * m[:-1]**power + 4 * mean * middle**power)))


@pytest.fixture(scope="module")
def rho():
    return shape_of(RHO, 2 * PION, Daughters(1, 3.0, (PION, PION), (None, None)))


@pytest.mark.parametrize("power", [1, 2])
def test_moments_of_a_p_wave_with_mass_dependent_width(rho, power):
    low, high = 2 * PION, RHO.high
    norm = quad(rho_density, low, high, points=[RHO.mass])[0]
    expected = quad(lambda m: m**power * rho_density(m) / norm, low, high, points=[RHO.mass])[0]
    assert moments(rho, power) == pytest.approx(expected, rel=2e-3)
    constant = quad(lambda m: m**power / ((m**2 - RHO.mass**2) ** 2 + (RHO.mass * RHO.width) ** 2), low, high)[0]
    norm = quad(lambda m: 1 / ((m**2 - RHO.mass**2) ** 2 + (RHO.mass * RHO.width) ** 2), low, high)[0]
    assert moments(rho, power) != pytest.approx(constant / norm, rel=2e-2)  # a constant width is caught


def test_share_below_each_mass(rho):
    norm = quad(rho_density, 2 * PION, RHO.high, points=[RHO.mass])[0]
    for m in (0.5, 0.7, 0.8, 1.0, 1.5):
        expected = quad(rho_density, 2 * PION, m, points=[min(m, RHO.mass)])[0] / norm
        assert np.interp(m, rho.mass, rho.cumulative) == pytest.approx(expected, abs=1e-3), m


def test_broad_daughters_are_averaged(rho):
    """K_1 -> rho K in an S wave: the phase space of a quasi two-body decay, by double integration."""
    k1 = Resonance(1.272, 0.09, 0.0, 2.6)
    daughters = Daughters(0, 3.0, (KAON, RHO.mass), (None, rho))

    def spread(m):
        top = m - KAON
        return quad(lambda x: momentum(m, KAON, x) * rho_density(x), 2 * PION, top, points=[min(RHO.mass, top)])[0]

    norm = quad(rho_density, 2 * PION, RHO.high, points=[RHO.mass])[0]
    masses = np.array([0.9, 1.1, 1.272, 1.6])
    np.testing.assert_allclose(daughters.average(masses), [spread(m) / norm for m in masses], rtol=0.01)
    g0 = spread(k1.mass)

    def density(m):
        width = k1.width * k1.mass / m * spread(m) / g0
        return spread(m) / ((k1.mass**2 - m**2) ** 2 + (k1.mass * width) ** 2)

    shape = shape_of(k1, 2 * PION + KAON, daughters)
    share = quad(density, 0.78, 1.272, epsrel=1e-4)[0] / quad(density, 0.78, 2.6, points=[1.272], epsrel=1e-4)[0]
    assert np.interp(1.272, shape.mass, shape.cumulative) == pytest.approx(share, abs=3e-3)


def test_two_broad_daughters(rho):
    daughters = Daughters(1, 3.0, (RHO.mass, RHO.mass), (rho, rho))
    m = 1.7
    norm = quad(rho_density, 2 * PION, RHO.high, points=[RHO.mass])[0]
    value = dblquad(lambda y, x: p_wave(m, x, y, 3.0) * rho_density(x) * rho_density(y) / norm**2, 2 * PION,
                    m - 2 * PION, 2 * PION, lambda x: m - x, epsrel=1e-4)[0]
    scale = 9.0  # the barrier factor here holds R^2 p^2 where the oracle has p^2
    assert daughters.average(np.array([m]))[0] == pytest.approx(scale * value, rel=0.02)


def test_barrier_factors():
    z = np.array([0.3, 1.0, 2.0])
    np.testing.assert_allclose(barrier(1, z), z**2 / (1 + z**2))
    np.testing.assert_allclose(barrier(2, z), z**4 / ((z**2 - 3) ** 2 + 9 * z**2))
    np.testing.assert_allclose(barrier(3, z), z**6 / (z**2 * (z**2 - 15) ** 2 + 9 * (2 * z**2 - 5) ** 2))
    np.testing.assert_allclose(barrier(4, z), z**8 / ((z**4 - 45 * z**2 + 105) ** 2 + 25 * z**2 * (2 * z**2 - 21) ** 2))


@pytest.mark.parametrize(("spins", "wave"), [((2, 0, 0), 1), ((0, 2, 0), 1), ((4, 0, 0), 2), ((2, 2, 0), 0),
                                             ((3, 1, 0), 1), ((0, 2, 2), 0), ((4, 2, 0), 1), ((0, 4, 2), 1)])
def test_lowest_waves(spins, wave):
    assert lowest_wave(*spins) == wave


def test_other_kinds_of_line_shapes():
    flat = shape_of(Resonance(1.0, 0.1, 0.9, 1.1, FLAT), 0.3, None)
    np.testing.assert_allclose(np.interp([0.9, 0.95, 1.1], flat.mass, flat.cumulative), [0.0, 0.25, 1.0], atol=1e-12)
    simple = shape_of(Resonance(1.0, 0.1, 0.5, 2.5, NON_RELATIVISTIC), 0.3, None)
    angle = lambda m: np.arctan((m - 1.0) / 0.05)  # noqa: E731
    expected = (angle(1.1) - angle(0.5)) / (angle(2.5) - angle(0.5))
    assert np.interp(1.1, simple.mass, simple.cumulative) == pytest.approx(expected, abs=1e-3)
    spikes = shape_of(Resonance(1.0, 0.1, 0.9, 1.1001, SPIKES), 0.3, None)
    np.testing.assert_allclose(np.interp([0.95, 1.05, 1.11], spikes.mass, spikes.cumulative), [1 / 3, 2 / 3, 1.0],
                               atol=1e-4)


def compiled(text):
    findings = Findings("text")
    return compile_table(parse_statements(text, findings), findings), findings


BASE = "Decay B+\n1.0 rho0 K+ SVS;\nEnddecay\nDecay rho0\n0.9 pi+ pi- VSS;\n0.1 eta gamma PHSP;\nEnddecay\n"


def rho_of(text):
    table, findings = compiled(BASE + text)
    assert not findings.items
    channel = table.channels_of("rho0")[0]
    birth = table.channels_of("B+")[0]
    return table, table.shapes[table.shape[channel]], birth


def test_statements_reach_the_line_shapes():
    table, shape, birth = rho_of("")
    assert (table.wave[birth], table.radius[birth]) == (1, 1.0)
    width = table.width[table.index["rho0"]]
    assert shape[0, -1] == pytest.approx(table.mass[table.index["rho0"]] + 15 * width)
    _, cut, _ = rho_of("ChangeMassMin rho0 0.5\nChangeMassMax rho0 1.2\n")
    assert (cut[0, 0], cut[0, -1]) == (0.5, 1.2)
    _, moved, _ = rho_of("Particle rho0 0.8 0.1\n")
    assert moved[0, -1] == pytest.approx(0.8 + 1.5)
    assert rho_of("SetLineshapePW B+ rho0 K+ 0\n")[0].wave[birth] == 0
    assert rho_of("IncludeBirthFactor rho0 no\n")[0].wave[birth] == -1
    assert rho_of("BlattWeisskopfBirth rho0 2.5\n")[0].radius[birth] == 2.5
    mean = np.sum(0.5 * np.diff(shape[2]) * (shape[0, 1:] + shape[0, :-1]))
    for text in ("BlattWeisskopf rho0 0.5\n", "IncludeDecayFactor rho0 no\n", "LSNONRELBW rho0\n",
                 "SetLineshapePW rho0 pi+ pi- 0\n"):
        other = rho_of(text)[1]
        assert abs(np.sum(0.5 * np.diff(other[2]) * (other[0, 1:] + other[0, :-1])) - mean) > 1e-3, text
    _, flat, _ = rho_of("LSFLAT rho0\n")
    assert flat[0, -1] - flat[0, 0] == pytest.approx(2 * width)
    np.testing.assert_allclose(flat[1], flat[1, 0])


def test_statements_hold_for_aliases():
    table, findings = compiled(BASE + "Alias myrho rho0\nDecay myrho\n1.0 pi+ pi- VSS;\nEnddecay\n"
                               "ChangeMassMin rho0 0.5\n")
    assert not findings.items
    assert table.mass_low[table.index["myrho"]] == 0.5


@pytest.mark.parametrize(("text", "code", "line"), [
    ("SetLineshapePW rho0 pi+ pi 1\n", "unknown-particle", "line 8"),
    ("LSFLAT rhoo\n", "unknown-particle", "line 8"),
    ("ChangeMassMin rhoo 0.3\n", "unknown-particle", "line 8"),
    ("ChangeMassMin rho0 2.0\nChangeMassMax rho0 1.0\n", "empty-window", "line 9"),
    ("BlattWeisskopfBirth rho0\n", "syntax", "line 8"),
    ("BlattWeisskopfBirth rho0 -1\n", "negative-radius", "line 8"),
    ("BlattWeisskopf rho0 -1\n", "negative-radius", "line 8"),
    ("Particle rho0 -1\n", "mass", "line 8"),
])
def test_mistakes_in_statements(text, code, line):
    assert (code, line) in {(f.code, f.path) for f in compiled(BASE + text)[1]}
