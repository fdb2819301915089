"""Units. Oracle: textbook relations and PDG values."""

import pytest

from openbfactory.core import units


def test_a_track_of_one_gev_bends_as_textbooks_say():
    """R [m] = pT [GeV] / (0.3 B): 2.2237 m at 1.5 T."""
    assert 1.0 / (units.pt_per_tesla_cm * 1.5) * units.cm / units.m == pytest.approx(2.2237, rel=1e-4)


def test_events_of_a_nanobarn():
    assert units.events_expected(1.1 * units.nb, 362 * units.inverse_fb) == pytest.approx(398.2e6)


def test_times_given_as_lengths():
    assert units.time_from_mm_over_c(299.792458) == pytest.approx(1.0, rel=1e-15)


def test_width_from_ctau():
    """The K_S of PDG 2024: c tau = 2.6844 cm is 7.351e-15 GeV."""
    assert units.width_from_ctau(2.6844) == pytest.approx(7.351e-15, rel=1e-3)
    with pytest.raises(ValueError, match="must be positive"):
        units.width_from_ctau(0.0)
