"""Helicity amplitudes of semileptonic decays of a pseudoscalar to a pseudoscalar or a vector meson.

Method: with M, m the masses of the mesons, p the momentum of the daughter and q2 the squared mass of the leptons
(J. Korner, G. Schuler, Z. Phys. C 46, 93)::

    pseudoscalar  H_0 = 2 M p f_+ / sqrt(q2),  H_t = (M^2 - m^2) f_0 / sqrt(q2);
    vector        H_pm = (M + m) A_1 -+ 2 M p V / (M + m),
                  H_0 = [(M^2 - m^2 - q2)(M + m) A_1 - 4 M^2 p^2 A_2 / (M + m)] / (2 m sqrt(q2)),
                  H_t = 2 M p A_0 / sqrt(q2).

Form factors: BGL (Boyd, Grinstein, Lebed, hep-ph/9705252; D: arXiv:1510.03657; D*: arXiv:1703.08170), CLN with the
scalar parts (``HQET2``, ``HQET3``: Caprini, Lellouch, Neubert, hep-ph/9712417; R_0 and Delta: arXiv:1005.4306), poles
(``SLPOLE``) and the form of Becirevic and Kaidalov (``SLBKPOLE``: hep-ph/9904490); the quark model ``ISGW2``, ``LLSW``
for orbitally excited mesons, the series ``BCL`` and B -> K(*) nu nubar have modules of their own.  The order of the
parameters is that of the decay files.

Approximation: no scalar part for BGL to a vector (its share is of the order of the lepton mass squared over q2).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.physics.bcl import bcl_amplitudes
from openbfactory.physics.isgw2 import isgw2_amplitudes, isgw2_constants
from openbfactory.physics.llsw import CLASSES, PARAMETERS, llsw_amplitudes
from openbfactory.physics.neutrinopairs import NEUTRINO_PAIRS, neutrino_amplitudes, neutrino_parameters
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: numbers of the parametrisations; the daughter is a pseudoscalar or a vector as the number of parameters says
BGL: Final = 1
CLN: Final = 2
POLES: Final = 3
BECIREVIC_KAIDALOV: Final = 4
ISGW2: Final = 5
LLSW: Final = 6
BCL: Final = 7
NEUTRINOS: Final = 8

#: parametrisation of each model name, with the numbers of parameters for a daughter of spin 0 and for others
PARAMETRISATIONS: dict[str, tuple[int, int, int]] = {
    "BGL": (BGL, 8, 6),
    "HQET2": (CLN, 2, 4),
    "HQET3": (CLN, 3, 5),
    "SLPOLE": (POLES, 8, 16),
    "SLBKPOLE": (BECIREVIC_KAIDALOV, 4, -1),
    "ISGW2": (ISGW2, 0, 0),
    "LLSW": (LLSW, 3, 4),
    "BCL": (BCL, 8, 11),
    "KNUNU": (NEUTRINOS, 3, -1),
    "KSTARNUNU": (NEUTRINOS, -1, 0),
    "KSTARNUNU_REV": (NEUTRINOS, -1, 9),
}


@cache
def constants() -> QuantityTable:
    """Constants of the parametrisations, with their sources."""
    return load_quantities(DATA / "formfactors.yaml")


_C = constants()
_N_I, _CHI_V, _CHI_A = _C["n_I"], _C["chi_vector"], _C["chi_axial"]
_VECTOR = tuple(_C[f"vector_pole_{i}"] for i in (1, 2, 3, 4))
_AXIAL = tuple(_C[f"axial_pole_{i}"] for i in (1, 2, 3, 4))
_OUTER_PLUS, _OUTER_ZERO = _C["outer_plus"], _C["outer_zero"]


def kernel_parameters(name: str, parameters: Array, mother: int, daughter: int, masses: tuple[float, float]) -> (
        Array | None):
    """Parameters as :func:`helicity_amplitudes` takes them, None when they do not fit the daughter.

    Parameters
    ----------
    name, parameters
        Model and its parameters in the decay file.
    mother, daughter
        PDG codes of the mesons.
    masses
        Nominal masses of both [GeV].
    """
    kind, few, many = PARAMETRISATIONS[name]
    if not np.all(np.isfinite(parameters)):
        return None
    if name in NEUTRINO_PAIRS:
        return neutrino_parameters(name, parameters, daughter)
    if kind == ISGW2:
        return isgw2_constants(mother, daughter) if len(parameters) == 0 else None
    if kind == LLSW:
        state = CLASSES.get(abs(daughter))
        fits = state is not None and len(parameters) == PARAMETERS[state]
        return np.concatenate(([float(state or 0)], parameters)) if fits else None
    if name == "HQET2":
        return _hqet2(parameters, abs(daughter) % 10 == 1)
    if kind == BCL:
        fits = len(parameters) == (few if abs(daughter) % 10 == 1 else many)
        return np.concatenate((masses, parameters)) if fits else None
    return parameters if len(parameters) in (few, many) else None


def _hqet2(parameters: Array, scalar: bool) -> Array | None:
    """Parameters of ``HQET2`` in the order of ``HQET3``, None when they do not fit.

    A pseudoscalar has rho^2, V_1(1) and Delta, a vector rho^2, h_A1(1), R_1(1), R_2(1) and R_0(1); what is left out
    (Delta = 0, R_0 = 1) is that of heavy quarks, where EvtGen has no scalar part.
    """
    values = parameters.tolist()
    if scalar and len(values) in (2, 3):
        return np.array([values[1], values[0], *(values[2:] or [0.0])])
    if not scalar and len(values) in (4, 5):
        return np.array([values[1], values[0], *(values[4:] or [1.0]), values[2], values[3]])
    return None


@njit(cache=True)
def recoil_z(w: float) -> float:
    """Conformal variable z of the recoil w."""
    return (math.sqrt(w + 1.0) - math.sqrt(2.0)) / (math.sqrt(w + 1.0) + math.sqrt(2.0))


@njit(cache=True)
def _blaschke(mother: float, daughter: float, z: float, poles: tuple[float, float, float, float]) -> float:
    """Blaschke factor of four poles."""
    plus, minus = (mother + daughter) ** 2, (mother - daughter) ** 2
    base, factor = math.sqrt(plus - minus), 1.0
    for pole in poles:
        root = math.sqrt(max(plus - pole * pole, 0.0))
        at = (root - base) / (root + base)
        factor *= (z - at) / (1.0 - z * at)
    return factor


@njit(cache=True)
def _pseudoscalar(kind: int, a: Array, mother: float, daughter: float, q2: float) -> tuple[float, float]:
    """Form factors f_+ and f_0."""
    r = daughter / mother
    w = (mother * mother + daughter * daughter - q2) / (2.0 * mother * daughter)
    if kind == BGL:
        z = recoil_z(w)
        common = (1.0 + r) * (1.0 - z) + 2.0 * math.sqrt(r) * (1.0 + z)
        outer_plus = _OUTER_PLUS * (1.0 + z) ** 2 * math.sqrt(1.0 - z) / common**5
        outer_zero = _OUTER_ZERO * (1.0 + z) * math.sqrt(1.0 - z) ** 3 / common**4
        scale = 4.0 * r / (1.0 + r) ** 2
        return (scale * (a[0] + z * (a[1] + z * (a[2] + z * a[3]))) / outer_plus,
                scale * (a[4] + z * (a[5] + z * (a[6] + z * a[7]))) / outer_zero)
    if kind == CLN:
        z, x = recoil_z(w), w - 1.0
        v1 = a[0] * (1.0 + z * (-8.0 * a[1] + z * (51.0 * a[1] - 10.0 - z * (252.0 * a[1] - 84.0))))
        s1 = v1 * (1.0 + a[2] * (-0.019 + x * (0.041 - 0.015 * x)))
        return 0.5 * (1.0 + r) / math.sqrt(r) * v1, math.sqrt(r) * (w + 1.0) / (1.0 + r) * s1
    if kind == POLES:
        x = q2 / (mother * mother)
        return _pole(a, 0, x), _pole(a, 4, x)
    x = q2 / (a[3] * a[3])
    return a[0] / ((1.0 - x) * (1.0 - a[1] * x)), a[0] / (1.0 - x / a[2])


@njit(cache=True)
def _pole(a: Array, first: int, x: float) -> float:
    """Form factor a0 / (1 + a1 x + a2 x^2)^a3."""
    return a[first] / (1.0 + x * (a[first + 1] + x * a[first + 2])) ** a[first + 3]


@njit(cache=True)
def _vector_bgl(a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Helicity amplitudes of BGL: H_pm = f -+ M p g, H_0 = F1 / sqrt(q2)."""
    r = daughter / mother
    z = recoil_z((mother * mother + daughter * daughter - q2) / (2.0 * mother * daughter))
    common = (1.0 + r) * (1.0 - z) + 2.0 * math.sqrt(r) * (1.0 + z)
    outer_g = (math.sqrt(256.0 * _N_I / (3.0 * math.pi * _CHI_V)) * r * r * (1.0 + z) ** 2
               / (math.sqrt(1.0 - z) * common**4))
    outer_f = (math.sqrt(16.0 * _N_I / (3.0 * math.pi * _CHI_A)) * r * (1.0 + z) * math.sqrt(1.0 - z) ** 3
               / (mother**2 * common**4))
    outer_1 = (math.sqrt(8.0 * _N_I / (3.0 * math.pi * _CHI_A)) * r * (1.0 + z) * math.sqrt(1.0 - z) ** 5
               / (mother**3 * common**5))
    axial = _blaschke(mother, daughter, z, _AXIAL)
    c0 = (1.0 - r) * math.sqrt(0.5) / (1.0 + r + 2.0 * math.sqrt(r)) * a[2]
    g = (a[0] + a[1] * z) / (_blaschke(mother, daughter, z, _VECTOR) * outer_g)
    f = (a[2] + a[3] * z) / (axial * outer_f)
    f1 = (c0 + z * (a[4] + z * a[5])) / (axial * outer_1)
    out[0], out[1], out[2], out[3] = f - mother * p * g, f + mother * p * g, f1 / math.sqrt(q2), 0.0


@njit(cache=True)
def helicity_amplitudes(kind: int, a: Array, mother: float, daughter: float, q2: float, p: float, out: Array) -> None:
    """Fill ``out`` with ``H_+, H_-, H_0, H_t``.

    Parameters
    ----------
    kind
        Number of the parametrisation.
    a
        What :func:`kernel_parameters` gives; its length says whether the daughter is a pseudoscalar or a vector.
    mother, daughter, p
        Masses and momentum of the daughter in the rest frame of the mother [GeV].
    """
    if kind == ISGW2:
        isgw2_amplitudes(a, mother, daughter, q2, p, out)
        return
    if kind == LLSW:
        llsw_amplitudes(a, mother, daughter, q2, p, out)
        return
    if kind == NEUTRINOS:
        neutrino_amplitudes(a, mother, daughter, q2, p, out)
        return
    if kind == BCL:
        bcl_amplitudes(a, mother, daughter, q2, p, out)
        return
    root = math.sqrt(q2)
    n = len(a)
    if kind == BECIREVIC_KAIDALOV or (kind == BGL and n == 8) or (kind == CLN and n == 3) or (kind == POLES and n == 8):
        plus, zero = _pseudoscalar(kind, a, mother, daughter, q2)
        out[0] = out[1] = 0.0
        out[2], out[3] = 2.0 * mother * p * plus / root, (mother * mother - daughter * daughter) * zero / root
        return
    if kind == BGL:
        _vector_bgl(a, mother, daughter, q2, p, out)
        return
    if kind == CLN:
        w = (mother * mother + daughter * daughter - q2) / (2.0 * mother * daughter)
        z, x = recoil_z(w), w - 1.0
        star = 2.0 * math.sqrt(mother * daughter) / (mother + daughter)
        h = a[0] * (1.0 + z * (-8.0 * a[1] + z * (53.0 * a[1] - 15.0 - z * (231.0 * a[1] - 91.0))))
        a1 = 0.5 * (w + 1.0) * star * h
        a0 = (a[2] + x * (-0.11 + 0.01 * x)) * h / star
        v = (a[3] + x * (-0.12 + 0.05 * x)) * h / star
        a2 = (a[4] + x * (0.11 - 0.06 * x)) * h / star
    else:
        x = q2 / (mother * mother)
        a1, a2, v, a0 = _pole(a, 0, x), _pole(a, 4, x), _pole(a, 8, x), _pole(a, 12, x)
    both = mother + daughter
    out[0], out[1] = both * a1 - 2.0 * mother * p * v / both, both * a1 + 2.0 * mother * p * v / both
    out[2] = ((mother * mother - daughter * daughter - q2) * both * a1
              - 4.0 * (mother * p) ** 2 * a2 / both) / (2.0 * daughter * root)
    out[3] = 2.0 * mother * p * a0 / root


def amplitudes(name: str, parameters: npt.ArrayLike, mother: float, daughter: float, q2: float) -> Array:
    """Helicity amplitudes ``H_+, H_-, H_0, H_t`` (4,) of a model by its name in decay files."""
    out = np.empty(4)
    square = ((mother - daughter) ** 2 - q2) * ((mother + daughter) ** 2 - q2)
    p = math.sqrt(max(square, 0.0)) / (2.0 * mother)
    helicity_amplitudes(PARAMETRISATIONS[name][0], np.asarray(parameters, np.float64), mother, daughter, q2, p, out)
    return out
