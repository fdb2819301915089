"""Oracles: SciPy's two-sample Kolmogorov-Smirnov test, NumPy's moments, planted shifts.

False-alarm rate of the statistical tests 1e-4 each, fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from openbfactory.select.comparison import SampleComparison


def _samples(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return {"normal": x, "tail": rng.exponential(size=n), "charge": rng.choice([-1.0, 1.0], n),
            "holes": np.where(rng.random(n) < 0.3, np.nan, x), "nothing": np.full(n, np.nan), "same": np.ones(n)}


def _compared(first: dict, second: dict, pieces: int = 1) -> dict:
    sums = SampleComparison({k: v[:500] for k, v in first.items()}, {k: v[:500] for k, v in second.items()})
    for which, columns in enumerate((first, second)):
        for part in np.array_split(np.arange(len(columns["normal"])), pieces):
            sums.fill(which, {k: v[part] for k, v in columns.items()})
    return {c.name: c for c in sums.results()}


def test_distances_and_moments_are_those_of_other_programs() -> None:
    first, second = _samples(6000, 1), _samples(4000, 2)
    found = _compared(first, second)
    for name in ("normal", "tail", "charge", "holes"):
        a, b = (v[np.isfinite(v)] for v in (first[name], second[name]))
        assert found[name].distance == pytest.approx(stats.ks_2samp(a, b).statistic, abs=4e-3)
        assert found[name].means == pytest.approx((a.mean(), b.mean()))
        assert found[name].deviations == pytest.approx((a.std(), b.std()))
        assert found[name].present == pytest.approx((len(a) / 6000, len(b) / 4000))
        assert sum(found[name].first) == pytest.approx(len(a) / 6000)
        assert found[name].probability > 1e-4
    assert found["same"].distance == found["nothing"].distance == 0
    assert found["nothing"].present == (0, 0)
    assert found["nothing"].probability == 1


def test_pieces_give_the_same() -> None:
    first, second = _samples(3000, 3), _samples(3000, 4)
    whole, pieces = _compared(first, second), _compared(first, second, pieces=7)
    for name, c in whole.items():
        assert pieces[name].distance == pytest.approx(c.distance)
        assert pieces[name].first == pytest.approx(c.first)
        assert pieces[name].means == pytest.approx(c.means, nan_ok=True)


def test_planted_differences_come_first() -> None:
    first, second = _samples(8000, 5), _samples(8000, 6)
    assert all(c.probability > 1e-4 for c in _compared(first, second).values())
    second["tail"] = second["tail"] * 1.15
    second["holes"] = np.where(np.arange(8000) % 5 == 0, np.nan, second["holes"])
    found = _compared(first, second)
    assert list(found)[:2] == ["holes", "tail"]
    assert found["holes"].presence > 0.1
    assert found["holes"].disagreement == pytest.approx(found["holes"].presence, rel=0.3)
    assert max(found["holes"].probability, found["tail"].probability) < 1e-6
    assert found["normal"].disagreement < 0.01
