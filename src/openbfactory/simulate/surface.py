"""Where particles meet the front faces of the calorimeter.

The surface is a cylinder around the z axis closed by two planes.  A point on it
is given as (theta, phi, r) seen from the origin, with the length of the path.

Approximation: uniform field, no energy loss; helices are followed over half a
turn from the point of closest approach, so that curling tracks that would reach
an endcap later leave nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.helix import helix_of, point_at
from openbfactory.simulate.species import charge_of, species_index
from openbfactory.simulate.truth import Truth

Array = npt.NDArray[Any]

#: particles below this transverse momentum [GeV] do not leave the beam pipe
LEAST_MOMENTUM = 1e-3
# theta, phi, r [cm], path [cm]; r = 0 where the surface is not met
Hit = tuple[float, float, float, float]


@njit(cache=True)
def seen_from_origin(x: float, y: float, z: float, path: float) -> Hit:
    """(theta, phi, r, path) of a point."""
    rho = math.sqrt(x * x + y * y)
    return math.atan2(rho, z), math.atan2(y, x), math.sqrt(rho * rho + z * z), path


@njit(cache=True)
def straight_to_surface(x: float, y: float, z: float, px: float, py: float, pz: float,
                        radius: float, z_forward: float, z_backward: float) -> Hit:
    """Where a straight line from (x, y, z) along (px, py, pz) leaves the volume."""
    if x * x + y * y >= radius * radius or z >= z_forward or z <= z_backward:
        return 0.0, 0.0, 0.0, 0.0
    p = math.sqrt(px * px + py * py + pz * pz)
    ux, uy, uz = px / p, py / p, pz / p
    path = math.inf
    transverse = ux * ux + uy * uy
    if transverse > 1e-24:
        b = x * ux + y * uy
        path = (-b + math.sqrt(b * b + transverse * (radius * radius - x * x - y * y))) / transverse
    if uz > 0.0:
        path = min(path, (z_forward - z) / uz)
    elif uz < 0.0:
        path = min(path, (z_backward - z) / uz)
    return seen_from_origin(x + path * ux, y + path * uy, z + path * uz, path)


@njit(cache=True)
def arc_to_radius(d0: float, omega: float, radius: float) -> float:
    """Arc length [cm] from the POCA to the first crossing of a cylinder, -1 where it is out of reach.

    ``sin^2(omega s / 2) = omega^2 (radius^2 - d0^2) / (4 (1 + omega d0))``, the cosine rule with the
    centre of the circle.
    """
    stretch = 1.0 + omega * d0
    if radius < abs(d0) or stretch <= 0.0:
        return -1.0
    half = 0.5 * math.sqrt((radius * radius - d0 * d0) / stretch)
    turn = abs(omega) * half
    if turn >= 1.0:
        return -1.0
    return 2.0 * half if turn < 1e-8 else 2.0 * math.asin(turn) / abs(omega)


@njit(cache=True)
def helix_to_surface(d0: float, phi0: float, omega: float, z0: float, tanl: float,
                     radius: float, z_forward: float, z_backward: float) -> Hit:
    """Where a helix leaves the volume; the path counts from the POCA."""
    s = arc_to_radius(d0, omega, radius)
    z = z0 + s * tanl
    if s < 0.0 or z > z_forward or z < z_backward:
        if tanl == 0.0:
            return 0.0, 0.0, 0.0, 0.0
        s = ((z_forward if tanl > 0.0 else z_backward) - z0) / tanl
        if s <= 0.0 or s * abs(omega) > math.pi:
            return 0.0, 0.0, 0.0, 0.0
    x, y, z = point_at(d0, phi0, omega, z0, tanl, s)
    return seen_from_origin(x, y, z, s * math.sqrt(1.0 + tanl * tanl))


@njit(cache=True)
def impacts(truth: Truth, field: float, surface: Array) -> Array:
    """Where every particle that the detector sees meets the surface: (n, 4) of theta, phi, r, path.

    Parameters
    ----------
    truth
        Generated particles.
    field
        Field along z [T].
    surface : (3,)
        Radius, z of the forward and of the backward plane [cm].

    Returns
    -------
    hits : (n, 4)
        ``r`` is 0 for particles that do not arrive; the path [cm] counts from the vertex, for charged particles
        from the POCA to the z axis.
    """
    hits = np.zeros((len(truth.pdg), 4))
    radius, z_forward, z_backward = surface[0], surface[1], surface[2]
    for i in range(len(truth.pdg)):
        species = species_index(truth.pdg[i])
        if truth.status[i] != 1 or species < 0:
            continue
        x, y, z, px, py, pz = truth.x[i], truth.y[i], truth.z[i], truth.px[i], truth.py[i], truth.pz[i]
        pt = math.sqrt(px * px + py * py)
        if math.sqrt(x * x + y * y) >= radius or not z_backward < z < z_forward or pt < LEAST_MOMENTUM:
            continue
        if species > 5:
            hit = straight_to_surface(x, y, z, px, py, pz, radius, z_forward, z_backward)
        else:
            d0, phi0, omega, z0, tanl = helix_of(x, y, z, px, py, pz, float(charge_of(truth.pdg[i])), field)
            hit = helix_to_surface(d0, phi0, omega, z0, tanl, radius, z_forward, z_backward)
        for k in range(4):
            hits[i, k] = hit[k]
    return hits
