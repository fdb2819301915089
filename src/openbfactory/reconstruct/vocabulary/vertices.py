"""Vertices, flight and interaction point.

The vertex of a composite is that of its fit; without a fit it is NaN.  The
production vertex is the interaction point unless a fit attached another
(extra numbers ``prodVertexX``, ``prodVertexY``, ``prodVertexZ``), flight
distance and time run from there along the momentum; where a fit of the decay
attached its own (``flightDistance``, ``decayTime`` and their uncertainties),
those are taken.

Approximation: the uncertainty of the flight time leaves out that of the
momentum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openbfactory.core.units import speed_of_light
from openbfactory.reconstruct.definitions import Definition, table, within
from openbfactory.reconstruct.vectors import cosine, length, mass_of
from openbfactory.reconstruct.view import View

Array = npt.NDArray[np.float64]
D = Definition


def attached(v: View, name: str) -> Array:
    """Extra numbers (n,) of a name, NaN where nobody attached one."""
    values = v.particles.extra.get(name)
    return np.full(len(v), np.nan) if values is None else values[v.rows]


def vertex_covariance(v: View) -> Array:
    """Covariances (n, 3, 3) [cm^2] of the vertices, NaN without a fit that gives one."""
    found, fit = np.full((len(v), 3, 3), np.nan), v.column("fit")
    there = np.flatnonzero(fit >= 0)
    if len(there):
        found[there] = np.stack([v.particles.covariances[i] for i in fit[there]])[:, 4:, 4:]
    return found


def production(v: View) -> Array:
    """Production vertices (n, 3) [cm]."""
    known = np.stack([attached(v, f"prodVertex{axis}") for axis in "XYZ"], axis=1)
    return np.where(np.isnan(known), v.owner.ip, known)


def _flight(v: View) -> Array:
    """Distance [cm] from production to decay along the momentum."""
    p = v.lab[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.sum((v.column("vertex") - production(v)) * p, axis=1) / length(p)
    return found


def _along_error(v: View, direction: Array) -> Array:
    """Uncertainty [cm] of vertex minus interaction point along (n, 3) directions."""
    with np.errstate(invalid="ignore", divide="ignore"):
        u = direction / length(direction)[:, None]
    return np.sqrt(np.einsum("ni,nij,nj->n", u, vertex_covariance(v) + v.owner.ip_covariance, u))


def _per_time(v: View) -> Array:
    """Proper time [ns] per flight distance [cm]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return mass_of(v.lab) / (length(v.lab[:, 1:]) * speed_of_light)


def _fitted(name: str, otherwise: Callable[[View], Array]) -> Callable[[View], Array]:
    """What a fit of the decay attached, else the value from the two vertices."""
    def compute(v: View) -> Array:
        found = attached(v, name)
        return np.where(np.isnan(found), otherwise(v), found)

    return compute


def _from_ip(v: View) -> Array:
    return np.asarray(v.column("vertex") - v.owner.ip, np.float64)


def _vertex(axis: int) -> Callable[[View], Array]:
    return lambda v: v.column("vertex")[:, axis]


def _uncertainty(axis: int) -> Callable[[View], Array]:
    return lambda v: np.sqrt(vertex_covariance(v)[:, axis, axis])


_PLACE = (
    *(D(name, "cm", f"{name} of the vertex (of a track: of its point nearest to the z axis)", _vertex(i))
      for i, name in enumerate("xyz")),
    *(D(f"{name}_uncertainty", "cm", f"uncertainty of {name} of the vertex", _uncertainty(i))
      for i, name in enumerate("xyz")),
    D("chiProb", "1", "probability of the vertex fit, -1 where it failed, NaN without fit",
      lambda v: v.column("p_value")),
    D("pValue", "1", "probability of the vertex fit, the same as chiProb", lambda v: v.column("p_value")),
    D("distance", "cm", "distance of the vertex to the interaction point", lambda v: length(_from_ip(v))),
    D("significanceOfDistance", "1", "that distance over its uncertainty",
      lambda v: length(_from_ip(v)) / _along_error(v, _from_ip(v))),
    D("cosAngleBetweenMomentumAndVertexVector", "1",
      "cosine of the momentum and the line from interaction point to vertex",
      lambda v: cosine(v.lab[:, 1:], _from_ip(v))),
    D("cosAngleBetweenMomentumAndVertexVectorInXYPlane", "1", "the same in the transverse plane",
      lambda v: cosine(v.lab[:, 1:3], _from_ip(v)[:, :2])),
)
_FLIGHT = (
    D("flightDistance", "cm", "distance from production to decay vertex along the momentum",
      _fitted("flightDistance", _flight)),
    D("flightTime", "ns", "proper time of that flight, m d / (p c)",
      _fitted("decayTime", lambda v: _flight(v) * _per_time(v))),
    D("flightDistanceErr", "cm", "uncertainty of the flight distance",
      _fitted("flightDistanceErr", lambda v: _along_error(v, v.lab[:, 1:]))),
    D("flightTimeErr", "ns", "uncertainty of the flight time",
      _fitted("decayTimeErr", lambda v: _along_error(v, v.lab[:, 1:]) * _per_time(v))),
    *(D(f"prodVertex{axis}", "cm", f"{axis.lower()} of the production vertex", lambda v, i=i: production(v)[:, i])
      for i, axis in enumerate("XYZ")),
)
_IP = (
    *(D(f"IP{axis}", "cm", f"{axis.lower()} of the interaction point", lambda v, i=i: v.owner.ip[i])
      for i, axis in enumerate("XYZ")),
    D("IPCov", "cm^2", "covariance of the interaction point, indices 0 to 2",
      lambda v, i, j: v.owner.ip_covariance[within(i, 3, "axis"), within(j, 3, "axis")],
      ("integer", "integer")),
)
VERTICES = table("Vertices and flight", _PLACE, _FLIGHT, _IP)
