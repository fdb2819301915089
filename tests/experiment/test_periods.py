"""Run periods of a card.

Oracle: the table of layers as written in the card; planted mistakes that must be named.
"""

import pytest

from openbfactory.core.errors import UnknownNameError
from openbfactory.experiment import DETECTORS, check_card, load_card
from openbfactory.experiment.periods import split_period


def coverage(card):
    return {r.name: r.coverage for r in card.detector.tracking.layers.rows}["PXD2"]


def test_split():
    assert split_period("belle2") == ("belle2", None)
    assert split_period("belle2:run2") == ("belle2", "run2")
    assert split_period("some/where.yaml:late-2024") == ("some/where.yaml", "late-2024")


def test_period_changes_the_layer(tmp_path):
    one, two = load_card("belle2"), load_card("belle2:run2")
    assert coverage(one) == coverage(load_card("belle2:run1")) == pytest.approx(1 / 6, abs=1e-3)
    assert coverage(two) == 1.0
    assert two.name == "belle2:run2"
    assert one.digest() != two.digest()
    own = tmp_path / "mine.yaml"
    own.write_text(DETECTORS["belle2"].read_text())
    assert coverage(load_card(f"{own}:run2")) == 1.0
    assert not check_card("belle2:run2")
    own.write_text("extends: belle2:run2\nname: mine\n")
    assert coverage(load_card(own)) == 1.0


def test_unknown_period():
    with pytest.raises(UnknownNameError, match="run2"):
        load_card("belle2:run3")
    with pytest.raises(UnknownNameError):
        load_card("belle:run2")


@pytest.mark.parametrize(("code", "old", "new"), [
    ("unknown-layer", "PXD2: {coverage: 1.0}", "PXD3: {coverage: 1.0}"),
    ("outside-0-1", "PXD2: {coverage: 1.0}", "PXD2: {coverage: 1.5}"),
    ("unknown-key", "PXD2: {coverage: 1.0}", "PXD2: {radius: 1.5}"),
    ("literal-error", "hypotheses: [pion, kaon, proton]", "hypotheses: [pion, klaon]"),
    ("outside-0-1", 'curling: {value: 8, unit: "%"', 'curling: {value: 160, unit: "%"'),
    ("negative-value", "rate: {value: 0.3, source: \"estimate; fakes", "rate: {value: -1, source: \"estimate; fakes"),
    ("wrong-unit", "slope: {value: 0.2, unit: GeV", "slope: {value: 0.2, unit: cm"),
    ("greater-than-equal", "loss: 0.51", "loss: -0.51"),
])
def test_mistakes_are_named(tmp_path, code, old, new):
    text = DETECTORS["belle2"].read_text()
    assert old in text
    path = tmp_path / "card.yaml"
    path.write_text(text.replace(old, new, 1))
    findings = check_card(path)
    assert code in {f.code for f in findings}
    assert all(f.path.startswith("line ") for f in findings.errors)
    if code == "unknown-layer":
        assert findings.errors[0].nearest in {"PXD1", "PXD2"}
