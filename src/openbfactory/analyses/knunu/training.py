"""Training of BDT1 and BDT2 in two folds, so that no event is judged by a classifier that saw it.

Fold f is applied to the chunks with ``index % 2 == f`` and trained on the
others.  BDT1 separates true signal candidates from everything that passes the
preselection; it is trained on the pilot chunks, whose candidates are all kept.
BDT2 is trained behind a cut on BDT1 whose total signal efficiency is set by the
configuration, on the candidates of all chunks; each candidate passes or fails
BDT1 by the classifier of its own fold, which did not see it, in training as in
use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import FOLDS, SIGNAL, Training
from openbfactory.core.errors import FitError
from openbfactory.core.random import Address
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.select.classifier import Classifier, Importance, train
from openbfactory.select.performance import OvertrainingCheck, overtraining_check
from openbfactory.select.transform import QuantileTransform, fit_transform

Columns = Mapping[str, npt.NDArray[Any]]

#: bins in which outputs of training and independent rows are compared
SHAPE_EDGES = tuple(np.linspace(0.0, 1.0, 26).tolist())


@dataclass(frozen=True, slots=True)
class Rows:
    """Candidates of one sample and fold: columns, the label and the weight of one generated event.

    Where there is a column ``weight``, a candidate has this times ``weight``.
    """

    columns: Columns
    signal: npt.NDArray[np.bool_]
    weight: float

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weight of each candidate, (n,)."""
        own = self.columns.get("weight", np.ones(len(self.signal)))
        return self.weight * np.asarray(own, np.float64)


@dataclass(frozen=True)
class FirstStage:
    """BDT1 of a fold and the cut on it."""

    classifier: Classifier
    cut: float

    def passes(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Whether candidates (n,) are above the cut."""
        if not len(next(iter(columns.values()))):
            return np.zeros(0, np.bool_)
        above: npt.NDArray[np.bool_] = self.classifier.predict({n: columns[n] for n in BDT1_INPUTS}) > self.cut
        return above


@dataclass(frozen=True)
class FoldModel:
    """What one fold applies: two classifiers, the BDT1 cut and the transform to eta."""

    bdt1: Classifier
    bdt2: Classifier
    bdt1_cut: float
    eta: QuantileTransform | None = None

    def outputs(self, columns: Columns) -> dict[str, npt.NDArray[np.float64]]:
        """BDT1, BDT2 (NaN below the BDT1 cut) and, once known, eta of candidates."""
        first = self.bdt1.predict(columns)
        second = np.full(first.shape, np.nan)
        above = np.flatnonzero(first > self.bdt1_cut)
        if len(above):
            second[above] = self.bdt2.predict({n: columns[n][above] for n in self.bdt2.names})
        found = {"BDT1": first, "BDT2": second}
        if self.eta is not None:
            found["eta"] = self.eta(second)
        return found


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """How the classifiers of one fold were trained and do on the other fold.

    Attributes
    ----------
    rows
        Classifier to number of signal and background rows.
    checks
        Classifier to the comparison of training and independent outputs.
    importance
        Classifier to inputs by falling share of the gain.
    bdt1_cut
        Cut on BDT1.
    shapes
        Classifier to class to normalised histograms of the output in :data:`SHAPE_EDGES`, of training and of
        independent rows.
    """

    rows: dict[str, tuple[int, int]]
    checks: dict[str, OvertrainingCheck]
    importance: dict[str, tuple[Importance, ...]]
    bdt1_cut: float
    shapes: dict[str, dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"rows": {k: list(v) for k, v in self.rows.items()},
                "checks": {k: v.to_dict() for k, v in self.checks.items()},
                "importance": {k: [{"name": i.name, "gain": i.gain, "splits": i.splits} for i in v]
                               for k, v in self.importance.items()},
                "bdt1_cut": self.bdt1_cut}


def train_first(fold: int, rows: Mapping[str, Rows], generated_signal: float, settings: Training,
                seed: int) -> FirstStage:
    """BDT1 of one fold, and the cut that keeps the configured part of all generated signal.

    Parameters
    ----------
    fold
        Fold the classifier will be applied to.
    rows
        Sample name to pilot candidates of the other fold.
    generated_signal
        Signal events generated for those chunks.

    Raises
    ------
    FitError
        When too few candidates are left to train on.
    """
    table, label, weight = pooled(rows, BDT1_INPUTS)
    _require(label, "after the preselection")
    classifier = train(table, BDT1_INPUTS, label, weight, settings.bdt1, seed=_seed(seed, fold, "bdt1"))
    output = classifier.predict(table)
    cut = fit_transform(output[label == 1], generated=generated_signal).output_at(
        1.0 - settings.bdt1_signal_efficiency.value)
    return FirstStage(classifier, cut)


def train_second(fold: int, first: FirstStage, rows: Mapping[str, Rows], settings: Training, seed: int) -> FoldModel:
    """Both classifiers of one fold.

    Parameters
    ----------
    fold, first
        Fold the classifiers will be applied to, and its BDT1.
    rows
        Sample name to the candidates of the other fold that pass the BDT1 of that other fold.

    Raises
    ------
    FitError
        When too few candidates are left to train on.
    """
    table, label, weight = pooled(rows, BDT2_INPUTS)
    _require(label, "above the BDT1 cut")
    second = train(table, BDT2_INPUTS, label, weight, settings.bdt2, seed=_seed(seed, fold, "bdt2"))
    return FoldModel(first.classifier, second, first.cut)


def passing(rows: Mapping[str, Rows], first: FirstStage) -> dict[str, Rows]:
    """The candidates that pass the BDT1 of their fold."""
    found = {}
    for name, part in rows.items():
        keep = first.passes(part.columns)
        found[name] = Rows({n: c[keep] for n, c in part.columns.items()}, part.signal[keep], part.weight)
    return found


def _seed(seed: int, fold: int, name: str) -> int:
    """Seed of one training."""
    return Address(seed, f"fold{fold}", stage="train").at(name).pythia_seed()


def pooled(rows: Mapping[str, Rows],
           inputs: tuple[str, ...]) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any], npt.NDArray[Any]]:
    """Columns, label and weight of all samples together; wrong candidates of signal events are left out."""
    names = sorted(rows)
    keep = np.concatenate([rows[n].signal | (n != SIGNAL) for n in names])
    label = np.concatenate([rows[n].signal for n in names]).astype(float)[keep]
    weight = np.concatenate([rows[n].weights for n in names])[keep]
    return {v: np.concatenate([rows[n].columns[v] for n in names])[keep] for v in inputs}, label, weight


def judge(model: FoldModel, pilot: tuple[Mapping[str, Rows], Mapping[str, Rows]],
          above: tuple[Mapping[str, Rows], Mapping[str, Rows]]) -> TrainingSummary:
    """How a fold's classifiers do on their training rows and on independent ones.

    Parameters
    ----------
    pilot
        Pilot candidates of the other fold (BDT1 was trained on them) and of this one.
    above
        Candidates above the BDT1 cut of the other fold (BDT2 was trained on them) and of this one.
    """
    rows, checks, shapes = {}, {}, {}
    for name, classifier, parts in (("BDT1", model.bdt1, pilot), ("BDT2", model.bdt2, above)):
        seen, unseen = (_judged(classifier, part) for part in parts)
        checks[name] = overtraining_check(*seen[:2], *unseen[:2], train_weights=seen[2], test_weights=unseen[2])
        rows[name] = (int((seen[1] == 1).sum()), int((seen[1] == 0).sum()))
        shapes[name] = {key: (_shape(seen, label), _shape(unseen, label))
                        for key, label in (("signal", 1), ("background", 0))}
    importance = {"BDT1": model.bdt1.importance(), "BDT2": model.bdt2.importance()}
    return TrainingSummary(rows, checks, importance, model.bdt1_cut, shapes)


def _shape(judged: tuple[npt.NDArray[Any], ...], label: int) -> tuple[float, ...]:
    """Normalised histogram of the output of one class."""
    output, labels, weight = judged
    values = np.histogram(output[labels == label], SHAPE_EDGES, weights=weight[labels == label])[0]
    return tuple((values / (values.sum() or 1.0)).tolist())


def _judged(classifier: Classifier, rows: Mapping[str, Rows]) -> tuple[npt.NDArray[Any], ...]:
    """Output, label and weight of candidates."""
    table, label, weight = pooled(rows, classifier.names)
    return classifier.predict(table), label, weight


def _require(labels: npt.NDArray[np.float64], where: str, least: int = 20) -> None:
    """Raise when a class has fewer than ``least`` candidates."""
    signal, background = int(labels.sum()), int((labels == 0).sum())
    if min(signal, background) < least:
        message = (f"too few candidates {where} to train a classifier: {signal} signal, {background} background "
                   f"(at least {least} each); generate more events with --luminosity")
        raise FitError(message)


def folds() -> range:
    """Indices of the folds."""
    return range(FOLDS)
