"""Helices as a reconstruction with ideal geometry sees them when the silicon sensors are displaced.

Method: a sensor that stands at P + D(P) records a track there, and the reconstruction takes the hit for one at P: seen
from it the hit is moved by -D.  The points where the track crosses the innermost and the outermost silicon layer are
moved so, and the helix of the same curvature through both is taken.

Validity: displacements small against the distance of the layers.
Approximation: two points stand for all silicon hits; the curvature is left to the drift chamber, which is not deformed;
covariances stay.  Tracks without two crossings of silicon layers are not changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.helix import perigee_at, point_at
from openbfactory.simulate.surface import arc_to_radius

Array = npt.NDArray[Any]


@njit(cache=True, error_model="numpy")
def displacement(x: float, y: float, z: float, modes: Array) -> tuple[float, float, float]:
    """Displacement (dx, dy, dz) [cm] of a sensor at a point; ``modes`` (8,) as in the card."""
    r, phi = math.hypot(x, y), math.atan2(y, x)
    radial = modes[0] * r + modes[1] * r * math.cos(2.0 * phi) + modes[7] * z * z
    around = modes[5] * r * r + modes[6] * r * z
    along = modes[2] * z + modes[3] * r + modes[4] * r * math.cos(phi)
    cos, sin = math.cos(phi), math.sin(phi)
    return radial * cos - around * sin, radial * sin + around * cos, along


@njit(cache=True, error_model="numpy")
def misalign(helices: Array, hits: Array, radii: Array, modes: Array) -> int:
    """Number of tracks changed; ``helices`` (n, 5) are changed in place.

    Parameters
    ----------
    hits : (n, 3)
        Numbers of PXD, SVD and CDC hits.
    radii : (2,)
        Of the innermost and the outermost silicon layer, cm.
    modes : (8,)
        Amplitudes, see :class:`openbfactory.experiment.misalignment.Misalignment`.
    """
    changed = 0
    for i in range(len(helices)):
        d0, phi0, omega, z0, tanl = helices[i]
        if hits[i, 0] + hits[i, 1] < 2:
            continue
        s1, s2 = arc_to_radius(d0, omega, radii[0]), arc_to_radius(d0, omega, radii[1])
        if s1 < 0.0 or s2 <= s1:
            continue
        x1, y1, z1 = point_at(d0, phi0, omega, z0, tanl, s1)
        x2, y2, z2 = point_at(d0, phi0, omega, z0, tanl, s2)
        dx1, dy1, dz1 = displacement(x1, y1, z1, modes)
        dx2, dy2, dz2 = displacement(x2, y2, z2, modes)
        turned = math.atan2(y2 - dy2 - y1 + dy1, x2 - dx2 - x1 + dx1) - math.atan2(y2 - y1, x2 - x1)
        scale = math.hypot(x2 - dx2 - x1 + dx1, y2 - dy2 - y1 + dy1) / math.hypot(x2 - x1, y2 - y1)
        slope = (z2 - dz2 - z1 + dz1) / ((s2 - s1) * scale)
        d, phi, s = perigee_at(0.0, phi0 - omega * s1 + turned, omega, dx1 - x1, dy1 - y1)
        helices[i, 0], helices[i, 1], helices[i, 3], helices[i, 4] = d, phi, z1 - dz1 + s * slope, slope
        changed += 1
    return changed


def silicon_radii(layers: Array) -> Array:
    """Radii (2,) [cm] of the innermost and the outermost silicon layer of the table of layers."""
    radii = layers[(layers[:, 3] == 0.0) | (layers[:, 3] == 1.0), 0]
    return np.array([radii.min(), radii.max()])
