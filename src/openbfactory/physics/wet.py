"""Rate of B -> K nu nubar in the weak effective theory, massless neutrinos, three equal flavours.

    dB/dq2 = 3 tau_B (4 G_F / sqrt2 alpha / 2 pi)^2 |V_tb V_ts*|^2 sqrt(lambda) q2 / ((4 pi)^3 m_B^3)
             [ lambda / (24 q2) f_+^2 |C_VL + C_VR|^2 + (m_B^2 - m_K^2)^2 / (8 (m_b - m_s)^2) f_0^2 |C_SL + C_SR|^2
               + 2 lambda / (3 (m_B + m_K)^2) f_T^2 |C_TL|^2 ]

(T. Felkl, S. Li, M. Schmidt, arXiv:2111.04327, eq. 8, the part that conserves lepton
number).  The three parts do not interfere.  Form factors: simplified series expansion

    F = 1 / (1 - q2 / m_R^2) sum_k a_k (z(q2) - z(0))^k

(A. Bharucha, D. Straub, R. Zwicky, arXiv:1503.05534), f_0(0) = f_+(0); central values
and covariance of the fit to lattice results used in arXiv:2507.12393.

Left out: the tree-level contribution of B -> tau nu, tau -> K nu.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.core.units import hbar
from openbfactory.physics.particles import DATA

Array = npt.NDArray[Any]

#: the three combinations of Wilson coefficients, in the order of every result
COMBINATIONS = ("vector", "scalar", "tensor")


class FormFactorFit(Config):
    """Parameters of the form factors with their covariance."""

    source: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


class WeakEffectiveTheory(Config):
    """Constants of the rate and the fitted form factors."""

    quantities: dict[str, Quantity]
    form_factors: FormFactorFit

    def __getitem__(self, name: str) -> float:
        return self.quantities[name].value


@cache
def constants() -> WeakEffectiveTheory:
    """Constants of the rate, with their sources."""
    return load(DATA / "wet.yaml", WeakEffectiveTheory)


def form_factor_values(theta: npt.ArrayLike | None = None) -> Array:
    """The eight parameters of f_+, f_0, f_T, shape (8,).

    Parameters
    ----------
    theta
        Shifts along the principal axes of the covariance in standard deviations, the widest first; 0 by default.
    """
    fit = constants().form_factors
    values: Array = np.array(fit.values)
    if theta is None:
        return values
    vectors, squares, _ = np.linalg.svd(np.array(fit.covariance))
    shifted: Array = values + (vectors * np.sqrt(squares)) @ np.asarray(theta, np.float64)
    return shifted


def form_factors(q2: npt.ArrayLike, parameters: Array | None = None) -> Array:
    """Form factors f_+, f_0, f_T at q2 [GeV^2], shape (3, ...)."""
    c = constants()
    a = form_factor_values() if parameters is None else parameters
    t = np.asarray(q2, np.float64)
    plus, minus = (c["z_m_B"] + c["z_m_K"]) ** 2, (c["z_m_B"] - c["z_m_K"]) ** 2
    middle = plus * (1 - math.sqrt(1 - minus / plus))

    def z(s: Array | float) -> Array:
        root, base = np.sqrt(plus - s), math.sqrt(plus - middle)
        value: Array = (root - base) / (root + base)
        return value

    d = z(t) - z(0.0)
    rows = [(a[0], a[1], a[2], "pole_vector"), (a[0], a[3], a[4], "pole_scalar"), (a[5], a[6], a[7], "pole_vector")]
    return np.array([(a0 + d * (a1 + d * a2)) / (1 - t / c[pole] ** 2) for a0, a1, a2, pole in rows])


def differential_rates(q2: npt.ArrayLike, parameters: Array | None = None) -> Array:
    """Branching fraction per GeV^2 for |C_VL + C_VR|, |C_SL + C_SR| and |C_TL| = 1, one row each, shape (3, ...)."""
    c = constants()
    t = np.asarray(q2, np.float64)
    b, k = c["m_B"], c["m_K"]
    inside = (t >= 0) & (t < (b - k) ** 2)
    lam = np.where(inside, np.maximum((b * b - k * k - t) ** 2 - 4 * k * k * t, 0.0), 0.0)
    coupling = 4 * c["G_F"] / math.sqrt(2) / (2 * math.pi * c["inverse_alpha"])
    front = (3 * c["tau_B"] / hbar * (coupling * c["V_tb"] * c["V_ts"]) ** 2 * np.sqrt(lam)
             / ((4 * math.pi) ** 3 * b**3))
    plus, zero, tensor = form_factors(np.where(inside, t, 0.0), parameters)
    return front * np.array([
        lam / 24 * plus**2,
        t * (b * b - k * k) ** 2 / (8 * c["m_b_minus_m_s"] ** 2) * zero**2,
        t * 2 * lam / (3 * (b + k) ** 2) * tensor**2,
    ])


def binned_rates(edges: npt.ArrayLike, parameters: Array | None = None) -> Array:
    """Branching fraction in each bin of q2 for a coefficient of 1, shape (3, bins); Gauss-Legendre, 12 points a bin."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    ends = np.asarray(edges, np.float64)
    half = 0.5 * np.diff(ends)[:, None]
    points = 0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes
    rates: Array = (differential_rates(points, parameters) * weights).sum(axis=-1) * half[:, 0]
    return rates
