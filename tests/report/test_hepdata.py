"""HEPData submissions. Oracle: HEPData's own validator, and the files read back."""

from __future__ import annotations

import json

import pytest
import yaml
from hepdata_validator.full_submission_validator import FullSubmissionValidator

from openbfactory.core.errors import InputError
from openbfactory.report.hepdata import (
    Column,
    Table,
    Uncertainty,
    parameter_table,
    workspace_tables,
    write_submission,
)

DOCUMENT = {
    "channels": [{"name": "SR", "samples": [{"name": "signal", "data": [10.0, 4.0], "modifiers": []},
                                            {"name": "background", "data": [50.0, 40.0], "modifiers": []}]}],
    "observations": [{"name": "SR", "data": [61.0, 45.0]}], "measurements": [], "version": "1.0.0"}


def spectrum(**changed):
    values = {"name": "Spectrum", "description": "Branching fraction in bins of q2.", "independent": (
        Column(name="$q^2$", units="GeV$^2$", values=(0.0, 4.0), high=(4.0, 8.0)),),
        "dependent": (Column(name="B", values=(1.0, None), qualifiers={"channel": "B+"}, uncertainties=(
            Uncertainty(label="stat", down=(0.1, 0.0), up=(0.1, 0.0)),
            Uncertainty(label="sys", down=(0.2, 0.0), up=(0.3, 0.0)))),),
        "keywords": {"cmenergies": (10.58,), "observables": ("BR",)}}
    return Table(**{**values, **changed})


def test_a_submission_is_what_hepdata_accepts(tmp_path):
    likelihood = tmp_path / "likelihood.json"
    likelihood.write_text(json.dumps(DOCUMENT))
    folder = write_submission(tmp_path / "out", [spectrum(), *workspace_tables(DOCUMENT)], "A test.",
                              {"Likelihood": likelihood})
    assert FullSubmissionValidator().validate(directory=str(folder))
    head, first, second = yaml.safe_load_all((folder / "submission.yaml").read_text())
    assert head["additional_resources"][0]["location"] == "likelihood.json"
    assert (first["name"], second["data_file"]) == ("Spectrum", "table_2.yaml")
    written = yaml.safe_load((folder / "table_1.yaml").read_text())
    assert written["independent_variables"][0]["values"][1] == {"low": 4.0, "high": 8.0}
    assert written["dependent_variables"][0]["values"] == [
        {"value": 1.0, "errors": [{"label": "stat", "symerror": 0.1},
                                  {"label": "sys", "asymerror": {"minus": -0.2, "plus": 0.3}}]}, {"value": "-"}]
    events = yaml.safe_load((folder / "table_2.yaml").read_text())["dependent_variables"]
    assert [v["value"] for v in events[-1]["values"]] == [60.0, 44.0]


def test_fitted_parameters_are_a_table():
    record = {"poi": "mu", "parameters": [{"name": "mu", "value": 1.5, "uncertainty": 0.5},
                                          {"name": "held", "value": 1.0, "uncertainty": None}]}
    table = parameter_table(record)
    assert table.independent[0].values == ("mu",)
    assert table.dependent[0].uncertainties[0].up == (0.5,)


def test_every_mistake_is_named(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    short = spectrum(name="Short", dependent=(Column(name="B", values=(1.0,)),))
    with pytest.raises(InputError) as caught:
        write_submission(tmp_path / "full", [spectrum(), spectrum(), short], "x", {"Likelihood": tmp_path / "none"})
    assert {f.code for f in caught.value.findings} == {"same-name", "columns", "no-file", "not-empty"}
    with pytest.raises(InputError, match="at least one"):
        write_submission(tmp_path / "new", [], "x")


def test_what_hepdata_refuses_is_refused(tmp_path):
    with pytest.raises(InputError, match="hepdata"):
        write_submission(tmp_path / "out", [spectrum(keywords={"cmenergies": ("ten",)})], "")
