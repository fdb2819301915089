"""Network of the track trigger in a card.

Oracle: a file written and read again; planted mistakes of a card, each found by its name.
"""

import json
import re

import pytest

from openbfactory.core.errors import CardError
from openbfactory.experiment import DETECTORS, check_card, load_card
from openbfactory.experiment.network import geometry, write_network

NAME = "network: belle2-trigger.json"
NETWORK = DETECTORS["belle2"].parent / "belle2-trigger.json"


def card(tmp_path, *changes):
    text = DETECTORS["belle2"].read_text()
    for old, new in changes:
        assert re.search(old, text)
        text = re.sub(old, new, text, count=1)
    path = tmp_path / "card.yaml"
    path.write_text(text)
    return path


def codes(path):
    return [(f.code, f.severity) for f in check_card(path)]


def test_packaged_network_is_that_of_its_card(tmp_path):
    loaded = load_card("belle2")
    network = loaded.detector.trigger.segments.network
    assert network.geometry == geometry(loaded.detector)
    assert (network.inputs, len(network.hidden)) == (27, 81)
    write_network(network, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == NETWORK.read_bytes()
    assert load_card("belle2", untrained=True).detector.trigger.segments.network is None
    assert load_card("belle").detector.trigger.segments is None


def test_file_is_sought_beside_the_card_first(tmp_path):
    path = card(tmp_path)
    assert codes(path) == []
    document = json.loads(NETWORK.read_text())
    (tmp_path / "belle2-trigger.json").write_text(json.dumps({**document, "seed": 77}))
    assert load_card(path).detector.trigger.segments.network.seed == 77


@pytest.mark.parametrize("change", [
    (r"inner: 250, outer: 355", "inner: 252, outer: 355"),
    (r"cells: \[160, 160", "cells: [160, 168"),
    (r"field: \{value: 1.5", "field: {value: 1.2"),
    (r"resolution_v: 1950", "resolution_v: 2100"),
])
def test_other_geometry_is_a_warning(tmp_path, change):
    path = card(tmp_path, change)
    assert codes(path) == [("network-of-other-geometry", "warning")]
    load_card(path)


def test_resolution_of_silicon_needs_no_training(tmp_path):
    assert codes(card(tmp_path, (r"resolution_u: 9,", "resolution_u: 7,"))) == []


def test_mistakes(tmp_path):
    assert codes(card(tmp_path, (NAME, "network: none.json"))) == [("network-absent", "error")]
    assert codes(card(tmp_path, (r"160, 192,", "192,"))) == [("cells-of-superlayers", "error"),
                                                              ("network-inputs", "error")]
    (tmp_path / "belle2-trigger.json").write_text("{")
    assert codes(card(tmp_path)) == [("network-unreadable", "error")]
    document = json.loads(NETWORK.read_text())
    (tmp_path / "belle2-trigger.json").write_text(json.dumps({**document, "output": [[1.0], [2.0]]}))
    assert codes(card(tmp_path)) == [("network-shape", "error")]
    with pytest.raises(CardError, match="network"):
        load_card(card(tmp_path))
    load_card(card(tmp_path), untrained=True)
