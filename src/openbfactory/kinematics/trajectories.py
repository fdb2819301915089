"""Points along helices and straight lines, from one place to another or to a closed surface.

The surface is a cylinder around the z axis closed by two planes (the front faces of a calorimeter).  Arc lengths are
transverse, from the POCA to the origin, as in :mod:`openbfactory.kinematics.helix`.  The distance of the z axis along
a helix is ``rho^2 = d0^2 + (1 + omega d0) (2 sin(omega s / 2) / omega)^2``.

Approximation: uniform field, no energy loss.  For a few particles at a time: plain NumPy, not compiled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.kinematics.helix import STRAIGHT, helix_of, perigee_at

Array = npt.NDArray[np.float64]

#: first step of a sampled curve [cm], growth from step to step, longest step [cm] and longest turn a step [rad]
FIRST_STEP, GROWTH, LONGEST_STEP, LONGEST_TURN = 0.002, 1.8, 8.0, 0.07


class Surface(NamedTuple):
    """Radius of a cylinder and the z of the planes that close it [cm]."""

    radius: float
    z_forward: float
    z_backward: float


def _curvature(omega: float) -> float:
    """The curvature, that of an almost straight track where it is smaller."""
    return omega if abs(omega) > STRAIGHT else math.copysign(STRAIGHT, omega)


def steps(length: float, longest: float = LONGEST_STEP) -> Array:
    """Places from 0 to ``length`` that are dense at the beginning, where vertices are looked at closely."""
    places, at, step = [0.0], 0.0, FIRST_STEP
    while at + step < length:
        at += step
        places.append(at)
        step = min(step * GROWTH, longest)
    return np.array([*places, length]) if length > 0.0 else np.zeros(1)


def helix_points(helix: Array, start: float, stop: float) -> Array:
    """Points (n, 3) [cm] of a helix (5,) relative to the origin between two arc lengths [cm]."""
    d0, phi0, _, z0, tanl = helix
    omega = _curvature(float(helix[2]))
    s = start + steps(stop - start, min(LONGEST_STEP, LONGEST_TURN / abs(omega)))
    half = 0.5 * omega * s
    chord = s * np.sinc(half / math.pi)
    return np.column_stack([d0 * math.sin(phi0) + chord * np.cos(phi0 - half),
                            -d0 * math.cos(phi0) + chord * np.sin(phi0 - half), z0 + s * tanl])


def line_points(start: Array, stop: Array) -> Array:
    """Points (n, 3) [cm] from one place to another."""
    way = stop - start
    length = float(np.linalg.norm(way))
    if length == 0.0:
        return np.array([start, stop])
    return start + steps(length, max(LONGEST_STEP, length / 12.0))[:, None] * (way / length)


def helix_from(position: Array, momentum: Array, charge: float, field: float) -> tuple[Array, float]:
    """Helix (5,) relative to the origin of a particle at a place, and the arc length [cm] of that place.

    Parameters
    ----------
    position, momentum : (3,) float64
        Place [cm] and momentum there [GeV]; the transverse momentum must not vanish.
    charge
        In units of e.
    field
        Field along z [T].
    """
    helix = np.array(helix_of(*position, *momentum, charge, field))
    _, _, s = perigee_at(0.0, math.atan2(momentum[1], momentum[0]), helix[2], -position[0], -position[1])
    return helix, -float(s)


def arc_of(helix: Array, place: Array, start: float | None = None) -> float:
    """Arc length [cm] of the point of a helix (5,) nearest to a place (3,) across z; not before ``start``, if given."""
    omega = _curvature(float(helix[2]))
    _, _, s = perigee_at(helix[0], helix[1], omega, place[0], place[1])
    s = float(s)
    if start is not None and s < start - 1e-9:
        s += 2.0 * math.pi / abs(omega)
    return s


def distance_to(points: Array, place: Array) -> float:
    """Distance [cm] of a place (3,) to the nearest piece of a sampled curve (n, 3)."""
    begin, way = points[:-1], np.diff(points, axis=0)
    square = np.maximum(np.sum(way**2, axis=1), 1e-30)
    along = np.clip(np.sum((place - begin) * way, axis=1) / square, 0.0, 1.0)
    return float(np.min(np.linalg.norm(begin + along[:, None] * way - place, axis=1), initial=math.inf))


def inside(place: Array, surface: Surface) -> bool:
    """Whether a place (3,) lies within the surface."""
    return bool(math.hypot(place[0], place[1]) < surface.radius
                and surface.z_backward < place[2] < surface.z_forward)


def exit_arc(helix: Array, start: float, surface: Surface, turns: float = 1.0) -> float:
    """Arc length [cm] where a helix (5,) leaves a surface, ``turns`` turns after ``start`` at most.

    ``start`` itself where the helix is outside there.
    """
    omega, d0, tanl = _curvature(float(helix[2])), float(helix[0]), float(helix[4])
    first = helix_points(helix, start, start)[0]
    if not inside(first, surface):
        return start
    ends = [start + turns * 2.0 * math.pi / abs(omega)]
    stretch = 1.0 + omega * d0
    if stretch > 0.0:
        turn = 0.5 * abs(omega) * math.sqrt(max(surface.radius**2 - d0 * d0, 0.0) / stretch)
        if turn < 1.0:
            reach, period = 2.0 * math.asin(turn) / abs(omega), 2.0 * math.pi / abs(omega)
            ends.append(reach if reach > start else reach + period)
    if tanl != 0.0:
        ends.append(((surface.z_forward if tanl > 0.0 else surface.z_backward) - float(helix[3])) / tanl)
    return min(ends)


def entry_arc(helix: Array, start: float, surface: Surface, turns: float = 1.0) -> float | None:
    """Arc length [cm] where a helix (5,) comes into a surface, ``start`` where it is inside there.

    None where it does not come in within ``turns`` turns; shorter stays inside than two degrees may be missed.
    """
    places = start + np.linspace(0.0, turns * 2.0 * math.pi / abs(_curvature(float(helix[2]))), int(180 * turns) + 1)
    states = [inside(helix_points(helix, s, s)[0], surface) for s in places]
    if not any(states):
        return None
    first = states.index(True)
    if first == 0:
        return start
    out, within = float(places[first - 1]), float(places[first])
    while within - out > 1e-6:
        middle = 0.5 * (out + within)
        if inside(helix_points(helix, middle, middle)[0], surface):
            within = middle
        else:
            out = middle
    return within


def exit_of_line(place: Array, direction: Array, surface: Surface) -> Array:
    """Place (3,) where a straight line leaves a surface; its beginning where that is outside."""
    if not inside(place, surface):
        return place.copy()
    u = direction / np.linalg.norm(direction)
    paths, across = [math.inf], float(u[0] ** 2 + u[1] ** 2)
    if across > 1e-24:
        b = float(place[0] * u[0] + place[1] * u[1])
        c = float(place[0] ** 2 + place[1] ** 2) - surface.radius**2
        paths.append((-b + math.sqrt(b * b - across * c)) / across)
    if u[2] != 0.0:
        paths.append(((surface.z_forward if u[2] > 0.0 else surface.z_backward) - place[2]) / u[2])
    return np.asarray(place + min(paths) * u)
