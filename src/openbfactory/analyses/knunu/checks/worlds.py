"""Worlds: simulated "data" that differ from the simulation by planted amounts, and the simulation.

A :class:`World` is a card with some switches changed, parameters of the fragmentation of quark pairs, factors on the
rates of samples, and the factor on events in which a D meson of a B decay makes a K_L.  That factor f is planted
without weights: f times the events are generated, and of those without such a decay every f-th is kept.

Approximation: an event counts once, however many D mesons make a K_L.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from openbfactory.analyses import RunOptions
from openbfactory.analyses.knunu.config import B_PAIRS, CONTINUUM
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.analyses.knunu.modelling import CHARM, K_LONG
from openbfactory.events.record import Events
from openbfactory.experiment import Card
from openbfactory.generate.truthdecays import count_decays_with
from openbfactory.pipeline.chunks import ChunkTask, card_of
from openbfactory.pipeline.tables import chunk_tables

#: samples whose fragmentation has parameters
QUARKS = tuple(p for p in CONTINUUM if p != "taupair")
#: tables of the chunks of a sample, with their summaries
Chunks = list[tuple[pa.Table, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class World:
    """A card, switches changed in it, fragmentation, factors on rates (1 where not named) and on D -> K_L X."""

    card: str
    switches: Mapping[str, float] = field(default_factory=dict)
    fragmentation: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    klong: float = 1.0

    @property
    def loaded(self) -> Card:
        """The card with its changed switches."""
        card = card_of(self.card)
        switches = card.detector.switches.model_copy(update=dict(self.switches))
        return card.model_copy(update={"detector": card.detector.model_copy(update={"switches": switches})})

    def factor(self, process: str) -> float:
        """Factor on the events to generate of a process."""
        return self.klong if process in B_PAIRS else self.rates.get(process, 1.0)

    def events(self, process: str, task: ChunkTask, *, off_resonance: bool = False, stage: str = "") -> Events:
        """Events of a chunk in the detector; those of another ``stage`` are independent."""
        from openbfactory.generate import generate_events
        from openbfactory.simulate import simulate

        card, address = self.loaded, task.address
        machine = card.machine.at_off_resonance() if off_resonance else card.machine
        settings = dict(self.fragmentation) if process in QUARKS else None
        truth, _ = generate_events(process, task.events, address.at(f"{stage}generate"), machine, first=task.first,
                                   settings=settings)
        if process in B_PAIRS and self.klong != 1.0:
            few = address.at(f"{stage}thin").generator().random(len(truth)) < 1.0 / self.klong
            truth = truth.take(np.flatnonzero(klong_of_charm(truth) | few))
        return simulate(truth, card, address.at(f"{stage}simulate"))


def klong_of_charm(events: Events) -> npt.NDArray[np.bool_]:
    """Events (n,) with a K_L among the descendants of a D0, D+ or D_s+."""
    return count_decays_with(events["MCParticles"], K_LONG, CHARM) > 0


def of_cards(simulation: str) -> dict[str, World]:
    """The card of the data and that of the simulation, and nothing else changed."""
    return {"data": World(load_data_like().card), "simulation": World(simulation)}


def of_continuum() -> World:
    """The data in their continuum: card, fragmentation, rates."""
    like = load_data_like()
    return World(like.card, fragmentation={n: q.value for n, q in like.fragmentation.items()},
                 rates={n: q.value for n, q in like.rates.items()})


def corrected(simulation: str, switches: Iterable[str]) -> dict[str, World]:
    """The data with their rates and K_L of charm, and the simulation with some switches at their value in the data.

    These are what other checks measure and the simulation is corrected for.
    """
    like = load_data_like()
    there = card_of(like.card).detector.switches
    return {"data": World(like.card, rates={n: q.value for n, q in like.rates.items()},
                          klong=like.klong_from_charm.value),
            "simulation": World(simulation, {name: getattr(there, name) for name in switches})}


class WorldMaker(Protocol):
    """Picklable function from a chunk task to its table of candidates, for samples of some worlds."""

    @property
    def worlds(self) -> Mapping[str, World]:
        """World of each name."""

    def __call__(self, task: ChunkTask) -> tuple[pa.Table, dict[str, Any]]:
        """Table of candidates and summary of a chunk."""


def world_chunks(name: str, maker: WorldMaker, samples: Mapping[str, int], options: RunOptions, folder: str = "",
                 chunk_size: int | None = None, **manifest: Any) -> dict[str, Chunks]:
    """Chunks of every sample; finished ones in the folder of the run are not made again.

    Parameters
    ----------
    samples
        Events of each sample.
    folder
        Folder of the chunks below that of the run.
    manifest
        What else decides what is made, besides worlds, samples and seed.

    Raises
    ------
    OpenBFactoryError
        For a wrong sample or folder, or when a chunk fails.
    """
    worlds = {k: asdict(w) | {"card": card_of(w.card).digest()} for k, w in maker.worlds.items()}
    return chunk_tables(name, maker, samples, options.execution(folder, chunk_size),
                        {"analysis": name, "worlds": worlds, **manifest})
