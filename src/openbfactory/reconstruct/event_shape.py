"""Event shape: thrust, sphericity, Fox-Wolfram and harmonic moments.

All quantities are of momenta in the frame they are given in; the field uses
the centre-of-mass frame.

Thrust ``T = max_a sum |a . p_i| / sum |p_i|`` is exact, not iterated from a
guess: the best axis splits the momenta by a plane, and every split is that of
a plane through two of them, so the longest sum over all O(n^2) pairs is taken
(S. Brandt and H. D. Dahmen, Z. Phys. C 1 (1979) 61).  Momenta are tilted by
1e-9 while the splits are listed, which decides ties of coplanar momenta, and
the value is that of the original ones: thrust is right to 2e-9.

Fox-Wolfram moments ``H_l = sum_ij |p_i| |p_j| P_l(cos_ij)`` run over all
ordered pairs with i = j (G. C. Fox and S. Wolfram, Phys. Rev. Lett. 41 (1978)
1581); ``R_l = H_l / H_0``.  Sphericity and aplanarity come from the
eigenvalues of ``sum p_a p_b / sum p^2`` (J. D. Bjorken and S. J. Brodsky,
Phys. Rev. D 1 (1970) 1416).  Harmonic moments about the thrust axis are
``B_l = sum |p_i| P_l(cos_i) / sqrt(s)`` as in basf2.

The sign of the thrust axis has no meaning; it is the one with z >= 0, which
fixes the sign of the odd harmonic moments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: orders of the moments: 0 to ORDERS - 1
ORDERS = 5
#: relative tilt that decides ties of coplanar momenta
TILT = 1e-9


@dataclass(frozen=True, slots=True)
class EventShape:
    """Event shape of n events; events without momenta hold NaN.

    Attributes
    ----------
    thrust : (n,) float64
        Thrust, 0.5 (isotropic) to 1 (two back-to-back jets).
    thrustAxis : (n, 3) float64
        Unit vector with z >= 0.
    sphericity, aplanarity : (n,) float64
        1.5 (l2 + l3) in [0, 1] and 1.5 l3 in [0, 0.5] of the sorted eigenvalues.
    foxWolframR : (n, 5) float64
        ``H_l / H_0`` for l = 0..4.
    harmonicMomentThrust : (n, 5) float64
        ``B_l`` for l = 0..4.
    """

    thrust: Array
    thrustAxis: Array
    sphericity: Array
    aplanarity: Array
    foxWolframR: Array
    harmonicMomentThrust: Array


@njit(cache=True, error_model="numpy")
def legendre2(c: float) -> float:
    """Legendre polynomial of order 2."""
    return 1.5 * c * c - 0.5


@njit(cache=True, error_model="numpy")
def legendre3(c: float) -> float:
    """Legendre polynomial of order 3."""
    return c * (2.5 * c * c - 1.5)


@njit(cache=True, error_model="numpy")
def legendre4(c: float) -> float:
    """Legendre polynomial of order 4."""
    q = c * c
    return (4.375 * q - 3.75) * q + 0.375


@njit(cache=True, error_model="numpy")
def _best_split(p: Array, n: int, axis: Array) -> None:
    """Fill ``axis`` with the longest sum of ``+-p`` over all splits by a plane; ``p`` is (3, >= n)."""
    best = -1.0
    for i in range(n):
        xi, yi, zi = p[0, i], p[1, i], p[2, i]
        for j in range(i + 1, n):
            xj, yj, zj = p[0, j], p[1, j], p[2, j]
            nx = yi * zj - zi * yj
            ny = zi * xj - xi * zj
            nz = xi * yj - yi * xj
            sx = 0.0
            sy = 0.0
            sz = 0.0
            for k in range(n):
                side = math.copysign(1.0, nx * p[0, k] + ny * p[1, k] + nz * p[2, k]) if k != i and k != j else 0.0
                sx += side * p[0, k]
                sy += side * p[1, k]
                sz += side * p[2, k]
            first = 1.0 if sx * xi + sy * yi + sz * zi >= 0.0 else -1.0
            for sign in (first, -first):
                ax = sx + sign * xi
                ay = sy + sign * yi
                az = sz + sign * zi
                second = 1.0 if ax * xj + ay * yj + az * zj >= 0.0 else -1.0
                ax += second * xj
                ay += second * yj
                az += second * zj
                length = ax * ax + ay * ay + az * az
                if length > best:
                    best = length
                    axis[0] = ax
                    axis[1] = ay
                    axis[2] = az


@njit(cache=True, error_model="numpy")
def thrust_of(p: Array, begin: int, end: int, scratch: Array, axis: Array) -> float:
    """Thrust of the four-momenta ``begin:end``; fills the unit ``axis``, NaN where there are none.

    Parameters
    ----------
    p : (m, 4) float64
        Four-momenta E, px, py, pz.
    begin, end
        Range of rows.
    scratch : (3, >= end - begin) float64
        Work space.
    axis : (3,) float64
        Filled with the thrust axis.
    """
    total = 0.0
    n = end - begin
    for i in range(n):
        x, y, z = p[begin + i, 1], p[begin + i, 2], p[begin + i, 3]
        size = math.sqrt(x * x + y * y + z * z)
        total += size
        tilt = TILT * size
        scratch[0, i] = x + tilt * math.sin(1.0 + 7.0 * i)
        scratch[1, i] = y + tilt * math.sin(2.0 + 11.0 * i)
        scratch[2, i] = z + tilt * math.sin(3.0 + 13.0 * i)
    if not total > 0.0:
        axis[0] = axis[1] = axis[2] = math.nan
        return math.nan
    if n == 1:
        for a in range(3):
            axis[a] = p[begin, a + 1]
    else:
        _best_split(scratch, n, axis)
    value = _climb(p, begin, end, axis)
    flip = -1.0 if axis[2] < 0.0 else 1.0
    for i in range(3):
        axis[i] *= flip / value
    return value / total


@njit(cache=True, error_model="numpy")
def _climb(p: Array, begin: int, end: int, axis: Array) -> float:
    """Replace ``axis`` by the sum of the momenta turned to its side until it stands; returns its length."""
    value = 0.0
    for _ in range(20):
        sx = 0.0
        sy = 0.0
        sz = 0.0
        for k in range(begin, end):
            side = math.copysign(1.0, axis[0] * p[k, 1] + axis[1] * p[k, 2] + axis[2] * p[k, 3])
            sx += side * p[k, 1]
            sy += side * p[k, 2]
            sz += side * p[k, 3]
        length = math.sqrt(sx * sx + sy * sy + sz * sz)
        if length <= value:
            break
        value = length
        axis[0] = sx
        axis[1] = sy
        axis[2] = sz
    return value


@njit(cache=True, error_model="numpy")
def _fox_wolfram(p: Array, begin: int, end: int, unit: Array, h: Array) -> None:
    """Fill ``h`` (5,) with the moments H_l of the four-momenta ``begin:end``."""
    for order in range(ORDERS):
        h[order] = 0.0
    total2 = 0.0
    for i in range(end - begin):
        x, y, z = p[begin + i, 1], p[begin + i, 2], p[begin + i, 3]
        size = math.sqrt(x * x + y * y + z * z)
        scale = 1.0 / size if size > 0.0 else 0.0
        unit[0, i] = x * scale
        unit[1, i] = y * scale
        unit[2, i] = z * scale
        unit[3, i] = size
        total2 += size * size
        for j in range(i):
            weight = 2.0 * size * unit[3, j]
            c = unit[0, i] * unit[0, j] + unit[1, i] * unit[1, j] + unit[2, i] * unit[2, j]
            h[0] += weight
            h[1] += weight * c
            h[2] += weight * legendre2(c)
            h[3] += weight * legendre3(c)
            h[4] += weight * legendre4(c)
    for order in range(ORDERS):
        h[order] += total2


@njit(cache=True, error_model="numpy")
def _sphericity(p: Array, begin: int, end: int) -> tuple[float, float]:
    """Sphericity and aplanarity of the four-momenta ``begin:end``.

    The eigenvalues are those of the trigonometric solution (O. K. Smith, Commun. ACM 4 (1961) 168).
    """
    xx = 0.0
    xy = 0.0
    xz = 0.0
    yy = 0.0
    yz = 0.0
    zz = 0.0
    for i in range(begin, end):
        x, y, z = p[i, 1], p[i, 2], p[i, 3]
        xx += x * x
        xy += x * y
        xz += x * z
        yy += y * y
        yz += y * z
        zz += z * z
    trace = xx + yy + zz
    if not trace > 0.0:
        return math.nan, math.nan
    third = 1.0 / 3.0
    a, b, c = xx / trace - third, yy / trace - third, zz / trace - third
    d, e, f = xy / trace, xz / trace, yz / trace
    q = math.sqrt((a * a + b * b + c * c + 2.0 * (d * d + e * e + f * f)) / 6.0)
    if q < 1e-12:
        return 1.0, 0.5
    det = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    angle = math.acos(min(1.0, max(-1.0, 0.5 * det / (q * q * q)))) / 3.0
    largest = third + 2.0 * q * math.cos(angle)
    smallest = max(third + 2.0 * q * math.cos(angle + 2.0 * math.pi / 3.0), 0.0)
    return max(1.5 * (1.0 - largest), 0.0), 1.5 * smallest


@njit(cache=True, error_model="numpy")
def _harmonic(p: Array, begin: int, end: int, axis: Array, sqrt_s: float, b: Array) -> None:
    """Fill ``b`` (5,) with the harmonic moments about ``axis``."""
    for order in range(ORDERS):
        b[order] = 0.0
    for i in range(begin, end):
        x, y, z = p[i, 1], p[i, 2], p[i, 3]
        size = math.sqrt(x * x + y * y + z * z)
        if size == 0.0:
            continue
        c = (x * axis[0] + y * axis[1] + z * axis[2]) / size
        b[0] += size
        b[1] += size * c
        b[2] += size * legendre2(c)
        b[3] += size * legendre3(c)
        b[4] += size * legendre4(c)
    for order in range(ORDERS):
        b[order] /= sqrt_s


@njit(cache=True, error_model="numpy")
def _longest(begin: Index, end: Index) -> int:
    """Largest number of rows of a range."""
    longest = 1
    for i in range(len(begin)):
        longest = max(longest, end[i] - begin[i])
    return longest


@njit(cache=True, error_model="numpy")
def _fill_shapes(p: Array, begin: Index, end: Index, sqrt_s: float, thrust: Array, axis: Array, spher: Array,
                 aplan: Array, fox: Array, harmonic: Array) -> None:
    """Fill the columns of :class:`EventShape`."""
    scratch = np.empty((4, _longest(begin, end)))
    for i in range(len(begin)):
        thrust[i] = thrust_of(p, begin[i], end[i], scratch, axis[i])
        spher[i], aplan[i] = _sphericity(p, begin[i], end[i])
        _fox_wolfram(p, begin[i], end[i], scratch, fox[i])
        h0 = fox[i, 0]
        for order in range(ORDERS):
            fox[i, order] = fox[i, order] / h0 if h0 > 0.0 else math.nan
        _harmonic(p, begin[i], end[i], axis[i], sqrt_s, harmonic[i])


@njit(cache=True, error_model="numpy")
def thrusts(p: Array, begin: Index, end: Index) -> tuple[Array, Array]:
    """Thrust (n,) and thrust axes (n, 3) of the four-momenta of each range of rows.

    Parameters
    ----------
    p : (m, 4) float64
        Four-momenta E, px, py, pz [GeV].
    begin, end : (n,) int64
        Event ``i`` has the rows ``begin[i]:end[i]``.
    """
    value = np.empty(len(begin))
    axis = np.empty((len(begin), 3))
    scratch = np.empty((3, _longest(begin, end)))
    for i in range(len(begin)):
        value[i] = thrust_of(p, begin[i], end[i], scratch, axis[i])
    return value, axis


def event_shape(p: Array, begin: Index, end: Index, sqrt_s: float) -> EventShape:
    """Event shape of the four-momenta of each range of rows.

    Parameters
    ----------
    p : (m, 4) float64
        Four-momenta E, px, py, pz [GeV], normally in the c.m. frame.
    begin, end : (n,) int64
        Event ``i`` has the rows ``begin[i]:end[i]``.
    sqrt_s
        Centre-of-mass energy [GeV], the scale of the harmonic moments.
    """
    n = len(begin)
    shape = EventShape(np.empty(n), np.empty((n, 3)), np.empty(n), np.empty(n), np.empty((n, ORDERS)),
                       np.empty((n, ORDERS)))
    _fill_shapes(p, begin, end, sqrt_s, shape.thrust, shape.thrustAxis, shape.sphericity, shape.aplanarity,
                 shape.foxWolframR, shape.harmonicMomentThrust)
    return shape
