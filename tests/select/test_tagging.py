"""Oracles: closed forms of the effective efficiency, and binomial statistics of planted wrong tags.

Statistical thresholds have a false-alarm rate of 1e-5 each with fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.select.tagging import calibration_chi2, category_performance, tagging_performance


def _planted(n: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs with uniform r and flavours whose dilution is r (1 - shift)."""
    rng = np.random.default_rng(seed)
    flavour, r = rng.choice([-1, 1], n), rng.random(n)
    right = rng.random(n) < 0.5 * (1 + r * (1 - shift))
    return np.where(right, flavour, -flavour) * r, flavour


def test_perfect_and_useless_tags() -> None:
    flavour = np.tile([1, -1], 500)
    perfect = tagging_performance(flavour.astype(float), flavour)
    assert perfect.effective == pytest.approx(1.0, abs=2e-3)
    assert perfect.efficiency == 1
    half = tagging_performance(np.where(np.arange(1000) < 500, 0.0, flavour), flavour)
    assert half.efficiency == 0.5
    assert half.effective == pytest.approx(0.5, abs=2e-3)
    nothing = tagging_performance(np.zeros(1000), flavour)
    assert nothing.effective == nothing.efficiency == 0
    assert all(b.dilution is None for b in nothing.bins)


def test_effective_efficiency_of_a_planted_dilution() -> None:
    """Uniform r with dilution r: integral of r^2 in seven bins, sum of width * mean^2."""
    qr, flavour = _planted(200_000, 1)
    found = tagging_performance(qr, flavour)
    expected = sum((b.high - b.low) * (0.5 * (b.high + b.low)) ** 2 for b in found.bins)
    assert abs(found.effective - expected) < 4.4 * found.error
    assert found.error == pytest.approx(0.0015, rel=0.3)
    assert calibration_chi2(found) < 34  # 7 degrees of freedom
    assert calibration_chi2(tagging_performance(*_planted(200_000, 2, shift=0.05))) > 34


def test_the_error_is_the_spread_and_few_events_do_not_bias() -> None:
    made = [tagging_performance(*_planted(400, seed)) for seed in range(300)]
    values = np.array([m.effective for m in made])
    assert values.std() == pytest.approx(np.mean([m.error for m in made]), rel=0.2)
    expected = sum((b.high - b.low) * (0.5 * (b.high + b.low)) ** 2 for b in made[0].bins)
    assert abs(values.mean() - expected) < 4.4 * values.std() / np.sqrt(300)


def test_categories_and_bad_input() -> None:
    qr, flavour = _planted(2000, 3)
    alone = category_performance({"Kaon": qr, "Muon": np.zeros(2000)}, flavour)
    assert alone["Kaon"].effective > 0.2
    assert alone["Muon"].effective == 0
    for wrong in ((qr[:5], flavour), (np.full(3, np.nan), np.ones(3)), (np.full(3, 2.0), np.ones(3)),
                  (np.zeros(3), np.full(3, 2)), (np.empty(0), np.empty(0))):
        with pytest.raises(InputError):
            tagging_performance(*wrong)
