"""Covariance of the five helix parameters from the layers that measured the track.

Method: a Kalman filter from the outermost layer inwards whose state is the
perigee of the present piece of the track, so that no transport is needed.  With
``a = omega s``, ``S = sin(a) / omega`` and ``V = (1 - cos(a)) / omega`` at the arc length
s, a change of (d0, phi0, omega, z0, tanLambda) moves the track in the plane
normal to it by

    du = cos(a) dd0 - (1 + omega d0) S dphi0 + V / omega domega,
    dz = dz0 + s dtanLambda - tanLambda (sin(a) dd0 + (d0 cos(a) - V) dphi0 + (s - S) / omega domega)

(derivatives of the closed form in :mod:`openbfactory.kinematics.helix`).  Strips
and pixels measure u and z, axial wires u, stereo wires ``u cos + z sin``.  Every
layer crossed then adds the noise of multiple scattering: two kinks (in phi, and
in the polar angle at constant momentum) of variance ``theta0^2`` (Highland;
pdg2024, eq. 34.16), turned into changes of the perigee.  A linear filter
gives the same covariance as least squares over all layers with correlated
residuals.  The result is multiplied from both sides with the inflation of the
card (wires, supports, misalignment) and factorised (Cholesky), which keeps it
positive-definite; a matrix that is not (rounding) is repaired and counted.

Approximation: the hits of a superlayer count as one at its middle radius;
material is at the mean radius of its layer, the logarithm of Highland's formula
takes the whole tracker; sensors face the track; no straggling of the energy
loss; the prior is 10 cm, 1 rad, 0.1/cm, 100 cm, 3.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

#: columns of a layer: radius, z_min, z_max, system, hits, efficiency, coverage, var(u), var(z), tan(stereo angle),
#: theta0^2 p^2 beta^2
LAYER_WIDTH = 11
#: variances before the first measurement
PRIOR = (1e2, 1.0, 1e-2, 1e4, 9.0)
#: pivots of the Cholesky decomposition relative to the diagonal below which a matrix is repaired
LEAST_PIVOT = 1e-10


@njit(cache=True, error_model="numpy")
def measured(c: Array, h0: float, h1: float, h2: float, h3: float, h4: float, variance: float) -> None:
    """Update the upper triangle (15,) with one measurement of ``h . parameters``."""
    p0 = c[0] * h0 + c[1] * h1 + c[2] * h2 + c[3] * h3 + c[4] * h4
    p1 = c[1] * h0 + c[5] * h1 + c[6] * h2 + c[7] * h3 + c[8] * h4
    p2 = c[2] * h0 + c[6] * h1 + c[9] * h2 + c[10] * h3 + c[11] * h4
    p3 = c[3] * h0 + c[7] * h1 + c[10] * h2 + c[12] * h3 + c[13] * h4
    p4 = c[4] * h0 + c[8] * h1 + c[11] * h2 + c[13] * h3 + c[14] * h4
    add_product(c, p0, p1, p2, p3, p4, -1.0 / (p0 * h0 + p1 * h1 + p2 * h2 + p3 * h3 + p4 * h4 + variance))


@njit(cache=True, error_model="numpy")
def measured_across(c: Array, h0: float, h1: float, h2: float, variance: float) -> None:
    """Update the upper triangle (15,) with one measurement that z0 and tanLambda do not enter."""
    p0 = c[0] * h0 + c[1] * h1 + c[2] * h2
    p1 = c[1] * h0 + c[5] * h1 + c[6] * h2
    p2 = c[2] * h0 + c[6] * h1 + c[9] * h2
    p3 = c[3] * h0 + c[7] * h1 + c[10] * h2
    p4 = c[4] * h0 + c[8] * h1 + c[11] * h2
    add_product(c, p0, p1, p2, p3, p4, -1.0 / (p0 * h0 + p1 * h1 + p2 * h2 + variance))


@njit(cache=True, error_model="numpy")
def add_product(c: Array, g0: float, g1: float, g2: float, g3: float, g4: float, weight: float) -> None:
    """Add ``weight g g^T`` to the upper triangle (15,)."""
    w0, w1, w2, w3 = weight * g0, weight * g1, weight * g2, weight * g3
    c[0] += w0 * g0
    c[1] += w0 * g1
    c[2] += w0 * g2
    c[3] += w0 * g3
    c[4] += w0 * g4
    c[5] += w1 * g1
    c[6] += w1 * g2
    c[7] += w1 * g3
    c[8] += w1 * g4
    c[9] += w2 * g2
    c[10] += w2 * g3
    c[11] += w2 * g4
    c[12] += w3 * g3
    c[13] += w3 * g4
    c[14] += weight * g4 * g4


@njit(cache=True, error_model="numpy")
def pass_layer(c: Array, layer: Array, d0: float, omega: float, radius: float, tanl: float, s: float, hits: float,
               scattering: float) -> None:
    """Take one layer into the covariance: its ``hits`` at the arc length ``s`` [cm], then its material.

    Parameters
    ----------
    c : (15,)
        Upper triangle, updated.
    layer : (LAYER_WIDTH,)
        Numbers of the layer.
    d0, omega, radius, tanl
        The track, with ``radius = 1 / omega``.
    scattering
        ``(1 + tanLambda^2)^(1/2) / (p beta)^2`` [1/GeV^2].
    """
    half = math.sin(0.5 * omega * s)
    sine = 2.0 * half * math.sqrt(max(1.0 - half * half, 0.0))
    cosine = 1.0 - 2.0 * half * half
    across, back, stretch = sine * radius, 2.0 * half * half * radius, 1.0 + omega * d0
    if hits > 0.0:
        u1, u2 = -stretch * across, back * radius
        share = 1.0 / hits
        if layer[7] > 0.0 and layer[9] == 0.0:
            measured_across(c, cosine, u1, u2, layer[7] * share)
        if layer[8] > 0.0 or layer[9] != 0.0:
            z0, z1, z2 = -tanl * sine, -tanl * (d0 * cosine - back), -tanl * (s - across) * radius
            if layer[9] == 0.0:
                measured(c, z0, z1, z2, 1.0, s, layer[8] * share)
            else:
                t = layer[9]
                measured(c, cosine + t * z0, u1 + t * z1, u2 + t * z2, t, t * s, layer[7] * (1.0 + t * t) * share)
    slope2, squeeze = 1.0 + tanl * tanl, 1.0 / stretch
    theta2 = layer[10] * scattering * layer[0] / max(stretch * across, 0.1 * layer[0])
    turn = cosine * squeeze
    add_product(c, across, turn, 0.0, tanl * (back + d0 * turn), 0.0, theta2 * slope2)
    turn = omega * tanl * across * squeeze
    add_product(c, back * tanl, turn, omega * tanl, -s * slope2 - tanl * tanl * (across - s) + tanl * d0 * turn, slope2,
                theta2)


@njit(cache=True, error_model="numpy")
def cholesky(c: Array, factor: Array) -> bool:
    """Write the lower factor (5, 5) of the upper triangle (15,); whether the matrix had to be repaired.

    A pivot below ``LEAST_PIVOT`` of its diagonal element is raised to it, in ``factor`` and in ``c``.
    """
    repaired = False
    start = 0
    for i in range(5):
        for j in range(i, 5):
            value = c[start + j - i]
            for k in range(i):
                value -= factor[i, k] * factor[j, k]
            if j == i:
                least = LEAST_PIVOT * c[start]
                if not value > least:
                    c[start] += 2.0 * least - value
                    value, repaired = 2.0 * least, True
                factor[i, i] = math.sqrt(value)
            else:
                factor[j, i] = value / factor[i, i]
        start += 5 - i
    return repaired


@njit(cache=True, error_model="numpy")
def fit_covariance(helix: Array, p_beta: float, layers: Array, arcs: Array, hits: Array, last: int, inflation: Array,
                   out: Array, factor: Array) -> bool:
    """Write covariance (15,) and its Cholesky factor (5, 5) of one track; whether it had to be repaired.

    Parameters
    ----------
    helix : (5,)
        Helix of the track at its perigee.
    p_beta
        Momentum times velocity [GeV].
    layers : (k, LAYER_WIDTH)
        Layers of the card from the inside out.
    arcs, hits : (k,)
        Arc length [cm] to each layer, negative where it is not crossed, and number of hits there.
    last
        Number of layers to look at.
    inflation : (5,)
        Factors to the standard deviations.
    """
    out[:] = 0.0
    out[0], out[5], out[9], out[12], out[14] = PRIOR
    d0, omega, tanl = helix[0], helix[2], helix[4]
    scattering, radius = math.sqrt(1.0 + tanl * tanl) / (p_beta * p_beta), 1.0 / omega
    outermost = last - 1
    while outermost >= 0 and hits[outermost] == 0.0:
        outermost -= 1
    for k in range(outermost, -1, -1):
        if arcs[k] > 0.0:
            pass_layer(out, layers[k], d0, omega, radius, tanl, arcs[k], hits[k], scattering)
    n = 0
    for i in range(5):
        for j in range(i, 5):
            out[n] *= inflation[i] * inflation[j]
            n += 1
    return cholesky(out, factor)


@njit(cache=True, error_model="numpy")
def add_deviation(factor: Array, scale: float, rng: np.random.Generator, helix: Array) -> None:
    """Add ``scale`` times a deviation with the covariance of the lower ``factor`` to the helix."""
    for j in range(5):
        normal = scale * rng.standard_normal()
        for i in range(j, 5):
            helix[i] += factor[i, j] * normal
