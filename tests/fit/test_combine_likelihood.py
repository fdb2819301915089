"""Combination with asymmetric uncertainties. Oracle: the weighted mean for equal sides, one measurement alone."""

from __future__ import annotations

import math
import runpy
import sys
from pathlib import Path

import pytest

from openbfactory.core.errors import InputError
from openbfactory.fit.combine import Measurement, combine
from openbfactory.fit.combine_likelihood import combine_likelihood


def measured(name, value, down, up=None):
    return Measurement(name, value, {"total": (down, down if up is None else up)})


def test_equal_sides_give_the_weighted_mean():
    rows = [measured("a", 1.0, 0.5), measured("b", 2.0, 1.0), measured("c", 0.2, 0.8)]
    found, blue = combine_likelihood(rows), combine(rows)
    assert found.value == pytest.approx(float(blue.values[0]), abs=1e-6)
    assert (found.down, found.up) == (pytest.approx(float(blue.uncertainties[0]), rel=1e-5),) * 2
    assert found.chi2 == pytest.approx(blue.chi2, rel=1e-8)


def test_one_measurement_is_itself():
    found = combine_likelihood([measured("a", 3.0, 0.5, 0.9)])
    assert (found.value, found.down, found.up) == pytest.approx((3.0, 0.5, 0.9), abs=1e-6)
    assert (found.chi2, found.ndf) == (pytest.approx(0.0, abs=1e-9), 0)


def test_sources_add_in_quadrature_and_the_wider_side_gives_way():
    one = Measurement("a", 0.0, {"stat": (0.3, 0.6), "syst": 0.4})
    other = measured("b", 1.0, 0.5)
    found = combine_likelihood([one, other])
    assert combine_likelihood([one]).up == pytest.approx(math.hypot(0.6, 0.4), abs=1e-6)
    assert found.value > combine([measured("a", 0.0, 0.5), other]).values[0]


def test_what_cannot_be_combined_is_refused():
    with pytest.raises(InputError, match="no measurement"):
        combine_likelihood([])
    with pytest.raises(InputError, match="above 0"):
        combine_likelihood([measured("a", 1.0, 0.0), measured("b", math.nan, 1.0)])


def test_a_value_far_outside_the_validity_of_another_stays_inside_it():
    """The first knows nothing below -0.103 = -0.1 x 3 / 2.9."""
    found = combine_likelihood([measured("a", 0.0, 0.1, 3.0), measured("b", -30.0, 0.5)])
    assert found.value - found.down > -0.1035
    assert found.probability < 1e-10


def test_the_world_comparison_is_drawn(tmp_path, monkeypatch, capsys):
    """chi2 5.8 for 4 degrees of freedom with the inputs listed (the talk prints 4.3: its inputs differ)."""
    monkeypatch.setattr(sys, "argv", ["world_comparison.py", str(tmp_path / "world.png")])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "world_comparison.py"), run_name="__main__")
    assert "chi2/ndf 5.8/4" in capsys.readouterr().out
    assert (tmp_path / "world.png").stat().st_size > 10_000
