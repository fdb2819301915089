"""The rules of the validation table. Oracle: the chi-squared distribution of equal samples, planted differences, and
verdicts that its module promises. Fixed seeds, false-alarm probability 1e-4."""

import numpy as np
from scipy import stats
from validation.histograms import Histogram, chi_squared, density_row
from validation.rows import Difference, Row, verdict


def test_verdicts():
    fine, off = Row("a", 1.0, 1.1, 0.2), Row("b", 1.0, 2.0, 0.2)
    assert verdict(fine, {}) == (True, "agrees")
    assert verdict(off, {}) == (False, "differs")
    assert verdict(off, {"b": Difference(1.5, "masses")}) == (True, "known difference: masses")
    assert not verdict(off, {"b": Difference(0.5, "masses")})[0]  # it grew
    assert not verdict(fine, {"a": Difference(0.5, "masses")})[0]  # it went away
    assert verdict(fine, {"a": Difference(0.5, "masses", edge=True)})[0]


def test_chi_squared_of_equal_and_of_different_samples():
    rng = np.random.default_rng(1)
    edges = np.linspace(-3, 3, 41)
    values = []
    for _ in range(300):
        a, b = np.histogram(rng.normal(size=4000), edges)[0], np.histogram(rng.normal(size=9000), edges)[0]
        chi2, bins = chi_squared(a, a, b, b.sum() / a.sum())
        values.append(stats.chi2.sf(chi2, bins - 1))
    assert stats.kstest(values, "uniform").pvalue > 1e-4
    shifted = np.histogram(rng.normal(0.3, size=4000), edges)[0]
    assert not Histogram("x", (edges,), shifted, shifted, b).row().agrees


def test_weights_enter_the_spread():
    rng = np.random.default_rng(2)
    x, w = rng.random(20_000), rng.exponential(size=20_000)
    edges = np.linspace(0, 1, 201)
    here, squares = np.histogram(x, edges, weights=w)[0], np.histogram(x, edges, weights=w * w)[0]
    there = np.histogram(rng.random(50_000), edges)[0]
    assert Histogram("x", (edges,), here, squares, there).row().agrees
    chi2, bins = chi_squared(here, here, there, there.sum() / here.sum())  # as if unweighted
    assert chi2 > 1.3 * bins


def test_densities():
    rng = np.random.default_rng(3)
    assert density_row("x", rng.random(20_000) ** 0.5, lambda x: 2 * x, 0, 1).agrees
    assert not density_row("x", rng.random(20_000) ** 0.5, lambda x: 1 + x, 0, 1).agrees
