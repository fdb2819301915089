"""Rates of b -> s l l and b -> s nu nubar for inclusive decays.

Method: effective coefficients C_7, C_9, C_10 at next-to-next-to-leading order with power corrections (A. Ali,
E. Lunghi, C. Greub, G. Hiller, Phys. Rev. D 66, 034002, hep-ph/0112300; matrix elements of H. Asatryan, H. Asatrian,
C. Greub, M. Walker, Phys. Rev. D 65, 074004); masses of lepton and strange quark as in F. Kruger, L. Sehgal,
Phys. Lett. B 380, 199; the angle as in A. Ali, G. Hiller, L. Handoko, T. Morozumi, Phys. Rev. D 55, 4105, appendix E,
with u = m^2(s l+) - m^2(s l-) for a b quark.  b -> s nu nubar: arXiv:1509.06248, eq. 41.

Coefficients are those of :mod:`openbfactory.physics.wilson` in the form of the publication, with the charm threshold
that EvtGen's lack.

Approximation: no charmonium resonances (decay files have them as channels); corrections F_i only for s below a quarter,
as published.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.physics.charmless import dilogarithm
from openbfactory.physics.particles import DATA
from openbfactory.physics.wilson import AS_PUBLISHED, C_10, coefficient_parts, inputs

Array = npt.NDArray[Any]


@cache
def constants() -> QuantityTable:
    """Constants of the rate, with their sources."""
    return load_quantities(DATA / "xsll.yaml")


_B, _CHARM = inputs().quantities["m_b"].value, inputs().quantities["charm_ratio"].value
_C1, _C2 = inputs().quantities["low_C_1"].value, inputs().quantities["low_C_2"].value
_L1, _L2 = constants()["lambda_1"], constants()["lambda_2"]
_ALPHA: Final = constants()["alpha_s_Z"] / (
    1.0 + constants()["alpha_s_Z"] * 2.0 * math.log(_B / constants()["m_Z"]) * 23.0 / (12.0 * math.pi))


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
    seven, nine, seven_1, nine_1 = coefficient_parts(s * _B * _B, complex(0.0, 0.0), AS_PUBLISHED)
    e7, e79, e9 = bremsstrahlung(s, math.log(_B / quark))
    c7, c9, c10 = e7 * seven + seven_1, e9 * nine + nine_1, e9 * C_10
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
