"""Positions, momenta and their derivatives in a decay, and the normal equations of its fit.

Momenta of composites are the sums of those of their daughters.  In the field B along z a composite of charge q that
flies for ``tau`` (flight length over momentum) turns by ``-kappa tau``, ``kappa = q B pt_per_tesla_cm``, so that with
``P`` its momentum at the decay::

    P_made = R(kappa tau) P,   x_decays - x_made = (S Px - C Py, C Px + S Py, tau Pz),
    S = sin(kappa tau) / kappa,   C = (1 - cos(kappa tau)) / kappa

independent of the size of the momentum; for neutral ones ``tau P``.  All derivatives are exact.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.decaytree import COMPOSITE, TRACK, DecayTree
from openbfactory.kinematics.measurements import add_measurement, cluster_model, helix_model

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class Shape(NamedTuple):
    """Arrays of a :class:`DecayTree` for kernels."""

    mother: Index
    kind: Index
    mass: Array
    column: Index
    made: Index
    decays: Index
    uses: Index
    used: Index
    fixed: Index


class State(NamedTuple):
    """Values and derivatives of one candidate at the present parameters.

    Attributes
    ----------
    x : (vertices, 3), dx : (vertices, 3, n)
        Vertices and their derivatives by the parameters.
    p : (k, 3), dp : (k, 3, n)
        Momenta, those of composites where they decay, and their derivatives (of composites alone).
    at_birth : (k, 3), dp_birth : (k, 3, n)
        Momenta of composites where they are made, and their derivatives.
    e : (k,), de : (k, n)
        Energies and their derivatives (of composites alone).
    weight : (k, 5, 5)
        Inverse covariances of the measurements.
    normal : (n + m, n + m + 1)
        Half-Hessian with borders for the m fixed masses; last column the negative half-gradient.
    local, slope, model, jacobian
        Scratch of one measurement.
    """

    x: Array
    dx: Array
    p: Array
    at_birth: Array
    dp: Array
    dp_birth: Array
    e: Array
    de: Array
    weight: Array
    normal: Array
    local: Array
    slope: Array
    model: Array
    jacobian: Array


def shape_of(tree: DecayTree) -> Shape:
    """The arrays of a tree for kernels."""
    return Shape(tree.mother, tree.kind, tree.mass, tree.column, tree.made, tree.decays, tree.uses, tree.used,
                 np.flatnonzero(tree.fixed).astype(np.int64))


@njit(cache=True, error_model="numpy")
def new_state(k: int, vertices: int, n: int, m: int) -> State:
    """Scratch for ``k`` particles, ``n`` parameters and ``m`` fixed masses."""
    return State(np.zeros((vertices, 3)), np.zeros((vertices, 3, n)), np.zeros((k, 3)), np.zeros((k, 3)),
                 np.zeros((k, 3, n)), np.zeros((k, 3, n)), np.zeros(k), np.zeros((k, n)), np.zeros((k, 5, 5)),
                 np.zeros((n + m, n + m + 1)), np.zeros((6, 6)), np.zeros(6), np.zeros(5), np.zeros((5, 6)))


@njit(cache=True, error_model="numpy")
def turned(kappa: float, tau: float) -> tuple[float, float, float, float]:
    """Cosine and sine of ``kappa tau``, and S and C of the module."""
    angle = kappa * tau
    cosine, sine = math.cos(angle), math.sin(angle)
    if abs(angle) < 1e-4:
        return cosine, sine, tau * (1.0 - angle * angle / 6.0), 0.5 * angle * tau * (1.0 - angle * angle / 12.0)
    return cosine, sine, sine / kappa, (1.0 - cosine) / kappa


@njit(cache=True, error_model="numpy")
def propagate(shape: Shape, parameters: Array, bend: Array, state: State) -> None:
    """Fill positions, momenta, energies and their derivatives; ``bend`` (k,) is kappa of each particle."""
    k, n = len(shape.kind), len(parameters)
    for i in range(k):
        if shape.kind[i] != COMPOSITE:
            continue
        state.e[i] = 0.0
        for c in range(n):
            state.de[i, c] = 0.0
        for a in range(3):
            state.p[i, a] = 0.0
            for c in range(n):
                state.dp[i, a, c] = 0.0
    for i in range(k - 1, -1, -1):
        at, above = shape.column[i], shape.mother[i]
        if shape.kind[i] != COMPOSITE:
            square = shape.mass[i] ** 2
            for a in range(3):
                square += parameters[at + a] ** 2
            state.e[i] = math.sqrt(square)
            state.e[above] += state.e[i]
            for a in range(3):
                state.p[i, a] = parameters[at + a]
                state.p[above, a] += parameters[at + a]
                state.dp[above, a, at + a] += 1.0
                state.de[above, at + a] += parameters[at + a] / state.e[i]
            continue
        _to_birth(shape, i, parameters, bend[i], state)
        if above >= 0:
            state.e[above] += state.e[i]
            for c in range(n):
                state.de[above, c] += state.de[i, c]
            for a in range(3):
                state.p[above, a] += state.at_birth[i, a]
                for c in range(n):
                    state.dp[above, a, c] += state.dp_birth[i, a, c]
    for a in range(3):
        state.x[0, a] = parameters[a]
        for c in range(n):
            state.dx[0, a, c] = 1.0 if c == a else 0.0
    for i in range(k):
        if shape.decays[i] > shape.made[i]:
            _fly(shape, i, parameters, bend[i], state)


@njit(cache=True, error_model="numpy")
def _to_birth(shape: Shape, i: int, parameters: Array, kappa: float, state: State) -> None:
    """Fill momentum and derivatives of composite ``i`` where it is made."""
    n = len(parameters)
    if kappa == 0.0 or shape.decays[i] == shape.made[i]:
        for a in range(3):
            state.at_birth[i, a] = state.p[i, a]
            for c in range(n):
                state.dp_birth[i, a, c] = state.dp[i, a, c]
        return
    at = shape.column[i]
    cosine, sine, _, _ = turned(kappa, parameters[at])
    state.at_birth[i, 0] = cosine * state.p[i, 0] - sine * state.p[i, 1]
    state.at_birth[i, 1] = sine * state.p[i, 0] + cosine * state.p[i, 1]
    state.at_birth[i, 2] = state.p[i, 2]
    for c in range(n):
        state.dp_birth[i, 0, c] = cosine * state.dp[i, 0, c] - sine * state.dp[i, 1, c]
        state.dp_birth[i, 1, c] = sine * state.dp[i, 0, c] + cosine * state.dp[i, 1, c]
        state.dp_birth[i, 2, c] = state.dp[i, 2, c]
    state.dp_birth[i, 0, at] -= kappa * state.at_birth[i, 1]
    state.dp_birth[i, 1, at] += kappa * state.at_birth[i, 0]


@njit(cache=True, error_model="numpy")
def _fly(shape: Shape, i: int, parameters: Array, kappa: float, state: State) -> None:
    """Fill the decay vertex of composite ``i`` and its derivatives."""
    at, begin, end = shape.column[i], shape.made[i], shape.decays[i]
    tau = parameters[at]
    along, aside = tau, 0.0
    if kappa != 0.0:
        _, _, along, aside = turned(kappa, tau)
    p, dp = state.p[i], state.dp[i]
    state.x[end, 0] = state.x[begin, 0] + along * p[0] - aside * p[1]
    state.x[end, 1] = state.x[begin, 1] + aside * p[0] + along * p[1]
    state.x[end, 2] = state.x[begin, 2] + tau * p[2]
    for c in range(len(parameters)):
        state.dx[end, 0, c] = state.dx[begin, 0, c] + along * dp[0, c] - aside * dp[1, c]
        state.dx[end, 1, c] = state.dx[begin, 1, c] + aside * dp[0, c] + along * dp[1, c]
        state.dx[end, 2, c] = state.dx[begin, 2, c] + tau * dp[2, c]
    for a in range(3):
        state.dx[end, a, at] += state.at_birth[i, a]


@njit(cache=True, error_model="numpy")
def equations(shape: Shape, parameters: Array, rows: Index, helix: Array, cluster: Array, bend: Array, mean: Array,
              prior: Array, state: State) -> float:
    """Fill the normal equations at the present parameters; returns chi2."""
    n, normal = len(parameters), state.normal
    last = normal.shape[1] - 1
    propagate(shape, parameters, bend, state)
    for i in range(len(normal)):
        for j in range(last + 1):
            normal[i, j] = 0.0
    chi2 = 0.0
    for a in range(3):
        pull = 0.0
        for b in range(3):
            pull += prior[a, b] * (parameters[b] - mean[b])
            normal[a, b] = prior[a, b]
        normal[a, last] = -pull
        chi2 += pull * (parameters[a] - mean[a])
    for i in range(len(shape.kind)):
        kind = shape.kind[i]
        if kind == COMPOSITE:
            continue
        x = state.x[shape.made[i]]
        if kind == TRACK:
            helix_model(x, state.p[i], bend[i], state.model, state.jacobian)
            chi2 += add_measurement(helix[rows[i]], state.model, state.jacobian, state.weight[i], 5, 1, state.local,
                                    state.slope)
        else:
            c = cluster[rows[i]]
            cluster_model(x, state.p[i], shape.mass[i], c[3], state.model, state.jacobian)
            chi2 += add_measurement(c, state.model, state.jacobian, state.weight[i], 3, 2, state.local, state.slope)
        _spread(shape, i, state, last)
    for c in range(len(shape.fixed)):
        i = shape.fixed[c]
        row, m = n + c, shape.mass[i]
        square = state.e[i] ** 2 - state.p[i, 0] ** 2 - state.p[i, 1] ** 2 - state.p[i, 2] ** 2
        normal[row, last] = -(square - m * m) / (2.0 * m)
        for j in range(n):
            slope = state.e[i] * state.de[i, j]
            for a in range(3):
                slope -= state.p[i, a] * state.dp[i, a, j]
            normal[row, j] = normal[j, row] = slope / m
    return chi2


@njit(cache=True, error_model="numpy")
def _spread(shape: Shape, i: int, state: State, last: int) -> None:
    """Add the local half-Hessian and gradient of particle ``i`` to those of the parameters."""
    v, at = shape.made[i], shape.column[i]
    normal, dx, local, slope = state.normal, state.dx[v], state.local, state.slope
    used = shape.used[v]
    for s in range(used):
        j = shape.uses[v, s]
        d0, d1, d2 = dx[0, j], dx[1, j], dx[2, j]
        normal[j, last] -= d0 * slope[0] + d1 * slope[1] + d2 * slope[2]
        t0 = local[0, 0] * d0 + local[0, 1] * d1 + local[0, 2] * d2
        t1 = local[1, 0] * d0 + local[1, 1] * d1 + local[1, 2] * d2
        t2 = local[2, 0] * d0 + local[2, 1] * d1 + local[2, 2] * d2
        for r in range(used):
            other = shape.uses[v, r]
            normal[other, j] += dx[0, other] * t0 + dx[1, other] * t1 + dx[2, other] * t2
        for a in range(3):
            cross = local[3 + a, 0] * d0 + local[3 + a, 1] * d1 + local[3 + a, 2] * d2
            normal[at + a, j] += cross
            normal[j, at + a] += cross
    for a in range(3):
        normal[at + a, last] -= slope[3 + a]
        for b in range(3):
            normal[at + a, at + b] += local[3 + a, 3 + b]
