"""Amplitude of B -> D(*) pi l nu with a soft pion (J. Goity, W. Roberts, Phys. Rev. D 51, 3459, hep-ph/9406236).

Method: chiral and heavy-quark symmetry give the hadronic matrix element in the velocities v, v' of the mesons and the
momentum p of the pion::

    D:   i h m m' eps(v', p, v)^mu + a1 p^mu + a2 m v^mu + a3 m' v'^mu,
    D*:  the tensor T^(mu nu) eps*_nu with h1..h3, f1..f6, k, g4 of the paper,

with the Isgur-Wise functions of harmonic-oscillator wave functions.  Pole terms of the B side (B*, its excitations) and
the non-resonant part are kept; those of D* and D** on the D side are left out, as in EvtGen, because decay files have
these mesons as channels of their own.  The leptonic current is exact for a massive lepton: its momentum is the sum of
two light-like ones along and against its direction, and the tensors of both add up.

The functions are for B -> anti-D(*) pi l+ nu; the conjugate decay has all momenta mirrored.  States of the D* are those
along the z axis of the frame of the B, reached by one pure boost.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]


@cache
def constants() -> QuantityTable:
    """Constants of the amplitude, with their sources."""
    return load_quantities(DATA / "goity_roberts.yaml")


_C = constants()
_G, _A1, _A2, _A3 = _C["g"], _C["alpha1"], _C["alpha2"], _C["alpha3"]
_F, _LAMBDA = _C["f_pi"], _C["lambda_bar"]
_S, _P, _D = _C["beta_s"], _C["beta_p"], _C["beta_d"]
_SPLIT_B: Final = complex(_C["split_B"], -0.5 * _C["width_B"])
_SPLIT_D: Final = complex(_C["split_D"], -0.5 * _C["width_D"])
_SPLIT_1: Final = complex(_C["split_1"], -0.5 * _C["width_1"])
_SPLIT_2: Final = complex(_C["split_2"], -0.5 * _C["width_2"])
_SPLIT_3: Final = complex(_C["split_3"], -0.5 * _C["width_3"])


@njit(cache=True)
def wave_functions(w: float) -> tuple[float, float, float, float]:
    """Isgur-Wise functions xi, xi_1 (radial), rho_1, rho_2 (orbital excitations) at the recoil w."""
    x = _LAMBDA * _LAMBDA * (1.0 - w * w)
    xi = math.exp(x / (4.0 * _S * _S))
    radial = math.sqrt(2.0 / 3.0) * x / (4.0 * _S * _S) * xi
    sp, sd = _S * _S + _P * _P, _S * _S + _D * _D
    rho1 = math.sqrt(0.5) * _LAMBDA / _S * (2.0 * _S * _P / sp) ** 2.5 * math.exp(0.5 * x / sp)
    rho2 = math.sqrt(0.125) * (_LAMBDA / _S) ** 2 * (2.0 * _S * _D / sd) ** 3.5 * math.exp(0.5 * x / sd)
    return xi, radial, rho1, rho2


@njit(cache=True)
def _scalar_current(m: float, md: float, d: Array, pion: Array, out: Array) -> None:
    """Fill the current (4,) of B -> D pi."""
    vp = d / md
    w, pv = vp[0], pion[0]
    pw = (pion[0] * d[0] - pion[1] * d[1] - pion[2] * d[2] - pion[3] * d[3]) / md
    xi, radial, rho1, rho2 = wave_functions(w)
    b, one, two, three = 1.0 / (pv + _SPLIT_B), 1.0 / (pv + _SPLIT_1), 1.0 / (pv + _SPLIT_2), 1.0 / (pv + _SPLIT_3)
    ground, d_wave, excited = _G * xi * b, _A2 * rho2 * two, _A3 * radial * three
    h = (ground + d_wave * (w - 1.0) / 3.0 + excited) / (2.0 * _F * m * md)
    a1 = -(1.0 + w) * (ground + d_wave * (w - 1.0) / 3.0 + excited) / (2.0 * _F)
    a2 = ((ground + excited) * (pv + pw) + _A1 * rho1 * pv * one
          + d_wave * (2.0 * (0.5 * (w * pw - pv) + pw - w * pv)) / 3.0) / (2.0 * _F * m)
    a3 = -(_A1 * rho1 * pv * one + d_wave * (pw - w * pv)) / (2.0 * _F * md)
    for i in range(4):
        out[i] = a1 * pion[i] + a3 * d[i]
    out[0] += a2 * m
    turned = 1j * h * m
    out[1] += turned * (d[2] * pion[3] - d[3] * pion[2])
    out[2] += turned * (d[3] * pion[1] - d[1] * pion[3])
    out[3] += turned * (d[1] * pion[2] - d[2] * pion[1])


@njit(cache=True)
def _add_dual(factor: complex, a: Array, b: Array, out: Array) -> None:
    """Add ``factor`` times eps^(mu nu alpha beta) a_alpha b_beta to a tensor."""
    x, y, z = a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1]
    u, v, t = a[0] * b[1] - a[1] * b[0], a[0] * b[2] - a[2] * b[0], a[0] * b[3] - a[3] * b[0]
    out[0, 1] -= factor * x
    out[0, 2] -= factor * y
    out[0, 3] -= factor * z
    out[1, 0] += factor * x
    out[2, 0] += factor * y
    out[3, 0] += factor * z
    out[1, 2] += factor * t
    out[2, 1] -= factor * t
    out[3, 1] += factor * v
    out[1, 3] -= factor * v
    out[2, 3] += factor * u
    out[3, 2] -= factor * u


@njit(cache=True)
def _vector_tensor(m: float, md: float, d: Array, pion: Array, out: Array) -> None:
    """Fill the tensor (4, 4; current, polarisation) of B -> D* pi."""
    v = np.zeros(4)
    v[0] = m
    w, pv = d[0] / md, pion[0]
    pw = (pion[0] * d[0] - pion[1] * d[1] - pion[2] * d[2] - pion[3] * d[3]) / md
    xi, radial, rho1, rho2 = wave_functions(w)
    b, one, two, three = 1.0 / (pv + _SPLIT_B), 1.0 / (pv + _SPLIT_1), 1.0 / (pv + _SPLIT_2), 1.0 / (pv + _SPLIT_3)
    ground, p_wave, d_wave, excited = _G * xi, _A1 * rho1 * one, _A2 * rho2 * two, _A3 * radial * three
    h1 = (-ground * pv * b - p_wave * pv + d_wave * (pv + 2.0 * w * pv - pw) / 3.0 - excited * pv) / (_F * m * md)
    h2 = (-ground * b - d_wave * (1.0 + w) / 3.0 - excited) / (_F * m)
    h3 = (-ground * (b - (1.0 + w) / pw) + d_wave * (1.0 + w) / 3.0 - excited) / (_F * md)
    f1 = (-ground * (b - 1.0 / (pw + _SPLIT_D)) - d_wave * (w - 1.0) / 3.0 - excited) / (2.0 * _F * m)
    f5 = (ground * (1.0 + pv * b) + p_wave * pv + d_wave * (pw - pv / 3.0 - 2.0 / 3.0 * w * pv)
          + excited * pv) / (2.0 * _F * m * md)
    f6 = (ground * (b - 1.0 / pw) + d_wave * (w - 1.0) / 3.0 + excited) / (2.0 * _F * m)
    k = (ground * ((pw - w * pv) * b + (pv - w * pw) / pw) - p_wave * (w - 1.0) * pv
         - 2.0 / 3.0 * d_wave * (w - 1.0) * (pw - w * pv) + excited * (pw - w * pv)) / (2.0 * _F)
    g4 = (ground / pw + 2.0 / 3.0 * d_wave) / (_F * md)
    for i in range(4):
        for j in range(4):
            out[i, j] = (f1 * (v[i] + d[i] * m / md) * pion[j] + f5 * d[i] * v[j] + f6 * pion[i] * v[j])
    out[0, 0] += k
    for i in range(1, 4):
        out[i, i] -= k
    _add_dual(-0.5j * h1, v, d, out)
    _add_dual(-0.5j * h2, v, pion, out)
    _add_dual(-0.5j * h3, d, pion, out)
    x, y = d[2] * pion[3] - d[3] * pion[2], d[3] * pion[1] - d[1] * pion[3]
    z = d[1] * pion[2] - d[2] * pion[1]
    for i in range(4):
        turned = -0.5j * g4 * d[i] / md
        out[i, 1] += turned * x
        out[i, 2] += turned * y
        out[i, 3] += turned * z


@njit(cache=True)
def _lepton_current(energy: float, x: float, y: float, z: float, neutrino: Array, out: Array) -> None:
    """Fill the current (4,) of a light-like antilepton along the unit vector (x, y, z) and the neutrino."""
    p = math.sqrt(neutrino[1] ** 2 + neutrino[2] ** 2 + neutrino[3] ** 2)
    a, b = _left(x, y, z), _left(neutrino[1] / p, neutrino[2] / p, neutrino[3] / p)
    root = math.sqrt(max(4.0 * energy * p, 0.0))
    n0, n1 = b[0].conjugate() * root, b[1].conjugate() * root
    out[0] = n0 * a[0] + n1 * a[1]
    out[1] = -(n0 * a[1] + n1 * a[0])
    out[2] = 1j * (n0 * a[1] - n1 * a[0])
    out[3] = -(n0 * a[0] - n1 * a[1])


@njit(cache=True)
def _left(x: float, y: float, z: float) -> tuple[complex, complex]:
    """Spinor of negative helicity along a unit vector."""
    c, s = math.sqrt(max(0.5 * (1.0 + z), 0.0)), math.sqrt(max(0.5 * (1.0 - z), 0.0))
    t = math.sqrt(x * x + y * y)
    phase = complex(x / t, -y / t) if t > 0.0 else complex(1.0, 0.0)
    return -s * phase, complex(c, 0.0)


@njit(cache=True)
def soft_pion_amplitude(vector: bool, m: float, md: float, momenta: Array, out: Array) -> float:
    """Sum of the squared amplitudes, which fill ``out`` (states of the D*: +1, 0, -1, or one for a D; 2).

    Parameters
    ----------
    vector
        True for a D*, False for a D.
    m, md
        Masses of B and D(*) [GeV].
    momenta : (4, 4)
        D(*), pion, lepton, neutrino in the rest frame of the B [GeV].
    """
    d, pion, lepton, neutrino = momenta[0], momenta[1], momenta[2], momenta[3]
    p = math.sqrt(lepton[1] ** 2 + lepton[2] ** 2 + lepton[3] ** 2)
    size = p if p > 0.0 else 1.0
    x, y, z = lepton[1] / size, lepton[2] / size, lepton[3] / size
    tensor, hadron, current = np.zeros((4, 4), np.complex128), np.empty(4, np.complex128), np.empty(4, np.complex128)
    states = 3 if vector else 1
    if vector:
        _vector_tensor(m, md, d, pion, tensor)
    else:
        _scalar_current(m, md, d, pion, hadron)
    total = 0.0
    for side in range(2):
        sign = 1.0 - 2.0 * side
        _lepton_current(0.5 * (lepton[0] + sign * p), sign * x, sign * y, sign * z, neutrino, current)
        for a in range(states):
            if vector:
                _polarised(tensor, d, md, a, hadron)
            value = current[0] * hadron[0] - current[1] * hadron[1] - current[2] * hadron[2] - current[3] * hadron[3]
            out[a, side] = value
            total += value.real**2 + value.imag**2
    return total


@njit(cache=True)
def _polarised(tensor: Array, d: Array, md: float, state: int, out: Array) -> None:
    """Fill the current of a D* with a polarisation, T^(mu nu) eps*_nu."""
    root = math.sqrt(0.5)
    if state == 1:
        e1, e2, e3 = complex(0.0), complex(0.0), complex(1.0)
    else:
        sign = -1.0 if state == 0 else 1.0
        e1, e2, e3 = complex(sign * root), complex(0.0, root), complex(0.0)  # conjugates of -+(x +- i y)
    along = (d[1] * e1 + d[2] * e2 + d[3] * e3) / md
    factor = along / (d[0] / md + 1.0) / md
    e1, e2, e3 = e1 + factor * d[1], e2 + factor * d[2], e3 + factor * d[3]
    for i in range(4):
        out[i] = tensor[i, 0] * along - tensor[i, 1] * e1 - tensor[i, 2] * e2 - tensor[i, 3] * e3
