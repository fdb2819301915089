"""Four-vectors: boosts, masses and angles, as scalar kernels and as array functions.

Convention, the same everywhere: the components are E, px, py, pz in this order, in separate columns; metric
(+, -, -, -); GeV; c = 1.  Scalar kernels are called inside other kernels; the array functions take columns of equal
length and return columns.

Validity: masses come from E^2 - p^2 and lose precision for gamma above about 1e6.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True, inline="always")
def invariant_mass(e: float, px: float, py: float, pz: float) -> float:
    """Invariant mass; 0 where rounding makes its square negative."""
    square = e * e - px * px - py * py - pz * pz
    return math.sqrt(square) if square > 0.0 else 0.0


@njit(cache=True, inline="always")
def boost_from_rest(e: float, px: float, py: float, pz: float, e0: float, x0: float, y0: float, z0: float,
                    m0: float) -> tuple[float, float, float, float]:
    """Components in the frame where a system has four-momentum (e0, x0, y0, z0) and mass m0.

    The vector (e, px, py, pz) is given in the rest frame of that system.
    """
    product = px * x0 + py * y0 + pz * z0
    energy = (e * e0 + product) / m0
    factor = (product / (e0 + m0) + e) / m0
    return energy, px + factor * x0, py + factor * y0, pz + factor * z0


@njit(cache=True, inline="always")
def boost_to_rest(e: float, px: float, py: float, pz: float, e0: float, x0: float, y0: float, z0: float,
                  m0: float) -> tuple[float, float, float, float]:
    """Components in the rest frame of a system with four-momentum (e0, x0, y0, z0) and mass m0."""
    return boost_from_rest(e, px, py, pz, e0, -x0, -y0, -z0, m0)


@njit(cache=True)
def _boost_columns(e: Array, px: Array, py: Array, pz: Array, e0: Array, x0: Array, y0: Array, z0: Array,
                   sign: float) -> Array:
    """Boost row by row; ``sign`` +1 leaves the rest frame, -1 enters it."""
    out = np.empty((4, len(e)))
    for i in range(len(e)):
        m0 = invariant_mass(e0[i], x0[i], y0[i], z0[i])
        out[0, i], out[1, i], out[2, i], out[3, i] = boost_from_rest(
            e[i], px[i], py[i], pz[i], e0[i], sign * x0[i], sign * y0[i], sign * z0[i], m0)
    return out


def mass(e: Array, px: Array, py: Array, pz: Array) -> Array:
    """Invariant mass [GeV] of each row; 0 where rounding makes its square negative."""
    square: Array = np.sqrt(np.maximum(e * e - px * px - py * py - pz * pz, 0.0))
    return square


def momentum(px: Array, py: Array, pz: Array) -> Array:
    """Magnitude of the momentum [GeV] of each row."""
    magnitude: Array = np.sqrt(px * px + py * py + pz * pz)
    return magnitude


def boost(p: tuple[Array, Array, Array, Array], system: tuple[Array, Array, Array, Array]) -> tuple[Array, ...]:
    """Columns (E, px, py, pz) of ``p``, given in the rest frame of ``system``, in the frame of ``system``.

    Parameters
    ----------
    p, system
        Columns (E, px, py, pz) in GeV; ``system`` may be scalars or columns and must be timelike.
    """
    return _boosted(p, system, 1.0)


def unboost(p: tuple[Array, Array, Array, Array], system: tuple[Array, Array, Array, Array]) -> tuple[Array, ...]:
    """Columns (E, px, py, pz) of ``p`` in the rest frame of ``system`` (the inverse of :func:`boost`)."""
    return _boosted(p, system, -1.0)


def _boosted(p: tuple[Array, Array, Array, Array], system: tuple[Array, Array, Array, Array],
             sign: float) -> tuple[Array, ...]:
    """Columns of ``p`` after a boost."""
    rows = np.broadcast_arrays(*(np.asarray(c, np.float64) for c in (*p, *system)))
    columns = [np.ascontiguousarray(np.atleast_1d(c)) for c in rows]
    return tuple(_boost_columns(*columns, sign))
