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
positive-definite; a matrix that is not (rounding) is repaired and counted.  Every
step is done for ``LANES`` tracks at once, see :mod:`openbfactory.simulate.lanes`.

Approximation: the hits of a superlayer count as one at its middle radius;
material is at the mean radius of its layer; sensors face the track; straggling
of the energy loss widens the curvature alone; the prior is 10 cm, 1 rad, 0.1/cm, 100 cm, 3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from openbfactory.core.kernels import inlined, kernel
from openbfactory.simulate.lanes import D0, LANES, NOISE, OMEGA, RADIUS, SCATTERING, TANL

Array = npt.NDArray[Any]

#: columns of a layer: radius, z_min, z_max, system, hits, efficiency, coverage, var(u), var(z), tan(stereo angle),
#: theta0^2 p^2 beta^2
LAYER_WIDTH = 11
#: variances before the first measurement
PRIOR = (1e2, 1.0, 1e-2, 1e4, 9.0)
#: pivots of the Cholesky decomposition relative to the diagonal below which a matrix is repaired
LEAST_PIVOT = 1e-10


@inlined
def add_product(c: Array, t: int, g0: float, g1: float, g2: float, g3: float, g4: float, weight: float) -> None:
    """Add ``weight g g^T`` to the upper triangle of track ``t``."""
    w0, w1, w2, w3 = weight * g0, weight * g1, weight * g2, weight * g3
    c[t] += w0 * g0
    c[LANES + t] += w0 * g1
    c[2 * LANES + t] += w0 * g2
    c[3 * LANES + t] += w0 * g3
    c[4 * LANES + t] += w0 * g4
    c[5 * LANES + t] += w1 * g1
    c[6 * LANES + t] += w1 * g2
    c[7 * LANES + t] += w1 * g3
    c[8 * LANES + t] += w1 * g4
    c[9 * LANES + t] += w2 * g2
    c[10 * LANES + t] += w2 * g3
    c[11 * LANES + t] += w2 * g4
    c[12 * LANES + t] += w3 * g3
    c[13 * LANES + t] += w3 * g4
    c[14 * LANES + t] += weight * g4 * g4


@inlined
def measured(c: Array, t: int, h0: float, h1: float, h2: float, h3: float, h4: float, variance: float,
             hits: float) -> None:
    """Update the upper triangle of track ``t`` with ``hits`` measurements of ``h . parameters``."""
    p0 = c[t] * h0 + c[LANES + t] * h1 + c[2 * LANES + t] * h2 + c[3 * LANES + t] * h3 + c[4 * LANES + t] * h4
    p1 = (c[LANES + t] * h0 + c[5 * LANES + t] * h1 + c[6 * LANES + t] * h2 + c[7 * LANES + t] * h3
          + c[8 * LANES + t] * h4)
    p2 = (c[2 * LANES + t] * h0 + c[6 * LANES + t] * h1 + c[9 * LANES + t] * h2 + c[10 * LANES + t] * h3
          + c[11 * LANES + t] * h4)
    p3 = (c[3 * LANES + t] * h0 + c[7 * LANES + t] * h1 + c[10 * LANES + t] * h2 + c[12 * LANES + t] * h3
          + c[13 * LANES + t] * h4)
    p4 = (c[4 * LANES + t] * h0 + c[8 * LANES + t] * h1 + c[11 * LANES + t] * h2 + c[13 * LANES + t] * h3
          + c[14 * LANES + t] * h4)
    whole = p0 * h0 + p1 * h1 + p2 * h2 + p3 * h3 + p4 * h4 + variance / max(hits, 1.0)
    add_product(c, t, p0, p1, p2, p3, p4, (-1.0 if hits > 0.0 else 0.0) / whole)


@inlined
def geometry(half: float, d0: float, radius: float) -> tuple[float, float, float, float, float]:
    """``sin a``, ``cos a``, ``S``, ``V`` and ``1 / omega + d0`` where ``half = sin(a / 2)``."""
    sine, versine = 2.0 * half * math.sqrt(1.0 - half * half), 2.0 * half * half
    return sine, 1.0 - versine, sine * radius, versine * radius, radius + d0


@kernel
def measure_across(c: Array, variance: float, half: Array, hits: Array) -> None:
    """Take measurements of u into the covariances."""
    for t in range(LANES):
        sine, cosine, _, back, lever = geometry(half[t], c[D0 + t], c[RADIUS + t])
        measured(c, t, cosine, -lever * sine, back * c[RADIUS + t], 0.0, 0.0, variance, hits[t])


@kernel
def measure_along(c: Array, u: float, z: float, variance: float, half: Array, arc: Array, hits: Array) -> None:
    """Take measurements of ``u`` times u plus ``z`` times z into the covariances."""
    for t in range(LANES):
        d0, slope, s = c[D0 + t], z * c[TANL + t], arc[t]
        sine, cosine, across, back, lever = geometry(half[t], d0, c[RADIUS + t])
        measured(c, t, u * cosine - slope * sine, -u * lever * sine - slope * (d0 * cosine - back),
                 (u * back - slope * (s - across)) * c[RADIUS + t], z, z * s, variance, hits[t])


@kernel
def scatter(c: Array, layer: Array, half: Array, arc: Array) -> None:
    """Add the noise of the material of a layer to the covariances."""
    radius, material = layer[0], layer[0] * layer[10]
    for t in range(LANES):
        d0, omega, tanl, s = c[D0 + t], c[OMEGA + t], c[TANL + t], arc[t]
        sine, cosine, across, back, lever = geometry(half[t], d0, c[RADIUS + t])
        theta2 = (material if s > 0.0 else 0.0) * c[SCATTERING + t] / max(lever * sine, 0.1 * radius)
        slope2, squeeze = 1.0 + tanl * tanl, c[RADIUS + t] / lever
        turn = cosine * squeeze
        add_product(c, t, across, turn, 0.0, tanl * (back + d0 * turn), 0.0, theta2 * slope2)
        turn = tanl * sine * squeeze
        add_product(c, t, back * tanl, turn, omega * tanl,
                    -s * slope2 - tanl * tanl * (across - s) + tanl * d0 * turn, slope2, theta2)


@kernel
def pass_layer(c: Array, layer: Array, half: Array, arc: Array, hits: Array) -> None:
    """Take one layer into the covariances: its ``hits`` (LANES,), then its material."""
    tangent = layer[9]
    if tangent != 0.0:
        measure_along(c, 1.0, tangent, layer[7] * (1.0 + tangent * tangent), half, arc, hits)
    else:
        if layer[7] > 0.0:
            measure_across(c, layer[7], half, hits)
        if layer[8] > 0.0:
            measure_along(c, 0.0, 1.0, layer[8], half, arc, hits)
    scatter(c, layer, half, arc)


@kernel
def cholesky(c: Array, factor: Array, repaired: Array) -> None:
    """Write the lower factors (15 LANES,), column by column, of the upper triangles.

    A pivot below ``LEAST_PIVOT`` of its diagonal element is raised to it, in ``factor`` and in ``c``; ``repaired``
    (LANES,) becomes 1 there, 0 elsewhere.
    """
    for t in range(LANES):
        repaired[t] = 0.0
    start = 0
    for i in range(5):
        for j in range(i, 5):
            place, before, skip = (start + j - i) * LANES, 0, 0
            for t in range(LANES):
                factor[place + t] = c[place + t]
            for k in range(i):
                # element (k, i) of the triangle stands at before + i - k
                skip = before + i - k
                for t in range(LANES):
                    factor[place + t] -= factor[skip * LANES + t] * factor[(skip + j - i) * LANES + t]
                before += 5 - k
            if j == i:
                for t in range(LANES):
                    value, least = factor[place + t], LEAST_PIVOT * c[place + t]
                    low = not value > least
                    c[place + t] += 2.0 * least - value if low else 0.0
                    repaired[t] = 1.0 if low else repaired[t]
                    factor[place + t] = math.sqrt(2.0 * least if low else value)
            else:
                for t in range(LANES):
                    factor[place + t] /= factor[start * LANES + t]
        start += 5 - i


@kernel
def fit_covariances(c: Array, layers: Array, half: Array, arcs: Array, hits: Array, inflation: Array, factor: Array,
                    repaired: Array) -> None:
    """Write covariances and their Cholesky factors of LANES tracks, and where they had to be repaired.

    Parameters
    ----------
    c : (STATE_SIZE,)
        The tracks, see :mod:`openbfactory.simulate.lanes`; ``SCATTERING`` is ``(1 + tanLambda^2)^(1/2) / (p beta)^2``
        [1/GeV^2], ``NOISE`` the variance of the curvature from straggling [1/cm^2].
    layers : (k, LAYER_WIDTH)
        Layers of the card from the inside out.
    half, arcs, hits : (k, LANES)
        Sine of half the angle turned, arc length [cm] to each layer, negative where it is not crossed (or lies
        beyond the outermost hit), and number of hits there.
    inflation : (5,)
        Factors to the standard deviations.
    factor : (15 LANES,)
        Lower factors, column by column.
    repaired : (LANES,)
        1 where the matrix was repaired.
    """
    n = 0
    for i in range(5):
        for j in range(i, 5):
            for t in range(LANES):
                c[n * LANES + t] = PRIOR[i] if i == j else 0.0
            n += 1
    for k in range(len(layers) - 1, -1, -1):
        pass_layer(c, layers[k], half[k], arcs[k], hits[k])
    n = 0
    for i in range(5):
        for j in range(i, 5):
            both = inflation[i] * inflation[j]
            for t in range(LANES):
                c[n * LANES + t] *= both
            n += 1
    for t in range(LANES):
        c[9 * LANES + t] += c[NOISE + t]
    cholesky(c, factor, repaired)
