"""Robust vertex fits: tracks that do not belong to the vertex lose their weight.

Method: the adaptive fit (W. Waltenberger, R. Fruehwirth, P. Vanlaer, J. Phys. G 34 (2007) N343).  A track that misses
the vertex by ``chi2`` standard deviations squared (two degrees of freedom, the uncertainty of the vertex left out) has
the weight ``w = 1 / (1 + exp((chi2 - c^2) / 2T))``; weights and vertex are found in turns while the temperature ``T``
falls along ``TEMPERATURES``.  The vertex minimises ``sum w chi2`` plus the prior; its covariance is the inverse of that
sum's half-Hessian, the degrees of freedom are ``2 sum w - 3``, plus 3 for a prior.

Validity: as :mod:`openbfactory.kinematics.vertexfit`.  Approximation: the covariance takes the weights as fixed, and
``sum w chi2`` follows the chi2 law only nearly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.vertexfit import (
    CONVERGED,
    NOT_CONVERGED,
    OK,
    SINGULAR,
    TOO_FEW,
    WORK,
    accumulate,
    linearise,
    solve_vertex,
    weigh,
)

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: temperatures from hot (all weights equal) to cold; the last one is repeated until the vertex stands still
TEMPERATURES: tuple[float, ...] = (math.inf, 64.0, 16.0, 4.0, 2.0, 1.0)
#: distance of a track, in standard deviations, at which it has half of its weight
CUTOFF = 3.0
#: largest number of rounds
MAX_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class AdaptiveFits:
    """Results of n robust fits; failed fits hold NaN and a state other than 0.

    Attributes
    ----------
    position, covariance : (n, 3), (n, 3, 3) float64
        Fitted vertices [cm] and their covariance.
    chi2, ndf : (n,) float64
        Weighted sum and degrees of freedom.
    state : (n,) int64
        0 for a good fit, else an index into :data:`openbfactory.kinematics.vertexfit.STATES`.
    weight : (m,) float64
        Weights of the tracks in the order of the members.
    """

    position: Array
    covariance: Array
    chi2: Array
    ndf: Array
    state: Index
    weight: Array


@njit(cache=True, error_model="numpy")
def _round(helix: Array, cov: Array, members: Index, mean: Array, prior: Array, cut2: float, temperature: float,
           vertex: Array, matrix: Array, vector: Array, work: Array, weight: Array) -> tuple[float, float]:
    """Fill weights and normal equations at the ``vertex``; returns chi2 and the sum of weights, NaN if singular."""
    chi2 = 0.0
    for i in range(3):
        vector[i] = 0.0
        for j in range(3):
            matrix[i, j] = prior[i, j]
            vector[i] += prior[i, j] * (mean[j] - vertex[j])
        chi2 += vector[i] * (mean[i] - vertex[i])
    total = 0.0
    for k in range(len(members)):
        w = work[0]
        linearise(helix[members[k]], vertex, w)
        if not weigh(cov[members[k]], w):
            return math.nan, math.nan
        miss = w[0] * (w[4] * w[0] + w[5] * w[1]) + w[1] * (w[5] * w[0] + w[6] * w[1])
        power = 0.5 * (miss - cut2) / temperature
        weight[k] = 1.0 / (1.0 + math.exp(power)) if power < 700.0 else 0.0
        for c in range(4, 7):
            w[c] *= weight[k]
        chi2 += accumulate(w, matrix, vector)
        total += weight[k]
    return chi2, total


@njit(cache=True, error_model="numpy")
def adapt(helix: Array, cov: Array, members: Index, mean: Array, prior: Array, cut2: float, temperatures: Array,
          vertex: Array, vertex_cov: Array, work: Array, weight: Array) -> tuple[float, float, int]:
    """Weighted chi2, degrees of freedom and state of one robust fit that begins at ``vertex``."""
    if len(members) == 0:
        return math.nan, math.nan, TOO_FEW
    matrix, vector, step = np.empty((3, 3)), np.empty(3), np.empty(3)
    constrained = prior[0, 0] > 0.0
    for turn in range(MAX_ROUNDS):
        temperature = temperatures[min(turn, len(temperatures) - 1)]
        chi2, total = _round(helix, cov, members, mean, prior, cut2, temperature, vertex, matrix, vector, work, weight)
        ndf = 2.0 * total - (0.0 if constrained else 3.0)
        if not chi2 < math.inf:
            return math.nan, math.nan, SINGULAR
        if not solve_vertex(matrix, vector, vertex_cov, step):
            return math.nan, math.nan, SINGULAR
        moved = step[0] * vector[0] + step[1] * vector[1] + step[2] * vector[2]
        for a in range(3):
            vertex[a] += step[a]
        if turn >= len(temperatures) and moved < CONVERGED:
            return max(chi2 - moved, 0.0), ndf, OK if ndf >= 0.0 else TOO_FEW
        if not abs(vertex[0]) + abs(vertex[1]) + abs(vertex[2]) < 1e4:
            break
    return math.nan, math.nan, NOT_CONVERGED


@njit(cache=True, error_model="numpy")
def _adapt_many(helix: Array, cov: Array, members: Index, offsets: Index, mean: Array, prior: Array, cut2: float,
                temperatures: Array, position: Array, covariance: Array, chi2: Array, ndf: Array, state: Index,
                weight: Array) -> None:
    """Fill the columns of :class:`AdaptiveFits`."""
    work, vertex, vertex_cov = np.empty((1, WORK)), np.empty(3), np.empty((3, 3))
    for i in range(len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        for a in range(3):
            vertex[a] = mean[i, a]
        chi2[i], ndf[i], state[i] = adapt(helix, cov, members[begin:end], mean[i], prior[i], cut2, temperatures, vertex,
                                          vertex_cov, work, weight[begin:end])
        if state[i] != OK:
            continue
        for a in range(3):
            position[i, a] = vertex[a]
            for b in range(3):
                covariance[i, a, b] = vertex_cov[a, b]


def fit_adaptive(helix: Array, cov: Array, members: Index, offsets: Index, *, mean: Array,
                 prior_covariance: Array | None = None, cutoff: float = CUTOFF) -> AdaptiveFits:
    """Robust vertex fits of many groups of tracks.

    Parameters
    ----------
    helix, cov : (m, 5), (m, 15) float64
        Helix parameters relative to the origin and upper triangles of their covariances.
    members, offsets : (k,), (n + 1,) int64
        Fit ``i`` takes the tracks ``members[offsets[i]:offsets[i + 1]]``.
    mean, prior_covariance : (3,) or (n, 3), (3, 3) or (n, 3, 3) float64
        Where each fit begins [cm]; with a covariance [cm^2] also its prior.
    cutoff
        Distance, in standard deviations, at which a track has half of its weight.
    """
    n = len(offsets) - 1
    prior = np.zeros((1, 3, 3)) if prior_covariance is None else np.linalg.inv(prior_covariance)
    means = np.ascontiguousarray(np.broadcast_to(mean, (n, 3)), np.float64)
    priors = np.ascontiguousarray(np.broadcast_to(prior, (n, 3, 3)), np.float64)
    fits = AdaptiveFits(np.full((n, 3), np.nan), np.full((n, 3, 3), np.nan), np.full(n, np.nan), np.full(n, np.nan),
                        np.zeros(n, np.int64), np.zeros(len(members)))
    _adapt_many(helix, cov, members, offsets, means, priors, cutoff**2, np.array(TEMPERATURES), fits.position,
                fits.covariance, fits.chi2, fits.ndf, fits.state, fits.weight)
    return fits
