"""Gaussian cross-check.

Oracle: weighted least squares in closed form (numpy) for a linear model; the
full Poisson fit of the published B+ -> K+ nu nubar likelihood, whose score
equations are those of the Gaussian fit with expected variances.
"""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from histfactory_examples import simple_document

from openbfactory.core.errors import FitError
from openbfactory.fit.estimate import analyse
from openbfactory.fit.gaussian import gaussian_fit
from openbfactory.fit.impacts import expected_hessian
from openbfactory.fit.profile import hessian_covariance
from openbfactory.fit.workspace import read_workspace


def test_linear_model_closed_form():
    document = simple_document()
    signal, background, counts = np.array([10.0, 4.0, 1.0]), np.array([20.0, 30.0, 40.0]), np.array([33.0, 31.0, 44.0])
    document["channels"][0]["samples"] = [
        {"name": "signal", "data": signal.tolist(), "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "background", "data": background.tolist(), "modifiers": [
            {"name": "tilt", "type": "histosys",
             "data": {"hi_data": [22.0, 30.0, 38.0], "lo_data": [18.0, 30.0, 42.0]}}]},
    ]
    document["observations"][0]["data"] = counts.tolist()
    fit = gaussian_fit(analyse(document))
    tilt = np.array([2.0, 0.0, -2.0])
    inverse = np.linalg.inv(np.diag(counts) + np.outer(tilt, tilt))
    variance = 1 / (signal @ inverse @ signal)
    assert fit.names == ("mu",)
    assert fit.values[0] == pytest.approx(variance * signal @ inverse @ (counts - background), rel=1e-9)
    assert fit.uncertainties[0] == pytest.approx(math.sqrt(variance), rel=1e-9)
    left = counts - background - fit.values[0] * signal
    assert fit.chi2 == pytest.approx(left @ inverse @ left, rel=1e-9)
    assert fit.degrees == 2
    assert 0 < fit.p_value < 1


@pytest.mark.parametrize("channels", [slice(None), slice(0, 4), slice(4, 5)])
def test_published_likelihood(shared_data, channels):
    workspace = read_workspace(shared_data / "belle2-knunu" / "combined_likelihood.json")
    analysis = analyse(workspace, channels=workspace.channel_names[channels])
    full, sigma = analysis.fit.minimum.x[analysis.index], analysis.fit.uncertainty(analysis.index)
    same = gaussian_fit(analysis, variance="expected")
    assert same.values[0] == pytest.approx(full, abs=1e-6)
    expected = hessian_covariance(expected_hessian(analysis.fit), analysis.fit.minimum.free)
    assert same.uncertainties[0] == pytest.approx(math.sqrt(expected[analysis.index, analysis.index]), rel=1e-5)
    other = gaussian_fit(analysis)
    assert abs(other.values[0] - full) < 0.15 * sigma  # stated bound: 15 % of the uncertainty
    assert other.uncertainties[0] == pytest.approx(sigma, rel=0.08)
    assert other.chi2 == pytest.approx(same.chi2, abs=1.0)


def test_thousands_of_toys_a_second(shared_data):
    fit = gaussian_fit(analyse(shared_data / "belle2-knunu" / "combined_likelihood.json"), variance="expected")
    begin = time.perf_counter()
    toys = fit.toys(20_000, np.random.default_rng(1))[:, 0]
    assert 20_000 / (time.perf_counter() - begin) > 2_000
    band = 5 / math.sqrt(20_000)  # five standard deviations: one false alarm in a million
    assert abs((toys.mean() - fit.values[0]) / fit.uncertainties[0]) < band
    assert abs(toys.std() / fit.uncertainties[0] - 1) < band / math.sqrt(2)


def test_no_solution():
    document = simple_document()
    analysis = analyse(document)
    model = analysis.fit.likelihood.model
    object.__setattr__(model.parameters, "center", np.full(2, np.nan))  # both free, one bin
    with pytest.raises(FitError, match="no solution"):
        gaussian_fit(analysis)
