"""Which kernel of :mod:`openbfactory.generate.inclusive` an inclusive channel has, and its payload.

Parameters in decay files:

- ``VUB``: m_b, power of the shape function, alpha_s, number n of mass bins (negative numbers as their size), n pairs of
  lower edge and weight;
- ``BTOXSGAMMA 2``: nothing, or form of the shape function (1 exponential, 2 Gaussian, 3 Roman), m_B, m_b, mu, lambda_1,
  delta, (m_c/m_b)^2 and two numbers of nodes (not used), and perhaps smallest and largest mass of X;
- ``BTOXSLL``: nothing, or m_b (not used: that of the Fermi motion counts), m_s, m_q, p_F and perhaps the smallest mass;
- ``BTOXSNUNU``, ``BTOXSNUNU_FERMI``: nothing, or m_b (not used), m_s, m_q, p_F, then perhaps the smallest mass, then
  perhaps m_b and m_s of the rate; or six, without the first.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.inclusive import BINS, CHARMLESS, LEPTONS, NEUTRINOS, PHOTON
from openbfactory.physics.charmless import plus_edge
from openbfactory.physics.kagan_neubert import Spectrum, constants, default_spectrum, mass_quantiles
from openbfactory.physics.xsll import lepton_rate, neutrino_rate

#: kernel of each model
INCLUSIVE_MODELS: Final = {"VUB": CHARMLESS, "BTOXSGAMMA": PHOTON, "BTOXSLL": LEPTONS, "BTOXSNUNU": NEUTRINOS,
                           "BTOXSNUNU_FERMI": NEUTRINOS}
#: m_s, m_q, p_F, smallest mass of X, then m_b and m_s of the rate, where the file gives none [GeV]
_LEPTONS, _NEUTRINOS = (0.2, 0.0, 0.41, 1.1), (0.2, 0.0, 0.461, 1.1, 4.68, 0.1)
#: factor of the largest rate that a scan finds
_SAFETY = 1.15
_CHARGED, _NEUTRAL = (11, 13, 15), (12, 14, 16)


def fits_inclusive(model: str, codes: list[int], parameters: list[float], mother: float) -> bool:
    """True when the daughters (PDG codes, X first where two kinds are possible) and parameters fit a model.

    Parameters must leave masses of X that a mother of the given mass [GeV] can reach.
    """
    sizes = [abs(c) for c in codes]
    if not all(math.isfinite(v) for v in parameters):
        return False
    if model == "BTOXSGAMMA":
        return len(codes) == 2 and codes[1] == 22 and sizes[0] > 22 and _photon_spectrum(parameters) is not None
    if len(codes) != 3:
        return False
    if model == "VUB":
        return (sum(c in _CHARGED for c in sizes) == sum(c in _NEUTRAL for c in sizes) == 1 and max(sizes) > 22
                and _charmless(parameters, mother) is not None)
    if sizes[0] <= 22 or codes[1] != -codes[2]:
        return False
    if model == "BTOXSLL":
        return sizes[1] in _CHARGED and len(parameters) in (0, 4, 5) and _reaches(_lepton_values(parameters), mother)
    return (sizes[1] in _NEUTRAL and len(parameters) in (0, 4, 5, 6, 7)
            and _reaches(_neutrino_values(parameters), mother))


def inclusive_payload(model: str, parameters: list[float], mother: float, lepton: float) -> tuple[int, Array]:
    """Kernel of a channel that fits, and its payload; ``mother`` and ``lepton`` are masses [GeV]."""
    kind = INCLUSIVE_MODELS[model]
    found: Array | None
    if kind == CHARMLESS:
        found = _charmless(parameters, mother)
    elif kind == PHOTON:
        found = _photon_spectrum(parameters)
    elif kind == LEPTONS:
        found = _lepton_payload(_lepton_values(parameters), mother, lepton)
    else:
        values = _neutrino_values(parameters)
        ratio = values[5] / values[4]
        largest = max(neutrino_rate(s, ratio) for s in np.linspace(0.0, (1.0 - ratio) ** 2, 400).tolist())
        found = np.array([*values, _SAFETY * largest])
    if found is None:
        message = f"parameters of {model} that were not checked"
        raise ValueError(message)
    return kind, found


def _lepton_values(parameters: list[float]) -> tuple[float, ...]:
    """m_s, m_q, p_F and smallest mass of ``BTOXSLL``."""
    values = tuple(parameters[1:])
    return (*values, *_LEPTONS[len(values):])


def _neutrino_values(parameters: list[float]) -> tuple[float, ...]:
    """m_s, m_q, p_F, smallest mass, and the masses of the rate, of the models with neutrinos."""
    values = tuple(parameters if len(parameters) == 6 else parameters[1:])
    return (*values, *_NEUTRINOS[len(values):])


def _reaches(values: tuple[float, ...], mother: float) -> bool:
    """True when s quark and spectator can have the smallest mass of X at twice the Fermi momentum."""
    strange, spectator, fermi, smallest = values[:4]
    if min(strange, spectator, smallest) < 0.0 or fermi <= 0.0 or (len(values) > 4 and not 0 <= values[5] < values[4]):
        return False
    momentum = 2.0 * fermi
    square = strange**2 + spectator**2 + mother * (momentum + math.hypot(momentum, spectator))
    return smallest**2 < square and strange + spectator < mother and smallest < 0.8 * mother


def _charmless(parameters: list[float], mother: float) -> Array | None:
    """Payload of ``VUB``, None when the parameters do not fit."""
    if len(parameters) < 6 or parameters[1] <= -1.0 or parameters[2] < 0.0 or not 0.5 * mother < parameters[0] < mother:
        return None
    bins = int(abs(parameters[3]))
    edges, weights = np.array(parameters[4::2]), np.array(parameters[5::2])
    if len(edges) != bins or len(weights) != bins or np.any(np.diff(edges) <= 0) or np.any(weights < 0):
        return None
    if not np.any(weights[edges < 0.5 * mother] > 0.0) or edges[0] < 0.0:
        return None
    return np.concatenate((parameters[:3], [plus_edge(parameters[2])], edges, weights / weights.max()))


def _photon_spectrum(parameters: list[float]) -> Array | None:
    """Quantiles of the mass of X, None when the parameters do not fit."""
    if not parameters or parameters[0] != 2 or len(parameters) not in (1, 10, 12):
        return None
    c = constants()
    if len(parameters) == 1:
        return mass_quantiles(default_spectrum(), c["smallest_mass"], c["largest_mass"])
    shape, meson, quark, scale, lambda_1, _, charm = parameters[1:8]
    low, high = parameters[10:12] if len(parameters) == 12 else (c["kaon_pion"], c["largest_mass"])
    low, high = max(low, c["kaon_pion"]), min(high, c["largest_mass"])
    if shape not in (1, 2, 3) or not (0 < quark < meson and scale > 1.0 and lambda_1 < 0 < charm < 1 and low < high):
        return None
    return mass_quantiles(Spectrum(int(shape), meson, quark, scale, lambda_1, charm), low, high)


@lru_cache(maxsize=64)
def _lepton_payload(values: tuple[float, ...], mother: float, lepton: float) -> Array:
    """Payload of ``BTOXSLL``: Fermi motion, range of ln(s), running sum of the bounds."""
    low, high = 2.0 * math.log(2.0 * lepton), 2.0 * math.log(mother - values[0])
    masses = np.linspace(max(values[0] + 2.0 * lepton, 3.0), mother, 12)
    bounds = np.zeros(BINS)
    lepton_bounds(low, high, masses, values[0], lepton, bounds)
    bounds = np.maximum(_SAFETY * bounds, 1e-3 * bounds.max())
    return np.concatenate((values, [low, high, 0.0], np.cumsum(bounds)))


@njit(cache=True)
def lepton_bounds(low: float, high: float, masses: Array, strange: float, lepton: float, bounds: Array) -> None:
    """Fill ``bounds`` with the largest s dG/ds in equal bins of ln(s), over masses of the b quark."""
    for i in range(len(bounds)):
        for k in range(5):
            s = math.exp(low + (high - low) * (i + 0.25 * k) / len(bounds))
            for quark in masses:
                if math.sqrt(s) < quark - strange:
                    bounds[i] = max(bounds[i], s * lepton_rate(quark, strange, lepton, s))
