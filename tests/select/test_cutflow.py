"""Cutflows, efficiencies and intervals.  Oracles: counting by hand, the binomial formula, SciPy's exact intervals and
the spread of repeated experiments."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import InputError
from openbfactory.core.random import Address
from openbfactory.select.cutflow import add_cutflows, cutflow, from_dict
from openbfactory.select.intervals import (
    beyond_chance,
    binomial_uncertainty,
    clopper_pearson,
    efficiency_by_bin,
    poisson_interval,
    share,
)
from openbfactory.select.performance import weighted_median, weighted_share

CUTS = {"tracks": [1, 1, 1, 0], "kaonID": [1, 0, 1, 1], "BDT1": [0, 1, 1, 1]}
WEIGHTS = [1.0, 2.0, 3.0, 4.0]


def test_steps_are_counted_in_order():
    flow = cutflow(CUTS, WEIGHTS, first="generated")
    assert flow.names == ("generated", "tracks", "kaonID", "BDT1")
    assert [s.count for s in flow.steps] == [4, 3, 2, 1]
    assert [s.weight for s in flow.steps] == [10.0, 6.0, 4.0, 3.0]
    assert [s.weight2 for s in flow.steps] == [30.0, 14.0, 10.0, 9.0]
    assert flow.relative(2).value == pytest.approx(4 / 6)
    assert flow.efficiency().value == pytest.approx(0.3)


def test_unweighted_uncertainty_is_the_binomial_one():
    flow = cutflow({"cut": np.arange(1000) < 80})
    assert flow.efficiency().uncertainty == pytest.approx(np.sqrt(0.08 * 0.92 / 1000))


def test_weighted_uncertainty_is_the_spread_of_repeated_experiments():
    """2000 experiments of 200 weighted events; the spread is known to 1.6 %, bound 5 sigma."""
    rng = Address(1, "cutflow").generator()
    weights = rng.exponential(size=(2000, 200))
    passed = rng.random((2000, 200)) < 0.3
    ratios = (weights * passed).sum(1) / weights.sum(1)
    flow = [cutflow({"cut": p}, w).efficiency().uncertainty for p, w in zip(passed[:200], weights, strict=False)]
    assert np.mean(flow) == pytest.approx(ratios.std(), rel=5 * 0.016)
    naive = np.sqrt(0.3 * 0.7 / 200)
    assert not np.isclose(naive, ratios.std(), rtol=5 * 0.016)


def test_chunks_add_up_to_the_whole():
    rng = Address(2, "cutflow").generator()
    masks, weights = {n: rng.random(99) < 0.5 for n in "abc"}, rng.integers(1, 9, 99).astype(float)
    whole = cutflow(masks, weights)
    parts = [cutflow({n: m[i::3] for n, m in masks.items()}, weights[i::3]) for i in range(3)]
    assert add_cutflows(parts) == whole


def test_stages_continue_each_other():
    first = cutflow({"trigger": [1, 1, 0]}, first="generated")
    second = cutflow({"BDT1": [1, 0]}, first="trigger")
    assert first.then(second).names == ("generated", "trigger", "BDT1")
    with pytest.raises(InputError, match="5 events after a step that left 2"):
        first.then(cutflow({"BDT1": np.ones(5)}, first="candidate"))
    with pytest.raises(InputError, match="is a step already"):
        first.then(cutflow({"generated": [1, 0]}, first="candidate"))


def test_unequal_cutflows_are_refused_by_name():
    with pytest.raises(InputError, match="did you mean 'kaonID'"):
        cutflow({"kaonID": [1]}) + cutflow({"kaonId": [1]})
    with pytest.raises(InputError, match="another order"):
        cutflow({"a": [1], "b": [1]}) + cutflow({"b": [1], "a": [1]})
    with pytest.raises(InputError, match="shape"):
        cutflow({"a": [1, 0], "b": [1]})
    with pytest.raises(InputError, match="no cutflow"):
        add_cutflows([])


def test_nothing_in_is_absent_not_a_number():
    flow = cutflow({"a": np.zeros(0)})
    assert flow.efficiency() is None
    assert flow.to_dict()["steps"][1]["efficiency"] is None


def test_json_round_trip_is_exact():
    flow = cutflow(CUTS, np.array(WEIGHTS) / 3)
    assert from_dict(json.loads(json.dumps(flow.to_dict()))) == flow
    with pytest.raises(InputError, match="damaged"):
        from_dict({"steps": [{"name": "a"}]})


def test_intervals_are_scipys():
    k, n = np.array([0, 3, 50, 100]), np.array([100, 100, 100, 100])
    low, high = clopper_pearson(k, n)
    for i in range(4):
        exact = stats.binomtest(int(k[i]), int(n[i])).proportion_ci(0.6826894921370859, method="exact")
        assert (low[i], high[i]) == pytest.approx((exact.low, exact.high), abs=1e-12)
    counts = np.array([0.0, 1.0, 12.0])
    low, high = poisson_interval(counts)
    tail = 0.5 * (1 - 0.6826894921370859)
    np.testing.assert_allclose(low, [0.0, *stats.chi2.ppf(tail, 2 * counts[1:]) / 2], rtol=1e-12)
    np.testing.assert_allclose(high, stats.chi2.ppf(1 - tail, 2 * counts + 2) / 2, rtol=1e-12)


def test_efficiency_in_bins_covers_the_truth():
    """Coverage of the 68 % interval in 600 bins of a known value; bound 5 sigma, the method covers at least that."""
    rng = Address(4, "efficiency").generator()
    x = rng.uniform(0, 600, 60_000)
    found = efficiency_by_bin(x, rng.random(x.size) < 0.1, np.arange(601.0))
    covers = np.mean([lo <= 0.1 <= hi for lo, hi in zip(found.low, found.high, strict=True)])
    assert covers > 0.683 - 5 * np.sqrt(0.683 * 0.317 / 600)


def test_empty_bins_are_absent():
    found = efficiency_by_bin([0.5, 2.0], [True, False], [0.0, 1.0, 1.5, 2.0])
    assert found.values == (1.0, None, 0.0)
    assert binomial_uncertainty(0, 0, 0, 0) is None
    with pytest.raises(InputError, match="rise"):
        efficiency_by_bin([1.0], [True], [1.0, 0.0])


def test_shares_have_the_spread_of_their_uncertainty():
    """Mean and pull of 2000 drawn shares within four standard deviations; none of ten is not certain to be none."""
    rng = np.random.default_rng(1)
    values = np.array([share(k, 400) for k in rng.binomial(400, 0.3, 2000)])
    assert abs(values[:, 0].mean() - 0.3) < 4 * 0.0229 / np.sqrt(2000) + 5e-4  # and the shift of 1/2 in 401
    assert np.std((values[:, 0] - 0.3) / values[:, 1]) == pytest.approx(1.0, abs=4 / np.sqrt(4000))
    assert share(0, 10)[1] > 0.05
    drawn = []
    for _ in range(400):
        seen, chance = (rng.random(500) < p for p in (1 - 0.6 * 0.8, 0.2))  # 0.4 seen, or by chance with 0.2
        drawn.append(beyond_chance(seen, chance))
    value, sigma = np.transpose(drawn)
    assert value.mean() == pytest.approx(0.4, abs=4 * sigma.mean() / 20)
    assert np.std(value) == pytest.approx(sigma.mean(), rel=4 / np.sqrt(800))


def test_weighted_median_and_share_are_those_of_repeated_rows():
    rng = np.random.default_rng(2)
    values, weights = rng.normal(size=301), rng.integers(1, 5, 301)
    assert weighted_median(values, weights) == np.quantile(np.repeat(values, weights), 0.5, method="inverted_cdf")
    assert weighted_share(values < 0.3, weights)[0] == np.mean(np.repeat(values < 0.3, weights))
    value, sigma = weighted_share(values < 0.3)
    assert sigma == pytest.approx(np.sqrt(value * (1 - value) / 301))
    assert weighted_share(values < 0.3, learned=301)[1] == pytest.approx(np.sqrt(2) * sigma)
