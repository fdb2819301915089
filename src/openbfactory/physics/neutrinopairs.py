"""Helicity amplitudes of B -> K nu nubar and B -> K* nu nubar from the form factors that decay files name.

Method: the neutrinos are left-handed, so that the decay is a semileptonic one with two massless leptons; amplitudes as
in :mod:`openbfactory.physics.formfactors`.  With t_pm = (M +- m)^2, z of t_0 = t_+ (1 - sqrt(1 - t_- / t_+))::

    KNUNU a0 a1 a2:    f_+ = [a0 + a1 z + a2 z^2 + (2 a2 - a1) z^3 / 3] / (1 - q2 / m_p^2), m_p = M + 46 MeV
                       (A. Buras et al., arXiv:1409.4557, eqs. 104 to 107);
    KSTARNUNU_REV:     F = [a0 + a1 (z - z_0) + a2 (z - z_0)^2] / (1 - q2 / m_R^2), three coefficients each for
                       V, A_1 and A_12; z_0 = z(q2 = 0), H_0 = 8 M m A_12 / sqrt(q2)
                       (A. Bharucha, D. Straub, R. Zwicky, arXiv:1503.05534, eqs. 15 and 16);
    KSTARNUNU:         V = V(0) / (1 - q2 / m_V^2), A_i = A_i(0) (1 + b_i q2) (P. Colangelo et al., hep-ph/9510403).

``KNUNU`` without parameters is the Standard-Model spectrum of :mod:`openbfactory.physics.knunu`.
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

#: numbers of parameters that kernels get: they tell the models apart
_SERIES_K: Final = 3
_SERIES_KSTAR: Final = 9
_SUM_RULES: Final = 6
#: models of this module
NEUTRINO_PAIRS = ("KNUNU", "KSTARNUNU", "KSTARNUNU_REV")


@cache
def constants() -> QuantityTable:
    """Constants of the form factors, with their sources."""
    return load_quantities(DATA / "neutrinopairs.yaml")


_ABOVE, _POLE_V, _POLE_A = constants()["pole_above"], constants()["pole_V"], constants()["pole_A"]


def neutrino_parameters(model: str, parameters: Array, daughter: int) -> Array | None:
    """Parameters as :func:`neutrino_amplitudes` takes them, None when they do not fit the model or the daughter."""
    c, vector = constants(), abs(daughter) % 10 == 3
    if vector == (model == "KNUNU"):
        return None
    if model == "KSTARNUNU":
        names = ("V", "pole", "A_1", "A_1_slope", "A_2", "A_2_slope")
        return np.array([c[f"sum_rule_{n}"] for n in names]) if len(parameters) == 0 else None
    if model == "KSTARNUNU_REV" and len(parameters) == 0:
        return np.array([c[f"{n}_{i}"] for n in ("V", "A1", "A12") for i in range(3)])
    return parameters if len(parameters) == (_SERIES_K if model == "KNUNU" else _SERIES_KSTAR) else None


@njit(cache=True)
def _conformal(q2: float, plus: float, minus: float) -> float:
    """Conformal variable z of q2."""
    base = math.sqrt(plus * math.sqrt(1.0 - minus / plus))
    root = math.sqrt(max(plus - q2, 0.0))
    return (root - base) / (root + base)


@njit(cache=True)
def _series(a: Array, first: int, x: float) -> float:
    """a0 + a1 x + a2 x^2."""
    return a[first] + x * (a[first + 1] + x * a[first + 2])


@njit(cache=True)
def neutrino_amplitudes(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with H_+, H_-, H_0, H_t (0); arguments as in :func:`.formfactors.helicity_amplitudes`."""
    root, mp, both = math.sqrt(q2), 2.0 * mother * p, mother + daughter
    out[:4] = 0.0
    if len(a) == _SUM_RULES:
        v = a[0] / (1.0 - q2 / (a[1] * a[1]))
        a1, a2 = a[2] * (1.0 + a[3] * q2), a[4] * (1.0 + a[5] * q2)
        difference = mother * mother - daughter * daughter
        out[2] = ((difference - q2) * both * a1 - mp * mp * a2 / both) / (2.0 * daughter * root)
    else:
        plus, minus = both * both, (mother - daughter) ** 2
        z = _conformal(q2, plus, minus)
        if len(a) == _SERIES_K:
            factor = (_series(a, 0, z) + (2.0 * a[2] - a[1]) * z**3 / 3.0) / (1.0 - q2 / (mother + _ABOVE) ** 2)
            out[2] = mp / root * factor
            return
        z -= _conformal(0.0, plus, minus)
        v = _series(a, 0, z) / (1.0 - q2 / _POLE_V**2)
        axial = 1.0 / (1.0 - q2 / _POLE_A**2)
        a1 = _series(a, 3, z) * axial
        out[2] = 8.0 * mother * daughter * _series(a, 6, z) * axial / root
    out[0], out[1] = both * a1 - mp * v / both, both * a1 + mp * v / both
