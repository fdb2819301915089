"""Matrix elements of e+e- -> mu+ mu- X. Oracles: traces of gamma matrices in another representation; the closed forms
of a massless vector radiated by massless fermions and of soft radiation; the volume of phase space by quadrature.

Statistical tests have fixed seeds; bounds are 5 standard deviations (false alarm below 1e-6 each).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.generate.muonx import PSEUDOSCALAR, SCALAR, VECTOR, propose, scratch, squared
from openbfactory.generate.spinors import current, slashed, spinor

MUON, TOTAL = 0.1056583755, 10.58
METRIC = np.diag([1.0, -1, -1, -1])
PAULI = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.array([[1, 0], [0, -1]])]
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = [np.block([[ONE, ZERO], [ZERO, -ONE]]).astype(complex), *(np.block([[ZERO, s], [-s, ZERO]]) for s in PAULI)]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def by_trace(k1, k2, q, mass, kind, sign=1.0):
    """sum |M^x|^2 + |M^y|^2 from traces in Dirac's representation."""
    one = np.eye(4)
    pairs = {SCALAR: [(one, 1.0)], PSEUDOSCALAR: [(1j * GAMMA5, 1.0)],
             VECTOR: [(GAMMA[a], -METRIC[a, a]) for a in range(4)]}[kind]
    d1, d2 = (2 * k @ METRIC @ q + mass**2 for k in (k1, k2))
    total = 0.0
    for vertex, weight in pairs:
        for i in (1, 2):
            m = (vertex @ (slash(k1 + q) + MUON * one) @ GAMMA[i] / d1
                 + sign * GAMMA[i] @ (MUON * one - slash(k2 + q)) @ vertex / d2)
            bar = GAMMA[0] @ m.conj().T @ GAMMA[0]
            total += weight * np.trace((slash(k1) + MUON * one) @ m @ (slash(k2) - MUON * one) @ bar).real
    return total


@pytest.fixture
def rng():
    return np.random.Generator(np.random.PCG64(11))


@pytest.mark.parametrize("kind", [SCALAR, PSEUDOSCALAR, VECTOR])
@pytest.mark.parametrize("mass", [0.2, 1.0, 5.0, 9.0])
def test_amplitudes_equal_traces(rng, kind, mass):
    out, work, wrong = np.empty((3, 4)), scratch(), 0.0
    for _ in range(5):
        assert propose(rng, TOTAL, MUON, mass, out) > 0
        np.testing.assert_allclose(out.sum(0), [TOTAL, 0, 0, 0], atol=1e-12)
        masses = np.sqrt(np.einsum("ij,jk,ik->i", out, METRIC, out))
        np.testing.assert_allclose(masses, [MUON, MUON, mass], atol=1e-6)
        ours = squared(out[0], out[1], out[2], MUON, mass, kind, work)
        assert ours == pytest.approx(by_trace(*out, mass, kind), rel=1e-8)
        wrong += by_trace(*out, mass, kind, sign=-1) / ours
    assert abs(wrong / 5 - 1) > 1e-3  # planted fault


def test_spinors_solve_the_dirac_equation():
    p = np.array([0, 0.3, -1.1, 2.2])
    out, image, vector = (np.empty(4, complex) for _ in range(3))
    p[0] = np.sqrt(MUON**2 + p[1:] @ p[1:])
    for state in range(2):
        for sign in (1.0, -1.0):
            spinor(p, MUON, state, sign, out)
            slashed(p, -sign * MUON, out, image)
            np.testing.assert_allclose(image, 0, atol=1e-12)
            current(out, out, vector)
            np.testing.assert_allclose(vector, 2 * p, atol=1e-12)  # u-bar gamma^mu u = 2 p^mu


def massless(x1, x2, rng, total=TOTAL):
    """Momenta of a massless triple with energies x E / 2, turned at random."""
    x3 = 2 - x1 - x2
    cosine = 1 - 2 * (x1 + x2 - 1) / (x1 * x2)
    k1 = 0.5 * total * x1 * np.array([1, 0, 0, 1])
    k2 = 0.5 * total * x2 * np.array([1, np.sqrt(1 - cosine**2), 0, cosine])
    q = np.array([0.5 * total * x3, *-(k1 + k2)[1:]])
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return [np.array([k[0], *(turn @ k[1:])]) for k in (k1, k2, q)]


def test_massless_vector(rng):
    """Mean over directions 16/3 (x1^2 + x2^2) / ((1 - x1)(1 - x2)) (as for q qbar g; K. Ellis et al. 1976)."""
    for x1, x2 in ((0.7, 0.8), (0.5, 0.9), (0.95, 0.6)):
        values = []
        for _ in range(4000):
            k1, k2, q = massless(x1, x2, rng)
            small = 1e-7
            k1[0], k2[0] = (np.sqrt(small**2 + k[1:] @ k[1:]) for k in (k1, k2))
            q[0] = np.sqrt(small**2 + q[1:] @ q[1:])
            values.append(squared(k1, k2, q, small, small, VECTOR, scratch()))
        expected = 16 / 3 * (x1**2 + x2**2) / ((1 - x1) * (1 - x2))
        assert np.mean(values) == pytest.approx(expected, abs=5 * np.std(values) / np.sqrt(len(values)))


def test_soft_vector(rng):
    """The square of the current k1 / k1.q - k2 / k2.q times the rate of the pair, for a soft light vector."""
    p = np.sqrt(0.25 * TOTAL**2 - MUON**2)
    k1, k2 = np.array([0.5 * TOTAL, 0.6 * p, 0, 0.8 * p]), np.array([0.5 * TOTAL, -0.6 * p, 0, -0.8 * p])
    mass = 1e-5
    q = np.array([0, 2e-4, 1e-4, -3e-4])
    q[0] = np.sqrt(mass**2 + q[1:] @ q[1:])
    current_ = k1 / (k1 @ METRIC @ q + mass**2 / 2) - k2 / (k2 @ METRIC @ q + mass**2 / 2)
    born = sum(np.trace((slash(k1) + MUON * np.eye(4)) @ GAMMA[i] @ (slash(k2) - MUON * np.eye(4)) @ GAMMA[0]
                        @ GAMMA[i].conj().T @ GAMMA[0]).real for i in (1, 2))
    expected = -(current_ @ METRIC @ current_) * born
    assert squared(k1, k2, q, MUON, mass, VECTOR, scratch()) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("mass", [0.2, 3.0, 9.0])
def test_proposals_cover_phase_space(rng, mass):
    """The mean inverse density is the volume of three-body phase space, int ds1 p p' / (128 pi^3 ...)."""
    def breakup(m, a, b):
        return np.sqrt((m**2 - (a + b) ** 2) * (m**2 - (a - b) ** 2)) / (2 * m)

    def integrand(m):
        return (2 * m * breakup(TOTAL, m, MUON) / (4 * np.pi * TOTAL) * breakup(m, MUON, mass) / (4 * np.pi * m)
                / (2 * np.pi))

    volume = quad(integrand, MUON + mass, TOTAL - MUON)[0]
    out = np.empty((3, 4))
    weights = np.array([propose(rng, TOTAL, MUON, mass, out) for _ in range(20_000)])
    assert weights.mean() == pytest.approx(volume, abs=5 * weights.std() / np.sqrt(len(weights)))
    assert weights.std() < 5 * volume


def test_below_threshold(rng):
    assert propose(rng, 1.0, MUON, 0.9, np.empty((3, 4))) == 0.0
