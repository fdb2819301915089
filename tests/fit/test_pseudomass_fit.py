"""Fit of the edge of a pseudomass.

Oracles: the numpy density of the same form (value; gradient by differences), draws from the form, events that are moved
by a known amount: the change of the edge is that amount with an uncertainty far below that of either edge.
"""

import numpy as np
import pytest

from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.fit.costs import ShapeCost
from openbfactory.fit.pseudomass import EdgeCost, Sample, edge_change, fit_edge, scan_edge
from openbfactory.fit.shapes.pseudomass import FORMS, PARAMETERS

LIMITS, TRUE = (1.70, 1.85), (1.7771, 0.003, 0.45, -1.0, 2.0)


def drawn(n, form="quadratic", seed=1, limits=LIMITS):
    rng = np.random.default_rng(seed)
    x = rng.uniform(*limits, 8 * n)
    density = FORMS[form](x, *limits, *TRUE)
    return x[rng.random(len(x)) * density.max() < density][:n]


@pytest.mark.parametrize("form", list(FORMS))
def test_value_and_gradient_are_those_of_the_density(form):
    x, point = drawn(500, form), np.array([1.776, 0.004, 0.42, -0.7, 1.0])
    plain, cost = ShapeCost(x, LIMITS, FORMS[form], PARAMETERS), EdgeCost(x, LIMITS, form)
    assert cost.value(point) == pytest.approx(plain.value(point), abs=1e-9)
    steps = 1e-6 * np.eye(5)
    slopes = [(plain.value(point + s) - plain.value(point - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(cost.gradient(point), slopes, rtol=1e-5, atol=1e-5)
    assert EdgeCost(x, LIMITS, form, np.full(500, 2.0)).value(point) == pytest.approx(2 * plain.value(point))
    assert cost.value(np.array([1.776, 0.004, 3.0, 0.0, 0.0])) == np.inf


def test_the_change_of_the_edge_has_the_uncertainty_of_a_difference():
    x = drawn(20_000, limits=(1.69, 1.86))
    collision, moved = np.arange(len(x)), x + 0.0005 + 1e-4 * np.random.default_rng(2).standard_normal(len(x))
    value, sigma = edge_change(Sample(x, collision), Sample(moved, collision), LIMITS)
    assert abs(value - 0.0005) < 4 * sigma
    assert sigma < 0.3 * fit_edge(x, LIMITS)["p1"][1]
    points, rises = scan_edge(x, LIMITS, fit_edge(x, LIMITS))
    assert min(rises) == pytest.approx(0, abs=0.02)
    assert rises[0] == pytest.approx(9, abs=2)
    assert points[0] < points[-1]


def test_samples_that_cannot_be_fitted_are_named():
    with pytest.raises(InputError, match="a fit needs"):
        fit_edge(drawn(60), LIMITS)
    with pytest.raises(InputError, match="outside"):
        EdgeCost(np.array([1.9]), LIMITS)
    with pytest.raises(UnknownNameError, match="quadratic"):
        EdgeCost(drawn(60), LIMITS, "quadrati")
    flat = np.random.default_rng(3).uniform(*LIMITS, 150)
    found = fit_edge(flat, LIMITS)
    assert found.warnings  # without an edge some numbers are fixed or at their limits, and the result says so
