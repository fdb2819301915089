"""Form factors of B -> D** l nu to order 1/m (A. Leibovich, Z. Ligeti, I. Stewart, M. Wise, Phys. Rev. D 57, 308).

Method: approximation B of the reference without chromomagnetic terms (eta_i = chi_i = 0), linear leading function
tau(w) = tau(1) [1 + tau' (w - 1)] (zeta for the doublet of light spin 1/2); the sub-leading functions are proportional
to it with the factors tau_1, tau_2 or zeta_1 (F. Bernlochner, Z. Ligeti, Phys. Rev. D 95, 014022), the order of the
parameters is tau(1), tau', tau_1, tau_2 or tau(1), tau', zeta_1.

The form factors k_V and k_A1 of the tensor meson have one sign in the reference, so that the helicity of the tensor is
mostly negative, as for all mesons from a left-handed quark; the source of LLSW in basf2 gives them opposite signs.

Approximation: no radiative corrections.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy.typing as npt
from numba import njit

from openbfactory.core.quantities import load_quantities
from openbfactory.physics.covariant import fill_scalar, fill_tensor, fill_vector
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

_C = load_quantities(DATA / "formfactors.yaml")
_EB, _EC = 0.5 / _C["llsw_bottom"], 0.5 / _C["llsw_charm"]
_L, _LP, _LS = _C["llsw_lambda"], _C["llsw_lambda_three_halves"], _C["llsw_lambda_half"]

#: classes of daughters by their code: scalar, axial vector of light spin 1/2 and of 3/2, tensor
CLASSES: dict[int, int] = {10411: 0, 10421: 0, 20413: 1, 20423: 1, 10413: 2, 10423: 2, 415: 3, 425: 3}
#: numbers of parameters in the decay file by class
PARAMETERS: Final = (3, 3, 4, 4)


@njit(cache=True)
def _half(kind: int, z: float, zeta1: float, w: float, mother: float, daughter: float, q2: float, p: float,
          out: Array) -> None:
    """Amplitudes for the doublet of light spin 1/2; ``z`` is the leading function."""
    root, r, bottom = math.sqrt(mother * daughter), daughter / mother, _LS * (2.0 * w + 1.0) - _L * (w + 2.0)
    if kind == 0:
        plus = (_EC * (2.0 * (w - 1.0) * zeta1 * z - 3.0 * z * (w * _LS - _L) / (w + 1.0))
                - _EB * (bottom / (w + 1.0) * z - 2.0 * (w - 1.0) * zeta1 * z))
        both, less = mother + daughter, mother - daughter
        fill_scalar((both * plus - less * z) / (2.0 * root), (both * z - less * plus) / (2.0 * root), mother, daughter,
                    q2, p, out)
        return
    v1 = (w - 1.0) * z + _EC * (w * _LS - _L) * z - _EB * (bottom - 2.0 * (w * w - 1.0) * zeta1) * z
    v2 = 2.0 * _EC * zeta1 * z
    v3 = (-1.0 + _EB * (bottom / (w + 1.0) - 2.0 * (w - 1.0) * zeta1)
          - _EC * ((w * _LS - _L) / (w + 1.0) + 2.0 * zeta1)) * z
    axial = (1.0 + _EB * (2.0 * (w - 1.0) * zeta1 - bottom / (w + 1.0)) + _EC * (w * _LS - _L) / (w + 1.0)) * z
    fill_vector(root * v1, axial / (2.0 * root), (v3 + r * v2) / (2.0 * root), (r * v2 - v3) / (2.0 * root), mother,
                daughter, q2, p, out)


@njit(cache=True)
def _three_halves(kind: int, t: float, tau1: float, tau2: float, w: float, mother: float, daughter: float, q2: float,
                  p: float, out: Array) -> None:
    """Amplitudes for the doublet of light spin 3/2; ``t`` is the leading function."""
    root, r, charm = math.sqrt(mother * daughter), daughter / mother, 4.0 * (w * _LP - _L)
    bottom = _LP + _L - (2.0 * w + 1.0) * tau1 - tau2
    if kind == 2:
        scale = t / math.sqrt(6.0)
        v1 = scale * (1.0 - w * w - _EB * (w * w - 1.0) * bottom
                      - _EC * ((w + 1.0) * charm - 3.0 * (w * w - 1.0) * (tau1 - tau2)))
        v2 = scale * (-3.0 - 3.0 * _EB * bottom - _EC * ((4.0 * w - 1.0) * tau1 + 5.0 * tau2))
        v3 = scale * (w - 2.0 + _EB * (2.0 + w) * bottom
                      + _EC * (charm + (2.0 + w) * tau1 + (2.0 + 3.0 * w) * tau2))
        axial = scale * (-(w + 1.0) - _EB * (w - 1.0) * bottom - _EC * (charm - 3.0 * (w - 1.0) * (tau1 - tau2)))
        fill_vector(root * v1, axial / (2.0 * root), (v3 + r * v2) / (2.0 * root), (r * v2 - v3) / (2.0 * root),
                    mother, daughter, q2, p, out)
        return
    a1 = -t * (1.0 + w + _EB * (w - 1.0) * bottom + _EC * (w - 1.0) * (tau1 - tau2))
    a2 = -2.0 * _EC * tau1 * t
    a3 = t * (1.0 + _EB * bottom - _EC * (tau1 + tau2))
    vector = -t * (1.0 + _EB * bottom + _EC * (tau1 - tau2))
    scale = 1.0 / (2.0 * mother * mother)
    fill_tensor(root / mother * a1, vector / root * scale * mother, scale / root * (mother * a3 + daughter * a2),
                scale / root * (daughter * a2 - mother * a3), mother, daughter, q2, p, out)


@njit(cache=True)
def llsw_amplitudes(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t; ``a`` holds the class and the parameters of the file."""
    w = (mother * mother + daughter * daughter - q2) / (2.0 * mother * daughter)
    leading, kind = a[1] * (1.0 + a[2] * (w - 1.0)), int(a[0])
    if kind < 2:
        _half(kind, leading, a[3], w, mother, daughter, q2, p, out)
    else:
        _three_halves(kind, leading, a[3], a[4], w, mother, daughter, q2, p, out)
