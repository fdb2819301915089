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
from openbfactory.select.classifier import Classifier, ClassifierConfig, from_text, train
from openbfactory.select.performance import OvertrainingCheck, overtraining_check

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
    found, rows = Reweighting(classifier, 1.0, largest), label == 0
    mean = float(np.average(found({n: c[rows] for n, c in columns.items()}), weights=weight[rows]))
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
    """

    parts: tuple[Reweighting, ...]
    weights: Floats
    checks: tuple[OvertrainingCheck, ...]


def over_folds(data: Columns, simulated: Columns, names: Sequence[str], fold: tuple[NDArray[Any], NDArray[Any]],
               weights: ArrayLike | None = None, config: ClassifierConfig | None = None, *, seed: int,
               largest: float = LARGEST) -> FoldedReweighting:
    """Reweightings trained in parts, so that no row is judged by one that saw it.

    Parameters
    ----------
    fold
        Part (0, 1, ...) of every row of data, and of every simulated row.

    Raises
    ------
    ClassifierError
        With every finding about the inputs; without rows in a part.
    """
    w = np.ones(len(fold[1])) if weights is None else np.asarray(weights, np.float64)
    parts, checks, found = [], [], np.ones(len(fold[1]))
    for k in range(int(max(fold[0].max(initial=0), fold[1].max(initial=0))) + 1):
        seen = {n: np.asarray(data[n])[fold[0] != k] for n in names}
        other = {n: np.asarray(simulated[n])[fold[1] != k] for n in names}
        made = learn(seen, other, names, w[fold[1] != k], config, seed=Address(seed, f"part{k}").pythia_seed(),
                     largest=largest)
        rest = [{n: np.asarray(c[n])[f == k] for n in names} for c, f in ((data, fold[0]), (simulated, fold[1]))]
        found[fold[1] == k] = made(rest[1])
        checks.append(_check(made.classifier, (seen, other, w[fold[1] != k]), (rest[0], rest[1], w[fold[1] == k])))
        parts.append(made)
    return FoldedReweighting(tuple(parts), found, tuple(checks))


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
