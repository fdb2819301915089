"""``obf data``. Oracle: HEPData's validator; the exit codes of the command line contract (0, 1, 2)."""

from __future__ import annotations

import json

from hepdata_validator.full_submission_validator import FullSubmissionValidator

DOCUMENT = {
    "channels": [{"name": "SR", "samples": [
        {"name": "signal", "data": [10.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "background", "data": [50.0], "modifiers": []}]}],
    "observations": [{"name": "SR", "data": [60.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}], "version": "1.0.0"}


def test_fit_and_submission(obf, tmp_path):
    workspace, record = tmp_path / "workspace.json", tmp_path / "fit.json"
    workspace.write_text(json.dumps(DOCUMENT))
    assert obf("fit", workspace, "--json", record)[0] == 0
    code, out, _ = obf("data", "submission", workspace, "--fit", record, "--output", tmp_path / "out")
    assert code == 0
    assert "2 tables" in out
    assert FullSubmissionValidator().validate(directory=str(tmp_path / "out"))
    assert obf("data", "submission", workspace, "--output", tmp_path / "out")[0] == 1
    assert obf("data", "submission", workspace, "--fit", workspace, "--output", tmp_path / "other")[0] == 1


def test_wrong_sources(obf):
    assert obf("data", "get", "likelihood.json")[0] == 1
    assert obf("data", "fetch", "x")[0] == 2
