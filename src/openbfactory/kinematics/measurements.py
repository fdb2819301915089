"""What a detector measures of one particle, predicted from its vertex and momentum, with derivatives.

A charged particle at ``x`` with momentum ``p`` predicts the five helix parameters at the POCA to the origin (closed
forms of :mod:`openbfactory.kinematics.helix`); a neutral one predicts energy and the two angles under which the point
where it meets the sphere of the cluster's radius is seen from the origin.  Each kernel adds the contribution
``r^T W r`` of a residual ``r`` with weight ``W`` to a local half-Hessian (6, 6) and half-gradient (6,) in the order x,
y, z, px, py, pz.

Validity: transverse momentum not zero; the vertex within half a turn of the POCA and inside the cluster's radius.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.helix import perigee_at

Array = npt.NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def invert_symmetric(m: Array, n: int, columns: int) -> bool:
    """Replace the first ``n`` columns of ``m`` (n, columns) by the inverse, the others by solutions; False if singular.

    Gauss-Jordan elimination without exchange of rows, safe for positive definite matrices of unit diagonal.
    """
    for k in range(n):
        pivot = m[k, k]
        if not pivot > 1e-13:
            return False
        scale = 1.0 / pivot
        m[k, k] = 1.0
        for j in range(columns):
            m[k, j] *= scale
        for i in range(n):
            factor = m[i, k]
            if i == k or factor == 0.0:
                continue
            m[i, k] = 0.0
            for j in range(columns):
                m[i, j] -= factor * m[k, j]
    return True


@njit(cache=True, error_model="numpy")
def weight_of(upper: Array, n: int, weight: Array) -> bool:
    """Fill ``weight`` (n, n) with the inverse of a covariance given as its upper triangle; False if singular."""
    place = 0
    for i in range(n):
        for j in range(i, n):
            weight[i, j] = upper[place]
            weight[j, i] = upper[place]
            place += 1
    scale = np.empty(n)
    for i in range(n):
        if not (weight[i, i] > 0.0 and weight[i, i] < math.inf):
            return False
        scale[i] = 1.0 / math.sqrt(weight[i, i])
    for i in range(n):
        for j in range(n):
            weight[i, j] *= scale[i] * scale[j]
    if not invert_symmetric(weight, n, n):
        return False
    for i in range(n):
        for j in range(n):
            weight[i, j] *= scale[i] * scale[j]
    return True


@njit(cache=True, error_model="numpy")
def helix_model(x: Array, p: Array, bend: float, model: Array, jacobian: Array) -> None:
    """Fill the helix (5,) of a particle and its derivatives (5, 6) by position and momentum.

    Parameters
    ----------
    x, p : (3,) float64
        Position [cm] and momentum there [GeV].
    bend
        Charge times field times ``pt_per_tesla_cm`` [GeV/cm].
    """
    pt2 = p[0] * p[0] + p[1] * p[1]
    pt = math.sqrt(pt2)
    omega = bend / pt
    tanl = p[2] / pt
    d, phi1, s = perigee_at(0.0, math.atan2(p[1], p[0]), omega, -x[0], -x[1])
    sin1 = math.sin(phi1)
    cos1 = math.cos(phi1)
    sind = math.sin(omega * s)
    cosd = math.cos(omega * s)
    length = 1.0 + omega * d
    along = (x[0] * cos1 + x[1] * sin1) / length
    model[0] = d
    model[1] = phi1
    model[2] = omega
    model[3] = x[2] + s * tanl
    model[4] = tanl
    d_phi, d_omega = -sind / omega, (x[0] * sin1 - x[1] * cos1 - d) / omega
    s_phi, s_omega = (1.0 - cosd / length) / omega, -(along + s) / omega
    jacobian[0, 0] = sin1
    jacobian[0, 1] = -cos1
    jacobian[1, 0] = omega * cos1 / length
    jacobian[1, 1] = omega * sin1 / length
    jacobian[3, 0] = -tanl * cos1 / length
    jacobian[3, 1] = -tanl * sin1 / length
    for row in range(5):
        jacobian[row, 2] = 0.0
        jacobian[row, 5] = 0.0
    jacobian[3, 2] = 1.0
    jacobian[2, 0] = jacobian[2, 1] = jacobian[4, 0] = jacobian[4, 1] = 0.0
    for a in range(2):
        phi_p = (-p[1] if a == 0 else p[0]) / pt2
        omega_p = -omega * p[a] / pt2
        jacobian[0, 3 + a] = d_phi * phi_p + d_omega * omega_p
        jacobian[1, 3 + a] = cosd / length * phi_p + along * omega_p
        jacobian[2, 3 + a] = omega_p
        jacobian[3, 3 + a] = tanl * (s_phi * phi_p + s_omega * omega_p) - s * tanl * p[a] / pt2
        jacobian[4, 3 + a] = -tanl * p[a] / pt2
    jacobian[3, 5] = s / pt
    jacobian[4, 5] = 1.0 / pt


@njit(cache=True, error_model="numpy")
def cluster_model(x: Array, p: Array, mass: float, radius: float, model: Array, jacobian: Array) -> None:
    """Fill energy, theta, phi (3,) of a neutral particle and their derivatives (3, 6) by position and momentum.

    Parameters
    ----------
    x, p : (3,) float64
        Position [cm] and momentum [GeV].
    mass
        Mass [GeV].
    radius
        Distance of the cluster from the origin [cm].
    """
    size = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    energy = math.sqrt(size * size + mass * mass)
    ux, uy, uz = p[0] / size, p[1] / size, p[2] / size
    forward = x[0] * ux + x[1] * uy + x[2] * uz
    flight = -forward + math.sqrt(max(forward * forward + radius * radius
                                      - x[0] * x[0] - x[1] * x[1] - x[2] * x[2], 0.0))
    cx, cy, cz = x[0] + flight * ux, x[1] + flight * uy, x[2] + flight * uz
    rho = math.sqrt(cx * cx + cy * cy)
    cu = cx * ux + cy * uy + cz * uz
    model[0] = energy
    model[1] = math.atan2(rho, cz)
    model[2] = math.atan2(cy, cx)
    # a displacement e of the line moves the point by e - u (c.e) / (c.u); one along u does nothing
    tx, ty, tz = cx * cz / (rho * radius * radius), cy * cz / (rho * radius * radius), -rho / (radius * radius)
    fx, fy = -cy / (rho * rho), cx / (rho * rho)
    tu = (tx * ux + ty * uy + tz * uz) / cu
    fu = (fx * ux + fy * uy) / cu
    theta = (tx - tu * cx, ty - tu * cy, tz - tu * cz)
    phi = (fx - fu * cx, fy - fu * cy, -fu * cz)
    for a in range(3):
        jacobian[0, a] = 0.0
        jacobian[1, a] = theta[a]
        jacobian[2, a] = phi[a]
        jacobian[0, 3 + a] = p[a] / energy
        jacobian[1, 3 + a] = flight / size * theta[a]
        jacobian[2, 3 + a] = flight / size * phi[a]


@njit(cache=True, error_model="numpy")
def add_measurement(measured: Array, model: Array, jacobian: Array, weight: Array, n: int, angle: int,
                    hessian: Array, gradient: Array) -> float:
    """Fill the local half-Hessian (6, 6) and half-gradient (6,) of one measurement; returns its chi2.

    Parameters
    ----------
    measured, model : (n,) float64
        Measured and predicted numbers, the latter replaced by the residuals; entry ``angle`` is an azimuth.
    jacobian, weight : (n, 6), (n, n) float64
        Derivatives of the model and inverse covariance.
    """
    chi2 = 0.0
    for i in range(6):
        gradient[i] = 0.0
        for j in range(6):
            hessian[i, j] = 0.0
    for a in range(n):
        difference = model[a] - measured[a]
        if a == angle:
            difference -= 2.0 * math.pi * round(difference / (2.0 * math.pi))
        model[a] = difference
    for a in range(n):
        w0, w1, w2, w3, w4, w5, pull = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for b in range(n):
            w = weight[a, b]
            pull += w * model[b]
            w0 += w * jacobian[b, 0]
            w1 += w * jacobian[b, 1]
            w2 += w * jacobian[b, 2]
            w3 += w * jacobian[b, 3]
            w4 += w * jacobian[b, 4]
            w5 += w * jacobian[b, 5]
        chi2 += model[a] * pull
        for i in range(6):
            slope = jacobian[a, i]
            if slope == 0.0:
                continue
            gradient[i] += slope * pull
            hessian[i, 0] += slope * w0
            hessian[i, 1] += slope * w1
            hessian[i, 2] += slope * w2
            hessian[i, 3] += slope * w3
            hessian[i, 4] += slope * w4
            hessian[i, 5] += slope * w5
    return chi2
