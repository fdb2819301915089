"""Workspaces read, checked, cut, given other data.

Oracle: the JSON schema of pyhf 0.7 and its model building: what they refuse must
be an error here, and what is accepted here must build there (random mutations of
a valid workspace); planted mistakes with the finding that each must give.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pyhf
import pytest
from histfactory_examples import simple_document, two_channels, workspaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openbfactory.core.errors import UnknownNameError, WorkspaceError
from openbfactory.fit import workspace as workspace_module
from openbfactory.fit.workspace import check_workspace, parse_workspace, read_workspace

RANDOM = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def findings_of(document: Any):
    try:
        return parse_workspace(document).findings
    except WorkspaceError as error:
        return error.findings


def at(document: Any, path: str) -> tuple[Any, str | int]:
    """Container and last key of a path such as ``channels.0.samples.1.data``."""
    keys = [int(k) if k.isdigit() else k for k in path.split(".")]
    for key in keys[:-1]:
        document = document[key]
    return document, keys[-1]


SIGNAL, BACKGROUND, CONTROL = "channels.0.samples.0", "channels.0.samples.1", "channels.1.samples.0"
SETTINGS = "measurements.0.config.parameters"
MISTAKES = [
    # path, new value (... removes it), code of the finding, part of its path or message
    (f"{SIGNAL}.data", ..., "missing-key", "channels[0].samples[0]"),
    (f"{BACKGROUND}.data", [1.0, 2.0], "wrong-length", "channels[0].samples[1].data"),
    (f"{BACKGROUND}.data", [1.0, -2.0, 3.0], "negative-yield", "channels[0].samples[1].data[1]"),
    (f"{BACKGROUND}.data", [1.0, float("nan"), 3.0], "not-finite", "channels[0].samples[1].data[1]"),
    (f"{BACKGROUND}.data", [1.0, 10**400, 3.0], "not-finite", "channels[0].samples[1].data[1]"),
    (f"{BACKGROUND}.data", [1.0, "2", 3.0], "not-a-number", "channels[0].samples[1].data[1]"),
    (f"{BACKGROUND}.data", [1.0, True, 3.0], "not-a-number", "channels[0].samples[1].data[1]"),
    (f"{BACKGROUND}.data", {"a": 1}, "not-a-list", "channels[0].samples[1].data"),
    (f"{BACKGROUND}.modifiers", ..., "missing-key", "channels[0].samples[1]"),
    (f"{BACKGROUND}.colour", "red", "unknown-key", "colour"),
    (f"{BACKGROUND}.name", "signal", "duplicate-sample", "channels[0].samples[1].name"),
    (f"{SIGNAL}.modifiers.1.type", "histosis", "unknown-modifier-type", "histosis"),
    (f"{SIGNAL}.modifiers.1.data", [1.0], "modifier-data", "channels[0].samples[0].modifiers[1].data"),
    (f"{SIGNAL}.modifiers.1.data.lo_data", [1.0], "wrong-length", "modifiers[1].data.lo_data"),
    (f"{SIGNAL}.modifiers.1.data.low", [1.0], "unknown-key", "low"),
    (f"{SIGNAL}.modifiers.0.data", [1.0], "modifier-data", "modifiers[0].data"),
    (f"{BACKGROUND}.modifiers.0.data.hi", 0.0, "normsys-factor", "modifiers[0].data.hi"),
    (f"{BACKGROUND}.modifiers.1.data", [1.0], "wrong-length", "modifiers[1].data"),
    (f"{BACKGROUND}.modifiers.1.data", [1.0, -1.0, 1.0], "negative-uncertainty", "modifiers[1].data[1]"),
    (f"{BACKGROUND}.modifiers.1.name", "norm", "incompatible-types", "normsys and staterror"),
    (f"{BACKGROUND}.modifiers.1", {"name": "norm", "type": "normsys", "data": {"lo": 0.8, "hi": 1.3}},
     "duplicate-modifier", "modifiers[1]"),
    (f"{BACKGROUND}.modifiers.1", {"name": "uncorrelated", "type": "shapesys", "data": [1.0, 1.0, 1.0]},
     "shared-shapesys", "uncorrelated"),
    (f"{BACKGROUND}.modifiers.1", {"name": "lumi", "type": "lumi", "data": None}, "lumi-setting", "parameters"),
    (f"{BACKGROUND}.modifiers.1", {"name": "luminosity", "type": "lumi", "data": None}, "lumi-name", "luminosity"),
    ("channels.1.name", "SR", "duplicate-channel", "channels[1].name"),
    ("channels.1", 3, "not-an-object", "channels[1]"),
    ("channels", [], "empty-list", "channels"),
    ("observations.1.data", [1.0, 2.0, 3.0], "wrong-length", "observations[1].data"),
    ("observations.1.data", [1.0, -2.0], "negative-observation", "observations[1].data[1]"),
    ("observations.1.name", "CS", "missing-observation", "CR"),
    ("observations.1", {"name": "SR", "data": [1.0, 2.0, 3.0]}, "duplicate-observation", "observations[1].name"),
    ("measurements.0.config.poi", "nu", "unknown-poi", "config.poi"),
    ("measurements.0.config.poi", "stat_SR", "poi-by-bin", "config.poi"),
    ("measurements.0.config.poi", ..., "missing-key", "measurements[0].config"),
    ("measurements", ..., "missing-key", "measurements"),
    ("version", "2.0.0", "version", "version"),
    (SETTINGS, [{"name": "mu", "inits": [11.0]}], "start-outside-bounds", "parameters[0]"),
    (SETTINGS, [{"name": "mu", "bounds": [[3.0, 1.0]]}], "bounds", "parameters[0].bounds[0]"),
    (SETTINGS, [{"name": "mu", "sigmas": [1.0]}], "setting-not-used", "parameters[0].sigmas"),
    (SETTINGS, [{"name": "stat_SR", "sigmas": [0.1]}], "wrong-length", "parameters[0].sigmas"),
    (SETTINGS, [{"name": "stat_SR", "sigmas": [0.1, 0.0, 0.1]}], "not-positive", "parameters[0].sigmas"),
    (SETTINGS, [{"name": "mu"}, {"name": "mu"}], "duplicate-parameter", "parameters[1]"),
    (SETTINGS, [{"name": "mu", "fixed": 1}], "not-a-boolean", "parameters[0].fixed"),
]


@pytest.mark.parametrize(("path", "value", "code", "where"), MISTAKES,
                         ids=[f"{m[2]}-{i}" for i, m in enumerate(MISTAKES)])
def test_each_mistake_has_its_finding(path, value, code, where):
    document = two_channels()
    container, key = at(document, path)
    if value is ...:
        del container[key]
    else:
        container[key] = value
    found = [f for f in findings_of(document).errors if f.code == code]
    assert found, findings_of(document).render()
    assert any(where in f.path or where in f.message for f in found)


def test_the_valid_workspace_has_no_findings():
    assert not findings_of(two_channels())
    assert not findings_of(simple_document())


def test_all_findings_at_once():
    document = two_channels()
    document["channels"][0]["samples"][1]["data"][0] = -1.0
    document["channels"][0]["samples"][0]["modifiers"][1]["type"] = "histosis"
    document["observations"][1]["data"].append(3.0)
    document["measurements"][0]["config"]["poi"] = "nu"
    codes = {f.code for f in findings_of(document).errors}
    assert codes == {"negative-yield", "unknown-modifier-type", "wrong-length", "unknown-poi"}


def test_the_nearest_name_is_offered():
    document = two_channels()
    document["channels"][0]["samples"][0]["modifiers"][1]["type"] = "histosis"
    finding = findings_of(document).errors[0]
    assert finding.nearest == "histosys"
    assert "did you mean 'histosys'?" in finding.render()


@pytest.mark.parametrize(("change", "code"), [
    (lambda d: d["observations"].append({"name": "VR", "data": [1.0]}), "unused-observation"),
    (lambda d: d["measurements"][0]["config"]["parameters"].append({"name": "nrm"}), "unused-parameter"),
    (lambda d: d["channels"][0]["samples"][0]["modifiers"][1]["data"]["lo_data"].__setitem__(0, -1.0),
     "negative-variation"),
    (lambda d: d["channels"][0]["samples"][1]["data"].__setitem__(2, 0.0), "uncertainty-ignored"),
])
def test_doubtful_things_are_warnings(change, code):
    document = two_channels()
    change(document)
    findings = findings_of(document)
    assert [f.code for f in findings] == [code]
    assert not findings.errors


def test_a_bin_with_events_that_nothing_explains():
    document = simple_document()
    for sample in document["channels"][0]["samples"]:
        sample["data"] = [0.0]
    assert [f.code for f in findings_of(document).errors] == ["zero-expectation"]
    document["channels"][0]["samples"][1]["data"] = [1e-6]
    assert [f.code for f in findings_of(document)] == ["small-expectation"]


@pytest.mark.parametrize(("text", "code"), [
    (json.dumps(two_channels())[:300], "not-json"),
    ("hello", "not-json"),
    ("", "not-json"),
    ("{}", "missing-key"),
    ("[]", "not-an-object"),
    ("null", "not-an-object"),
    ("[" * 100_000, "too-deep"),
    ('{"a":' * 100_000, "too-deep"),
    ('{"version": "1.0.0", "version": "1.0.0"}', "duplicate-key"),
    ("1" * 5000, "not-json"),
    ('{"channels": ["\\ud800"], "\\ud800": 1}', "unknown-key"),
])
def test_files_that_are_no_workspace(tmp_path, text, code):
    path = tmp_path / "w.json"
    path.write_text(text)
    findings = check_workspace(path)
    assert code in [f.code for f in findings.errors]
    assert findings.render().isprintable() or "\n" in findings.render()
    findings.render().encode()


def test_truncated_json_says_where(tmp_path):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(two_channels(), indent=1)[:200])
    assert "line " in check_workspace(path).errors[0].path


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00{}")
    for name, code in (("absent.json", "unreadable"), (".", "unreadable"), ("binary.json", "not-text")):
        assert [f.code for f in check_workspace(tmp_path / name).errors] == [code]


def test_large_files_are_refused_before_they_are_parsed(tmp_path, monkeypatch):
    path = tmp_path / "w.json"
    path.write_text("[" + "[]," * 1000 + "[]]")
    monkeypatch.setattr(workspace_module, "MAX_MEMORY", 50_000)
    assert [f.code for f in check_workspace(path).errors] == ["too-large"]
    monkeypatch.setattr(workspace_module, "MAX_BYTES", 100)
    assert [f.code for f in check_workspace(path).errors] == ["too-large"]


@pytest.mark.parametrize("broken", [{"channels": [3] * 1000}, {"channels": [{}] * 1000},
                                    {f"k{i}": 1 for i in range(1000)}])
def test_too_many_findings_are_cut(broken):
    document = {**two_channels(), **broken}
    findings = findings_of(document)
    assert len(findings) < 220
    assert "there are more errors than shown" in findings.render()


def test_a_model_beyond_memory_is_refused():
    document = simple_document()
    bins = 6000
    document["channels"][0]["samples"] = [{"name": "s", "data": [1.0] * bins, "modifiers": [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "free", "type": "shapefactor", "data": None}]}]
    document["observations"][0]["data"] = [1.0] * bins
    assert [f.code for f in findings_of(document).errors] == ["too-large"]


def test_selection_of_channels():
    document = two_channels()
    document["measurements"][0]["config"]["parameters"] = [{"name": "mu", "inits": [2.0]}, {"name": "norm"}]
    selected = parse_workspace(document).select(["CR"])
    assert selected.channel_names == ["CR"]
    assert [o["name"] for o in selected.document["observations"]] == ["CR"]
    assert selected.document["measurements"][0]["config"] == {"poi": "", "parameters": [{"name": "norm"}]}
    assert parse_workspace(document).document == document
    with pytest.raises(UnknownNameError, match="did you mean 'CR'"):
        parse_workspace(document).select(["CRR"])


def test_written_and_read_again_is_the_same(tmp_path):
    document = two_channels()
    document["channels"][0]["samples"][0]["data"][0] = 0.1 + 0.2
    parse_workspace(document).write(tmp_path / "w.json")
    again = read_workspace(tmp_path / "w.json")
    assert again.document == document
    assert again.digest() == parse_workspace(document).digest()
    assert np.array_equal(again.observed(), [95.0, 97.0, 55.0, 44.0, 39.0])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5)
    | st.sampled_from(["mu", "normsys", "histosys", "staterror", "norm", 10**400, [1.0, 2.0], [1.0, 2.0, 3.0], {}]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["name", "data", "type", "lo", "hi", "lo_data", "hi_data", "modifiers", "samples", "x"]),
        inner, max_size=4),
    max_leaves=8)


def _places(document: Any) -> list[tuple[Any, str | int]]:
    """Every container and key in a document."""
    places: list[tuple[Any, str | int]] = []
    keys = document.keys() if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        places.append((document, key))
        if isinstance(document[key], dict | list):
            places += _places(document[key])
    return places


@RANDOM
@given(document=workspaces(), data=st.data())
def test_fuzzed_workspaces_never_end_in_another_error(document, data):
    """Random values at random places: accepted, and then pyhf accepts it too, or named findings."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(document)
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        if data.draw(st.booleans()):
            container[key] = data.draw(ANYTHING)
        else:
            del container[key]
            if not _places(document):
                break
    findings = findings_of(document)
    findings.render().encode()
    if findings.errors:
        return
    workspace = parse_workspace(document)
    spec = pyhf.Workspace(document)
    if workspace.content.channels and any(s.modifiers for c in workspace.content.channels for s in c.samples):
        spec.data(spec.model(poi_name=document["measurements"][0]["config"]["poi"] or None))


@RANDOM
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))
       | ANYTHING.map(lambda v: json.dumps(v).encode()))
def test_fuzzed_bytes_give_findings(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "w.json"
    path.write_bytes(content)
    findings = check_workspace(path)
    assert findings.errors
    findings.render().encode()
