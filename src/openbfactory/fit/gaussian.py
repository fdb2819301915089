"""Gaussian cross-check of a fit: the same workspace with Gaussian bins, solved in closed form.

    chi2(theta) = sum_b (n_b - lambda_b(theta))^2 / v_b + sum_a (theta_a - aux_a)^2 / w_a^2

With lambda linear in the parameters the constrained ones (derivatives J, widths w)
go into one covariance of the bins, V = diag(v) + J w^2 J^T, and the free ones
(derivatives A) follow from a solution of their own size:

    phi = phi_0 + (A^T V^-1 A)^-1 A^T V^-1 (n - lambda_0),    cov = (A^T V^-1 A)^-1

(the nuisances from what is left over).  The derivatives are renewed at the
solution until it stays (Gauss-Newton).  Code shared with the full fit: the model
and its first derivatives; not the likelihood, the Hessian or the minimiser.

Variances: ``observed`` takes v = max(n, 1) (Neyman), a likelihood of another shape.
``expected`` takes v = lambda at the solution; its equations are then those of the
Poisson likelihood, so the estimate must agree to the precision of the iteration.

Approximation: no bounds; a Poisson constraint counts as a Normal of the same width.
Toys (:meth:`GaussianFit.toys`) use the derivatives at the best point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.stats import chi2

from openbfactory.core.errors import FitError
from openbfactory.fit.estimate import Analysis
from openbfactory.fit.model import Model
from openbfactory.fit.specification import FloatArray, IntArray

#: iterations before giving up
MAX_ITERATIONS = 100

#: largest change of a parameter in units of its uncertainty at which the solution stays
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class GaussianFit:
    """Solution of the Gaussian problem.

    Attributes
    ----------
    names, values, uncertainties
        Free (unconstrained) parameters, estimates, standard deviations.
    covariance
        Covariance of the free parameters.
    theta
        All parameters, in the order of the model.
    bin_covariance
        V: covariance of the counts with the constrained parameters inside, shape (bins, bins).
    gain
        Derivative of the free parameters to the counts, shape (free, bins).
    expected
        Expected events by bin at the solution.
    chi2, degrees
        chi2 at the minimum and its degrees of freedom, bins less free parameters.
    iterations
        Renewals of the derivatives.
    """

    names: tuple[str, ...]
    values: FloatArray
    uncertainties: FloatArray
    covariance: FloatArray
    theta: FloatArray
    bin_covariance: FloatArray
    gain: FloatArray
    expected: FloatArray
    chi2: float
    degrees: int
    iterations: int

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2."""
        return float(chi2.sf(self.chi2, self.degrees)) if self.degrees > 0 else math.nan

    def toys(self, count: int, generator: np.random.Generator) -> FloatArray:
        """Estimates of the free parameters from toys at the solution, shape (count, free).

        Counts are drawn from the normal distribution with covariance V: statistical
        and systematic fluctuations together.
        """
        root = np.linalg.cholesky(self.bin_covariance)
        shifts = generator.standard_normal((count, len(self.expected))) @ (self.gain @ root).T
        estimates: FloatArray = self.values + shifts
        return estimates


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """One linear problem: derivatives at a point and the variances of the counts."""

    free: IntArray
    held: IntArray
    jacobian: FloatArray
    width: FloatArray
    variance: FloatArray

    def covariance(self) -> FloatArray:
        """V."""
        scaled = self.jacobian[:, self.held] * self.width
        matrix: FloatArray = scaled @ scaled.T
        matrix[np.diag_indices(len(matrix))] += self.variance
        return matrix

    def solve(self, residual: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
        """Steps of the free parameters, offsets of the others, covariance, gain, chi2.

        Raises
        ------
        FitError
            When the data do not determine the free parameters.
        """
        columns = self.jacobian[:, self.free]
        try:
            factor = cho_factor(self.covariance())
            weighted = cho_solve(factor, columns)
            information = columns.T @ weighted
            inner = cho_factor(information)
        except LinAlgError:
            message = "the Gaussian fit has no solution: a variance is zero or the data do not determine a parameter"
            raise FitError(message) from None
        covariance = cho_solve(inner, np.eye(len(self.free)))
        gain = covariance @ weighted.T
        step = gain @ residual
        left = residual - columns @ step
        pulled = cho_solve(factor, left)
        offsets = self.width**2 * (self.jacobian[:, self.held].T @ pulled)
        return step, offsets, covariance, gain, float(left @ pulled)


def gaussian_fit(analysis: Analysis, *, variance: Literal["observed", "expected"] = "observed") -> GaussianFit:
    """Gaussian fit of the workspace of an analysis.

    Parameters
    ----------
    variance
        ``observed``: v = max(n, 1); ``expected``: v = expected events at the solution.

    Raises
    ------
    FitError
        When there is no solution, or the iteration does not settle.
    """
    likelihood = analysis.fit.likelihood
    model, parameters = likelihood.model, likelihood.model.parameters
    constrained = np.isfinite(parameters.center) & ~parameters.fixed
    free, held = np.flatnonzero(~constrained & ~parameters.fixed), np.flatnonzero(constrained)
    center, width = parameters.center[held], parameters.width[held]
    theta = parameters.inits.copy()
    for iteration in range(1, MAX_ITERATIONS + 1):
        expectation = model.derivatives(theta)
        jacobian = model.jacobian(expectation)
        spread = np.maximum(likelihood.observed, 1.0) if variance == "observed" else expectation.bins
        linear = _Linear(free, held, jacobian, width, np.maximum(spread, 1e-9))
        residual = likelihood.observed - expectation.bins + jacobian[:, held] @ (theta[held] - center)
        step, offsets, covariance, gain, least = linear.solve(residual)
        new = theta.copy()
        new[free] += step
        new[held] = center + offsets
        sigma = np.sqrt(np.diag(covariance))
        change = max(np.abs(step / sigma).max(initial=0.0), np.abs((new - theta)[held] / width).max(initial=0.0))
        if not math.isfinite(change):
            break
        # half steps when the iteration may be swinging
        theta = new if iteration < 20 else theta + 0.5 * (new - theta)
        if change < TOLERANCE:
            return _result(model, theta, linear, (covariance, gain, least), iteration)
    message = f"the Gaussian fit has not settled after {iteration} iterations"
    raise FitError(message)


def _result(model: Model, theta: FloatArray, linear: _Linear, solution: tuple[FloatArray, FloatArray, float],
            iterations: int) -> GaussianFit:
    """Record of a settled iteration."""
    covariance, gain, least = solution
    return GaussianFit(
        tuple(model.parameters.names[i] for i in linear.free), theta[linear.free], np.sqrt(np.diag(covariance)),
        covariance, theta, linear.covariance(), gain, model.expected(theta), least, model.bins - len(linear.free),
        iterations)
