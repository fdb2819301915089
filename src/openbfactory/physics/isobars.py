"""Three-body amplitudes of spinless particles as sums of resonances in pairs (isobar model).

Method: for a resonance of mass m_R in the pair (a, b), c the third particle, s = m_ab^2, M the mass of the mother
(CLEO, Phys. Rev. D 63, 092001, eqs. 1 to 9; p and q are the momenta of a in the frame of the pair and of c in that of
the mother, at the pole with index 0)::

    A = F_R F_D Z / (m_R^2 - s - i m_R Gamma(s)),  Gamma(s) = Gamma (p / p_0)^(2L+1) (m_R / m_ab) F_R^2,
    Z_0 = 1,  Z_1 = s_ac - s_bc - (M^2 - m_c^2)(m_a^2 - m_b^2) / m^2,
    Z_2 = Z_1^2 - (s - 2 M^2 - 2 m_c^2 + (M^2 - m_c^2)^2 / m^2)(s - 2 m_a^2 - 2 m_b^2 + (m_a^2 - m_b^2)^2 / m^2) / 3,

with Blatt-Weisskopf factors F (radii 1.5 / GeV for the resonance, 5 / GeV for the mother) and m the pole (shape
``barrier``) or the mass of the pair (``barrier-mass``).  Other shapes: ``simple``, the non-relativistic
sqrt(Gamma / 2 pi) P_L(cos theta) / (m_ab - m_R - i Gamma / 2); ``range-5fm`` and ``range-2fm``, those of Mark III with
one barrier of that radius and a factor sqrt(Gamma); ``two-channel``, the form of Flatte with the couplings 0.406 GeV
(pi pi) and 0.800 GeV (K K).  The parameters are data (isobars.yaml); which goes with which decay is a choice of EvtGen.

Left out: CP violation, and the interference of D0 with its antiparticle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import yaml
from numba import njit

from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: numbers of the shapes
SHAPES: dict[str, int] = {"barrier": 0, "barrier-mass": 1, "simple": 2, "range-5fm": 3, "range-2fm": 4,
                          "two-channel": 5, "constant": 6}
SHAPES_MASS: Final = SHAPES["barrier-mass"]
SHAPES_SIMPLE: Final = SHAPES["simple"]
SHAPES_RANGE_5: Final = SHAPES["range-5fm"]
SHAPES_RANGE_2: Final = SHAPES["range-2fm"]
SHAPES_FLATTE: Final = SHAPES["two-channel"]
SHAPES_CONSTANT: Final = SHAPES["constant"]
#: numbers that describe one term: pair, spin, mass, width, real and imaginary coefficient, shape
TERM: Final = 7
#: pairs by the number of their third particle, and the sign of the order (a, b) against the cyclic order
_PAIRS = {"23": (0, 1.0), "32": (0, -1.0), "31": (1, 1.0), "13": (1, -1.0), "12": (2, 1.0), "21": (2, -1.0)}
#: radii [1/GeV] of resonance and mother; hbar c [GeV fm] as the measurement with ranges in fm used it
RADIUS_RESONANCE: Final = 1.5
RADIUS_MOTHER: Final = 5.0
_HBARC: Final = 0.197
#: squared couplings [GeV^2] and masses [GeV] of the two-channel form
_COUPLINGS: Final = (0.406**2, 0.800**2)
_THRESHOLDS: Final = (2.0 * 0.1349768, 2.0 * 0.493677)


@dataclass(frozen=True, slots=True)
class Isobars:
    """One decay.

    Attributes
    ----------
    mother, daughters
        PDG codes; 311 stands for any neutral kaon.
    first_pair
        Positions of the two particles whose mass is drawn first.
    terms : (n, 7)
        Third particle of the pair, spin, mass, width, coefficient (real, imaginary), shape.
    """

    mother: int
    daughters: tuple[int, int, int]
    first_pair: tuple[int, int]
    terms: Array


@cache
def isobar_decays() -> tuple[Isobars, ...]:
    """All decays of the data file."""
    document = yaml.safe_load((DATA / "isobars.yaml").read_text(encoding="utf-8"))
    return tuple(_decay(entry) for entry in document.values())


def _decay(entry: dict[str, Any]) -> Isobars:
    """Decay of one entry."""
    rows = []
    if "constant" in entry:
        size, phase = entry["constant"]
        rows.append([2.0, 0.0, 1.0, 0.0, *_coefficient(size, phase), SHAPES["constant"]])
    for _, pairs, spin, mass, width, size, phase, shape in entry["terms"]:
        for word in pairs.split():
            third, order = _PAIRS[word.removeprefix("-")]
            sign = (-1.0 if word.startswith("-") else 1.0) * (order if spin == 1 else 1.0)
            rows.append([third, spin, mass, width, *_coefficient(sign * size, phase), SHAPES[shape]])
    first = tuple(int(c) - 1 for c in entry["first_pair"])
    return Isobars(entry["mother"], tuple(entry["daughters"]), (first[0], first[1]), np.array(rows, np.float64))


def _coefficient(size: float, degrees: float) -> tuple[float, float]:
    """Real and imaginary part."""
    return size * math.cos(math.radians(degrees)), size * math.sin(math.radians(degrees))


@njit(cache=True)
def _momentum(s: float, m1: float, m2: float) -> float:
    """Momentum of two particles of squared mass s, 0 below threshold."""
    square = (s - (m1 + m2) ** 2) * (s - (m1 - m2) ** 2)
    return math.sqrt(square / (4.0 * s)) if square > 0.0 else 0.0


@njit(cache=True)
def _barrier(spin: int, x: float) -> float:
    """Squared Blatt-Weisskopf denominator of spin L at x = (momentum times radius)^2."""
    if spin == 1:
        return 1.0 + x
    if spin == 2:
        return 9.0 + x * (3.0 + x)
    return 1.0


@njit(cache=True)
def _angular(spin: int, s: float, difference: float, m2: tuple[float, float, float], mother2: float,
             scale: float) -> float:
    """Z of the module head; ``difference`` is s_ac - s_bc, ``m2`` the squared masses of a, b, c."""
    if spin == 0:
        return 1.0
    first = difference - (mother2 - m2[2]) * (m2[0] - m2[1]) / scale
    if spin == 1:
        return first
    return first * first - ((s - 2.0 * mother2 - 2.0 * m2[2] + (mother2 - m2[2]) ** 2 / scale)
                            * (s - 2.0 * m2[0] - 2.0 * m2[1] + (m2[0] - m2[1]) ** 2 / scale)) / 3.0


@njit(cache=True)
def _relativistic(shape: int, spin: int, mass: float, width: float, s: float, difference: float, mother: float,
                  ma: float, mb: float, mc: float) -> complex:
    """Relativistic Breit-Wigner with barrier factors."""
    pole2, m2, mother2 = mass * mass, (ma * ma, mb * mb, mc * mc), mother * mother
    p, p0 = _momentum(s, ma, mb), _momentum(pole2, ma, mb)
    ranged = shape in (SHAPES_RANGE_5, SHAPES_RANGE_2)
    radius = RADIUS_RESONANCE
    if ranged:
        radius = (5.0 if shape == SHAPES_RANGE_5 else 2.0) / _HBARC
    squared = _barrier(spin, (radius * p0) ** 2) / _barrier(spin, (radius * p) ** 2)
    factor = squared
    if ranged:
        size = math.sqrt(width)
    else:
        q2 = max((mother2 - pole2 - m2[2]) ** 2 / 4.0 - pole2 * m2[2], 0.0) / mother2
        at = max((mother2 - s - m2[2]) ** 2 / 4.0 - s * m2[2], 0.0) / mother2
        size = 1.0
        factor *= _barrier(spin, RADIUS_MOTHER**2 * q2) / _barrier(spin, RADIUS_MOTHER**2 * at)
    running = width * (p / p0) ** (2 * spin + 1) * mass / math.sqrt(s) * squared if p0 > 0.0 else 0.0
    z = _angular(spin, s, difference, m2, mother2, s if shape == SHAPES_MASS else pole2)
    return size * math.sqrt(factor) * z / complex(pole2 - s, -mass * running)


@njit(cache=True)
def _simple(spin: int, mass: float, width: float, s: float, difference: float, mother: float, ma: float, mb: float,
            mc: float) -> complex:
    """Non-relativistic Breit-Wigner with a Legendre polynomial of the angle of a in the frame of the pair."""
    pair = math.sqrt(s)
    p, q = _momentum(s, ma, mb), _momentum(mother * mother, pair, mc) * mother / pair
    angular = 1.0
    if spin > 0:
        offset = (mother * mother - mc * mc) * (ma * ma - mb * mb) / s
        cosine = (difference - offset) / (4.0 * p * q) if p * q > 0.0 else 0.0
        angular = cosine if spin == 1 else 1.5 * cosine * cosine - 0.5
    return math.sqrt(width / (2.0 * math.pi)) * angular / complex(pair - mass, -0.5 * width)


@njit(cache=True)
def _two_channel(mass: float, s: float) -> complex:
    """Form of Flatte: 1 / (m^2 - s - i sum g^2 rho)."""
    total = 0.0j
    for i in range(2):
        square = 1.0 - _THRESHOLDS[i] ** 2 / s
        root = complex(math.sqrt(square), 0.0) if square >= 0.0 else complex(0.0, math.sqrt(-square))
        total += _COUPLINGS[i] * root
    return 1.0 / (mass * mass - s - 1.0j * total)


@njit(cache=True)
def isobar_intensity(terms: Array, mother: float, m: Array, s: Array) -> float:
    """Squared amplitude.

    Parameters
    ----------
    terms : (7 n,)
        Terms of :class:`Isobars`, flattened.
    m : (3,)
        Masses of the daughters [GeV].
    s : (3,)
        Squared masses [GeV^2] of the pairs (2, 3), (3, 1), (1, 2): pair k lacks particle k.
    """
    total = 0.0j
    for i in range(len(terms) // TERM):
        first = i * TERM
        shape, c = int(terms[first + 6]), int(terms[first])
        coefficient = complex(terms[first + 4], terms[first + 5])
        if shape == SHAPES_CONSTANT:
            total += coefficient
            continue
        a, b = (c + 1) % 3, (c + 2) % 3
        spin, mass, width, difference = int(terms[first + 1]), terms[first + 2], terms[first + 3], s[b] - s[a]
        if shape == SHAPES_FLATTE:
            total += coefficient * _two_channel(mass, s[c])
        elif shape == SHAPES_SIMPLE:
            total += coefficient * _simple(spin, mass, width, s[c], difference, mother, m[a], m[b], m[c])
        else:
            total += coefficient * _relativistic(shape, spin, mass, width, s[c], difference, mother, m[a], m[b], m[c])
    return total.real * total.real + total.imag * total.imag
