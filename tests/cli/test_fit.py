"""``obf fit``: the record, the table, exit codes.

Oracle: the published B+ -> K+ nu nubar numbers; the exit codes of the command line contract (0, 1, 2).
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

DOCUMENT = {
    "channels": [{"name": "SR", "samples": [
        {"name": "signal", "data": [10.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "background", "data": [50.0], "modifiers": [
            {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]}]}],
    "observations": [{"name": "SR", "data": [60.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


def test_published_likelihood_by_command_line(shared_data, tmp_path, obf):
    path = shared_data / "belle2-knunu" / "combined_likelihood.json"
    code, out, _ = obf("fit", path, "--poi", "mu", "--unit", "4.97e-6", "--json", tmp_path / "o.json")
    assert code == 0
    for text in ("4.59905", "1.33401", "-1.3260 +1.3490", "-23.33428", "3.46018", "2.71608", "(2.286 +- 0.663) 1e-5"):
        assert text in out
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["value"] == pytest.approx(4.59905, abs=6e-6)
    assert record["significance"]["1"] == pytest.approx(2.71608, abs=6e-6)
    assert "scan" not in record


def test_channels_by_command_line(shared_data, obf):
    path = shared_data / "belle2-knunu" / "combined_likelihood.json"
    code, out, _ = obf("fit", path, "--channels", "sgn1_had")
    assert code == 0
    assert "2.17861" in out
    code, _, err = obf("fit", path, "--channels", "sgn_had")
    assert code == 1
    assert "did you mean 'sgn1_had'?" in err


def test_scan_by_command_line(workspace, tmp_path, obf):
    code, out, _ = obf("fit", workspace, "--scan", "0,4,5", "--json", tmp_path / "o.json")
    assert code == 0
    assert "Profile likelihood" in out
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["scan"]["values"] == [0, 1, 2, 3, 4]
    assert record["scan"]["delta"][1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("arguments", [
    ("--scan", "0,4"), ("--scan", "a,b,c"), ("--unit", "-1"), ("--unit", "nan"), ("--unit", "x"), ("--colour", "red")])
def test_bad_usage_is_2(workspace, obf, arguments):
    assert obf("fit", workspace, *arguments)[0] == 2


@pytest.mark.parametrize(("arguments", "text"), [
    (("--poi", "nu"), "did you mean 'mu'?"), (("--channels", "CR"), "unknown channel"),
    (("--scan", "0,400,5"), "inside [0, 10]"), (("--json", "/no/such/folder/o.json"), "cannot write")])
def test_mistakes_are_1(workspace, obf, arguments, text):
    code, _, err = obf("fit", workspace, *arguments)
    assert code == 1
    assert text in err


@pytest.mark.parametrize("content", ["", "[", "{}", "[" * 10_000, json.dumps({**DOCUMENT, "channels": []})])
def test_broken_workspaces_are_1(tmp_path, obf, content):
    path = tmp_path / "w.json"
    path.write_text(content)
    assert obf("fit", path)[0] == 1
    code, out, _ = obf("check", path)
    assert code == 1
    assert "error[" in out


def test_pyhf_and_numba_are_not_imported(workspace):
    """They would make the command slower to start than its fit."""
    code = ("import sys; sys.argv = ['obf', 'fit', sys.argv[1]]\nfrom openbfactory.cli import main\n"
            "try:\n    main()\nexcept SystemExit as leaving:\n    assert not leaving.code\n"
            "assert not {'pyhf', 'numba', 'jsonschema', 'scipy.optimize'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code, str(workspace)], check=True, capture_output=True, timeout=60)


def test_limit_and_toys_by_command_line(workspace, tmp_path, obf):
    code, out, err = obf("fit", workspace, "--limit", "--level", "0.95", "--toys", "60", "--seed", "2",
                         "--json", tmp_path / "o.json")
    assert code == 0
    assert "Upper limit of mu at 95 %" in out
    assert "goodness of fit" in out
    assert "chunk 2 of 2" in err
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["limit"]["level"] == 0.95
    assert record["limit"]["observed"] > record["value"]
    assert record["toys"]["toys"] == 60
    assert 0 <= record["toys"]["goodness_of_fit"]["p"] <= 1
    for arguments in (("--toys", "0"), ("--level", "95"), ("--toys", "many")):
        assert obf("fit", workspace, *arguments)[0] == 2


def test_studies_are_printed_and_written(obf, workspace, tmp_path):
    record = tmp_path / "out.json"
    code, out, _ = obf("fit", workspace, "--ranking", 3, "--impacts", "--project", "1,4", "--json", record,
                       "--contour", "mu,0,2,3", "--contour", "norm,-1,1,3")
    assert code == 0
    found = json.loads(record.read_text())
    assert [i["name"] for i in found["ranking"]] == ["norm"]
    assert found["impacts"]["groups"].keys() == {"norm"}
    assert found["contour"]["delta"][1][1] == pytest.approx(0.0, abs=1e-9)
    assert found["projection"][-1]["factor"] is None
    assert "without end" in out
    code, out, _ = obf("fit", workspace, "--scan", "0,3,5", "--ranking", 3, "--figures", tmp_path / "figures")
    assert code == 0
    assert {p.name for p in (tmp_path / "figures").iterdir()} >= {"scan.png", "ranking.pdf", "pulls.png",
                                                                       "channel_1_after_fit.png"}


@pytest.mark.parametrize("wrong", [("--contour", "mu,0,2,3"), ("--contour", "mu,0,2,3", "--contour", "mu,0,1,2"),
                                   ("--contour", "mu,a,2,3", "--contour", "norm,0,1,2"), ("--project", "0"),
                                   ("--project", "x"), ("--ranking", "0")])
def test_studies_that_make_no_sense_are_bad_usage(obf, workspace, wrong):
    assert obf("fit", workspace, *wrong)[0] == 2
