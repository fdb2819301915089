"""Model, likelihood and derivatives.

Oracle: pyhf 0.7 (numpy backend) for expectations and 2NLL, to 1e-9, on random
workspaces with all modifier types and on the published B+ -> K+ nu nubar
likelihood; central differences for gradient and Hessian.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pyhf
import pytest
from histfactory_examples import simple_document, two_channels, workspaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openbfactory.fit.compilation import compile_model
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.workspace import parse_workspace, read_workspace

CODES = [("code4p", "code4"), ("code0", "code1")]
RANDOM = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def pyhf_model(document, **settings):
    workspace = pyhf.Workspace(document)
    poi = document["measurements"][0]["config"]["poi"] or None
    model = workspace.model(poi_name=poi, **settings)
    return model, workspace.data(model)


def both(document, codes=("code4p", "code4")):
    workspace = parse_workspace(document)
    ours = Likelihood.of(compile_model(workspace, additive_code=codes[0], factor_code=codes[1]), workspace.observed())
    theirs, data = pyhf_model(document, modifier_settings={
        "histosys": {"interpcode": codes[0]}, "normsys": {"interpcode": codes[1]}})
    return ours, theirs, data


def points(likelihood, seed, count=3, size=1.0):
    """Random points inside the bounds, some alphas beyond the ends of the polynomials."""
    rng = np.random.default_rng(seed)
    p = likelihood.model.parameters
    scale = np.where(p.lower < 0, 1.3, 0.25) * size
    return [np.clip(p.inits + scale * rng.normal(size=len(p.inits)), p.lower, p.upper) for _ in range(count)]


def assert_same(ours, theirs, data, theta):
    expected = theirs.expected_actualdata(theta)
    np.testing.assert_allclose(ours.model.expected(theta), expected, rtol=1e-11, atol=1e-11)
    if ((expected <= 0) & (ours.observed > 0)).any():
        return
    value = float(pyhf.infer.mle.twice_nll(theta, data, theirs)[0])
    assert ours.twice_nll(theta) == pytest.approx(value, rel=1e-11, abs=1e-9)


@RANDOM
@given(document=workspaces(), seed=st.integers(0, 1000), codes=st.sampled_from(CODES))
def test_random_models_agree_with_pyhf(document, seed, codes):
    ours, theirs, data = both(document, codes)
    p = ours.model.parameters
    assert list(p.names) == theirs.config.par_names
    assert p.inits.tolist() == theirs.config.suggested_init()
    assert np.stack([p.lower, p.upper], 1).tolist() == [list(map(float, b)) for b in theirs.config.suggested_bounds()]
    assert p.fixed.tolist() == theirs.config.suggested_fixed()
    np.testing.assert_allclose(ours.auxdata, theirs.config.auxdata, rtol=1e-14)
    for theta in points(ours, seed):
        assert_same(ours, theirs, data, theta)


@RANDOM
@given(document=workspaces(), seed=st.integers(0, 1000))
def test_derivatives_agree_with_differences(document, seed):
    workspace = parse_workspace(document)
    ours = Likelihood.of(compile_model(workspace), workspace.observed() + 1.0)
    for theta in points(ours, seed, count=1, size=0.6):
        theta = np.where(np.abs(np.abs(theta) - 1) < 1e-3, theta + 5e-3, theta)  # not across an end of a polynomial
        if (ours.model.expected(theta) < 0.5).any():
            continue
        _, gradient, hessian = ours.evaluate(theta)
        steps = 1e-5 * np.eye(len(theta))
        first = np.array([(ours.deviance(theta + h) - ours.deviance(theta - h)) / 2e-5 for h in steps])
        second = np.array([(ours.evaluate(theta + h)[1] - ours.evaluate(theta - h)[1]) / 2e-5 for h in steps])
        np.testing.assert_allclose(gradient, first, rtol=1e-4, atol=1e-5 * (1 + np.abs(gradient).max()))
        np.testing.assert_allclose(hessian, second, rtol=1e-4, atol=1e-5 * (1 + np.abs(hessian).max()))
        np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-9)


def test_published_likelihood_agrees_with_pyhf(shared_data):
    path = shared_data / "belle2-knunu" / "combined_likelihood.json"
    workspace = read_workspace(path)
    ours = Likelihood.of(compile_model(workspace), workspace.observed())
    theirs, data = pyhf_model(json.loads(path.read_text()))
    assert list(ours.model.parameters.names) == theirs.config.par_names
    assert ours.model.bins == 30
    for theta in points(ours, 7, count=10):
        assert_same(ours, theirs, data, theta)


def test_published_yields_by_sample(shared_data):
    workspace = read_workspace(shared_data / "belle2-knunu" / "combined_likelihood.json")
    model = compile_model(workspace)
    by_sample = model.expected_by_sample(model.parameters.inits)
    for channel in workspace.content.channels:
        for sample in channel.samples:
            np.testing.assert_allclose(by_sample[channel.name][sample.name], sample.data, rtol=1e-12)


def test_derivatives_at_a_factor_of_zero():
    workspace = parse_workspace(two_channels())
    ours = Likelihood.of(compile_model(workspace), workspace.observed())
    theta = ours.model.parameters.inits.copy()
    index = ours.model.parameters.index("mu")
    theta[index] = 0.0
    h = 1e-6 * np.eye(len(theta))[index]
    value, gradient, hessian = ours.evaluate(theta)
    assert math.isfinite(value)
    assert gradient[index] == pytest.approx((ours.deviance(theta + h) - ours.deviance(theta - h)) / 2e-6, rel=1e-5)
    assert np.isfinite(hessian).all()


def test_bins_without_expectation():
    document = simple_document(observed=0.0)
    document["channels"][0]["samples"][0]["data"] = [0.0]
    document["channels"][0]["samples"][1]["data"] = [0.0]
    workspace = parse_workspace(document)
    ours = Likelihood.of(compile_model(workspace), workspace.observed())
    value, gradient, hessian = ours.evaluate(ours.model.parameters.inits)
    assert value == 0.0
    assert np.isfinite(gradient).all()
    assert np.isfinite(hessian).all()
    with_events = Likelihood.of(ours.model, np.array([3.0]))
    assert with_events.twice_nll(ours.model.parameters.inits) == math.inf
    assert with_events.impossible_bins(ours.model.parameters.inits) == ["SR[0]"]


def test_rounding_stays_small_for_many_events():
    """10^10 events: the deviance of a shift of one standard deviation is 1, to 1e-4."""
    document = simple_document(observed=1e10)
    document["channels"][0]["samples"][1] = {"name": "background", "data": [1e10 - 10], "modifiers": []}
    workspace = parse_workspace(document)
    ours = Likelihood.of(compile_model(workspace), workspace.observed())
    assert ours.deviance(np.array([1.0])) == pytest.approx(0.0, abs=1e-9)
    assert ours.deviance(np.array([1.0 + 1e4])) == pytest.approx(1.0, rel=1e-4)


def test_a_planted_fault_is_found():
    """Interpolation codes mixed up: the comparison with pyhf must see it."""
    document = two_channels()
    workspace = parse_workspace(document)
    wrong = Likelihood.of(compile_model(workspace, factor_code="code1"), workspace.observed())
    theirs, data = pyhf_model(document)
    theta = wrong.model.parameters.inits.copy()
    theta[wrong.model.parameters.index("norm")] = 0.5
    with pytest.raises(AssertionError):
        assert_same(wrong, theirs, data, theta)
