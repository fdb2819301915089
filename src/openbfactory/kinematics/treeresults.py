"""Masses, flights and covariances of the composites of a decay from the parameters of a good fit."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import speed_of_light
from openbfactory.kinematics.decaytree import COMPOSITE
from openbfactory.kinematics.treemodel import Shape, State

Array = npt.NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def _covariance_of(jacobian: Array, normal: Array, n: int, out: Array, work: Array) -> None:
    """Fill ``out`` (r, r) with J C J^T of the covariance of the parameters; ``jacobian`` (r, n), ``work`` (r, n)."""
    r = len(jacobian)
    for a in range(r):
        for j in range(n):
            total = 0.0
            for i in range(n):
                total += jacobian[a, i] * normal[i, j]
            work[a, j] = total
        for b in range(a + 1):
            total = 0.0
            for j in range(n):
                total += work[a, j] * jacobian[b, j]
            out[a, b] = out[b, a] = total


@njit(cache=True, error_model="numpy")
def _flight(shape: Shape, i: int, parameters: Array, state: State, n: int, out: Array) -> None:
    """Fill decay time, its error, flight length, its error (4,) of composite ``i``."""
    at = shape.column[i]
    tau, p = parameters[at], state.p[i]
    size = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    slope = np.empty(n)
    for j in range(n):
        slope[j] = tau * (p[0] * state.dp[i, 0, j] + p[1] * state.dp[i, 1, j] + p[2] * state.dp[i, 2, j]) / size
    slope[at] += size
    variance = 0.0
    for a in range(n):
        for b in range(n):
            variance += slope[a] * state.normal[a, b] * slope[b]
    out[0] = shape.mass[i] * tau / speed_of_light
    out[1] = shape.mass[i] * math.sqrt(state.normal[at, at]) / speed_of_light
    out[2] = tau * size
    out[3] = math.sqrt(variance)


@njit(cache=True, error_model="numpy")
def store_results(shape: Shape, parameters: Array, state: State, p4: Array, vertex: Array, covariance: Array,
                  mass: Array, flight: Array, jacobian: Array, work: Array) -> None:
    """Fill the results of one good fit."""
    n, place = len(parameters), 0
    for i in range(len(shape.kind)):
        p4[i, 0] = state.e[i]
        for a in range(3):
            p4[i, 1 + a] = state.p[i, a]
        if shape.kind[i] != COMPOSITE:
            continue
        v = shape.decays[i]
        for a in range(3):
            vertex[i, a] = state.x[v, a]
        for j in range(n):
            for a in range(3):
                jacobian[a, j] = state.dp[i, a, j]
                jacobian[4 + a, j] = state.dx[v, a, j]
            jacobian[3, j] = state.de[i, j]
        _covariance_of(jacobian, state.normal, n, covariance[place], work)
        square = p4[i, 0] ** 2 - p4[i, 1] ** 2 - p4[i, 2] ** 2 - p4[i, 3] ** 2
        mass[0, i] = math.sqrt(max(square, 0.0))
        variance = 0.0
        for a in range(4):
            for b in range(4):
                sign = (1.0 if a == 3 else -1.0) * (1.0 if b == 3 else -1.0)
                variance += sign * p4[i, (a + 1) % 4] * covariance[place, a, b] * p4[i, (b + 1) % 4]
        mass[1, i] = math.sqrt(max(variance, 0.0)) / mass[0, i]
        if v > shape.made[i]:
            _flight(shape, i, parameters, state, n, flight[i])
        place += 1
