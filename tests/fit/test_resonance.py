"""Resonance searches.

Oracle: iminuit on the same likelihood; the limits and significance of the same counts as a pyhf workspace
(:mod:`openbfactory.fit.limits`, itself compared with pyhf); binomial and asymptotic distributions of toys.
False-alarm rates: two-sided 1e-4 for the shares of toys.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from iminuit import Minuit
from scipy.stats import binom, norm

from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.estimate import analyse, estimate
from openbfactory.fit.limits import upper_limit
from openbfactory.fit.resonance import Hypothesis, ResonanceSearch
from openbfactory.fit.windows import fit_window
from openbfactory.fit.workspace import parse_workspace

EDGES = np.linspace(4.0, 6.0, 101)
CENTRES = 0.5 * (EDGES[1:] + EDGES[:-1])


def hypothesis(mass, sigma=0.05, half=0.6, scale=1.0):
    return Hypothesis(mass, np.diff(norm.cdf(EDGES, mass, sigma)), (mass - half, mass + half), scale)


def spectrum(seed, signal=0.0, level=80.0):
    rate = level * np.exp(-(CENTRES - 4.0) / 2) + signal * hypothesis(5.0).template
    return np.random.default_rng(seed).poisson(rate).astype(float)


def test_a_window_is_fitted_as_iminuit_fits_it():
    counts = spectrum(1, 60.0)[20:80]
    template = hypothesis(5.0).template[20:80].copy()
    x = (2 * np.arange(60) + 1) / 60 - 1

    def twice_nll(s, a, b, c):
        rate = np.exp(a + b * x + c * (2 * x * x - 1)) + s * template
        return 2 * float(np.sum(rate - counts + counts * np.log(np.maximum(counts, 1) / rate)))

    theirs = Minuit(twice_nll, s=50.0, a=4.0, b=-0.3, c=0.0)
    theirs.tol = 1e-5
    theirs.migrad()
    theirs.hesse()
    beta = np.array([4.0, 0.0, 0.0])
    signal, least, variance = fit_window(counts, template, beta, 0.0, True)
    assert least == pytest.approx(theirs.fval, abs=1e-6)
    assert signal == pytest.approx(theirs.values["s"], abs=1e-3 * theirs.errors["s"])
    assert beta == pytest.approx(list(theirs.values)[1:], abs=1e-3)
    assert math.sqrt(variance) == pytest.approx(theirs.errors["s"], rel=0.1)  # Fisher information against Hessian


def test_limit_and_significance_are_those_of_the_workspace():
    counts = spectrum(2, 30.0, level=60.0)
    search = ResonanceSearch(EDGES, counts, [hypothesis(5.0, scale=0.25)], order=0)
    point = search.points(0.90)[0]
    inside = slice(20, 80)
    document = {
        "channels": [{"name": "window", "samples": [
            {"name": "signal", "data": (100 * hypothesis(5.0).template[inside]).tolist(),
             "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
            {"name": "flat", "data": [1.0] * 60, "modifiers": [{"name": "b", "type": "normfactor", "data": None}]}]}],
        "observations": [{"name": "window", "data": counts[inside].tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [
            {"name": "mu", "bounds": [[-0.5, 10.0]], "inits": [0.1]},
            {"name": "b", "bounds": [[0.1, 200.0]], "inits": [30.0]}]}}],
        "version": "1.0.0"}
    analysis = analyse(parse_workspace(document))
    fitted, limit = estimate(analysis), upper_limit(analysis, level=0.90)
    assert point.signal == pytest.approx(25 * fitted.value, rel=1e-4)
    assert point.local == pytest.approx(fitted.significance["0"], abs=1e-4)
    assert point.limit == pytest.approx(25 * limit.observed, rel=1e-3)
    assert point.expected == pytest.approx([25 * v for v in limit.expected], rel=5e-3)


def test_a_planted_resonance_is_found_where_it_is_and_its_local_significance_is_worth_less_globally():
    hypotheses = [hypothesis(m) for m in np.arange(4.6, 5.41, 0.02)]
    search = ResonanceSearch(EDGES, spectrum(3, 90.0), hypotheses)
    found = search.largest_excess(400, seed=1)
    assert found.mass == pytest.approx(5.0, abs=0.05)
    assert found.local > 4
    assert found.significance < found.local
    assert 3 < found.trials < 100
    points = search.points()
    assert max(points, key=lambda p: p.local).mass == found.mass
    assert max(points, key=lambda p: p.local).signal == pytest.approx(90.0, abs=4 * 22)


def test_local_significance_of_toys_is_half_a_normal_and_the_upcrossing_rule_bounds_the_global_p():
    """One hypothesis: P(Z > 1.5) = 0.0668; many: toys and the rule agree where the p-value is small."""
    rate = 200 * np.exp(-(CENTRES - 4.0) / 2)
    one = ResonanceSearch(EDGES, spectrum(5, level=200.0), [hypothesis(5.0)])
    above = 0
    rng = np.random.default_rng(7)
    for _ in range(400):
        one.counts = rng.poisson(rate).astype(float)
        above += one.points()[0].local > 1.5
    assert 1e-4 < binom.cdf(above, 400, norm.sf(1.5)) < 1 - 1e-4
    hypotheses = [hypothesis(m) for m in np.arange(4.6, 5.41, 0.02)]
    many = ResonanceSearch(EDGES, spectrum(6, 130.0, level=200.0), hypotheses).largest_excess(2000, 2, rate)
    assert 0.001 < many.p < 0.2
    assert abs(many.p - many.p_upcrossings) < 4 * many.uncertainty + 0.3 * many.p_upcrossings


def test_a_search_that_makes_no_sense_is_refused_with_every_reason():
    wrong = [Hypothesis(5.0, np.zeros(100), (4.5, 5.5)), Hypothesis(5.0, np.ones(99), (4.5, 5.5)),
             Hypothesis(5.0, hypothesis(5.0).template, (4.99, 5.01), scale=0.0)]
    with pytest.raises(InputError) as caught:
        ResonanceSearch(EDGES, np.full(100, -1.0), wrong, order=9)
    assert {f.code for f in caught.value.findings} == {"counts", "order", "template", "window", "scale"}
    with pytest.raises(FitError, match="no events"):
        ResonanceSearch(EDGES, np.zeros(100), [hypothesis(5.0)]).points()
    with pytest.raises(InputError):
        ResonanceSearch(EDGES, np.ones(100), [hypothesis(5.0)]).largest_excess(0)
