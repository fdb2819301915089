"""Form factors of B -> pi l nu and B -> V l nu as series in the conformal variable z.

Method: pseudoscalars (C. Bourrely, I. Caprini, L. Lellouch, Phys. Rev. D 79, 013008), four coefficients each::

    f_+ = 1 / (1 - q2 / m_1-^2) sum_n b_n [z^n - (-1)^(n-4) (n/4) z^4],   f_0 = sum_n b0_n z^n,
    t_0 = (M + m)(sqrt(M) - sqrt(m))^2;

vectors (A. Bharucha, D. Straub, R. Zwicky, JHEP 08 (2016) 098), F = 1 / (1 - q2 / m_R^2) sum_n a_n (z(q2) - z(0))^n
for V, A_0, A_1 and A_12, t_0 = t_+ (1 - sqrt(1 - t_- / t_+)), A_0(0) from A_12(0).  Order of the parameters: b, b0; or
a_1, a_2 of A_0, then three each of A_1, A_12, V.
"""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
from numba import njit

from openbfactory.core.quantities import load_quantities
from openbfactory.physics.covariant import fill_scalar, fill_vector
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

_C = load_quantities(DATA / "formfactors.yaml")
_VECTOR2, _AXIAL2, _SCALAR2 = _C["bcl_vector"] ** 2, _C["bcl_axial"] ** 2, _C["bcl_pseudoscalar"] ** 2


@njit(cache=True)
def _z(q2: float, largest: float, start: float) -> float:
    """Conformal variable."""
    first, second = math.sqrt(max(largest - q2, 0.0)), math.sqrt(largest - start)
    return (first - second) / (first + second)


@njit(cache=True)
def bcl_amplitudes(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t; ``a`` holds nominal masses of mother and daughter and the parameters."""
    b, m = a[0], a[1]
    plus, minus = (b + m) ** 2, (b - m) ** 2
    if len(a) == 10:
        z = _z(q2, plus, (b + m) * (math.sqrt(b) - math.sqrt(m)) ** 2)
        z2 = z * z
        z4 = z2 * z2
        series = a[2] + a[3] * (z + z4 / 4.0) + a[4] * (z2 - z4 / 2.0) + a[5] * (z2 * z + 0.75 * z4)
        f1 = series / (1.0 - q2 / _VECTOR2)
        f0 = a[6] + z * (a[7] + z * (a[8] + z * a[9]))
        fill_scalar(f1, (f0 - f1) * (mother * mother - daughter * daughter) / q2, mother, daughter, q2, p, out)
        return
    start = plus * (1.0 - math.sqrt(1.0 - minus / plus))
    x = _z(q2, plus, start) - _z(0.0, plus, start)
    a0 = (8.0 * b * m / (b * b - m * m) * a[7] + x * (a[2] + x * a[3])) / (1.0 - q2 / _SCALAR2)
    a1 = (a[4] + x * (a[5] + x * a[6])) / (1.0 - q2 / _AXIAL2)
    a12 = (a[7] + x * (a[8] + x * a[9])) / (1.0 - q2 / _AXIAL2)
    v = (a[10] + x * (a[11] + x * a[12])) / (1.0 - q2 / _VECTOR2)
    both = mother + daughter
    fill_vector(both * a1, v / both, 0.0, 0.0, mother, daughter, q2, p, out)
    root = math.sqrt(q2)
    out[2] = 8.0 * mother * daughter * a12 / root
    out[3] = 2.0 * mother * p * a0 / root
