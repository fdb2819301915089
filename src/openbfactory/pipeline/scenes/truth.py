"""Generated particles of an event as plain records: paths, decay vertices, the tree of decays.

Method: a particle is followed from its production vertex to that of its first daughter, to where the detector let it
decay, convert or interact (``MCSecondaries``), or to the front faces of the calorimeter; neutrinos and other particles
without traces to where the picture ends.  What comes of a decay that the detector undid is named, not drawn.

Approximation: as in :mod:`openbfactory.kinematics.trajectories`.  A secondary does not know its own mother: it ends
where a later secondary of the same generated particle begins on its path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import UnknownNameError
from openbfactory.events import Events, Jagged
from openbfactory.events.check import INITIAL_SYSTEMS
from openbfactory.kinematics.trajectories import (
    arc_of,
    distance_to,
    exit_arc,
    exit_of_line,
    helix_from,
    helix_points,
    inside,
    line_points,
)
from openbfactory.physics.particles import species_of
from openbfactory.pipeline.scenes.detector import Shape
from openbfactory.report.display import Curve, Node, Property, Vertex

Array = npt.NDArray[np.float64]

#: kind of particles that leave a trace, by the absolute value of the PDG code
TRACED = {11: "e", 13: "mu", 211: "pi", 321: "K", 2212: "p", 1000010020: "d", 22: "gamma", 130: "neutral",
          2112: "neutral"}
NEUTRINOS = (12, 14, 16)
STATUS = {1: "stable in generation", 2: "decayed", 4: "initial system", 12: "decayed at a displaced vertex"}
PROCESSES = {1: "decay in flight", 2: "conversion", 3: "interaction in matter", 4: "bremsstrahlung"}
RADIATION = 4
#: a secondary ends where another one begins closer to its path than this [cm]
ON_PATH = 0.05


@dataclass(slots=True)
class Truth:
    """Generated part of a scene."""

    curves: list[Curve] = field(default_factory=list)
    vertices: list[Vertex] = field(default_factory=list)
    tree: tuple[Node, ...] = ()


@dataclass(slots=True)
class Family:
    """Generated particles and secondaries of one event, and what belongs together.

    Attributes
    ----------
    names : list
        Name of each generated particle.
    children, secondaries : dict
        Rows of the daughters, and of the secondaries that are not radiated photons, by generated particle.
    radiated : dict
        Rows of radiated photons by generated particle.
    undone : set
        Generated particles that the detector let not come into being.
    seen : dict
        Texts of what the detector made of a generated particle.
    """

    particles: Jagged
    made: Jagged | None
    names: list[str]
    children: dict[int, list[int]] = field(default_factory=dict)
    secondaries: dict[int, list[int]] = field(default_factory=dict)
    radiated: dict[int, list[int]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)
    seen: dict[int, list[str]] = field(default_factory=dict)


def name_of(pdg: int) -> str:
    """Name of a PDG code; the code itself where no decay file can name it."""
    try:
        return species_of(pdg).name
    except UnknownNameError:
        return str(pdg)


def names_of(event: Events) -> list[str]:
    """Names of the generated particles of one event; none where the file has no truth."""
    if "MCParticles" not in event.lists:
        return []
    return [name_of(int(code)) for code in event["MCParticles"]["PDG"]]


def truth_of(event: Events, names: list[str], field_: float, shape: Shape) -> Truth:
    """Generated part of the scene of one event."""
    truth = Truth()
    if "MCParticles" not in event.lists or not event["MCParticles"].size:
        return truth
    family = _family(event, names)
    for i in range(event["MCParticles"].size):
        _particle(family, i, field_, shape, truth)
    if family.made is not None:
        for i in range(family.made.size):
            _secondary(family, i, field_, shape, truth)
    roots = [i for i, mother in enumerate(event["MCParticles"]["mother"]) if mother < 0]
    truth.tree = tuple(_node(family, i) for i in roots)
    return truth


def _family(event: Events, names: list[str]) -> Family:
    """What belongs together in one event."""
    particles, made = event["MCParticles"], event.lists.get("MCSecondaries")
    family = Family(particles, made, names)
    for i, mother in enumerate(particles["mother"]):
        if mother >= 0:
            family.children.setdefault(int(mother), []).append(i)
    for i in range(made.size if made is not None else 0):
        assert made is not None
        kind = family.radiated if made["process"][i] == RADIATION else family.secondaries
        kind.setdefault(int(made["mcIndex"][i]), []).append(i)
    for i, rows in family.secondaries.items():
        if i in family.children and made is not None and rows:  # matter came before the decay
            _undo(family, i)
    for collection, text in (("Tracks", "track"), ("ECLClusters", "cluster"), ("KLMClusters", "KLM cluster")):
        if collection in event.lists and "mcIndex" in event[collection].columns:
            for row, index in enumerate(event[collection]["mcIndex"]):
                family.seen.setdefault(int(index), []).append(f"{text} {row}")
    return family


def _undo(family: Family, i: int) -> None:
    """Mark all that comes of a generated particle as undone."""
    for child in family.children.get(i, []):
        family.undone.add(child)
        _undo(family, child)


def _vector(collection: Jagged, i: int, names: tuple[str, str, str]) -> Array:
    return np.array([float(collection[name][i]) for name in names])


def _momentum(collection: Jagged, i: int) -> Array:
    return _vector(collection, i, ("px", "py", "pz"))


def _place(collection: Jagged, i: int) -> Array:
    return _vector(collection, i, ("x", "y", "z"))


def _end(family: Family, i: int) -> tuple[Array | None, str]:
    """Where a generated particle ends, and how; None where nothing is known of an end."""
    rows = family.secondaries.get(i)
    if rows and family.made is not None:
        first = rows[int(np.argmin(family.made["t"][rows]))]
        return _place(family.made, first), PROCESSES.get(int(family.made["process"][first]), "secondaries")
    children = family.children.get(i)
    return (_place(family.particles, children[0]), "decay") if children else (None, "")


def _charge(pdg: int) -> float:
    try:
        return species_of(pdg).charge3 / 3.0
    except UnknownNameError:
        return 0.0


def _look(pdg: int, charge: float, ends: bool) -> tuple[str, str]:
    """Kind and layer of a particle."""
    kind = TRACED.get(abs(pdg))
    if kind is None:
        kind = "short" if ends or charge else "unseen"
    if charge:
        return kind, "mc-charged"
    if kind == "gamma":
        return kind, "mc-photons"
    return kind, "mc-neutrinos" if kind == "unseen" else "mc-neutrals"


def _path(begin: Array, p: Array, charge: float, end: Array | None, field_: float, shape: Shape, kind: str) -> Array:
    """Points of the path of a particle; fewer than two where nothing is to be drawn."""
    bent = charge != 0.0 and math.hypot(p[0], p[1]) > 1e-3
    if end is not None and (not bent or float(np.linalg.norm(end - begin)) < 0.5):
        return line_points(begin, end)
    if not float(np.linalg.norm(p)) > 0.0:
        return begin[None]
    if not bent:
        volume = shape.far if kind == "unseen" else shape.surface
        return line_points(begin, exit_of_line(begin, p, volume))
    helix, start = helix_from(begin, p, charge, field_)
    stop = exit_arc(helix, start, shape.surface) if end is None else arc_of(helix, end, start)
    return helix_points(helix, start, stop) if stop > start else begin[None]


def _particle(family: Family, i: int, field_: float, shape: Shape, truth: Truth) -> None:
    """Add the path and the decay vertex of a generated particle."""
    pdg = int(family.particles["PDG"][i])
    if i in family.undone or abs(pdg) in INITIAL_SYSTEMS:
        return
    begin, p, charge = _place(family.particles, i), _momentum(family.particles, i), _charge(pdg)
    end, how = _end(family, i)
    kind, layer = _look(pdg, charge, end is not None)
    key, lines = f"mc-{i}", _lines(family, i, p, begin, end, how)
    label = f"{family.names[i]} (true)"
    points = _path(begin, p, charge, end, field_, shape, kind)
    if len(points) > 1 and float(np.linalg.norm(points[-1] - points[0])) > 1e-6 and (
            end is not None or inside(begin, shape.surface)):
        truth.curves.append(Curve(key, layer, kind, label, points, lines, faint=kind == "unseen"))
    if end is not None and (kind in TRACED.values() or float(np.linalg.norm(end - begin)) > 1e-4):
        truth.vertices.append(Vertex(key, "mc-vertices", kind, f"{how} of {label}", end, lines))


def _lines(family: Family, i: int, p: Array, begin: Array, end: Array | None, how: str) -> tuple[Property, ...]:
    """What is said about a generated particle."""
    particles = family.particles
    mother, size = int(particles["mother"][i]), float(np.linalg.norm(p))
    status = int(particles["status"][i])
    lines = [Property("PDG code", int(particles["PDG"][i])),
             Property("mother", f"{family.names[mother]} (mc-{mother})" if mother >= 0 else "none"),
             Property("status", f"{status}, {STATUS.get(status, 'unknown')}"), Property("p", size, "GeV"),
             Property("pT", math.hypot(p[0], p[1]), "GeV"), Property("E", float(particles["E"][i]), "GeV"),
             Property("theta", math.degrees(math.acos(p[2] / size)) if size > 0.0 else 0.0, "deg"),
             Property("made at (x, y, z)", ", ".join(f"{v:.4g}" for v in begin), "cm")]
    if end is not None:
        lines += [Property("ends by", how), Property("length", float(np.linalg.norm(end - begin)), "cm")]
    return (*lines, Property("seen as", ", ".join(family.seen.get(i, ["nothing"]))))


def _secondary(family: Family, i: int, field_: float, shape: Shape, truth: Truth) -> None:
    """Add the path of a particle made in the detector."""
    made = family.made
    assert made is not None
    pdg, ancestor = int(made["PDG"][i]), int(made["mcIndex"][i])
    begin, p, charge = _place(made, i), _momentum(made, i), _charge(pdg)
    if not inside(begin, shape.surface):
        return
    kind, layer = _look(pdg, charge, ends=False)
    points = _path(begin, p, charge, None, field_, shape, kind)
    end = _later(family, i, points)
    if end is not None:
        points = _path(begin, p, charge, end, field_, shape, kind)
    track, size = int(made["trackIndex"][i]), float(np.linalg.norm(p))
    process = PROCESSES.get(int(made["process"][i]), "secondary")
    known = 0 <= ancestor < len(family.names)
    lines = (Property("PDG code", pdg), Property("made by", process),
             Property("generated ancestor", f"{family.names[ancestor]} (mc-{ancestor})" if known else "none"),
             Property("p", size, "GeV"), Property("pT", math.hypot(p[0], p[1]), "GeV"),
             Property("made at (x, y, z)", ", ".join(f"{v:.4g}" for v in begin), "cm"),
             Property("seen as", f"track {track}" if track >= 0 else "no track"))
    if len(points) > 1:
        truth.curves.append(Curve(f"sec-{i}", layer, kind, f"{name_of(pdg)} (true, {process})", points, lines,
                                  faint=kind == "unseen"))


def _later(family: Family, i: int, points: Array) -> Array | None:
    """Where a later secondary of the same generated particle begins on the path of a secondary."""
    made = family.made
    assert made is not None
    ends = [j for j in family.secondaries.get(int(made["mcIndex"][i]), []) if made["t"][j] > made["t"][i]]
    if len(points) < 2 or not ends:
        return None
    for j in sorted(ends, key=lambda row: float(made["t"][row])):
        place = _place(made, j)
        if distance_to(points, place) < ON_PATH:
            return place
    return None


def _node(family: Family, i: int) -> Node:
    """Generated particle with all that came of it, as a piece of the tree."""
    p, (end, how) = _momentum(family.particles, i), _end(family, i)
    words = [f"p {float(np.linalg.norm(p)):.3f} GeV"]
    if i in family.undone:
        words = ["did not happen: matter came first"]
    elif end is not None:
        length = float(np.linalg.norm(end - _place(family.particles, i)))
        words += [f"{how} after {_length(length)}"] if length > 1e-6 or how != "decay" else []
    words += family.seen.get(i, [])
    children = [_node(family, child) for child in family.children.get(i, [])]
    made = family.made
    if made is not None:
        children += [_secondary_node(made, row)
                     for row in (*family.secondaries.get(i, []), *family.radiated.get(i, []))]
    return Node(family.names[i], ", ".join(words), None if i in family.undone else f"mc-{i}", tuple(children))


def _secondary_node(made: Jagged, row: int) -> Node:
    """A particle made in the detector, as a piece of the tree."""
    process, track = PROCESSES.get(int(made["process"][row]), "secondary"), int(made["trackIndex"][row])
    words = [f"p {float(np.linalg.norm(_momentum(made, row))):.3f} GeV", f"from {process}"]
    return Node(name_of(int(made["PDG"][row])), ", ".join([*words, *([f"track {track}"] if track >= 0 else [])]),
                f"sec-{row}")


def _length(length: float) -> str:
    """A length [cm] in a unit that fits."""
    if length >= 1.0:
        return f"{length:.3g} cm"
    return f"{10.0 * length:.3g} mm" if length >= 0.1 else f"{1e4 * length:.3g} um"
