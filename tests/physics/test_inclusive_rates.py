"""Rates of inclusive decays. Oracle: closed forms of totals and spectra, SciPy's functions, published numbers."""

import numpy as np
import pytest
from numba import njit
from scipy import integrate, special

from openbfactory.physics import charmless, kagan_neubert, xsll
from openbfactory.physics.kagan_neubert import Spectrum
from openbfactory.physics.wilson import loop


@pytest.mark.parametrize("x", [-30.0, -1.3, -0.4, 0.0, 0.2, 0.7, 0.999, 1.0])
def test_dilogarithm(x):
    assert charmless.dilogarithm(x) == pytest.approx(special.spence(1 - x), abs=1e-12)


@njit
def sampled(rng, n, alpha_s, edge, spectrum):
    """Mean of the triple rate over a box that holds phase space, and the lepton spectrum in bins."""
    total = 0.0
    for _ in range(n):
        x, z, p = rng.random(), 2.0 * rng.random(), 10.0 ** (-10.0 * rng.random())
        value = 2.0 * 10.0 * np.log(10.0) * p * charmless.charmless_rate(x, z, p, alpha_s, edge)
        total += value
        spectrum[int(x * len(spectrum))] += value
    return total / n


def test_charmless_rate_without_gluons():
    """dGamma/dx = 2 x^2 (3 - 2 x)."""
    spectrum, n = np.zeros(10), 1_000_000
    total = sampled(np.random.default_rng(1), n, 0.0, 1.0, spectrum)
    x = np.linspace(0, 1, 11)
    expected = np.diff(2 * x**3 - x**4)
    assert total == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(spectrum / n, expected, atol=0.012)


def test_charmless_total_rate():
    """Gamma / Gamma_0 = 1 - 2 alpha_s / (3 pi) (pi^2 - 25/4) (T. van Ritbergen, Phys. Lett. B 454, 353)."""
    alpha_s = 0.22
    found = sampled(np.random.default_rng(2), 2_000_000, alpha_s, charmless.plus_edge(alpha_s), np.zeros(1))
    expected = 1 - 2 * alpha_s / (3 * np.pi) * (np.pi**2 - 25 / 4)
    assert found == pytest.approx(expected, abs=0.02)
    assert abs(1.0 - expected) > 0.1  # the correction is seen


def test_shape_functions():
    """Normalisation 1, mean 0, variance -lambda_1 / 3."""
    k = np.linspace(-4.65, 0.6294, 100_001)
    for form in (1, 2, 3):
        f = kagan_neubert.shape_function(k, Spectrum(form, 5.2794, 4.65, 4.65, -0.52, 0.09))
        moments = [integrate.trapezoid(f * k**n, k) for n in range(3)]
        np.testing.assert_allclose(moments, [1.0, 0.0, 0.52 / 3], atol=2e-4)


def test_wilson_coefficients():
    """Values of the authors' program, as quoted in EvtGen: C_2 1.10566, C_7 -0.314292, C_8 -0.148954."""
    w = kagan_neubert.wilson_coefficients(kagan_neubert.default_spectrum())
    np.testing.assert_allclose([w.two, w.seven, w.eight], [1.10566, -0.314292, -0.148954], rtol=3e-3)


def test_photon_spectrum(monkeypatch):
    """The integral over the shape function converges; a heavier b quark makes a harder photon."""
    s, masses = kagan_neubert.default_spectrum(), np.linspace(1.1, 4.4, 12)
    coarse = kagan_neubert.mass_spectrum(masses, s)
    monkeypatch.setattr(kagan_neubert, "NODES", 4 * kagan_neubert.NODES)
    fine = kagan_neubert.mass_spectrum(masses, s)
    monkeypatch.undo()
    np.testing.assert_allclose(coarse, fine, rtol=2e-3)
    quantiles = kagan_neubert.mass_quantiles(s, 1.1, 4.5)
    assert np.all(np.diff(quantiles) > 0)
    assert (quantiles[0], quantiles[-1]) == (1.1, 4.5)
    lighter = Spectrum(1, s.meson, 4.65, 4.65, s.lambda_1, s.charm)
    assert np.mean(kagan_neubert.mass_quantiles(lighter, 1.1, 4.5)) > np.mean(quantiles) + 0.1


@pytest.mark.parametrize("z", [0.0841, 1.0])
@pytest.mark.parametrize("s", [0.05, 0.2, 0.5, 0.9])
def test_loop_function(z, s):
    """h = -4/9 (1 + ln z) - 8/3 integral of x (1 - x) ln(1 - s x (1 - x) / z - i 0)."""
    def term(x, part):
        inside = 1 - s * x * (1 - x) / z
        value = complex(np.log(abs(inside)), -np.pi if inside < 0 else 0.0)
        return x * (1 - x) * getattr(value, part)
    edge = [] if s < 4 * z else [0.5 - 0.5 * np.sqrt(1 - 4 * z / s), 0.5 + 0.5 * np.sqrt(1 - 4 * z / s)]
    real, imag = (integrate.quad(term, 0, 1, args=(part,), points=edge or None, limit=200)[0]
                  for part in ("real", "imag"))
    expected = -4 / 9 * (1 + np.log(z)) - 8 / 3 * complex(real, imag)
    assert loop(z, s, z) == pytest.approx(expected, abs=1e-6)
    if s < 4 * z:
        assert loop(z, s, z).imag == 0.0
    else:
        assert loop(z, s, z).imag > 0.1


def test_massless_quark_in_the_loop():
    """The limit z -> 0 of h."""
    light = 8 / 27 - 4 / 9 * np.log(0.3) + 4j / 9 * np.pi
    assert loop(1e-9, 0.3, 1e-9) == pytest.approx(light, abs=1e-6)


def test_angle_integrates_to_the_rate():
    """Without masses: 4 C7^2 (1 + 2/s) + (C9^2 + C10^2)(1 + 2 s) + 12 C7 C9, times (1 - s)^2."""
    b = 4.8
    for s in (0.04, 0.2, 0.4, 0.8):
        zero, _, two = xsll.angle_terms(b, 0.0, 0.0, s * b * b)
        end = (1 - s) * b * b
        found = 2 * end * (zero + two * end**2 / 3) / b**6
        c77, c79, c99, cc, *_ = xsll._products(s, b)
        expected = (1 - s) ** 2 * (4 * c77 * (1 + 2 / s) + (c99 + cc) * (1 + 2 * s) + 12 * c79)
        assert found == pytest.approx(4 / 3 * expected, rel=1e-9)


def test_forward_backward_asymmetry():
    """It vanishes near s = 0.16 (A. Ghinculov et al., Nucl. Phys. B 648, 254: 0.162 +- 0.008); above, l+ of a b quark
    go along the b quark, against the pair."""
    b = 4.8
    terms = [xsll.angle_terms(b, 0.0, 0.0, s * b * b)[1] for s in (0.1, 0.25, 0.6)]
    assert terms[0] > 0 > max(terms[1:])
    crossing = np.interp(0.0, [-xsll.angle_terms(b, 0.0, 0.0, s * b * b)[1] for s in np.linspace(0.1, 0.24, 57)],
                         np.linspace(0.1, 0.24, 57))
    assert crossing == pytest.approx(0.162, abs=0.02)


def test_neutrino_rate():
    """Without the strange mass (1 - s)^2 (1 + 2 s), whose integral is one half."""
    assert integrate.quad(lambda s: xsll.neutrino_rate(s, 0.0), 0, 1)[0] == pytest.approx(0.5)
    assert xsll.neutrino_rate(0.99, 0.1) == 0.0
