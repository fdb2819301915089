"""Resolution of the five helix parameters: a parametrised covariance.

``sigma = constant (+) scattering / (p beta sin^n theta)`` with n = 3/2 for d0 and
phi0 and n = 5/2 for z0 and tanLambda; ``sigma(pT)/pT = slope pT (+) constant /
beta``.  Correlations d0-phi0-omega and z0-tanLambda are constants of the card;
the two groups are independent.  The matrix is D C D with a positive-definite
correlation matrix C (checked by the card), hence positive-definite.

Approximation: one set of constants each for tracks that start with pixel hits,
with strip hits, or in the drift chamber; no dependence on the point where the
track starts inside a set.  A covariance from the layers themselves comes later.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def standard_deviations(p: float, beta: float, sin_theta: float, omega: float, terms: Array, pt_terms: Array,
                        has_drift: bool, out: Array) -> None:
    """Write sigma of d0, phi0, omega, z0, tanLambda into ``out`` (5,).

    Parameters
    ----------
    p, beta, sin_theta, omega
        Momentum [GeV], velocity, sine of the polar angle, curvature [1/cm].
    terms : (4, 2)
        Constant and scattering of d0 [cm], phi0, z0 [cm], tanLambda.
    pt_terms : (3,)
        Slope [1/GeV], constant, value without drift-chamber hits.
    """
    bend = 1.0 / (p * beta * sin_theta * math.sqrt(sin_theta))
    along = bend / sin_theta
    out[0] = math.hypot(terms[0, 0], terms[0, 1] * bend)
    out[1] = math.hypot(terms[1, 0], terms[1, 1] * bend)
    out[3] = math.hypot(terms[2, 0], terms[2, 1] * along)
    out[4] = math.hypot(terms[3, 0], terms[3, 1] * along)
    relative = math.hypot(pt_terms[0] * p * sin_theta, pt_terms[1] / beta) if has_drift else pt_terms[2]
    out[2] = abs(omega) * relative


@njit(cache=True)
def fill_covariance(sigma: Array, correlation: Array, out: Array) -> None:
    """Write the upper triangle (15,) for sigmas (5,) and correlations (4,).

    ``correlation``: d0-phi0, d0-omega, phi0-omega, z0-tanLambda.
    """
    out[:] = 0.0
    out[0] = sigma[0] * sigma[0]
    out[1] = sigma[0] * sigma[1] * correlation[0]
    out[2] = sigma[0] * sigma[2] * correlation[1]
    out[5] = sigma[1] * sigma[1]
    out[6] = sigma[1] * sigma[2] * correlation[2]
    out[9] = sigma[2] * sigma[2]
    out[12] = sigma[3] * sigma[3]
    out[13] = sigma[3] * sigma[4] * correlation[3]
    out[14] = sigma[4] * sigma[4]


@njit(cache=True)
def correlated_normals(correlation: Array, rng: np.random.Generator, out: Array) -> None:
    """Write five unit-width deviations with the correlations into ``out`` (Cholesky factor in closed form)."""
    a, b, c, d = correlation[0], correlation[1], correlation[2], correlation[3]
    n0, n1, n2 = rng.standard_normal(), rng.standard_normal(), rng.standard_normal()
    n3, n4 = rng.standard_normal(), rng.standard_normal()
    root = math.sqrt(1.0 - a * a)
    l21 = (c - a * b) / root
    out[0] = n0
    out[1] = a * n0 + root * n1
    out[2] = b * n0 + l21 * n1 + math.sqrt(1.0 - b * b - l21 * l21) * n2
    out[3] = n3
    out[4] = d * n3 + math.sqrt(1.0 - d * d) * n4
