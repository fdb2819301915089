"""Findings and nearest names. Oracle: hand-written examples."""

import pytest

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import CardError, InputError, UnknownNameError


@pytest.mark.parametrize(("found", "expected"), [
    ("histosis", "histosys"), ("Mcb", "Mbc"), ("deltae", "deltaE"), ("zzzzzz", None), ("", None),
])
def test_nearest(found, expected):
    assert nearest(found, ["histosys", "normsys", "Mbc", "deltaE"]) == expected


def test_all_findings_are_reported_at_once():
    findings = Findings("card.yaml")
    findings.error("a", "x", "first", expected="1")
    findings.warning("b", "y", "second")
    findings.unknown_name("z", "Mcb", ["Mbc"], what="variable")
    with pytest.raises(CardError) as caught:
        findings.raise_if_errors(CardError)
    text = str(caught.value)
    assert all(part in text for part in ("card.yaml", "first", "expected 1", "second", "did you mean 'Mbc'?"))
    assert len(caught.value.findings.errors) == 2


def test_warnings_alone_do_not_raise():
    findings = Findings("f")
    findings.warning("w", "", "only this")
    findings.raise_if_errors()


def test_unknown_name_error_is_an_input_error():
    error = UnknownNameError("sample", "charge", ["charged", "mixed"])
    assert isinstance(error, InputError)
    assert error.nearest == "charged"
    assert "did you mean 'charged'?" in str(error)
