"""Minimises a function with gradient and Hessian inside bounds; says no when it did not get there.

Method: Newton steps with Levenberg-Marquardt damping (K. Levenberg 1944, D.
Marquardt 1963) on an active set of bounds (D. Bertsekas, SIAM J. Control Optim.
20 (1982) 221).  In each step the parameters at a bound with the gradient
pointing outwards are held; the others move by the solution of

    (H + damping * diag|H|) step = -gradient,

clipped to the bounds.  The step is taken when the function falls by a fair part
of what the quadratic model says, else the damping grows.  An indefinite Hessian
gets damping from its lowest eigenvalue; at a saddle point the step goes along
the direction of negative curvature.

Accepted as a minimum is only a point where
- the expected remaining decrease, gradient H^-1 gradient / 2, is below 1e-10,
- the Hessian of the free parameters is positive (semi-)definite,
- the gradient at every active bound points outwards.

Fallbacks, in this order: the start point given; the start point of the model;
L-BFGS-B (SciPy) from there, followed by Newton steps to the same conditions.
When all fail, FitError says what was tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from openbfactory.core.errors import FitError
from openbfactory.fit.specification import BoolArray, FloatArray

Evaluate: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]
Value: TypeAlias = Callable[[FloatArray], float]

#: expected remaining decrease at which a point is a minimum
TOLERANCE = 1e-10

#: expected remaining decrease that no further step can improve
EXACT = 1e-18

#: scaled eigenvalues of the Hessian below this count as flat
FLAT = 1e-11

MAX_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """A converged minimum.

    Attributes
    ----------
    x, value, gradient, hessian
        The point and the function there.
    free
        Parameters that are neither fixed nor held at a bound.
    at_bound
        Parameters held at a bound by the gradient.
    remaining
        Expected remaining decrease.
    steps
        Number of evaluations with derivatives.
    method
        Start that led here: ``given``, ``initial`` or ``L-BFGS-B``.
    """

    x: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    free: BoolArray
    at_bound: BoolArray
    remaining: float
    steps: int
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What is minimised: a function and the box.

    Attributes
    ----------
    evaluate
        Value, gradient, Hessian at a point.
    value
        Value alone (cheaper); may be infinite.
    lower, upper, fixed
        Bounds, and parameters that stay where the start has them.
    rounding
        Rounding error of the value.
    explain
        Why the value is infinite at a point, in words.
    """

    evaluate: Evaluate
    value: Value
    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray
    rounding: float = 1e-14
    explain: Callable[[FloatArray], str] = lambda _: "the function is infinite"


def minimise(problem: Problem, starts: Iterable[tuple[str, FloatArray]]) -> Minimum:
    """Minimum from the first of the named starts that leads to one.

    Raises
    ------
    FitError
        When none does; the message says how far each came.
    """
    tried: dict[str, list[str]] = {}
    last: FloatArray | None = None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # steps far out are refused, not warned of
        for name, start in starts:
            try:
                return newton(problem, start, name)
            except FitError as error:
                tried.setdefault(str(error), []).append(name)
                last = start
        if last is not None:
            try:
                return newton(problem, _approach(problem, last), "L-BFGS-B")
            except FitError as error:
                tried.setdefault(str(error), []).append("L-BFGS-B")
    message = "no minimum found: " + "; ".join(f"{why} (start: {', '.join(names)})" for why, names in tried.items())
    raise FitError(message)


def newton(problem: Problem, start: FloatArray, method: str = "given") -> Minimum:
    """Minimum from one start by damped Newton steps.

    Raises
    ------
    FitError
        When the conditions of a minimum are not met.
    """
    x = np.where(problem.fixed, start, np.clip(start, problem.lower, problem.upper))
    if not math.isfinite(problem.value(x)):
        raise FitError(problem.explain(x))
    damping, polished = 0.0, False
    for step in range(1, MAX_STEPS + 1):
        value, gradient, hessian = problem.evaluate(x)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            message = f"the derivatives are not finite after {step} steps"
            raise FitError(message)
        noise = problem.rounding + 1e-14 * abs(value)
        low = ~problem.fixed & (x <= problem.lower) & (gradient >= 0)
        high = ~problem.fixed & (x >= problem.upper) & (gradient <= 0)
        free = ~(problem.fixed | low | high)
        quadratic = _Quadratic(gradient[free], hessian[np.ix_(free, free)])
        remaining, convex = quadratic.remaining()
        converged = convex and remaining < TOLERANCE
        done = converged and (polished or remaining < EXACT)
        # from a minimum one more step is tried: quadratic convergence makes it exact
        taken = None if done else _step(problem, x, value, free, quadratic, damping, noise, 1 if converged else 60)
        if converged and taken is None:
            return Minimum(x, value, gradient, hessian, free, low | high, remaining, step, method)
        polished = converged
        if taken is None:
            message = f"stopped after {step} steps with {remaining:.1e} still to gain"
            raise FitError(message)
        x, damping = taken
    message = f"not converged after {MAX_STEPS} steps, {remaining:.1e} still to gain"
    raise FitError(message)


def _step(problem: Problem, x: FloatArray, value: float, free: BoolArray, quadratic: _Quadratic,
          damping: float, noise: float, attempts: int) -> tuple[FloatArray, float] | None:
    """Next point and damping, None when none of some dampings gives a decrease."""
    for _ in range(attempts):
        move, damping = quadratic.solve(damping)
        trial = x.copy()
        trial[free] = np.clip(x[free] + move, problem.lower[free], problem.upper[free])
        expected = quadratic.decrease((trial - x)[free])
        if expected > 0:
            gained = value - problem.value(trial)
            if gained >= 0.1 * expected or (expected < 100 * noise and gained >= -10 * noise):
                return trial, (damping / 10 if gained > 0.7 * expected else damping)
        damping = max(4 * damping, 1e-4)
    return None


class _Quadratic:
    """Quadratic model of the function in its free parameters, scaled by the diagonal of the Hessian."""

    def __init__(self, gradient: FloatArray, hessian: FloatArray) -> None:
        diagonal = np.abs(np.diag(hessian))
        floor = 1e-14 * max(float(diagonal.max(initial=0.0)), 1e-300)
        self.scale = 1 / np.sqrt(np.where(diagonal > floor, diagonal, 1.0))
        self.gradient = gradient * self.scale
        self.hessian = hessian * np.outer(self.scale, self.scale)
        self._eigen: tuple[FloatArray, FloatArray] | None = None
        self.factor = self._cholesky(0.0)

    def _cholesky(self, damping: float) -> tuple[FloatArray, bool] | None:
        """Cholesky factor of the damped Hessian, None when it is not positive definite."""
        try:
            factor: tuple[FloatArray, bool] = cho_factor(self.hessian + damping * np.eye(len(self.gradient)))
        except LinAlgError:
            return None
        return factor if np.diag(factor[0]).min(initial=1.0) > math.sqrt(FLAT) else None

    def eigen(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues and eigenvectors of the scaled Hessian."""
        if self._eigen is None:
            self._eigen = tuple(np.linalg.eigh(self.hessian))  # type: ignore[assignment]
        assert self._eigen is not None
        return self._eigen

    def remaining(self) -> tuple[float, bool]:
        """Expected remaining decrease of a full step, and whether the Hessian has no negative direction."""
        if len(self.gradient) == 0:
            return 0.0, True
        if self.factor is not None:
            return float(0.5 * self.gradient @ cho_solve(self.factor, self.gradient)), True
        values, vectors = self.eigen()
        along = vectors.T @ self.gradient
        curved = values > FLAT
        gain = 0.5 * float(np.sum(along[curved] ** 2 / values[curved]))
        # along a flat direction a step of one unit is taken as the measure
        gain += float(np.sum(np.abs(along[~curved])))
        return gain, bool(values.min() >= -math.sqrt(FLAT))

    def solve(self, damping: float) -> tuple[FloatArray, float]:
        """Step for at least this damping, and the damping that was needed."""
        if damping < 1e-7 and self.factor is not None:
            return -cho_solve(self.factor, self.gradient) * self.scale, 0.0
        values, vectors = self.eigen() if self.factor is None else (None, None)
        if values is None or vectors is None:
            factor = self._cholesky(damping)
            if factor is not None:
                return -cho_solve(factor, self.gradient) * self.scale, damping
            values, vectors = self.eigen()
        damping = max(damping, 2 * max(0.0, -float(values.min())) + 1e-6)
        along = vectors.T @ self.gradient
        step = -vectors @ (along / (values + damping))
        if values.min() < -math.sqrt(FLAT) and np.linalg.norm(step) < 1e-3:
            downhill = -1.0 if along[0] > 0 else 1.0  # off a saddle point
            step = step + downhill * vectors[:, 0] * min(1.0, 1 / (1 + damping))
        return step * self.scale, damping

    def decrease(self, move: FloatArray) -> float:
        """Decrease that the quadratic model expects of a step."""
        scaled = move / self.scale
        return -float(self.gradient @ scaled + 0.5 * scaled @ self.hessian @ scaled)


def _approach(problem: Problem, start: FloatArray) -> FloatArray:
    """Point near a minimum by L-BFGS-B, which needs no Hessian."""
    from scipy.optimize import Bounds, minimize

    x0 = np.where(problem.fixed, start, np.clip(start, problem.lower, problem.upper))

    def function(x: FloatArray) -> tuple[float, FloatArray]:
        value = problem.value(x)
        if not math.isfinite(value):
            return 1e30, np.zeros_like(x)
        _, gradient, _ = problem.evaluate(x)
        return value, np.where(problem.fixed, 0.0, gradient)

    lower = np.where(problem.fixed, x0, problem.lower)
    upper = np.where(problem.fixed, x0, problem.upper)
    result = minimize(function, x0, jac=True, method="L-BFGS-B", bounds=Bounds(lower, upper),
                      options={"maxiter": 2000, "maxfun": 4000})
    return np.asarray(result.x, dtype=np.float64)
