"""One chunk of a sample: collisions to rows of selected candidates.

The chunk is made in memory; what leaves it is a table with one row a candidate
(32-bit columns) and a small summary: cutflow, decay models that fell back, and
for the signal the histogram of the generated q2.  Candidates of background
samples whose event holds the signal decay are left out: it is in the decay file
as well, and the signal sample stands for it.

A chunk after the pilot holds only the candidates above the cut on the first
classifier (some 2 % of the background): disk and memory stay small, and the
second classifier has all of them to learn from.

With a model (:mod:`openbfactory.analyses.knunu.modelling`) candidates have the columns ``weight`` and, for every
variation that their sample can have, ``NAME_up`` and ``NAME_down``; and ``variation``, 0 for the nominal reconstruction
and k for candidates of the same events in the k-th detector-level variation
(:data:`openbfactory.analyses.knunu.variations.VARIATIONS`), which some of the chunks have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses.knunu.config import FOLDS, SIGNAL
from openbfactory.analyses.knunu.modelling import (
    EventWeights,
    Modelling,
    candidate_weights,
    event_weights,
    vary_tracking,
)
from openbfactory.analyses.knunu.training import FirstStage
from openbfactory.analyses.knunu.variations import cluster_energies, is_varied
from openbfactory.events.record import Events
from openbfactory.experiment import Card
from openbfactory.generate import generate_events
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import CandidateTable, reconstruct_with_energies
from openbfactory.reconstruct.truth import generated_q2
from openbfactory.reconstruct.variables import BDT1_INPUTS
from openbfactory.simulate import simulate

Array = npt.NDArray[Any]

#: edges of the generated q2 in the efficiency figure [GeV^2]
Q2_EDGES = tuple(float(q) for q in range(24))


@dataclass(frozen=True, slots=True)
class ChunkMaker:
    """Picklable function from a chunk task to its table and summary.

    Attributes
    ----------
    detector, tag
        Card and cuts.
    off_resonance
        Names of the samples below the resonance.
    first
        First classifier of each fold with its cut, None to keep every candidate.
    modelling
        Weights and variations of simulated events; None for events as they are made, of weight 1.
    """

    detector: str
    tag: InclusiveTagConfig
    off_resonance: tuple[str, ...]
    first: tuple[FirstStage, ...] | None = None
    modelling: Modelling | None = None

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        card = _card(self.detector, task.sample in self.off_resonance)
        process = task.sample.removesuffix("_off")
        truth, counts = generate_events(process, task.events, task.address.at("generate"), card.machine,
                                        first=task.first)
        detected = simulate(truth, card, task.address.at("simulate"))
        tag = self.tag.model_copy(update={"magnetic_field": card.detector.field.value})
        weights, energies = self._modelled(task, process, truth, detected, tag)
        keep = None if self.first is None else _Passing(self.first[task.index % FOLDS])
        tables = reconstruct_with_energies(detected, card.machine, tag, energies, keep=keep)
        parts = [self._rows(task, process, table, weights, k) for k, table in enumerate(tables)]
        q2 = generated_q2(truth)
        summary = {
            "events": task.events,
            "cutflow": [[step, value] for step, value in tables[0].cutflow.items()],
            "decays": asdict(counts),
            "q2": np.histogram(q2[np.isfinite(q2)], bins=Q2_EDGES)[0].tolist(),
            "weights": weight_summary(weights),
            "candidates": [len(part["event"]) for part in parts],
        }
        return pa.table({n: np.concatenate([p[n] for p in parts]) for n in parts[0]}), summary

    def _modelled(self, task: ChunkTask, process: str, truth: Events, detected: Events,
                  tag: InclusiveTagConfig) -> tuple[EventWeights, list[Array | None]]:
        """Weights of all events, and the cluster energies of every reconstruction."""
        if self.modelling is None:
            return EventWeights(len(truth)), [None]
        weights = event_weights(truth, process, self.modelling)
        vary_tracking(weights, detected, tag, self.modelling)
        model = self.modelling.detector
        return weights, [*cluster_energies(detected, task.address.at("modelling"), model,
                                           varied=is_varied(task.index, model))]

    def _rows(self, task: ChunkTask, process: str, table: CandidateTable, weights: EventWeights,
              variation: int) -> dict[str, Array]:
        """Columns of the candidates of one reconstruction that are written."""
        columns = {"event": table.event, **{n: _narrow(c) for n, c in table.columns.items()}}
        rows = table.event - task.first
        weighted = {n: c[rows] for n, c in weights.columns().items()}
        if self.modelling is not None:
            weighted = candidate_weights(weighted, columns, self.modelling)
        columns |= {n: _narrow(c) for n, c in weighted.items()}
        columns["variation"] = np.full(len(table), variation, np.int32)
        if process != SIGNAL:
            wanted = ~np.isfinite(columns["mcQ2"])
            columns = {n: c[wanted] for n, c in columns.items()}
        return columns


@dataclass(frozen=True, slots=True)
class _Passing:
    """Whether candidates pass a first classifier, from their columns as they are written."""

    first: FirstStage

    def __call__(self, columns: dict[str, Array]) -> Array:
        return self.first.passes({n: _narrow(columns[n]) for n in BDT1_INPUTS})


def weight_summary(weights: EventWeights) -> dict[str, list[float]]:
    """Sums over all events of a chunk: of the weight and its square, and of the weight times each variation."""
    found = {"weight": [float(weights.weight.sum()), float((weights.weight**2).sum())]}
    for name in dict.fromkeys(n.rpartition("_")[0] for n in weights.sides):
        found[name] = [float((weights.weight * weights.sides[f"{name}_{side}"]).sum()) for side in ("up", "down")]
    return found


def _narrow(column: Array) -> Array:
    """The column with 32 bits."""
    return column.astype(np.float32 if column.dtype.kind == "f" else np.int32)


def _card(detector: str, off_resonance: bool) -> Card:
    """Card of a name, with the machine at the off-resonance energy where asked."""
    card = card_of(detector)
    return card.model_copy(update={"machine": card.machine.at_off_resonance()}) if off_resonance else card
