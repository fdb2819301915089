"""Couplings from limits. Oracle: closed forms, and the model put into its own limits."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.interpret.couplings import coupling_limit, mixing_excluded, read_limits
from openbfactory.physics import higgs_mixed


def test_a_limit_goes_with_the_square():
    assert coupling_limit(4.0, 100.0, 0.25) == pytest.approx(0.4)
    assert coupling_limit(4.0, 0.0) is None


def test_the_models_own_rate_is_found_as_the_edge():
    """Limits equal to the prediction at sin(theta) = 1e-3, whatever the lifetime: larger mixings are excluded."""
    product = higgs_mixed.branching_fraction_b(1.5) * higgs_mixed.branching_fraction_s(1.5, "mumu")
    found = mixing_excluded(1.5, {1e-9: 1e-6 * product, 1e9: 1e-6 * product})
    assert found.low == pytest.approx(1e-3, rel=0.02)
    assert found.high == pytest.approx(1.0, rel=0.02)


def test_a_search_sees_only_its_lifetimes():
    ctau = higgs_mixed.ctau(1.5, 1e-3)
    found = mixing_excluded(1.5, {0.25 * ctau: 1e-15, 4.0 * ctau: 1e-15})
    assert (found.low, found.high) == (pytest.approx(0.5e-3, rel=0.02), pytest.approx(2e-3, rel=0.02))
    nothing = mixing_excluded(1.5, {0.25 * ctau: 1.0, 4.0 * ctau: 1.0})
    assert (nothing.low, nothing.high) == (None, None)
    with pytest.raises(InputError, match="above 0"):
        mixing_excluded(1.5, {})


def test_tables_with_mistakes_are_refused_with_all_of_them(tmp_path):
    table = tmp_path / "limits.csv"
    table.write_text("mass,limits\n1,2\n")
    with pytest.raises(InputError, match="limits"):
        read_limits(table, ("mass", "limit"))
    table.write_text("mass,limit\n1,x\n-1,2\n")
    with pytest.raises(InputError) as caught:
        read_limits(table, ("mass", "limit"))
    assert [f.path for f in caught.value.findings] == ["row 1, limit", "row 2, mass"]
    for content in ("", "mass,limit\n", "mass\n1\n"):
        table.write_text(content)
        with pytest.raises(InputError):
            read_limits(table, ("mass", "limit"))
    with pytest.raises(InputError, match="cannot read"):
        read_limits(tmp_path / "none.csv", ("mass",))


def test_command_line(obf, tmp_path):
    limits, record = tmp_path / "limits.csv", tmp_path / "out.json"
    limits.write_text("# cross section times branching fraction\nmass, limit\n4.0, 5.0\n8.0, 5.0\n")
    assert obf("interpret", limits, "--model", "zprime", "--json", record)[0] == 0
    points = json.loads(record.read_text())["points"]
    for point in points:
        expected = math.sqrt(5.0 / (point["cross_section_fb"] * point["branching_fraction"]))
        assert point["coupling"] == pytest.approx(expected, rel=1e-9)
    assert points[1]["coupling"] > points[0]["coupling"] > 0
    limits.write_text("mass,ctau,limit\n" + "\n".join(f"1.5,{c},1e-7" for c in np.logspace(-3, 2, 6)))
    code, out, _ = obf("interpret", limits, "--model", "higgs", "--decay", "mumu")
    assert code == 0
    assert "sine_low" in out
    assert obf("interpret", limits, "--model", "higgs", "--decay", "mu")[0] == 1
    assert obf("interpret", limits, "--model", "alps")[0] == 2
