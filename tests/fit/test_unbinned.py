"""Unbinned fits, costs and shapes.

Oracle: numerical integration (SciPy) for densities and their norm, central
differences for gradients, closed forms of simple fits, iminuit without gradient,
numba-stats for the Crystal Ball and the ARGUS shape; toys with bands of five
standard deviations.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from iminuit import Minuit
from numba_stats import argus as peer_argus
from numba_stats import crystalball_ex
from scipy import stats
from scipy.integrate import quad
from scipy.special import erfcx

from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.costs import DecayCost, MixtureCost, ShapeCost, Simultaneous
from openbfactory.fit.shapes.argus import argus
from openbfactory.fit.shapes.crystal_ball import double_crystal_ball
from openbfactory.fit.shapes.decay import decay_density, decay_deviance, exponential_gauss, scaled_erfc
from openbfactory.fit.shapes.johnson import johnson_su
from openbfactory.fit.shapes.polynomial import polynomial
from openbfactory.fit.shapes.pseudomass import pseudomass_edge
from openbfactory.fit.unbinned import fit_unbinned

SHAPES = [
    (pseudomass_edge, 1.70, 1.85, (1.777, 0.0015, 0.3, -1.0, 2.0)),
    (double_crystal_ball, -3.0, 5.0, (0.4, 0.7, 1.2, 1.0, 1.6, 4.5)),
    (double_crystal_ball, -0.5, 0.6, (0.1, 0.7, 1.2, 2.0, 1.6, 4.5)),
    (argus, 5.20, 5.29, (5.289, -20.0)),
    (argus, 5.20, 5.289, (5.289, 8.0)),
    (argus, 5.20, 5.289, (5.289, 0.0)),
    (johnson_su, -2.0, 3.0, (0.2, 0.7, -0.4, 1.3)),
    (polynomial, 1.0, 4.0, (0.3, -0.2)),
]


def decays(count: int, seed: int = 1, tau: float = 0.4105) -> tuple[np.ndarray, np.ndarray]:
    """Decay times [ps] with a double Gaussian resolution, scales 1 and 2, fraction 0.8."""
    rng = np.random.default_rng(seed)
    sigma = rng.gamma(8, 0.06 / 8, count) + 0.02
    scale = np.where(rng.random(count) < 0.8, 1.0, 2.0)
    return rng.exponential(tau, count) + scale * sigma * rng.normal(size=count), sigma


@pytest.mark.parametrize(("density", "low", "high", "parameters"), SHAPES)
def test_norm_of_shapes(density, low, high, parameters):
    top = min(high, parameters[0]) if density is argus else high
    integral, _ = quad(lambda v: density(np.array([v]), low, high, *parameters)[0], low, top, limit=500,
                       points=[parameters[0]] if low < parameters[0] < top else None)
    assert integral == pytest.approx(1.0, abs=2e-8)


def test_shapes_agree_with_peers():
    x = np.linspace(-2.9, 4.9, 50)
    mine = double_crystal_ball(x, -3.0, 5.0, 0.4, 0.7, 1.2, 3.0, 1.6, 4.5)
    peer = crystalball_ex.pdf(x, 1.2, 3.0, 0.7, 1.6, 4.5, 0.7, 0.4)
    norm = np.diff(crystalball_ex.cdf(np.array([-3.0, 5.0]), 1.2, 3.0, 0.7, 1.6, 4.5, 0.7, 0.4))
    assert mine == pytest.approx(peer / norm, rel=1e-9)
    m = np.linspace(5.2, 5.28, 20)
    ratio = argus(m, 5.2, 5.29, 5.289, -20.0) / peer_argus.pdf(m, math.sqrt(40.0), 5.289, 0.5)
    assert ratio == pytest.approx(np.full(20, ratio[0]), rel=1e-7)
    z = np.linspace(-2, 3, 9)
    whole = stats.johnsonsu(-0.4, 1.3, 0.2, 0.7)
    assert johnson_su(z, -2.0, 3.0, 0.2, 0.7, -0.4, 1.3) == pytest.approx(
        whole.pdf(z) / (whole.cdf(3.0) - whole.cdf(-2.0)), rel=1e-9)


def test_decay_density():
    for u in (0.0, 0.3, 3.0, 11.99, 12.0, 30.0):
        assert scaled_erfc(u) == pytest.approx(erfcx(u), rel=1e-10)
    for t, width, tau in ((0.3, 0.06, 0.41), (-0.1, 0.06, 0.41), (2.5, 0.1, 0.2), (0.0, 1.0, 0.05), (-0.9, 0.05, 0.4)):
        exact, _ = quad(lambda v: math.exp(-v / tau) / tau * stats.norm.pdf(t - v, 0, width),  # noqa: B023
                        max(0, t - 12 * width), max(0, t) + 12 * width, epsabs=0, epsrel=1e-11)
        assert exponential_gauss(t, width, tau)[0] == pytest.approx(exact, rel=1e-8)
        far, _ = exponential_gauss(-40 * width, width, tau)
        assert 0 <= far < 1e-300


@pytest.mark.parametrize("gaussians", [1, 2, 3])
def test_decay_gradient(gaussians):
    t, sigma = decays(500)
    point = np.array([0.4, 0.01, 1.0, 2.0, 3.5][:2 + gaussians] + [0.7, 0.2][:gaussians - 1])
    cost = DecayCost(t, sigma, gaussians)
    density = decay_density(t, sigma, 0.4, 0.01, point[2:2 + gaussians], point[2 + gaussians:])
    assert cost.value(point) == pytest.approx(-2 * np.log(density).sum(), rel=1e-12)
    for j in range(len(point)):
        step = np.zeros(len(point))
        step[j] = 1e-5
        slope = (cost.value(point + step) - cost.value(point - step)) / 2e-5
        assert cost.gradient(point)[j] == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_lifetime_fit_agrees_with_plain_minuit():
    t, sigma = decays(20_000)
    cost = DecayCost(t, sigma, 2)
    start = {"tau": 0.5, "bias": 0.01, "scale1": 1.2, "scale2": 2.5, "fraction1": 0.6}
    result = fit_unbinned(cost, start, limits={"tau": (0.01, 5), "scale1": (0.1, 5), "scale2": (0.1, 9),
                                               "fraction1": (0, 1)})

    def plain(theta):
        return decay_deviance(t, sigma, theta[0], theta[1], theta[2:4].copy(), theta[4:].copy(), np.zeros(5))

    minuit = Minuit(plain, list(start.values()))
    minuit.errordef, minuit.strategy = 1, 2
    minuit.migrad()
    minuit.hesse()
    assert result.twice_nll == pytest.approx(minuit.fval, abs=1e-3)
    assert result.values == pytest.approx(np.array(minuit.values), abs=0.02 * np.max(minuit.errors))
    assert result.uncertainties == pytest.approx(np.array(minuit.errors), rel=0.01)
    truth = {"tau": 0.4105, "bias": 0.0, "scale1": 1.0, "scale2": 2.0, "fraction1": 0.8}
    for name, exact in truth.items():
        value, error = result[name]
        assert abs(value - exact) < 5 * error
    assert result.warnings == ()


def test_a_fit_without_free_parameters_is_the_value_of_the_cost():
    cost, point = DecayCost(*decays(500, 1)), {"tau": 0.4, "bias": 0.0, "scale1": 1.1}
    found = fit_unbinned(cost, point, fixed=list(point))
    assert found.twice_nll == cost.value(np.array([0.4, 0.0, 1.1]))
    assert found["tau"] == (0.4, 0.0)


def test_lifetime_pulls():
    pulls = []
    for seed in range(40):
        t, sigma = decays(800, seed)
        value, error = fit_unbinned(DecayCost(t, sigma, 2), {"tau": 0.4, "bias": 0.0, "scale1": 1.0, "scale2": 2.0,
                                    "fraction1": 0.8}, fixed=["scale1", "scale2", "fraction1"])["tau"]
        pulls.append((value - 0.4105) / error)
    assert abs(np.mean(pulls)) < 5 / math.sqrt(40)
    assert abs(np.std(pulls) - 1) < 5 / math.sqrt(80)
    # planted fault: a resolution that is too narrow does not move this estimate much, a wrong lifetime does
    t, sigma = decays(20_000, 1, tau=0.45)
    value, error = fit_unbinned(DecayCost(t, sigma), {"tau": 0.4, "bias": 0.0, "scale1": 1.2})["tau"]
    assert abs(value - 0.4105) > 5 * error


def test_extended_fit_and_splot():
    rng = np.random.default_rng(4)
    peak, flat = rng.normal(5.28, 0.003, 600), rng.uniform(5.2, 5.29, 1400)
    peak = peak[(peak > 5.2) & (peak < 5.29)]
    x = np.concatenate([peak, flat])

    def gauss(v, low, high, mean, width):
        return stats.norm.pdf(v, mean, width) / np.diff(stats.norm.cdf([low, high], mean, width))

    cost = MixtureCost(x, (5.2, 5.29), {"n_signal": (gauss, ["mean", "width"]), "n_flat": (polynomial, [])})
    result = fit_unbinned(cost, {"n_signal": 500, "n_flat": 1000, "mean": 5.279, "width": 0.004},
                          limits={"n_signal": (0, 3000), "n_flat": (0, 3000), "width": (0.001, 0.02)})
    assert result.values[:2].sum() == pytest.approx(len(x), rel=1e-3)  # a property of the extended likelihood
    assert abs(result["n_signal"][0] - len(peak)) < 5 * result["n_signal"][1]
    assert result["n_signal"][1] > math.sqrt(result["n_signal"][0])
    weights = cost.splot_weights(result.values)
    assert weights.sum(axis=0) == pytest.approx(np.ones(len(x)), abs=1e-3)
    assert weights.sum(axis=1) == pytest.approx(result.values[:2], rel=1e-3)
    control = np.concatenate([np.ones(len(peak)), np.zeros(len(flat))])  # a variable that does not know x
    assert weights[0] @ control == pytest.approx(len(peak), rel=0.1)


def test_simultaneous_categories():
    one, two = decays(4000, 1), decays(4000, 2)
    both = Simultaneous({"a": DecayCost(*one), "b": DecayCost(*two)})
    start = {"tau": 0.4, "bias": 0.0, "scale1": 1.2}
    together = fit_unbinned(both, start)
    joined = fit_unbinned(DecayCost(np.concatenate([one[0], two[0]]), np.concatenate([one[1], two[1]])), start)
    assert together.values == pytest.approx(joined.values, abs=1e-5)
    assert together.uncertainties == pytest.approx(joined.uncertainties, rel=1e-3)
    mixed = Simultaneous({"a": DecayCost(*one), "b": ShapeCost(np.array([1.0, 2.0]), (0.0, 3.0), polynomial, ["c1"])})
    assert mixed.parameters == ("tau", "bias", "scale1", "c1")
    assert mixed.gradient(np.array([0.4, 0, 1, 0.1])) is None


def test_bad_input():
    t, sigma = decays(50)
    with pytest.raises(InputError, match="first event 3"):
        DecayCost(np.where(np.arange(50) == 3, np.nan, t), sigma)
    with pytest.raises(InputError, match="not positive"):
        DecayCost(t, sigma - 1)
    with pytest.raises(InputError, match="outside"):
        ShapeCost(t, (0.0, 1.0), polynomial, ["c1"])
    with pytest.raises(InputError, match="no event"):
        ShapeCost(np.zeros(0), (0.0, 1.0), polynomial, ["c1"])
    cost = DecayCost(t, sigma)
    with pytest.raises(InputError, match="tau") as caught:
        fit_unbinned(cost, {"tua": 0.4, "bias": math.nan, "scale1": 1.0})
    assert len(caught.value.findings) == 3
    with pytest.raises(FitError, match="zero at the start"):
        fit_unbinned(cost, {"tau": -0.4, "bias": 0.0, "scale1": 1.0})
    flat = ShapeCost(np.full(20, 0.5), (0.0, 1.0), lambda x, low, high, c: np.exp(-c + 0 * x), ["c"])
    with pytest.raises(FitError, match="no minimum"):
        fit_unbinned(flat, {"c": 1.0})
    held = fit_unbinned(cost, {"tau": 0.4, "bias": 0.0, "scale1": 2.0}, limits={"scale1": (1.99, 5.0)})
    assert any("scale1" in w for w in held.warnings)
