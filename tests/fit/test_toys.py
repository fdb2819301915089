"""Toys: reproducible, unit-normal pulls, coverage, p-values.

Oracle: closed forms (a counting experiment, chi2 distributions); bands of five
standard deviations of the mean, so that a sound code fails once in a million
seeds; each statistical test has a planted fault.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from histfactory_examples import simple_document, two_channels
from scipy.stats import norm

from openbfactory.core.errors import FitError, InputError
from openbfactory.core.random import Address
from openbfactory.fit.estimate import analyse
from openbfactory.fit.impacts import statistical_split as linear_split
from openbfactory.fit.toys import (
    collect,
    fit_chunk,
    fit_toys,
    goodness_of_fit,
    statistical_split,
    throw,
    toy_significance,
)
from openbfactory.fit.toys import tasks as toy_tasks

COUNT = 400


def large(observed: float = 6000.0):
    """One bin, signal 1000 mu on a background of 5000 +- 10 %: nearly Gaussian, far from the bounds."""
    document = simple_document(observed)
    for sample, events in zip(document["channels"][0]["samples"], (1000.0, 5000.0), strict=True):
        sample["data"] = [events]
    document["measurements"][0]["config"]["parameters"] = [{"name": "mu", "inits": [1.0], "bounds": [[-10.0, 10.0]]}]
    return document


@pytest.fixture(scope="module")
def toys():
    analysis = analyse(large())
    return analysis, fit_toys(analysis, COUNT, seed=3, tested=float(analysis.fit.minimum.x[analysis.index]))


def test_pulls_and_coverage(toys):
    analysis, found = toys
    band = 5 / math.sqrt(COUNT)
    for index in range(2):
        pulls = found.pulls(index)
        assert len(pulls) == COUNT
        assert abs(pulls.mean()) < band
        assert abs(pulls.std() - 1) < band / math.sqrt(2)
    share, error = found.coverage()
    assert abs(share - 0.6827) < 5 * error
    # planted fault: auxiliary measurements that do not fluctuate
    wrong = fit_toys(analysis, COUNT, seed=3, auxiliary="nominal").pulls()
    assert abs(wrong.std() - 1) > band


def test_same_numbers_in_any_order(toys):
    analysis, found = toys
    model, truth = analysis.fit.likelihood.model, analysis.fit.minimum.x
    again = fit_toys(analysis, 120, seed=3)
    shuffled = fit_toys(analysis, 120, seed=3, mapper=lambda f, items: [f(t) for t in list(items)[::-1]][::-1])
    assert np.array_equal(again.values, shuffled.values)
    assert np.array_equal(again.values[:100], found.values[:100])
    other = fit_toys(analysis, 50, seed=4)
    assert not np.array_equal(other.values, again.values[:50])
    assert model.expected(truth).sum() == pytest.approx(6000)


def test_thrown_data():
    model = analyse(two_channels()).fit.likelihood.model
    theta = np.where(np.isfinite(model.parameters.center), model.parameters.center, 1.0)
    rng = np.random.default_rng(1)
    likelihoods = [throw(model, theta, rng) for _ in range(2000)]
    counts = np.array([x.observed for x in likelihoods])
    auxiliary = np.array([x.auxdata for x in likelihoods])
    terms = model.constraints
    spread = np.where(terms.is_poisson, np.sqrt(terms.width), terms.width)
    assert np.all(np.abs(auxiliary.mean(0) - terms.auxdata) < 5 * spread / math.sqrt(2000))
    assert np.all(np.abs(auxiliary.std(0) / spread - 1) < 5 / math.sqrt(4000))
    assert np.all(np.abs(counts.mean(0) - model.expected(theta)) < 5 * np.sqrt(model.expected(theta) / 2000))


def test_goodness_of_fit():
    # one parameter and two bins that cannot agree: chi2 with one degree of freedom
    document = simple_document()
    document["channels"][0]["samples"] = [{"name": "signal", "data": [500.0, 500.0], "modifiers": [
        {"name": "mu", "type": "normfactor", "data": None}]}]
    document["observations"][0]["data"] = [530.0, 480.0]
    analysis = analyse(document)
    result = goodness_of_fit(analysis, fit_toys(analysis, COUNT))
    assert result.observed == pytest.approx(50**2 / 1010, rel=0.01)
    assert abs(result.p - result.asymptotic) < 5 * max(result.uncertainty, 0.01)
    document["observations"][0]["data"] = [600.0, 400.0]
    analysis = analyse(document)
    assert goodness_of_fit(analysis, fit_toys(analysis, COUNT)).p == 0.0


def test_significance_of_a_counting_experiment():
    analysis = analyse(large(5800.0))
    result = toy_significance(analysis, COUNT, seed=2)
    sigma = math.sqrt(5000 + 500**2)  # to first order
    assert result.significance == pytest.approx(800 / sigma, abs=0.35)
    assert abs(result.p - result.asymptotic) < 5 * result.uncertainty
    assert result.asymptotic == pytest.approx(norm.sf(800 / sigma), rel=0.1)


def test_statistical_part_of_toys():
    analysis = analyse(large())
    found, expected = statistical_split(analysis, COUNT), linear_split(analysis)
    assert found.statistical == pytest.approx(expected.statistical, rel=5 * 1.3 / math.sqrt(COUNT))
    assert found.total == expected.total


def test_bad_input():
    analysis = analyse(simple_document())
    with pytest.raises(InputError, match="0 toys"):
        fit_toys(analysis, 0)
    below = analysis.fit.minimum.x.copy()
    below[analysis.index] = -100.0
    with pytest.raises(FitError, match="negative"):
        fit_toys(analysis, 1, truth=below)
    model = analysis.fit.likelihood.model
    (task,) = toy_tasks(model, analysis.fit.minimum.x, analysis.index, 3, Address(1, "toys"))
    assert collect([fit_chunk(task)]).values.shape == (3, 2)
