"""Weights that give a simulation the distributions of data: p / (1 - p) of a classifier that tells the two apart.

Method: a classifier trained on data (label 1) against simulation (label 0), each with the same total weight, has the
output p = f / (f + g) in the limit of many rows, f and g being the densities; p / (1 - p) = f / g is the weight that
turns g into f (D. Martschei et al., J. Phys. Conf. Ser. 368 (2012) 012028; K. Cranmer, J. Pavez, G. Louppe,
arXiv:1506.02169).  The weights are scaled to a mean of 1 over the simulation that was trained on, so that they change
shapes and no yields, and bounded.

Validity: as far as the classifier has learned; with few rows it learns fluctuations too, so that rows that it was
trained on must be judged by another one (:func:`over_folds`).  Left out: ratios beyond the bound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ClassifierError, InputError
from openbfactory.core.random import Address
from openbfactory.select.classifier import Classifier, ClassifierConfig, balanced_weights, from_text, train
from openbfactory.select.performance import OvertrainingCheck, effective_number, overtraining_check

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

#: largest density ratio, and its inverse the smallest
LARGEST = 10.0
_KIND = "openbfactory_reweighting"


@dataclass(frozen=True)
class Reweighting:
    """A classifier of data against simulation, and the factor that brings the mean weight to 1."""

    classifier: Classifier
    scale: float = 1.0
    largest: float = LARGEST

    def __call__(self, columns: Columns) -> Floats:
        """Weights (n,) of simulated rows.

        Raises
        ------
        ClassifierError
            When an input is missing, has another length or is infinite.
        """
        return self.scale * density_ratio(self.classifier.predict(columns), self.largest)

    def digest(self) -> str:
        """Checksum (hexadecimal, 16 characters) of the classifier, the scale and the bound."""
        return digest([self.classifier.digest(), self.scale, self.largest])

    def save(self, path: str | Path) -> None:
        """Write a JSON document, to be read by :func:`load_reweighting`."""
        document = {"kind": _KIND, "scale": self.scale, "largest": self.largest,
                    "classifier": self.classifier.to_text()}
        Path(path).write_text(json.dumps(document, sort_keys=True) + "\n", encoding="utf-8")


def load_reweighting(path: str | Path) -> Reweighting:
    """Reweighting of a file that :meth:`Reweighting.save` wrote.

    Raises
    ------
    InputError
        When it cannot be read or is something else.
    ClassifierError
        When its classifier is damaged.
    """
    findings = Findings(str(path))
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document["kind"] != _KIND:
            raise ValueError
        scale, largest, text = float(document["scale"]), float(document["largest"]), str(document["classifier"])
    except (OSError, ValueError, KeyError, TypeError):
        findings.error("not-a-reweighting", "", "the file is missing, damaged or holds no reweighting",
                       expected=f"JSON with 'kind': '{_KIND}'")
    findings.raise_if_errors(InputError)
    return Reweighting(from_text(text, source=str(path)), scale, largest)


def density_ratio(output: ArrayLike, largest: float = LARGEST) -> Floats:
    """P / (1 - p) of outputs (n,), between ``1 / largest`` and ``largest``."""
    bound = largest / (1.0 + largest)
    p = np.clip(np.asarray(output, np.float64), 1.0 - bound, bound)
    return p / (1.0 - p)


def learn(data: Columns, simulated: Columns, names: Sequence[str], weights: ArrayLike | None = None,
          config: ClassifierConfig | None = None, *, seed: int, largest: float = LARGEST) -> Reweighting:
    """Reweighting of a simulation to data.

    Parameters
    ----------
    data, simulated
        Columns; of names beside the inputs nothing is read.
    names
        Inputs of the classifier.
    weights
        Weights of the simulated rows, 1 by default; the ones that are returned multiply them.
    seed
        Seed of the training.

    Raises
    ------
    ClassifierError
        With every finding about the inputs.
    """
    columns, label, weight = _stacked(data, simulated, names, weights)
    classifier = train(columns, names, label, weight, config, seed=seed)
    return _scaled(classifier, {n: c[label == 0] for n, c in columns.items()}, weight[label == 0], largest)


def _scaled(classifier: Classifier, simulated: Columns, weights: Floats, largest: float) -> Reweighting:
    """Reweighting of a classifier with a mean weight of 1 over simulated rows."""
    mean = float(np.average(Reweighting(classifier, 1.0, largest)(simulated), weights=weights))
    return Reweighting(classifier, 1.0 / mean, largest)


@dataclass(frozen=True)
class FoldedReweighting:
    """Reweightings that each saw the rows of the other parts, and what they give to every row.

    Attributes
    ----------
    parts
        One reweighting a part; part k was trained without the rows of part k.
    weights
        Weights (n,) of the simulated rows, each by the one that did not see it.
    checks
        Outputs on training rows against others, one a part.
    trees
        Number of trees of each.
    """

    parts: tuple[Reweighting, ...]
    weights: Floats
    checks: tuple[OvertrainingCheck, ...]
    trees: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one part that its reweighting sees, and the others: data, simulation, weights of the simulation."""

    seen: tuple[Columns, Columns, Floats]
    unseen: tuple[Columns, Columns, Floats]


def over_folds(data: Columns, simulated: Columns, names: Sequence[str], fold: tuple[NDArray[Any], NDArray[Any]],
               weights: ArrayLike | None = None, config: ClassifierConfig | None = None, *, seed: int,
               largest: float = LARGEST, choice: int = 0) -> FoldedReweighting:
    """Reweightings trained in parts, so that no row is judged by one that saw it.

    Parameters
    ----------
    fold
        Part (0, 1, ...) of every row of data, and of every simulated row.
    choice
        The number of trees is the multiple of this with the least log loss of the rows that were not seen, all parts
        together; those of the configuration are the most.  0: it is that of the configuration.

    Raises
    ------
    ClassifierError
        With every finding about the inputs; without rows in a part.
    """
    w = np.ones(len(fold[1])) if weights is None else np.asarray(weights, np.float64)
    rows = []
    for k in range(int(max(fold[0].max(initial=0), fold[1].max(initial=0))) + 1):
        both = [tuple({n: np.asarray(c[n])[(f == k) == here] for n in names}
                      for c, f in ((data, fold[0]), (simulated, fold[1]))) for here in (False, True)]
        rows.append(_Part((*both[0], w[fold[1] != k]), (*both[1], w[fold[1] == k])))
    parts = [learn(*p.seen[:2], names, p.seen[2], config, seed=Address(seed, f"part{k}").pythia_seed(), largest=largest)
             for k, p in enumerate(rows)]
    if choice:
        trees = _best_number([p.classifier for p in parts], rows, choice)
        parts = [_scaled(p.classifier.first(trees), part.seen[1], part.seen[2], largest)
                 for p, part in zip(parts, rows, strict=True)]
    found = np.ones(len(fold[1]))
    for k, (made, part) in enumerate(zip(parts, rows, strict=True)):
        found[fold[1] == k] = made(part.unseen[1])
    checks = tuple(_check(p.classifier, part.seen, part.unseen) for p, part in zip(parts, rows, strict=True))
    return FoldedReweighting(tuple(parts), found, checks, parts[0].classifier.config.trees)


def _best_number(classifiers: Sequence[Classifier], rows: Sequence[_Part], step: int) -> int:
    """Number of trees with the least log loss of the rows that were not seen, data and simulation balanced."""
    losses: dict[int, float] = {}
    for classifier, part in zip(classifiers, rows, strict=True):
        columns, label, weight = _stacked(*part.unseen[:2], classifier.names, part.unseen[2])
        balanced = balanced_weights(label, weight)
        for number, p in classifier.staged(columns, step):
            losses[number] = losses.get(number, 0.0) - float(balanced @ np.log(np.where(label == 1, p, 1.0 - p)))
    return min(losses, key=lambda n: losses[n])


@dataclass(frozen=True, slots=True)
class ShapeAgreement:
    """chi2 of two normalised distributions, its degrees of freedom and p-value."""

    chi2: float
    ndf: int
    p_value: float


def shape_agreement(data: ArrayLike, simulated: ArrayLike, weights: ArrayLike | None = None, bins: int = 10,
                    ) -> ShapeAgreement:
    """Agreement of the shapes of a variable in data (n,) and in weighted simulation (m,); NaN are one bin more.

    The bins hold equal shares of the data; the statistical variances of both count.
    """
    a, b = np.asarray(data, np.float64), np.asarray(simulated, np.float64)
    w = np.ones(b.size) if weights is None else np.asarray(weights, np.float64)
    finite = a[np.isfinite(a)]
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, bins + 1)[1:-1])) if finite.size else np.zeros(0)
    places = [np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), len(edges) + 1) for x in (a, b)]
    n = len(edges) + 2
    counts = np.bincount(places[0], minlength=n).astype(np.float64)
    expected, squares = (np.bincount(places[1], q, n) for q in (w, w * w))
    variance = counts / a.size**2 + squares / w.sum() ** 2
    used = variance > 0
    chi2 = float(np.sum((counts / a.size - expected / w.sum())[used] ** 2 / variance[used]))
    ndf = max(int(used.sum()) - 1, 1)
    return ShapeAgreement(chi2, ndf, float(stats.chi2.sf(chi2, ndf)))


@dataclass(frozen=True, slots=True)
class Shapes:
    """Agreement of the shapes of variables before and after weights, by the name of the variable."""

    before: dict[str, ShapeAgreement]
    after: dict[str, ShapeAgreement]

    def bad(self, probability: float) -> tuple[int, int]:
        """Number of variables with a p-value below ``probability``, before and after."""
        counts = [sum(a.p_value < probability for a in part.values()) for part in (self.before, self.after)]
        return counts[0], counts[1]

    def to_dict(self) -> dict[str, list[float]]:
        """chi2 before and after and degrees of freedom by variable, for JSON."""
        return {n: [a.chi2, self.after[n].chi2, self.after[n].ndf] for n, a in self.before.items()}


def compare_shapes(data: Columns, simulated: Columns, names: Sequence[str], weights: ArrayLike) -> Shapes:
    """Agreement of the shapes of variables in data and simulation, without and with weights (m,) of the simulation."""
    return Shapes({n: shape_agreement(data[n], simulated[n]) for n in names},
                  {n: shape_agreement(data[n], simulated[n], weights) for n in names})


def left_over(data: Columns, simulated: Columns, names: Sequence[str], fold: tuple[NDArray[Any], NDArray[Any]],
              weights: ArrayLike | None = None, config: ClassifierConfig | None = None, *,
              seed: int) -> tuple[float, float]:
    """Area under the ROC curve of a new classifier of data against weighted simulation, and its standard deviation.

    It is 0.5 where weights leave no difference that the classifier could learn.  Rows must be independent of those that
    the weights were learned from.

    Parameters
    ----------
    fold
        Part (0, 1, ...) of every row of data, and of every simulated row: each is judged by the other parts.

    Notes
    -----
    The standard deviation is that of equal distributions, sqrt((1/n + 1/m) / 12) with effective numbers of rows.

    Raises
    ------
    ClassifierError
        With every finding about the inputs; without rows in a part.
    """
    found = over_folds(data, simulated, names, fold, weights, config, seed=seed)
    n, m = len(fold[0]), len(fold[1]) if weights is None else effective_number(weights)
    return float(np.mean([c.auc_test for c in found.checks])), float(np.sqrt((1 / n + 1 / m) / 12))


def area_of_fluctuations(found: FoldedReweighting, columns: Columns) -> float:
    """Area under the ROC curve that the fluctuations of the training alone leave to a perfect classifier.

    Two parts share no row of their training, so that half of the variance of the difference of their log weights is
    the variance s^2 of one.  It belongs to weights learned from half of the rows; with all of them s^2 is about half.

    Parameters
    ----------
    found
        Of two parts.
    columns
        Rows that neither part was trained on.

    Notes
    -----
    Formula: Phi(s / sqrt 2), for log ratios that are normal with variance s^2 and means +-s^2 / 2.

    Raises
    ------
    InputError
        When there are not two parts.
    """
    if len(found.parts) != 2:
        message = f"found {len(found.parts)} parts, 2 are needed that share no rows"
        raise InputError(message)
    first, second = (np.log(part(columns)) for part in found.parts)
    return float(stats.norm.cdf(np.sqrt(0.25 * np.var(first - second))))


def _stacked(data: Columns, simulated: Columns, names: Sequence[str], weights: ArrayLike | None,
             ) -> tuple[dict[str, Floats], Floats, Floats]:
    """Columns, labels and weights of both."""
    findings = Findings("reweighting")
    for which, columns in (("data", data), ("simulated", simulated)):
        for name in names:
            if name not in columns:
                findings.error("missing-input", f"{which}.{name}", f"the column '{name}' is missing")
    findings.raise_if_errors(ClassifierError)
    n, m = (len(c[names[0]]) for c in (data, simulated))
    w = np.ones(m) if weights is None else np.asarray(weights, np.float64)
    columns = {x: np.concatenate([np.asarray(data[x], np.float64), np.asarray(simulated[x], np.float64)])
               for x in names}
    return columns, np.repeat([1.0, 0.0], [n, m]), np.concatenate([np.ones(n), w])


def _check(classifier: Classifier, seen: tuple[Columns, Columns, Floats],
           unseen: tuple[Columns, Columns, Floats]) -> OvertrainingCheck:
    """Outputs on the rows of training against other rows."""
    outputs, labels, weights = [], [], []
    for data, simulated, w in (seen, unseen):
        columns, label, weight = _stacked(data, simulated, classifier.names, w)
        outputs.append(classifier.predict(columns))
        labels.append(label)
        weights.append(weight)
    return overtraining_check(outputs[0], labels[0], outputs[1], labels[1], train_weights=weights[0],
                              test_weights=weights[1])
