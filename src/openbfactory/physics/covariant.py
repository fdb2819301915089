"""Helicity amplitudes of semileptonic decays from covariant form factors, for daughters of spin 0, 1 and 2.

Method: for a vector or an axial-vector meson the form factors are those of N. Isgur, D. Scora, B. Grinstein, M. Wise
(Phys. Rev. D 39, 799): f (of the polarisation vector), g (of the antisymmetric tensor), a_+ and a_- (of p_B + p_X and
p_B - p_X).  With M, m the masses, p the momentum of the meson::

    H_pm = f -+ 2 M p g,
    H_0 = [(M^2 - m^2 - q2) f + 4 M^2 p^2 a_+] / (2 m sqrt(q2)),
    H_t = M p [f + (M^2 - m^2) a_+ + q2 a_-] / (m sqrt(q2)).

A tensor meson has k, h, b_+, b_- in their places, its polarisation vector is eps_(mu nu) p_B^nu: H_pm are multiplied
by M p / (sqrt(2) m), H_0 and H_t by sqrt(2/3) M p / m.
"""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True)
def fill_scalar(plus: float, minus: float, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t for the form factors f_+ and f_- of a daughter of spin 0."""
    root, difference = math.sqrt(q2), mother * mother - daughter * daughter
    out[0] = out[1] = 0.0
    out[2], out[3] = 2.0 * mother * p * plus / root, (difference * plus + q2 * minus) / root


@njit(cache=True)
def fill_vector(f: float, g: float, plus: float, minus: float, mother: float, daughter: float, q2: float, p: float,
                out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t for the form factors f, g, a_+, a_- of a daughter of spin 1."""
    root, difference, mp = math.sqrt(q2), mother * mother - daughter * daughter, mother * p
    out[0], out[1] = f - 2.0 * mp * g, f + 2.0 * mp * g
    out[2] = ((difference - q2) * f + 4.0 * mp * mp * plus) / (2.0 * daughter * root)
    out[3] = mp * (f + difference * plus + q2 * minus) / (daughter * root)


@njit(cache=True)
def fill_tensor(k: float, h: float, plus: float, minus: float, mother: float, daughter: float, q2: float, p: float,
                out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t for the form factors k, h, b_+, b_- of a daughter of spin 2."""
    fill_vector(k, h, plus, minus, mother, daughter, q2, p, out)
    scale = mother * p / daughter
    out[0] *= math.sqrt(0.5) * scale
    out[1] *= math.sqrt(0.5) * scale
    out[2] *= math.sqrt(2.0 / 3.0) * scale
    out[3] *= math.sqrt(2.0 / 3.0) * scale
