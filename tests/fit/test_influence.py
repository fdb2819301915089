"""Influence of events on unbinned estimates.

Oracles: refits with the events in question; the closed form of the mean of an exponential (its estimate moves by
(t - tau) / n when one event is added, its variance is tau^2 / n); a planted correlation (the same events differ by
nothing, other events by what both uncertainties make).
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.fit.costs import DecayCost, ShapeCost
from openbfactory.fit.influence import block_uncertainty, consistency, influence
from openbfactory.fit.unbinned import fit_unbinned

START = {"tau": 400.0, "bias": 0.0, "scale1": 1.0}
FIXED = ("bias", "scale1")


def decays(seed, n=4000):
    rng = np.random.default_rng(seed)
    sigma = rng.gamma(6.0, 1.0, n) + 1
    return rng.exponential(410.0, n) + sigma * rng.standard_normal(n), sigma


def fitted(t, sigma, fixed=()):
    return fit_unbinned(DecayCost(t, sigma), START, limits={"scale1": (0.3, 3.0)}, fixed=fixed)


def blocks(t, sigma, found, count=50):
    which = np.arange(len(t)) % count
    return np.array([influence(DecayCost(t[which == k], sigma[which == k]), found)[0] for k in range(count)])


def test_a_long_event_moves_the_lifetime_by_the_closed_form():
    t, sigma = decays(1)
    found = fitted(t, sigma, FIXED)
    late = influence(DecayCost(np.array([2000.0]), np.array([1.0])), found)[0]
    assert late == pytest.approx((2000.0 - found["tau"][0]) / len(t), rel=0.01)


def test_a_block_moves_the_estimates_as_a_refit_does():
    t, sigma = decays(2)
    found, more = fitted(t, sigma), decays(3, 80)
    again = fitted(np.append(t, more[0]), np.append(sigma, more[1]))
    moved = influence(DecayCost(*more), found)
    assert moved[0] == pytest.approx(again["tau"][0] - found["tau"][0], rel=0.08, abs=0.02)
    assert np.allclose(influence(DecayCost(*more), found, 0.5), 0.5 * moved)


def test_the_uncertainty_of_blocks_is_that_of_the_fit_and_the_same_events_have_none():
    t, sigma = decays(4)
    found = fitted(t, sigma, FIXED)
    one = blocks(t, sigma, found)
    assert block_uncertainty(one) == pytest.approx(found["tau"][1], rel=0.35)  # 3.5 standard deviations of 50 blocks
    wider = fitted(t, 1.1 * sigma, FIXED)
    assert block_uncertainty(blocks(t, 1.1 * sigma, wider) - one) < 0.02 * found["tau"][1]
    other = decays(5)
    assert block_uncertainty(blocks(*other, fitted(*other, FIXED)) - one) > found["tau"][1]


def test_what_cannot_be_moved_is_named():
    t, sigma = decays(6, 400)
    found = fitted(t, sigma)
    with pytest.raises(InputError, match="scale2"):
        influence(DecayCost(t, sigma, 2), found)
    with pytest.raises(InputError, match="no gradient"):
        influence(ShapeCost(t, (-1e4, 1e5), lambda x, low, high, tau: np.ones(len(x)), ("tau",)), found)
    with pytest.raises(InputError, match="at least 2"):
        block_uncertainty(np.ones(1))


def test_differences_that_share_events_have_one_chi2():
    """Splits of the same Poisson counts: pulls of spread 1, chi2 of mean 3; as if independent it would have more."""
    rng = np.random.default_rng(7)
    expected = rng.uniform(2, 20, 60)
    gains = rng.normal(size=(3, 60))
    gains[1] = gains[0] + 0.3 * gains[1]  # nearly the same split
    pulls, totals = [], []
    for _ in range(600):
        each, total = consistency(gains @ (rng.poisson(expected) - expected), gains, expected)
        pulls.append(each)
        totals.append(total)
    assert np.std(pulls, axis=0) == pytest.approx(np.ones(3), abs=4 / np.sqrt(1200))
    assert np.mean(totals) == pytest.approx(3.0, abs=4 * np.sqrt(6 / 600))
    assert np.var(np.sum(np.square(pulls), axis=1)) > 1.4 * np.var(totals)
