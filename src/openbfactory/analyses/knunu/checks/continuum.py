"""Candidates of continuum below the resonance in some worlds, and what the classifiers say.

Every candidate after the preselection is kept, so that shapes can be compared before any classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.checks.worlds import World, world_chunks
from openbfactory.analyses.knunu.config import CONTINUUM, FOLDS
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.pipeline.tables import columns_of, rows_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS

Array = npt.NDArray[Any]
Columns = dict[str, Array]

#: columns of a candidate
KEPT = tuple(dict.fromkeys(("q2_rec", *BDT1_INPUTS, *BDT2_INPUTS)))


@dataclass(frozen=True, slots=True)
class ContinuumMaker:
    """Picklable function from a chunk task (sample ``WORLD.PROCESS``) to its table of candidates."""

    worlds: Mapping[str, World]

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        name, process = task.sample.split(".")
        world = self.worlds[name]
        card = world.loaded
        cuts = InclusiveTagConfig(magnetic_field=card.detector.field.value)
        events = world.events(process, task, off_resonance=True)
        table = reconstruct_inclusive_tag(events, card.machine.at_off_resonance(), cuts)
        columns = {n: table.columns[n].astype(np.float32) for n in KEPT}
        return pa.table({"event": table.event, **columns}), {"events": task.events}


def continuum_samples(worlds: Mapping[str, World], luminosity: Mapping[str, float], options: RunOptions,
                      chunk_size: int) -> tuple[dict[str, Columns], dict[str, int]]:
    """Candidates of every world, all processes together, and the events of every sample ``WORLD.PROCESS``.

    Parameters
    ----------
    luminosity
        Of each world [fb^-1], below the resonance.

    Raises
    ------
    OpenBFactoryError
        For a folder in use, or when a chunk fails.
    """
    machine = card_of(options.detector).machine
    samples = {f"{w}.{p}": max(2, round(machine.expected(p, luminosity[w] * world.factor(p), off_resonance=True)))
               for w, world in worlds.items() for p in CONTINUUM}
    chunks = world_chunks("knunu.off_resonance", ContinuumMaker(worlds), samples, options, chunk_size=chunk_size)
    return {world: columns_of([c for sample, made in chunks.items() if sample.startswith(f"{world}.") for c in made])
            for world in worlds}, samples


def judged(columns: Columns, models: tuple[FoldModel, ...]) -> Columns:
    """Columns with BDT2 and eta of a finished run, NaN below its cut on BDT1; folds by the number of the event."""
    found = {n: np.full(len(columns["event"]), np.nan) for n in ("BDT2", "eta")}
    for fold, model in enumerate(models):
        rows = columns["event"] % FOLDS == fold
        if rows.any():
            outputs = model.outputs(rows_of(columns, rows))
            for name, column in found.items():
                column[rows] = outputs[name]
    return columns | found
