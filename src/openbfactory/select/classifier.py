"""Boosted decision trees behind a small frozen interface.

Method: gradient-boosted trees on binned inputs (LightGBM, binary log loss).
Signal and background are balanced: the weights of each class are scaled so that
both sum to half the number of rows, so an output of 0.5 means "equally likely
for equal amounts".  A missing input is NaN; every split learns which side
missing values take.

Reproducibility: the data are taken row-wise with a fixed number of threads and
LightGBM's deterministic mode, and every random choice (bagging, feature
sampling) comes from one seed, so the trees do not depend on the number of cores.

Validity: the output is a ranking, calibrated only for the balanced mixture it
was trained on.  Left out: negative weights, categorical inputs, more than two
classes.

Files are LightGBM's own text with one line appended that holds the input names,
the configuration and a checksum; nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import lightgbm
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from openbfactory.core.config import Config, digest
from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import ClassifierError

Floats = NDArray[np.float64]
#: named columns of shape (n,), or a table of shape (n, k) in the order of the names
Features = Mapping[str, ArrayLike] | NDArray[Any]

_TRAILER = "openbfactory_classifier:"


class ClassifierConfig(Config):
    """Settings of the boosted trees.

    The defaults are a plain, robust choice for some 10^5 rows and some 30 inputs.
    """

    trees: int = Field(default=300, ge=1, le=20_000, description="number of trees")
    leaves: int = Field(default=16, ge=2, le=1024, description="largest number of leaves a tree")
    depth: int = Field(default=-1, ge=-1, le=64, description="largest depth of a tree, -1 for no limit")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="shrinkage of each tree")
    min_rows_in_leaf: int = Field(default=50, ge=1, description="smallest number of rows in a leaf")
    row_fraction: float = Field(default=0.5, gt=0, le=1, description="fraction of rows drawn for each tree")
    input_fraction: float = Field(default=1.0, gt=0, le=1, description="fraction of inputs drawn for each tree")
    l2: float = Field(default=1.0, ge=0, description="L2 regularisation of the leaf values")
    bins: int = Field(default=255, ge=8, le=65_535, description="histogram bins an input")
    threads: int = Field(default=1, ge=1, le=64, description="threads, fixed so that no result depends on the machine")


@dataclass(frozen=True, slots=True)
class Importance:
    """How much one input was used: share of the total gain, and number of splits."""

    name: str
    gain: float
    splits: int


@dataclass(frozen=True)
class Classifier:
    """A trained classifier: its trees as LightGBM text, and its input names in order."""

    names: tuple[str, ...]
    model_text: str
    config: ClassifierConfig
    seed: int

    def __getstate__(self) -> dict[str, Any]:
        """Fields without the parsed trees, for workers of the same run."""
        return {key: self.__dict__[key] for key in ("names", "model_text", "config", "seed")}

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.model_text)

    def predict(self, features: Features) -> Floats:
        """Outputs, shape (n,), in [0, 1]; near 1 is like signal.

        Parameters
        ----------
        features
            Named columns of shape (n,) (more columns than needed are fine), or
            a table of shape (n, k) with the columns in the order of ``names``.

        Raises
        ------
        ClassifierError
            When an input is missing, has another length or is infinite.
        """
        findings = Findings("classifier inputs")
        table = _table(features, self.names, findings)
        findings.raise_if_errors(ClassifierError)
        assert table is not None
        if not len(table):
            return np.zeros(0)
        output = self._booster.predict(table, num_threads=1)
        return np.asarray(output, dtype=np.float64)

    def staged(self, features: Features, step: int) -> Iterator[tuple[int, Floats]]:
        """Numbers of trees in steps, and the outputs (n,) of the first so many trees alone.

        Raises
        ------
        ClassifierError
            As :meth:`predict`.
        """
        findings = Findings("classifier inputs")
        table = _table(features, self.names, findings)
        findings.raise_if_errors(ClassifierError)
        assert table is not None
        score = np.zeros(len(table))
        for start in range(0, self.config.trees - step + 1, step):
            if len(table):
                score = score + np.asarray(self._booster.predict(
                    table, start_iteration=start, num_iteration=step, raw_score=True, num_threads=1), np.float64)
            yield start + step, 1.0 / (1.0 + np.exp(-score))

    def first(self, trees: int) -> Classifier:
        """The classifier of the first trees alone."""
        if trees >= self.config.trees:
            return self
        text = self._booster.model_to_string(num_iteration=trees)
        return Classifier(self.names, text, self.config.model_copy(update={"trees": trees}), self.seed)

    def importance(self) -> tuple[Importance, ...]:
        """Inputs by falling share of the gain; the shares sum to 1."""
        gain = np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)
        splits = self._booster.feature_importance("split")
        shares = gain / gain.sum() if gain.sum() > 0 else gain
        order = np.argsort(-shares, kind="stable")
        return tuple(Importance(self.names[i], float(shares[i]), int(splits[i])) for i in order)

    def digest(self) -> str:
        """Checksum (hexadecimal, 16 characters) of the trees and everything beside them."""
        return digest([self.model_text, list(self.names), self.config.model_dump(mode="json"), self.seed])

    def to_text(self) -> str:
        """LightGBM text of the trees with our line of names, settings and checksum at the end."""
        trailer = {"names": list(self.names), "config": self.config.model_dump(mode="json"), "seed": self.seed,
                   "checksum": self.digest()}
        return f"{self.model_text}{_TRAILER}{json.dumps(trailer, sort_keys=True)}\n"

    def save(self, path: str | Path) -> None:
        """Write the classifier as text."""
        Path(path).write_text(self.to_text(), encoding="utf-8")


def train(features: Features, names: Sequence[str], labels: ArrayLike, weights: ArrayLike | None = None,
          config: ClassifierConfig | None = None, *, seed: int) -> Classifier:
    """Classifier trained on signal (label 1) against background (label 0).

    Parameters
    ----------
    features
        Named columns of shape (n,), or a table of shape (n, k) in the order of
        ``names``; NaN is a missing value.
    names
        The k inputs.
    labels, weights
        Shape (n,); the weights are at least 0 (default 1) and are balanced
        between the classes here.
    seed
        Seed of every random choice in the training.

    Raises
    ------
    ClassifierError
        With every finding about the inputs, or when the training fails.
    """
    config = config or ClassifierConfig()
    names = tuple(names)
    findings = Findings("classifier training")
    _check_names(names, findings)
    table = _table(features, names, findings)
    label = np.asarray(labels, dtype=np.float64)
    weight = np.ones(label.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    _check_rows(None if table is None else len(table), label, weight, findings)
    findings.raise_if_errors(ClassifierError)
    assert table is not None
    data = lightgbm.Dataset(table, label=label, weight=balanced_weights(label, weight),
                            feature_name=[_encode(n) for n in names],
                            params={"verbosity": -1, "max_bin": config.bins}, free_raw_data=True)
    try:
        booster = lightgbm.train(_parameters(config, seed), data, num_boost_round=config.trees)
    except lightgbm.basic.LightGBMError as problem:
        findings.error("training-failed", "", f"LightGBM gave up: {problem}",
                       expected="more rows, or more rows in a leaf (min_rows_in_leaf)")
        raise ClassifierError(findings) from None
    return Classifier(names, booster.model_to_string(), config, seed)


def load(path: str | Path, names: Sequence[str] | None = None) -> Classifier:
    """Classifier read from the text that :meth:`Classifier.save` wrote.

    Parameters
    ----------
    names
        Inputs that the caller is going to provide; when given, the inputs of
        the file must be the same, in any order.

    Raises
    ------
    ClassifierError
        When the file is unreadable, damaged, not a classifier, or has other inputs.
    """
    findings = Findings(str(path))
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        findings.error("unreadable", "", f"cannot read the classifier: {problem}")
        raise ClassifierError(findings) from None
    return from_text(text, names, source=str(path))


def from_text(text: str, names: Sequence[str] | None = None, *, source: str = "classifier") -> Classifier:
    """Classifier of a text; see :func:`load`.

    Raises
    ------
    ClassifierError
        When the text is damaged, not a classifier, or has other inputs.
    """
    findings = Findings(source)
    model_text, found, trailer = text.rpartition(_TRAILER)
    classifier: Classifier | None = None
    checksum = None
    try:
        document = json.loads(trailer) if found else {}
        classifier = Classifier(tuple(str(n) for n in document["names"]), model_text,
                                ClassifierConfig.model_validate(document["config"]), int(document["seed"]))
        checksum = document["checksum"]
    except (ValueError, KeyError, TypeError):
        findings.error("not-a-classifier", "last line", "the line with the input names is missing or damaged",
                       expected=f"LightGBM text that ends in '{_TRAILER}' with names, config, seed and checksum")
    findings.raise_if_errors(ClassifierError)
    assert classifier is not None
    if checksum != classifier.digest():
        findings.error("damaged", "", "the checksum does not fit the trees: the file was changed or cut short")
    if names is not None:
        compare_names(classifier.names, names, findings)
    findings.raise_if_errors(ClassifierError)
    return classifier


def compare_names(needed: Sequence[str], given: Sequence[str], findings: Findings) -> None:
    """Add a finding for every needed input that is not given, and for every one given that is not needed."""
    for name in needed:
        if name not in given:
            findings.error("missing-input", name, f"the classifier needs '{name}', which is not provided",
                           nearest=nearest(name, given))
    for name in given:
        if name not in needed:
            findings.error("unknown-input", name, f"'{name}' is not an input of the classifier",
                           nearest=nearest(name, needed))


def balanced_weights(labels: Floats, weights: Floats) -> Floats:
    """Weights, shape (n,), scaled so that each class sums to half the number of rows."""
    signal = labels == 1
    scale_signal = 0.5 * labels.size / weights[signal].sum()
    scale_background = 0.5 * labels.size / weights[~signal].sum()
    return weights * np.where(signal, scale_signal, scale_background)


def _parameters(config: ClassifierConfig, seed: int) -> dict[str, Any]:
    """LightGBM parameters of a configuration."""
    return {
        "objective": "binary", "verbosity": -1, "deterministic": True, "force_row_wise": True,
        "num_threads": config.threads, "seed": seed % 2**31, "num_leaves": config.leaves,
        "max_depth": config.depth, "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_rows_in_leaf, "min_sum_hessian_in_leaf": 1e-3,
        "bagging_fraction": config.row_fraction, "bagging_freq": 1 if config.row_fraction < 1 else 0,
        "feature_fraction": config.input_fraction, "lambda_l2": config.l2, "max_bin": config.bins,
    }


def _encode(name: str) -> str:
    """Name with the characters that LightGBM's text cannot hold percent-encoded."""
    return quote(name, safe="()*+-./<=>@_!$&';~|")


def _check_names(names: tuple[str, ...], findings: Findings) -> None:
    """Add findings about the list of input names."""
    if not names:
        findings.error("no-inputs", "names", "at least one input is needed")
    for index, name in enumerate(names):
        if name in names[:index]:
            findings.error("duplicate-input", f"names[{index}]", f"'{name}' is given twice")
        if name.startswith("mc"):
            findings.error("truth-input", f"names[{index}]", f"'{name}' is a truth column and cannot be an input")


def _table(features: Features, names: Sequence[str], findings: Findings) -> Floats | None:
    """Table of shape (n, k) in the order of ``names``; None when there are findings."""
    before = len(findings.errors)
    table = _stack(features, names, findings) if isinstance(features, Mapping) else np.asarray(features, np.float64)
    if table is None or len(findings.errors) > before:
        return None
    if table.ndim != 2 or table.shape[1] != len(names):
        findings.error("wrong-shape", "features", f"found an array of shape {table.shape}",
                       expected=f"(n, {len(names)}), one column for each input")
        return None
    for index, name in enumerate(names):
        if np.isinf(table[:, index]).any():
            findings.error("infinite", name, f"'{name}' has infinite values",
                           expected="finite numbers, NaN for missing")
    return np.ascontiguousarray(table)


def _stack(features: Mapping[str, ArrayLike], names: Sequence[str], findings: Findings) -> Floats | None:
    """Named columns as a table; None when there are findings."""
    missing = [n for n in names if n not in features]
    for name in missing:
        findings.error("missing-input", name, f"the column '{name}' is missing", nearest=nearest(name, features))
    if missing:
        return None
    columns = [np.asarray(features[n], dtype=np.float64) for n in names]
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or column.size != columns[0].size:
            findings.error("wrong-length", name, f"'{name}' has shape {column.shape}",
                           expected=f"({columns[0].size},) as '{names[0]}'")
            columns = []
            break
    return np.column_stack(columns) if columns else None


def _check_rows(rows: int | None, labels: Floats, weights: Floats, findings: Findings) -> None:
    """Add findings about labels and weights."""
    for name, array in (("labels", labels), ("weights", weights)):
        if array.ndim != 1 or (rows is not None and array.size != rows):
            findings.error("wrong-length", name, f"found shape {array.shape}", expected=f"({rows},)")
    if not np.isin(labels, (0.0, 1.0)).all():
        findings.error("bad-label", "labels", "labels are 1 (signal) or 0 (background)")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        findings.error("bad-weight", "weights", "weights must be finite and not negative")
    if findings.errors:
        return
    for value, name in ((1.0, "signal"), (0.0, "background")):
        if not weights[labels == value].sum() > 0:
            findings.error("empty-class", "labels", f"there is no {name} with positive weight")
