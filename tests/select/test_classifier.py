"""Classifier.  Oracles: the exact likelihood ratio of two Gaussians (best possible AUC), SciPy's KS test and
Mann-Whitney statistic, equality of bytes.

Statistical tests use fixed seeds; the stated bounds fail by chance with probability below 1e-6.
"""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import ClassifierError
from openbfactory.core.random import Address
from openbfactory.select.classifier import Classifier, ClassifierConfig, balanced_weights, from_text, load, train
from openbfactory.select.performance import ks_two_sample, overtraining_check, roc_auc

NAMES = ("cosTBTO", "foxWolframR2", "KSFWVariables(hso02, 1)", "noise")
CONFIG = ClassifierConfig(trees=60, leaves=8, learning_rate=0.1, min_rows_in_leaf=20, threads=1)
#: distance between the Gaussians in units of their width, so the best AUC is Phi(D / sqrt 2)
DISTANCE = 1.5


def sample(size, chunk=0):
    """Two Gaussian classes that differ in the first input alone, the third is missing for a part of signal."""
    rng = Address(5, "classifier", chunk, "test").generator()
    labels = (rng.random(size) < 0.3).astype(float)
    table = rng.normal(size=(size, 4))
    table[:, 0] += DISTANCE * labels
    table[rng.random(size) < 0.2, 2] = np.nan
    return table, labels


@pytest.fixture(scope="module")
def trained():
    return train(sample(8000)[0], NAMES, sample(8000)[1], config=CONFIG, seed=7)


def test_separation_reaches_the_likelihood_ratio(trained):
    table, labels = sample(20_000, 1)
    outputs = trained.predict(table)
    assert outputs.dtype == np.float64
    assert outputs.shape == (20_000,)
    assert ((outputs >= 0) & (outputs <= 1)).all()
    best = stats.norm.cdf(DISTANCE / np.sqrt(2))
    found = roc_auc(outputs, labels)
    assert best - 0.02 < found < best + 0.015


def test_same_seed_same_bytes_and_other_seed_other_trees(trained):
    table, labels = sample(8000)
    again = train(table, NAMES, labels, config=CONFIG, seed=7)
    assert again.to_text() == trained.to_text()
    assert train(table, NAMES, labels, config=CONFIG, seed=8).model_text != trained.model_text


def test_named_columns_in_any_order_give_the_same(trained):
    table, _ = sample(100, 2)
    columns = {n: table[:, i] for i, n in reversed(list(enumerate(NAMES)))} | {"unused": np.zeros(3)}
    np.testing.assert_array_equal(trained.predict(columns), trained.predict(table))


def test_classes_are_balanced():
    labels, weights = np.array([1.0, 0, 0, 0]), np.array([2.0, 1, 1, 5])
    scaled = balanced_weights(labels, weights)
    assert scaled[labels == 1].sum() == pytest.approx(2.0)
    assert scaled[labels == 0].sum() == pytest.approx(2.0)
    table, labels = sample(8000)
    heavy = train(table, NAMES, labels, np.where(labels == 1, 1000.0, 1.0), CONFIG, seed=7)
    plain = train(table, NAMES, labels, config=CONFIG, seed=7)
    np.testing.assert_allclose(heavy.predict(table), plain.predict(table), atol=0.05)
    assert abs(plain.predict(table)[labels == 1].mean() + plain.predict(table)[labels == 0].mean() - 1) < 0.05


def test_importance_finds_the_one_input_that_separates(trained):
    ranking = trained.importance()
    assert ranking[0].name == "cosTBTO"
    assert ranking[0].gain > 0.7
    assert sum(i.gain for i in ranking) == pytest.approx(1.0)
    assert {i.name for i in ranking} == set(NAMES)


def test_saved_text_gives_the_same_outputs(trained, tmp_path):
    path = tmp_path / "bdt.txt"
    trained.save(path)
    copy = load(path, NAMES)
    table, _ = sample(500, 3)
    np.testing.assert_array_equal(copy.predict(table), trained.predict(table))
    assert copy == trained
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(trained)).predict(table), trained.predict(table))


def test_other_inputs_are_named_with_the_nearest(trained, tmp_path):
    path = tmp_path / "bdt.txt"
    trained.save(path)
    with pytest.raises(ClassifierError) as caught:
        load(path, ["cosTBTo", "foxWolframR2", "KSFWVariables(hso02, 1)", "noise", "q2"])
    assert [(f.code, f.path, f.nearest) for f in caught.value.findings] == [
        ("missing-input", "cosTBTO", "cosTBTo"), ("unknown-input", "cosTBTo", "cosTBTO"), ("unknown-input", "q2", None)]


@pytest.mark.parametrize("damage", [
    lambda t: t[: len(t) // 2],
    lambda t: t.replace("threshold=", "threshold=1", 1),
    lambda t: t.rpartition("openbfactory_classifier:")[0],
    lambda t: t[:-30] + "\n",
    lambda t: "hello",
    lambda t: "",
    lambda t: t.rpartition("openbfactory_classifier:")[0] + "openbfactory_classifier:[]",
])
def test_damaged_files_are_refused(trained, damage):
    with pytest.raises(ClassifierError):
        from_text(damage(trained.to_text()))


def test_all_mistakes_in_the_training_input_are_reported():
    with pytest.raises(ClassifierError) as caught:
        train({"a": np.array([1.0, np.inf]), "mcPDG": np.ones(2)}, ("a", "mcPDG"), [1, 2], [1.0, -1.0], CONFIG, seed=1)
    assert {f.code for f in caught.value.findings} == {"infinite", "truth-input", "bad-label", "bad-weight"}
    with pytest.raises(ClassifierError, match="no background"):
        train(np.ones((3, 1)), ("a",), np.ones(3), seed=1)
    with pytest.raises(ClassifierError, match="did you mean 'thrust'"):
        train({"thrust": np.ones(3)}, ("thurst",), [0, 1, 1], seed=1)
    with pytest.raises(ClassifierError, match=r"\(n, 2\)"):
        train(np.ones((3, 1)), ("a", "b"), [0, 1, 1], seed=1)


def test_no_rows_give_no_outputs(trained):
    assert trained.predict(np.zeros((0, 4))).shape == (0,)


def test_ks_and_auc_are_scipys():
    rng = Address(6, "performance").generator()
    a, b = np.round(rng.normal(size=400), 1), np.round(rng.normal(0.1, 1, size=300), 1)
    ours, scipy = ks_two_sample(a, b), stats.ks_2samp(a, b, method="asymp")
    assert ours.statistic == pytest.approx(scipy.statistic, abs=1e-12)
    assert ours.p_value == pytest.approx(scipy.pvalue, rel=1e-9)
    labels = np.concatenate([np.zeros(400), np.ones(300)])
    u = stats.mannwhitneyu(b, a).statistic / (a.size * b.size)
    assert roc_auc(np.concatenate([a, b]), labels) == pytest.approx(u, abs=1e-12)
    weights = np.concatenate([np.full(400, 2.0), np.full(300, 0.1)])
    assert roc_auc(np.concatenate([a, b]), labels, weights) == pytest.approx(u, abs=1e-12)
    twice = ks_two_sample(a, np.concatenate([b, b]), None, np.full(600, 0.5))
    assert twice.statistic == pytest.approx(ours.statistic, abs=1e-12)


def test_overtraining_check_passes_a_sound_classifier_and_catches_a_memoriser(trained):
    """Planted fault: trees with one row a leaf learn 600 rows by heart (chance of a miss below 1e-9)."""
    table, labels = sample(8000)
    other, other_labels = sample(8000, 1)
    sound = overtraining_check(trained.predict(table), labels, trained.predict(other), other_labels)
    assert sound.auc_train - sound.auc_test < 0.03
    greedy = ClassifierConfig(trees=200, leaves=64, learning_rate=0.3, min_rows_in_leaf=1, row_fraction=1.0, l2=0.0,
                              threads=1)
    by_heart = train(table[:600], NAMES, labels[:600], config=greedy, seed=7)
    check = overtraining_check(by_heart.predict(table[:600]), labels[:600], by_heart.predict(other), other_labels)
    assert check.auc_train > 0.999
    assert check.auc_test < 0.9
    assert check.signal.p_value < 1e-9
    assert json.loads(json.dumps(check.to_dict()))["signal"]["p_value"] == check.signal.p_value


def test_ks_false_alarm_rate():
    """Of 400 tests of equal samples (unequal weights) 5 % should fall below p = 0.05; bound: 5 sigma of 400 x 0.05."""
    rng = Address(8, "ks").generator()
    low = 0
    for _ in range(400):
        w = rng.uniform(0.5, 1.5, 300)
        low += ks_two_sample(rng.random(300), rng.random(200), w, None).p_value < 0.05
    assert low < 20 + 5 * np.sqrt(19)


def test_classifier_is_frozen(trained):
    with pytest.raises(AttributeError):
        trained.seed = 3
    assert isinstance(trained, Classifier)
