"""Reweighting against closed form: the ratio of two Gaussians, exp(m x - m^2 / 2), and moments after the weights.

A planted fault, weights p instead of p / (1 - p), must be seen by the same comparison.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from openbfactory.core.errors import ClassifierError, InputError
from openbfactory.select.classifier import ClassifierConfig
from openbfactory.select.reweighting import (
    FoldedReweighting,
    area_of_fluctuations,
    compare_shapes,
    density_ratio,
    learn,
    left_over,
    load_reweighting,
    over_folds,
    shape_agreement,
)

SHIFT = 0.4
CONFIG = ClassifierConfig(trees=80, leaves=6, learning_rate=0.1, min_rows_in_leaf=200)


def _samples(rows: int, shift: float = SHIFT) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    return ({"x": rng.normal(shift, 1.0, rows), "y": rng.normal(size=rows)},
            {"x": rng.normal(0.0, 1.0, rows), "y": rng.normal(size=rows)})


def test_weights_are_the_ratio_of_two_gaussians() -> None:
    data, simulated = _samples(30_000)
    found = learn(data, simulated, ("x", "y"), config=CONFIG, seed=1)
    x = np.linspace(-2.0, 2.0, 201)
    grid = {"x": x, "y": np.zeros(x.size)}
    truth = np.exp(SHIFT * x - 0.5 * SHIFT**2)
    density = np.exp(-0.5 * x**2)
    # mean relative deviation: statistics of 30 000 rows in trees leaves about 4 %; p alone is off by far more
    assert np.average(np.abs(found(grid) / truth - 1), weights=density) < 0.08
    faulty = found.classifier.predict(grid)
    faulty = faulty / np.average(faulty, weights=density)
    assert np.average(np.abs(faulty / truth - 1), weights=density) > 0.1


def test_moments_and_shapes_agree_after_the_weights() -> None:
    data, simulated = _samples(30_000)
    fold = (np.arange(30_000) % 2, np.arange(30_000) % 2)
    found = over_folds(data, simulated, ("x", "y"), fold, config=CONFIG, seed=2)
    assert found.weights.mean() == pytest.approx(1.0, abs=0.02)
    # five standard deviations of a mean of 30 000 rows on either side
    assert np.average(simulated["x"], weights=found.weights) == pytest.approx(SHIFT, abs=0.04)
    before = shape_agreement(data["x"], simulated["x"])
    after = shape_agreement(data["x"], simulated["x"], found.weights)
    assert before.p_value < 1e-10 < 1e-3 < after.p_value
    # weights p instead of p / (1 - p) are seen
    outputs = np.where(fold[1] == 0, *(part.classifier.predict(simulated) for part in found.parts))
    assert shape_agreement(data["x"], simulated["x"], outputs).p_value < 1e-6
    assert all(abs(c.auc_train - c.auc_test) < 0.02 for c in found.checks)


def test_equal_samples_get_weights_of_one() -> None:
    data, simulated = _samples(10_000, 0.0)
    config = CONFIG.model_copy(update={"trees": 20})
    weights = learn(data, simulated, ("x", "y"), config=config, seed=1)(simulated)
    assert np.std(weights) < 0.12
    assert shape_agreement(data["x"], simulated["x"]).p_value > 1e-3


def test_ratio_is_bounded_and_files_are_checked(tmp_path: Path) -> None:
    assert density_ratio([0.0, 0.5, 0.75, 1.0], 10.0) == pytest.approx([0.1, 1.0, 3.0, 10.0])
    data, simulated = _samples(1_000)
    config = CONFIG.model_copy(update={"trees": 5, "min_rows_in_leaf": 50})
    made = learn(data, simulated, ("x", "y"), config=config, seed=1)
    made.save(tmp_path / "weights.json")
    assert np.array_equal(load_reweighting(tmp_path / "weights.json")(simulated), made(simulated))
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="holds no reweighting"):
        load_reweighting(tmp_path / "other.json")
    with pytest.raises(ClassifierError, match="'z' is missing"):
        learn(data, simulated, ("x", "z"), seed=1)


def test_missing_values_are_a_bin() -> None:
    a = np.concatenate([np.full(500, np.nan), np.arange(500.0)])
    b = np.concatenate([np.full(250, np.nan), np.arange(750.0) % 500])
    assert shape_agreement(a, a).chi2 == 0.0
    assert shape_agreement(a, b).p_value < 1e-10


def test_the_number_of_trees_is_that_of_the_least_loss_and_nothing_is_left_over() -> None:
    """Loss of every number by hand; the exact ratio leaves an area of 0.5, no weights that of two Gaussians."""
    data, simulated = _samples(6_000)
    fold, config = (np.arange(6_000) % 2,) * 2, CONFIG.model_copy(update={"learning_rate": 0.3})
    every = over_folds(data, simulated, ("x", "y"), fold, config=config, seed=2)
    chosen = over_folds(data, simulated, ("x", "y"), fold, config=config, seed=2, choice=20)
    losses = {}
    for trees in (20, 40, 60, 80):
        parts = [p.classifier.first(trees) for p in every.parts]
        d, s = (np.where(f == 0, *(p.predict(c) for p in parts))
                for c, f in zip((data, simulated), fold, strict=True))
        losses[trees] = -np.log(d).sum() - np.log(1 - s).sum()
    assert (every.trees, chosen.trees) == (80, min(losses, key=lambda n: losses[n]))
    assert chosen.trees < 80
    assert chosen.weights.mean() == pytest.approx(1.0, abs=0.05)
    assert compare_shapes(data, simulated, ("x", "y"), chosen.weights).bad(1e-3) == (1, 0)
    exact = np.exp(SHIFT * simulated["x"] - 0.5 * SHIFT**2)
    small = CONFIG.model_copy(update={"trees": 20})
    for weights, expected in ((exact, 0.5), (None, 0.6114)):  # Phi(SHIFT / sqrt 2)
        value, sigma = left_over(data, simulated, ("x", "y"), fold, weights, small, seed=3)
        assert value == pytest.approx(expected, abs=4 * sigma + 0.005)
        assert sigma < 0.006


def test_the_fluctuations_of_the_training_are_what_equal_samples_show() -> None:
    """Where the true weights are 1, the variance of the log weights of other rows is all noise: six samples, 30 %."""
    rng, fold, config = np.random.default_rng(6), (np.arange(4_000) % 2,) * 2, CONFIG.model_copy(update={"trees": 20})
    other = {n: rng.normal(size=5_000) for n in "xy"}
    sizes, told = [], []
    for seed in range(6):
        data, simulated = ({n: rng.normal(size=4_000) for n in "xy"} for _ in range(2))
        found = over_folds(data, simulated, ("x", "y"), fold, config=config, seed=seed)
        sizes.append(np.mean([np.var(np.log(part(other))) for part in found.parts]))
        told.append(2 * norm.ppf(area_of_fluctuations(found, other)) ** 2)
    assert np.mean(told) == pytest.approx(np.mean(sizes), rel=0.3)
    assert np.mean(told) > 0.003
    same = FoldedReweighting((found.parts[0],) * 2, found.weights, found.checks, found.trees)
    assert area_of_fluctuations(same, other) == 0.5  # parts that share their rows would hide the noise
    with pytest.raises(InputError, match="2 are needed"):
        area_of_fluctuations(FoldedReweighting(found.parts[:1], found.weights, found.checks, found.trees), other)
