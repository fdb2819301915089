"""Tables of candidates: taus, B mesons and D0 mesons of a card, and the selection of taus."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from openbfactory.analyses.tau_mass.config import EVENT, Channel, Tau, TauMass, of_tracks
from openbfactory.experiment import Machine, load_card
from openbfactory.kinematics.pseudomass import in_centre_of_mass
from openbfactory.physics.particles import species
from openbfactory.pipeline.candidates import Request
from openbfactory.pipeline.generation import Energy
from openbfactory.pipeline.tables import CandidateMaker, Execution, SampleSetting, SampleTable, candidate_tables
from openbfactory.select.cuts import compile_cut

Array = npt.NDArray[np.float64]

#: true momenta of the pions of the tau
TRUE = ("mcPX", "mcPY", "mcPZ")
#: tracks of each decay string as paths of daughters
TAU_TRACKS, D0_TRACKS, B_TRACKS = ("0.0", "0.1", "0.2", "1"), ("0.0", "0.1"), ("0.0", "0.1", "1")


@dataclass(frozen=True, slots=True)
class Tracks:
    """Momenta (n, k, 3) [GeV] and charges (n, k) of the tracks of candidates, the event of each (n,), true momenta."""

    p: Array
    charge: Array
    event: Array
    true: Array | None = None

    def __len__(self) -> int:
        return len(self.p)

    def take(self, rows: npt.NDArray[Any]) -> Tracks:
        """Some of the candidates, by rows or mask."""
        return Tracks(self.p[rows], self.charge[rows], self.event[rows], None if self.true is None else self.true[rows])

    def p4(self, *names: str) -> Array:
        """Four-momenta (n, k, 4) with the masses of named particles."""
        masses = np.array([species(name).mass for name in names])
        energy = np.sqrt(np.sum(self.p**2, axis=2) + masses**2)
        return np.concatenate([energy[:, :, None], self.p], axis=2)


@dataclass(frozen=True, slots=True)
class Source:
    """Where tables come from: configuration, card of the detector, execution, energy of the collisions."""

    config: TauMass
    card: str
    run: Execution
    energy: Energy = field(default_factory=Energy)

    @property
    def machine(self) -> Machine:
        """The collider as it is believed to be."""
        return load_card(self.card).machine

    def at(self, folder: str) -> Source:
        """The same with another folder below."""
        return replace(self, run=replace(self.run, output=self.run.output / folder))

    def varied(self, folder: str, card: dict[str, dict[str, float]], energy: Energy) -> Source:
        """The same with a changed detector or energy, in another folder below."""
        there = replace(self.at(folder), energy=energy)
        if not card:
            return there
        below = str(Path(self.card).resolve()) if self.card.endswith((".yaml", ".yml")) else self.card
        path = there.write("card.yaml", yaml.safe_dump({"extends": below, "detector": card}))
        return replace(there, card=path)

    def write(self, name: str, text: str) -> str:
        """Path of a file beside the tables; empty for no text."""
        if not text:
            return ""
        path = self.run.output.parent / f"{self.run.output.name}-{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path.resolve())

    def tables(self, request: Request, settings: dict[str, SampleSetting], sizes: dict[str, int],
               chunk: int) -> dict[str, SampleTable]:
        """Candidates of samples."""
        manifest = {"analysis": "tau_mass", "card": load_card(self.card).digest()}
        return candidate_tables("tau_mass", CandidateMaker(self.card, request, settings), sizes,
                                replace(self.run, chunk_size=chunk), manifest)

    def taus(self, events: int, generic: float = 0.0, decays: str = "", name: str = "taupair",
             ) -> tuple[SampleTable, dict[str, SampleTable]]:
        """Tau candidates of some tau pairs, and of other processes with a luminosity in fb^-1."""
        machine, chosen = self.machine, self.config.tau
        electron = [f"eop{i} = ifNANgiveX(daughter(0, daughter({i}, clusterEoP)), 0)" for i in range(3)]
        true = [v for q in TRUE for v in of_tracks(TAU_TRACKS[:3], q)]
        request = chosen.request(TAU_TRACKS, *electron, *true, *(f"{k} = {v}" for k, v in EVENT.items()))
        file = self.write("decays.dec", decays) or None
        settings = {name: SampleSetting("taupair", energy=self.energy, decays=file, filter="tau-edge", known=False)}
        sizes = {name: events}
        if generic:
            settings |= {s: SampleSetting(s, energy=self.energy, filter="few-charged", known=False)
                         for s in self.config.generic_samples}
            sizes |= {s: round(machine.expected(s, generic)) for s in self.config.generic_samples}
        found = self.tables(request, settings, sizes, self.config.chunk_size)
        return found.pop(name), found

    def pairs(self, luminosity: float, most: int | None = None) -> int:
        """Number of tau pairs of a luminosity [fb^-1]; with ``most``, the same collisions as in so many."""
        number, chunk = round(self.machine.expected("taupair", luminosity)), self.config.chunk_size
        return number if most is None else min(max(number // chunk, 1) * chunk, most)

    def mesons(self, channel: Channel, tracks: tuple[str, ...], events: int, name: str) -> Tracks:
        """Candidates of a calibration channel; samples of different names are independent."""
        file = self.write("decays.dec", channel.decays) or None
        setting = SampleSetting(channel.sample, channel.parameters, self.energy, file, known=False)
        found = self.tables(channel.request(tracks), {name: setting}, {name: events}, 2000)[name]
        return tracks_of(found, len(tracks))


def tracks_of(table: SampleTable, count: int) -> Tracks:
    """Tracks of a table of candidates."""
    charge = np.stack([table[f"charge{k}"] for k in range(count)], axis=1)
    true = _vectors(table, TRUE, 3) if f"{TRUE[0]}0" in table.columns else None
    return Tracks(_vectors(table, ("px", "py", "pz"), count), charge, table["__event__"], true)


def _vectors(table: SampleTable, names: tuple[str, ...], count: int) -> Array:
    """Vectors (n, count, 3) of numbered columns."""
    found: Array = np.stack([np.stack([table[f"{c}{k}"] for c in names], axis=1) for k in range(count)], axis=1)
    return found.astype(np.float64)


def selected(table: SampleTable, chosen: Tau, machine: Machine, *, trigger: bool = True) -> Tracks:
    """The three pions of the taus that pass the selection, and the trigger if asked.

    ``aligned`` is 1 where the pions are on one side of the plane across the thrust axis and the other track is on the
    other, ``electron`` the largest E/p of the pions, ``neutral`` the energy on their side that is not theirs,
    ``tag_mass`` the mass of the other side [GeV, c.m.].
    """
    tracks = tracks_of(table, 4)
    p4 = tracks.p4("pi+", "pi+", "pi+", "pi+")
    star = np.stack([in_centre_of_mass(p4[:, k], machine.p4) for k in range(4)], axis=1)
    axis = np.stack([table[f"axis_{c}"] for c in "xyz"], axis=1)
    along = np.einsum("nkc,nc->nk", star[:, :, 1:], axis)
    forward = along[:, 0] > 0
    same = np.where(forward[:, None], along > 0, along < 0)
    columns = dict(table.columns) | {
        "aligned": (same[:, :3].all(axis=1) & ~same[:, 3]).astype(np.float64),
        "electron": np.max([table[f"eop{k}"] for k in range(3)], axis=0),
        "neutral": np.where(forward, table["forward_energy"], table["backward_energy"]) - star[:, :3, 0].sum(axis=1),
        "tag_mass": np.where(forward, table["backward_mass"], table["forward_mass"])}
    cuts = [chosen.selection, chosen.trigger] if trigger else [chosen.selection]
    keep = np.logical_and.reduce([compile_cut(cut)(columns) for cut in cuts])
    kept = tracks.take(keep)
    return replace(kept, p=kept.p[:, :3], charge=kept.charge[:, :3])
