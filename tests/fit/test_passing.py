"""Oracle: efficiencies that were drawn.  Pulls of toys have mean 0 and width 1; counting without the fit is caught."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.fit.passing import fit_passing

LIMITS, START = (1.8, 1.92), (1.865, 0.008)


def _toy(seed: int, efficiency: float, size: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Masses of two Gaussians on a slope, and who passes; of the background 5 % passes."""
    rng = np.random.default_rng(seed)
    width = np.where(rng.random(size) < 0.8, 0.006, 0.012)
    signal, background = rng.normal(1.8645, width), LIMITS[0] + 0.12 * np.sqrt(rng.random(size // 2))
    passes = np.concatenate([rng.random(size) < efficiency, rng.random(size // 2) < 0.05])
    return np.concatenate([signal, background]), passes


def test_efficiency_of_toys_is_recovered() -> None:
    """16 toys at two efficiencies: mean pull within 4.5 standard deviations of 0, width between 0.5 and 1.6 (1e-4)."""
    pulls, counted = [], []
    for k in range(16):
        true = (0.7, 0.06)[k % 2]
        mass, passes = _toy(100 + k, true)
        found = fit_passing(mass, passes, LIMITS, START, {"skew": 0.0, "tail": 1.6})
        pulls.append((found.efficiency - true) / found.uncertainty)
        counted.append((passes.mean() - true) / found.uncertainty)
    assert abs(np.mean(pulls)) < 4.5 / np.sqrt(len(pulls))
    assert 0.5 < np.std(pulls) < 1.6
    assert np.mean(counted[::2]) < -4.5


def test_known_tail_is_kept_and_curves_have_the_events() -> None:
    mass, passes = _toy(7, 0.5)
    found = fit_passing(mass, passes, LIMITS, START, {"skew": 0.0, "tail": 3.0})
    assert found.tail == {"skew": 0.0, "tail": 3.0}
    x = np.linspace(*LIMITS, 2001)
    total = sum(float(np.trapezoid(c, x)) for k in ("pass", "fail") for c in found.curve(k, x))
    assert total == pytest.approx(((mass > LIMITS[0]) & (mass < LIMITS[1])).sum(), rel=0.02)


def test_too_few_candidates_have_a_named_error() -> None:
    with pytest.raises(InputError, match="needs 20 candidates"):
        fit_passing(np.full(8, 1.86), np.arange(8) % 2 == 0, LIMITS, START)
    with pytest.raises(InputError, match="both that pass and that fail"):
        fit_passing(np.full(80, 1.86), np.ones(80, bool), LIMITS, START)
