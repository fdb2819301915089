"""Outlines of detectors for pictures. Oracle: the packaged cards, and mistakes planted in copies of them."""

from __future__ import annotations

import pytest
import yaml

from openbfactory.core.errors import CardError
from openbfactory.experiment import load_card
from openbfactory.experiment.card import DETECTORS


@pytest.fixture
def written(tmp_path):
    """A copy of a packaged card with a changed outline, as a file."""

    def write(change):
        document = yaml.safe_load(DETECTORS["belle2"].read_text())
        change(document["detector"])
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


@pytest.mark.parametrize("name", DETECTORS)
def test_volumes_stand_around_the_tracker(name):
    detector = load_card(name).detector
    outline, tracker = detector.outline, max(row.outer for row in detector.tracking.layers.rows)
    assert {v.system for v in outline.volumes} >= {"coil", "KLM"}
    assert outline.crystals.value == 30.0
    assert all(v.inner > tracker for v in outline.volumes if v.part == "barrel")
    coil = next(v for v in outline.volumes if v.system == "coil")
    assert coil.inner >= detector.ecl.surface.radius.value + outline.crystals.value


def test_units_are_converted(written):
    card = load_card(written(lambda d: d["outline"].update(length_unit="mm", volumes=[
        {"name": "coil", "system": "coil", "part": "barrel", "inner": 1700, "outer": 2000, "z_min": -1735,
         "z_max": 2675, "source": "estimate"}])))
    (volume,) = card.detector.outline.volumes
    assert (volume.inner, volume.outer, volume.z_min, volume.z_max) == (170.0, 200.0, -173.5, 267.5)


def test_a_card_may_have_no_outline(written):
    outline = load_card(written(lambda d: d.pop("outline"))).detector.outline
    assert outline.volumes == ()
    assert outline.crystals is None


@pytest.mark.parametrize(("key", "value", "code"), [
    ("inner", 300, "volume-inverted"), ("z_min", 300, "volume-inverted"), ("sides", 2, "too-few-sides"),
    ("system", "ECLX", "literal-error")])
def test_mistakes_are_named(written, key, value, code):
    path = written(lambda d: d["outline"]["volumes"][2].update({key: value}))
    with pytest.raises(CardError) as raised:
        load_card(path)
    assert "outline" in str(raised.value)
    assert [f.code for f in raised.value.findings] == [code]
