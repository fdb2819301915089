"""One chunk of a sample: collisions to rows of selected candidates.

The chunk is made in memory; what leaves it is a table with one row a candidate
(32-bit columns) and a small summary: cutflow, decay models that fell back, and
for the signal the histogram of the generated q2.  Candidates of background
samples whose event holds the signal decay are left out: it is in the decay file
as well, and the signal sample stands for it.

A chunk after the pilot holds only the candidates above the cut on the first
classifier (some 2 % of the background): disk and memory stay small, and the
second classifier has all of them to learn from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from openbfactory.analyses.knunu.config import FOLDS, SIGNAL
from openbfactory.analyses.knunu.training import FirstStage
from openbfactory.experiment import Card
from openbfactory.generate import generate_events
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.reconstruct.truth import generated_q2
from openbfactory.simulate import simulate

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
    """

    detector: str
    tag: InclusiveTagConfig
    off_resonance: tuple[str, ...]
    first: tuple[FirstStage, ...] | None = None

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        card = _card(self.detector, task.sample in self.off_resonance)
        process = task.sample.removesuffix("_off")
        truth, counts = generate_events(process, task.events, task.address.at("generate"), card.machine,
                                        first=task.first)
        detected = simulate(truth, card, task.address.at("simulate"))
        tag = self.tag.model_copy(update={"magnetic_field": card.detector.field.value})
        candidates = reconstruct_inclusive_tag(detected, card.machine, tag)
        q2 = generated_q2(truth)
        summary = {
            "events": task.events,
            "cutflow": [[step, value] for step, value in candidates.cutflow.items()],
            "decays": asdict(counts),
            "q2": np.histogram(q2[np.isfinite(q2)], bins=Q2_EDGES)[0].tolist(),
        }
        columns = {"event": candidates.event, **{n: _narrow(c) for n, c in candidates.columns.items()}}
        keep = np.ones(len(candidates), bool) if process == SIGNAL else ~np.isfinite(columns["mcQ2"])
        if self.first is not None:
            keep &= self.first[task.index % FOLDS].passes(columns)
        return pa.table({n: c[keep] for n, c in columns.items()}), summary


def _narrow(column: np.ndarray) -> np.ndarray:
    """The column with 32 bits."""
    return column.astype(np.float32 if column.dtype.kind == "f" else np.int32)


def _card(detector: str, off_resonance: bool) -> Card:
    """Card of a name, with the machine at the off-resonance energy where asked."""
    card = card_of(detector)
    return card.model_copy(update={"machine": card.machine.at_off_resonance()}) if off_resonance else card
