"""Form factors and helicity amplitudes. Oracle: closed-form relations (kinematic constraints at q2 = 0 and at zero
recoil) and the agreement of two published parametrisations of the same decay."""

import numpy as np
import pytest

from openbfactory.physics.formfactors import amplitudes

B, D, DSTAR = 5.2797, 1.8697, 2.0103
BGL_D = [0.0126, -0.094, 0.34, -0.1, 0.0115, -0.057, 0.12, 0.4]
BGL_DSTAR = [0.02596, -0.06049, 0.01311, 0.01713, 0.00753, -0.09346]
CLN_D = [1.0541, 1.128, 1.0]
CLN_DSTAR = [0.912, 1.205, 1.15, 1.404, 0.854]


def test_scalar_and_vector_form_factors_meet_at_zero():
    h = amplitudes("SLBKPOLE", [1.0, 0.303, 1.0, 2.112], 1.8697, 0.4976, 1e-9)
    assert h[2] == pytest.approx(h[3], rel=1e-6)
    h = amplitudes("HQET3", [1.0541, 1.128, 0.0], B, D, 1e-9)
    assert h[2] == pytest.approx(h[3], rel=1e-6)


@pytest.mark.parametrize(("name", "parameters"), [("BGL", BGL_DSTAR), ("HQET3", CLN_DSTAR)])
def test_helicities_are_equal_at_zero_recoil(name, parameters):
    h = amplitudes(name, parameters, B, DSTAR, (B - DSTAR) ** 2 * (1 - 1e-9))
    np.testing.assert_allclose(np.abs(h[:3]), abs(h[0]), rtol=2e-3)


def test_two_parametrisations_agree_on_the_shape():
    q2 = np.linspace(0.5, 10.0, 8)
    for name in (2, 1):
        ratio = [amplitudes("BGL", BGL_DSTAR, B, DSTAR, q)[name] / amplitudes("HQET3", CLN_DSTAR, B, DSTAR, q)[name]
                 for q in q2]
        np.testing.assert_allclose(ratio, 1.0, atol=0.06)
    ratio = np.array([amplitudes("BGL", BGL_D, B, D, q)[2] / amplitudes("HQET3", CLN_D, B, D, q)[2] for q in q2])
    np.testing.assert_allclose(ratio / ratio[0], 1.0, atol=0.02)


def test_pole_form():
    h = amplitudes("SLPOLE", [1.0, -0.5, 0.0, 1.0, 1.0, -0.5, 0.0, 1.0], 2.0, 0.5, 1.0)
    p = np.sqrt((1.5**2 - 1) * (2.5**2 - 1)) / 4
    np.testing.assert_allclose(h, [0, 0, 4 * p / (1 - 0.5 / 4), 3.75 / (1 - 0.5 / 4)], rtol=1e-12)
