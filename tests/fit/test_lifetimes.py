"""Lifetime fits with background.

Oracles: numerical integration and numerical derivatives (SciPy) of the densities; samples drawn from them whose
parameters must come back (pulls below 4: false alarms 6e-5 a parameter); a planted fault: another ratio of the
densities of the uncertainties, or no background, moves the lifetime.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime

from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.costs import DecayCost, Simultaneous
from openbfactory.fit.lifetimes import BACKGROUND_NAMES, LifetimeCost, NormalConstraint, density_ratio
from openbfactory.fit.unbinned import fit_unbinned

TRUTH = {"purity": 0.9, "tau": 1030.0, "bias": 3.0, "scale1": 1.1, "background_bias": 1.0, "background_scale": 1.2,
         "background_tau1": 300.0, "background_tau2": 900.0, "background_lived": 0.7, "background_share": 0.6}
LIMITS = {"tau": (1.0, 5000.0), "scale1": (0.3, 3.0), "purity": (0.0, 1.0), "background_scale": (0.3, 3.0),
          "background_tau1": (1.0, 3000.0), "background_tau2": (1.0, 3000.0), "background_lived": (0.0, 1.0),
          "background_share": (0.0, 1.0)}


def background(rng, n):
    sigma = rng.gamma(6.0, 18.0, n) + 30
    lived = rng.random(n) < TRUTH["background_lived"]
    tau = np.where(rng.random(n) < TRUTH["background_share"], TRUTH["background_tau1"], TRUTH["background_tau2"])
    t = np.where(lived, rng.exponential(tau), 0.0)
    return t + TRUTH["background_bias"] + TRUTH["background_scale"] * sigma * rng.standard_normal(n), sigma


def signal(rng, n):
    sigma = rng.gamma(5.0, 12.0, n) + 30
    return (rng.exponential(TRUTH["tau"], n) + TRUTH["bias"] + TRUTH["scale1"] * sigma * rng.standard_normal(n), sigma)


def regions(seed, n=20_000, sideband=6_000):
    rng = np.random.default_rng(seed)
    k = rng.binomial(n, TRUTH["purity"])
    ts, ss = signal(rng, k)
    tb, sb = background(rng, n - k)
    return (np.concatenate([ts, tb]), np.concatenate([ss, sb])), background(rng, sideband)


def fit(inside, outside, *, ratio=None):
    cost = Simultaneous({"signal region": LifetimeCost(*inside, ratio, 1), "sideband": LifetimeCost(*outside, None, 0),
                         "purity": NormalConstraint("purity", TRUTH["purity"], 0.005)})
    start = TRUTH | {"tau": 900.0, "background_tau1": 250.0, "scale1": 1.0, "bias": 0.0}
    return fit_unbinned(cost, start, limits=LIMITS)


@pytest.mark.parametrize("gaussians", [0, 1, 2])
def test_density_is_normalised(gaussians):
    extra = {0: [], 1: [0.9, 410.0, 2.0, 1.1], 2: [0.9, 410.0, 2.0, 1.0, 2.0, 0.8]}[gaussians]
    theta = np.array([*extra, 1.0, 1.2, 300.0, 900.0, 0.7, 0.6])

    def density(t):
        cost = LifetimeCost(np.array([t]), np.array([70.0]), np.array([1.0]), gaussians)
        return np.exp(-0.5 * cost.value(theta))

    assert quad(density, -2000, 30000, limit=400, points=[-200, 0, 200, 1000])[0] == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("gaussians", [0, 1, 2])
def test_gradient(gaussians):
    rng = np.random.default_rng(4)
    (t, sigma), _ = regions(4, 200, 10)
    extra = {0: [], 1: [0.9, 410.0, 2.0, 1.1], 2: [0.9, 410.0, 2.0, 1.0, 2.0, 0.8]}[gaussians]
    theta = np.array([*extra, 1.0, 1.2, 300.0, 900.0, 0.7, 0.6])
    cost = LifetimeCost(t, sigma, rng.uniform(0.5, 2, len(t)), gaussians)
    numerical = approx_fprime(theta, cost.value, 1e-6 * np.maximum(np.abs(theta), 0.1))
    assert np.allclose(cost.gradient(theta), numerical, rtol=2e-4, atol=2e-3)


def test_parameters_come_back_and_a_planted_fault_does_not():
    inside, outside = regions(1)
    found = fit(inside, outside, ratio=density_ratio(inside[1], outside[1], TRUTH["purity"]))
    for name in ("tau", "bias", "scale1", "purity", "background_bias", "background_scale"):
        value, sigma = found[name]
        assert abs(value - TRUTH[name]) < 4 * sigma, name
    pure = fit_unbinned(LifetimeCost(*inside, None, 1), TRUTH | {"purity": 1.0}, limits=LIMITS,
                        fixed=("purity", *BACKGROUND_NAMES))
    assert abs(pure["tau"][0] - TRUTH["tau"]) > 4 * pure["tau"][1]


def test_fixed_parameters_do_not_disturb_the_others():
    (t, sigma), _ = regions(5, 4000, 10)
    cost = LifetimeCost(t, sigma, None, 1)
    start = TRUTH | {"purity": 1.0, "tau": 900.0}
    kept = fit_unbinned(cost, start, limits=LIMITS, fixed=("purity", *BACKGROUND_NAMES))
    alone = fit_unbinned(DecayCost(t, sigma, 1), {"tau": 900.0, "bias": 3.0, "scale1": 1.1})
    for name in alone.names:
        assert kept[name] == pytest.approx(alone[name], rel=1e-3, abs=1e-2)
    assert kept["purity"] == (1.0, 0.0)


def test_the_ratio_of_the_uncertainties():
    (_, sigma), (_, side) = regions(2, 200_000, 200_000)
    rng = np.random.default_rng(3)
    s, b = rng.gamma(5.0, 12.0, 1_000_000) + 30, rng.gamma(6.0, 18.0, 1_000_000) + 30
    edges = np.linspace(50, 140, 10)
    expected = np.histogram(b, edges)[0] / np.histogram(s, edges)[0]
    ratio, place = density_ratio(sigma, side, TRUTH["purity"]), np.digitize(sigma, edges) - 1
    means = np.array([ratio[place == k].mean() for k in range(9)])
    assert np.allclose(means, expected, rtol=0.12)


def test_bad_data_is_named():
    t, sigma = np.array([1.0, np.nan]), np.array([1.0, -1.0, 2.0])
    with pytest.raises(InputError) as caught:
        LifetimeCost(t, sigma, None, 5)
    assert all(word in str(caught.value) for word in ("t", "sigma", "0, 1, 2 or 3"))
    with pytest.raises(InputError, match="positive"):
        NormalConstraint("purity", 0.9, 0.0)


def test_a_start_with_negative_curvature_is_survived():
    rng = np.random.default_rng(8)
    sigma = rng.gamma(5.0, 20.0, 120) + 30
    t = rng.exponential(410.0, 120) + sigma * rng.standard_normal(120)
    cost = DecayCost(t, sigma, 2)
    for fraction in (0.55, 0.9, 0.999):
        start = {"tau": 100.0, "bias": 300.0, "scale1": 2.5, "scale2": 9.0, "fraction1": fraction}
        limits = {"scale1": (0.3, 3.0), "scale2": (1.2, 10.0), "fraction1": (0.5, 1.0), "tau": (20.0, 8000.0)}
        with contextlib.suppress(FitError):
            assert 200 < fit_unbinned(cost, start, limits=limits)["tau"][0] < 800
