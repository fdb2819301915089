"""Quantile transform.  Oracles: the closed form for a uniform output (eta = 1 - e (1 - b)), and the binomial
distribution of the signal in each slice of an independent sample."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import InputError
from openbfactory.core.random import Address
from openbfactory.select.transform import QuantileTransform, fit_transform, from_dict

GENERATED = 100_000
SELECTED = 30_000


def signal(chunk, size=SELECTED):
    """Outputs of a classifier that peaks at 1, with weights of mean 1."""
    rng = Address(3, "signal", chunk, "transform").generator()
    return rng.beta(5.0, 1.5, size), rng.uniform(0.5, 1.5, size)


def test_slices_of_the_sample_itself_hold_equal_signal():
    outputs, weights = signal(0)
    transform = fit_transform(outputs, weights, generated=GENERATED)
    eta = transform(outputs)
    edges = np.array([0.80, 0.82, 0.84, 0.92, 0.94, 0.96, 0.98, 1.0])
    for low, high in pairwise(edges):
        inside = weights[(eta > low) & (eta <= high)].sum() / GENERATED
        assert inside == pytest.approx(high - low, abs=2 * 1.5 / GENERATED)
    assert (1 - eta).max() <= transform.efficiency
    assert transform.efficiency == pytest.approx(weights.sum() / GENERATED)


def test_one_minus_eta_is_the_total_efficiency_above_the_cut_for_every_cut():
    outputs, weights = signal(0, 500)
    transform = fit_transform(outputs, weights, generated=1000.0)
    for cut in np.linspace(0.01, 0.99, 37):
        above = weights[outputs > cut].sum() / 1000.0
        assert 1 - transform(cut) == pytest.approx(above, abs=1.5 / 1000.0)


def test_slices_of_an_independent_sample_are_binomial():
    """chi2 over 4 slices against the stated efficiencies, both samples' fluctuations; false alarms 1e-6."""
    transform = fit_transform(signal(0)[0], generated=GENERATED)
    eta = transform(signal(1)[0])
    counts = np.histogram(eta, [0.92, 0.94, 0.96, 0.98, 1.0])[0]
    expected = 0.02 * GENERATED
    chi2 = ((counts - expected) ** 2 / (2 * expected)).sum()
    assert stats.chi2.sf(chi2, 4) > 1e-6


def test_planted_fault_efficiency_of_the_selected_instead_of_the_generated_is_caught():
    wrong = fit_transform(signal(0)[0], generated=SELECTED)
    counts = np.histogram(wrong(signal(1)[0]), [0.92, 0.94, 0.96, 0.98, 1.0])[0]
    chi2 = ((counts - 0.02 * GENERATED) ** 2 / (2 * 0.02 * GENERATED)).sum()
    assert stats.chi2.sf(chi2, 4) < 1e-6


def test_closed_form_for_a_uniform_output():
    outputs = (np.arange(2000) + 0.5) / 2000
    transform = fit_transform(outputs, generated=10_000)
    b = np.linspace(0, 1, 101)
    np.testing.assert_allclose(transform(b), 1 - 0.2 * (1 - b), atol=1e-12)
    assert transform.output_at(0.92) == pytest.approx(0.6, abs=1e-12)
    assert transform.output_at(0.5) == 0.0


def test_ties_and_edges():
    transform = fit_transform([0.5, 0.5, 0.5, 0.0, 1.0], generated=10)
    assert transform(0.5) == pytest.approx(1 - (1 + 1.5) / 10)
    assert transform(1.0) == 1.0
    assert transform(0.0) == pytest.approx(0.5)
    assert np.isnan(transform(np.nan))


def test_thinned_knots_stay_exact_to_their_step():
    outputs, _ = signal(0)
    full, thin = (fit_transform(outputs, generated=GENERATED, knots=k) for k in (None, 501))
    assert len(thin.outputs) <= 503
    assert np.abs(full(outputs) - thin(outputs)).max() <= 0.3 / 500


def test_inverse_on_the_sample():
    outputs, weights = signal(2, 1000)
    transform = fit_transform(outputs, weights, generated=3000)
    back = [transform.output_at(float(e)) for e in transform(outputs[:50])]
    np.testing.assert_allclose(back, outputs[:50], atol=1e-12)


def test_json_round_trip_is_exact():
    transform = fit_transform(*signal(3, 200), generated=700)
    assert from_dict(json.loads(json.dumps(transform.to_dict()))) == transform


@pytest.mark.parametrize("document", [
    [], {}, {"format": "openbfactory.quantile_transform/1"},
    {"format": "openbfactory.quantile_transform/1", "outputs": [0, 1], "etas": [0.5]},
    {"format": "openbfactory.quantile_transform/1", "outputs": [0, 0.5, 0.5, 1], "etas": [0.5, 0.6, 0.7, 1]},
    {"format": "openbfactory.quantile_transform/1", "outputs": [0, 0.5, 1], "etas": [0.7, 0.6, 1]},
    {"format": "openbfactory.quantile_transform/1", "outputs": ["a", 1], "etas": [0.7, 1]},
])
def test_damaged_documents_are_refused(document):
    with pytest.raises(InputError):
        from_dict(document)


def test_all_mistakes_are_reported():
    with pytest.raises(InputError) as caught:
        fit_transform([0.5, np.nan], [1.0, 1.0], generated=1.0)
    assert {f.code for f in caught.value.findings} == {"bad-output", "bad-generated"}
    with pytest.raises(InputError, match="not negative"):
        fit_transform([0.5], [-1.0], generated=1.0)
    assert isinstance(fit_transform([0.5], generated=1.0), QuantileTransform)
