"""Event files made by the stages: generate into a file, simulate a file.

Chunks are made in parallel and appended in their order, so that the file is the
same for any number of workers; memory is bounded by the chunks in flight.  The
addresses are those of a whole run: ``obf generate`` and then ``obf simulate``
give the events that ``obf run`` makes in memory from the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError, EventFileError
from openbfactory.core.random import Address
from openbfactory.events import Events, count, iterate, metadata, open_writer
from openbfactory.events.files import format_of
from openbfactory.experiment.machine import Machine
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask, card_of, plan
from openbfactory.pipeline.engines import open_engine
from openbfactory.pipeline.progress import Progress

#: makes the events of a chunk, and a record that adds up over chunks
EventFunction = Callable[[ChunkTask], tuple[Events, Any]]
#: seed of a simulation where neither the user nor the file gives one
DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of the collisions: that of the card, or changed.

    Attributes
    ----------
    off_resonance
        Whether the beams run at the off-resonance energy of the card.
    shift
        Further change of sqrt(s) [GeV].
    fixed
        Whether every collision has the nominal energy, without spread and initial-state radiation.
    """

    off_resonance: bool = False
    shift: float = 0.0
    fixed: bool = False

    def of(self, machine: Machine) -> Machine:
        """The machine that runs so."""
        moved = (machine.at_off_resonance() if self.off_resonance else machine).at_energy_shift(self.shift)
        return moved.at_fixed_energy() if self.fixed else moved

    def header(self) -> dict[str, Any]:
        """Entries for the head of a file: what differs from the card."""
        return {f"energy_{k}": getattr(self, k) for k in ("off_resonance", "shift", "fixed") if getattr(self, k)}


@dataclass(frozen=True, slots=True)
class GenerateChunk:
    """Picklable function from a chunk task to its generated events and decay counts."""

    card: str
    decay_file: str | None
    decays: str | None
    settings: tuple[tuple[str, float | str], ...] = ()
    energy: Energy = Energy()
    reweight: tuple[str, ...] = ()
    fallback: bool = False

    def __call__(self, task: ChunkTask) -> tuple[Events, Any]:
        """Events and decay counts of a chunk; the first one fails when a decay of the user's file cannot be reached."""
        from openbfactory.generate import generate_events, reweighted, unused_decays

        events, counts = generate_events(task.sample, task.events, task.address.at("generate"),
                                         self.energy.of(card_of(self.card).machine), first=task.first,
                                         decay_file=self.decay_file, decays=self.decays, settings=dict(self.settings),
                                         fallback=self.fallback)
        if task.index == 0:
            unused_decays(counts, str(self.decays), task.events).raise_if_errors(DecayFileError)
        return reweighted(events, self.reweight) if self.reweight else events, counts


def generate_file(sample: str, events: int, seed: int, output: str | Path, *, workers: int = 0,
                  scheduler: str | None = None, card: str = "belle2", decay_file: str | Path | None = None,
                  decays: str | Path | None = None, settings: Mapping[str, float | str] | None = None,
                  energy: Energy | None = None, reweight: Sequence[str] = (), fallback: bool = False,
                  chunk_size: int = CHUNK_SIZE,
                  progress: Progress | None = None) -> Any:
    """Decay counts of a sample that is generated into an event file.

    Parameters
    ----------
    sample
        Name of the sample; see ``obf list samples``.
    output
        Event file; the suffix says the format.
    card
        Name or path of the card whose machine collides.
    decay_file, decays
        Main decay file in the place of the packaged one; decays of the user on top of it.
    settings
        Values of parameters of the sample by name.
    energy
        Energy of the collisions where it is not that of the card.
    reweight
        Names of reweightings whose columns are written into ``MCWeights``; see ``obf list reweightings``.
    fallback
        Whether channels of the user's decay files without their model decay by phase space; they are counted.

    Raises
    ------
    OpenBFactoryError
        For a wrong name, parameter, decay file, card or output, and for a decay of the user's file that the first
        chunk shows to be out of reach; nothing is left of the file.
    DecayFileError
        Also when all events are made and a decay that should have come is not among them; the file stays.
    """
    from openbfactory.core.registry import lookup
    from openbfactory.experiment import load_card
    from openbfactory.generate import SAMPLES, check_reweightings, settled, unused_decays

    values = settled(sample, lookup("samples", sample, SAMPLES).parameters, settings)
    energy = energy or Energy()
    energy.of(load_card(card).machine)
    if reweight:
        check_reweightings(reweight, sample, decay_file=decay_file, decays=decays, settings=settings)
        _check_output(output, "weight columns")
    function = GenerateChunk(card, _absolute(decay_file), _absolute(decays), tuple(values.items()), energy,
                             tuple(reweight), fallback)
    weights: dict[str, Any] = {"reweight": list(reweight)} if reweight else {}
    header = {"sample": sample, "seed": seed, "card": Path(card).name, **energy.header(), **weights,
              **{f"set_{k}": values[k] for k in settings or {}}}
    counts = write_chunks(function, plan({sample: events}, seed, chunk_size), output, workers=workers,
                          scheduler=scheduler, header=header, progress=progress)
    if counts is not None:
        unused_decays(counts, str(decays), events).raise_if_errors(DecayFileError)
    return counts


def _absolute(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).resolve())


def write_chunks(function: EventFunction, tasks: tuple[ChunkTask, ...], output: str | Path, *, workers: int = 0,
                 scheduler: str | None = None, header: dict[str, Any] | None = None,
                 progress: Progress | None = None) -> Any:
    """Sum of the records of all chunks, whose events are appended to a file in the order of the tasks.

    Gives None when there are no tasks.

    Raises
    ------
    OpenBFactoryError
        When a chunk fails or the file cannot be written.
    """
    format_of(output)
    progress = progress or Progress("", quiet=True)
    total: Any = None
    with open_engine(workers, scheduler) as engine, open_writer(output, header) as writer, progress:
        progress.start(len(tasks), sum(task.events for task in tasks))
        for task, (events, record) in engine.map(function, tasks, ordered=True):
            writer.append(events)
            total = record if total is None else total + record
            progress.advance(task)
    return total


def simulate_file(source: str | Path, card: str, output: str | Path, *, seed: int | None = None,
                  chunk_size: int = CHUNK_SIZE, progress: Progress | None = None) -> int:
    """Number of events of a file that went through the detector into another file.

    Parameters
    ----------
    source
        Event file with generated particles.
    card
        Name or path of the card of the detector.
    seed
        Seed of the detector's random numbers; None for that of the file (1 where it has none).

    Raises
    ------
    OpenBFactoryError
        For a wrong input file, card or output; nothing is left of the output.
    """
    from openbfactory.experiment import load_card
    from openbfactory.simulate import Counts, simulate_counted

    _check_output(output)
    loaded, header = load_card(card), metadata(source)
    used = seed if seed is not None else _seed_of(header)
    progress = progress or Progress("", quiet=True)
    carried: dict[str, Any] = {k: header[k] for k in ("sample", "reweight") if k in header}
    lists = ["MCParticles", *(["MCWeights"] if header.get("reweight") else [])]
    written = {**carried, "seed": used, "card": Path(card).name}
    findings, size, counts = Findings(str(source)), count(source) or 0, Counts()
    with open_writer(output, written) as writer, progress:
        progress.start(-(-size // chunk_size), size)
        for events in iterate(source, chunk_size, lists, findings=findings):
            sample, first, number = str(header.get("sample") or _first_process(events)), writer.events, len(events)
            index = first // chunk_size
            detected, left_out = simulate_counted(events, loaded, Address(used, sample, index).at("simulate"))
            counts += left_out
            writer.append(detected)
            del events, detected  # before the next chunk is read
            progress.advance(ChunkTask(sample, index, first, number, used))
        for finding in findings:
            progress.note(f"{source}: {finding.render()}")
        for line in counts.lines():
            progress.note(f"{source}: {line}")
        return writer.events


def _check_output(output: str | Path, what: str = "detector objects") -> None:
    """Raise where the format cannot hold more than generated particles."""
    if format_of(output) in (".hepmc3", ".hepmc"):
        findings = Findings(str(output))
        findings.error("wrong-format", "", f"HepMC3 holds generated particles only, no {what}",
                       expected=".parquet or .root")
        raise EventFileError(findings)


def _seed_of(header: dict[str, Any]) -> int:
    """Seed in the metadata of a file, the default where there is none."""
    text = str(header.get("seed", ""))
    return int(text) if text.isdecimal() else DEFAULT_SEED


def _first_process(events: Events) -> str:
    return events.process_names[events.process[0]] if len(events) else "none"
