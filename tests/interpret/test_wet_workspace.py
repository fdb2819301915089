"""Reinterpretation of the published B+ -> K+ nu nubar likelihood in the weak effective theory.

Oracle: the posterior mode of arXiv:2507.12393, (|C_VL + C_VR|, |C_SL + C_SR|, |C_TL|) = (11.3, 0.00, 8.21), with flat
priors in the coefficients (the best fit is its mode but for the widths of the nuisances); pyhf as the reader of the
workspace; the rates of :mod:`openbfactory.physics.wet`.
"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pyhf
import pytest

from openbfactory.core.errors import InputError
from openbfactory.fit.compilation import compile_model
from openbfactory.fit.estimate import analyse
from openbfactory.fit.workspace import parse_workspace
from openbfactory.interpret.wet import (
    PUBLISHED_EDGES,
    SQUARES,
    NumberDensity,
    read_number_density,
    signal_factors,
    wet_workspace,
)
from openbfactory.physics import knunu, wet


def density(rows: int = 2) -> NumberDensity:
    """Number density that follows the null model."""
    rate = [max(0.0, knunu.branching_fraction(a, b)) for a, b in itertools.pairwise(PUBLISHED_EDGES)]
    return NumberDensity(PUBLISHED_EDGES, np.tile(1e6 * np.array(rate), (rows, 1)))


def document():
    return {
        "channels": [{"name": "SR", "samples": [
            {"name": "signal", "data": [5.0, 8.0], "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "corr_ff_c1", "type": "histosys", "data": {"lo_data": [4.9, 7.8], "hi_data": [5.1, 8.1]}},
                {"name": "shape", "type": "histosys", "data": {"lo_data": [4.0, 8.5], "hi_data": [6.0, 7.5]}},
                {"name": "stat", "type": "staterror", "data": [0.5, 0.4]}]},
            {"name": "background", "data": [50.0, 40.0], "modifiers": [
                {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]}]}],
        "observations": [{"name": "SR", "data": [60.0, 50.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


@pytest.fixture(scope="module")
def published(shared_data):
    folder = shared_data / "belle2-knunu"
    content = json.loads((folder / "combined_likelihood.json").read_text())
    names = [c["name"] for c in content["channels"]]
    files = {names[0]: "ita_regA", names[1]: "ita_regB", names[4]: "hta"}
    return content, {c: read_number_density(folder / f"number_density_{f}.csv") for c, f in files.items()}


def test_factors_of_a_flat_efficiency():
    factors = signal_factors(density())
    totals = wet.binned_rates(PUBLISHED_EDGES[1:]).sum(axis=1) / knunu.branching_fraction()
    assert factors == pytest.approx(np.tile(totals[:, None], 2), rel=2e-3)


def test_workspace_of_the_three_parts():
    before = document()
    after = wet_workspace(before, {"SR": density()})
    assert before == document()
    assert [s["name"] for s in after["channels"][0]["samples"]] == [
        "signal_vector", "signal_scalar", "signal_tensor", "background"]
    model = compile_model(parse_workspace(after))
    names = model.parameters.names
    assert "mu" not in names and "corr_ff_c1" not in names  # noqa: PT018
    assert sum(n.startswith("form_factor_") for n in names) == 8
    theta = model.parameters.inits.copy()
    standard = wet.constants()["C_VL_SM"] ** 2 * wet.binned_rates(PUBLISHED_EDGES[1:])[0].sum()
    expected = np.array([5.0, 8.0]) * standard / knunu.branching_fraction() + [50, 40]
    assert model.expected(theta) == pytest.approx(expected, rel=1e-3)
    # the relative variations and statistical uncertainties of the signal are those of the old one
    theta[names.index("shape")] = 1.0
    assert (model.expected(theta) - [50, 40]) / (expected - [50, 40]) == pytest.approx([1.2, 7.5 / 8], rel=1e-3)
    assert model.parameters.width[names.index("stat[1]")] == pytest.approx(0.05)
    assert pyhf.Workspace(after).model().config.poi_name == SQUARES[0]


def test_form_factor_axes():
    factors = {k: signal_factors(density(1), wet.form_factor_values(k * np.eye(8)[0])) for k in (-1, 0, 1)}
    assert (factors[1] != factors[0]).all()
    middle = (factors[1] + factors[-1]) / 2  # quadratic in the parameters: nearly the middle
    assert middle == pytest.approx(factors[0], rel=0.02)


def test_published_best_fit(published):
    content, densities = published
    for channel, table in densities.items():
        signal = next(s for c in content["channels"] if c["name"] == channel for s in c["samples"]
                      if s["name"] in {"signal", "sgn_1_had"})
        assert table.events.sum(axis=1) == pytest.approx(np.array(signal["data"]), rel=5e-5)
    analysis = analyse(parse_workspace(wet_workspace(content, densities), "wet"), SQUARES[0])
    parameters = analysis.fit.likelihood.model.parameters
    best = [math.sqrt(analysis.fit.minimum.x[parameters.index(n)]) for n in SQUARES]
    assert best[0] == pytest.approx(11.3, abs=0.2)
    assert best[1] == pytest.approx(0.0, abs=0.01)
    assert best[2] == pytest.approx(8.21, abs=0.3)


def test_bad_input(tmp_path):
    good = density()
    with pytest.raises(InputError, match="no number density"):
        wet_workspace(document(), {})
    with pytest.raises(InputError, match="3 rows"):
        wet_workspace(document(), {"SR": density(3)})
    with pytest.raises(InputError, match="'CR'"):
        wet_workspace(document(), {"SR": good, "CR": good})
    with pytest.raises(InputError, match="scaled"):
        wet_workspace(document(), {"SR": good}, poi="nu")
    for text, match in (("1,2\n3,4\n", "2 columns"), ("a,b\n", "cannot read"),
                        (",".join(["-1"] * 101) + "\n", "expected events")):
        path = tmp_path / "table.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=match):
            read_number_density(path)
    with pytest.raises(InputError, match="cannot read"):
        read_number_density(tmp_path / "absent.csv")
