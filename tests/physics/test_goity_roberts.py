"""Amplitude of B -> D(*) pi l nu. Oracle: the lepton tensor in closed form, polarisation sums, rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from openbfactory.physics.goity_roberts import (
    _lepton_current,
    _scalar_current,
    _vector_tensor,
    constants,
    soft_pion_amplitude,
    wave_functions,
)

M, METRIC = 5.28, np.diag([1.0, -1.0, -1.0, -1.0])


def decay(rng, md, lepton):
    """Momenta of D(*), pion, lepton, neutrino that add up to the B at rest (the D takes what is left, mass changed)."""
    masses = np.array([0.14, lepton, 0.0])
    p = rng.normal(scale=0.5, size=(3, 3))
    rest = -p.sum(axis=0)
    momenta = np.empty((4, 4))
    momenta[1:, 1:], momenta[0, 1:] = p, rest
    momenta[1:, 0] = np.sqrt((p**2).sum(axis=1) + masses**2)
    momenta[0, 0] = np.sqrt(rest @ rest + md**2)
    return momenta


def lepton_tensor(lepton, neutrino):
    """2 (k n + n k - g k.n + i eps k n), of a massive antilepton k and a neutrino n of the V - A current."""
    product = lepton @ METRIC @ neutrino
    eps = np.zeros((4, 4, 4, 4))
    for order in np.ndindex(4, 4, 4, 4):
        if len(set(order)) == 4:
            eps[order] = np.linalg.det(np.eye(4)[list(order)])
    lower = np.einsum("abcd,c,d->ab", eps, METRIC @ lepton, METRIC @ neutrino)
    return 2 * (np.outer(lepton, neutrino) + np.outer(neutrino, lepton) - METRIC * product + 1j * lower)


def currents(momenta):
    lepton = momenta[2]
    p = np.linalg.norm(lepton[1:])
    found = np.empty((2, 4), complex)
    for side, sign in enumerate((1.0, -1.0)):
        _lepton_current(0.5 * (lepton[0] + sign * p), *(sign * lepton[1:] / p), momenta[3], found[side])
    return found


@pytest.mark.parametrize("lepton", [0.000511, 0.1057, 1.777])
def test_two_light_like_currents_make_the_tensor_of_a_massive_lepton(lepton):
    momenta = decay(np.random.default_rng(1), 1.87, lepton)
    j = currents(momenta)
    tensor = sum(np.outer(x, x.conj()) for x in j)
    expected = lepton_tensor(momenta[2], momenta[3])
    np.testing.assert_allclose(tensor, expected, atol=1e-12)
    assert not np.allclose(tensor, expected.conj())  # the other chirality is another tensor


@pytest.mark.parametrize(("vector", "md"), [(False, 1.87), (True, 2.01)])
def test_squared_amplitude_is_the_contraction_of_the_tensors(vector, md):
    rng = np.random.default_rng(2)
    for _ in range(5):
        momenta, out = decay(rng, md, 0.1057), np.zeros((5, 5), complex)
        total = soft_pion_amplitude(vector, M, md, momenta, out)
        leptons = METRIC @ lepton_tensor(momenta[2], momenta[3]) @ METRIC
        if vector:
            t = np.zeros((4, 4), complex)
            _vector_tensor(M, md, momenta[0], momenta[1], t)
            d = METRIC @ momenta[0]
            polarisations = -METRIC + np.outer(d, d) / md**2  # sum of eps eps* with lower indices
            expected = np.einsum("ma,nb,ab,mn->", t, t.conj(), polarisations, leptons).real
        else:
            h = np.zeros(4, complex)
            _scalar_current(M, md, momenta[0], momenta[1], h)
            expected = np.einsum("m,n,mn->", h, h.conj(), leptons).real
        assert total == pytest.approx(expected, rel=1e-10)
        assert total == pytest.approx((abs(out[:3, :2]) ** 2).sum(), rel=1e-12)
        turned = momenta.copy()
        turned[:, 1:] = Rotation.random(random_state=3).apply(momenta[:, 1:])
        assert soft_pion_amplitude(vector, M, md, turned, out) == pytest.approx(total, rel=1e-10)
        mirrored = momenta * np.array([1, -1, -1, -1])  # finite widths break the symmetry under mirrors
        assert soft_pion_amplitude(vector, M, md, mirrored, out) != pytest.approx(total, rel=1e-6)


def test_wave_functions_at_zero_recoil():
    c = constants()
    xi, radial, rho1, rho2 = wave_functions(1.0)
    assert (xi, radial) == (1.0, 0.0)
    s, p, d, bar = (c[k] for k in ("beta_s", "beta_p", "beta_d", "lambda_bar"))
    assert rho1 == pytest.approx(np.sqrt(0.5) * bar / s * (2 * s * p / (s * s + p * p)) ** 2.5)
    assert rho2 == pytest.approx(np.sqrt(0.125) * (bar / s) ** 2 * (2 * s * d / (s * s + d * d)) ** 3.5)
    step = 1e-5
    assert (wave_functions(1 + step)[0] - 1) / step == pytest.approx(-bar**2 / (2 * s * s), rel=1e-3)
