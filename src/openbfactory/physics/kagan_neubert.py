"""Photon spectrum of B -> X_s gamma at next-to-leading order with Fermi motion (A. Kagan, M. Neubert, hep-ph/9805303).

Method: with y = 1 - m_X^2 / m_B^2 and the residual momentum k_+ of the b quark::

    dB/dm_X ~ m_X  integral dk_+ F(k_+) m_B / (m_b + k_+) P(m_B y / (m_b + k_+)),

P(y) = C_0 (-dS/dy) + alpha_s/pi [s_77 C_7^2 + s_78 C_7 C_8 + s_88 C_8^2 + s_22 C_2^2 + s_27 C_2 (C_7 - C_8/3)], where
S = exp(-2 alpha_s/(3 pi) (L^2 + 7 L/2)), L = ln(1 - y), resums the soft gluons at the end of the spectrum.  Wilson
coefficients C_2, C_7, C_8 at leading order; C_0 holds their corrections (next-to-leading order, electromagnetic and
1/m_b^2).  F is exponential, Gaussian, or that of bound quarks ("Roman").

Approximation: only the shape is used; branching fractions are those of the decay file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import integrate, optimize, special

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: forms of the shape function by their number in decay files
EXPONENTIAL, GAUSSIAN, ROMAN = 1, 2, 3
#: nodes of the integral over k_+ near the end of the parton spectrum and away from it
NODES: Final = 400
#: share of the range that counts as near, and how far the logarithm goes
_NEAR, _DEPTH = 0.03, 42.0
#: nodes of the quantiles
QUANTILES: Final = 513


@cache
def constants() -> QuantityTable:
    """Constants of the spectrum, with their sources."""
    return load_quantities(DATA / "kagan_neubert.yaml")


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What a spectrum depends on.

    Attributes
    ----------
    shape
        Form of the shape function.
    meson, quark, scale
        Masses of B and b, scale mu [GeV].
    lambda_1
        Kinetic energy of the b quark [GeV^2].
    charm
        (m_c / m_b)^2.
    """

    shape: int
    meson: float
    quark: float
    scale: float
    lambda_1: float
    charm: float


def default_spectrum() -> Spectrum:
    """The spectrum of a channel that gives no parameters."""
    c = constants()
    return Spectrum(EXPONENTIAL, c["m_B"], c["m_b"], c["m_b"], c["lambda_1"], c["m_c_over_m_b"] ** 2)


def shape_function(k: Array, s: Spectrum) -> Array:
    """F(k_+), normalised to 1; k in GeV."""
    bar = s.meson - s.quark
    x = np.minimum(k / bar, 1.0 - 1e-12)
    if s.shape == EXPONENTIAL:
        a = -3.0 * bar**2 / s.lambda_1 - 1.0
        value = (1.0 - x) ** a * np.exp((1.0 + a) * x)
        return np.asarray(value / (bar * math.exp(1.0 + a) * special.gamma(a + 1.0) / (1.0 + a) ** (a + 1.0)))
    if s.shape == GAUSSIAN:
        a = _gaussian_power(-s.lambda_1 / (3.0 * bar**2))
        c = special.gamma(1.0 + 0.5 * a) / special.gamma(0.5 * (1.0 + a))
        value = (1.0 - x) ** a * np.exp(-((c * (1.0 - x)) ** 2))
        return np.asarray(value * 2.0 * c ** (a + 1.0) / (bar * special.gamma(0.5 * (1.0 + a))))
    return _roman(x, bar, s.lambda_1)


def _gaussian_power(variance: float) -> float:
    """Power of the Gaussian form whose variance, in units of the squared mean, is given."""
    def difference(a: float) -> float:
        logarithm = (special.gammaln(0.5 * (1.0 + a)) + special.gammaln(0.5 * (3.0 + a))
                     - 2.0 * special.gammaln(1.0 + 0.5 * a))
        return math.exp(logarithm) - 1.0 - variance
    return float(optimize.brentq(difference, -0.9, 1e4))


def _roman(x: Array, bar: float, lambda_1: float) -> Array:
    """Form of the ACCMM model (hep-ph/9805303, eq. 46)."""
    def difference(rho: float) -> float:
        k1 = special.k1(0.5 * rho)
        return float(math.pi * (2.0 + rho) / rho**2 * math.exp(-rho) / k1**2 - 1.0 + lambda_1 / (3.0 * bar**2))
    rho = float(optimize.brentq(difference, 1e-4, 50.0))
    fermi = bar * math.sqrt(math.pi) / (rho * math.exp(0.5 * rho) * special.k1(0.5 * rho))
    y = 1.0 - x
    return np.asarray(np.exp(-0.25 * (fermi * rho / (bar * y) - bar * y / fermi) ** 2) / (math.sqrt(math.pi) * fermi))


def alpha_s(scale: float) -> float:
    """Strong coupling at two loops with five flavours."""
    c = constants()
    v = 1.0 - 23.0 / 3.0 * c["alpha_s_Z"] / (2.0 * math.pi) * math.log(c["m_Z"] / scale)
    return float(c["alpha_s_Z"] / v * (1.0 - 116.0 / 23.0 * c["alpha_s_Z"] / (4.0 * math.pi) * math.log(v) / v))


_POWERS: Final = np.array([14 / 23, 16 / 23, 6 / 23, -12 / 23, 0.4086, -0.423, -0.8994, 0.1456])


@dataclass(frozen=True, slots=True)
class Wilson:
    """Coefficients at the scale of a spectrum: C_2, C_7, C_8 (leading order), alpha_s, and C_0 of the module."""

    two: float
    seven: float
    eight: float
    strength: float
    total: float


def _matching(x: float) -> tuple[float, float, float, float, float]:
    """C_7, C_8 at leading order, their first corrections, and E, at the W mass (K. Chetyrkin, M. Misiak, M. Munz)."""
    ell, gap = math.log(x), x - 1.0
    li = float(special.spence(1.0 / x))
    c7 = (3 * x**3 - 2 * x**2) / (4 * gap**4) * ell + (-8 * x**3 - 5 * x**2 + 7 * x) / (24 * gap**3)
    c8 = -3 * x**2 / (4 * gap**4) * ell + (-(x**3) + 5 * x**2 + 2 * x) / (8 * gap**3)
    c71 = ((-16 * x**4 - 122 * x**3 + 80 * x**2 - 8 * x) / (9 * gap**4) * li
           + (6 * x**4 + 46 * x**3 - 28 * x**2) / (3 * gap**5) * ell**2
           + (-102 * x**5 - 588 * x**4 - 2262 * x**3 + 3244 * x**2 - 1364 * x + 208) / (81 * gap**5) * ell
           + (1646 * x**4 + 12205 * x**3 - 10740 * x**2 + 2509 * x - 436) / (486 * gap**4))
    c81 = ((-4 * x**4 + 40 * x**3 + 41 * x**2 + x) / (6 * gap**4) * li
           + (-17 * x**3 - 31 * x**2) / (2 * gap**5) * ell**2
           + (-210 * x**5 + 1086 * x**4 + 4893 * x**3 + 2857 * x**2 - 1994 * x + 280) / (216 * gap**5) * ell
           + (737 * x**4 - 14102 * x**3 - 28209 * x**2 + 610 * x - 508) / (1296 * gap**4))
    e = (x * (18 - 11 * x - x**2) / (12 * (1 - x) ** 3) + x**2 * (15 - 16 * x + 4 * x**2) / (6 * (1 - x) ** 4) * ell
         - 2 / 3 * ell)
    return c7, c8, c71, c81, e


def wilson_coefficients(s: Spectrum) -> Wilson:
    """Wilson coefficients at the scale of a spectrum (hep-ph/9805303, section 2)."""
    c = constants()
    at_w, at_t, at_mu = alpha_s(c["m_W"]), alpha_s(c["m_t"]), alpha_s(s.scale)
    running = c["m_t"] * (at_w / at_t) ** (12 / 23) * (
        1 + 12 / 23 * (253 / 18 - 116 / 23) * (at_w - at_t) / (4 * math.pi) - 4 / 3 * at_t / math.pi)
    c7w, c8w, c71w, _, e = _matching((running / c["m_W"]) ** 2)
    eta = at_w / at_mu
    p = eta ** _POWERS
    two = 0.5 * (p[3] + p[2])
    mixing = 8 / 3 * (p[0] - p[1])
    seven = (c7w * p[1] + mixing * c8w + float(np.dot(p, [626126 / 272277, -56281 / 51730, -3 / 7, -1 / 14, -0.6494,
                                                         -0.0380, -0.0186, -0.0057])))
    eight = c8w * p[0] + float(np.dot(p, [313063 / 363036, 0, 0, 0, -0.9135, 0.0873, -0.0571, 0.0209]))
    c81w = _matching((running / c["m_W"]) ** 2)[3]
    lines = (np.array([4661194 / 816831, -8516 / 2217, 0, 0, -1.9043, -0.1008, 0.1216, 0.0183]) * eta * e
             + np.array([-17.3023, 8.5027, 4.5508, 0.7519, 2.0040, 0.7476, -0.5385, 0.0914])
             + np.array([14.8088, -10.8090, -0.8740, 0.4218, -2.9347, 0.3971, 0.1600, 0.0225]) * eta)
    first = (eta * (p[1] * c71w + mixing * c81w) + float(np.dot(lines, p))
             + (297664 / 14283 * p[1] - 7164416 / 357075 * p[0] + 256868 / 14283 * eta ** (37 / 23)
                - 6698884 / 357075 * eta ** (39 / 23)) * c8w
             + 37208 / 4761 * (eta ** (39 / 23) - p[1]) * c7w)
    return Wilson(float(two), seven, eight, at_mu, _total(s, float(two), seven, eight, first, at_mu, eta, c7w, c8w))


def _electromagnetic(eta: float, c7w: float, c8w: float) -> float:
    """Coefficient of order alpha/alpha_s of C_7 (hep-ph/9805303, eq. 12)."""
    def p(n: int) -> float:
        return float(eta ** (n / 23))
    return ((32 / 75 * p(-9) - 40 / 69 * p(-7) + 88 / 575 * p(16)) * c7w
            + (-32 / 575 * p(-9) + 32 / 1449 * p(-7) + 640 / 1449 * p(14) - 704 / 1725 * p(16)) * c8w
            - 190 / 8073 * p(-35) - 359 / 3105 * p(-17) + 4276 / 121095 * p(-12) + 350531 / 1009125 * p(-9)
            + 2 / 4347 * p(-7) - 5956 / 15525 * p(6) + 38380 / 169533 * p(14) - 748 / 8625 * p(16))


def _total(s: Spectrum, two: float, seven: float, eight: float, first: float, strength: float, eta: float, c7w: float,
           c8w: float) -> float:
    """Coefficient C_0 of the resummed term."""
    c, z, half = constants(), s.charm, strength / (2 * math.pi)
    fz = 1 - 8 * z + 8 * z**3 - z**4 - 12 * z**2 * math.log(z)
    shift, ell, b2 = math.sqrt(z) - 0.29, math.log(s.quark / s.scale), s.quark**2
    square = (1 + half * (-10 / 3 - 8 / 9 * math.pi**2 - 16 / 3 + 32 / 3 * ell)
              + ((1 - z) ** 4 / fz - 1) * 6 * c["lambda_2"] / b2 + half * (3.382 - 4.14 * shift)) * seven**2
    mixed = (half * (-4.092 + 12.78 * shift + 416 / 81 * ell) - c["lambda_2"] / (9 * z * b2)) * two * seven
    gluon = half * (44 / 9 - 8 / 27 * math.pi**2 - 32 / 9 * ell) * seven * eight
    photon = c["alpha"] / strength * (2 * _electromagnetic(eta, c7w, c8w) * seven
                                      - 12 / 23 * (1 / eta - 1) * seven**2)
    return square + mixed + gluon + half * first * seven + photon


def _loop_terms(z: float, y: Array) -> tuple[Array, Array]:
    """s_22 and s_27 at the values y (hep-ph/9805303, eq. 31)."""
    t = np.linspace(1e-9, 1.0, 4001)
    x = t / z
    below = np.minimum(x, 4.0 - 1e-12)
    above = np.log(0.5 * (np.sqrt(x) + np.sqrt(np.maximum(x - 4.0, 0.0))))
    real = np.where(x < 4.0, -2.0 * np.arctan(np.sqrt(below / (4.0 - below))) ** 2, 2.0 * above**2 - 0.5 * math.pi**2)
    imaginary = np.where(x < 4.0, 0.0, -2.0 * math.pi * above)
    squares = (1.0 - t) * ((real**2 + imaginary**2) / x**2 + real / x + 0.25)
    both = [integrate.cumulative_trapezoid(f, t, initial=0.0) for f in (squares, real + 0.5 * x)]
    return 16 / 27 * np.interp(y, t, both[0]), -8 / 9 * z * np.interp(y, t, both[1])


def _regular(s: Spectrum, w: Wilson, y: Array) -> Array:
    """Part of the parton spectrum without singular end."""
    c = constants()
    low = np.log(np.maximum(1.0 - y, 1e-300))
    s77 = (7.0 + y - 2.0 * y**2 - 2.0 * (1.0 + y) * low) / 3.0
    s78 = 8 / 9 * ((1.0 - y) / y * low + 1.0 + 0.25 * y**2)
    s88 = (2.0 * (2.0 - 2.0 * y + y**2) / y * (low + 2.0 * math.log(c["m_b_over_m_s"])) - 2.0 * y**2 - y
           - 8.0 * (1.0 - y) / y) / 27.0
    s22, s27 = _loop_terms(s.charm, y)
    value: Array = w.strength / math.pi * (s77 * w.seven**2 + s78 * w.seven * w.eight + s88 * w.eight**2
                                           + s22 * w.two**2 + s27 * w.two * (w.seven - w.eight / 3.0))
    return value


def mass_spectrum(mass: Array, s: Spectrum) -> Array:
    """dB/dm_X up to a constant at the masses (n,) [GeV]."""
    w = wilson_coefficients(s)
    c = 2.0 * w.strength / (3.0 * math.pi)
    y = 1.0 - (mass / s.meson) ** 2
    # integral over m_b + k - m_B y, in its logarithm where the parton spectrum is near its end
    near = _NEAR * np.exp(np.linspace(-_DEPTH, 0.0, NODES))
    far = np.linspace(_NEAR, 1.0, NODES)
    v = (s.meson * (1.0 - y))[:, None] * np.concatenate((near, far))
    effective = v + (s.meson * y)[:, None]
    parton = (s.meson * y)[:, None] / effective
    ell = np.log(v / effective)
    soft = -2.0 * c * (ell + 1.75) * np.exp(-c * (ell * ell + 3.5 * ell)) / (v / effective)
    density = w.total * soft + _regular(s, w, np.minimum(parton, 1.0 - 1e-15))
    value = shape_function(effective - s.quark, s) * s.meson / effective * density
    total = (integrate.trapezoid((v * value)[:, :NODES], dx=_DEPTH / (NODES - 1), axis=1)
             + integrate.trapezoid(value[:, NODES:], v[:, NODES:], axis=1))
    return np.asarray(mass * total)


@cache
def mass_quantiles(s: Spectrum, low: float, high: float) -> Array:
    """Quantiles of m_X [GeV] between two masses, at equally spaced probabilities."""
    nodes = np.linspace(low, high, 161)
    density = np.maximum(mass_spectrum(nodes, s), 0.0)
    running = integrate.cumulative_trapezoid(density, nodes, initial=0.0)
    fine = np.linspace(low, high, 8001)
    cumulative = np.interp(fine, nodes, running)
    quantiles: Array = np.interp(np.linspace(0.0, running[-1], QUANTILES), cumulative, fine)
    quantiles.setflags(write=False)
    return quantiles
