"""How well a classifier separates, and whether it learned its training rows by heart.

Method: area under the ROC curve (AUC) as the weighted probability that a signal
row has a larger output than a background row, ties counting one half; two-sample
Kolmogorov-Smirnov (KS) distance between training and test outputs of each class.

Approximation: with weights the p-value of the KS distance uses the effective
numbers of rows, (sum w)^2 / sum w^2; it is exact in the limit of many rows with
equal weights.  A small KS p-value says that the outputs differ, not that the
test result is biased: results always come from rows that were not trained on,
and ``auc_train - auc_test`` says how much it matters.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ClassifierError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KSResult:
    """Kolmogorov-Smirnov distance between two samples and its p-value."""

    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class OvertrainingCheck:
    """Training against test outputs: KS of each class and both areas under the ROC curve."""

    signal: KSResult
    background: KSResult
    auc_train: float
    auc_test: float

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return asdict(self)


def overtraining_check(train_outputs: ArrayLike, train_labels: ArrayLike, test_outputs: ArrayLike,
                       test_labels: ArrayLike, *, train_weights: ArrayLike | None = None,
                       test_weights: ArrayLike | None = None) -> OvertrainingCheck:
    """Comparison of the outputs on training and on test rows, all arguments of shape (n,).

    Raises
    ------
    ClassifierError
        When a sample has no row of a class.
    """
    out_a, lab_a, w_a = _rows(train_outputs, train_labels, train_weights, "training")
    out_b, lab_b, w_b = _rows(test_outputs, test_labels, test_weights, "test")
    ks = [ks_two_sample(out_a[lab_a == c], out_b[lab_b == c], w_a[lab_a == c], w_b[lab_b == c]) for c in (1, 0)]
    return OvertrainingCheck(ks[0], ks[1], roc_auc(out_a, lab_a, w_a), roc_auc(out_b, lab_b, w_b))


def ks_two_sample(first: ArrayLike, second: ArrayLike, first_weights: ArrayLike | None = None,
                  second_weights: ArrayLike | None = None) -> KSResult:
    """Weighted two-sample Kolmogorov-Smirnov test of arrays of shape (n,) and (m,)."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    w_a = np.ones(a.size) if first_weights is None else np.asarray(first_weights, dtype=np.float64)
    w_b = np.ones(b.size) if second_weights is None else np.asarray(second_weights, dtype=np.float64)
    points = np.union1d(a, b)
    distance = float(np.abs(_cumulative(a, w_a, points) - _cumulative(b, w_b, points)).max())
    n_a, n_b = effective_number(w_a), effective_number(w_b)
    rows = max(1, round(n_a * n_b / (n_a + n_b)))
    return KSResult(distance, float(np.clip(stats.kstwo.sf(distance, rows), 0.0, 1.0)))


def roc_auc(outputs: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve in [0, 1]: 0.5 is no separation, 1 is perfect."""
    out, label, weight = _rows(outputs, labels, weights, "rows")
    _, inverse = np.unique(out, return_inverse=True)
    signal = np.bincount(inverse, weights=weight * (label == 1))
    background = np.bincount(inverse, weights=weight * (label == 0))
    below = np.cumsum(background) - background
    return float((signal * (below + 0.5 * background)).sum() / (signal.sum() * background.sum()))


def effective_number(weights: ArrayLike) -> float:
    """Effective number of rows, (sum w)^2 / sum w^2; 0 without weight."""
    w = np.asarray(weights, dtype=np.float64)
    squares = float((w * w).sum())
    return float(w.sum()) ** 2 / squares if squares > 0 else 0.0


def weighted_median(values: ArrayLike, weights: ArrayLike) -> float:
    """Smallest of the values (n,) with at least half of the weight at or below it."""
    x, w = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(x)
    sums = np.cumsum(w[order])
    return float(x[order][np.searchsorted(sums, 0.5 * sums[-1])])


def weighted_share(chosen: ArrayLike, weights: ArrayLike | None = None, learned: float = np.inf) -> tuple[float, float]:
    """Share of rows (n,) that are chosen, and its standard deviation.

    Parameters
    ----------
    weights
        Weights of the rows, 1 by default.
    learned
        Effective number of rows that the weights were learned from: they have the fluctuations of these too.
    """
    mask = np.asarray(chosen, np.bool_)
    w = np.ones(mask.shape) if weights is None else np.asarray(weights, np.float64)
    value = float(np.average(mask, weights=w))
    return value, float(np.sqrt(value * (1 - value) * (1 / effective_number(w) + 1 / learned)))


def _cumulative(values: Floats, weights: Floats, points: Floats) -> Floats:
    """Weighted empirical distribution function of ``values`` at ``points``."""
    order = np.argsort(values, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    return sums[np.searchsorted(values[order], points, side="right")] / sums[-1]


def _rows(outputs: ArrayLike, labels: ArrayLike, weights: ArrayLike | None,
          which: str) -> tuple[Floats, Floats, Floats]:
    """Outputs, labels and weights as arrays, checked."""
    out, label = np.asarray(outputs, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    weight = np.ones(out.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    findings = Findings(f"classifier outputs ({which})")
    if not out.shape == label.shape == weight.shape:
        findings.error("wrong-length", which, f"shapes {out.shape}, {label.shape}, {weight.shape} differ")
        findings.raise_if_errors(ClassifierError)
    for value, name in ((1.0, "signal"), (0.0, "background")):
        if not weight[label == value].sum() > 0:
            findings.error("empty-class", which, f"there is no {name} with positive weight")
    findings.raise_if_errors(ClassifierError)
    return out, label, weight
