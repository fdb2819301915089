"""Combination of measurements.

Oracle: the worked examples of L. Lyons et al., NIM A 270 (1988) 110, sec. 5
(charm lifetimes, covariance of eq. 17') and of A. Valassi, NIM A 500 (2003) 391
(two experiments, two observables, no correlation); closed forms for a pair.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.fit.combine import Measurement, combine, from_published
from openbfactory.physics.published import load_published

INDEPENDENT = ("babar_hadronic_429", "babar_semileptonic_418", "belle_hadronic_711", "belle_semileptonic_711",
               "belle2_combined_362")


def test_charm_lifetimes():
    covariance = np.array([[2.74, 1.15, 0.86, 1.31], [1.15, 1.67, 0.82, 1.32],
                           [0.86, 0.82, 2.12, 1.05], [1.31, 1.32, 1.05, 2.93]])
    sigma = np.sqrt(np.diag(covariance))
    result = combine([Measurement(f"m{i}", v, {"total": s}) for i, (v, s) in
                      enumerate(zip((9.5, 11.9, 11.1, 8.9), sigma, strict=True))],
                     {"total": covariance / np.outer(sigma, sigma)})
    assert result.weights[0] == pytest.approx([0.145, 0.470, 0.347, 0.038], abs=6e-4)
    assert result.values[0] == pytest.approx(11.16, abs=0.006)
    assert result.uncertainties[0] == pytest.approx(1.13, abs=0.006)
    assert result.degrees == 3


def test_two_observables():
    rows = (("eA", 10.5, 1.0, "e"), ("eB", 13.5, 3.0, "e"), ("tauA", 9.5, 3.0, "tau"), ("tauB", 14.0, 3.0, "tau"))
    measurements = [Measurement(n, v, {"total": s}, o) for n, v, s, o in rows]
    result = combine(measurements)
    assert result.observables == ("e", "tau")
    assert result.values == pytest.approx([10.80, 11.75], abs=0.006)
    assert result.uncertainties == pytest.approx([0.95, 2.12], abs=0.006)
    # universality: all four measure one number
    one = combine([Measurement(m.name, m.value, m.uncertainties) for m in measurements])
    assert one.uncertainties[0] == pytest.approx(1 / math.sqrt(1 + 3 / 9))
    rho = np.eye(4)
    rho[1, 3] = rho[3, 1] = 0.45  # the correlation of one experiment moves the other observable too
    moved = combine(measurements, {"total": rho})
    assert moved.covariance[0, 1] > 0
    assert moved.values[0] != pytest.approx(result.values[0], abs=0.01)


def test_pair_with_common_source():
    pair = [Measurement("a", 1.0, {"stat": 0.3, "scale": 0.4}),
            Measurement("b", 2.0, {"stat": (0.5, 0.7), "scale": 0.4})]
    result = combine(pair, {"scale": 1.0})
    weights = np.array([1 / 0.09, 1 / 0.36])
    weights /= weights.sum()  # a fully common source of one size does not change the weights
    assert result.weights[0] == pytest.approx(weights)
    assert result.parts["scale"][0] == pytest.approx(0.4)
    assert result.uncertainties[0] ** 2 == pytest.approx(0.16 + 1 / (1 / 0.09 + 1 / 0.36))
    assert result.chi2 == pytest.approx(1 / 0.45)
    assert abs(result.pulls[0]) == pytest.approx(math.sqrt(result.chi2))
    # planted fault: without the correlation chi2 is too small
    assert combine(pair).chi2 < 0.8 * result.chi2


def test_world_comparison():
    # the talk gives chi2/ndf = 4.3/4 and the publication a mean of 1.3 +- 0.4 from inputs
    # that are partly unchecked here: no test rests on them, only on the arithmetic
    measurements = from_published(load_published("knunu_world"), INDEPENDENT)
    result = combine(measurements)
    y, s = np.array([(m.value, m.sigma("total")) for m in measurements]).T
    mean = np.average(y, weights=s**-2)
    assert result.degrees == 4
    assert result.values[0] == pytest.approx(mean)
    assert result.chi2 == pytest.approx(np.sum(((y - mean) / s) ** 2))
    assert result.p_value > 0.05


def test_bad_input():
    good = Measurement("a", 1.0, {"stat": 0.1})
    for wrong, text in (([], "none"), ([Measurement("b", math.nan, {"stat": 1.0})], "b"),
                        ([Measurement("c", 1.0, {"stat": -1.0})], "c"), ([Measurement("d", 1.0, {})], "d")):
        with pytest.raises(InputError, match=text):
            combine(wrong)
    two = [good, Measurement("b", 1.1, {"stat": 0.1})]
    with pytest.raises(InputError, match="singular"):
        combine(two, {"stat": 1.0})
    with pytest.raises(InputError, match="eigenvalue"):
        combine([*two, Measurement("c", 1.2, {"stat": 0.1})], {"stat": -0.9})
    with pytest.raises(InputError, match="symmetric"):
        combine(two, {"stat": np.eye(3)})
    with pytest.raises(InputError, match="stat"):
        combine(two, {"stta": 0.1})
    with pytest.raises(UnknownNameError):
        from_published(load_published("knunu_world"), ["babar"])
    with pytest.raises(InputError, match="no uncertainty"):
        from_published(load_published("knunu"), ["efficiency_inclusive"])
