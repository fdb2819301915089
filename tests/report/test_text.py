"""Text and numbers.  Oracles: numbers rounded by hand, and the escaping rules of HTML."""

from __future__ import annotations

import pytest

from openbfactory.report.records import Number
from openbfactory.report.text import format_count, format_number, format_percent, rich_text


@pytest.mark.parametrize(("number", "unit", "shown"), [
    (Number(value=4.59905, uncertainty=1.33401), "", "4.6 ± 1.3"),
    (Number(value=4.59905, interval=(1.326, 1.349)), "", "4.6^{+1.3}_{−1.3}"),
    (Number(value=-0.0312, uncertainty=0.0009), "GeV", "−0.03120 ± 0.00090 GeV"),
    (Number(value=2.29e-5, uncertainty=0.67e-5), "", "(2.29 ± 0.67) × 10^{−5}"),
    (Number(value=4.97e-6), "", "4.97 × 10^{−6}"),
    (Number(value=3.87e8, uncertainty=6e6), "", "(3.870 ± 0.060) × 10^{8}"),
    (Number(value=16792.86, uncertainty=412.0), "events", "16 793 ± 412 events"),
    (Number(value=1777.09, uncertainty=0.14), "MeV", "1 777.09 ± 0.14 MeV"),
    (Number(value=0.0), "", "0"),
    (Number(value=1.47), "", "1.47"),
    (None, "GeV", "–"),
])
def test_numbers_are_rounded_to_two_digits_of_the_uncertainty(number, unit, shown):
    assert format_number(number, unit).replace(" ", " ") == shown


def test_percent_and_counts():
    assert format_percent(0.08, 0.0014) == "8.00 ± 0.14 %"
    assert format_percent(None) == "–"
    assert format_count(0.5) == "0.5"
    assert format_count(204_800_000).replace(" ", " ") == "204 800 000"
    assert format_count(0) == "0"


def test_markup_becomes_html():
    html = rich_text("**B**^{+} → K_{S} at `obf run`, see [paper](https://arxiv.org/abs/2311.14647) and x^{a}_{b}")
    assert html == ('<strong>B</strong><sup>+</sup> → K<sub>S</sub> at <code>obf run</code>, see '
                    '<a href="https://arxiv.org/abs/2311.14647">paper</a> and '
                    'x<span class="stacked"><sup>a</sup><sub>b</sub></span>')


@pytest.mark.parametrize("text", [
    "<script>alert(1)</script>", "^{<img src=x>}", "`<b>`", "[x](javascript:alert(1))", '[x](https://a"onclick="b)',
    "**<i>**", "[<u>](https://a.b)",
])
def test_nothing_in_a_text_becomes_html_of_its_own(text):
    html = str(rich_text(text))
    for bad in ("<script", "<img", "<b>", "<i>", "<u>", 'href="javascript', '"onclick'):
        assert bad not in html
