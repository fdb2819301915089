"""Rate of B -> K nu nubar in the Standard Model as a function of q2, the squared mass of the neutrino pair.

Method: ``dB/dq2 = tau_B G_F^2 alpha^2 X_t^2 |V_tb V_ts*|^2 / (32 pi^5 sin^4 theta_W) |p_K|^3 f_+(q2)^2``, summed over
three neutrino flavours (W. Parrott et al. (HPQCD), arXiv:2207.13371; constants of the likelihood of
arXiv:2507.12393); f_+ is the z expansion with N = 3 of arXiv:2207.12468.

Left out: the tree-level contribution of B -> tau nu, tau -> K nu; differences between the charged and the neutral B.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.core.units import hbar
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: nodes of the tabulated distribution of q2
NODES = 4097


@cache
def constants() -> QuantityTable:
    """Constants of the rate, with their sources."""
    return load_quantities(DATA / "knunu.yaml")


def q2_max() -> float:
    """Largest q2 [GeV^2]."""
    c = constants()
    return (c["m_B"] - c["m_K"]) ** 2


def form_factor_plus(q2: npt.ArrayLike) -> Array:
    """Form factor f_+(q2), q2 in GeV^2.

    f_+ = L / (1 - q2 / m_*^2) sum_(n=0)^2 a_n [z^n - (n/3) (-1)^(n-3) z^3], z with t_0 = 0.
    """
    c = constants()
    t = np.asarray(q2, np.float64)
    plus = (c["m_B"] + c["m_K"]) ** 2
    z = (np.sqrt(plus - t) - math.sqrt(plus)) / (np.sqrt(plus - t) + math.sqrt(plus))
    series = c["a0"] + c["a1"] * (z - z**3 / 3.0) + c["a2"] * (z**2 + 2.0 * z**3 / 3.0)
    value: Array = c["log"] / (1.0 - t / c["pole_mass"] ** 2) * series
    return value


def kaon_momentum(q2: npt.ArrayLike) -> Array:
    """Momentum of the kaon in the rest frame of the B [GeV]; 0 above the largest q2."""
    c = constants()
    t, m, k = np.asarray(q2, np.float64), c["m_B"] ** 2, c["m_K"] ** 2
    square = np.maximum((m - k - t) ** 2 - 4.0 * k * t, 0.0)
    momentum: Array = np.where(t <= q2_max(), np.sqrt(square) / (2.0 * c["m_B"]), 0.0)
    return momentum


def rate_constant() -> float:
    """tau_B G_F^2 alpha^2 X_t^2 |V_tb V_ts*|^2 / (32 pi^5 sin^4 theta_W), in 1/GeV^5."""
    c = constants()
    return (c["tau_B"] / hbar * c["G_F"] ** 2 * (c["X_t"] * c["V_tb_V_ts"] / c["inverse_alpha"]) ** 2
            / (32.0 * math.pi**5 * c["sin2_theta_W"] ** 2))


def differential_rate(q2: npt.ArrayLike) -> Array:
    """Branching fraction per GeV^2, summed over the neutrino flavours; q2 in GeV^2."""
    rate: Array = rate_constant() * kaon_momentum(q2) ** 3 * form_factor_plus(q2) ** 2
    return rate


@cache
def _cumulative() -> tuple[Array, Array]:
    """Nodes in q2 and the integral of the rate up to each (Simpson's rule in each interval)."""
    nodes = np.linspace(0.0, q2_max(), NODES)
    middle, step = 0.5 * (nodes[1:] + nodes[:-1]), nodes[1] - nodes[0]
    at_nodes = differential_rate(nodes)
    pieces = step / 6.0 * (at_nodes[1:] + at_nodes[:-1] + 4.0 * differential_rate(middle))
    return nodes, np.concatenate([[0.0], np.cumsum(pieces)])


def branching_fraction(low: float = 0.0, high: float = math.inf) -> float:
    """Branching fraction between two values of q2 [GeV^2]."""
    nodes, integral = _cumulative()
    return float(np.interp(min(high, nodes[-1]), nodes, integral) - np.interp(max(low, 0.0), nodes, integral))


@cache
def q2_quantiles() -> Array:
    """Quantiles of q2 at 4097 equally spaced probabilities from 0 to 1, for sampling [GeV^2]."""
    nodes, integral = _cumulative()
    quantiles: Array = np.interp(np.linspace(0.0, integral[-1], NODES), integral, nodes)
    quantiles.setflags(write=False)
    return quantiles


@cache
def _phase_space_integral() -> float:
    """Integral over q2 of the momentum of the kaon, to which three-body phase space is proportional."""
    nodes, step = np.linspace(0.0, q2_max(), NODES, retstep=True)
    middle = 0.5 * (nodes[1:] + nodes[:-1])
    at_nodes = kaon_momentum(nodes)
    return float(step / 6.0 * (at_nodes[1:] + at_nodes[:-1] + 4.0 * kaon_momentum(middle)).sum())


def phase_space_density(q2: npt.ArrayLike) -> Array:
    """Density of q2 in three-body phase space [1/GeV^2]: the momentum of the kaon, normalised."""
    density: Array = kaon_momentum(q2) / _phase_space_integral()
    return density


def phase_space_weight(q2: npt.ArrayLike) -> Array:
    """Weight that turns B -> K nu nubar by phase space into the Standard Model; mean 1, proportional to p^2 f_+^2.

    Parameters
    ----------
    q2
        Squared mass of the neutrinos [GeV^2]; the weight is 0 above :func:`q2_max`.
    """
    front = rate_constant() * _phase_space_integral() / branching_fraction()
    inside = np.minimum(np.asarray(q2, np.float64), q2_max())
    weight: Array = front * kaon_momentum(q2) ** 2 * form_factor_plus(inside) ** 2
    return weight
