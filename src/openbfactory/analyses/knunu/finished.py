"""What checks read of a finished run: its folder, its samples, its candidates judged by its classifiers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.classifiers import FOLDER, RECORD, load_models
from openbfactory.analyses.knunu.config import FOLDS, SIGNAL, KnunuConfig, SamplePlan
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.experiment import Machine
from openbfactory.pipeline.store import CHUNKS, MANIFEST
from openbfactory.pipeline.tables import rows_of
from openbfactory.select.binning import Binning

Array = npt.NDArray[Any]


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


def judged_candidates(run: Path, config: KnunuConfig, machine: Machine) -> dict[str, dict[str, Array]]:
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
        files = sorted((run / CHUNKS / sample).glob("*.parquet"))
        parts = [_judged(path, models, config.region.eta[0], 2 * i >= len(files)) for i, path in enumerate(files)]
        columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        share = SamplePlan.of(sample, events).weight(config, machine)
        found[sample] = {**columns, "weight": share * columns["weight"]}
    return found


def _judged(path: Path, models: Sequence[FoldModel], lowest: float, half: bool) -> dict[str, Array]:
    """Nominal candidates of one chunk above the lowest eta, judged by the classifiers of its fold."""
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    columns |= models[int(path.stem) % FOLDS].outputs(columns)
    size = len(columns["eta"])
    columns["weight"] = np.asarray(columns.get("weight", np.ones(size)), float)
    columns["half"] = np.full(size, int(half))
    return rows_of(columns, (columns["eta"] >= lowest) & (columns.get("variation", np.zeros(size)) == 0))


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates: variables, sample, flat bin (off resonance: after those on), expected and observed events."""

    columns: Mapping[str, Array]
    sample: Array
    bin: Array
    bins: int
    expected: Array
    observed: Array

    @property
    def background(self) -> Array:
        """Simulated candidates (n,) of the background in the bins of the fit."""
        return (self.bin >= 0) & (self.sample != SIGNAL)


def merged(samples: Mapping[str, Mapping[str, Array]], binning: Binning) -> Candidates:
    """Candidates of all samples, without data."""
    names = sorted(set.intersection(*(set(c) for c in samples.values())))
    columns = {n: np.concatenate([c[n] for c in samples.values()]) for n in names}
    sample = np.concatenate([np.full(len(c["eta"]), name.removesuffix("_off")) for name, c in samples.items()])
    off = np.concatenate([np.full(len(c["eta"]), name.endswith("_off")) for name, c in samples.items()])
    flat = binning.index({n: columns[n] for n in binning.names})
    return Candidates(columns, sample, np.where(off & (flat >= 0), flat + binning.size, flat), 2 * binning.size,
                      columns["weight"], np.zeros(len(flat)))
