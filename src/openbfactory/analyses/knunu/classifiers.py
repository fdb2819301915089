"""Classifiers of a finished run: written to its folder, and read again by what builds on it.

``classifiers/fold0.bdt1.txt``, ``fold0.bdt2.txt`` ... hold the trees, ``folds.json`` the cuts on BDT1 and the
transforms to eta.  An event that no classifier was trained on may be judged by any fold; :func:`load_models` gives all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.config import FOLDS, SIGNAL, KnunuConfig
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.experiment import Machine
from openbfactory.pipeline.store import CHUNKS, MANIFEST
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


def source_run(options: RunOptions) -> Path:
    """Folder of the finished run that a validation module builds on: the one given, or ``knunu`` beside the output.

    Raises
    ------
    InputError
        When there is no finished run.
    """
    run = options.source or options.output.parent / "knunu"
    if not (run / FOLDER / RECORD).exists():
        findings = Findings(str(run))
        findings.error("no-run", "", "there is no finished run of knunu in this folder",
                       expected=f"one made with: obf run knunu --output {run}; or another, named by --from")
        findings.raise_if_errors(InputError)
    return run


def generated_events(run: Path) -> dict[str, int]:
    """Events of every sample of a finished run."""
    samples = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["samples"]
    return {str(name): int(events) for name, events in samples.items()}


def judged_candidates(run: Path, config: KnunuConfig, machine: Machine) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Candidates of a finished run in the fit region, by sample: the columns of its chunks, BDT1, BDT2, eta and weight.

    ``weight`` is the number of events of the whole data set (with mu = 1) that a candidate stands for; ``half`` is 0 or
    1 for chunks in the first or second half of the sample.

    Raises
    ------
    InputError
        When the folder holds no finished run.
    """
    models, found = load_models(run), {}
    for sample, events in generated_events(run).items():
        process, off = sample.removesuffix("_off"), sample.endswith("_off")
        share = (2.0 * machine.expected("charged") * config.branching_fraction.value if sample == SIGNAL
                 else machine.expected(process, off_resonance=off)) / events
        files = sorted((run / CHUNKS / sample).glob("*.parquet"))
        parts = [_judged(path, models, config.region.eta[0], 2 * i >= len(files)) for i, path in enumerate(files)]
        columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        found[sample] = {**columns, "weight": share * columns["weight"]}
    return found


def _judged(path: Path, models: Sequence[FoldModel], lowest: float, half: bool) -> dict[str, npt.NDArray[Any]]:
    """Nominal candidates of one chunk above the lowest eta, judged by the classifiers of its fold."""
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    columns |= models[int(path.stem) % FOLDS].outputs(columns)
    size = len(columns["eta"])
    columns["weight"] = np.asarray(columns.get("weight", np.ones(size)), float)
    columns["half"] = np.full(size, int(half))
    keep = (columns["eta"] >= lowest) & (columns.get("variation", np.zeros(size)) == 0)
    return {name: column[keep] for name, column in columns.items()}
