"""Plain records of an event display: what is drawn, in cm and GeV, and what is said about it.

``key`` names one object of a scene (``track-3``, ``ecl-0``, ``mc-12``); ``layer`` is one of :data:`LAYERS`, ``kind``
one of :data:`KINDS` and sets the colour.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: layer -> (group, label of its checkbox, shown at first)
LAYERS: Final[dict[str, tuple[str, str, bool]]] = {
    "tracks": ("Reconstructed", "tracks", True),
    "ecl": ("Reconstructed", "calorimeter clusters", True),
    "klm": ("Reconstructed", "KLM clusters", True),
    "vertices": ("Reconstructed", "V0, conversions and kinks", True),
    "missing": ("Reconstructed", "missing momentum", True),
    "mc-charged": ("True", "charged particles", False),
    "mc-photons": ("True", "photons", False),
    "mc-neutrals": ("True", "neutral hadrons", False),
    "mc-neutrinos": ("True", "unseen particles", False),
    "mc-vertices": ("True", "decay vertices", False),
}
#: kind -> label in the legend
KINDS: Final[dict[str, str]] = {
    "e": "electron", "mu": "muon", "pi": "pion", "K": "kaon", "p": "proton", "d": "deuteron", "gamma": "photon",
    "neutral": "neutral hadron", "unseen": "unseen", "klm": "KLM cluster", "short": "short-lived",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One line about an object: a name, a number or text, a unit; ``truth`` for what data would not say."""

    name: str
    value: float | int | str
    unit: str = ""
    truth: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A path: points (n, 3) [cm]; ``faint`` where only its direction is known."""

    key: str
    layer: str
    kind: str
    name: str
    points: Array
    properties: tuple[Property, ...] = ()
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Tower:
    """A cluster: a block of ``width`` [cm] from ``start`` (3,), ``height`` [cm] long along ``direction`` (3,)."""

    key: str
    layer: str
    kind: str
    name: str
    start: Array
    direction: Array
    height: float
    width: float
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Vertex:
    """A place (3,) [cm] where something decays, converts or is made."""

    key: str
    layer: str
    kind: str
    name: str
    position: Array
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """A momentum: from ``start`` to ``stop`` (3,) [cm]."""

    key: str
    layer: str
    kind: str
    name: str
    start: Array
    stop: Array
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """A volume of the detector around the z axis.

    Attributes
    ----------
    system
        Device; sets the look.
    profile : ((z, rho), ...)
        Closed polygon in the r-z view [cm], upper half.
    rings
        Radii [cm] of the circles in the r-phi view; none for volumes at the ends.
    sides
        Number of faces where the rings are polygons; 0 for circles.
    """

    name: str
    system: str
    profile: tuple[tuple[float, float], ...]
    rings: tuple[float, ...] = ()
    sides: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A particle in the tree of decays."""

    name: str
    text: str
    key: str | None = None
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """A first-level line: whether it fired, and whether it was kept after prescale."""

    name: str
    fired: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reconstructed candidate and the keys of the objects that it is made of."""

    name: str
    properties: tuple[Property, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one event.

    ``hadron_skim`` is None where the file has no trigger decisions; ``extent`` is the look at the detector that the
    event begins with.
    """

    number: int
    process: str
    curves: tuple[Curve, ...] = ()
    towers: tuple[Tower, ...] = ()
    vertices: tuple[Vertex, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    facts: tuple[Property, ...] = ()
    trigger: tuple[TriggerLine, ...] = ()
    hadron_skim: bool | None = None
    tree: tuple[Node, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    extent: str = ""


@dataclass(frozen=True, slots=True)
class Display:
    """Content of a page.

    Attributes
    ----------
    source
        Name of the event file.
    extents
        Name of a look at the detector to half its width [cm] and the z [cm] in the middle of the r-z view, widest
        first; the page begins with ``extent``.
    """

    source: str
    detector: str
    field: float
    outlines: tuple[Outline, ...]
    scenes: tuple[Scene, ...]
    extents: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    extent: str = ""
    notes: tuple[str, ...] = ()
