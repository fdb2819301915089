"""Cards: what is packaged is right, what is broken is named.

Oracle: planted mistakes, one of each kind, all in one copy of the packaged card; every one must be
reported by its name in one go.
"""

import pickle
import re

import pytest
import yaml

from openbfactory.core.errors import CardError, UnknownNameError
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import DETECTORS, card_names, check_card, load_card
from openbfactory.experiment.dimensions import UNITS, converter

MISTAKES = {
    # code: (pattern, replacement) in belle2.yaml
    "unknown-key": (r"merge_distance:", "merge_distanse:"),
    "missing-key": (r"merge_distance:", "merge_distanse:"),
    "wrong-unit": (r"angle: \{value: 41.5, unit: mrad", "angle: {value: 41.5, unit: MeV"),
    "negative-resolution": (r"noise: \{value: 0.6", "noise: {value: -0.6"),
    "outside-0-1": (r"match_efficiency: \{value: 0.98", "match_efficiency: {value: 1.98"),
    "layers-overlap": (r"inner: 22.0, outer: 22.1", "inner: 14.05, outer: 22.1"),
    "layers-shrink": (r"inner: 135.1, outer: 135.4", "inner: 35.1, outer: 35.4"),
    "layer-inverted": (r"inner: 795, outer: 900", "inner: 895, outer: 800"),
    "not-ascending": (r"x: \[0.3, 3.0\], y: \[0.0, 0.75\]", "x: [3.0, 0.3], y: [0.0, 0.75]"),
    "unequal-lengths": (r"x: \[0.6, 1.5\], y: \[2, 14\]", "x: [0.6, 1.5], y: [2, 14, 15]"),
    "range-inverted": (r"max: \{value: 150, unit: deg", "max: {value: 15, unit: deg"),
}


def broken(tmp_path, *codes):
    text = DETECTORS["belle2"].read_text()
    for code in codes:
        pattern, replacement = MISTAKES[code]
        text = re.sub(pattern, replacement, text, count=1)
    path = tmp_path / "card.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["belle2", "belle"])
def test_packaged_cards_are_clean(name):
    assert not check_card(name)
    assert name in card_names()
    card = load_card(name)
    assert card.name == name
    assert load_card(DETECTORS[name]).digest() == card.digest()


def test_every_mistake_at_once(tmp_path):
    findings = check_card(broken(tmp_path, *MISTAKES))
    assert {f.code for f in findings} >= set(MISTAKES)
    assert all(f.path.startswith("line ") for f in findings.errors)
    with pytest.raises(CardError) as caught:
        load_card(tmp_path / "card.yaml")
    assert len(caught.value.findings) == len(findings)


@pytest.mark.parametrize("code", [c for c in MISTAKES if c != "missing-key"])
def test_each_mistake_alone(tmp_path, code):
    assert code in {f.code for f in check_card(broken(tmp_path, code))}


@pytest.mark.parametrize(("code", "pattern", "replacement"), [
    ("negative-resolution", "resolution_u: 9,", "resolution_u: -9,"),
    ("outside-0-1", "coverage: 0.1667", "coverage: 1.1667"),
    ("wrong-unit", "length_unit: mm", "length_unit: GeV"),
    ("outside-0-1", "0.965, 0.975, 0.975]", "0.965, 0.975, 1.975]"),
    ("not-positive", "omega: {value: 1.7", "omega: {value: 0"),
    ("regions-overlap", "min: {value: 32.2, unit: deg", "min: {value: 30.2, unit: deg"),
    ("region-twice", "- name: backward", "- name: barrel"),
    ("layer-outside", "outer: 1120", "outer: 1320"),
    ("outside-0-1", "efficiency: {value: 0.95, source: estimate}", "efficiency: {value: 1.95, source: estimate}"),
    ("greater-than-equal", "stt: 1", "stt: -1"),
    ("union-tag-invalid", "kind: ring", "kind: rong"),
    ("negative-value", "background_rate: {value: 1.6", "background_rate: {value: -1.6"),
])
def test_more_mistakes(tmp_path, code, pattern, replacement):
    text = DETECTORS["belle2"].read_text()
    assert pattern in text
    path = tmp_path / "card.yaml"
    path.write_text(text.replace(pattern, replacement, 1))
    assert {f.code for f in check_card(path)} - {"network-of-other-geometry"} == {code}


def test_cards_travel_to_workers():
    card = load_card("belle2")
    assert pickle.loads(pickle.dumps(card)).digest() == card.digest()


def test_changed_beams_are_seen():
    machine = load_card("belle2").machine
    before = machine.sqrt_s
    hotter = machine.her.model_copy(update={"energy": machine.her.energy.model_copy(update={"value": 8.0})})
    assert machine.model_copy(update={"her": hotter}).sqrt_s > before + 0.5


def test_nearest_key_and_line(tmp_path):
    path = broken(tmp_path, "unknown-key")
    finding = next(f for f in check_card(path) if f.code == "unknown-key")
    assert finding.nearest == "merge_distance"
    line = int(re.match(r"line (\d+)", finding.path)[1])
    assert "merge_distanse" in path.read_text().splitlines()[line - 1]


def test_missing_subdetector(tmp_path):
    document = yaml.safe_load(DETECTORS["belle2"].read_text())
    del document["detector"]["klm"]
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(document))
    assert [(f.code, "klm" in f.message) for f in check_card(path)] == [("missing-key", True)]


@pytest.mark.parametrize("text", ["", "[1, 2", "7", "name: [", "detector: {tracking: {layers: {rows: [3]}}}"])
def test_nonsense_is_named(tmp_path, text):
    path = tmp_path / "card.yaml"
    path.write_text(text)
    assert check_card(path).errors
    assert check_card(tmp_path / "absent.yaml").errors


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="belle2"):
        load_card("bele2")


def test_unit_conversion():
    quantity = Quantity(value=2, unit="mrad", source="estimate", uncertainty=1)
    native = converter("angle")(quantity)
    assert (native.value, native.uncertainty, native.unit) == (2e-3, 1e-3, "rad")
    assert all(next(iter(table.values())) == 1.0 for table in UNITS.values())


def test_full_pixel_detector_is_one_change(tmp_path):
    path = tmp_path / "run2.yaml"
    path.write_text(DETECTORS["belle2"].read_text().replace("coverage: 0.1667", "coverage: 1.0"))
    rows = load_card(path).detector.tracking.layers.rows
    assert [r.coverage for r in rows if r.system == "PXD"] == [1.0, 1.0]


def test_a_card_holds_only_what_differs(tmp_path):
    (tmp_path / "one.yaml").write_text("extends: belle2\nname: one\ndetector: {switches: {momentum: 1.001}}\n")
    (tmp_path / "two.yaml").write_text("extends: one.yaml\nname: two\ndetector: {switches: {split_offs: 1.2}}\n")
    base, two = load_card("belle2"), load_card(tmp_path / "two.yaml")
    assert two.name == "two"
    assert (two.detector.switches.momentum, two.detector.switches.split_offs) == (1.001, 1.2)
    assert two.detector.model_copy(update={"switches": base.detector.switches}) == base.detector
    assert two.machine == base.machine


def test_cards_that_extend_what_they_cannot(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(CardError, match="extended by this one already"):
        load_card(tmp_path / "a.yaml")
    (tmp_path / "c.yaml").write_text("extends: bele2\n")
    with pytest.raises(UnknownNameError, match="belle2"):
        load_card(tmp_path / "c.yaml")
