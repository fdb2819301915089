"""Oracles: SciPy (chi2 law, numerical derivatives, general minimiser over all parameters), unit-normal pulls.

Statistical tests use fixed seeds; thresholds correspond to a false-alarm rate of 1e-4 each.  A covariance that is
wrong by 20 % is planted and must be caught.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from openbfactory.kinematics import helix, vertexfit

FIELD = 1.5
SIGMA = np.array([20e-4, 0.5e-3, 2e-5, 25e-4, 0.5e-3])
UPPER = np.triu_indices(5)


def _covariance(rng: np.random.Generator) -> np.ndarray:
    """Positive-definite 5 x 5 covariance with correlations."""
    mix = np.eye(5) + 0.3 * rng.normal(size=(5, 5))
    matrix = mix @ mix.T
    matrix /= np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    return matrix * np.outer(SIGMA, SIGMA)


def _sample(n: int, k: int, *, seed: int, inflate: float = 1.0, spread: float = 0.05) -> dict[str, np.ndarray]:
    """``n`` vertices of ``k`` tracks: true helices smeared with their own covariance (times ``inflate``)."""
    rng = np.random.default_rng(seed)
    vertex = rng.normal(0, spread, (n, 3))
    momentum = rng.normal(0, 0.7, (n * k, 3))
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    momentum[:, :2] *= (np.maximum(pt, 0.15) / pt)[:, None]
    momentum[:, 2] = np.clip(momentum[:, 2], -1, 2)
    true = helix.helices_of_particles(np.repeat(vertex, k, 0), momentum, rng.choice([-1.0, 1.0], n * k), FIELD)
    cov = np.array([_covariance(rng) for _ in range(n * k)])
    noise = np.einsum("nij,nj->ni", np.linalg.cholesky(cov), rng.normal(size=(n * k, 5)))
    return {"vertex": vertex, "momentum": momentum, "helix": true + inflate * noise,
            "cov": np.ascontiguousarray(cov[:, UPPER[0], UPPER[1]]), "members": np.arange(n * k),
            "offsets": np.arange(n + 1) * k}


def _fit(s: dict[str, np.ndarray], **options: np.ndarray) -> vertexfit.VertexFits:
    return vertexfit.fit_vertices(s["helix"], s["cov"], s["members"], s["offsets"], field=FIELD, **options)


@pytest.mark.parametrize("ndf", [1, 2, 3, 4, 7, 10, 25])
def test_chi2_probability_is_that_of_scipy(ndf: int) -> None:
    for chi2 in (0.0, 0.01, 1.0, 5.0, 40.0, 300.0):
        assert vertexfit.chi2_probability(chi2, ndf) == pytest.approx(stats.chi2.sf(chi2, ndf), rel=1e-11, abs=1e-300)


def test_chi2_probability_of_nothing_is_nan() -> None:
    assert math.isnan(vertexfit.chi2_probability(1.0, 0))
    assert math.isnan(vertexfit.chi2_probability(math.nan, 3))


def test_derivatives_are_those_of_finite_differences() -> None:
    s = _sample(20, 1, seed=1, spread=1.0)
    scale = np.array([1e-5, 1e-6, 1e-8, 1e-5, 1e-6])
    for h, v in zip(s["helix"], s["vertex"] + 0.3, strict=True):
        w = np.zeros(vertexfit.WORK)
        vertexfit.linearise(h, v, w)
        by_helix = {0: [w[4], w[5], w[6], 0.0, 0.0], 1: [w[7], w[8], w[9], 1.0, w[3]]}
        by_vertex = {0: [w[10], w[11], 0.0], 1: [w[12], w[13], -1.0]}
        for row in (0, 1):
            for j in range(5):
                step = np.zeros(5)
                step[j] = scale[j]
                assert by_helix[row][j] == pytest.approx(_difference(h, v, step, np.zeros(3), row) / (2 * scale[j]),
                                                         rel=1e-5, abs=1e-6)
            for j in range(3):
                step = np.zeros(3)
                step[j] = 1e-5
                assert by_vertex[row][j] == pytest.approx(_difference(h, v, np.zeros(5), step, row) / 2e-5,
                                                          rel=1e-5, abs=1e-6)


def _difference(h: np.ndarray, v: np.ndarray, dh: np.ndarray, dv: np.ndarray, row: int) -> float:
    up, down = np.zeros(vertexfit.WORK), np.zeros(vertexfit.WORK)
    vertexfit.linearise(h + dh, v + dv, up)
    vertexfit.linearise(h - dh, v - dv, down)
    return float(up[row] - down[row])


def test_the_minimum_is_that_of_a_general_minimiser() -> None:
    """The oracle fits vertex and all momenta at once with the exact helix and no elimination."""
    k = 3
    s = _sample(4, k, seed=2)
    fits = _fit(s)
    for i in range(4):
        rows = slice(i * k, (i + 1) * k)
        cov = np.zeros((k, 5, 5))
        cov[:, UPPER[0], UPPER[1]] = s["cov"][rows]
        cov[:, UPPER[1], UPPER[0]] = s["cov"][rows]
        white = np.linalg.inv(np.linalg.cholesky(cov))

        def residual(x: np.ndarray, white: np.ndarray = white, h: np.ndarray = s["helix"][rows]) -> np.ndarray:
            momenta = x[3:].reshape(k, 3)
            position = np.tile(x[:3] * 1e-2, (k, 1))
            model = helix.helices_of_particles(position, momenta, np.sign(h[:, 2]), FIELD)
            difference = h - model
            difference[:, 1] = np.angle(np.exp(1j * difference[:, 1]))
            return np.einsum("nij,nj->ni", white, difference).ravel()

        begin = np.concatenate([100 * s["vertex"][i], s["momentum"][rows].ravel()])
        best = optimize.least_squares(residual, begin, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14)
        assert fits.chi2[i] == pytest.approx(2 * best.cost, rel=2e-3)
        sigma = np.sqrt(np.diag(fits.covariance[i]))
        assert np.all(abs(fits.position[i] - 1e-2 * best.x[:3]) < 0.03 * sigma)
        covariance = 1e-4 * np.linalg.inv(best.jac.T @ best.jac)[:3, :3]
        assert np.allclose(fits.covariance[i], covariance, rtol=0.02, atol=0.02 * sigma.min() ** 2)
        assert np.allclose(fits.momentum[rows], best.x[3:].reshape(k, 3), rtol=1e-3, atol=1e-4)


def _pulls(s: dict[str, np.ndarray], fits: vertexfit.VertexFits) -> np.ndarray:
    return (fits.position - s["vertex"]) / np.sqrt(np.einsum("nii->ni", fits.covariance))


@pytest.mark.parametrize("k", [2, 3, 6])
def test_pulls_are_unit_normal_and_probability_is_flat(k: int) -> None:
    n = 3000
    s = _sample(n, k, seed=10 + k)
    fits = _fit(s)
    assert np.count_nonzero(fits.state) == 0
    pulls = _pulls(s, fits)
    assert np.all(abs(pulls.mean(0)) < 3.9 / math.sqrt(n))
    assert np.all(abs(pulls.std(0) - 1) < 3.9 / math.sqrt(2 * n))
    assert np.all(fits.ndf == 2 * k - 3)
    assert stats.kstest(fits.pValue, "uniform").pvalue > 1e-4


def test_a_covariance_wrong_by_a_fifth_is_caught() -> None:
    n = 3000
    s = _sample(n, 3, seed=20, inflate=1.2)
    fits = _fit(s)
    assert stats.kstest(fits.pValue, "uniform").pvalue < 1e-4
    assert np.any(abs(_pulls(s, fits).std(0) - 1) > 3.9 / math.sqrt(2 * n))


def test_prior_is_one_more_measurement() -> None:
    n = 3000
    sigma = np.array([0.05, 0.05, 0.05])
    s = _sample(n, 2, seed=21)
    fits = _fit(s, prior_mean=np.zeros(3), prior_covariance=np.diag(sigma**2))
    assert np.all(fits.ndf == 4)
    assert stats.kstest(fits.pValue, "uniform").pvalue > 1e-4
    assert np.all(abs(_pulls(s, fits).std(0) - 1) < 3.9 / math.sqrt(2 * n))
    free = _fit(s)
    assert np.all(np.einsum("nii->n", fits.covariance) < np.einsum("nii->n", free.covariance))


def test_refit_improves_the_direction_of_the_tracks() -> None:
    s = _sample(3000, 4, seed=22)
    fits = _fit(s)
    measured = helix.momenta_at_poca(s["helix"], FIELD)
    phi = [np.angle(np.exp(1j * (np.arctan2(p[:, 1], p[:, 0]) - np.arctan2(s["momentum"][:, 1], s["momentum"][:, 0]))))
           for p in (measured, fits.momentum)]
    assert phi[1].std() < phi[0].std()


def test_result_does_not_depend_on_the_start() -> None:
    s = _sample(200, 2, seed=23, spread=2.0)
    near = _fit(s, start=s["vertex"])
    far = _fit(s, start=s["vertex"] + 0.5)
    good = (near.state == 0) & (far.state == 0)
    assert good.mean() > 0.95
    step = (near.position - far.position)[good] / np.sqrt(np.einsum("nii->ni", near.covariance))[good]
    assert np.quantile(abs(step), 0.9) < 0.02


def test_failures_are_flagged_and_hold_nan() -> None:
    s = _sample(3, 2, seed=24)
    h = s["helix"].copy()
    h[1] = h[0]  # two equal tracks: no vertex
    h[2, 0] = np.nan
    cov = s["cov"].copy()
    cov[1] = cov[0]
    fits = vertexfit.fit_vertices(h, cov, np.array([0, 1, 2, 3, 4]), np.array([0, 2, 4, 5, 5]), field=FIELD)
    assert list(fits.state) == [vertexfit.SINGULAR, vertexfit.SINGULAR, vertexfit.TOO_FEW, vertexfit.TOO_FEW]
    assert np.all(np.isnan(fits.chi2))
    assert np.all(np.isnan(fits.pValue))
    assert np.all(np.isnan(fits.position))


def test_fits_repeat_bit_by_bit() -> None:
    s = _sample(50, 3, seed=25)
    assert _fit(s).chi2.tobytes() == _fit(s).chi2.tobytes()
