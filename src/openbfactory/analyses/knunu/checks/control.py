"""Control samples of the inclusive tag in data and simulation: how much a check asks for, and their candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.control_sample import Columns, ControlMaker
from openbfactory.analyses.knunu.checks.worlds import World, corrected, world_chunks
from openbfactory.analyses.knunu.classifiers import models_digest
from openbfactory.analyses.knunu.config import BACKGROUNDS
from openbfactory.analyses.knunu.finished import source_run
from openbfactory.core.config import Config
from openbfactory.experiment import Machine, load_card
from openbfactory.pipeline.tables import columns_of


class Size(Config):
    """How much is made: luminosity of the data [fb^-1], and that of each simulated background in units of it."""

    luminosity: float = Field(gt=0)
    factors: dict[str, float]


class ControlConfig(Config):
    """What a check with control samples needs: sizes by preset, switches that the simulation is corrected for."""

    presets: dict[str, Size]
    corrected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """Control samples ``WORLD.PROCESS``.

    Attributes
    ----------
    size
        Luminosities.
    events, tables
        Events generated, and candidates, of each sample.
    source
        Folder of the finished run whose classifiers judged them.
    cards
        Cards of the worlds.
    """

    size: Size
    events: dict[str, int]
    tables: dict[str, Columns]
    source: Path
    cards: tuple[str, ...]


def sized(presets: Mapping[str, Size], options: RunOptions) -> Size:
    """Size of the preset that a user asks for, with the luminosity that the user gives.

    Raises
    ------
    UnknownNameError
        With the nearest preset.
    """
    size = preset_of(presets, options.preset)
    return size if options.luminosity is None else size.model_copy(update={"luminosity": options.luminosity})


def background_events(worlds: Mapping[str, World], machine: Machine, size: Size) -> dict[str, int]:
    """Events to generate of every background, of the data (with the rates of its world) and of the simulation."""
    found = {}
    for process in BACKGROUNDS:
        expected = machine.expected(process, size.luminosity)
        found[f"data.{process}"] = round(expected * worlds["data"].factor(process))
        found[f"simulation.{process}"] = round(expected * size.factors[process])
    return found


def control_samples(name: str, settings: ControlConfig, tracks: Iterable[str], options: RunOptions,
                    more: Mapping[str, int] | None = None) -> Control:
    """Candidates of all backgrounds in both worlds; finished chunks in the output folder are not made again.

    Parameters
    ----------
    name
        Name of the check.
    tracks
        Signal tracks, of :data:`.control_sample.TRACKS`.
    more
        Events of further samples ``WORLD.PROCESS``.

    Raises
    ------
    OpenBFactoryError
        Without a finished run of knunu, for a wrong sample or folder, or when a chunk fails.
    """
    size, source = sized(settings.presets, options), source_run(options).resolve()
    worlds = corrected(options.detector, settings.corrected)
    events = background_events(worlds, load_card(options.detector).machine, size) | dict(more or {})
    maker = ControlMaker(str(source), worlds, tuple(tracks))
    chunks = world_chunks(name, maker, events, options, classifiers=models_digest(source), tracks=list(maker.tracks))
    tables = {sample: columns_of(made) for sample, made in chunks.items()}
    return Control(size, events, tables, source, tuple(w.card for w in worlds.values()))
