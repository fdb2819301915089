"""Verdicts of the checks. Oracle: standard deviations by hand."""

from __future__ import annotations

import json

import pytest

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.core.provenance import Provenance
from openbfactory.experiment import load_card
from openbfactory.report.records import Number


def check_of(*findings: Finding) -> Check:
    return Check("knunu.none", "Nothing", "To be shown.", findings, (), ("All of it.",), {"charged": 10},
                 Provenance("0", 1))


def finding(found: float, uncertainty: float, planted: float | None) -> Finding:
    return Finding("x", "a number", Number(value=found, uncertainty=uncertainty),
                   None if planted is None else Number(value=planted, uncertainty=0.4))


def test_a_verdict_is_computed_from_the_numbers(tmp_path):
    """(1.5 - 1) / sqrt(0.3^2 + 0.4^2) = 1; a planted number that is missed by more than three is a failure."""
    good, bad = finding(1.5, 0.3, 1.0), finding(3.0, 0.3, 1.0)
    assert good.pull == pytest.approx(1.0)
    assert check_of(good).passed
    assert not check_of(good, bad).passed
    assert not check_of(finding(1.5, 0.3, None)).passed
    assert "No verdict" in check_of().verdict
    finish(check_of(good, bad), RunOptions(output=tmp_path))
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["passed"] is False
    assert "NOT what was planted" in document["verdict"]
    assert "NOT what was planted" in (tmp_path / "report.html").read_text()


def test_the_data_like_world_differs_from_the_simulation():
    data = load_data_like()
    card = load_card(data.card).detector
    changed = {n: v for n, v in card.switches.model_dump().items() if v != 1.0}
    assert {"kaon_confusion", "pion_confusion", "hadronic_energy", "k_long_ecl_efficiency"} <= set(changed)
    plain = load_card("belle2").detector
    different = {n for n in type(card).model_fields if getattr(card, n) != getattr(plain, n)}
    assert different == {"switches"}
