"""Helices of charged particles in a uniform field along z: closed forms.

Parameters (those of the event data model): ``d0`` [cm], ``phi0`` [rad],
``omega`` [1/cm], ``z0`` [cm], ``tanLambda``, taken at the point of closest
approach (POCA) to the pivot, which is the origin unless said otherwise.  The
POCA is ``(d0 sin phi0, -d0 cos phi0, z0)`` relative to the pivot, the momentum
there points to ``phi0``, and ``omega = charge / radius``; with the field along
+z a positive particle turns clockwise: ``phi(s) = phi0 - omega s`` after the
transverse arc length ``s``.

Method: the centre of the circle seen from a pivot ``(x, y)`` is
``(d + 1/omega) (sin phi, -cos phi)``; multiplied by ``omega`` it stays finite
for straight tracks, and ``d``, ``phi`` at any other pivot follow without
cancellation (V. Karimaki, Nucl. Instrum. Meth. A 305 (1991) 187).

Approximation: uniform field, no energy loss; arc lengths stay within half a
turn on each side of the POCA.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm

Array = npt.NDArray[np.float64]

#: curvatures smaller than this [1/cm] are treated as this (radius 10^4 km)
STRAIGHT = 1e-9


@njit(cache=True, error_model="numpy")
def perigee_at(d0: float, phi0: float, omega: float, x: float, y: float) -> tuple[float, float, float]:
    """Distance [cm], azimuth and arc length [cm] at the POCA to another pivot.

    Parameters
    ----------
    d0, phi0, omega
        Helix parameters relative to the present pivot.
    x, y
        New pivot relative to the present one [cm].

    Returns
    -------
    d, phi, s
        Signed distance to the new pivot, azimuth of the momentum there (in
        [-pi, pi]), and transverse arc length from the old POCA to the new one.
    """
    sin0 = math.sin(phi0)
    cos0 = math.cos(phi0)
    if abs(omega) < STRAIGHT:
        omega = STRAIGHT if omega >= 0.0 else -STRAIGHT
    across = x * sin0 - y * cos0
    along = x * cos0 + y * sin0
    stretch = 1.0 + omega * d0
    a = 2.0 * d0 + omega * d0 * d0 - 2.0 * stretch * across + omega * (x * x + y * y)
    length = math.sqrt(max(1.0 + omega * a, 0.0))
    turned = math.atan2(omega * along, stretch - omega * across)
    phi = phi0 - turned
    if phi > math.pi:
        phi -= 2.0 * math.pi
    elif phi < -math.pi:
        phi += 2.0 * math.pi
    return a / (1.0 + length), phi, turned / omega


@njit(cache=True, error_model="numpy")
def point_at(d0: float, phi0: float, omega: float, z0: float, tanl: float, s: float) -> tuple[float, float, float]:
    """Position [cm] relative to the pivot after the transverse arc length ``s`` [cm]."""
    half = 0.5 * omega * s
    chord = s * (math.sin(half) / half if abs(half) > 1e-8 else 1.0)
    direction = phi0 - half
    return (d0 * math.sin(phi0) + chord * math.cos(direction),
            -d0 * math.cos(phi0) + chord * math.sin(direction), z0 + s * tanl)


@njit(cache=True, error_model="numpy")
def helix_of(x: float, y: float, z: float, px: float, py: float, pz: float, charge: float,
             field: float) -> tuple[float, float, float, float, float]:
    """Helix parameters relative to the origin of a particle at a point.

    Parameters
    ----------
    x, y, z
        A point on the trajectory [cm].
    px, py, pz
        Momentum there [GeV]; the transverse momentum must not vanish.
    charge
        Charge in units of e.
    field
        Field along z [T].
    """
    pt = math.sqrt(px * px + py * py)
    omega = charge * field * pt_per_tesla_cm / pt
    tanl = pz / pt
    d, phi, s = perigee_at(0.0, math.atan2(py, px), omega, -x, -y)
    return d, phi, omega, z + s * tanl, tanl


@njit(cache=True, error_model="numpy")
def helices_of_particles(position: Array, momentum: Array, charge: Array, field: float) -> Array:
    """Helix parameters (n, 5) relative to the origin.

    Parameters
    ----------
    position : (n, 3) float64
        A point on each trajectory [cm].
    momentum : (n, 3) float64
        Momentum there [GeV].
    charge : (n,) float64
        Charge in units of e.
    field
        Field along z [T].
    """
    out = np.empty((len(charge), 5))
    for i in range(len(charge)):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4] = helix_of(
            position[i, 0], position[i, 1], position[i, 2], momentum[i, 0], momentum[i, 1], momentum[i, 2],
            charge[i], field)
    return out


@njit(cache=True, error_model="numpy")
def move_pivot(helix: Array, pivot: Array) -> Array:
    """Helix parameters (n, 5) relative to another pivot.

    Parameters
    ----------
    helix : (n, 5) float64
        Parameters relative to the origin.
    pivot : (3,) float64
        New pivot [cm].
    """
    out = np.empty_like(helix)
    for i in range(len(helix)):
        d, phi, s = perigee_at(helix[i, 0], helix[i, 1], helix[i, 2], pivot[0], pivot[1])
        out[i, 0] = d
        out[i, 1] = phi
        out[i, 2] = helix[i, 2]
        out[i, 3] = helix[i, 3] + s * helix[i, 4] - pivot[2]
        out[i, 4] = helix[i, 4]
    return out


@njit(cache=True, error_model="numpy")
def momenta_at_poca(helix: Array, field: float) -> Array:
    """Momenta (n, 3) [GeV] at the POCA to the pivot of the helices.

    Parameters
    ----------
    helix : (n, 5) float64
        Helix parameters.
    field
        Field along z [T].
    """
    out = np.empty((len(helix), 3))
    for i in range(len(helix)):
        pt = field * pt_per_tesla_cm / max(abs(helix[i, 2]), STRAIGHT)
        out[i, 0] = pt * math.cos(helix[i, 1])
        out[i, 1] = pt * math.sin(helix[i, 1])
        out[i, 2] = pt * helix[i, 4]
    return out


@njit(cache=True, error_model="numpy")
def circle_crossings(h1: Array, h2: Array) -> tuple[int, float, float, float, float]:
    """Points where two helices cross in the transverse plane.

    Circles that do not touch give one point, half way between them where they
    are nearest to each other.

    Parameters
    ----------
    h1, h2 : (5,) float64
        Helix parameters relative to the same pivot, both with curvature.

    Returns
    -------
    n, x1, y1, x2, y2
        Number of points (0 for concentric circles, 1 or 2) and their transverse coordinates [cm] relative
        to the pivot.
    """
    r1 = 1.0 / h1[2]
    r2 = 1.0 / h2[2]
    c1x = (h1[0] + r1) * math.sin(h1[1])
    c1y = -(h1[0] + r1) * math.cos(h1[1])
    dx = (h2[0] + r2) * math.sin(h2[1]) - c1x
    dy = -(h2[0] + r2) * math.cos(h2[1]) - c1y
    r1 = abs(r1)
    r2 = abs(r2)
    dd = dx * dx + dy * dy
    distance = math.sqrt(dd)
    if distance < 1e-12 * (r1 + r2):
        return 0, 0.0, 0.0, 0.0, 0.0
    along = 0.5 * (dd + r1 * r1 - r2 * r2) / dd
    across2 = r1 * r1 / dd - along * along
    if across2 <= 0.0:
        if distance > max(r1, r2):
            along = 0.5 * (r1 + distance - r2) / distance
        elif r1 > r2:
            along = 0.5 * (r1 + distance + r2) / distance
        else:
            along = 0.5 * (distance - r1 - r2) / distance
        return 1, c1x + along * dx, c1y + along * dy, 0.0, 0.0
    across = math.sqrt(across2)
    x0 = c1x + along * dx
    y0 = c1y + along * dy
    return 2, x0 - across * dy, y0 + across * dx, x0 + across * dy, y0 - across * dx
