"""Fits of a strength to templates and of a scale of energies. Oracles: closed form of one bin, planted scales."""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import FitError
from openbfactory.fit.build import Template
from openbfactory.fit.energy_scale import Counts, fit_scale
from openbfactory.fit.templates import template_fit


def test_one_bin_is_a_counting_experiment():
    """mu = (n - b) / s, statistical sqrt(n) / s; a constrained background adds its width in quadrature."""
    templates = {"one": {"signal": Template(np.array([20.0])), "other": Template(np.array([100.0]))}}
    free = template_fit(templates, {"one": np.array([150.0])}, ("signal",), {"missing": 0.5}, (-50.0, 50.0))
    assert free.value == pytest.approx(2.5)
    assert (free.uncertainty, free.statistical) == pytest.approx((np.sqrt(150) / 20,) * 2)
    assert free.gains["one"] == pytest.approx([1 / 20])
    held = template_fit(templates, {"one": np.array([150.0])}, ("signal",), {"other": 0.1}, (-50.0, 50.0))
    assert held.value == pytest.approx(2.5)
    assert held.uncertainty == pytest.approx(np.hypot(np.sqrt(150), 10) / 20, rel=0.01)
    assert held.statistical == pytest.approx(np.sqrt(150) / 20, rel=0.01)
    assert held.factors == {"other": pytest.approx(1.0)}


def test_a_background_without_signal_moves_its_factor():
    """Two channels: the one without signal fixes the background at 1.2 times its template."""
    flat = Template(np.array([40_000.0]))
    templates = {"signal": {"signal": Template(np.array([5_000.0])), "other": flat}, "side": {"other": flat}}
    found = template_fit(templates, {"signal": np.array([53_000.0]), "side": np.array([48_000.0])}, ("signal",),
                         {"other": 0.5}, (-50.0, 50.0))
    assert found.factors["other"] == pytest.approx(1.2, abs=0.01)
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert found.gains["side"][0] < 0


def test_scale_of_an_exponential_is_found():
    rng, edges = np.random.default_rng(3), np.linspace(0.1, 1.5, 15)
    simulated = rng.exponential(0.25, 60_000)

    def scaled(factor: float) -> Counts:
        return Counts.of(factor * simulated, edges)

    found = fit_scale(Counts.of(0.9 * rng.exponential(0.25, 30_000), edges), scaled, edges, 0.15)
    assert abs(found.value - 0.9) < 4 * found.uncertainty < 0.08
    assert found.chi2 < 40
    with pytest.raises(FitError, match="too few entries"):
        fit_scale(Counts.of(simulated[:20], edges), scaled, edges, 0.15)
