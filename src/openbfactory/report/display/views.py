"""Projections of a scene onto the page: paths of the r-phi and r-z views, corners and wires of the 3D view.

r-phi: x to the right, y up.  r-z: z to the right, the distance to the z axis up for y > 0 and down for y < 0; a path
that crosses y = 0 is broken there.  Coordinates are cm with five significant digits, so that a look at the beam spot
is as sharp as one at the whole detector.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.report.display.records import Arrow, Curve, Outline, Scene, Tower, Vertex

Array = npt.NDArray[np.float64]

#: names of the two flat views
RPHI, RZ = "rphi", "rz"
#: corners of the head of an arrow: back along it and to the side, in units of its length
HEAD = (0.12, 0.05)
#: sides of a polygon that stands for a circle in the 3D view
ROUND = 48
#: systems whose every volume has all its edges in the 3D view; the others have the ends of the outermost one
WIRED = ("ECL", "KLM")


@dataclass(frozen=True, slots=True)
class Shape:
    """One object of a flat view: its path in the page's coordinates (y down), and how it is drawn."""

    key: str
    layer: str
    kind: str
    name: str
    form: str
    path: str


def flat(points: Array, view: str) -> list[Array]:
    """Pieces (n, 2) of a path (n, 3) in a flat view, y down."""
    if view == RPHI:
        return [np.column_stack([points[:, 0], -points[:, 1]])]
    rho, z, above = np.hypot(points[:, 0], points[:, 1]), points[:, 2], points[:, 1] >= 0.0
    pieces, begin = [], 0
    lead: list[Array] = []
    for cut in [*(np.flatnonzero(above[1:] != above[:-1]) + 1), len(points)]:
        sign = -1.0 if above[begin] else 1.0
        piece = [*lead, *np.column_stack([z[begin:cut], sign * rho[begin:cut]])]
        lead = []
        if cut < len(points):
            a, b = points[cut - 1], points[cut]
            share = a[1] / (a[1] - b[1])
            at = a + share * (b - a)
            piece.append(np.array([at[2], sign * abs(at[0])]))
            lead = [np.array([at[2], -sign * abs(at[0])])]
        pieces.append(np.array(piece))
        begin = cut
    return pieces


def number(value: float) -> str:
    """Number with five significant digits, as short as it can be."""
    text = f"{value:.5g}"
    return "0" if text == "-0" else text


def path_of(pieces: Iterable[Array], *, closed: bool = False) -> str:
    """SVG path of pieces (n, 2)."""
    texts = []
    for piece in pieces:
        coordinates = [f"{number(x)} {number(y)}" for x, y in piece]
        texts.append("M" + "L".join(dict.fromkeys(coordinates) if closed else coordinates) + ("Z" if closed else ""))
    return "".join(texts)


def corners(tower: Tower) -> Array:
    """Corners (8, 3) of the block of a cluster: front, then rear, which is wider, as it points to the origin."""
    u = tower.direction
    across = np.cross([0.0, 0.0, 1.0], u)
    size = float(np.linalg.norm(across))
    e1 = across / size if size > 1e-9 else np.array([1.0, 0.0, 0.0])
    e2 = np.cross(u, e1)
    distance = float(np.linalg.norm(tower.start))
    wider = 1.0 + tower.height / distance if distance > 0.0 else 1.0
    square = [s * 0.5 * tower.width * e1 + t * 0.5 * tower.width * e2 for s, t in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    return np.array([tower.start + q for q in square] + [tower.start + tower.height * u + wider * q for q in square])


def hull(points: Array) -> Array:
    """Convex hull (k, 2) of points (n, 2)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered)

    def half(sequence: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in sequence:
            while len(chain) > 1 and ((chain[-1][0] - chain[-2][0]) * (p[1] - chain[-2][1])
                                      <= (chain[-1][1] - chain[-2][1]) * (p[0] - chain[-2][0])):
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return np.array(half(ordered) + half(reversed(ordered)))


def tower_path(tower: Tower, view: str) -> str:
    """Outline of the block of a cluster in a flat view."""
    block = corners(tower)
    if view == RPHI:
        return path_of([hull(np.column_stack([block[:, 0], -block[:, 1]]))], closed=True)
    sides = 0.5 * (block[[0, 1, 4, 5]] + block[[3, 2, 7, 6]])  # middles of the edges across phi
    sign = -1.0 if tower.start[1] >= 0.0 else 1.0
    outline = np.column_stack([sides[:, 2], sign * np.hypot(sides[:, 0], sides[:, 1])])
    return path_of([outline[[0, 1, 3, 2]]], closed=True)


def arrow_path(arrow: Arrow, view: str) -> str:
    """Shaft and head of an arrow in a flat view."""
    shaft = flat(np.array([arrow.start, arrow.stop]), view)[-1]
    begin, tip = shaft[0], shaft[-1]
    way = tip - begin
    side = np.array([-way[1], way[0]])
    back, aside = HEAD
    head = [tip - back * way + aside * side, tip, tip - back * way - aside * side]
    return path_of([shaft, np.array(head)])


def dot(place: Array, view: str) -> str:
    """A path without length, which round line ends make a dot of fixed size."""
    x, y = flat(np.asarray(place)[None], view)[0][0]
    return f"M{number(x)} {number(y)}h0"


def shapes_of(scene: Scene, view: str) -> list[Shape]:
    """Every object of a scene in a flat view; clusters first, then paths, then vertices."""
    towers = [Shape(t.key, t.layer, t.kind, t.name, "tower", tower_path(t, view)) for t in scene.towers]
    curves = [Shape(c.key, c.layer, c.kind, c.name, "faint" if c.faint else "line", path_of(flat(c.points, view)))
              for c in scene.curves]
    arrows = [Shape(a.key, a.layer, a.kind, a.name, "arrow", arrow_path(a, view)) for a in scene.arrows]
    vertices = [Shape(v.key, v.layer, v.kind, v.name, "dot", dot(v.position, view)) for v in scene.vertices]
    return [*towers, *curves, *arrows, *vertices]


def ring(radius: float, sides: int) -> str:
    """Circle of a radius around the origin, or polygon whose faces have that distance, the first around phi = 0."""
    if sides == 0:
        r = number(radius)
        return f"M{r} 0A{r} {r} 0 1 0 {number(-radius)} 0A{r} {r} 0 1 0 {r} 0Z"
    corner, face = radius / math.cos(math.pi / sides), 2.0 * math.pi / sides
    angles = [(k + 0.5) * face for k in range(sides)]
    return path_of([np.array([[corner * math.cos(a), -corner * math.sin(a)] for a in angles])], closed=True)


def outline_path(outline: Outline, view: str) -> str:
    """Outline of a volume in a flat view; empty where it is not seen."""
    if view == RPHI:
        return "".join(ring(radius, outline.sides) for radius in outline.rings)
    profile = np.array(outline.profile)
    return path_of([profile * [1.0, -1.0], profile], closed=True)


def labels(outlines: Sequence[Outline], view: str) -> list[tuple[str, str, str]]:
    """Name of each system once with its place, where there is room for it: (text, x, y)."""
    found: dict[str, tuple[str, str, str]] = {}
    for outline in outlines:
        z, rho = np.array(outline.profile).T
        wide = min(float(rho.max() - rho.min()), float(z.max() - z.min()))
        name = "solenoid" if outline.system == "coil" else outline.system
        if outline.system in found or outline.system in ("pipe", "PXD", "SVD") or (wide < 20.0 and name != "CDC"):
            continue
        if view == RPHI and outline.rings:
            radius, at = 0.5 * (min(outline.rings) + max(outline.rings)), math.radians(67.5)
            found[outline.system] = (name, number(radius * math.cos(at)), number(-radius * math.sin(at)))
        elif view == RZ:
            found[outline.system] = (name, number(0.5 * (z.min() + z.max())), number(-0.5 * (rho.min() + rho.max())))
    return list(found.values())


def wires(outlines: Sequence[Outline]) -> list[dict[str, Any]]:
    """Lines [[x, y, z], ...] of the detector for the 3D view: rings at the ends of a volume, edges of prisms."""
    found, outermost = [], {o.system: o for o in reversed(outlines)}
    for outline in outlines:
        if outline.system not in WIRED and outermost[outline.system] is not outline:
            continue
        places = outline.profile if outline.system in WIRED and outline.rings else outline.profile[:2]
        for z, rho in dict.fromkeys(places):
            found.append({"s": outline.system, "p": _ring3(z, rho, outline.sides)})
        if outline.system in WIRED and outline.sides:
            ends = [_ring3(z, rho, outline.sides) for z, rho in outline.profile[2:4]]
            found += [{"s": outline.system, "p": [a, b]} for a, b in zip(*ends, strict=True)]
    return found


def _ring3(z: float, radius: float, sides: int) -> list[list[float]]:
    """Points of a ring in space."""
    n, corner = (sides, radius / math.cos(math.pi / sides)) if sides else (ROUND, radius)
    angles = [(k + 0.5) * 2.0 * math.pi / n for k in range(n + 1)]
    return rounded(np.array([[corner * math.cos(a), corner * math.sin(a), z] for a in angles]))


def rounded(points: Array) -> list[list[float]]:
    """Points (n, 3) as lists with five significant digits."""
    return [[float(number(v)) for v in point] for point in points]


def spatial(scene: Scene) -> list[dict[str, Any]]:
    """Every object of a scene for the 3D view."""

    def entry(item: Curve | Tower | Vertex | Arrow, form: str, points: Array) -> dict[str, Any]:
        return {"k": item.key, "l": item.layer, "c": item.kind, "f": form, "p": rounded(points)}

    return [*(entry(t, "tower", corners(t)) for t in scene.towers),
            *(entry(c, "faint" if c.faint else "line", thinned(c.points)) for c in scene.curves),
            *(entry(a, "arrow", np.array([a.start, a.stop])) for a in scene.arrows),
            *(entry(v, "dot", v.position[None]) for v in scene.vertices)]


def thinned(points: Array, least: float = 0.5) -> Array:
    """Points (n, 3) that are at least ``least`` cm apart, and the last one."""
    kept = [points[0]]
    kept += [p for p in points[1:-1] if float(np.linalg.norm(p - points[0])) > least]
    return np.array([*kept, points[-1]])
