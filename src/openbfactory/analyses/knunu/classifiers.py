"""Classifiers of a finished run: written to its folder, and read again by what builds on it.

``classifiers/fold0.bdt1.txt``, ``fold0.bdt2.txt`` ... hold the trees, ``folds.json`` the cuts on BDT1 and the
transforms to eta.  An event that no classifier was trained on may be judged by any fold; :func:`load_models` gives all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from openbfactory.analyses.knunu.config import FOLDS
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.select import classifier, transform

#: folder of the classifiers in that of a run, and the file of cuts and transforms
FOLDER, RECORD = "classifiers", "folds.json"


def save_models(models: Sequence[FoldModel], run: Path) -> None:
    """Write the classifiers of all folds, with their cuts and transforms, into the folder of a run."""
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for fold, model in enumerate(models):
        assert model.eta is not None
        model.bdt1.save(folder / f"fold{fold}.bdt1.txt")
        model.bdt2.save(folder / f"fold{fold}.bdt2.txt")
        records.append({"bdt1_cut": model.bdt1_cut, "eta": model.eta.to_dict()})
    (folder / RECORD).write_text(json.dumps(records) + "\n", encoding="utf-8")


def has_models(run: Path) -> bool:
    """Whether the folder of a run holds the classifiers of all folds."""
    names = [f"fold{fold}.bdt{k}.txt" for fold in range(FOLDS) for k in (1, 2)]
    return all((run / FOLDER / name).is_file() for name in (*names, RECORD))


@cache
def models_of(run: str) -> tuple[FoldModel, ...]:
    """Classifiers of a finished run, read once a process; see :func:`load_models`."""
    return load_models(Path(run))


def models_digest(run: Path) -> str:
    """Checksum of the classifiers of a finished run with their cuts and transforms, wherever its folder stands."""
    return digest([[m.bdt1.digest(), m.bdt2.digest(), m.bdt1_cut, m.eta.to_dict() if m.eta else None]
                   for m in load_models(run)])


def load_models(run: Path) -> tuple[FoldModel, ...]:
    """Classifiers of all folds of a finished run.

    Raises
    ------
    InputError
        When the folder holds no finished run, or its record is damaged.
    ClassifierError
        When a file of trees is damaged or has other inputs.
    """
    folder, findings = run / FOLDER, Findings(str(run))
    try:
        records = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        cuts = [(float(r["bdt1_cut"]), r["eta"]) for r in records]
    except FileNotFoundError:
        findings.error("no-classifiers", f"{FOLDER}/{RECORD}", "there is no such file",
                       expected=f"the folder of a finished run; make one with: obf run knunu --output {run}")
    except (OSError, ValueError, KeyError, TypeError):
        findings.error("damaged", f"{FOLDER}/{RECORD}", "the record of cuts and transforms cannot be read")
    else:
        if len(cuts) != FOLDS:
            findings.error("wrong-length", f"{FOLDER}/{RECORD}", f"{len(cuts)} folds", expected=f"{FOLDS}")
    findings.raise_if_errors(InputError)
    return tuple(
        FoldModel(classifier.load(folder / f"fold{fold}.bdt1.txt", BDT1_INPUTS),
                  classifier.load(folder / f"fold{fold}.bdt2.txt", BDT2_INPUTS), cut,
                  transform.from_dict(eta, source=str(folder / RECORD)))
        for fold, (cut, eta) in enumerate(cuts))
