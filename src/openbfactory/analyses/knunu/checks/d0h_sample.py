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

from openbfactory.events.record import Events
from openbfactory.generate import generate_events
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.embedding import clones_of, without_tracks
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.reconstruct.variables import BDT1_INPUTS
from openbfactory.simulate import simulate

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
    cards
        Card of each world.
    request
        Decay, cuts and what to rank the candidates by.
    clone_angle
        Tracks of equal charge so near [rad] to those of the D0 go with them.
    """

    cards: Mapping[str, str]
    request: Request
    clone_angle: float

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates; NaN for what the inclusive tag has not."""
        world, process = task.sample.split(".")
        card = card_of(self.cards[world])
        truth, _ = generate_events(process, task.events, task.address.at("generate"), card.machine, first=task.first)
        events = simulate(truth, card, task.address.at("simulate"))
        session, request = Reconstruction.of_card(events, card), self.request
        made = session.combine(request.decay, request.cut, cuts=request.cuts)
        session.rank(made, request.rank.removeprefix("-"), highest=not request.rank.startswith("-"), keep=1)
        columns = {n: c for n, c in made.table(request.variables).items() if not n.startswith("__")}
        tag = InclusiveTagConfig().model_copy(update={"magnetic_field": card.detector.field.value})
        passed = (columns["kaonID"] > tag.kaon_id_min) & (columns["hits"] >= tag.kaon_pxd_hits_min)
        view = made.view()
        tracks = np.stack([view.at(view.daughters(path)).track_rows() for path in PATHS], axis=1)
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
        moved = tracks + (here["Tracks"].offsets[:-1] - events["Tracks"].offsets[index])[:, None]
        gone = np.zeros(here["Tracks"].size, np.bool_)
        gone[moved[:, :2].ravel()] = True
        gone[clones_of(here["Tracks"], moved[:, :2], self.clone_angle)] = True
        gone[moved[:, 2]] = False
        return without_tracks(here, gone)
