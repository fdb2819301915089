"""Newton minimisation inside bounds.

Oracle: functions with known minima (quadratic forms, Rosenbrock, saddle, flat
valley), and SciPy's L-BFGS-B on random bounded quadratic problems.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from openbfactory.core.errors import FitError
from openbfactory.fit.minimise import Problem, minimise, newton

WIDE = 1e6


def problem(function, size, lower=None, upper=None, fixed=None):
    return Problem(function, lambda x: function(x)[0],
                   np.full(size, -WIDE) if lower is None else np.asarray(lower, float),
                   np.full(size, WIDE) if upper is None else np.asarray(upper, float),
                   np.zeros(size, bool) if fixed is None else np.asarray(fixed))


def quadratic(matrix, vector):
    return lambda x: (float(0.5 * x @ matrix @ x - vector @ x), matrix @ x - vector, matrix.copy())


def rosenbrock(x):
    a, b = x
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    return value, gradient, np.array([[2 - 400 * (b - 3 * a * a), -400 * a], [-400 * a, 200.0]])


def double_well(x):
    a, b = x
    return (a * a - 1) ** 2 + b * b, np.array([4 * a * (a * a - 1), 2 * b]), np.diag([12 * a * a - 4, 2.0])


def test_rosenbrock_from_an_indefinite_start():
    result = newton(problem(rosenbrock, 2), np.array([-1.5, 2.0]))
    np.testing.assert_allclose(result.x, [1, 1], atol=1e-5)
    assert result.value < 1e-10
    assert result.free.all()


def test_a_saddle_point_is_left():
    result = newton(problem(double_well, 2), np.array([0.0, 0.0]))
    assert abs(result.x[0]) == pytest.approx(1, abs=1e-5)


def test_a_flat_valley_converges_in_value():
    matrix = np.array([[1.0, 1.0], [1.0, 1.0]])
    result = newton(problem(quadratic(matrix, np.array([2.0, 2.0])), 2), np.array([5.0, -8.0]))
    assert result.x.sum() == pytest.approx(2, abs=1e-5)
    assert result.value == pytest.approx(-2.0, abs=1e-9)


def test_bounds_that_are_active_are_reported():
    result = newton(problem(quadratic(np.eye(2), np.array([3.0, 0.5])), 2, [-1, -1], [1, 1]), np.zeros(2))
    np.testing.assert_allclose(result.x, [1, 0.5])
    assert result.at_bound.tolist() == [True, False]
    assert result.free.tolist() == [False, True]


def test_fixed_parameters_stay_even_outside_their_bounds():
    fixed = problem(quadratic(np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros(2)), 2, [-1, -1], [1, 1], [True, False])
    result = newton(fixed, np.array([1.5, 0.0]))
    np.testing.assert_allclose(result.x, [1.5, -0.75])
    assert result.free.tolist() == [False, True]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 8))
def test_bounded_quadratic_problems_agree_with_scipy(seed, size):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    matrix, vector = root @ root.T + 0.1 * np.eye(size), 3 * rng.normal(size=size)
    lower, upper = -rng.uniform(0, 1, size), rng.uniform(0, 1, size)
    function = quadratic(matrix, vector)
    ours = newton(problem(function, size, lower, upper), np.zeros(size))
    theirs = minimize(lambda x: function(x)[:2], np.zeros(size), jac=True, method="L-BFGS-B",
                      bounds=list(zip(lower, upper, strict=True)), options={"ftol": 1e-15, "gtol": 1e-10})
    assert ours.value <= theirs.fun + 1e-8


def test_no_minimum_is_an_error_that_says_what_was_tried():
    slope = problem(lambda x: (float(x.sum()), np.ones(2), np.zeros((2, 2))), 2, [-np.inf] * 2, [np.inf] * 2)
    with pytest.raises(FitError, match=r"no minimum found: .*start: a.*"):
        minimise(slope, [("a", np.zeros(2)), ("b", np.ones(2))])


def test_a_start_where_the_function_is_infinite():
    infinite = problem(lambda x: (np.inf, np.zeros(1), np.eye(1)), 1)
    with pytest.raises(FitError, match="the function is infinite \\(start: a, L-BFGS-B\\)"):
        minimise(infinite, [("a", np.zeros(1))])


def test_the_second_start_is_used_when_the_first_fails():
    def walled(x):
        inside = x[0] > 0
        return (float((x[0] - 1) ** 2) if inside else np.inf), 2 * (x - 1), 2 * np.eye(1)

    result = minimise(problem(walled, 1), [("first", np.array([-1.0])), ("second", np.array([3.0]))])
    assert result.method == "second"
    assert result.x[0] == pytest.approx(1)
