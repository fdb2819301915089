"""Workspaces joined, pruned, renamed, scaled; grids of two parameters; projections.

Oracle: pyhf (``Workspace.combine`` and ``prune``; likelihood of a joined model as the sum of its parts), and closed
forms of counting experiments.
"""

from __future__ import annotations

import math

import numpy as np
import pyhf
import pytest
from histfactory_examples import simple_document, two_channels
from scipy.optimize import minimize
from scipy.stats import chi2, norm, poisson

from openbfactory.core.errors import InputError, UnknownNameError, WorkspaceError
from openbfactory.fit.contours import Axis, ContourResult, scan_two
from openbfactory.fit.editing import join, prune, rename, scaled, split
from openbfactory.fit.estimate import analyse, estimate
from openbfactory.fit.projection import project
from openbfactory.fit.workspace import parse_workspace


def one_bin(observed=60.0, channel="SR"):
    document = simple_document(observed)
    for item in (*document["channels"], *document["observations"]):
        item["name"] = channel
    return parse_workspace(document, channel)


def test_split_and_joined_again_is_the_same_likelihood():
    whole = parse_workspace(two_channels())
    parts = split(whole)
    again = join([parts["SR"], parts["CR"]])
    assert estimate(again).value == pytest.approx(estimate(whole).value, abs=1e-9)
    assert estimate(again).twice_nll == pytest.approx(estimate(whole).twice_nll, abs=1e-9)


def test_joined_workspaces_share_their_nuisances_as_in_pyhf():
    first, second = one_bin(60.0, "A"), one_bin(70.0, "B")
    joined = join([first, second])
    combined = pyhf.Workspace.combine(pyhf.Workspace(first.document), pyhf.Workspace(second.document),
                                      join="left outer")
    model = combined.model(measurement_name="m")
    theirs = model.logpdf(model.config.suggested_init(), combined.data(model))[0]
    analysis = analyse(joined)
    parameters = analysis.fit.likelihood.model.parameters
    start = np.array([model.config.suggested_init()[model.config.par_names.index(n)] for n in parameters.names])
    ours = analysis.fit.likelihood.deviance(start) + analysis.fit.likelihood.constant
    assert ours == pytest.approx(-2 * theirs, abs=1e-9)
    assert len(parameters.names) == 2



def test_a_renamed_nuisance_is_no_longer_shared():
    first = one_bin(60.0, "A")
    second = rename(one_bin(70.0, "B"), parameters={"norm": "norm_B"})
    joined = join([first, second])
    assert set(analyse(joined).fit.likelihood.model.parameters.names) == {"mu", "norm", "norm_B"}
    with pytest.raises(UnknownNameError, match="norm"):
        rename(first, parameters={"nrm": "x"})


def test_joining_what_does_not_fit_names_every_clash():
    second = one_bin(70.0).document
    second["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0.0, 5.0]], "inits": [1.0]}]
    first = one_bin(60.0).document
    first["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0.0, 9.0]], "inits": [1.0]}]
    with pytest.raises(WorkspaceError) as caught:
        join([parse_workspace(first, "first"), parse_workspace(second, "second")])
    assert {f.code for f in caught.value.findings} == {"same-channel", "other-setting"}


def test_pruned_is_what_pyhf_prunes():
    whole = parse_workspace(two_channels())
    ours = prune(whole, types=["staterror"], channels=["CR"])
    theirs = pyhf.Workspace(whole.document).prune(modifier_types=["staterror"], channels=["CR"])
    assert ours.document["channels"] == theirs["channels"]
    assert ours.document["observations"] == theirs["observations"]
    assert prune(whole, parameters=["stat_*"]).document["channels"][1] == whole.document["channels"][1]
    with pytest.raises(UnknownNameError):
        prune(whole, samples=["signl"])


def test_scaled_counts_keep_relative_uncertainties():
    whole = parse_workspace(two_channels())
    analysis, larger = analyse(whole), analyse(scaled(whole, 9.0))
    theta = analysis.fit.minimum.x
    assert larger.fit.likelihood.model.expected(theta) == pytest.approx(
        9 * analysis.fit.likelihood.model.expected(theta), rel=1e-12)


def test_two_parameters_follow_the_closed_form():
    """One bin with a constrained background: 2NLL(mu, norm) is known; its levels are those of chi2 with two degrees."""
    analysis = analyse(one_bin())
    found = scan_two(analysis, Axis("mu", 0.0, 5.0, 6), Axis("norm", -2.0, 2.0, 5))

    def twice_nll(mu, theta):
        rate = 10 * mu + 50 * (1.1**theta if theta >= 0 else 0.9**-theta)
        return -2 * (poisson.logpmf(60, rate) + norm.logpdf(theta))

    best = twice_nll(1.0, 0.0)
    for i, mu in enumerate(found.axes[0].values):
        for j, theta in enumerate(found.axes[1].values):
            assert found.delta[i, j] == pytest.approx(twice_nll(mu, theta) - best, abs=1e-7)
    assert ContourResult.level(0.95) == pytest.approx(-2 * math.log(0.05), rel=1e-9)
    assert ContourResult.level(0.6827) == pytest.approx(chi2.ppf(0.6827, 2), rel=1e-9)


def test_a_grid_profiles_everything_else():
    """Oracle: SciPy's minimiser over the third parameter of a model with three."""
    document = simple_document(66.0)
    document["channels"][0]["samples"][0]["modifiers"].append(
        {"name": "eff", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}})
    analysis = analyse(parse_workspace(document))
    likelihood, names = analysis.fit.likelihood, analysis.fit.likelihood.model.parameters.names
    found = scan_two(analysis, Axis("mu", 0.5, 2.5, 3), Axis("eff", -1.0, 1.0, 3))
    at = names.index("mu"), names.index("eff"), names.index("norm")
    for i, mu in enumerate(found.axes[0].values):
        for j, eff in enumerate(found.axes[1].values):
            def free(norm_value, mu=mu, eff=eff):
                x = np.empty(3)
                x[list(at)] = mu, eff, norm_value[0]
                return likelihood.deviance(x)

            least = minimize(free, [0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).fun
            assert found.delta[i, j] == pytest.approx(least - analysis.fit.minimum.value, abs=1e-6)


def test_a_grid_that_makes_no_sense_is_refused_with_every_reason():
    analysis = analyse(one_bin())
    with pytest.raises(InputError) as caught:
        scan_two(analysis, Axis("mu", 3.0, 2.0, 1), Axis("mu", -99.0, 2.0, 4))
    assert {f.code for f in caught.value.findings} == {"same-parameter", "scan-range", "scan-points"}


def test_projection_of_a_counting_experiment():
    """sigma^2 = (60 L + (0.1 50 L)^2 w) / (10 L)^2 for one bin with a linear background; the floor is 0.5."""
    document = simple_document()
    document["channels"][0]["samples"][1]["modifiers"] = [
        {"name": "shape", "type": "histosys", "data": {"hi_data": [55.0], "lo_data": [45.0]}}]
    found = project(parse_workspace(document), [1.0, 4.0, 100.0])
    for p, factor in zip(found, (1.0, 4.0, 100.0), strict=False):
        assert p.statistical == pytest.approx(math.sqrt(60 * factor) / (10 * factor), rel=1e-6)
        assert p.systematic == pytest.approx(0.5, rel=1e-6)
        assert p.total == pytest.approx(math.hypot(p.statistical, p.systematic), rel=1e-9)
    assert math.isinf(found[-1].factor)
    assert found[-1].total == pytest.approx(0.5, rel=1e-4)
    better = project(parse_workspace(document), [4.0], shrinking=["shape"])
    assert better[0].systematic == pytest.approx(0.25, rel=1e-6)
    assert better[-1].total < 1e-2
    with pytest.raises(InputError):
        project(parse_workspace(document), [0.0])
