"""Rate and K* polarisation of B -> K* nu nubar in the Standard Model as functions of q2.

Method: with the constants of :mod:`openbfactory.physics.knunu` and the helicity amplitudes H of
:mod:`openbfactory.physics.neutrinopairs` (form factors of arXiv:1503.05534),
``dB/dq2 = tau_B G_F^2 alpha^2 X_t^2 |V_tb V_ts*|^2 / (32 pi^5 sin^4 theta_W) p q2 sum |H|^2 / (4 M^2)`` (A. Buras et
al., arXiv:1409.4557, eq. 2.7 ff.), F_L = |H_0|^2 / sum |H|^2.  The K* decays with
3/2 F_L cos^2 + 3/4 (1 - F_L) sin^2 of the kaon's helicity angle.

Left out: the tree-level contribution of B -> tau nu, tau -> K* nu; differences between the charged and the neutral B.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.physics.knunu import constants, rate_constant
from openbfactory.physics.neutrinopairs import neutrino_amplitudes, neutrino_parameters
from openbfactory.physics.particles import species

Array = npt.NDArray[Any]

#: steps in q2 of integrals, and masses of the K* of the table of norms
STEPS, MASSES = 2048, 33


def nominal_mass() -> float:
    """Mean of the masses of K*+ and K*0 [GeV]."""
    return 0.5 * (species("K*+").mass + species("K*0").mass)


@njit(cache=True)
def _squares(a: Array, mother: float, masses: Array, q2: Array) -> Array:
    """Momentum, and the squares of H_+, H_-, H_0 times p q2, (n, 4)."""
    out, h = np.zeros((len(q2), 4)), np.empty(4)
    for i in range(len(q2)):
        square = ((mother - masses[i]) ** 2 - q2[i]) * ((mother + masses[i]) ** 2 - q2[i])
        if square <= 0.0 or q2[i] <= 0.0 or mother < masses[i] + math.sqrt(q2[i]):
            continue
        p = math.sqrt(square) / (2.0 * mother)
        neutrino_amplitudes(a, mother, masses[i], q2[i], p, h)
        out[i, 0] = p
        for k in range(3):
            out[i, k + 1] = p * q2[i] * h[k] * h[k]
    return out


@cache
def _parameters() -> Array:
    found = neutrino_parameters("KSTARNUNU_REV", np.empty(0), 313)
    return np.empty(0) if found is None else found


def _values(q2: npt.ArrayLike, mass: npt.ArrayLike | None) -> Array:
    t = np.atleast_1d(np.asarray(q2, np.float64))
    m = np.broadcast_to(np.asarray(nominal_mass() if mass is None else mass, np.float64), t.shape)
    found: Array = _squares(_parameters(), constants()["m_B"], np.ascontiguousarray(m), t)
    return found


def q2_max(mass: float | None = None) -> float:
    """Largest q2 [GeV^2] for a mass of the K*, nominal if None."""
    return (constants()["m_B"] - (nominal_mass() if mass is None else mass)) ** 2


def differential_rate(q2: npt.ArrayLike, mass: npt.ArrayLike | None = None) -> Array:
    """Branching fraction per GeV^2, summed over the neutrino flavours; q2 in GeV^2, mass of the K* in GeV."""
    front = rate_constant() / (4.0 * constants()["m_B"] ** 2)
    rate: Array = front * _values(q2, mass)[:, 1:].sum(axis=1)
    return rate


def longitudinal_fraction(q2: npt.ArrayLike, mass: npt.ArrayLike | None = None) -> Array:
    """Share F_L of longitudinal K* at each q2 [GeV^2]; 1/3 outside the kinematic range."""
    squares = _values(q2, mass)[:, 1:]
    total = squares.sum(axis=1)
    found: Array = np.where(total > 0.0, squares[:, 2] / np.where(total > 0.0, total, 1.0), 1.0 / 3.0)
    return found


def _nodes(mass: float | None) -> tuple[Array, float]:
    """Middles of equal steps in q2, and the step."""
    step = q2_max(mass) / STEPS
    return step * (np.arange(STEPS) + 0.5), step


def branching_fraction(low: float = 0.0, high: float = math.inf) -> float:
    """Branching fraction between two values of q2 [GeV^2]."""
    low, high = max(low, 0.0), min(high, q2_max())
    middles = low + (high - low) * (np.arange(STEPS) + 0.5) / STEPS
    return float(differential_rate(middles).sum() * (high - low) / STEPS) if high > low else 0.0


def mean_longitudinal_fraction() -> float:
    """F_L of the whole rate."""
    middles, _ = _nodes(None)
    rate = differential_rate(middles)
    return float((longitudinal_fraction(middles) * rate).sum() / rate.sum())


@cache
def _norms() -> tuple[Array, Array]:
    """Masses of the K*, and the mean over phase space of the rate divided by the momentum."""
    masses, found = np.linspace(0.5 * nominal_mass(), 2.0 * nominal_mass(), MASSES), []
    for mass in masses.tolist():
        values = _values(_nodes(mass)[0], mass)
        found.append(values[:, 1:].sum() / values[:, 0].sum())
    return masses, np.array(found)


def phase_space_weight(q2: npt.ArrayLike, mass: npt.ArrayLike) -> Array:
    """Weight that turns B -> K* nu nubar by phase space into the Standard Model, mean 1 at each mass of the K*.

    Parameters
    ----------
    q2, mass : (n,)
        Squared mass of the neutrinos [GeV^2], mass of the K* [GeV].
    """
    values = _values(q2, mass)
    norm = np.interp(np.asarray(mass, np.float64), *_norms())
    found: Array = values[:, 1:].sum(axis=1) / np.where(values[:, 0] > 0.0, values[:, 0], 1.0) / norm
    return found


def polarisation_weight(q2: npt.ArrayLike, mass: npt.ArrayLike, cosine: npt.ArrayLike) -> Array:
    """Weight of the helicity angle of the kaon, mean 1 over isotropic K* decays."""
    share, c2 = longitudinal_fraction(q2, mass), np.asarray(cosine, np.float64) ** 2
    found: Array = 3.0 * share * c2 + 1.5 * (1.0 - share) * (1.0 - c2)
    return found
