"""``obf interpret``: the record, the table, exit codes.

Oracle: the posterior mode of arXiv:2507.12393; the exit codes of the command line contract (0, 1, 2).
"""

from __future__ import annotations

import json

import pytest

from openbfactory.fit.workspace import read_workspace


def test_published_likelihood(shared_data, tmp_path, obf):
    folder = shared_data / "belle2-knunu"
    densities = [f"--density={c}={folder}/number_density_{f}.csv"
                 for c, f in (("A__", "ita_regA"), ("B__", "ita_regB"), ("sgn1_had", "hta"))]
    arguments = (folder / "combined_likelihood.json", "--model", "wet", *densities)
    code, out, _ = obf("interpret", *arguments, "--json", tmp_path / "o.json", "--output", tmp_path / "new.json")
    assert code == 0
    assert "|C_TL|" in out
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["coefficients"]["|C_VL + C_VR|"]["value"] == pytest.approx(11.3, abs=0.2)
    assert len(read_workspace(tmp_path / "new.json").channel_names) == 5
    assert obf("interpret", *arguments[:-1])[0] == 1
    assert obf("interpret", arguments[0], "--density=Z=x.csv")[0] == 1
    assert obf("interpret", arguments[0], "--density=no-file")[0] == 2
    assert obf("interpret", *arguments, "--model", "smeft")[0] == 2


def test_two_body_scan_and_posterior(shared_data, tmp_path, obf):
    folder = shared_data / "belle2-knunu"
    densities = [f"--density={c}={folder}/number_density_{f}.csv"
                 for c, f in (("A__", "ita_regA"), ("B__", "ita_regB"), ("sgn1_had", "hta"))]
    arguments = (folder / "combined_likelihood.json", "--model", "kx", *densities, "--mass", "2.0")
    code, out, _ = obf("interpret", *arguments, "--ctau", 500, "--json", tmp_path / "o.json")
    assert code == 0
    point = json.loads((tmp_path / "o.json").read_text())["points"][0]
    assert 0 < point["escape"] < 1
    assert point["expected"][2] < point["limit"]
    assert "P(escape)" in out
    assert obf("interpret", *arguments[:-1], "0,a,2")[0] == 2
    assert obf("interpret", *arguments[:-1], "9")[0] == 1
    assert obf("interpret", *arguments, "--ctau", "-1")[0] == 2
