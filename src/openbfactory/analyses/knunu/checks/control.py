"""Control samples of the inclusive tag: another signal track, judged by the classifiers of a finished run.

Every event is seen once for each signal track (pion, electron, muon), with the mass of a kaon, as the classifiers
learned it; ``q2_rec`` has the mass of the track itself.  Candidates above the cut on the first classifier are kept.

A :class:`World` is a card with some switches changed and a factor on the rate of events in which a D meson of a B
decay makes a K_L.  That factor f is planted without weights: f times the events are generated, and of those without
such a decay every f-th is kept.

Approximation: an event counts once, however many D mesons make a K_L.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.classifiers import models_digest, models_of
from openbfactory.analyses.knunu.config import B_PAIRS, BACKGROUNDS, FOLDS
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.analyses.knunu.modelling import CHARM, K_LONG
from openbfactory.core.config import Config
from openbfactory.experiment import Machine
from openbfactory.generate.truthdecays import count_decays_with
from openbfactory.physics.particles import species
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.pipeline.tables import chunk_tables, columns_of
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag

if TYPE_CHECKING:
    from openbfactory.analyses.knunu.training import FoldModel
    from openbfactory.events.record import Events

Array = npt.NDArray[Any]
Columns = dict[str, Array]

#: particle of each signal track
TRACKS = {"pion": "pi+", "electron": "e-", "muon": "mu-"}


@dataclass(frozen=True, slots=True)
class World:
    """A card, switches that are changed in it, and the factor on events with D -> K_L X (of B decays)."""

    card: str
    switches: Mapping[str, float] = field(default_factory=dict)
    klong: float = 1.0


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
        from openbfactory.generate import generate_events
        from openbfactory.simulate import simulate

        name, process = task.sample.split(".")
        world, card = self.worlds[name], card_of(self.worlds[name].card)
        switches = card.detector.switches.model_copy(update=dict(world.switches))
        card = card.model_copy(update={"detector": card.detector.model_copy(update={"switches": switches})})
        truth, _ = generate_events(process, task.events, task.address.at("generate"), card.machine, first=task.first)
        if process in B_PAIRS and world.klong != 1.0:
            few = task.address.at("thin").generator().random(len(truth)) < 1.0 / world.klong
            truth = truth.take(np.flatnonzero(klong_of_charm(truth) | few))
        model, detected = models_of(self.run)[task.index % FOLDS], simulate(truth, card, task.address.at("simulate"))
        found = klong_of_charm(truth) if process in B_PAIRS else np.zeros(len(truth), bool)
        parts = [self._seen(detected, track, card.machine, card.detector.field.value, model) for track in self.tracks]
        columns = {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}
        columns["klong"] = found[np.searchsorted(truth.event, columns["event"])]
        return pa.table(columns), {"events": task.events}

    @staticmethod
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


def klong_of_charm(events: Events) -> npt.NDArray[np.bool_]:
    """Events (n,) with a K_L among the descendants of a D0, D+ or D_s+."""
    return count_decays_with(events["MCParticles"], K_LONG, CHARM) > 0


class Size(Config):
    """How much is made: luminosity of the data [fb^-1], and that of each simulated background in units of it."""

    luminosity: float = Field(gt=0)
    factors: dict[str, float]


def sized(presets: Mapping[str, Size], options: RunOptions) -> Size:
    """Size of the preset that a user asks for, with the luminosity that the user gives.

    Raises
    ------
    UnknownNameError
        With the nearest preset.
    """
    size = preset_of(presets, options.preset)
    return size if options.luminosity is None else size.model_copy(update={"luminosity": options.luminosity})


def two_worlds(simulation: str, corrected: Iterable[str]) -> dict[str, World]:
    """The data-like world, and the simulation of a card with the switches ``corrected`` at their value in the data.

    These are what other modules measure and the simulation is corrected for.
    """
    like = load_data_like()
    switches = card_of(like.card).detector.switches
    return {"data": World(like.card, klong=like.klong_from_charm.value),
            "simulation": World(simulation, {name: getattr(switches, name) for name in corrected})}


def background_events(machine: Machine, size: Size) -> dict[str, int]:
    """Events to generate of every background, of the data (with the rates of its world) and of the simulation."""
    like, found = load_data_like(), {}
    for process in BACKGROUNDS:
        expected = machine.expected(process, size.luminosity)
        rate = like.klong_from_charm.value if process in B_PAIRS else like.rates[process].value
        found[f"data.{process}"] = round(expected * rate)
        found[f"simulation.{process}"] = round(expected * size.factors[process])
    return found


def control_samples(name: str, maker: ControlMaker, samples: Mapping[str, int], options: RunOptions,
                    manifest: Mapping[str, Any]) -> dict[str, Columns]:
    """Candidates of every sample ``WORLD.PROCESS``; finished chunks in the output folder are not made again.

    Raises
    ------
    OpenBFactoryError
        For a wrong sample or folder, or when a chunk fails.
    """
    whole = {**manifest, "classifiers": models_digest(Path(maker.run)), "tracks": list(maker.tracks),
             "worlds": {k: asdict(v) for k, v in maker.worlds.items()},
             "cards": {k: card_of(v.card).digest() for k, v in maker.worlds.items()}}
    return {sample: columns_of(chunks) for sample, chunks in chunk_tables(
        name, maker, samples, options.execution(), whole).items()}
