"""Candidates of continuum below the resonance: the data-like world, the simulation, and what the classifiers say.

A :class:`World` is a card, parameters of the fragmentation and factors on the rates.  Every candidate after the
preselection is kept, so that shapes can be compared before any classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.config import CONTINUUM, FOLDS
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.pipeline.tables import chunk_tables, columns_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS

Array = npt.NDArray[Any]
Columns = dict[str, Array]

#: columns of a candidate
KEPT = tuple(dict.fromkeys(("q2_rec", *BDT1_INPUTS, *BDT2_INPUTS)))
#: sample of pairs of taus, whose fragmentation has no parameters
LEPTONS = ("taupair",)


@dataclass(frozen=True, slots=True)
class World:
    """A card, parameters of the fragmentation, factors on the events of a sample (1 where not named)."""

    card: str
    fragmentation: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)


def data_world() -> World:
    """The data-like world."""
    like = load_data_like()
    return World(like.card, {n: q.value for n, q in like.fragmentation.items()},
                 {n: q.value for n, q in like.rates.items()})


@dataclass(frozen=True, slots=True)
class ContinuumMaker:
    """Picklable function from a chunk task (sample ``WORLD.PROCESS``) to its table of candidates."""

    worlds: Mapping[str, World]

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        from openbfactory.generate import generate_events
        from openbfactory.simulate import simulate

        name, process = task.sample.split(".")
        world = self.worlds[name]
        card = card_of(world.card)
        machine = card.machine.at_off_resonance()
        truth, _ = generate_events(process, task.events, task.address.at("generate"), machine, first=task.first,
                                   settings=None if process in LEPTONS else dict(world.fragmentation))
        cuts = InclusiveTagConfig(magnetic_field=card.detector.field.value)
        table = reconstruct_inclusive_tag(simulate(truth, card, task.address.at("simulate")), machine, cuts)
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
    machine, maker = card_of(options.detector).machine, ContinuumMaker(worlds)
    samples = {f"{w}.{p}": max(2, round(machine.expected(p, luminosity[w] * world.rates.get(p, 1.0),
                                                         off_resonance=True)))
               for w, world in worlds.items() for p in CONTINUUM}
    chunks = chunk_tables("knunu.off_resonance", maker, samples, options.execution(chunk_size=chunk_size), {
        "analysis": "knunu.off_resonance", "worlds": {k: asdict(v) for k, v in worlds.items()},
        "cards": {k: card_of(v.card).digest() for k, v in worlds.items()}})
    return {world: columns_of([c for sample, made in chunks.items() if sample.startswith(f"{world}.") for c in made])
            for world in worlds}, samples


def judged(columns: Columns, models: tuple[FoldModel, ...]) -> Columns:
    """Columns with BDT2 and eta of a finished run, NaN below its cut on BDT1; folds by the number of the event."""
    found = {n: np.full(len(columns["event"]), np.nan) for n in ("BDT2", "eta")}
    for fold, model in enumerate(models):
        rows = columns["event"] % FOLDS == fold
        if rows.any():
            outputs = model.outputs({n: c[rows] for n, c in columns.items()})
            for name, column in found.items():
                column[rows] = outputs[name]
    return columns | found
