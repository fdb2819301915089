"""Chunks of B+ -> anti-D0(K+ pi-) h+: the energy difference, the h, and the inclusive tag of the event without the D0.

Samples are ``WORLD.PROCESS``.  One candidate an event, that with the D0 mass nearest to the known one.  Where the h
passes the identification of the signal kaon the tracks of the D0 (and their clones) are taken out and the event goes
through the inclusive tag, as if the D0 were two neutrinos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses.knunu.checks.worlds import World
from openbfactory.events.record import Events
from openbfactory.pipeline.candidates import Request, best_candidates
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.embedding import clones_of, taken_rows, without_tracks
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.reconstruct.variables import BDT1_INPUTS

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

#: variables of a candidate, and those of the event without the D0
VARIABLES = ("deltaE = deltaE", "kaonID = daughter(1, kaonID)", "hits = daughter(1, nPXDHits)", "p = daughter(1, p)",
             "cosTheta = daughter(1, cosTheta)", "code = daughter(1, mcPDG)", "mother = daughter(1, genMotherPDG)",
             "charm = daughter(0, isSignal)", "origin = daughter(0, genMotherPDG)")
REST = ("q2_rec", *(n for n in BDT1_INPUTS if n != "q2_rec"))
#: tracks of the D0, then the h
PATHS = ((0, 0), (0, 1), (1,))


@dataclass(frozen=True, slots=True)
class D0hMaker:
    """Picklable function from a chunk task to its table of candidates.

    Attributes
    ----------
    worlds
        World of each name.
    request
        Decay, cuts and what to rank the candidates by.
    clone_angle
        Tracks of equal charge so near [rad] to those of the D0 go with them.
    """

    worlds: Mapping[str, World]
    request: Request
    clone_angle: float

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates; NaN for what the inclusive tag has not."""
        world, process = task.sample.split(".")
        card, events = self.worlds[world].loaded, self.worlds[world].events(process, task)
        _, made = best_candidates(events, card, self.request)
        columns = {n: c for n, c in made.table(self.request.variables).items() if not n.startswith("__")}
        tag = InclusiveTagConfig().model_copy(update={"magnetic_field": card.detector.field.value})
        passed = (columns["kaonID"] > tag.kaon_id_min) & (columns["hits"] >= tag.kaon_pxd_hits_min)
        tracks = made.tracks(*PATHS)
        rest = {name: np.full(len(made), np.nan) for name in REST}
        chosen = np.flatnonzero(passed)
        left = self._without_charm(events, made.event[chosen], tracks[chosen])
        table = reconstruct_inclusive_tag(left, card.machine, tag)
        place = {int(e): k for k, e in zip(chosen, left.event, strict=True)}
        rows = np.array([place[int(e)] for e in table.event], np.int64)
        same = np.isclose(table.columns["p"], columns["p"][rows], rtol=1e-3)  # the h is the signal track of the tag
        for name in REST:
            rest[name][rows[same]] = table.columns[name][same]
        kept = {n: np.asarray(c, np.float32) for n, c in {**columns, **rest, "passed": passed}.items()}
        return pa.table(kept), {"events": task.events}

    def _without_charm(self, events: Events, index: Index, tracks: Index) -> Events:
        """Some events without the two tracks of the D0 and their clones."""
        here = events.take(index)
        moved = taken_rows(here, events, index, tracks)
        gone = np.zeros(here["Tracks"].size, np.bool_)
        gone[moved[:, :2].ravel()] = True
        gone[clones_of(here["Tracks"], moved[:, :2], self.clone_angle)] = True
        gone[moved[:, 2]] = False
        return without_tracks(here, gone)
