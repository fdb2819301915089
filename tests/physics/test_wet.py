"""B -> K nu nubar in the weak effective theory.

Oracle: the totals of arXiv:2507.12393 with EOS 1.0.17, 1.100240e-7 |V|^2 + 3.151409e-7 |S|^2 + 4.603453e-7 |T|^2;
the Standard Model rate of this package with other constants and form factors; SciPy.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from openbfactory.physics import knunu, wet


def test_totals():
    rates = wet.binned_rates(np.linspace(0.0, 22.885, 101))
    assert rates.sum(axis=1) == pytest.approx([1.100240e-07, 3.151409e-07, 4.603453e-07], rel=2e-6)
    standard = wet.constants()["C_VL_SM"] ** 2 * rates[0].sum()
    assert standard == pytest.approx(4.81171e-06, rel=2e-6)
    assert standard == pytest.approx(knunu.branching_fraction(), rel=0.06)
    for row in range(3):
        one, _ = quad(lambda q: wet.differential_rates(q)[row], 8.0, 9.0)  # noqa: B023
        assert wet.binned_rates([8.0, 9.0])[row, 0] == pytest.approx(one, rel=1e-9)


def test_published_example():
    # ratio of branching fractions to the Standard Model at V = 14, S = 4, T = 1 (redist example): 5.6255
    total = wet.binned_rates(np.linspace(0.0, 22.9026, 101)).sum(axis=1)
    ratio = (14**2 * total[0] + 4**2 * total[1] + total[2]) / (wet.constants()["C_VL_SM"] ** 2 * total[0])
    assert ratio == pytest.approx(5.6255, abs=1e-3)


def test_form_factors():
    plus, zero, _ = wet.form_factors(0.0)
    assert plus == pytest.approx(zero)
    assert plus == pytest.approx(knunu.form_factor_plus(0.0), rel=0.06)
    assert (wet.differential_rates([-1.0, 23.0]) == 0).all()
    covariance = np.array(wet.constants().form_factors.covariance)
    assert np.allclose(covariance, covariance.T)
    moves = np.array([wet.form_factor_values(row) - wet.form_factor_values() for row in np.eye(8)])
    assert np.allclose(moves.T @ moves, covariance)
