"""Vertex fits of helices: one common point of n tracks, with covariance.

Method: least squares with the constraint that every track passes through the
vertex.  Seen from a point ``v`` a track misses by ``r = (d, z)``, its impact
parameters relative to ``v``; to first order ``r`` depends on the five helix
parameters by ``H`` and on the vertex by ``E``, so that

    chi2(v) = sum_i r_i^T W_i r_i,   W_i = (H_i V_i H_i^T)^-1

with the covariance ``V`` of the helix: the fit of P. Billoir and S. Qian
(Nucl. Instrum. Meth. A 311 (1992) 139) with the momenta already eliminated, or
the gain form of a Kalman filter (R. Fruehwirth, Nucl. Instrum. Meth. A 262
(1987) 444) with all tracks at once.  ``r`` is exact in ``v``; linearisation is
repeated until the vertex moves by less than ``CONVERGED`` standard deviations.
The refitted helix is ``h - V H^T W r`` at the fitted vertex.  A prior on the
vertex (the interaction region) adds ``(v - m)^T P (v - m)``.

Validity: helix parameters Gaussian, displacement of a track within its
uncertainty small against its radius.  Approximation: no scattering or energy
loss between the vertex and the innermost hit; no robust weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.helix import STRAIGHT, perigee_at

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: states of a fit
OK, NOT_CONVERGED, SINGULAR, TOO_FEW, BAD_INPUT = 0, 1, 2, 3, 4
#: state by number, for messages
STATES = ("ok", "not converged", "singular", "too few tracks", "bad input")
#: largest number of linearisations
MAX_ITERATIONS = 12
#: squared distance, in standard deviations, below which the vertex stands still
CONVERGED = 1e-4
#: columns of the scratch row of a track
WORK = 24
#: inverse covariance of a prior that says nothing
NO_PRIOR: Array = np.zeros((3, 3))


@dataclass(frozen=True, slots=True)
class VertexFits:
    """Results of vertex fits; failed fits hold NaN and a state other than 0.

    Attributes
    ----------
    position : (n, 3) float64
        Fitted vertices [cm].
    covariance : (n, 3, 3) float64
        Covariance of the vertices [cm^2].
    chi2, pValue : (n,) float64
        Minimum and its probability.
    ndf : (n,) int64
        Degrees of freedom.
    state : (n,) int64
        0 for a good fit, else an index into :data:`STATES`.
    momentum : (m, 3) float64
        Refitted momenta [GeV] at the vertex, in the order of the members.
    """

    position: Array
    covariance: Array
    chi2: Array
    pValue: Array
    ndf: Index
    state: Index
    momentum: Array


@njit(cache=True, error_model="numpy")
def chi2_probability(chi2: float, ndf: int) -> float:
    """Probability of a larger chi2, NaN without degrees of freedom.

    Closed forms: ``exp(-x) sum x^k / k!`` for even ``ndf`` and ``erfc(sqrt x)``
    plus the half-integer terms for odd ``ndf``, with ``x = chi2 / 2``
    (Abramowitz and Stegun 26.4.4, 26.4.5).
    """
    if ndf < 1 or not chi2 >= 0.0:
        return math.nan
    x = 0.5 * chi2
    if ndf % 2 == 0:
        term = math.exp(-x)
        total = term
        for k in range(1, ndf // 2):
            term *= x / k
            total += term
        return min(total, 1.0)
    total = math.erfc(math.sqrt(x))
    term = 2.0 * math.exp(-x) * math.sqrt(x / math.pi)
    for k in range(1, (ndf + 1) // 2):
        total += term
        term *= x / (k + 0.5)
    return min(total, 1.0)


@njit(cache=True, error_model="numpy")
def linearise(h: Array, v: Array, w: Array) -> None:
    """Fill ``w`` with the residual and derivatives of one track at the point ``v``.

    Layout: 0-1 residual (d, z); 2 azimuth; 3 arc length; 4-6 derivatives of d by (d0, phi0, omega); 7-9 of z by
    the same (by z0 it is 1, by tanLambda the arc length); 10-11 of d by (x, y); 12-13 of z by (x, y) (by z: -1).
    """
    omega = h[2]
    if abs(omega) < STRAIGHT:
        omega = STRAIGHT if omega >= 0.0 else -STRAIGHT
    d, phi, s = perigee_at(h[0], h[1], omega, v[0], v[1])
    sin1 = math.sin(phi)
    cos1 = math.cos(phi)
    turned = omega * s
    sind = math.sin(turned)
    cosd = math.cos(turned)
    stretch = 1.0 + omega * h[0]
    length = 1.0 + omega * d
    tanl = h[4]
    w[0] = d
    w[1] = h[3] + s * tanl - v[2]
    w[2] = phi
    w[3] = s
    w[4] = cosd
    w[5] = -stretch * sind / omega
    w[6] = (h[0] * cosd - (v[0] * sin1 - v[1] * cos1) - d) / omega
    w[7] = -tanl * sind / length
    w[8] = tanl * (1.0 - stretch * cosd / length) / omega
    w[9] = -tanl * ((h[0] * sind - (v[0] * cos1 + v[1] * sin1)) / length + s) / omega
    w[10] = -sin1
    w[11] = cos1
    w[12] = tanl * cos1 / length
    w[13] = tanl * sin1 / length


@njit(cache=True, error_model="numpy")
def weigh(c: Array, w: Array) -> bool:
    """Fill ``w`` with ``V H^T`` (14-18 for d, 19-23 for z) and W = (dd, dz, zz) in 4-6; False if singular."""
    a0, a1, a2 = w[4], w[5], w[6]
    b0, b1, b2, s = w[7], w[8], w[9], w[3]
    w[14] = c[0] * a0 + c[1] * a1 + c[2] * a2
    w[15] = c[1] * a0 + c[5] * a1 + c[6] * a2
    w[16] = c[2] * a0 + c[6] * a1 + c[9] * a2
    w[17] = c[3] * a0 + c[7] * a1 + c[10] * a2
    w[18] = c[4] * a0 + c[8] * a1 + c[11] * a2
    w[19] = c[0] * b0 + c[1] * b1 + c[2] * b2 + c[3] + c[4] * s
    w[20] = c[1] * b0 + c[5] * b1 + c[6] * b2 + c[7] + c[8] * s
    w[21] = c[2] * b0 + c[6] * b1 + c[9] * b2 + c[10] + c[11] * s
    w[22] = c[3] * b0 + c[7] * b1 + c[10] * b2 + c[12] + c[13] * s
    w[23] = c[4] * b0 + c[8] * b1 + c[11] * b2 + c[13] + c[14] * s
    dd = a0 * w[14] + a1 * w[15] + a2 * w[16]
    dz = a0 * w[19] + a1 * w[20] + a2 * w[21]
    zz = b0 * w[19] + b1 * w[20] + b2 * w[21] + w[22] + s * w[23]
    det = dd * zz - dz * dz
    if not (dd > 0.0 and det > 0.0):
        return False
    w[4] = zz / det
    w[5] = -dz / det
    w[6] = dd / det
    return True


@njit(cache=True, error_model="numpy")
def solve_vertex(m: Array, b: Array, inverse: Array, step: Array) -> bool:
    """Fill ``inverse`` and ``step = inverse b`` of a symmetric 3 x 3 matrix; False if it is singular."""
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[1, 2]
    c01 = m[0, 2] * m[1, 2] - m[0, 1] * m[2, 2]
    c02 = m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]
    det = m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02
    if not det > 1e-13 * m[0, 0] * m[1, 1] * m[2, 2]:
        return False
    inverse[0, 0] = c00 / det
    inverse[0, 1] = inverse[1, 0] = c01 / det
    inverse[0, 2] = inverse[2, 0] = c02 / det
    inverse[1, 1] = (m[0, 0] * m[2, 2] - m[0, 2] * m[0, 2]) / det
    inverse[1, 2] = inverse[2, 1] = (m[0, 1] * m[0, 2] - m[0, 0] * m[1, 2]) / det
    inverse[2, 2] = (m[0, 0] * m[1, 1] - m[0, 1] * m[0, 1]) / det
    for i in range(3):
        step[i] = inverse[i, 0] * b[0] + inverse[i, 1] * b[1] + inverse[i, 2] * b[2]
    return True


@njit(cache=True, error_model="numpy")
def fit_one(helix: Array, cov: Array, members: Index, start: Array, mean: Array, prior: Array, vertex: Array,
            vertex_cov: Array, work: Array) -> tuple[float, int, int]:
    """Minimum chi2, degrees of freedom and state of one fit; the kernel below every other fit.

    Parameters
    ----------
    helix : (n, 5) float64
        Helix parameters relative to the origin.
    cov : (n, 15) float64
        Upper triangles of their covariances, row by row.
    members : (k,) int64
        Rows of the tracks to fit.
    start : (3,) float64
        Where to begin [cm].
    mean, prior : (3,), (3, 3) float64
        Prior of the vertex: mean [cm] and inverse covariance [1/cm^2], either of full rank or all zero (none).
    vertex, vertex_cov : (3,), (3, 3) float64
        Filled with the result (also of a failed fit: test the state).
    work : (>= k, WORK) float64
        Scratch; read by :func:`refit_momentum`.
    """
    k = len(members)
    ndf = 2 * k - 3 + (3 if prior[0, 0] > 0.0 else 0)
    if ndf < 0 or k == 0:
        return math.nan, ndf, TOO_FEW
    matrix = np.empty((3, 3))
    vector = np.empty(3)
    step = np.empty(3)
    for i in range(3):
        vertex[i] = start[i]
    chi2 = math.nan
    for _ in range(MAX_ITERATIONS):
        chi2 = 0.0
        for i in range(3):
            vector[i] = 0.0
            for j in range(3):
                matrix[i, j] = prior[i, j]
                vector[i] += matrix[i, j] * (mean[j] - vertex[j])
            chi2 += vector[i] * (mean[i] - vertex[i])
        for i in range(k):
            w = work[i]
            linearise(helix[members[i]], vertex, w)
            if not weigh(cov[members[i]], w):
                return math.nan, ndf, SINGULAR
            chi2 += accumulate(w, matrix, vector)
        if not solve_vertex(matrix, vector, vertex_cov, step):
            return math.nan, ndf, SINGULAR
        moved = step[0] * vector[0] + step[1] * vector[1] + step[2] * vector[2]
        for i in range(3):
            vertex[i] += step[i]
        chi2 = max(chi2 - moved, 0.0)
        if moved < CONVERGED:
            for i in range(k):
                w = work[i]
                w[0] += w[10] * step[0] + w[11] * step[1]
                w[1] += w[12] * step[0] + w[13] * step[1] - step[2]
            return chi2, ndf, OK
        if not abs(vertex[0]) + abs(vertex[1]) + abs(vertex[2]) < 1e4:
            break
    return math.nan, ndf, NOT_CONVERGED


@njit(cache=True, error_model="numpy")
def accumulate(w: Array, matrix: Array, vector: Array) -> float:
    """Add ``E^T W E`` and ``-E^T W r`` of one track; returns ``r^T W r``."""
    wdd, wdz, wzz = w[4], w[5], w[6]
    gd = wdd * w[0] + wdz * w[1]
    gz = wdz * w[0] + wzz * w[1]
    dx, dy, zx, zy = w[10], w[11], w[12], w[13]
    ex = wdd * dx + wdz * zx
    ey = wdd * dy + wdz * zy
    fx = wdz * dx + wzz * zx
    fy = wdz * dy + wzz * zy
    matrix[0, 0] += dx * ex + zx * fx
    matrix[0, 1] += dx * ey + zx * fy
    matrix[1, 1] += dy * ey + zy * fy
    matrix[0, 2] -= fx
    matrix[1, 2] -= fy
    matrix[2, 2] += wzz
    matrix[1, 0] = matrix[0, 1]
    matrix[2, 0] = matrix[0, 2]
    matrix[2, 1] = matrix[1, 2]
    vector[0] -= dx * gd + zx * gz
    vector[1] -= dy * gd + zy * gz
    vector[2] += gz
    return w[0] * gd + w[1] * gz


@njit(cache=True, error_model="numpy")
def refit_momentum(h: Array, w: Array, vertex: Array, field: float) -> tuple[float, float, float]:
    """Momentum [GeV] at the vertex of a track after a good fit.

    Parameters
    ----------
    h : (5,) float64
        Helix parameters as given to the fit.
    w : (WORK,) float64
        The scratch row of the track, as the fit left it.
    vertex : (3,) float64
        Fitted vertex [cm].
    field
        Field along z [T].
    """
    gd = w[4] * w[0] + w[5] * w[1]
    gz = w[5] * w[0] + w[6] * w[1]
    omega = h[2] - w[16] * gd - w[21] * gz
    _, phi, _ = perigee_at(h[0] - w[14] * gd - w[19] * gz, h[1] - w[15] * gd - w[20] * gz, omega, vertex[0], vertex[1])
    pt = field * pt_per_tesla_cm / max(abs(omega), STRAIGHT)
    return pt * math.cos(phi), pt * math.sin(phi), pt * (h[4] - w[18] * gd - w[23] * gz)


@njit(cache=True, error_model="numpy")
def _fit_many(helix: Array, cov: Array, members: Index, offsets: Index, start: Array, mean: Array, prior: Array,
              field: float, position: Array, covariance: Array, chi2: Array, ndf: Index,
              state: Index, momentum: Array) -> None:
    """Fill the columns of :class:`VertexFits`."""
    longest = 1
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    work = np.empty((longest, WORK))
    vertex = np.empty(3)
    vertex_cov = np.empty((3, 3))
    for i in range(len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        chi2[i], ndf[i], state[i] = fit_one(helix, cov, members[begin:end], start[i], mean, prior, vertex, vertex_cov,
                                            work)
        if state[i] != OK:
            continue
        for a in range(3):
            position[i, a] = vertex[a]
            for b in range(3):
                covariance[i, a, b] = vertex_cov[a, b]
        for j in range(begin, end):
            momentum[j, 0], momentum[j, 1], momentum[j, 2] = refit_momentum(
                helix[members[j]], work[j - begin], vertex, field)


@njit(cache=True, error_model="numpy")
def chi2_probabilities(chi2: Array, ndf: Index) -> Array:
    """Probabilities (n,) of chi2 values, NaN without degrees of freedom."""
    out = np.empty(len(chi2))
    for i in range(len(chi2)):
        out[i] = chi2_probability(chi2[i], ndf[i])
    return out


def fit_vertices(helix: Array, cov: Array, members: Index, offsets: Index, *, field: float,
                 start: Array | None = None, prior_mean: Array | None = None,
                 prior_covariance: Array | None = None) -> VertexFits:
    """Vertex fits of many groups of tracks.

    Parameters
    ----------
    helix : (m, 5) float64
        Helix parameters relative to the origin.
    cov : (m, 15) float64
        Upper triangles of their covariances, row by row.
    members, offsets : (k,), (n + 1,) int64
        Fit ``i`` takes the tracks ``members[offsets[i]:offsets[i + 1]]``.
    field
        Field along z [T].
    start : (n, 3) float64
        Where each fit begins [cm]; the prior mean, or the origin, by default.
    prior_mean, prior_covariance : (3,), (3, 3) float64
        Prior of every vertex [cm, cm^2]; none by default.
    """
    n = len(offsets) - 1
    mean = np.zeros(3) if prior_mean is None else np.ascontiguousarray(prior_mean, np.float64)
    prior = NO_PRIOR if prior_covariance is None else np.linalg.inv(prior_covariance)
    begin = np.tile(mean, (n, 1)) if start is None else np.ascontiguousarray(start, np.float64)
    fits = VertexFits(np.full((n, 3), np.nan), np.full((n, 3, 3), np.nan), np.full(n, np.nan), np.empty(0),
                      np.zeros(n, np.int64), np.zeros(n, np.int64), np.full((len(members), 3), np.nan))
    _fit_many(helix, cov, members, offsets, begin, mean, prior, field, fits.position, fits.covariance,
              fits.chi2, fits.ndf, fits.state, fits.momentum)
    return VertexFits(fits.position, fits.covariance, fits.chi2, chi2_probabilities(fits.chi2, fits.ndf), fits.ndf,
                      fits.state, fits.momentum)
