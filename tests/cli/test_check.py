"""``obf check``: dispatch by suffix, all findings, exit codes.

Oracle: planted mistakes and the exit codes of the command line contract.
"""

from __future__ import annotations

import copy
import json

import pytest
from test_fit import DOCUMENT

from openbfactory.cli import check


def test_a_valid_workspace(tmp_path, obf):
    (tmp_path / "w.json").write_text(json.dumps(DOCUMENT))
    assert obf("check", tmp_path / "w.json")[0] == 0


def test_one_line_a_finding(tmp_path, obf):
    document = copy.deepcopy(DOCUMENT)
    document["channels"][0]["samples"][0]["modifiers"][0]["type"] = "normfctor"
    document["observations"][0]["data"] = [-1.0]
    (tmp_path / "w.json").write_text(json.dumps(document))
    code, out, _ = obf("check", tmp_path / "w.json")
    assert code == 1
    assert len(out.strip().splitlines()) == 3
    assert "did you mean 'normfactor'?" in out
    assert "observations[0].data[0]" in out


def test_names_cannot_break_the_lines(tmp_path, obf):
    document = copy.deepcopy(DOCUMENT)
    document["channels"][0]["samples"][0]["modifiers"][0]["type"] = "a\nb\x1b[31m\ud800"
    (tmp_path / "w.json").write_text(json.dumps(document))
    code, out, _ = obf("check", tmp_path / "w.json")
    assert code == 1
    assert len(out.strip().splitlines()) == 2
    assert "\x1b" not in out


def test_warnings_do_not_fail(tmp_path, obf):
    document = copy.deepcopy(DOCUMENT)
    document["observations"].append({"name": "VR", "data": [1.0]})
    (tmp_path / "w.json").write_text(json.dumps(document))
    code, out, _ = obf("check", tmp_path / "w.json")
    assert code == 0
    assert "warning[unused-observation]" in out


@pytest.mark.parametrize(("name", "code"), [
    ("absent.json", "absent"), ("w.txt", "unsupported-suffix"), ("w", "unsupported-suffix"),
    ("folder.json", "unreadable")])
def test_files_that_cannot_be_checked(tmp_path, obf, name, code):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "w.txt").write_text("x")
    status, out, _ = obf("check", tmp_path / name)
    assert status == 1
    assert f"error[{code}]" in out


def test_several_files(tmp_path, obf):
    (tmp_path / "good.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "bad.json").write_text("{}")
    code, out, _ = obf("check", tmp_path / "good.json", tmp_path / "bad.json")
    assert code == 1
    assert "good.json" in out
    assert "bad.json" in out


def test_every_suffix_has_a_checker():
    assert set(check.CHECKERS) == {".json", ".yaml", ".yml", ".dec", ".parquet", ".root", ".hepmc3", ".hepmc"}
