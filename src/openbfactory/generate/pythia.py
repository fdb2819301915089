"""Pythia 8 as a source of columns: settings from data, addressed seeds, whole batches.

One instance is made for each list of settings and kept; its seed at
initialisation is fixed, and it is seeded anew for every batch.  Hard-process
maxima are found at initialisation and never raised later
(``PhaseSpace:increaseMaximum`` is off), so a batch depends on its settings and
its seed alone, not on the batches before it; a test shows that.  Starting an
instance costs about 0.1 s, seeding one costs nothing.

Events arrive as awkward arrays made inside Pythia (``nextBatch``), whose
columns are taken over: no loop over events or particles.
Masses of hadrons without a width in Pythia are those of the species table.
Approximation: the few events whose weight would exceed the maximum found at
initialisation (0.4 %, by 1 % in the mean) keep weight 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.core.errors import GenerationError
from openbfactory.core.quantities import Quantity
from openbfactory.physics.particles import species_table

Array = npt.NDArray[Any]

#: seed at initialisation, equal for all instances: it shapes the search for maxima only
INITIAL_SEED = 1
#: a batch gives up after this many attempts an event
ATTEMPTS = 3.0
#: events asked of Pythia at once: bounds the memory of full event records (4 kB an event)
PIECE = 10_000


class Setting(Config):
    """One setting of Pythia: name, value, source."""

    name: str
    value: str
    source: str = Field(min_length=1)

    @property
    def text(self) -> str:
        """The line that Pythia reads."""
        return f"{self.name} = {self.value}"


class Tunable(Config):
    """A setting of Pythia that a sample takes as a parameter: name, that of Pythia, default, limits, meaning."""

    name: str
    setting: str
    value: float
    low: float
    high: float
    meaning: str
    source: str = Field(min_length=1)


class Pair(Config):
    """A fermion pair: PDG code of the fermion and the smallest mass of the pair."""

    fermion: int = Field(gt=0)
    mass_min: Quantity


class PythiaData(Config):
    """The file ``data/pythia.yaml``: settings of all processes, with sources."""

    collision: tuple[Setting, ...]
    fragmentation: tuple[Setting, ...]
    tunable: tuple[Tunable, ...]
    decays: tuple[Setting, ...]
    pairs: dict[str, Pair]
    photon_min: Quantity


@dataclass(frozen=True, slots=True)
class Batch:
    """Final particles of Pythia events in the c.m. frame, as columns; the electron flies to +z.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Particles of event ``i`` are ``offsets[i]:offsets[i + 1]``.
    pdg, status : (size,) int32
        PDG code; Pythia's status code (43, 51, 63: shower and collinear photons, from 80: hadrons).
    px, py, pz, energy, mass : (size,) float64
        GeV.
    pair_mass : (n,) float64
        Mass of the fermion pair (the virtual photon after initial-state radiation), GeV.
    """

    offsets: Array
    pdg: Array
    status: Array
    px: Array
    py: Array
    pz: Array
    energy: Array
    mass: Array
    pair_mass: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def event_index(self) -> Array:
        """Event of each particle, (size,) int64."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))


@cache
def pythia_data() -> PythiaData:
    """Settings and constants of ``data/pythia.yaml``."""
    with as_file(files("openbfactory.generate") / "data" / "pythia.yaml") as path:
        return load(path, PythiaData)


def tuned(values: Mapping[str, float | str]) -> tuple[str, ...]:
    """Lines of the tunable settings whose values are not the defaults."""
    return tuple(f"{t.setting} = {float(values[t.name])!r}" for t in pythia_data().tunable
                 if t.name in values and float(values[t.name]) != t.value)


def pair_settings(name: str, sqrt_s: float) -> tuple[str, ...]:
    """Settings of e+e- -> gamma* -> fermion pair at ``sqrt_s`` [GeV], one line each."""
    data = pythia_data()
    pair = data.pairs[name]
    lines = [s.text for s in (*data.collision, *data.fragmentation)]
    return (*lines, f"Beams:eCM = {sqrt_s!r}", f"23:onIfAny = {pair.fermion}",
            f"23:mMin = {pair.mass_min.value!r}", f"PhaseSpace:mHatMin = {pair.mass_min.value!r}")


def batch(settings: tuple[str, ...], events: int, seed: int) -> Batch:
    """``events`` events of a process; the same settings and seed give the same events.

    Parameters
    ----------
    settings
        Lines as Pythia reads them.
    events
        Number of events.
    seed
        Integer in [1, 900000000], see :meth:`openbfactory.core.random.Address.pythia_seed`.

    Raises
    ------
    GenerationError
        When Pythia refuses a setting, does not start, or fails on too many events.
    """
    instance = pythia(settings)
    instance.rndm.init(seed)
    sizes = [min(PIECE, events - first) for first in range(0, events, PIECE)]
    try:
        pieces = [_final(instance.nextBatch(size, ATTEMPTS).layout) for size in sizes]
    except RuntimeError as problem:
        message = f"Pythia could not make {events} events in {ATTEMPTS:g} attempts each: {problem}"
        raise GenerationError(message) from None
    return _joined(pieces)


@lru_cache(maxsize=16)
def pythia(settings: tuple[str, ...]) -> Any:
    """An initialised instance of Pythia for the settings, kept for later calls.

    Raises
    ------
    GenerationError
        When Pythia refuses a setting or does not start.
    """
    import pythia8mc

    instance = pythia8mc.Pythia("", False)
    instance.readString("Print:quiet = on")
    refused = [s for s in settings if not instance.readString(s, False)]
    if refused:
        message = f"Pythia refuses the settings: {'; '.join(refused)}"
        raise GenerationError(message)
    _share_masses(instance)
    instance.readString("Random:setSeed = on")
    instance.readString(f"Random:seed = {INITIAL_SEED}")
    if not instance.init():
        message = f"Pythia does not start with the settings: {'; '.join(settings)}"
        raise GenerationError(message)
    return instance


def _share_masses(instance: Any) -> None:
    """Give the hadrons that Pythia takes as sharp the masses of the species table; wide ones keep their line shapes."""
    data = instance.particleData
    for entry in species_table().values():
        if entry.pdg > 0 and data.isHadron(entry.pdg) and data.mWidth(entry.pdg) == 0:
            data.m0(entry.pdg, entry.mass)


def _final(layout: Any) -> Batch:
    """Final particles in the awkward layout that ``nextBatch`` returns."""
    particles = layout.content("prt")
    record, momentum = particles.content, particles.content.content("p")
    final = np.asarray(record.content("status").data) > 0
    passed = np.concatenate([[0], np.cumsum(final)]).astype(np.int64)
    pdg, status, mass = (np.asarray(record.content(k).data)[final] for k in ("id", "status", "m"))
    px, py, pz, energy = (np.asarray(momentum.content(k).data)[final] for k in ("px", "py", "pz", "e"))
    pair_mass = np.asarray(layout.content("info").content("mHat").data)
    return Batch(passed[np.asarray(particles.offsets.data)], pdg, status, px, py, pz, energy, mass, pair_mass)


def _joined(pieces: list[Batch]) -> Batch:
    """One batch of several; an empty one of none."""
    if not pieces:
        whole, real = np.zeros(0, np.int32), np.zeros(0)
        return Batch(np.zeros(1, np.int64), whole, whole, real, real, real, real, real, real)
    if len(pieces) == 1:
        return pieces[0]
    counts = np.concatenate([np.diff(p.offsets) for p in pieces])
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Batch)}
    return Batch(**columns | {"offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)})
