"""Figures of fits and LaTeX tables.

Oracle: the drawn artists hold the numbers of the records; equal records give equal bytes; LaTeX by its own rules
(balanced braces, one row end a row).
"""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from openbfactory.report.content import Table
from openbfactory.report.fit_records import (
    ComparedMeasurement,
    Contour,
    CorrelationMatrix,
    LimitBand,
    MeasurementComparison,
    ProjectionCurve,
    RankedNuisance,
    RankingList,
    SignificanceScan,
)
from openbfactory.report.fits import (
    contour,
    correlation_matrix,
    limit_band,
    measurement_comparison,
    projection,
    ranking,
    significance_scan,
)
from openbfactory.report.latex import latex_table, latex_text
from openbfactory.report.style import to_png

X = [1.0, 2.0, 3.0]
RECORDS = {
    "ranking": (ranking, RankingList(poi="mu", nuisances=(
        RankedNuisance(name="a", pull=0.5, constraint=0.9, post=(-0.3, 0.2), pre=(-0.4, 0.3)),
        RankedNuisance(name="b", post=(0.1, None))))),
    "correlation": (correlation_matrix, CorrelationMatrix(names=("a", "b"), rows=((1.0, -0.3), (-0.3, 1.0)))),
    "limit": (limit_band, LimitBand(x=X, expected=tuple([f] * 3 for f in (1.0, 2.0, 3.0, 4.0, 5.0)),
                                    observed=(3.0, None, 2.0), xlabel="m", ylabel="B", references={"SM": 2.5})),
    "significance": (significance_scan, SignificanceScan(x=X, local=(0.0, 3.2, 1.0), xlabel="m", note="global 1 σ")),
    "contour": (contour, Contour(x=X, y=X, delta=((4.0, 2.0, 4.0), (2.0, 0.0, 2.0), (4.0, 2.0, None)), xlabel="a",
                                 ylabel="b", best=(2.0, 2.0), levels={"one": 1.0}, points={"SM": (1.0, 1.0)})),
    "projection": (projection, ProjectionCurve(luminosity=X, total=X, statistical=X, systematic=X, floor=0.5,
                                               ylabel="s")),
    "comparison": (measurement_comparison, MeasurementComparison(xlabel="B", prediction=(1.0, 0.1), measurements=(
        ComparedMeasurement(label="average", value=2.0, down=0.1, up=0.2, average=True),
        ComparedMeasurement(label="old", value=4.0, limit=True),
        ComparedMeasurement(label="new", value=2.5, down=0.5, up=0.5, inner=(0.3, 0.3))))),
}


@pytest.mark.parametrize("name", RECORDS)
def test_equal_records_give_equal_pictures_without_a_claim_of_simulation(name):
    draw, record = RECORDS[name]
    again = type(record).model_validate(record.model_dump(mode="json"))
    first = draw(record)
    assert to_png(first) == to_png(draw(again))
    assert not any("simulation" in text.get_text() for axes in first.axes for text in axes.texts)


def test_what_is_drawn_is_what_was_given():
    below, above = ranking(RECORDS["ranking"][1]).axes
    widths = sorted(round(p.get_width(), 3) for p in above.patches if np.isfinite(p.get_width()))
    assert widths == [-0.4, -0.3, 0.1, 0.2, 0.3]
    assert [t.get_text() for t in below.get_yticklabels()] == ["a", "b"]
    lines = {line.get_label(): line.get_ydata() for line in limit_band(RECORDS["limit"][1]).axes[0].lines}
    assert list(lines["expected median"]) == [3.0, 3.0, 3.0]
    assert np.isnan(lines["observed"][1])
    image = correlation_matrix(RECORDS["correlation"][1]).axes[0].images[0]
    assert image.get_array()[0, 1] == pytest.approx(-30.0)


@pytest.mark.parametrize("wrong", [
    lambda: LimitBand(x=X, expected=((1.0,),) * 5, xlabel="", ylabel=""),
    lambda: CorrelationMatrix(names=("a", "b"), rows=((1.0, 0.0),)),
    lambda: Contour(x=X, y=X, delta=((1.0,),), xlabel="", ylabel=""),
    lambda: SignificanceScan(x=X, local=(1.0,), xlabel="")])
def test_records_of_wrong_lengths_are_refused(wrong):
    with pytest.raises(ValidationError, match="numbers instead of"):
        wrong()


def test_latex_of_a_table():
    table = Table(("quantity", "value"), (("**B** of B^{+} & 50 %", "2.3 ± 0.5"), ("a_b", "1^{+0.2}_{−0.1}")),
                  "Caption with `code` and [a link](https://x.y/z).", numeric=frozenset({1}))
    text = latex_table(table)
    assert r"\begin{tabular}{lr}" in text
    assert r"\textbf{B} of B$^{+}$ \& 50 \% & 2.3 $\pm$ 0.5 \\" in text
    assert r"a\_b & 1$^{+0.2}_{-0.1}$ \\" in text
    assert r"\caption{Caption with \texttt{code} and a link.}" in text
    assert text.count("{") == text.count("}")
    assert latex_text("x_{1} 5 # ~") == r"x$_{1}$ 5 \# \textasciitilde{}"
