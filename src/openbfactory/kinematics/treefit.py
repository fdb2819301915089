"""Fits of whole decay trees: all vertices, flights and momenta of a decay at once, with full covariance.

Method: least squares over the free parameters of :mod:`openbfactory.kinematics.decaytree`,

    chi2 = sum_tracks r^T V^-1 r + sum_clusters r^T V^-1 r + (x - m)^T P (x - m),

with the residuals of :mod:`openbfactory.kinematics.measurements` and a prior ``P`` (the interaction region, or a
vertex found elsewhere) on the point ``x`` where the head is made.  Momentum conservation and flight along the momentum
hold by construction; fixed masses are Lagrange constraints.  Gauss-Newton steps with halving until the squared step, in
standard deviations, is below ``CONVERGED``; the covariance is that of the last linearisation.  For one vertex it is the
fit of P. Billoir and S. Qian (Nucl. Instrum. Meth. A 311 (1992) 139); the progressive fit of a whole tree by W. D.
Hulsbergen (Nucl. Instrum. Meth. A 552 (2005) 566) has more parameters and constraints and the same minimum.

Decay time ``t = m tau / c`` with the nominal mass, which is ``m d.p / (p^2 c)`` of the fitted flight ``d``.

Validity: Gaussian measurements; trajectories within half a turn.  Approximation: no scattering or energy loss between
the vertex and the first hit beyond what the covariance holds; the field is uniform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.decaytree import COMPOSITE, DIRECTION, TRACK, DecayTree
from openbfactory.kinematics.measurements import weight_of
from openbfactory.kinematics.treemodel import Shape, State, equations, new_state, propagate, shape_of
from openbfactory.kinematics.treeresults import store_results
from openbfactory.kinematics.treestart import start_values
from openbfactory.kinematics.vertexfit import BAD_INPUT, NOT_CONVERGED, OK, SINGULAR, chi2_probabilities

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: largest number of steps
MAX_STEPS = 25
#: squared step, in standard deviations, below which a fit has converged
CONVERGED = 1e-7
#: standard deviations of chi2 above its mean from which another start is tried
POOR = 3.0
#: distance [GeV] to a fixed mass below which it holds
MASS_HOLDS = 1e-8


@dataclass(frozen=True, slots=True)
class TreeFits:
    """Results of fits of n candidates of one decay; failed fits hold NaN and a state other than 0.

    Attributes
    ----------
    chi2, pValue : (n,) float64
        Minimum and its probability (NaN without degrees of freedom).
    ndf
        Degrees of freedom, the same for all.
    state : (n,) int64
        0 for a good fit, else an index into :data:`openbfactory.kinematics.vertexfit.STATES`.
    p4 : (n, k, 4) float64
        E, px, py, pz [GeV] of every particle: composites where they decay, others where they are made.
    origin : (n, 3) float64
        Where the head is made [cm].
    vertex : (n, k, 3) float64
        Decay vertices of the composites [cm]; NaN for final-state particles.
    covariance : (n, c, 7, 7) float64
        Covariances of px, py, pz, E, x, y, z of the c composites, in the order of ``tree.composites``, at the decay.
    mass, massErr : (n, k) float64
        Fitted masses of the composites [GeV] and their uncertainties.
    decayTime, decayTimeErr : (n, k) float64
        Proper decay times [ns] of composites that fly, and uncertainties; NaN for others.
    flightDistance, flightDistanceErr : (n, k) float64
        Flight lengths [cm], negative against the momentum, and uncertainties.
    parameters : (n, P) float64
        Fitted parameters, in the columns of the tree.
    parameterCovariance : (n, P, P) float64
        Their covariance, where asked for; else of length 0.
    """

    chi2: Array
    pValue: Array
    ndf: int
    state: Index
    p4: Array
    origin: Array
    vertex: Array
    covariance: Array
    mass: Array
    massErr: Array
    decayTime: Array
    decayTimeErr: Array
    flightDistance: Array
    flightDistanceErr: Array
    parameters: Array
    parameterCovariance: Array


@njit(cache=True, error_model="numpy")
def _prepare(shape: Shape, rows: Index, helix: Array, cov: Array, cluster: Array, cluster_cov: Array, field: float,
             charge: Array, bend: Array, state: State) -> int:
    """Fill charges, bends and weights of one candidate; returns the state."""
    for i in range(len(shape.kind)):
        charge[i] = 0.0
    for i in range(len(shape.kind) - 1, -1, -1):
        kind, row = shape.kind[i], rows[i]
        if kind == TRACK:
            if row < 0 or row >= len(helix) or helix[row, 2] == 0.0:
                return BAD_INPUT
            for a in range(5):
                if not abs(helix[row, a]) < math.inf:
                    return BAD_INPUT
            charge[i] = math.copysign(1.0, helix[row, 2])
            if not weight_of(cov[row], 5, state.weight[i]):
                return SINGULAR
        elif kind != COMPOSITE:
            if row < 0 or row >= len(cluster):
                return BAD_INPUT
            for a in range(4):
                if not abs(cluster[row, a]) < math.inf:
                    return BAD_INPUT
            if not _cluster_weight(cluster_cov[row], kind == DIRECTION, state.weight[i]):
                return SINGULAR
        if shape.mother[i] >= 0:
            charge[shape.mother[i]] += charge[i]
        bend[i] = charge[i] * field * pt_per_tesla_cm
    return OK


@njit(cache=True, error_model="numpy")
def _cluster_weight(upper: Array, angles_only: bool, weight: Array) -> bool:
    """Fill the inverse covariance of energy, theta, phi, that of the energy zero where only the angles count."""
    if not angles_only:
        return weight_of(upper, 3, weight)
    det = upper[3] * upper[5] - upper[4] * upper[4]
    if not (det > 0.0 and upper[3] > 0.0 and det < math.inf):
        return False
    for a in range(3):
        weight[0, a] = weight[a, 0] = 0.0
    weight[1, 1] = upper[5] / det
    weight[1, 2] = weight[2, 1] = -upper[4] / det
    weight[2, 2] = upper[3] / det
    return True


@njit(cache=True, error_model="numpy")
def solve(normal: Array, n: int, scale: Array) -> bool:
    """Invert the bordered normal equations in place, the last column becomes the step; False if singular.

    The first ``n`` rows are parameters, the others constraints.  Rows are scaled to a unit diagonal, and the square of
    the constraints is added to the half-Hessian, which changes neither the step nor the covariance of the parameters
    but lets constraints supply what no measurement does.
    """
    size = len(normal)
    for i in range(n):
        scale[i] = 1.0 / math.sqrt(normal[i, i]) if normal[i, i] > 0.0 else 1.0
    for c in range(n, size):
        total = 0.0
        for i in range(n):
            total += (normal[c, i] * scale[i]) ** 2
        if not total > 0.0:
            return False
        scale[c] = 1.0 / math.sqrt(total)
    for i in range(size):
        for j in range(size):
            normal[i, j] *= scale[i] * scale[j]
        normal[i, size] *= scale[i]
    for c in range(n, size):
        for i in range(n):
            normal[i, size] += normal[c, i] * normal[c, size]
            for j in range(n):
                normal[i, j] += normal[c, i] * normal[c, j]
    for k in range(size):
        pivot = normal[k, k]
        if not (pivot > 1e-12 if k < n else pivot < -1e-12):
            return False
        normal[k, k] = 1.0
        inverse = 1.0 / pivot
        for j in range(size + 1):
            normal[k, j] *= inverse
        for i in range(size):
            factor = normal[i, k]
            if i != k and factor != 0.0:
                normal[i, k] = 0.0
                for j in range(size + 1):
                    normal[i, j] -= factor * normal[k, j]
    for i in range(size):
        for j in range(size):
            normal[i, j] *= scale[i] * scale[j]
        normal[i, size] *= scale[i]
    return True


@njit(cache=True, error_model="numpy")
def minimise(shape: Shape, rows: Index, helix: Array, cluster: Array, bend: Array, mean: Array, prior: Array,
             parameters: Array, step: Array, scale: Array, state: State) -> tuple[float, int]:
    """Minimum chi2 and state of one fit from the ``parameters`` given; leaves the covariance in ``state.normal``."""
    n, normal = len(parameters), state.normal
    m = len(shape.fixed)
    last = n + m
    before, penalty, halvings = math.inf, 0.0, 0
    off = np.zeros(m)
    for j in range(n):
        step[j] = 0.0
    for _ in range(MAX_STEPS):
        chi2 = equations(shape, parameters, rows, helix, cluster, bend, mean, prior, state)
        merit, worst = chi2, 0.0
        for c in range(m):
            off[c] = normal[n + c, last]
            merit += penalty * abs(off[c])
            worst = max(worst, abs(off[c]))
        if not merit < before + 1e-3 + 1e-3 * abs(before) and halvings < 8:
            halvings += 1
            for j in range(n):
                step[j] *= 0.5
                parameters[j] -= step[j]
            continue
        if not chi2 < 1e12:
            return math.nan, NOT_CONVERGED
        halvings = 0
        for j in range(n):
            step[j] = normal[j, last]
        if not solve(normal, n, scale):
            return math.nan, SINGULAR
        moved, decrease = 0.0, 0.0
        for j in range(n):
            moved += step[j] * normal[j, last]
        decrease = moved
        for c in range(m):  # with the multipliers
            moved -= off[c] * normal[n + c, last]
            decrease += off[c] * normal[n + c, last]
            penalty = max(penalty, 4.0 * abs(normal[n + c, last]))
        before = chi2
        for c in range(m):
            before += penalty * abs(off[c])
        for j in range(n):
            step[j] = normal[j, last]
            parameters[j] += step[j]
        if moved < CONVERGED and worst < MASS_HOLDS:
            return max(chi2 - decrease, 0.0), OK
    return math.nan, NOT_CONVERGED


@njit(cache=True, error_model="numpy")
def _fit_trees(shape: Shape, vertices: int, rows: Index, helix: Array, cov: Array, cluster: Array, cluster_cov: Array,
               field: float, mean: Array, prior: Array, poor: float, parameters: Array, chi2: Array, state: Index,
               p4: Array, vertex: Array, covariance: Array, mass: Array, flight: Array, full: Array) -> None:
    """Fill the columns of :class:`TreeFits`."""
    k, n, m = len(shape.kind), parameters.shape[1], len(shape.fixed)
    scratch = new_state(k, vertices, n, m)
    charge, bend, step, scale = np.empty(k), np.empty(k), np.empty(n), np.empty(n + m)
    legs, jacobian, work, values = np.zeros((k, 5)), np.empty((7, n)), np.empty((7, n)), np.empty(n)
    for c in range(len(rows)):
        state[c] = _prepare(shape, rows[c], helix, cov, cluster, cluster_cov, field, charge, bend, scratch)
        if state[c] != OK:
            continue
        first, best = math.inf, OK
        for attempt in range(3):  # the other crossing where the first fit is poor, and back if that is no better
            start_values(shape.mother, shape.kind, shape.mass, shape.column, shape.made, shape.decays, rows[c], helix,
                         cluster, charge, field, mean[c], prior[c, 0, 0] > 0.0, attempt == 1, scratch.x, scratch.p,
                         legs, values)
            chi2[c], state[c] = minimise(shape, rows[c], helix, cluster, bend, mean[c], prior[c], values, step, scale,
                                         scratch)
            if attempt == 0:
                if state[c] == OK and chi2[c] < poor:
                    break
                first, best = chi2[c], state[c]
            elif attempt == 1 and state[c] == OK and not (best == OK and first <= chi2[c]):
                break
        if state[c] != OK:
            continue
        propagate(shape, values, bend, scratch)
        for j in range(n):
            parameters[c, j] = values[j]
        store_results(shape, values, scratch, p4[c], vertex[c], covariance[c], mass[c], flight[c], jacobian, work)
        if len(full) > 0:
            for i in range(n):
                for j in range(n):
                    full[c, i, j] = scratch.normal[i, j]


def fit_trees(tree: DecayTree, rows: Index, helix: Array, cov: Array, *, field: float, cluster: Array | None = None,
              cluster_cov: Array | None = None, mean: Array | None = None, prior_covariance: Array | None = None,
              full_covariance: bool = False) -> TreeFits:
    """Fits of many candidates of one decay.

    Parameters
    ----------
    tree
        The decay.
    rows : (n, k) int64
        Row of each particle among the tracks or clusters; anything for composites.
    helix, cov : (t, 5), (t, 15) float64
        Helix parameters relative to the origin and upper triangles of their covariances.
    field
        Field along z [T].
    cluster, cluster_cov : (c, 4), (c, 6) float64
        Energy [GeV], theta, phi, distance from the origin [cm]; upper triangles of the covariance of the first three.
    mean, prior_covariance : (3,) or (n, 3), (3, 3) or (n, 3, 3) float64
        Expected point where the head is made [cm] and its covariance [cm^2]; no constraint without a covariance.
    full_covariance
        Keep the covariance of all parameters.

    Raises
    ------
    InputError
        When arrays do not fit the tree, or the tree has more parameters than the measurements determine.
    """
    n, k = len(rows), len(tree.kind)
    ndf = tree.measurements + tree.constraints + (0 if prior_covariance is None else 3) - tree.parameters
    _check_shapes(tree, rows, cluster, cluster_cov, ndf)
    prior = np.zeros((1, 3, 3)) if prior_covariance is None else np.linalg.inv(prior_covariance)
    means = np.ascontiguousarray(np.broadcast_to(np.zeros(3) if mean is None else mean, (n, 3)), np.float64)
    priors = np.ascontiguousarray(np.broadcast_to(prior, (n, 3, 3)), np.float64)
    found, probe = tree.composites, np.zeros((1, 4))
    state, chi2 = np.zeros(n, np.int64), np.full(n, np.nan)
    p4, vertex, mass, flight = (np.full((n, *s), np.nan) for s in ((k, 4), (k, 3), (2, k), (k, 4)))
    covariance, parameters = np.full((n, len(found), 7, 7), np.nan), np.full((n, tree.parameters), np.nan)
    full = np.full((n if full_covariance else 0, tree.parameters, tree.parameters), np.nan)
    _fit_trees(shape_of(tree), tree.uses.shape[0], np.ascontiguousarray(rows, np.int64), helix, cov,
               probe if cluster is None else cluster, np.zeros((1, 6)) if cluster_cov is None else cluster_cov, field,
               means, priors, ndf + POOR * np.sqrt(2.0 * ndf + 1.0), parameters, chi2, state, p4, vertex, covariance,
               mass, flight, full)
    return TreeFits(chi2, chi2_probabilities(chi2, np.full(n, ndf)), ndf, state, p4, parameters[:, :3], vertex,
                    covariance, mass[:, 0], mass[:, 1], flight[..., 0], flight[..., 1], flight[..., 2],
                    flight[..., 3], parameters, full)


def _check_shapes(tree: DecayTree, rows: Index, cluster: Array | None, cluster_cov: Array | None, ndf: int) -> None:
    """Refuse arrays that do not fit the tree.

    Raises
    ------
    InputError
        With every mistake.
    """
    findings = Findings("fit of a decay tree")
    if rows.ndim != 2 or rows.shape[1] != len(tree.kind):
        findings.error("wrong-shape", "rows", f"shape {rows.shape}", expected=f"(n, {len(tree.kind)})")
    if np.any(tree.kind > TRACK) and (cluster is None or cluster_cov is None):
        findings.error("missing-clusters", "cluster", "the decay has neutral particles",
                       expected="cluster and cluster_cov")
    if ndf < 0:
        findings.error("undetermined", "", f"{-ndf} more parameters than measurements, fixed masses and prior")
    findings.raise_if_errors(InputError)
