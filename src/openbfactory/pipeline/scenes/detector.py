"""Outline of the detector of a card as plain records, and the places where clusters are drawn.

Approximation: the calorimeter's regions point to the origin and are ``crystals`` deep; tracker layers are tubes, as in
the card.  Where the card has no outline of the muon detector, its clusters stand behind the calorimeter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.experiment import Card
from openbfactory.experiment.detector import Calorimeter
from openbfactory.experiment.layers import Layer
from openbfactory.experiment.outline import Volume
from openbfactory.kinematics.trajectories import Surface, exit_of_line
from openbfactory.report.display import Outline

Array = npt.NDArray[np.float64]

#: depth of the crystals [cm] of a card that does not say; depth of a muon detector that the card has no outline of
CRYSTALS, MUON_DEPTH = 30.0, 60.0
#: room around the outermost thing of a look at the detector
MARGIN = 1.06


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a detector.

    Attributes
    ----------
    outlines
        What is drawn, from the outside in.
    surface
        Front faces of the calorimeter.
    far
        Where the paths of unseen particles end.
    muon
        Volumes of the muon detector.
    muon_layers
        Number of its layers.
    extents
        Name of a look to half its width [cm] and the z [cm] in the middle, widest first.
    """

    outlines: tuple[Outline, ...]
    surface: Surface
    far: Surface
    muon: tuple[Volume, ...]
    muon_layers: int
    extents: dict[str, tuple[float, float]]

    def muon_place(self, direction: Array) -> tuple[Array, float]:
        """Where a ray (3,) from the origin enters the muon detector (3,) [cm], and how deep it is there [cm]."""
        across = math.hypot(direction[0], direction[1])
        for volume in self.muon:
            if volume.part == "barrel" and across > 0.0:
                lean = _lean(math.atan2(direction[1], direction[0]), volume.sides)
                path, depth = volume.inner / (across * lean), (volume.outer - volume.inner) / (across * lean)
                if volume.z_min <= path * direction[2] <= volume.z_max:
                    return path * direction, depth
            plane = volume.z_min if volume.part == "forward" else volume.z_max
            if volume.part != "barrel" and plane * direction[2] > 0.0:
                path = plane / direction[2]
                if path * across < volume.outer:
                    return path * direction, (volume.z_max - volume.z_min) / abs(direction[2])
        return exit_of_line(np.zeros(3), direction, self.far), MUON_DEPTH


def _lean(phi: float, sides: int) -> float:
    """Cosine of the angle between an azimuth and the normal of the nearest face; 1 for a tube."""
    if sides == 0:
        return 1.0
    face = 2.0 * math.pi / sides
    return math.cos(phi - face * round(phi / face))


def shape_of(card: Card) -> Shape:
    """Shape of the detector of a card."""
    detector = card.detector
    faces, outline = detector.ecl.surface, detector.outline
    surface = Surface(faces.radius.value, faces.z_forward.value, faces.z_backward.value)
    depth = outline.crystals.value if outline.crystals else CRYSTALS
    back = Surface(surface.radius + depth, surface.z_forward + depth, surface.z_backward - depth)
    coil = max((v.outer for v in outline.volumes if v.system == "coil"), default=back.radius)
    far = Surface(coil, back.z_forward + coil - back.radius, back.z_backward - coil + back.radius)
    layers = detector.tracking.layers.rows
    crystals = _calorimeter(detector.ecl, depth)
    ends = [z for region in crystals for z, _ in region.profile]
    seen = far._replace(z_forward=max(far.z_forward, *ends), z_backward=min(far.z_backward, *ends))
    outlines = (*(_volume(v) for v in reversed(outline.volumes)), *crystals, *(_layer(row) for row in reversed(layers)))
    muon = tuple(v for v in outline.volumes if v.system == "KLM")
    return Shape(outlines, surface, far, muon, detector.klm.layers, _extents(outline.volumes, seen, layers))


def _extents(volumes: tuple[Volume, ...], far: Surface, layers: tuple[Layer, ...]) -> dict[str, tuple[float, float]]:
    """Half widths and middles of the looks at a detector."""
    found = {}
    muon = [v for v in volumes if v.system == "KLM"]
    if muon:
        corner = max(v.outer / (math.cos(math.pi / v.sides) if v.sides else 1.0) for v in muon)
        found["whole detector"] = _look(corner, min(v.z_min for v in muon), max(v.z_max for v in muon))
    found["calorimeter"] = _look(far.radius, far.z_backward, far.z_forward)
    found["drift chamber"] = _look(max(row.outer for row in layers), min(row.z_min for row in layers),
                                   max(row.z_max for row in layers))
    inner = [row for row in layers if row.system in ("SVD", "PXD")]
    if inner:
        found["silicon"] = _look(max(row.outer for row in inner), min(row.z_min for row in inner),
                                 max(row.z_max for row in inner))
    return found | {"beam pipe": (2.0 * layers[0].outer, 0.0), "vertices": (0.1, 0.0)}


def _look(radius: float, z_min: float, z_max: float) -> tuple[float, float]:
    """Half width and middle of a look at everything within a radius and two planes."""
    return MARGIN * max(radius, 0.5 * (z_max - z_min)), 0.5 * (z_min + z_max)


def _volume(volume: Volume) -> Outline:
    """Outline of a volume of the card."""
    box = ((volume.z_min, volume.inner), (volume.z_max, volume.inner), (volume.z_max, volume.outer),
           (volume.z_min, volume.outer))
    rings = (volume.inner, volume.outer) if volume.part == "barrel" else ()
    return Outline(volume.name, volume.system, box, rings, volume.sides)


def _layer(row: Layer) -> Outline:
    """Outline of a layer of the tracker."""
    box = ((row.z_min, row.inner), (row.z_max, row.inner), (row.z_max, row.outer), (row.z_min, row.outer))
    return Outline(row.name, row.system, box, (row.inner, row.outer))


def _calorimeter(ecl: Calorimeter, depth: float) -> list[Outline]:
    """Outlines of the regions of the calorimeter."""
    faces, found = ecl.surface, []
    for region in ecl.regions:
        edges = [region.theta.max.value, region.theta.min.value]
        if region.name == "barrel":
            radius = faces.radius.value
            front = [(radius / math.tan(t), radius) for t in edges]
            rear = [(z * (1.0 + depth / radius), radius + depth) for z, _ in front]
            rings: tuple[float, ...] = (radius, radius + depth)
        else:
            plane = faces.z_forward.value if region.name == "forward" else faces.z_backward.value
            front = [(plane, plane * math.tan(t)) for t in edges]
            rear = [(z * (1.0 + depth / abs(plane)), rho * (1.0 + depth / abs(plane))) for z, rho in front]
            rings = ()
        found.append(Outline(f"ECL {region.name}", "ECL", (front[0], front[1], rear[1], rear[0]), rings))
    return found
