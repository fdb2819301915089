"""Amplitudes of b -> s l+ l- and b -> d l+ l- decays of a pseudoscalar to a pseudoscalar or a vector meson.

Method: with M, m the masses of the mesons, p the momentum of the daughter and q2 the squared mass of the leptons, the
leptons couple to a vector current H^V (coefficients C_9, C_7) and an axial one H^A (C_10).  For a pseudoscalar::

    H^V_0 = 2 M p / sqrt(q2) [C_9 f_+ + 2 m_b C_7 f_T / (M + m)],
    H^A_0 = 2 M p / sqrt(q2) C_10 f_+,     H^A_t = (M^2 - m^2) / sqrt(q2) C_10 f_0;

for a vector meson::

    H^V_pm = C_9 [(M + m) A_1 -+ 2 M p V / (M + m)] + 2 m_b C_7 / q2 [(M^2 - m^2) T_2 -+ 2 M p T_1],
    H^V_0 = {C_9 [(M^2 - m^2 - q2)(M + m) A_1 - 4 M^2 p^2 A_2 / (M + m)]
             + 2 m_b C_7 [(M^2 + 3 m^2 - q2) T_2 - 4 M^2 p^2 T_3 / (M^2 - m^2)]} / (2 m sqrt(q2)),
    H^A as the part of H^V with C_9, C_10 in its place;     H^A_t = 2 M p A_0 C_10 / sqrt(q2)

(A. Ali, P. Ball, L. Handoko, G. Hiller, hep-ph/9910221; W. Altmannshofer et al., arXiv:0811.1214, eq. 3.27 ff.).  The
lepton masses are kept.  Form factors are data (btosll.yaml); the numbers of their sets are those of EvtGen's
``BTOSLLBALL``, whose set without an argument is 1.

Approximation: no weak annihilation, no spectator scattering, no resonances in q2 (see
:mod:`openbfactory.physics.wilson`); the mass of the strange quark is zero.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.physics.particles import species_table
from openbfactory.physics.wilson import AS_EVTGEN, AS_PUBLISHED, C_10, inputs, light_quark_factor, wilson_coefficients

Array = npt.NDArray[Any]

#: shapes of form factors
SHAPES: dict[str, float] = {"exp": 0.0, "ratio": 1.0, "poles": 2.0, "double": 3.0, "tilde": 4.0}
_TILDE: Final = SHAPES["tilde"]
#: numbers of a channel before its form factors: vector meson or not, weak factor of the up-quark loops, loop functions
_HEAD: Final = 4
_M_B = inputs().quantities["m_b_dipole"].value
#: numbers that :func:`rare_amplitudes` fills
AMPLITUDES: Final = 10


@cache
def _sets() -> dict[tuple[int, int, int], Array]:
    """Form factors (n, 5) by set, absolute code of the mother (0 for B+ and B0) and of the daughter."""
    table, found = species_table(), {}
    for row in inputs().form_factors:
        values = [[SHAPES["tilde" if name.endswith("tilde") else shape], *numbers]
                  for name, (shape, *numbers) in row["values"].items()]
        for mother in row.get("from", [""]):
            for daughter in row["to"]:
                key = (int(row["set"]), abs(table[mother].pdg) if mother else 0, abs(table[daughter].pdg))
                found[key] = np.array(values, np.float64)
    return found


def rare_parameters(model: str, parameters: Array, mother: int, daughter: int) -> Array | None:
    """Parameters as :func:`rare_amplitudes` takes them, None where there are no form factors.

    Parameters
    ----------
    model, parameters
        ``BTOSLLBALL`` (number of a set of form factors, 1 if absent) or ``BTOSLLALI``; a further parameter 1 writes the
        loop functions as EvtGen does, see :mod:`openbfactory.physics.wilson`.
    mother, daughter
        PDG codes of the mesons.
    """
    values = parameters.tolist() if model == "BTOSLLBALL" else [1.0, *parameters.tolist()]
    chosen, written = (*values, *(1.0, AS_PUBLISHED)[len(values):])[:2]
    if len(values) > 2 or written not in (AS_PUBLISHED, AS_EVTGEN) or chosen % 1.0 != 0.0:
        return None
    code, strange = abs(daughter), abs(mother) // 10 % 10 == 3
    if model == "BTOSLLALI":
        # one set of numbers for every meson
        code = 313 if code % 10 == 3 else 321
    anyone = 0 if model == "BTOSLLALI" or not strange else -1
    factors = _sets().get((int(chosen), abs(mother), code), _sets().get((int(chosen), anyone, code)))
    if factors is None:
        return None
    kaon = abs(daughter) in (130, 310, 311, 313, 321, 323)
    weak = light_quark_factor() if kaon == strange else 0j
    if mother > 0:
        # a meson with an anti-b: the weak factor is conjugate
        weak = weak.conjugate()
    head = [1.0 if len(factors) == 7 else 0.0, weak.real, weak.imag, written]
    return np.concatenate((head, factors.ravel()))


@njit(cache=True)
def _factor(a: Array, i: int, q2: float, s: float) -> float:
    """Form factor i of a channel."""
    first = _HEAD + 5 * i
    shape, f, x, y, z = a[first], a[first + 1], a[first + 2], a[first + 3], a[first + 4]
    if shape == 0.0:
        return f * math.exp(s * (x + s * (y + s * z)))
    if shape == 1.0:
        return f / (1.0 - s * (x - s * y))
    pole = 1.0 / (1.0 - q2 / x)
    if shape == 2.0:
        return f * pole + y / (1.0 - q2 / z)
    return pole * (f + y * pole)


@njit(cache=True)
def rare_amplitudes(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` (10,): Re and Im of H^V for +, -, 0, then H^A for +, -, 0, t.

    Parameters
    ----------
    a
        What :func:`rare_parameters` gives (further numbers behind are ignored).
    mother, daughter, p
        Masses and momentum of the daughter in the rest frame of the mother [GeV].
    """
    c7, c9 = wilson_coefficients(q2, complex(a[1], a[2]), a[3])
    root, mp, s = math.sqrt(q2), 2.0 * mother * p, q2 / (mother * mother)
    both, difference = mother + daughter, mother * mother - daughter * daughter
    if a[0] == 0.0:
        plus, zero, tensor = _factor(a, 0, q2, s), _factor(a, 1, q2, s), _factor(a, 2, q2, s)
        vector = mp / root * (c9 * plus + 2.0 * _M_B / both * c7 * tensor)
        out[:AMPLITUDES] = 0.0
        out[4], out[5] = vector.real, vector.imag
        out[8], out[9] = mp / root * C_10 * plus, difference / root * C_10 * zero
        return
    a1, a2, a0, v = _factor(a, 0, q2, s), _factor(a, 1, q2, s), _factor(a, 2, q2, s), _factor(a, 3, q2, s)
    t1, t2, t3 = _factor(a, 4, q2, s), _factor(a, 5, q2, s), _factor(a, 6, q2, s)
    if a[_HEAD + 30] == _TILDE:
        t3 = difference * (t3 - t2) / q2
    dipole = 2.0 * _M_B * c7
    for i in range(2):
        sign = 1.0 if i == 1 else -1.0
        current = both * a1 + sign * mp * v / both
        h = c9 * current + dipole / q2 * (difference * t2 + sign * mp * t1)
        out[2 * i], out[2 * i + 1], out[6 + i] = h.real, h.imag, C_10 * current
    current = ((difference - q2) * both * a1 - mp * mp * a2 / both) / (2.0 * daughter * root)
    h = c9 * current + dipole * ((difference + 4.0 * daughter * daughter - q2) * t2
                                 - mp * mp * t3 / difference) / (2.0 * daughter * root)
    out[4], out[5], out[8], out[9] = h.real, h.imag, C_10 * current, mp / root * C_10 * a0


@njit(cache=True)
def rare_weight(h: Array, q2: float, lepton: float, p: float, cosine: float) -> float:
    """Rate in q2 and the cosine of the lepton (l- of a meson with a b quark, l+ of one with an anti-b).

    The angle is that to the direction of the pair, in the frame of the pair; lepton masses are kept.
    """
    speed = math.sqrt(max(1.0 - 4.0 * lepton * lepton / q2, 0.0))
    up, down, side = 0.25 * (1.0 + cosine) ** 2, 0.25 * (1.0 - cosine) ** 2, 0.5 * (1.0 - cosine * cosine)
    opposite = side * 2.0 * (h[4] ** 2 + h[5] ** 2 + (speed * h[8]) ** 2)
    turned = cosine * cosine * (h[4] ** 2 + h[5] ** 2) + h[9] ** 2
    for i in range(2):
        axial = speed * h[6 + i]
        right, left = (h[2 * i] + axial) ** 2 + h[2 * i + 1] ** 2, (h[2 * i] - axial) ** 2 + h[2 * i + 1] ** 2
        opposite += right * (up if i == 0 else down) + left * (down if i == 0 else up)
        turned += side * (h[2 * i] ** 2 + h[2 * i + 1] ** 2)
    return p * speed * (2.0 * q2 * opposite + 8.0 * lepton * lepton * turned)
