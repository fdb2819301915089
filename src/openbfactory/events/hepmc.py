"""Generated particles in HepMC3 files (text format ``Asciiv3``), through pyhepmc.

HepMC counts lengths in mm and times as c*t in mm: both are converted here, once.
Codes, momenta, statuses, production vertices and times, the weight and the
number of the event are kept; the process is the event attribute ``process``.

Lost in a HepMC3 file
    every collection but ``MCParticles``, and polarisations; lengths and times change in the last
    digit (mm to cm and back); daughters of one mother share one production
    vertex, that of the first of them; particles without a mother share that of
    the first (``event position``).

Read from files of other generators
    the mother is the first incoming particle of the production vertex; two
    colliding beams become one initial system (a virtual photon, 10022), or are
    dropped where they make a single 300553 or 10022; a vertex without a
    position is where its incoming particle was made.

Method: pyhepmc handles one event at a time, so there is a Python loop over
events; inside an event everything is an array.  The C++ reader trusts its
input, so the text of each event is checked line by line before it is parsed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyhepmc

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.core.units import length_from_mm, mm_from_length, mm_over_c_from_time, time_from_mm_over_c
from openbfactory.events.check import INITIAL_SYSTEMS, Tally, cast, check_layout
from openbfactory.events.columns import EVENT, MC_PARTICLES
from openbfactory.events.record import Events, Jagged

Array = npt.NDArray[Any]

VIRTUAL_PHOTON = 10022
_BEAM = 4
#: longest list of particles accepted in one event
MOST_PARTICLES = 1_000_000
_HEADER = b"HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\n"
_FOOTER = b"HepMC::Asciiv3-END_EVENT_LISTING\n"
_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?|[+-]?nan|[+-]?inf"
_INT = rb"[+-]?\d{1,10}"
_POSITION = rb"(?: @(?: (?:" + _NUMBER + rb")){4})?"
_LINES = {
    b"E": re.compile(rb"E (\d{1,18}) (\d{1,7}) (\d{1,7})" + _POSITION),
    b"U": re.compile(rb"U (?:GEV|MEV) (?:MM|CM)"),
    b"W": re.compile(rb"W(?: (?:" + _NUMBER + rb"))+"),
    b"V": re.compile(rb"V -(\d{1,7}) (-?\d{1,9}) \[((?:\d{1,7}(?:,\d{1,7})*)?)\]" + _POSITION),
    b"P": re.compile(rb"P (\d{1,7}) (-?\d{1,7}) (" + _INT + rb")(?: (?:" + _NUMBER + rb")){5} (-?\d{1,9})"),
    b"A": re.compile(rb"A -?\d{1,7} \S+ [^\r\n]*"),
}


class Writer:
    """Streaming writer of generated particles to a HepMC3 file."""

    def __init__(self, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
        self._run = pyhepmc.GenRunInfo()
        self._run.weight_names = ["weight"]
        for key, value in sorted((metadata or {}).items()):
            self._run.attributes[f"openbfactory.{key}"] = " ".join(str(value).split())
        path.open("wb").close()
        self._file = pyhepmc.io.WriterAscii(str(path), self._run)
        self._file.precision = 16

    def append(self, events: Events) -> None:
        """Write events (a Python loop over events).

        Raises
        ------
        EventFileError
            When the events have no generated particles.
        """
        if "MCParticles" not in events.lists:
            findings = Findings("HepMC3")
            findings.error("missing-collection", "MCParticles", "HepMC3 holds generated particles; there are none")
            raise EventFileError(findings)
        particles = events["MCParticles"]
        p = {c.name: np.ascontiguousarray(particles[c.name]) for c in MC_PARTICLES.required}
        mass = np.sqrt(np.maximum(p["E"] ** 2 - p["px"] ** 2 - p["py"] ** 2 - p["pz"] ** 2, 0.0))
        positions = [mm_from_length(p[k]) for k in "xyz"] + [mm_over_c_from_time(p["t"])]
        parents = np.repeat(p["mother"][:, None], 2, axis=1)
        for row in range(len(events)):
            cut = slice(int(particles.offsets[row]), int(particles.offsets[row + 1]))
            event = pyhepmc.GenEvent(self._run, pyhepmc.Units.GEV, pyhepmc.Units.MM)
            if cut.stop > cut.start:
                event.from_hepevt(0, p["px"][cut], p["py"][cut], p["pz"][cut], p["E"][cut], mass[cut], p["PDG"][cut],
                                  p["status"][cut], parents=parents[cut],
                                  **{f"v{k}": v[cut] for k, v in zip("xyzt", positions, strict=True)}, fortran=False)
                _place(event, *(float(v[cut.start]) for v in positions))
            event.event_number = int(events.event[row])
            event.weights = [float(events.weight[row])]
            event.attributes["process"] = events.process_names[events.process[row]]
            self._file.write_event(event)

    def close(self) -> None:
        """Write the end of the listing."""
        self._file.close()


def _place(event: Any, x: float, y: float, z: float, t: float) -> None:
    """Set the position of the whole event (that of particles without a mother)."""
    data = pyhepmc.GenEventData()
    event.write_data(data)
    data.event_pos = pyhepmc.FourVector(x, y, z, t)
    event.read_data(data)


def metadata(path: Path) -> dict[str, Any]:
    """Metadata given to the writer of a file, as text; empty for a file made by someone else."""
    found: dict[str, Any] = {}
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b"E "):
                break
            parts = line.decode("utf-8", "replace").rstrip("\n").split(" ", 2)
            if len(parts) == 3 and parts[0] == "A" and parts[1].startswith("openbfactory."):
                found[parts[1].removeprefix("openbfactory.")] = parts[2]
    return found


def count(path: Path) -> None:
    """Nothing: a HepMC3 file does not say how many events it has."""


def iterate(path: Path, lists: Iterable[str] | None, chunk: int, findings: Findings, tally: Tally) -> Iterator[Events]:
    """Batches of ``chunk`` events (the last one shorter), types checked, values not yet.

    Raises
    ------
    EventFileError
        When a line is malformed or the file ends early.
    """
    kept = [c.name for c in MC_PARTICLES.required]
    check_layout(findings, {c.name: None for c in EVENT} | {"MCParticles": kept}, lists)
    pyhepmc.Setup.print_errors = pyhepmc.Setup.print_warnings = False
    pyhepmc.Setup.debug_level = 0
    with path.open("rb") as file:
        first = True
        for blocks in _batched(_blocks(file, findings), chunk):
            yield _events(blocks, tally)
            first = False
        findings.raise_if_errors(EventFileError)
    if first:
        yield Events.of_process("", 0, MCParticles=Jagged.empty(MC_PARTICLES))


def _batched(blocks: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for block in blocks:
        batch.append(block)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _blocks(file: BinaryIO, findings: Findings) -> Iterator[bytes]:
    """Checked text of each event; the first malformed one ends the reading with a finding."""
    lines: list[bytes] = []
    start, ended = 0, False
    for number, line in enumerate(file, 1):
        begins = line.startswith(b"E ")
        ended = line.startswith(b"HepMC::Asciiv3-END_EVENT_LISTING")
        if (begins or ended) and lines:
            if not _check_block(lines, start, findings):
                return
            yield b"".join(lines).replace(b"\r\n", b"\n")
            lines = []
        if ended:
            break
        if number == 2 and b"Asciiv3" not in line:
            findings.error("wrong-format", "line 2", f"found '{_shown(line)}'", expected="the text format Asciiv3")
            return
        if begins:
            start = number
        if begins or lines:
            lines.append(line)
    if not ended:
        findings.error("truncated", f"line {start + len(lines)}", "the file ends without the end of the listing",
                       expected=_FOOTER.decode().strip())


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return text if len(text) <= 60 else text[:57] + "..."


def _check_block(lines: list[bytes], start: int, findings: Findings) -> bool:
    """Whether the lines of one event are well formed and refer to each other correctly."""
    particles, vertices = 0, 0
    vertex_seen: set[int] = set()
    total_particles = total_vertices = 0
    for offset, line in enumerate(lines):
        text = line.rstrip(b"\r\n")
        if not text:
            continue
        pattern = _LINES.get(text[:1])
        match = pattern.fullmatch(text) if pattern else None
        wrong = "" if match else "is not a line of HepMC3"
        if match and text[:1] == b"E":
            total_vertices, total_particles = int(match[2]), int(match[3])
            wrong = "repeats the event" if offset else "has too many particles" \
                if max(total_particles, total_vertices) > MOST_PARTICLES else ""
        elif match and text[:1] == b"V":
            vertices += 1
            incoming = [int(i) for i in match[3].split(b",")] if match[3] else []
            vertex_seen.add(int(match[1]))
            if any(not 1 <= i <= particles for i in incoming):
                wrong = "has an incoming particle that does not come before"
            elif not 1 <= int(match[1]) <= total_vertices:
                wrong = "has a vertex number out of range"
        elif match and text[:1] == b"P":
            particles += 1
            origin = int(match[2])
            if int(match[1]) != particles or particles > total_particles:
                wrong = "has a particle number out of order"
            elif origin >= particles or (origin < 0 and -origin not in vertex_seen):
                wrong = "comes from a vertex or particle that does not come before"
        if wrong:
            findings.error("malformed", f"line {start + offset}", f"'{_shown(line)}' {wrong}")
            return False
    if particles != total_particles:
        findings.error("malformed", f"line {start}", f"the event has {particles} particles",
                       expected=f"{total_particles} as its first line says")
        return False
    return True


def _events(blocks: list[bytes], tally: Tally) -> Events:
    """Events of checked text (a Python loop over events)."""
    numbers, weights, processes, counts = [], [], [], []
    columns: dict[str, list[Array]] = {c.name: [] for c in MC_PARTICLES.required}
    for block in blocks:
        reader = pyhepmc.io.ReaderAscii(pyhepmc.io.pyiostream(io.BytesIO(_HEADER + block + _FOOTER)))
        event = pyhepmc.GenEvent()
        reader.read_event(event)
        reader.close()
        event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
        data = pyhepmc.GenEventData()
        event.write_data(data)
        record = _particles(data)
        for name, values in record.items():
            columns[name].append(values)
        counts.append(len(record["PDG"]))
        numbers.append(event.event_number)
        weights.append(float(data.weights[0]) if len(data.weights) else 1.0)
        named = dict(zip(data.attribute_name, data.attribute_string, strict=True))
        processes.append(named.get("process", named.get("signal_process_id", "unknown")))
    names, codes = np.unique(np.array(processes, dtype=object).astype(str), return_inverse=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    flat = {c.name: cast(tally, f"MCParticles.{c.name}", np.concatenate(columns[c.name]), c, offsets)
            for c in MC_PARTICLES.required}
    return Events(np.array(numbers, np.int64), np.array(weights), codes.astype(np.int32), tuple(str(n) for n in names),
                  {"MCParticles": Jagged(offsets, flat)})


def _particles(data: Any) -> dict[str, Array]:
    """Columns of the particles of one event."""
    particles, vertices = data.particles, data.vertices
    size, mother, origin, end = len(particles), *_links(data)
    position = np.zeros((len(vertices) + 1, 4))
    position[0] = [getattr(data.event_pos, k) for k in "xyzt"]
    for i, k in enumerate("xyzt"):
        position[1:, i] = vertices[k]
    _fill_positions(position, mother, origin, end)
    place = position[origin] if size else np.zeros((0, 4))
    out = {"PDG": particles["pid"], "px": particles["px"], "py": particles["py"], "pz": particles["pz"],
           "E": particles["e"], **{k: length_from_mm(place[:, i]) for i, k in enumerate("xyz")},
           "t": time_from_mm_over_c(place[:, 3]), "mother": mother, "status": particles["status"]}
    return _one_initial_system({k: np.array(v) for k, v in out.items()}, end)


def _links(data: Any) -> tuple[Array, Array, Array]:
    """Mother (-1 for none), production vertex and end vertex (0 for none) of each particle."""
    size, count = len(data.particles), len(data.vertices)
    one, two = np.asarray(data.links1), np.asarray(data.links2)
    incoming, outgoing = one > 0, one < 0
    first = np.zeros(count + 1, np.int64)
    first[-two[incoming][::-1]] = one[incoming][::-1]
    origin, end = np.zeros(size, np.int64), np.zeros(size, np.int64)
    origin[two[outgoing] - 1] = -one[outgoing]
    end[one[incoming] - 1] = -two[incoming]
    return first[origin] - 1, origin, end


def _fill_positions(position: Array, mother: Array, origin: Array, end: Array) -> None:
    """Give vertices without a position that where their incoming particle was made."""
    for vertex in np.flatnonzero(~position[1:].any(axis=1)) + 1:
        incoming = np.flatnonzero(end == vertex)
        position[vertex] = position[origin[incoming[0]]] if len(incoming) else position[0]


def _one_initial_system(p: dict[str, Array], end: Array) -> dict[str, Array]:
    """The same particles with two colliding beams made one initial system."""
    if len(end) < 3 or (p["status"][:2] != _BEAM).any() or (p["mother"][:2] != -1).any() or end[0] != end[1] \
            or not end[0] or (p["status"][2:] == _BEAM).any():
        return p
    products = np.flatnonzero(p["mother"] == 0)
    if len(products) == 1 and products[0] == 2 and p["PDG"][2] in INITIAL_SYSTEMS:
        p = {k: v[2:] for k, v in p.items()}
        p["mother"] = np.where(p["mother"] >= 2, p["mother"] - 2, -1)
        p["status"][0] = _BEAM
        return p
    for name in ("px", "py", "pz", "E"):
        p[name][1] = p[name][0] + p[name][1]
    p = {k: v[1:] for k, v in p.items()}
    p["PDG"][0], p["mother"] = VIRTUAL_PHOTON, np.where(p["mother"] >= 1, p["mother"] - 1, p["mother"])
    return p
