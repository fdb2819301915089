"""Modified ("super") Fox-Wolfram moments: signal against rest of event.

Definitions are those of the field (Belle, K. Abe et al., Phys. Rev. Lett. 87
(2001) 101801 and 91 (2003) 261801; the same sums as ``KSFWVariables`` of
basf2), all in the c.m. frame.  With signal particles i, other particles j
(x = 0 charged, 1 neutral, 2 the missing momentum) and charges q::

    hso_xl = sum_ij |p_j| P_l(cos_ij) / N             l = 0, 2, 4
    hso_0l = sum_ij q_i q_j |p_j| P_l(cos_ij) / N     l = 1, 3 (charged only)
    hoo_l  = sum_{j<k} |p_j| |p_k| P_l(cos_jk) / N^2  l even, with q_j q_k for l odd

``N = 2 (sqrt(s) - E*_B)`` with the energy of the signal candidate; the missing
momentum is one neutral member of the pairs of hoo.  ``et`` is the sum of
transverse momenta of all particles and ``mm2`` the missing mass squared with
the c.m. energy at rest; where the missing energy is negative it is
``-E^2 - p^2``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.event_shape import legendre2, legendre3, legendre4

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: names of the columns in order
KSFW_NAMES: tuple[str, ...] = (
    "et", "mm2", "hso00", "hso01", "hso02", "hso03", "hso04", "hso10", "hso12", "hso14", "hso20", "hso22", "hso24",
    "hoo0", "hoo1", "hoo2", "hoo3", "hoo4",
)


@njit(cache=True, error_model="numpy")
def _cosine(p: Array, i: int, q: Array, j: int, size: float) -> float:
    """Cosine of the angle of two momenta; 0 where one vanishes."""
    return (p[i, 1] * q[j, 1] + p[i, 2] * q[j, 2] + p[i, 3] * q[j, 3]) / size if size > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _size(p: Array, i: int) -> float:
    """Magnitude of a momentum."""
    return math.sqrt(p[i, 1] * p[i, 1] + p[i, 2] * p[i, 2] + p[i, 3] * p[i, 3])


@njit(cache=True, error_model="numpy")
def _missing(p: Array, begin: int, end: int, sqrt_s: float, missing: Array, row: Array) -> None:
    """Fill ``missing`` (1, 4) and the first two columns of ``row``: et and mm2."""
    missing[0, 0] = sqrt_s
    for a in range(1, 4):
        missing[0, a] = 0.0
    row[0] = 0.0
    for j in range(begin, end):
        for a in range(4):
            missing[0, a] -= p[j, a]
        row[0] += math.sqrt(p[j, 1] * p[j, 1] + p[j, 2] * p[j, 2])
    e2 = missing[0, 0] * missing[0, 0]
    p2 = _size(missing, 0) ** 2
    row[1] = e2 - p2 if missing[0, 0] > 0.0 else -e2 - p2


@njit(cache=True, error_model="numpy")
def _signal_other(p: Array, charge: Index, begin: int, split: int, end: int, missing: Array, norm: float,
                  row: Array) -> None:
    """Fill the eleven hso columns of ``row`` (from column 2)."""
    for a in range(2, 13):
        row[a] = 0.0
    for i in range(begin, split):
        size_i = _size(p, i)
        for j in range(split, end + 1):
            size = _size(p, j) if j < end else _size(missing, 0)
            c = _cosine(p, i, p, j, size_i * size) if j < end else _cosine(p, i, missing, 0, size_i * size)
            weight = size / norm
            if j < end and charge[j] != 0:
                signed = weight * charge[i] * charge[j]
                row[2] += weight
                row[3] += signed * c
                row[4] += weight * legendre2(c)
                row[5] += signed * legendre3(c)
                row[6] += weight * legendre4(c)
            else:
                column = 7 if j < end else 10
                row[column] += weight
                row[column + 1] += weight * legendre2(c)
                row[column + 2] += weight * legendre4(c)


@njit(cache=True, error_model="numpy")
def _other_other(p: Array, charge: Index, split: int, end: int, missing: Array, norm: float, row: Array) -> None:
    """Fill the five hoo columns of ``row`` (from column 13)."""
    for a in range(13, 18):
        row[a] = 0.0
    for j in range(split, end + 1):
        size_j = _size(p, j) if j < end else _size(missing, 0)
        for k in range(split, min(j, end)):
            size = size_j * _size(p, k)
            c = _cosine(p, j, p, k, size) if j < end else _cosine(missing, 0, p, k, size)
            weight = size / (norm * norm)
            row[13] += weight
            row[15] += weight * legendre2(c)
            row[17] += weight * legendre4(c)
            if j < end and charge[j] * charge[k] != 0:
                signed = weight * charge[j] * charge[k]
                row[14] += signed * c
                row[16] += signed * legendre3(c)


@njit(cache=True, error_model="numpy")
def ksfw_moments(p: Array, charge: Index, begin: Index, split: Index, end: Index, sqrt_s: float) -> Array:
    """KSFW moments (n, 18) in the order of ``KSFW_NAMES``.

    Parameters
    ----------
    p : (m, 4) float64
        Four-momenta E, px, py, pz [GeV] in the c.m. frame.
    charge : (m,) int64
        Charges.
    begin, split, end : (n,) int64
        Event ``i`` has the signal particles ``begin[i]:split[i]`` and the others ``split[i]:end[i]``.
    sqrt_s
        Centre-of-mass energy [GeV].
    """
    out = np.empty((len(begin), 18))
    missing = np.empty((1, 4))
    for i in range(len(begin)):
        energy = 0.0
        for j in range(begin[i], split[i]):
            energy += p[j, 0]
        norm = 2.0 * (sqrt_s - energy)
        _missing(p, begin[i], end[i], sqrt_s, missing, out[i])
        _signal_other(p, charge, begin[i], split[i], end[i], missing, norm, out[i])
        _other_other(p, charge, split[i], end[i], missing, norm, out[i])
    return out
