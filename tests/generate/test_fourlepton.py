"""Four leptons at tree level. Oracles: the same diagrams with explicit matrices in Dirac's representation; the rate of
a massive vector (a pair averaged over its angles); the volume of four-body phase space by quadrature.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each).
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import dblquad

from openbfactory.core.random import Address
from openbfactory.generate import SAMPLES, fourlepton, fourleptonevents, generate_events, muonx
from openbfactory.physics.particles import species

MUON, TAU = species("mu-").mass, species("tau-").mass
TOTAL = 10.58
METRIC = np.diag([1.0, -1, -1, -1])
PAULI = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.array([[1, 0], [0, -1]])]
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = [np.block([[ONE, ZERO], [ZERO, -ONE]]).astype(complex), *(np.block([[ZERO, s], [-s, ZERO]]) for s in PAULI)]
UNIT = np.eye(4)


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def spinors(p, mass, sign):
    """Two spinors u (sign +1) or v (-1)."""
    basis = UNIT[:, :2] if sign > 0 else UNIT[:, 2:]
    return ((slash(p) * sign + mass * UNIT) @ basis / np.sqrt(p[0] + mass)).T


def bar(a):
    return a.conj() @ GAMMA[0]


def chain(left, matrices, right):
    return [left @ m @ right for m in matrices]


def amplitude(beams, k, s, masses):
    """Amplitude of given spinors s = (u1, v1, u2, v2), beams = (p, p', u, vbar)."""
    p, _, u, vbar = beams
    q = [k[0] + k[1], k[2] + k[3]]
    square = [x @ METRIC @ x for x in q]
    currents = [np.array(chain(bar(s[2 * i]), GAMMA, s[2 * i + 1])) for i in range(2)]
    e = np.array(chain(vbar, GAMMA, u))
    value = 0.0
    for first in range(2):
        m, j, other = masses[first], slash(currents[1 - first]), q[1 - first]
        one, two = k[2 * first] + other, k[2 * first + 1] + other
        left = j @ (slash(one) + m * UNIT) / (one @ METRIC @ one - m * m)
        right = (m * UNIT - slash(two)) @ j / (two @ METRIC @ two - m * m)
        found = np.array([bar(s[2 * first]) @ (left @ g + g @ right) @ s[2 * first + 1] for g in GAMMA])
        value += e @ METRIC @ found / (TOTAL**2 * square[1 - first])
    j1, j2 = (slash(c) for c in currents)
    a, b = p - q[0], p - q[1]
    inner = j2 @ slash(a) @ j1 / (a @ METRIC @ a) + j1 @ slash(b) @ j2 / (b @ METRIC @ b)
    return value + vbar @ inner @ u / (square[0] * square[1])


def by_matrices(k, masses, equal, exchange=-1.0):
    half = 0.5 * TOTAL
    p, pbar = half * np.array([1, 0, 0, 1]), half * np.array([1, 0, 0, -1])
    sets = [spinors(k[i], masses[i // 2], 1 - 2 * (i % 2)) for i in range(4)]
    total = 0.0
    for u, v in itertools.product(spinors(p, 0.0, 1), spinors(pbar, 0.0, -1)):
        beams = (p, pbar, u, bar(v))
        for s in itertools.product(*sets):
            value = amplitude(beams, k, s, masses)
            if equal:
                value += exchange * amplitude(beams, [k[2], k[1], k[0], k[3]], (s[2], s[1], s[0], s[3]), masses)
            total += abs(value) ** 2
    return 0.25 * total if equal else total


@pytest.fixture
def rng():
    return np.random.Generator(np.random.PCG64(17))


@pytest.mark.parametrize(("second", "equal"), [(TAU, False), (MUON, True)])
def test_amplitudes_equal_matrices(rng, second, equal):
    masses, work, wrong = np.array([MUON, second]), fourlepton.scratch(), 0.0
    out, three = np.empty((4, 4)), np.empty((3, 4))
    for _ in range(4):
        while fourleptonevents.propose_four(rng, TOTAL, masses, equal, three, out) == 0.0:
            pass
        np.testing.assert_allclose(out.sum(0), [TOTAL, 0, 0, 0], atol=1e-10)
        ours = fourlepton.squared(out, masses, TOTAL, equal, 7, work)
        assert ours == pytest.approx(by_matrices(out, masses, equal), rel=1e-6)
        wrong += abs(by_matrices(out, masses, True, exchange=1.0) / ours - 1) if equal else 0.0
    assert wrong > 1e-3 or not equal  # planted fault: the sign of the exchange


def test_radiated_pair_is_a_vector(rng):
    """Averaged over the angles of the pair, sum J J* is 4/3 (q^2 + 2 m^2) times a sum over polarisations."""
    mass, work, three, values = 5.0, fourlepton.scratch(), np.empty((3, 4)), []
    masses = np.array([MUON, TAU])
    while muonx.propose(rng, TOTAL, MUON, mass, three) == 0.0:
        pass
    expected = muonx.squared(three[0], three[1], three[2], MUON, mass, muonx.VECTOR, muonx.scratch())
    out = np.empty((4, 4))
    out[:2] = three[:2]
    for _ in range(4000):
        fourleptonevents._pair(rng, three[2], mass, TAU, 2, out)
        values.append(fourlepton.squared(out, masses, TOTAL, False, 1, work))
    # the beams: sum |E|^2 is 2 s for either transverse direction
    expected *= 4 / 3 * (mass**2 + 2 * TAU**2) / mass**4 * 2 * TOTAL**2 / TOTAL**4
    assert np.mean(values) == pytest.approx(expected, abs=5 * np.std(values) / np.sqrt(len(values)))


@pytest.mark.parametrize("equal", [False, True])
def test_proposals_cover_phase_space(rng, equal):
    masses = np.array([MUON, MUON if equal else TAU])

    def two(m, a, b):
        return np.sqrt(max((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2), 0)) / (8 * np.pi * m**2)

    low = 2 * masses
    volume = dblquad(lambda b, a: 4 * a * b / (4 * np.pi**2) * two(TOTAL, a, b) * two(a, masses[0], masses[0])
                     * two(b, masses[1], masses[1]), low[0], TOTAL - low[1], low[1], lambda a: TOTAL - a)[0]
    out, three = np.empty((4, 4)), np.empty((3, 4))
    w = np.array([fourleptonevents.propose_four(rng, TOTAL, masses, equal, three, out) for _ in range(20_000)])
    assert w.mean() == pytest.approx(volume, abs=5 * w.std() / np.sqrt(len(w)))


def test_events(machine):
    for name, count in (("mumutautau", 1), ("mumumumu", 2)):
        events, counts = generate_events(name, 200, Address(1, name), machine)
        p = events["MCParticles"]
        final, index, first = p["status"] == 1, p.event_index(), p.offsets[:-1]
        for k in ("E", "px", "py", "pz"):
            np.testing.assert_allclose(np.bincount(index[final], p[k][final]), p[k][first], atol=1e-9)
        primary = p["mother"] == 0
        assert np.count_nonzero(primary & (p["PDG"] == 13)) == 200 * count
        assert np.count_nonzero(primary & (p["PDG"] == 15)) == 200 * (2 - count)
        assert counts.excess <= 2
        value, error = SAMPLES[name].cross_section({}, machine)
        assert 0 < error < 0.05 * value
