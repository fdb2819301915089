"""Where the fit of a decay begins: vertices from crossings of the trajectories, momenta from the measurements there.

From the leaves to the head, each vertex is the crossing of two charged trajectories (see :func:`crossing`), else of a
charged one and the straight line of a neutral composite, else the point of a single charged one nearest to the expected
point, else the expected point itself.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.decaytree import COMPOSITE, DIRECTION, TRACK
from openbfactory.kinematics.helix import circle_crossings, helix_of, perigee_at, point_at

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: energy [GeV] at which a particle of unmeasured energy begins
UNMEASURED = 1.0
#: gap in z [cm] that does not tell two crossings of circles apart
SMALL_GAP = 0.02


@njit(cache=True, error_model="numpy")
def crossing(h1: Array, h2: Array, x: Array, other: bool = False) -> float:
    """Fill ``x`` (3,) with the point where two helices come together; returns their gap in z, NaN without one.

    Of two crossings in the transverse plane the one nearer to the z axis if its gap is below ``SMALL_GAP``, else the
    one with the smaller gap; with ``other`` the one that would not be taken.
    """
    n, xa, ya, xb, yb = circle_crossings(h1, h2)
    if n == 0:
        return math.nan
    if n == 2 and xa * xa + ya * ya > xb * xb + yb * yb:
        xa, ya, xb, yb = xb, yb, xa, ya
    za, gap_a = _meeting(h1, h2, xa, ya)
    if n == 1:
        x[0], x[1], x[2] = xa, ya, za
        return gap_a
    zb, gap_b = _meeting(h1, h2, xb, yb)
    if (gap_a < SMALL_GAP or gap_a <= gap_b) != other:
        x[0], x[1], x[2] = xa, ya, za
        return gap_a
    x[0], x[1], x[2] = xb, yb, zb
    return gap_b


@njit(cache=True, error_model="numpy")
def _meeting(h1: Array, h2: Array, x: float, y: float) -> tuple[float, float]:
    """Middle and gap in z of two helices at a transverse point."""
    _, _, s1 = perigee_at(h1[0], h1[1], h1[2], x, y)
    _, _, s2 = perigee_at(h2[0], h2[1], h2[2], x, y)
    z1, z2 = h1[3] + s1 * h1[4], h2[3] + s2 * h2[4]
    return 0.5 * (z1 + z2), abs(z1 - z2)


@njit(cache=True, error_model="numpy")
def line_crossing(h: Array, point: Array, p: Array, x: Array) -> float:
    """Fill ``x`` (3,) with the point where a helix meets the line through ``point`` along ``p``; returns the gap in z.

    Of two crossings in the transverse plane the one with the smaller gap; without any the nearest point of the line.
    """
    radius = 1.0 / h[2]
    ax = point[0] - (h[0] + radius) * math.sin(h[1])
    ay = point[1] + (h[0] + radius) * math.cos(h[1])
    pp = p[0] * p[0] + p[1] * p[1]
    along = -(ax * p[0] + ay * p[1]) / pp
    across = along * along - (ax * ax + ay * ay - radius * radius) / pp
    root = math.sqrt(across) if across > 0.0 else 0.0
    gap = math.inf
    for k in range(2):
        t = along + root if k == 0 else along - root
        x0, y0, z0 = point[0] + t * p[0], point[1] + t * p[1], point[2] + t * p[2]
        _, _, s = perigee_at(h[0], h[1], h[2], x0, y0)
        z1 = h[3] + s * h[4]
        if abs(z1 - z0) < gap:
            gap = abs(z1 - z0)
            x[0], x[1], x[2] = x0, y0, 0.5 * (z0 + z1)
    return gap


@njit(cache=True, error_model="numpy")
def start_vertex(v: int, kind: Index, made: Index, decays: Index, charge: Array, legs: Array, x: Array, p: Array,
                 expected: Array, other: bool) -> None:
    """Fill row ``v`` of ``x`` from the particles made there; ``legs`` (k, 5) are the helices of the charged ones."""
    first, second, line = -1, -1, -1
    for i in range(len(kind)):
        if made[i] != v or not (kind[i] == TRACK or (kind[i] == COMPOSITE and decays[i] != v)):
            continue
        if charge[i] == 0.0:
            line = i if line < 0 else line
        elif first < 0:
            first = i
        elif second < 0:
            second = i
    gap = math.nan
    if second >= 0:
        gap = crossing(legs[first], legs[second], x[v], other)
    elif first >= 0 and line >= 0:
        gap = line_crossing(legs[first], x[decays[line]], p[line], x[v])
    elif first >= 0:
        h = legs[first]
        _, _, s = perigee_at(h[0], h[1], h[2], expected[0], expected[1])
        x[v, 0], x[v, 1], x[v, 2] = point_at(h[0], h[1], h[2], h[3], h[4], s)
        gap = 0.0
    if not gap < math.inf:
        for a in range(3):
            x[v, a] = expected[a]


@njit(cache=True, error_model="numpy")
def start_momentum(i: int, kind: int, mass: float, x: Array, p: Array, helix: Array, cluster: Array,
                   field: float) -> None:
    """Fill row ``i`` of ``p`` with the momentum of a final-state particle made at ``x``."""
    if kind == TRACK:
        _, phi, _ = perigee_at(helix[0], helix[1], helix[2], x[0], x[1])
        pt = abs(field * pt_per_tesla_cm / helix[2])
        p[i, 0], p[i, 1], p[i, 2] = pt * math.cos(phi), pt * math.sin(phi), pt * helix[4]
        return
    rho = cluster[3] * math.sin(cluster[1])
    dx, dy = rho * math.cos(cluster[2]) - x[0], rho * math.sin(cluster[2]) - x[1]
    dz = cluster[3] * math.cos(cluster[1]) - x[2]
    energy = UNMEASURED + mass if kind == DIRECTION else cluster[0]
    scale = math.sqrt(max(energy * energy - mass * mass, 1e-4) / (dx * dx + dy * dy + dz * dz))
    p[i, 0], p[i, 1], p[i, 2] = scale * dx, scale * dy, scale * dz


@njit(cache=True, error_model="numpy")
def start_values(mother: Index, kind: Index, mass: Array, column: Index, made: Index, decays: Index, rows: Index,
                 helix: Array, cluster: Array, charge: Array, field: float, expected: Array, at_expected: bool,
                 other: bool, x: Array, p: Array, legs: Array, parameters: Array) -> None:
    """Fill the ``parameters`` of one candidate; ``x`` (vertices, 3), ``p`` (k, 3) and ``legs`` (k, 5) are scratch.

    ``at_expected``: the point where the head is made begins at ``expected`` whatever the tracks say.  ``other``: take
    the other of two crossings everywhere.
    """
    k = len(kind)
    for i in range(k):
        for a in range(3):
            p[i, a] = 0.0
        if kind[i] == TRACK:
            for a in range(5):
                legs[i, a] = helix[rows[i], a]
    for v in range(len(x) - 1, -1, -1):
        if v == 0 and at_expected:
            for a in range(3):
                x[0, a] = expected[a]
        else:
            start_vertex(v, kind, made, decays, charge, legs, x, p, expected, other)
        for i in range(k - 1, -1, -1):
            if made[i] == v and kind[i] != COMPOSITE:
                start_momentum(i, kind[i], mass[i], x[v], p, helix[max(rows[i], 0)], cluster[max(rows[i], 0)], field)
            if kind[i] == COMPOSITE and decays[i] == v and made[i] != v and charge[i] != 0.0:
                bend = charge[i] * field
                legs[i, 0], legs[i, 1], legs[i, 2], legs[i, 3], legs[i, 4] = helix_of(
                    x[v, 0], x[v, 1], x[v, 2], p[i, 0], p[i, 1], p[i, 2], 1.0, bend)
            if mother[i] >= 0 and (made[i] == v if kind[i] != COMPOSITE else decays[i] == v):
                for a in range(3):
                    p[mother[i], a] += p[i, a]
    for a in range(3):
        parameters[a] = x[0, a]
    for i in range(k):
        if kind[i] != COMPOSITE:
            for a in range(3):
                parameters[column[i] + a] = p[i, a]
        elif made[i] != decays[i]:
            along = 0.0
            for a in range(3):
                along += (x[decays[i], a] - x[made[i], a]) * p[i, a]
            parameters[column[i]] = along / (p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
