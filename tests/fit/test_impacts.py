"""Impacts, ranking, correlations, statistical part.

Oracle: closed forms for a one-bin model; for the published B+ -> K+ nu nubar
likelihood (arXiv:2507.12393) the impacts of groups found by an independent
evaluation of it, and the published ones of arXiv:2311.14647.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from histfactory_examples import simple_document, two_channels

from openbfactory.core.errors import UnknownNameError
from openbfactory.fit.estimate import analyse
from openbfactory.fit.impacts import correlations, group_impacts, groups_by_type, ranking, statistical_split

#: group: patterns, impact on mu of the inclusive channels, and its rounding
INCLUSIVE = {
    "leading branching fractions": (["corr_br_*"], 0.38), "KLKL": (["corr_KLKL_c1"], 0.40),
    "exotic D": (["corr_exoticD_c1"], 0.42), "nnbar": (["corr_nnbar_c1"], 0.19), "DKL": (["corr_DKL_c1"], 0.14),
    "continuum": ([f"mu_bkg_{q}" for q in ("uubar", "ddbar", "ssbar", "ccbar", "taupair")], 0.11),
    "K_L efficiency": (["corr_KLeff_c1"], 0.20), "unmatched energy": (["corr_neutralUnmatched_c1"], 0.24),
    "tracks": (["corr_trackingEff_c1"], 0.16), "kaon identification": (["corr_pid_*"], 0.07),
    "efficiency": (["corr_bdt_c1"], 0.16), "simulated samples": (["uncorr_*"], 0.61),
}


@pytest.fixture(scope="module")
def published(shared_data):
    return shared_data / "belle2-knunu" / "combined_likelihood.json"


@pytest.fixture(scope="module")
def inclusive(published):
    from openbfactory.fit.workspace import read_workspace

    workspace = read_workspace(published)
    return analyse(workspace, channels=workspace.channel_names[:4])


def test_one_bin_closed_form():
    # n ~ Poisson(10 mu + 50 (1 + 0.1 a)); at the best fit a = 0 and the factors are linear to first order
    analysis = analyse(simple_document(60.0))
    split = statistical_split(analysis)
    assert split.statistical == pytest.approx(math.sqrt(60) / 10, rel=1e-6)
    slope = 50 * math.log(1.1 / 0.9) / 2  # slope of the factor at 0, up to the fourth order
    assert split.systematic == pytest.approx(slope / 10, rel=0.01)
    assert split.total**2 == pytest.approx(split.statistical**2 + split.systematic**2)
    assert group_impacts(analysis, {"norm": ["norm"]})["norm"] == pytest.approx(split.systematic, rel=1e-6)
    (impact,) = ranking(analysis)
    assert impact.name == "norm"
    assert impact.post == pytest.approx((0.5, -0.5), rel=1e-6)  # 10 % of 50 events, over 10
    assert impact.pre == pytest.approx(impact.post, rel=1e-6)
    assert impact.pull == pytest.approx(0.0, abs=1e-6)
    table = correlations(analysis.fit)
    assert table.names == ("mu", "norm") or table.names == ("norm", "mu")
    (_, _, rho), = table.largest(1)
    assert rho == pytest.approx(-split.systematic / split.total, rel=1e-6)


def test_unknown_names_and_default_groups():
    analysis = analyse(two_channels())
    assert set(groups_by_type(analysis)) == {"size of simulated samples", "shape", "norm"}
    impacts = group_impacts(analysis)
    assert all(v >= 0 for v in impacts.values())
    with pytest.raises(UnknownNameError, match="shape"):
        group_impacts(analysis, {"g": ["shpe"]})
    with pytest.raises(UnknownNameError):
        ranking(analysis, ["nom"])


def test_refits_agree_with_the_tangent(inclusive):
    # to first order the shift of a refit is cov(mu, theta) / sigma(theta)
    names = ["corr_exoticD_c1", "corr_KLKL_c1", "mu_bkg_charged"]
    fit = inclusive.fit
    for impact in ranking(inclusive, names):
        i = fit.likelihood.model.parameters.index(impact.name)
        tangent = fit.covariance[inclusive.index, i] / math.sqrt(fit.covariance[i, i])
        down, up = impact.post
        assert (up - down) / 2 == pytest.approx(tangent, rel=0.05)
        assert np.sign(down) == -np.sign(up)


def test_published_groups(inclusive):
    found = group_impacts(inclusive, {k: v[0] for k, v in INCLUSIVE.items()})
    assert found == pytest.approx({k: v[1] for k, v in INCLUSIVE.items()}, abs=0.006)
    bbbar = group_impacts(inclusive, {"BB": ["mu_bkg_charged", "mu_bkg_mixed"]})["BB"]
    assert 0.835 <= bbbar <= 0.885
    # planted fault: the observed Hessian is not what the table is made of
    observed = group_impacts(inclusive, {"simulated samples": ["uncorr_*"]}, observed=True)
    assert observed["simulated samples"] > 0.65


def test_published_statistical_part(published, inclusive):
    # spread with all nuisances profiled; freezing them instead gives 0.62 in these channels
    split = statistical_split(inclusive)
    assert split.statistical == pytest.approx(0.97, abs=0.005)
    assert split.total == pytest.approx(1.46827, abs=1e-5)
    free = group_impacts(inclusive, {"all": ["*"]}, observed=True)["all"]
    assert math.sqrt(split.total**2 - free**2) == pytest.approx(0.62, abs=0.005)
