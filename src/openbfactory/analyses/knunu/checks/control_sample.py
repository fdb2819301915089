"""Chunks of control samples: another signal track, judged by the classifiers of a finished run.

Every event is seen once for each signal track (pion, electron, muon), with the mass of a kaon, as the classifiers
learned it; ``q2_rec`` has the mass of the track itself.  Candidates above the cut on the first classifier are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses.knunu.checks.worlds import World, klong_of_charm
from openbfactory.analyses.knunu.classifiers import models_of
from openbfactory.analyses.knunu.config import B_PAIRS, FOLDS
from openbfactory.analyses.knunu.training import FoldModel
from openbfactory.events.record import Events
from openbfactory.experiment import Machine
from openbfactory.physics.particles import species
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag

Array = npt.NDArray[Any]
Columns = dict[str, Array]

#: particle of each signal track
TRACKS = {"pion": "pi+", "electron": "e-", "muon": "mu-"}


@dataclass(frozen=True, slots=True)
class ControlMaker:
    """Picklable function from a chunk task (sample ``WORLD.PROCESS``) to its table of candidates.

    Attributes
    ----------
    run
        Folder of the finished run whose classifiers judge.
    worlds
        World of each name.
    tracks
        Signal tracks, of :data:`TRACKS`.
    """

    run: str
    worlds: Mapping[str, World]
    tracks: tuple[str, ...]

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of the chunk."""
        name, process = task.sample.split(".")
        world = self.worlds[name]
        card, events = world.loaded, world.events(process, task)
        model, field = models_of(self.run)[task.index % FOLDS], card.detector.field.value
        parts = [_seen(events, track, card.machine, field, model) for track in self.tracks]
        columns = {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}
        found = klong_of_charm(events) if process in B_PAIRS else np.zeros(len(events), bool)
        columns["klong"] = found[np.searchsorted(events.event, columns["event"])]
        return pa.table(columns), {"events": task.events}


def _seen(events: Events, track: str, machine: Machine, magnetic_field: float, model: FoldModel) -> Columns:
    """Candidates with one signal track above the cut on the first classifier."""
    cuts = InclusiveTagConfig.model_validate({"signal_track": track, "signal_mass": "kaon",
                                              "magnetic_field": magnetic_field})
    table = reconstruct_inclusive_tag(events, machine, cuts)
    outputs = model.outputs(table.columns) if len(table) else {"BDT2": np.zeros(0), "eta": np.zeros(0)}
    above = np.isfinite(outputs["BDT2"])
    columns = {n: table.columns[n][above] for n in ("mcIsSignal", "mcKaonPDG", "mcQ2")}
    mass, s = species(TRACKS[track]).mass, machine.sqrt_s**2
    q2 = s / 4 + mass**2 - np.sqrt(s) * np.hypot(table.columns["pCMS"], mass)
    return {"event": table.event[above], "track": np.full(int(above.sum()), list(TRACKS).index(track), np.int8),
            "q2_rec": q2[above].astype(np.float32), "eta": outputs["eta"][above].astype(np.float32), **columns}
