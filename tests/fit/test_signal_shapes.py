"""Signal shapes between simulated masses. Oracle: the shape that the samples were drawn from; unit integral."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.fit.resonance import ResonanceSearch
from openbfactory.fit.signal_shapes import SignalSample, SignalShapes, fit_signal


def width(mass):
    return 0.01 + 0.004 * (mass - 4.0)


def drawn(mass, events=20_000, seed=1):
    """A Gaussian core with 15 % three times as wide: a peak with tails."""
    rng = np.random.default_rng(seed)
    scale = np.where(rng.random(events) < 0.15, 3.0, 1.0) * width(mass)
    return mass + 0.002 + scale * rng.normal(size=events)


@pytest.fixture(scope="module")
def shapes():
    masses = (4.0, 4.5, 5.0, 5.5, 6.0)
    return SignalShapes([fit_signal(drawn(m, seed=int(10 * m)), m, 20_000 * (2 + m)) for m in masses])


def test_shape_and_efficiency_between_the_samples_are_those_of_a_sample_made_there(shapes):
    between, made = shapes.at(4.75), fit_signal(drawn(4.75, seed=99), 4.75, 20_000 * 6.75)
    assert between.parameters[0] == pytest.approx(made.parameters[0], abs=0.05 * width(4.75))
    assert between.parameters[1] == pytest.approx(made.parameters[1], rel=0.05)
    assert between.efficiency == pytest.approx(1 / 6.75, rel=1e-3)


def test_the_template_holds_all_events_and_finds_them_again(shapes):
    edges = np.linspace(3.8, 6.2, 601)
    tested = shapes.hypothesis(5.2, edges, luminosity=10.0)
    assert tested.template.sum() == pytest.approx(1.0, abs=1e-6)
    assert tested.scale == pytest.approx(7.2 / 10, rel=1e-2)
    rate = np.full(600, 40.0) + 300 * tested.template
    point = ResonanceSearch(edges, np.random.default_rng(3).poisson(rate).astype(float), [tested], 1).points()[0]
    assert point.signal == pytest.approx(300 * tested.scale, abs=4 * point.uncertainty)


def test_nothing_is_extrapolated_and_mistakes_are_named(shapes):
    with pytest.raises(InputError, match="4 to 6"):
        shapes.at(6.1)
    with pytest.raises(InputError, match="at least two"):
        SignalShapes([SignalSample(4.0, (4.0, 0.1, 1.0, 2.0, 1.0, 2.0), 0.1)])
    with pytest.raises(InputError, match="at least 50"):
        fit_signal(np.zeros(10), 4.0, 100)
