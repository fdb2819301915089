"""Where tables of candidates come from: taus, B mesons and D0 mesons of a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from openbfactory.analyses.tau_mass.config import EVENT, Channel, TauMass
from openbfactory.analyses.tau_mass.tracks import TRUE, Tracks, tracks_of
from openbfactory.core.units import events_expected
from openbfactory.experiment import Machine, load_card
from openbfactory.generate import SAMPLES
from openbfactory.pipeline.candidates import Request, of_daughters
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.tables import (
    CandidateMaker,
    Execution,
    SampleSetting,
    SampleTable,
    candidate_tables,
    write_card,
)

#: tracks of each decay string as paths of daughters
TAU_TRACKS, D0_TRACKS, B_TRACKS = ("0.0", "0.1", "0.2", "1"), ("0.0", "0.1"), ("0.0", "0.1", "1")


@dataclass(frozen=True, slots=True)
class Source:
    """Where tables come from: configuration, card of the detector, execution, energy of the collisions.

    ``known`` is the card as it is believed to be, where it is not ``card``.
    """

    config: TauMass
    card: str
    run: Execution
    energy: Energy = field(default_factory=Energy)
    known: str = ""

    @property
    def machine(self) -> Machine:
        """The collider as it is believed to be."""
        return load_card(self.known or self.card).machine

    def at(self, folder: str) -> Source:
        """The same with another folder below."""
        return replace(self, run=replace(self.run, output=self.run.output / folder))

    def varied(self, folder: str, energy: Energy, detector: Mapping[str, Any] | None = None) -> Source:
        """The same with a changed detector or energy, in another folder below."""
        there = replace(self.at(folder), energy=energy)
        return replace(there, card=there.changed_card(detector=detector), known=self.card) if detector else there

    def changed_card(self, **sections: Mapping[str, Any] | None) -> str:
        """Path of a card, beside the tables, that differs from this one in some sections."""
        return write_card(self.card, self._beside("card.yaml"), sections)

    def _beside(self, name: str) -> Path:
        """Path of a file beside the tables."""
        return self.run.output.parent / f"{self.run.output.name}-{name}"

    def write(self, name: str, text: str) -> str:
        """Path of a file beside the tables; empty for no text."""
        if not text:
            return ""
        path = self._beside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path.resolve())

    def tables(self, request: Request, settings: dict[str, SampleSetting], sizes: dict[str, int],
               chunk: int) -> dict[str, SampleTable]:
        """Candidates of samples."""
        manifest = {"analysis": "tau_mass", "card": load_card(self.card).digest()}
        return candidate_tables("tau_mass", CandidateMaker(self.card, request, settings), sizes,
                                replace(self.run, chunk_size=chunk), manifest)

    def taus(self, events: int, decays: str = "", name: str = "taupair-edge") -> SampleTable:
        """Tau candidates of some pairs near the edge; samples of different names are independent."""
        file = self.write("decays.dec", decays) or None
        setting = SampleSetting("taupair-edge", energy=self.energy, decays=file, filter="tau-edge", known=False)
        return self.tables(tau_request(self.config), {name: setting}, {name: events}, self.config.chunk_size)[name]

    def others(self, luminosity: float) -> dict[str, SampleTable]:
        """Tau candidates of other processes with a luminosity in fb^-1."""
        names = self.config.generic_samples if luminosity else ()
        settings = {s: SampleSetting(s, energy=self.energy, filter="few-charged", known=False) for s in names}
        sizes = {s: round(self.machine.expected(s, luminosity)) for s in names}
        return self.tables(tau_request(self.config), settings, sizes, self.config.generic_chunk_size)

    def pairs(self, luminosity: float, most: int | None = None) -> int:
        """Number of pairs near the edge of a luminosity [fb^-1]; with ``most``, the same collisions as in so many."""
        number = round(events_expected(_pair_cross_section(self.known or self.card), luminosity))
        chunk = self.config.chunk_size
        return number if most is None else min(max(number // chunk, 1) * chunk, most)

    def luminosity(self, table: SampleTable) -> float:
        """Luminosity [fb^-1] that the collisions of a sample of pairs near the edge stand for."""
        return table.decays.tried / self.machine.expected("taupair", 1.0)

    def mesons(self, channel: Channel, tracks: tuple[str, ...], events: int, name: str) -> Tracks:
        """Candidates of a calibration channel; samples of different names are independent."""
        file = self.write("decays.dec", channel.decays) or None
        setting = SampleSetting(channel.sample, channel.parameters, self.energy, file, known=False)
        found = self.tables(channel.request(tracks), {name: setting}, {name: events}, 2000)[name]
        return tracks_of(found, len(tracks))


def tau_request(config: TauMass, *, true: bool = True) -> Request:
    """What is reconstructed of a tau candidate, with the true momenta of its pions if asked."""
    electron = [f"eop{i} = ifNANgiveX(daughter(0, daughter({i}, clusterEoP)), 0)" for i in range(3)]
    momenta = [v for q in TRUE for v in of_daughters(TAU_TRACKS[:3], q)] if true else []
    return config.tau.request(TAU_TRACKS, *electron, *momenta, *(f"{k} = {v}" for k, v in EVENT.items()))


@cache
def _pair_cross_section(card: str) -> float:
    """Cross section of the pairs near the edge, nb."""
    sample = SAMPLES["taupair-edge"]
    assert sample.cross_section is not None
    return sample.cross_section({p.name: p.default for p in sample.parameters}, load_card(card).machine)[0]
