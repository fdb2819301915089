"""Where particles meet the front faces of the calorimeter.

The surface is a cylinder around the z axis closed by two planes.  A point on it
is given as (theta, phi, r) seen from the origin, with the length of the path.

Approximation: uniform field, no energy loss; helices are followed over half a
turn from the point of closest approach, so that curling tracks that would reach
an endcap later leave nothing.
"""

from __future__ import annotations

import math

from openbfactory.core.kernels import kernel
from openbfactory.kinematics.helix import point_at

#: particles below this transverse momentum [GeV] do not leave the beam pipe
LEAST_MOMENTUM = 1e-3
# theta, phi, r [cm], path [cm]; r = 0 where the surface is not met
Hit = tuple[float, float, float, float]


@kernel
def seen_from_origin(x: float, y: float, z: float, path: float) -> Hit:
    """(theta, phi, r, path) of a point."""
    rho = math.sqrt(x * x + y * y)
    return math.atan2(rho, z), math.atan2(y, x), math.sqrt(rho * rho + z * z), path


@kernel
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


@kernel
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


@kernel
def leaving_point(d0: float, phi0: float, omega: float, z0: float, tanl: float,
                  radius: float, z_forward: float, z_backward: float) -> Hit:
    """Point (x, y, z) [cm] where a helix leaves the volume, and the arc length there (0 where it does not)."""
    s = arc_to_radius(d0, omega, radius)
    z = z0 + s * tanl
    if s < 0.0 or z > z_forward or z < z_backward:
        if tanl == 0.0:
            return 0.0, 0.0, 0.0, 0.0
        s = ((z_forward if tanl > 0.0 else z_backward) - z0) / tanl
        if s <= 0.0 or s * abs(omega) > math.pi:
            return 0.0, 0.0, 0.0, 0.0
    x, y, z = point_at(d0, phi0, omega, z0, tanl, s)
    return x, y, z, s


@kernel
def helix_to_surface(d0: float, phi0: float, omega: float, z0: float, tanl: float,
                     radius: float, z_forward: float, z_backward: float) -> Hit:
    """Where a helix leaves the volume; the path counts from the POCA."""
    x, y, z, s = leaving_point(d0, phi0, omega, z0, tanl, radius, z_forward, z_backward)
    if s == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    return seen_from_origin(x, y, z, s * math.sqrt(1.0 + tanl * tanl))
