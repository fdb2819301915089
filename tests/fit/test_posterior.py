"""Posteriors. Oracle: numerical integration of the likelihood over the nuisance and the coordinate (SciPy)."""

from __future__ import annotations

import numpy as np
import pytest
from histfactory_examples import simple_document
from scipy.integrate import quad
from scipy.stats import norm, poisson

from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.fit.estimate import analyse
from openbfactory.fit.posterior import Coordinate, log_marginal, posterior
from openbfactory.fit.workspace import parse_workspace


@pytest.fixture(scope="module")
def analysis():
    """600 events, signal 100 mu, background 500 with a shape uncertainty of 10 % (linear in its parameter)."""
    document = simple_document(600.0)
    signal, background = document["channels"][0]["samples"]
    signal["data"], background["data"] = [100.0], [500.0]
    background["modifiers"] = [{"name": "shape", "type": "histosys", "data": {"hi_data": [550.0], "lo_data": [450.0]}}]
    return analyse(parse_workspace(document))


def integrated(mu):
    """Likelihood integrated over the nuisance."""
    return quad(lambda t: poisson.pmf(600, 100 * mu + 500 + 50 * t) * norm.pdf(t), -6, 6, epsabs=1e-12)[0]


def test_the_marginal_density_is_the_integral(analysis):
    density = log_marginal(analysis, [Coordinate("mu", "mu", 0.0, 3.0, 13)])
    exact = np.log([integrated(mu) for mu in np.linspace(0.0, 3.0, 13)])
    assert density == pytest.approx(exact - exact.max(), abs=5e-3)


def test_intervals_hold_their_share(analysis):
    found = posterior(analysis, [Coordinate("mu", "mu", 0.0, 4.0, 21)], steps=3000)
    total = quad(integrated, 0.0, 4.0)[0]
    for level in (0.6827, 0.95):
        low, high = found.interval("mu", level)
        assert quad(integrated, low, high)[0] / total == pytest.approx(level, abs=0.012)
        assert integrated(low) == pytest.approx(integrated(high), rel=0.25)
    assert found.mode[0] == pytest.approx(1.0, abs=0.02)
    assert not found.warnings
    assert found.to_dict()["samples"] == len(found.samples)


def test_a_coordinate_may_be_a_function_of_the_parameter(analysis):
    """Flat in c with mu = c^2: p(c) = p_mu(c^2), so the mode stays and the median moves."""
    found = posterior(analysis, [Coordinate("c", "mu", 0.0, 2.0, 21, lambda c: c * c)], steps=3000)
    total = quad(lambda c: integrated(c * c), 0.0, 2.0)[0]
    median = float(np.median(found.samples))
    assert quad(lambda c: integrated(c * c), 0.0, median)[0] / total == pytest.approx(0.5, abs=0.02)
    assert found.mode[0] == pytest.approx(1.0, abs=0.02)


def test_the_same_seed_gives_the_same_samples(analysis):
    coordinates = [Coordinate("mu", "mu", 0.0, 4.0, 9)]
    first, again, other = (posterior(analysis, coordinates, steps=200, seed=s).samples for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_short_chains_say_so_and_nonsense_is_refused(analysis):
    assert "autocorrelation" in posterior(analysis, [Coordinate("mu", "mu", 0.0, 4.0, 9)], steps=100).warnings[0]
    with pytest.raises(InputError) as caught:
        posterior(analysis, [Coordinate("mu", "mu", 3.0, 2.0, 2)], steps=1)
    assert {f.code for f in caught.value.findings} == {"limits", "points", "steps"}
    with pytest.raises(UnknownNameError):
        posterior(analysis, [Coordinate("mu", "nu", 0.0, 2.0)])
