"""Cut strings.  Oracles: the same conditions written in numpy, and random conditions evaluated by Python itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbfactory.core.errors import CutError
from openbfactory.events.cuts import compile_cut

COLUMNS = {
    "M": np.array([1.6, 1.8, 1.99, 2.5, 1.8]),
    "dr": np.array([0.1, 0.7, 0.1, 0.2, 0.1]),
    "nCDCHits": np.array([5, 30, 10, 40, 50], dtype=np.int32),
    "daughter(0, p)": np.array([1.0, 2.0, 3.0, 4.0, -5.0]),
}
M, DR, N, P = (COLUMNS[k] for k in COLUMNS)


@pytest.mark.parametrize(("text", "expected"), [
    ("1.7 < M < 2.0", (M > 1.7) & (M < 2.0)),
    ("1.7<M<2.0 and dr<0.5", (M > 1.7) & (M < 2.0) & (DR < 0.5)),
    ("M < 1.7 or dr > 0.5 and nCDCHits > 40", (M < 1.7) | ((DR > 0.5) & (N > 40))),
    ("[M < 1.7 or dr > 0.5] and nCDCHits > 20", ((M < 1.7) | (DR > 0.5)) & (N > 20)),
    ("not [M < 1.7 || dr > 0.5] && nCDCHits >= 10", ~((M < 1.7) | (DR > 0.5)) & (N >= 10)),
    ("daughter(0,p) > 2", P > 2),
    ("daughter( 0 , p ) > 2", P > 2),
    ("abs(daughter(0, p)) >= 3", np.abs(P) >= 3),
    ("formula(M * 2 - dr) > 3.3", M * 2 - DR > 3.3),
    ("M * (1 + dr) / 2 ^ 2 <= 0.5", M * (1 + DR) / 4 <= 0.5),
    ("-dr^2 < -0.04", -(DR**2) < -0.04),
    ("2 ^ 3 ^ 2 == 512", np.ones(5, bool)),
    ("min(M, dr) == dr", np.ones(5, bool)),
    ("0 < dr <= 0.1 != M", (DR > 0) & (DR <= 0.1)),
    ("nCDCHits - 5", N != 5),
    ("1e-1 <= dr < .5e0", (DR >= 0.1) & (DR < 0.5)),
    ("", np.ones(5, bool)),
])
def test_cuts_are_what_numpy_says(text, expected):
    np.testing.assert_array_equal(compile_cut(text, COLUMNS)(COLUMNS), expected)


def test_missing_values_pass_no_cut_not_even_a_negated_one():
    columns = {"M": np.array([np.nan, 1.0]), "x": np.array([1.0, 1.0])}
    for text in ("M < 2", "not [M < 2]", "M != 2", "not M == 2", "M", "not M", "M < 2 or M >= 2", "M - 1 < M"):
        assert not compile_cut(text)(columns)[0], text
    assert compile_cut("M < 2 or x == 1")(columns).all()
    assert not compile_cut("M < 2 and x == 1")(columns)[0]
    np.testing.assert_array_equal(compile_cut("isNAN(M) == 1")(columns), [True, False])


@pytest.mark.parametrize(("text", "character", "words"), [
    ("M < > 2", 5, "expected a number or a variable"),
    ("(M < 2) and dr < 1", 4, "square brackets"),
    ("[M < 2", 7, "']' to close character 1"),
    ("M < 2]", 6, "no opening bracket"),
    ("M = 2", 3, "'=='"),
    ("M < 2 & dr < 1", 7, "'and'"),
    ("M < 2 dr < 1", 7, "joined with 'and' or 'or'"),
    ("daughter(0, p < 2", 18, "')' to close character 9"),
    ("M < 2 and", 10, "the end"),
    ("min(M) < 2", 1, "expected 2"),
    ("[M + 1] < 2", 9, "( ) group arithmetic"),
    ("M < 2 $", 7, "unexpected character '$'"),
    ("[" * 80 + "M" + "]" * 80, 51, "nested too deeply"),
    ("-" * 5000 + "M", 50, "nested too deeply"),
    ("M" + "+M" * 5000, 403, "too much arithmetic"),
])
def test_errors_point_at_the_character(text, character, words):
    with pytest.raises(CutError) as caught:
        compile_cut(text)
    message = str(caught.value)
    assert f"character {character}:" in message
    assert words in message
    assert message.rstrip().endswith("^")


def test_all_unknown_variables_are_named_at_once_with_the_nearest():
    with pytest.raises(CutError) as caught:
        compile_cut("nCDCHit > 3 and m < 2 and zz < 1", ["M", "dr", "nCDCHits"])
    findings = caught.value.findings
    assert [(f.path, f.nearest) for f in findings] == [("character 1", "nCDCHits"), ("character 17", "M"),
                                                       ("character 27", None)]


def test_unequal_columns_are_refused():
    with pytest.raises(CutError, match="shape"):
        compile_cut("M < 2 and dr < 1")({"M": np.zeros(3), "dr": np.zeros(4)})


def test_variables_are_listed_once_in_order():
    assert compile_cut("b < a and daughter(1, a) > b").variables == ("b", "a", "daughter(1,a)")


OPERATORS = ["<", "<=", ">", ">=", "==", "!="]
COMPARED = st.tuples(st.sampled_from("abc"), st.sampled_from(OPERATORS), st.integers(-3, 3)).map(
    lambda t: (f"{t[0]} {t[1]} {t[2]}", f"({t[0]} {t[1]} {t[2]})"))
CONDITIONS = st.recursive(COMPARED, lambda inner: st.one_of(
    st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
        lambda t: (f"[{t[0][0]}] {t[1]} [{t[2][0]}]", f"({t[0][1]} {t[1]} {t[2][1]})")),
    inner.map(lambda t: (f"not [{t[0]}]", f"(not {t[1]})"))), max_leaves=12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(CONDITIONS, st.lists(st.tuples(*[st.integers(-4, 4)] * 3), min_size=1, max_size=5))
def test_random_conditions_agree_with_python(condition, rows):
    ours, python = condition
    columns = {n: np.array([r[i] for r in rows]) for i, n in enumerate("abc")}
    expected = [eval(python, {}, dict(zip("abc", r, strict=True))) for r in rows]
    np.testing.assert_array_equal(compile_cut(ours)(columns), expected)
