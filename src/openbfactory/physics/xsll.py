"""Rates of b -> s l l and b -> s nu nubar for inclusive decays.

Method: effective coefficients C_7, C_9, C_10 at next-to-next-to-leading order with power corrections (A. Ali, E. Lunghi,
C. Greub, G. Hiller, Phys. Rev. D 66, 034002, hep-ph/0112300; matrix elements of H. Asatryan, H. Asatrian, C. Greub,
M. Walker, Phys. Rev. D 65, 074004); masses of lepton and strange quark as in F. Kruger, L. Sehgal, Phys. Lett. B 380,
199; the angle as in A. Ali, G. Hiller, L. Handoko, T. Morozumi, Phys. Rev. D 55, 4105, appendix E, with
u = m^2(s l+) - m^2(s l-) for a b quark.  b -> s nu nubar: arXiv:1509.06248, eq. 41.

Charm and light quark loops enter as the one-loop functions h(m_c^2/m_b^2, s), h(1, s) and h(0, s) with their imaginary
parts above threshold.  (EvtGen has 4 m_c/m_b in place of 4 m_c^2/m_b^2 in the first, so that it knows no charm
threshold.)

Approximation: no charmonium resonances (decay files have them as channels); corrections F_i only for s below a quarter,
as published.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.physics.charmless import dilogarithm
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]


class Coefficients(Config):
    """The file ``data/xsll.yaml``: coefficients and masses, with their source."""

    source: str = Field(min_length=1)
    high: dict[str, float]
    low: dict[str, float]
    masses: dict[str, float]
    edge: float
    series: dict[str, list[list[tuple[float, float]]]]


_DATA = load(DATA / "xsll.yaml", Coefficients)
_HIGH = tuple(_DATA.high[k] for k in ("A7", "A9", "A10", "T9", "U9", "W9"))
_LOW = tuple(_DATA.low[k] for k in ("A7", "A9", "A10", "T9", "U9", "W9"))
_A8, _C1, _C2 = _DATA.low["A8"], _DATA.low["C1"], _DATA.low["C2"]
_ALPHA_LOW, _SCALE = _DATA.low["alpha_s"], _DATA.low["scale"]
_B, _CHARM, _EDGE = _DATA.masses["m_b"], _DATA.masses["charm_over_b"], _DATA.edge
_L1, _L2 = _DATA.masses["lambda_1"], _DATA.masses["lambda_2"]
_ALPHA_Z = _DATA.masses["alpha_s_Z"]
_ALPHA = _ALPHA_Z / (1.0 + _ALPHA_Z * 2.0 * math.log(_B / _DATA.masses["m_Z"]) * 23.0 / (12.0 * math.pi))
#: (4 functions, 4 powers of s, 2 powers of ln s)
_SERIES: Final = np.array([[[complex(*c) for c in row] for row in _DATA.series[k]]
                           for k in ("F17", "F27", "F19", "F29")])


@njit(cache=True)
def loop(z: float, s: float) -> complex:
    """One-loop function h(z, s) of a quark of squared mass z, both in units of m_b^2 (scale m_b)."""
    if z == 0.0:
        return 8.0 / 27.0 - 4.0 / 9.0 * math.log(s) + 4j * math.pi / 9.0
    x = 4.0 * z / s
    value = complex(8.0 / 27.0 - 4.0 / 9.0 * math.log(z) + 4.0 / 9.0 * x)
    front = 2.0 / 9.0 * (2.0 + x) * math.sqrt(abs(1.0 - x))
    if x < 1.0:
        root = math.sqrt(1.0 - x)
        return value - front * (math.log((1.0 + root) / (1.0 - root)) - 1j * math.pi)
    if x > 1.0:
        return value - front * 2.0 * math.atan(1.0 / math.sqrt(x - 1.0))
    return value


@njit(cache=True)
def _series(which: int, s: float) -> complex:
    """Expansion of one of the functions f."""
    total, power, logarithm = 0j, 1.0, math.log(s)
    for k in range(4):
        total += power * (_SERIES[which, k, 0] + _SERIES[which, k, 1] * logarithm)
        power *= s
    return total


@njit(cache=True)
def corrections(s: float) -> tuple[complex, complex]:
    """Terms of order alpha_s in C_7 and C_9 from the four-quark and the chromomagnetic operators."""
    log_mu, logarithm, c2, p2 = math.log(_SCALE / _B), math.log(s), _CHARM * _CHARM, math.pi * math.pi
    f17 = -208.0 / 243.0 * log_mu + _series(0, s)
    f27 = 416.0 / 81.0 * log_mu + _series(1, s)
    f87 = (-32.0 / 9.0 * log_mu + 8.0 * p2 / 27.0 - 44.0 / 9.0 - 8j * math.pi / 9.0
           + s * (4.0 / 3.0 * p2 - 40.0 / 3.0 + s * (32.0 * p2 / 9.0 - 316.0 / 9.0
                                                      + s * (200.0 * p2 / 27.0 - 658.0 / 9.0)))
           - 8.0 / 9.0 * logarithm * s * (1.0 + s * (1.0 + s)))
    shape = (-16.0 * logarithm / 243.0 + s * (16.0 / 1215.0 - 32.0 / (135.0 * c2)
             + s * (4.0 / 2835.0 - 8.0 / (315.0 * c2 * c2)
                    + s * (16.0 / 76545.0 - 32.0 / (8505.0 * c2**3)))))
    f19 = (log_mu * (-1424.0 / 729.0 + 16j * math.pi / 243.0 + 64.0 / 27.0 * math.log(_CHARM) + shape)
           - 256.0 / 243.0 * log_mu * log_mu + _series(2, s))
    f29 = (log_mu * (256.0 / 243.0 - 32j * math.pi / 81.0 - 128.0 / 9.0 * math.log(_CHARM) - 6.0 * shape)
           + 512.0 / 81.0 * log_mu * log_mu + _series(3, s))
    f89 = (104.0 / 9.0 - 32.0 * p2 / 27.0
           + s * (1184.0 / 27.0 - 40.0 * p2 / 9.0 + s * (14212.0 / 135.0 - 32.0 * p2 / 3.0
                                                         + s * (193444.0 / 945.0 - 560.0 * p2 / 27.0)))
           + 16.0 / 9.0 * logarithm * (1.0 + s * (1.0 + s * (1.0 + s))))
    front = -_ALPHA_LOW / (4.0 * math.pi)
    return front * (_C1 * f17 + _C2 * f27 + _A8 * f87), front * (_C1 * f19 + _C2 * f29 + _A8 * f89)


@njit(cache=True)
def bremsstrahlung(s: float, log_mass: float) -> tuple[float, float, float]:
    """Factors 1 + alpha_s omega / pi of C_7, of C_7 C_9 and of C_9, C_10; ``log_mass`` is ln(4.8 GeV / m_b)."""
    one, logarithm = math.log(1.0 - s), math.log(s)
    common = -4.0 / 3.0 * dilogarithm(s) - 2.0 / 9.0 * math.pi**2 - 2.0 / 3.0 * logarithm * one
    square = (1.0 - s) ** 2
    seven = (common - 8.0 / 3.0 * log_mass - one * (8.0 + s) / (3.0 * (2.0 + s))
             - 2.0 / 3.0 * s * (2.0 - 2.0 * s - s * s) * logarithm / (square * (2.0 + s))
             - (16.0 - 11.0 * s - 17.0 * s * s) / (18.0 * (2.0 + s) * (1.0 - s)))
    mixed = (common - 4.0 / 3.0 * log_mass - (2.0 + 7.0 * s) * one / (9.0 * s)
             - 2.0 / 9.0 * s * (3.0 - 2.0 * s) * logarithm / square + (5.0 - 9.0 * s) / (18.0 * (1.0 - s)))
    nine = (common - (5.0 + 4.0 * s) / (3.0 * (1.0 + 2.0 * s)) * one
            - 2.0 * s * (1.0 + s) * (1.0 - 2.0 * s) / (3.0 * square * (1.0 + 2.0 * s)) * logarithm
            + (5.0 + 9.0 * s - 6.0 * s * s) / (6.0 * (1.0 - s) * (1.0 + 2.0 * s)))
    front = _ALPHA / math.pi
    return 1.0 + front * seven, 1.0 + front * mixed, 1.0 + front * nine


@njit(cache=True)
def effective(s: float) -> tuple[complex, complex, float, complex, complex]:
    """C_7, C_9, C_10 without corrections of order alpha_s, and these corrections of C_7 and C_9."""
    set_ = _HIGH if s > _EDGE else _LOW
    nine = set_[1] + set_[3] * loop(_CHARM * _CHARM, s) + set_[4] * loop(1.0, s) + set_[5] * loop(0.0, s)
    if s > _EDGE:
        return complex(set_[0]), nine, set_[2], 0j, 0j
    seven_1, nine_1 = corrections(s)
    return complex(set_[0]), nine, set_[2], seven_1, nine_1


@njit(cache=True)
def _charm_power(r: float) -> complex:
    """F(r) of the power correction from charm loops, r = s / (4 m_c^2)."""
    if r < 1.0:
        inner = math.atan(math.sqrt(r / (1.0 - r))) / math.sqrt(r * (1.0 - r))
        return complex(1.5 / r * (inner - 1.0))
    root = math.sqrt(1.0 - 1.0 / r)
    pair = math.log((1.0 - root) / (1.0 + root)) + 1j * math.pi
    return 1.5 / r * (0.5 / math.sqrt(r * (r - 1.0)) * pair - 1.0)


@njit(cache=True)
def _products(s: float, quark: float) -> tuple[float, float, float, float, float, float, complex, complex]:
    """|C7|^2, Re C7 C9*, |C9|^2, |C10|^2, Re C7 C10, Re C9 C10, and C7, C9."""
    seven, nine, ten, seven_1, nine_1 = effective(s)
    e7, e79, e9 = bremsstrahlung(s, math.log(_B / quark))
    c7, c9, c10 = e7 * seven + seven_1, e9 * nine + nine_1, e9 * ten
    m7, m9 = e79 * seven + seven_1, e79 * nine + nine_1
    return (c7.real**2 + c7.imag**2, (m7 * m9.conjugate()).real, c9.real**2 + c9.imag**2, c10 * c10, m7.real * c10,
            c9.real * c10, c7, c9)


@njit(cache=True)
def lepton_rate(quark: float, strange: float, lepton: float, square: float) -> float:
    """dGamma/ds of b -> s l l without constant factors, s = ``square`` [GeV^2]; masses in GeV."""
    s = square / (_B * _B)
    ratio, small = (strange / quark) ** 2, (lepton / quark) ** 2
    kallen = 1.0 + s * s + ratio * ratio - 2.0 * (s + s * ratio + ratio)
    if s >= 1.0 or kallen <= 0.0 or square <= 4.0 * lepton * lepton:
        return 0.0
    c77, c79, c99, cc, _, _, c7, c9 = _products(s, quark)
    base, unit = 1.0 + _L1 / (2.0 * quark * quark), _L2 / (2.0 * quark * quark)
    one = (1.0 - s) ** 2
    g1 = base + 3.0 * (1.0 - 15.0 * s * s + 10.0 * s**3) / (one * (1.0 + 2.0 * s)) * unit
    g2 = base - 3.0 * (6.0 + 3.0 * s - 5.0 * s**3) / (one * (2.0 + s)) * unit
    g3 = base - (5.0 + 6.0 * s - 7.0 * s * s) / one * unit
    charm = (_CHARM * quark) ** 2
    gc = -8.0 / 9.0 * (_C2 - _C1 / 6.0) * _L2 / charm * (_charm_power(square / (4.0 * charm)) * (
        c9.conjugate() * (2.0 + s) + c7.conjugate() * (1.0 + 6.0 * s - s * s) / s)).real
    gap = (1.0 - ratio) ** 2
    f1 = gap - s * (1.0 + ratio)
    f2 = 2.0 * (1.0 + ratio) * gap - s * (1.0 + 14.0 * ratio + ratio * ratio) - s * s * (1.0 + ratio)
    f3 = gap + s * (1.0 + ratio) - 2.0 * s * s + kallen * 2.0 * small / s
    value = ((12.0 * c79 * f1 * g3 + 4.0 * c77 * f2 * g2 / s) * (1.0 + 2.0 * small / s) + (c99 + cc) * f3 * g1
             + 6.0 * small * (c99 - cc) * (1.0 - s + ratio) + gc)
    return math.sqrt(kallen * (1.0 - 4.0 * lepton * lepton / square)) * max(value, 0.0)


@njit(cache=True)
def angle_terms(quark: float, strange: float, lepton: float, square: float) -> tuple[float, float, float]:
    """Coefficients of 1, u, u^2 in the rate at given s, u = m^2(s l+) - m^2(s l-) [GeV^2] of a b quark."""
    s = square / (_B * _B)
    b2, s2 = quark * quark, strange * strange
    c77, c79, c99, cc, c710, c910, _, _ = _products(s, quark)
    mass = 1.0 + 2.0 * lepton * lepton / square
    gap = (b2 - s2) ** 2
    zero = ((gap - square * square) * (c99 + cc)
            + 4.0 * (b2 * b2 - s2 * b2 - s2 * s2 * (1.0 - s2 / b2) - 8.0 * square * s2
                     - square * square * (1.0 + s2 / b2)) * b2 * c77 / square * mass
            - 8.0 * (square * (b2 + s2) - gap) * c79 * mass)
    return (zero, 4.0 * square * c910 + 8.0 * (b2 + s2) * c710,
            -(c99 + cc) + 4.0 * (1.0 + (s2 / b2) ** 2) * b2 * c77 / square * mass)


@njit(cache=True)
def lepton_angle(rng: np.random.Generator, quark: float, strange: float, lepton: float, square: float) -> float:
    """Cosine of the l+ to the direction of the pair, in its frame, drawn for a b quark at given s."""
    zero, one, two = angle_terms(quark, strange, lepton, square)
    kallen = ((square - (quark + strange) ** 2) * (square - (quark - strange) ** 2)
              * max(1.0 - 4.0 * lepton * lepton / square, 0.0))
    end = math.sqrt(max(kallen, 0.0))
    bound = max(zero + abs(one) * end + two * end * end, zero)
    if two < 0.0:
        bound = max(bound, zero - one * one / (4.0 * two))
    while True:
        cosine = 2.0 * rng.random() - 1.0
        u = cosine * end
        if not bound > 0.0 or rng.random() * bound < zero + one * u + two * u * u:
            return cosine


@njit(cache=True)
def neutrino_rate(s: float, ratio: float) -> float:
    """dGamma/ds of b -> s nu nubar without constant factors; s and the mass ratio m_s / m_b in units of m_b."""
    r = ratio * ratio
    kallen = 1.0 + r * r + s * s - 2.0 * (r + s + r * s)
    return math.sqrt(kallen) * (3.0 * s * (1.0 + r - s) + kallen) if kallen > 0.0 else 0.0
