"""Workspaces from templates, Asimov data, pseudo-experiments.

Oracle: pyhf builds the same model from the document; the Asimov data fit back to
the value they were made with; Poisson moments of the pseudo-experiments.
"""

from __future__ import annotations

import json

import numpy as np
import pyhf
import pytest

from openbfactory.core.errors import FitError, WorkspaceError
from openbfactory.core.random import Address
from openbfactory.fit.build import Template, asimov, build_workspace, pseudo_experiment
from openbfactory.fit.estimate import estimate
from openbfactory.fit.workspace import read_workspace


def templates():
    return {
        "on": {"signal": Template(np.array([5.0, 10.0, 20.0]), np.array([0.5, 0.7, 1.0])),
               "charged": Template(np.array([200.0, 100.0, 50.0]), np.array([6.0, 4.0, 3.0])),
               "uubar": Template(np.array([30.0, 20.0, 0.0]), np.array([3.0, 2.0, 0.0]))},
        "off": {"uubar": Template(np.array([6.0, 0.0]), np.array([0.8, 0.0]))},
    }


def built(**options):
    return build_workspace(templates(), normalisations={"charged": 0.2, "uubar": 0.5}, **options)


def test_layout_is_that_of_the_published_likelihood():
    workspace = built()
    names = {m["name"]: m["type"] for c in workspace.document["channels"] for s in c["samples"]
             for m in s["modifiers"]}
    assert names == {"mu": "normfactor", "norm_charged": "normsys", "norm_uubar": "normsys",
                     "stat_signal_on": "staterror", "stat_charged_on": "staterror", "stat_uubar_on": "staterror",
                     "stat_uubar_off": "staterror"}
    assert workspace.channel_names == ["on", "off"]
    assert not workspace.findings


def test_pyhf_reads_it():
    workspace = built()
    spec = pyhf.Workspace(json.loads(json.dumps(workspace.document)))
    model = spec.model()
    assert model.config.npars == 1 + 2 + 9 + 2
    np.testing.assert_allclose(sorted(model.expected_actualdata(model.config.suggested_init())),
                               sorted(workspace.observed()), rtol=1e-12)


def test_empty_bins_get_the_floor():
    sample = built().document["channels"][0]["samples"][2]
    assert sample["data"][2] == 1e-6
    assert sample["modifiers"][1]["data"][2] == 1e-6
    result = estimate(built(floor=0.0))
    assert result.value == pytest.approx(1.0, abs=1e-6)


def test_asimov_data_fit_back():
    for mu in (0.5, 2.0):
        result = estimate(asimov(built(), mu))
        assert result.value == pytest.approx(mu, abs=1e-6)
        assert result.significance["0"] > 0
    assert estimate(asimov(built(), 0.0)).value == pytest.approx(0.0, abs=1e-6)


def test_asimov_of_a_workspace_with_other_observations():
    workspace = built(observations={"on": [250.0, 140.0, 66.0]})
    assert workspace.observed().tolist() == [6.0, 1e-6, 250.0, 140.0, 66.0]
    assert asimov(workspace).observed() == pytest.approx(built().observed(), rel=1e-12)


def test_negative_expectations_are_refused():
    with pytest.raises(FitError, match="negative in 1 bins"):
        asimov(build_workspace({"a": {"signal": Template(np.array([5.0])), "b": Template(np.array([1.0]))}},
                               poi_bounds=(-10, 10)), -3.0)


def test_pseudo_experiments_are_poisson_and_addressed():
    """400 pseudo-experiments: mean and variance of each bin within 5 standard errors (false alarm 6e-6)."""
    workspace = built()
    generator = Address(3, "toys").generator()
    data = np.array([pseudo_experiment(workspace, generator).observed() for _ in range(400)])
    expected = workspace.observed()
    assert (np.abs(data.mean(0) - expected) < 5 * np.sqrt(expected / 400)).all()
    filled = expected > 1
    assert (np.abs(data.var(0) / expected - 1)[filled] < 5 * np.sqrt(2 / 400)).all()
    again = pseudo_experiment(workspace, Address(3, "toys").generator()).observed()
    assert (again == data[0]).all()


def test_pulls_of_pseudo_experiments():
    """150 fits: mean pull within 5 / sqrt(150); a planted bias of 20 % of the signal is far outside."""
    workspace = built(poi_bounds=(-20.0, 30.0))
    generator = Address(4, "toys").generator()
    results = [estimate(pseudo_experiment(workspace, generator, 5.0)) for _ in range(150)]
    pulls = np.array([(r.value - 5.0) / r.uncertainty for r in results])
    biased = np.array([(r.value - 6.0) / r.uncertainty for r in results])
    assert abs(pulls.mean()) < 5 / np.sqrt(150)
    assert pulls.std() < 1.3  # the auxiliary measurements are not thrown: narrower than 1
    assert abs(biased.mean()) > 5 / np.sqrt(150)


def test_written_numbers_are_exact_and_ordered(tmp_path):
    built().write(tmp_path / "w.json")
    assert read_workspace(tmp_path / "w.json").document == built().document
    built().write(tmp_path / "v.json")
    assert (tmp_path / "v.json").read_bytes() == (tmp_path / "w.json").read_bytes()


@pytest.mark.parametrize(("options", "text"), [
    ({"signal": ("sginal",)}, "did you mean 'signal'"),
    ({"normalisations": {"chraged": 0.1}}, "did you mean 'charged'"),
    ({"normalisations": {"charged": 1.5}}, "between 0 and 1"),
    ({"observations": {"on": [1.0]}}, "wrong-length"),
])
def test_mistakes_have_findings(options, text):
    with pytest.raises(WorkspaceError, match=text):
        build_workspace(templates(), **options)
