"""Phase space. Oracle: closed forms for two and three bodies; GENBOD weights (James, CERN 68-15) written here for more.

Kolmogorov-Smirnov and chi-squared tests use fixed seeds; the false-alarm probability of each is 1e-3.
"""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from openbfactory.kinematics.phasespace import phase_space, phase_space_weighted, two_body_momentum

ALPHA = 1e-3


def rng(seed):
    return np.random.Generator(np.random.PCG64DXSM(seed))


def pair_mass2(p, *indices):
    total = p[:, list(indices)].sum(axis=1)
    return total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1)


def test_two_body_momentum_closed_form():
    assert two_body_momentum(2.0, 0.0, 0.0) == pytest.approx(1.0)
    assert two_body_momentum(5.27941, 0.493677, 0.1349768) == pytest.approx(2.61486, abs=2e-4)
    assert two_body_momentum(1.0, 0.6, 0.5) == 0.0


@pytest.mark.parametrize("masses", [[0.5], [0.14, 0.14], [2.0, 0.1, 0.0], [0.5] * 4, [0.14] * 6, [0.14, 0.0] * 5])
def test_energy_and_momentum_are_conserved(masses):
    mass = 0.5 if len(masses) == 1 else 5.28
    p = phase_space(mass, masses, 500, rng(1))
    assert np.abs(p.sum(axis=1) - [mass, 0, 0, 0]).max() < 1e-12
    found = p[..., 0] ** 2 - (p[..., 1:] ** 2).sum(axis=-1)
    np.testing.assert_allclose(found, np.broadcast_to(np.square(masses), found.shape), atol=1e-12)


@pytest.mark.parametrize("masses", [
    (0.5, 0.14, 0.14), (1.86, 0.1, 0.0), (2.0, 2.0, 1.2), (0.0, 0.0, 0.0), (0.1, 1.0, 4.1)])
def test_three_bodies_are_flat_in_the_dalitz_plot(masses):
    m, (a, b, c) = 5.28, masses
    s = pair_mass2(phase_space(m, masses, 20_000, rng(2)), 0, 1)
    low, high = (a + b) ** 2, (m - c) ** 2

    def density(x):
        p = two_body_momentum(math.sqrt(x), a, b) if x > 0 else 0.0
        return p * two_body_momentum(m, math.sqrt(x), c) / math.sqrt(max(x, 1e-300))

    nodes = low + (high - low) * np.linspace(0, 1, 4001)
    values = np.array([density(x) for x in np.maximum(nodes, 1e-9)])
    cumulative = integrate.cumulative_trapezoid(values, nodes, initial=0)
    cdf = lambda x: np.interp(x, nodes, cumulative / cumulative[-1])  # noqa: E731
    assert stats.kstest(s, cdf).pvalue > ALPHA
    assert stats.kstest(s, stats.uniform(low, high - low).cdf).pvalue < ALPHA  # a planted fault is caught


def test_three_bodies_fill_the_helicity_angle_evenly():
    p = phase_space(5.28, [1.0, 0.5, 0.3], 20_000, rng(3))
    total = p[:, 0] + p[:, 1]
    # boundary of m23^2 at fixed m12^2: a flat Dalitz plot is flat between the two
    s12, s23 = pair_mass2(p, 0, 1), pair_mass2(p, 1, 2)
    m12 = np.sqrt(s12)
    e2 = (s12 - 1.0**2 + 0.5**2) / (2 * m12)
    e3 = (5.28**2 - s12 - 0.3**2) / (2 * m12)
    p2, p3 = np.sqrt(e2**2 - 0.25), np.sqrt(e3**2 - 0.09)
    cosine = (0.25 + 0.09 + 2 * e2 * e3 - s23) / (2 * p2 * p3)
    assert total.shape == (20_000, 4)
    assert stats.kstest(cosine, stats.uniform(-1, 2).cdf).pvalue > ALPHA


def genbod_masses(m, masses, size, seed):
    """Cluster masses and weights of GENBOD."""
    generator = np.random.default_rng(seed)
    n, kinetic = len(masses), m - sum(masses)
    u = np.sort(generator.random((size, n - 2)), axis=1)
    cluster = np.cumsum(masses) + kinetic * np.hstack([np.zeros((size, 1)), u, np.ones((size, 1))])
    weight = np.ones(size)
    for k in range(1, n):
        a, b, c = cluster[:, k], cluster[:, k - 1], masses[k]
        weight *= np.sqrt(np.maximum((a**2 - (b + c) ** 2) * (a**2 - (b - c) ** 2), 0)) / (2 * a)
    return cluster, weight


@pytest.mark.parametrize("masses", [[0.14] * 4, [0.5, 0.0, 1.8, 0.1, 0.1], [0.14] * 7])
def test_many_bodies_agree_with_genbod(masses):
    p = phase_space(5.28, masses, 20_000, rng(4))
    for k in (1, len(masses) - 2):
        ours = np.sqrt(pair_mass2(p, *range(k + 1)))
        cluster, weight = genbod_masses(5.28, masses, 400_000, 5)
        edges = np.quantile(ours, np.linspace(0, 1, 16))
        edges[0], edges[-1] = 0, 6
        expected, _ = np.histogram(cluster[:, k], edges, weights=weight)
        variance, _ = np.histogram(cluster[:, k], edges, weights=weight**2)
        found, _ = np.histogram(ours, edges)
        scale = len(ours) / weight.sum()
        chi2 = np.sum((found - expected * scale) ** 2 / (found + variance * scale**2))
        assert stats.chi2(len(found) - 1).sf(chi2) > ALPHA


def test_weighted_events_have_the_unweighted_distribution():
    plain = pair_mass2(phase_space(5.28, [0.5, 0.14, 0.1], 40_000, rng(6)), 0, 1)
    p, weights = phase_space_weighted(5.28, [0.5, 0.14, 0.1], 40_000, rng(7))
    assert 0 <= weights.min() <= weights.max() <= 1
    mean = np.average(pair_mass2(p, 0, 1), weights=weights)
    assert abs(mean - plain.mean()) < 4.5 * plain.std() * math.sqrt(2 / 40_000)


def test_a_closed_decay_is_refused():
    with pytest.raises(ValueError, match="not possible"):
        phase_space(1.0, [0.6, 0.5], 1, rng(1))
