"""Chunks of the embedding: B -> J/psi K with the kaon of B -> K nu nubar in its place, judged by classifiers.

Samples: ``data`` and ``simulation`` are control events (card of each) with kaons of the simulation embedded;
``signal-data`` and ``signal-simulation`` are genuine signal events of both cards, whose efficiency the embedded ones
must have.  Only signal kaons that pass the identification of the selection count, embedded or genuine, so that what
is compared is the rest of the event.

Approximation: no background to B -> J/psi K from other events (of the control sample 0.2 % are wrong candidates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses.knunu.checks.worlds import World
from openbfactory.analyses.knunu.classifiers import models_of
from openbfactory.analyses.knunu.config import FOLDS, SIGNAL
from openbfactory.events.record import Events
from openbfactory.experiment import Card
from openbfactory.physics.particles import species
from openbfactory.pipeline.candidates import Request, best_candidates
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.embedding import Mother, clones_of, embedded, moved_helices, taken_rows
from openbfactory.reconstruct.inclusive_tag import CandidateTable, reconstruct_inclusive_tag
from openbfactory.reconstruct.tracks import HELIX, KAON, track_list
from openbfactory.reconstruct.truth import match_signal

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

#: where genuine signal is made, and columns that are kept
GENUINE, KEPT = "signal-", ("q2_rec", "roeDeltae", "cosTBTO", "nTracks", "nPhotons", "missingMass2OfEvent")


@dataclass(frozen=True, slots=True)
class Control:
    """Control candidates, one an event: index of the event, rows of their tracks, momentum (n, 3), vertex, charge."""

    event: Index
    tracks: Index
    momentum: Array
    vertex: Array
    charge: Array


@dataclass(frozen=True, slots=True)
class EmbeddingMaker:
    """Picklable function from a chunk task to its table of judged candidates.

    Attributes
    ----------
    run
        Folder of the finished run whose classifiers judge.
    worlds
        ``data`` and ``simulation``.
    request
        Decay and cuts of the control sample; its tracks are the two muons, then the kaon.
    sample
        Name of the control sample.
    clone_angle
        Tracks of equal charge so near [rad] to those of the candidate go with them.
    """

    run: str
    worlds: Mapping[str, World]
    request: Request
    sample: str
    clone_angle: float

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates; the summary has the events, and the signal kaons that could have been selected."""
        world, genuine = self.worlds[task.sample.removeprefix(GENUINE)], task.sample.startswith(GENUINE)
        card = world.loaded
        signal = (world if genuine else self.worlds["simulation"]).events(SIGNAL, task, stage="signal/")
        tag = InclusiveTagConfig().model_copy(update={"magnetic_field": card.detector.field.value})
        rows = signal_kaons(signal, tag)
        if genuine:
            events = signal.take(signal["Tracks"].event_index()[rows])
        else:
            control = world.events(self.sample, task, stage="control/")
            found = control_candidates(control, card, self.request)
            events = embed(control, found, signal, rows, card, self.clone_angle)
        table = reconstruct_inclusive_tag(events, card.machine, tag)
        columns = self._judged(table, task.index)
        return pa.table(columns), {"events": task.events, "kaons": len(events)}

    def _judged(self, table: CandidateTable, index: int) -> dict[str, Array]:
        """Outputs of the classifiers of a fold and some variables of each candidate."""
        outputs = models_of(self.run)[index % FOLDS].outputs(table.columns)
        return {n: np.asarray(c, np.float32) for n, c in {**outputs, **{k: table.columns[k] for k in KEPT}}.items()}


def signal_kaons(signal: Events, tag: InclusiveTagConfig) -> Index:
    """Rows (n,) of true signal kaons among the tracks, one an event, that pass the identification of the selection."""
    tracks = signal["Tracks"]
    event = tracks.event_index()
    found = track_list(tracks, signal["PIDLikelihoods"], tag, np.zeros(3))
    good = match_signal(signal, event, np.arange(tracks.size))["mcIsSignal"].astype(bool) & found.good
    good &= (found.pid[:, KAON] > tag.kaon_id_min) & (found.nPXDHits >= tag.kaon_pxd_hits_min)
    rows = np.flatnonzero(good)
    return rows[np.unique(event[rows], return_index=True)[1]]


def control_candidates(events: Events, card: Card, request: Request) -> Control:
    """Candidates of the control sample, the best of each event, with a good vertex."""
    session, made = best_candidates(events, card, request)
    momentum = np.stack([made[n] for n in ("px", "py", "pz")], axis=1)
    session.fit(made, "vertex")
    good = made["chiProb"] > 0.0
    tracks, vertex = made.tracks((0, 0), (0, 1), (1,)), np.stack([made[n] for n in ("x", "y", "z")], axis=1)
    return Control(made.event[good], tracks[good], momentum[good], vertex[good], made["charge"][good])


def embed(events: Events, control: Control, signal: Events, kaons: Index, card: Card,
          clone_angle: float) -> Events:
    """Control events without their muons and clones, with signal kaons of equal charge in the place of theirs."""
    owner = signal["Tracks"]
    pairs = [_paired(np.flatnonzero(control.charge == c), kaons[owner["charge"][kaons] == c]) for c in (1, -1)]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    source = owner.event_index()[b]
    here, there = events.take(control.event[a]), signal.take(source)
    tracks = taken_rows(here, events, control.event[a], control.tracks[a])
    chosen = b - owner.offsets[source] + there["Tracks"].offsets[:-1]
    truth = there["MCParticles"]
    kaon = there["Tracks"]["mcIndex"][chosen] + truth.offsets[:-1]
    mother = truth["mother"][kaon] + truth.offsets[:-1]
    from_b = Mother(np.stack([truth[n][mother] for n in ("E", "px", "py", "pz")], axis=1),
                    np.stack([truth[n][kaon] for n in ("x", "y", "z")], axis=1))
    energy = np.sqrt(species("B+").mass ** 2 + np.sum(control.momentum[a] ** 2, axis=1))
    to_b = Mother(np.column_stack([energy, control.momentum[a]]), control.vertex[a])
    helix = np.stack([there["Tracks"][n][chosen] for n in HELIX], axis=1)
    moved = moved_helices(helix, species("K+").mass, from_b, to_b, card.detector.field.value)
    removed = np.concatenate([tracks[:, :2].ravel(), clones_of(here["Tracks"], tracks, clone_angle)])
    return embedded(here, tracks[:, 2], removed, there, chosen, *moved)


def _paired(a: Index, b: Index) -> tuple[Index, Index]:
    """As many of both as there are of the fewer."""
    size = min(len(a), len(b))
    return a[:size], b[:size]
