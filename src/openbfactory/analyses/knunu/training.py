"""Training of BDT1 and BDT2 in two folds, so that no event is judged by a classifier that saw it.

Fold f is applied to the chunks with ``index % 2 == f`` and trained on the
others.  BDT1 separates true signal candidates from everything that passes the
preselection; BDT2 is trained behind a cut on BDT1 whose total signal
efficiency is set by the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rows:
    """Candidates of one sample and fold: columns, the label and the weight of one generated event."""

    columns: Columns
    signal: npt.NDArray[np.bool_]
    weight: float


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
    """

    rows: dict[str, tuple[int, int]]
    checks: dict[str, OvertrainingCheck]
    importance: dict[str, tuple[Importance, ...]]
    bdt1_cut: float

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"rows": {k: list(v) for k, v in self.rows.items()},
                "checks": {k: v.to_dict() for k, v in self.checks.items()},
                "importance": {k: [{"name": i.name, "gain": i.gain, "splits": i.splits} for i in v]
                               for k, v in self.importance.items()},
                "bdt1_cut": self.bdt1_cut}


def train_fold(fold: int, rows: Mapping[str, Rows], generated_signal: float, settings: Training,
               seed: int) -> FoldModel:
    """Classifiers of one fold.

    Parameters
    ----------
    fold
        Fold the classifiers will be applied to.
    rows
        Sample name to training candidates (chunks of the other fold).
    generated_signal
        Signal events generated for the training chunks.

    Raises
    ------
    FitError
        When too few candidates are left to train on.
    """
    table, label, weight = pooled(rows)
    _require(label, "after the preselection")
    seeds = Address(seed, f"fold{fold}", stage="train")
    bdt1 = train({v: table[v] for v in BDT1_INPUTS}, BDT1_INPUTS, label, weight, settings.bdt1,
                 seed=seeds.at("bdt1").pythia_seed())
    first = bdt1.predict(table)
    cut = fit_transform(first[label == 1], generated=generated_signal).output_at(
        1.0 - settings.bdt1_signal_efficiency.value)
    above = first > cut
    _require(label[above], "above the BDT1 cut")
    bdt2 = train({v: table[v][above] for v in BDT2_INPUTS}, BDT2_INPUTS, label[above], weight[above], settings.bdt2,
                 seed=seeds.at("bdt2").pythia_seed())
    return FoldModel(bdt1, bdt2, cut)


def pooled(rows: Mapping[str, Rows]) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any], npt.NDArray[Any]]:
    """Columns, label and weight of all samples together; wrong candidates of signal events are left out."""
    names = sorted(rows)
    keep = np.concatenate([rows[n].signal | (n != SIGNAL) for n in names])
    label = np.concatenate([rows[n].signal for n in names]).astype(float)[keep]
    weight = np.concatenate([np.full(len(rows[n].signal), rows[n].weight) for n in names])[keep]
    inputs = dict.fromkeys((*BDT1_INPUTS, *BDT2_INPUTS))
    return {v: np.concatenate([rows[n].columns[v] for n in names])[keep] for v in inputs}, label, weight


def judge(model: FoldModel, training: Mapping[str, Rows], test: Mapping[str, Rows]) -> TrainingSummary:
    """How a fold's classifiers do on their training rows and on independent ones."""
    seen, unseen = (_judged(model, rows) for rows in (training, test))
    names = {"BDT1": model.bdt1, "BDT2": model.bdt2}
    checks = {n: overtraining_check(*seen[n][:2], *unseen[n][:2], train_weights=seen[n][2], test_weights=unseen[n][2])
              for n in names}
    rows = {n: (int((seen[n][1] == 1).sum()), int((seen[n][1] == 0).sum())) for n in names}
    return TrainingSummary(rows, checks, {n: c.importance() for n, c in names.items()}, model.bdt1_cut)


def _judged(model: FoldModel, rows: Mapping[str, Rows]) -> dict[str, tuple[npt.NDArray[Any], ...]]:
    """Output, label and weight of the candidates that each classifier sees."""
    table, label, weight = pooled(rows)
    outputs = model.outputs(table)
    found: dict[str, tuple[npt.NDArray[Any], ...]] = {}
    for name in ("BDT1", "BDT2"):
        seen = np.isfinite(outputs[name])
        found[name] = (outputs[name][seen], label[seen], weight[seen])
    return found


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
