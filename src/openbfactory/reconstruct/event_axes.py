"""Event shape about an axis: hemispheres, cones, harmonic moments of any order; Fox-Wolfram moments of any order.

All quantities are of momenta in the frame they are given in; the field uses the centre-of-mass frame, and as axis the
thrust axis (:func:`openbfactory.reconstruct.event_shape.thrusts`) or the direction of the colliding beams.

Hemispheres: a particle is forward where its momentum has a positive component along the axis, else backward.  Cones
(CLEO, D. M. Asner et al., Phys. Rev. D 53 (1996) 1039): sums of the momenta in nine intervals of 10 degrees of the
angle to the axis, forward and backward folded together.  Harmonic moments ``B_l = sum |p| P_l(cos) / sqrt(s)`` and
Fox-Wolfram moments ``H_l = sum_ij |p_i| |p_j| P_l(cos_ij)`` over all ordered pairs with i = j, without the division by
``H_0``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: number of cones
CONES = 9
#: orders of the moments that basf2 knows: 0 to 8
ORDERS = 9


@dataclass(frozen=True, slots=True)
class Hemispheres:
    """Four-momenta (n, 4) of the particles ahead of and behind the plane across the axis."""

    forward: Array
    backward: Array

    def variables(self) -> dict[str, Array]:
        """Variables (n,) by their names in basf2 [GeV]."""
        found: dict[str, Array] = {}
        for name, p in (("forward", self.forward), ("backward", self.backward)):
            size2 = np.sum(p[:, 1:] ** 2, axis=1)
            found |= {f"{name}HemisphereMass": np.sqrt(np.maximum(p[:, 0] ** 2 - size2, 0.0)),
                      f"{name}HemisphereEnergy": p[:, 0], f"{name}HemisphereMomentum": np.sqrt(size2),
                      f"{name}HemisphereX": p[:, 1], f"{name}HemisphereY": p[:, 2], f"{name}HemisphereZ": p[:, 3]}
        return found


@njit(cache=True, error_model="numpy")
def _along(p: Array, row: int, axis: Array) -> tuple[float, float]:
    """Magnitude of a momentum and cosine of its angle to a unit axis (0 for no momentum)."""
    size = math.sqrt(p[row, 1] * p[row, 1] + p[row, 2] * p[row, 2] + p[row, 3] * p[row, 3])
    if size == 0.0:
        return 0.0, 0.0
    return size, (p[row, 1] * axis[0] + p[row, 2] * axis[1] + p[row, 3] * axis[2]) / size


@njit(cache=True, error_model="numpy")
def _split(p: Array, begin: Index, end: Index, axis: Array, forward: Array, backward: Array) -> None:
    """Add the four-momenta of each hemisphere."""
    for n in range(len(begin)):
        for i in range(begin[n], end[n]):
            _, cosine = _along(p, i, axis[n])
            for a in range(4):
                if cosine > 0.0:
                    forward[n, a] += p[i, a]
                else:
                    backward[n, a] += p[i, a]


@njit(cache=True, error_model="numpy")
def _cones(p: Array, begin: Index, end: Index, axis: Array, out: Array) -> None:
    """Add the momenta in each cone."""
    width = 0.5 * math.pi / out.shape[1]
    for n in range(len(begin)):
        for i in range(begin[n], end[n]):
            size, cosine = _along(p, i, axis[n])
            cone = int(math.acos(min(abs(cosine), 1.0)) / width)
            out[n, min(cone, out.shape[1] - 1)] += size


@njit(cache=True, error_model="numpy")
def _add_orders(c: float, weight: float, out: Array) -> None:
    """Add ``weight * P_l(c)`` to each order by Bonnet's recursion."""
    before, now = 1.0, c
    out[0] += weight
    for order in range(1, len(out)):
        out[order] += weight * now
        before, now = now, ((2.0 * order + 1.0) * c * now - order * before) / (order + 1.0)


@njit(cache=True, error_model="numpy")
def _moments(p: Array, begin: Index, end: Index, axis: Array, out: Array) -> None:
    """Add the sums of the harmonic moments."""
    for n in range(len(begin)):
        for i in range(begin[n], end[n]):
            size, cosine = _along(p, i, axis[n])
            _add_orders(cosine, size, out[n])


@njit(cache=True, error_model="numpy")
def _fox_wolfram(p: Array, begin: Index, end: Index, out: Array) -> None:
    """Add the sums of the Fox-Wolfram moments."""
    unit = np.empty(3)
    for n in range(len(begin)):
        for i in range(begin[n], end[n]):
            size = math.sqrt(p[i, 1] ** 2 + p[i, 2] ** 2 + p[i, 3] ** 2)
            if size == 0.0:
                continue
            for a in range(3):
                unit[a] = p[i, 1 + a] / size
            _add_orders(1.0, size * size, out[n])
            for j in range(begin[n], i):
                other, cosine = _along(p, j, unit)
                _add_orders(cosine, 2.0 * size * other, out[n])


def _axes(axis: Array, n: int) -> Array:
    """Unit axes (n, 3) of one or n axes."""
    rows = np.broadcast_to(axis, (n, 3)).astype(np.float64)
    unit: Array = np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return unit


def hemispheres(p: Array, begin: Index, end: Index, axis: Array) -> Hemispheres:
    """Four-momenta of both hemispheres of each range of rows.

    Parameters
    ----------
    p : (m, 4) float64
        Four-momenta E, px, py, pz [GeV].
    begin, end : (n,) int64
        Event ``i`` has the rows ``begin[i]:end[i]``.
    axis : (3,) or (n, 3) float64
        Axis, of any length; an axis of NaN puts everything backward.
    """
    n = len(begin)
    found = Hemispheres(np.zeros((n, 4)), np.zeros((n, 4)))
    _split(p, begin, end, _axes(axis, n), found.forward, found.backward)
    return found


def cleo_cones(p: Array, begin: Index, end: Index, axis: Array) -> Array:
    """Momenta (n, 9) [GeV] in the nine cones about the axis; arguments as of :func:`hemispheres`."""
    out, axes = np.zeros((len(begin), CONES)), _axes(axis, len(begin))
    _cones(p, begin, end, axes, out)
    out[np.isnan(axes).any(axis=1)] = np.nan
    return out


def harmonic_moments(p: Array, begin: Index, end: Index, axis: Array, sqrt_s: float, orders: int = ORDERS) -> Array:
    """Harmonic moments (n, orders) about the axis over ``sqrt_s`` [GeV]; arguments as of :func:`hemispheres`."""
    out = np.zeros((len(begin), orders))
    _moments(p, begin, end, _axes(axis, len(begin)), out)
    return out / sqrt_s


def fox_wolfram_moments(p: Array, begin: Index, end: Index, orders: int = ORDERS) -> Array:
    """Fox-Wolfram moments H_l (n, orders) [GeV^2]; arguments as of :func:`hemispheres`."""
    out = np.zeros((len(begin), orders))
    _fox_wolfram(p, begin, end, out)
    return out
