"""Effective Wilson coefficients of b -> s l+ l- and b -> d l+ l- at next-to-next-to-leading logarithm.

Method: A. Ali, E. Lunghi, C. Greub, G. Hiller (hep-ph/0112300), with s = q2 / m_b^2 and z = (m_c / m_b)^2::

    C_9 = A_9 + T_9 h(z, s) + U_9 h(1, s) + W_9 h(0, s) - alpha_s / 4 pi (C_1 F_1^9 + C_2 F_2^9 + A_8 F_8^9),
    C_7 = A_7 - alpha_s / 4 pi (C_1 F_1^7 + C_2 F_2^7 + A_8 F_8^7),      C_10 constant,

for s < 0.25 at the scale 5 GeV; above that without the two-loop functions F at 2.5 GeV, so that the coefficients jump
there by some per cent, as they do in EvtGen.  b -> d adds ``V_ud* V_ub / (V_td* V_tb) (4/3 C_1 + C_2)(h(z) - h(0))``.
Resonances (J/psi, psi(2S), light vector mesons) are not in the coefficients: decay files list them as decays.

EvtGen writes h with m_c / m_b in the place of z in its argument 4 z / s, and with ln 2 for ln s in h(0, s).  The charm
threshold then lies above the largest q2 and the rate changes by up to 10 % in some regions.  ``AS_EVTGEN`` makes the
same choice, for comparisons; decays use ``AS_PUBLISHED``.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: how the loop functions are written
AS_PUBLISHED, AS_EVTGEN = 0.0, 1.0


class TwoLoop(Config):
    """Coefficients (4, 4) of the two-loop functions: powers of s; Re k, Im k, Re l, Im l."""

    source: str
    f_1_7: list[list[float]]
    f_2_7: list[list[float]]
    f_1_9: list[list[float]]
    f_2_9: list[list[float]]


class Inputs(Config):
    """The YAML file of b -> s l l: constants, two-loop functions, form factors (rows of any kind)."""

    quantities: dict[str, Quantity]
    two_loop: TwoLoop
    form_factors: list[dict[str, Any]]


@cache
def inputs() -> Inputs:
    """Inputs of b -> s l l, with their sources."""
    return load(DATA / "btosll.yaml", Inputs)


def _value(name: str) -> float:
    return inputs().quantities[name].value


_M_B, _RATIO, _LIMIT, C_10 = _value("m_b"), _value("charm_ratio"), _value("limit"), _value("C_10")
_HIGH = tuple(_value(f"high_{k}") for k in ("C_1", "C_2", "A_7", "A_9", "T_9", "U_9", "W_9"))
_LOW = tuple(_value(f"low_{k}") for k in ("C_1", "C_2", "A_7", "A_9", "T_9", "U_9", "W_9"))
_A_8, _SCALE, _LOG = _value("low_A_8"), _value("low_alpha_s") / (4.0 * math.pi), math.log(_value("low_scale") / _M_B)
_F17, _F27, _F19, _F29 = (np.array([[complex(k[0], k[1]), complex(k[2], k[3])] for k in f]) for f in
                          (inputs().two_loop.f_1_7, inputs().two_loop.f_2_7, inputs().two_loop.f_1_9,
                           inputs().two_loop.f_2_9))
_PI: Final = math.pi


def light_quark_factor() -> complex:
    """V_ud* V_ub / (V_td* V_tb), the weak factor of the up-quark loops in b -> d l l."""
    rho, eta = _value("rho"), _value("eta")
    return (1.0 - 0.5 * _value("sine_cabibbo") ** 2) * complex(rho, -eta) / complex(1.0 - rho, eta)


@njit(cache=True)
def loop(z: float, s: float, argument: float) -> complex:
    """One-loop function h(z, s), z = (m / m_b)^2, with x = 4 argument / s; ``argument`` is z."""
    x = 4.0 * argument / s
    root = math.sqrt(abs(1.0 - x))
    value = -4.0 / 9.0 * math.log(z) + 8.0 / 27.0 + 4.0 / 9.0 * x
    front = -2.0 / 9.0 * (2.0 + x) * root
    if x < 1.0:
        # (1 + root) / (1 - root) with 1 - root^2 = x
        return complex(value + front * math.log((1.0 + root) ** 2 / x), -front * _PI)
    return complex(value + front * 2.0 * math.atan2(1.0, root), 0.0)


@njit(cache=True)
def _series(k: Array, s: float, log: float) -> complex:
    """Sum over powers n of s of (k + l ln s) s^n."""
    total = complex(0.0, 0.0)
    for n in range(3, -1, -1):
        total = total * s + k[n, 0] + k[n, 1] * log
    return total


@njit(cache=True)
def _dipole_loops(s: float, log: float) -> complex:
    """C_1 F_1^7 + C_2 F_2^7 + A_8 F_8^7."""
    f1 = -208.0 / 243.0 * _LOG + _series(_F17, s, log)
    f2 = 416.0 / 81.0 * _LOG + _series(_F27, s, log)
    pi2 = _PI * _PI
    f8 = (-32.0 / 9.0 * _LOG + 8.0 / 27.0 * pi2 - 44.0 / 9.0 + (4.0 / 3.0 * pi2 - 40.0 / 3.0) * s
          + (32.0 / 9.0 * pi2 - 316.0 / 9.0) * s * s + (200.0 / 27.0 * pi2 - 658.0 / 9.0) * s**3
          - 8.0 / 9.0 * log * (s + s * s + s**3) - 8.0 / 9.0 * _PI * 1j)
    return _LOW[0] * f1 + _LOW[1] * f2 + _A_8 * f8


@njit(cache=True)
def _vector_loops(s: float, log: float) -> complex:
    """C_1 F_1^9 + C_2 F_2^9 + A_8 F_8^9."""
    c, pi2 = _RATIO * _RATIO, _PI * _PI
    f1 = _LOG * (-1424.0 / 729.0 + 16.0 / 243.0 * _PI * 1j + 64.0 / 27.0 * math.log(_RATIO) - 16.0 / 243.0 * log
                 + (16.0 / 1215.0 - 32.0 / 135.0 / c) * s + (4.0 / 2835.0 - 8.0 / 315.0 / c**2) * s * s
                 + (16.0 / 76545.0 - 32.0 / 8505.0 / c**3) * s**3 - 256.0 / 243.0 * _LOG) + _series(_F19, s, log)
    f2 = _LOG * (256.0 / 243.0 - 32.0 / 81.0 * _PI * 1j - 128.0 / 9.0 * math.log(_RATIO) + 32.0 / 81.0 * log
                 + (-32.0 / 405.0 + 64.0 / 45.0 / c) * s + (-8.0 / 945.0 + 16.0 / 105.0 / c**2) * s * s
                 + (-32.0 / 25515.0 + 64.0 / 2835.0 / c**3) * s**3 + 512.0 / 81.0 * _LOG) + _series(_F29, s, log)
    f8 = (104.0 / 9.0 - 32.0 / 27.0 * pi2 + (1184.0 / 27.0 - 40.0 / 9.0 * pi2) * s
          + (14212.0 / 135.0 - 32.0 / 3.0 * pi2) * s * s + (193444.0 / 945.0 - 560.0 / 27.0 * pi2) * s**3
          + 16.0 / 9.0 * log * (1.0 + s + s * s + s**3))
    return _LOW[0] * f1 + _LOW[1] * f2 + _A_8 * f8


@njit(cache=True)
def coefficient_parts(q2: float, weak: complex, written: float) -> tuple[complex, complex, complex, complex]:
    """C_7 and C_9 at q2 [GeV^2] without their two-loop parts of order alpha_s, and these parts.

    Parameters
    ----------
    weak
        Factor of the up-quark loops: 0 for b -> s, :func:`light_quark_factor` for b -> d (conjugate for anti-b).
    written
        ``AS_PUBLISHED`` or ``AS_EVTGEN``.
    """
    s = q2 / (_M_B * _M_B)
    log = math.log(s)
    charm = _RATIO * _RATIO
    h_charm = loop(charm, s, _RATIO if written == AS_EVTGEN else charm)
    h_bottom = loop(1.0, s, 1.0)
    h_light = complex(8.0 / 27.0 - 4.0 / 9.0 * (math.log(2.0) if written == AS_EVTGEN else log), 4.0 / 9.0 * _PI)
    c = _HIGH if s > _LIMIT else _LOW
    c7, c9 = complex(c[2], 0.0), c[3] + c[4] * h_charm + c[5] * h_bottom + c[6] * h_light
    if weak != 0.0:
        c9 += weak * (4.0 / 3.0 * c[0] + c[1]) * (h_charm - h_light)
    if s > _LIMIT:
        return c7, c9, complex(0.0, 0.0), complex(0.0, 0.0)
    return c7, c9, -_SCALE * _dipole_loops(s, log), -_SCALE * _vector_loops(s, log)


@njit(cache=True)
def wilson_coefficients(q2: float, weak: complex, written: float) -> tuple[complex, complex]:
    """Effective C_7 and C_9 at q2 [GeV^2]; the other parameters are those of :func:`coefficient_parts`."""
    c7, c9, c7_loops, c9_loops = coefficient_parts(q2, weak, written)
    return c7 + c7_loops, c9 + c9_loops
