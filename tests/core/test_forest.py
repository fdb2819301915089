"""Oracle: LightGBM's own prediction of the same trees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openbfactory.core.errors import ClassifierError
from openbfactory.core.forest import forest_of_text, read_forest
from openbfactory.select.classifier import Classifier, ClassifierConfig, train

NAMES = ("daughter(0, p)", "b", "rare")


@pytest.fixture(scope="module")
def trained() -> Classifier:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3000, 3))
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 2] = np.where(rng.random(3000) < 0.9, np.nan, x[:, 2])
    label = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) ** 2 + rng.normal(size=3000) > 1).astype(float)
    return train(x, NAMES, label, config=ClassifierConfig(trees=30, min_rows_in_leaf=20), seed=1)


def test_outputs_are_those_of_lightgbm(trained: Classifier, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.txt")
    forest = read_forest(tmp_path / "model.txt", NAMES)
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2000, 3))
    x[rng.random(x.shape) < 0.3] = np.nan
    assert np.allclose(forest.predict(x), trained.predict(x), rtol=0, atol=1e-14)
    named = dict(zip(NAMES, x.T, strict=True))
    assert np.array_equal(forest.predict({**named, "other": x[:, 0]}), forest.predict(x))
    assert forest.predict(x[:0]).shape == (0,)
    changed = x.copy()
    changed[:, 0] += 1.0
    assert not np.allclose(forest.predict(changed), trained.predict(x))


def test_columns_without_missing_values_and_trees_without_splits() -> None:
    rng = np.random.default_rng(7)
    x, label = rng.normal(size=(400, 1)), rng.integers(0, 2, 400).astype(float)
    for leaf in (20, 390):  # with the second there is nothing to split
        made = train(x, ["x"], label, config=ClassifierConfig(trees=3, min_rows_in_leaf=leaf), seed=2)
        probe = np.array([[-1.0], [0.0], [2.0], [np.nan]])
        assert np.allclose(forest_of_text(made.to_text()).predict(probe), made.predict(probe), rtol=0, atol=1e-14)


def test_bad_texts_and_inputs_are_named(trained: Classifier, tmp_path: Path) -> None:
    text = trained.to_text()
    for wrong, code in ((text.replace("leaf_value=", "leaf_value=9", 1), "damaged"), ("tree", "not-a-classifier"),
                        (text.partition("Tree=0")[0] + text[text.rindex("openbfactory_"):], "not-a-classifier")):
        with pytest.raises(ClassifierError, match=code):
            forest_of_text(wrong)
    with pytest.raises(ClassifierError, match="other-inputs"):
        forest_of_text(text, ["a", "b", "rare"])
    with pytest.raises(ClassifierError, match="unreadable"):
        read_forest(tmp_path / "absent.txt")
    forest = forest_of_text(text)
    with pytest.raises(ClassifierError, match="missing-input"):
        forest.predict({"b": np.zeros(2), "rare": np.zeros(2)})
    with pytest.raises(ClassifierError, match="wrong-length"):
        forest.predict({NAMES[0]: np.zeros(3), "b": np.zeros(2), "rare": np.zeros(2)})
    with pytest.raises(ClassifierError, match="wrong-shape"):
        forest.predict(np.zeros((2, 4)))
