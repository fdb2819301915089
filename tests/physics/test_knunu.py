"""Rate of B -> K nu nubar. Oracle: the published integral and form factor (arXiv:2507.12393), SciPy."""

import numpy as np
import pytest
from scipy import integrate

from openbfactory.physics import knunu


def test_branching_fraction_and_form_factor():
    assert knunu.branching_fraction() == pytest.approx(4.966e-6, rel=0.002)
    assert float(knunu.form_factor_plus(0.0)) == pytest.approx(0.3319, abs=1e-4)
    assert float(knunu.form_factor_plus(knunu.q2_max())) == pytest.approx(2.789, abs=1e-3)


def test_fractions_in_the_bins_of_the_measurement():
    bins = [knunu.branching_fraction(a, b) / knunu.branching_fraction() for a, b in ((0, 4), (4, 8), (8, 30))]
    np.testing.assert_allclose(bins, [0.236, 0.229, 0.535], atol=5e-4)


def test_integral_against_scipy():
    value, _ = integrate.quad(knunu.differential_rate, 3.0, 17.0)
    assert knunu.branching_fraction(3.0, 17.0) == pytest.approx(value, rel=1e-6)
    assert float(knunu.differential_rate(30.0)) == 0.0


def test_quantiles():
    q = knunu.q2_quantiles()
    assert q[0] == 0.0
    assert np.all(np.diff(q) > 0)
    middle = q[len(q) // 2]
    assert knunu.branching_fraction(0, middle) == pytest.approx(0.5 * knunu.branching_fraction(), rel=1e-5)
