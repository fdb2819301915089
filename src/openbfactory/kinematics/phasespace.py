"""n-body phase space: exact, unweighted, for fixed masses.

Method: a cluster of n particles is split step by step into one particle and the cluster of the rest (Raubold-Lynch).
Three bodies: the squared mass s of the pair is proposed from sqrt(s_max - s) and accepted with a bound in closed form.
More bodies: the kinetic energies released by the splittings are drawn from the distribution of the non-relativistic
limit (a Dirichlet distribution) and the remaining factor is accepted against its upper bound, see
:func:`cluster_masses`; unlike for ordered uniform numbers the efficiency stays high for many bodies.
Directions are isotropic in each cluster frame.

Left out: nothing; masses of resonances are the caller's (their line shape is not part of phase space).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.fourvector import boost_from_rest

Array = npt.NDArray[Any]

#: largest number of bodies
MAX_BODIES = 24


@njit(cache=True, inline="always")
def two_body_momentum(mass: float, m1: float, m2: float) -> float:
    """Momentum of either daughter in the rest frame of the mother; 0 where the decay is closed."""
    total, difference = m1 + m2, m1 - m2
    square = (mass - total) * (mass + total) * (mass - difference) * (mass + difference)
    return math.sqrt(square) / (2.0 * mass) if square > 0.0 and mass > total else 0.0


@njit(cache=True)
def split_cluster(rng: np.random.Generator, cluster: Array, mass: float, rest: float, single: float,
                  out: Array) -> None:
    """Split ``cluster`` (E, px, py, pz), of mass ``mass``, isotropically into ``out`` and the rest.

    ``out`` (4,) becomes the particle of mass ``single``; ``cluster`` is replaced by the remaining one of mass ``rest``.
    """
    p = two_body_momentum(mass, rest, single)
    cosine = 2.0 * rng.random() - 1.0
    sine = math.sqrt(1.0 - cosine * cosine)
    phi = 2.0 * math.pi * rng.random()
    px, py, pz = p * sine * math.cos(phi), p * sine * math.sin(phi), p * cosine
    e0, x0, y0, z0 = cluster[0], cluster[1], cluster[2], cluster[3]
    out[0], out[1], out[2], out[3] = boost_from_rest(math.sqrt(p * p + single * single), px, py, pz, e0, x0, y0, z0,
                                                     mass)
    cluster[0], cluster[1], cluster[2], cluster[3] = e0 - out[0], x0 - out[1], y0 - out[2], z0 - out[3]


@njit(cache=True)
def pair_mass(rng: np.random.Generator, mass: float, m1: float, m2: float, m3: float) -> float:
    """Mass of the pair (1, 2) in unweighted three-body phase space.

    The density in s = m12^2 is lambda^(1/2)(s, m1^2, m2^2) / s * lambda^(1/2)(M^2, s, m3^2).
    """
    lower, upper, top = (m1 + m2) ** 2, (mass - m3) ** 2, (mass + m3) ** 2
    difference = (m1 - m2) ** 2
    bound = (top - lower) * (1.0 - lower / upper) * (1.0 - difference / upper) if upper > 0.0 else 0.0
    if not bound > 0.0:
        return mass - m3
    while True:
        root = max(rng.random(), rng.random(), rng.random())  # distributed as the cube root of a uniform number
        s = upper - (upper - lower) * root * root
        value = (top - s) * (1.0 - lower / s) * (1.0 - difference / s)
        u = rng.random()
        if u * u * bound <= value:
            return math.sqrt(s)


@njit(cache=True)
def cluster_masses(rng: np.random.Generator, mass: float, masses: Array, n: int, invariants: Array) -> float:
    """Squared weight (0 to 1) of cluster masses, which fill ``invariants[1:n]`` (of particles 0..i).

    With T_k = M_k - sum_(i<=k) m_i the available energy of cluster k and K_k = T_k - T_(k-1), phase space is
    prod_k p_k dM_k = prod_k K_k^(1/2) dK_k * prod_k r_k, where
    r_2^2 = (T_2 + 2 m_1)(T_2 + 2 m_2)(2 M_2 - T_2) / 4 M_2^2 and
    r_k^2 = (K_k + 2 m_k)((M_k + M_(k-1))^2 - m_k^2) / 4 M_k^2.  The first product is a Dirichlet distribution; the
    second is accepted against the mean of its factors K_2 + m_1 + m_2 and K_k + 2 m_k (inequality of the means).
    """
    total, rest = 0.0, 0.0
    for i in range(n):
        rest += masses[i]
    available = mass - rest
    for i in range(1, n):
        normal = rng.standard_normal()
        invariants[i] = rng.standard_exponential() + 0.5 * normal * normal
        total += invariants[i]
    m1, m2 = masses[0], masses[1]
    mean = (available + 2.0 * rest - m1 - m2) / (n - 1)
    t = available * invariants[1] / total
    cluster = t + m1 + m2
    weight = (t + 2.0 * m1) * (t + 2.0 * m2) * (2.0 * cluster - t) / (2.0 * cluster * cluster * mean)
    invariants[1] = cluster
    for i in range(2, n):
        kinetic = available * invariants[i] / total
        heavier = cluster + kinetic + masses[i]
        both = cluster + heavier
        weight *= (kinetic + 2.0 * masses[i]) / mean * (both * both - masses[i] ** 2) / (4.0 * heavier * heavier)
        invariants[i] = cluster = heavier
    return weight


@njit(cache=True)
def decay_to(rng: np.random.Generator, mass: float, masses: Array, n: int, out: Array, invariants: Array) -> None:
    """Fill ``out[0:n]`` (E, px, py, pz) with unweighted n-body phase space in the rest frame of the mother.

    Parameters
    ----------
    mass
        Mass of the mother [GeV]; when it is not above the sum of ``masses[0:n]`` the daughters are at rest.
    invariants
        Scratch of length n.
    """
    available = mass
    for i in range(n):
        available -= masses[i]
    if available <= 0.0:
        _at_rest(masses, n, out)
        return
    if n == 3:
        invariants[1] = pair_mass(rng, mass, masses[0], masses[1], masses[2])
    elif n > 3:
        u = rng.random()
        while u * u > cluster_masses(rng, mass, masses, n, invariants):
            u = rng.random()
    build(rng, mass, masses, n, out, invariants)


@njit(cache=True)
def _at_rest(masses: Array, n: int, out: Array) -> None:
    """Fill ``out[0:n]`` with particles at rest."""
    for i in range(n):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = masses[i], 0.0, 0.0, 0.0


@njit(cache=True)
def build(rng: np.random.Generator, mass: float, masses: Array, n: int, out: Array, invariants: Array) -> None:
    """Fill ``out[0:n]`` with isotropic splittings at the given cluster masses ``invariants[1:n - 1]``."""
    cluster = out[0]
    cluster[0], cluster[1], cluster[2], cluster[3] = mass, 0.0, 0.0, 0.0
    total = mass
    for i in range(n - 1, 0, -1):
        rest = invariants[i - 1] if i > 1 else masses[0]
        split_cluster(rng, cluster, total, rest, masses[i], out[i])
        total = rest


@njit(cache=True)
def _direction(rng: np.random.Generator) -> tuple[float, float, float]:
    """A random direction; its azimuth is twice that of a point in the unit disc, without trigonometric functions."""
    z = 2.0 * rng.random() - 1.0
    while True:
        a, b = 2.0 * rng.random() - 1.0, 2.0 * rng.random() - 1.0
        r = a * a + b * b
        if 0.0 < r < 1.0:
            s = math.sqrt(1.0 - z * z) / r
            return s * (a * a - b * b), 2.0 * s * a * b, z


@njit(cache=True)
def _three(rng: np.random.Generator, mass: float, masses: Array, inner: float, out: Array) -> None:
    """Fill ``out[0:3]`` as :func:`build` does, with the mass ``inner`` of the pair (0, 1)."""
    m1, m2 = masses[1], masses[2]
    p, q = two_body_momentum(mass, inner, m2), two_body_momentum(inner, masses[0], m1)
    x, y, z = _direction(rng)
    x, y, z = p * x, p * y, p * z
    last, middle, first = out[2], out[1], out[0]
    last[0], last[1], last[2], last[3] = math.sqrt(p * p + m2 * m2), x, y, z
    energy = mass - last[0]
    u, v, w = _direction(rng)
    u, v, w = q * u, q * v, q * w
    e = math.sqrt(q * q + m1 * m1)
    # boost of particle 1 from the frame of the pair, which moves with -(x, y, z)
    seen = (energy * e - x * u - y * v - z * w) / inner if inner > 0.0 else e
    factor = (e + seen) / (energy + inner)
    middle[0], middle[1], middle[2], middle[3] = seen, u - factor * x, v - factor * y, w - factor * z
    first[0] = energy - seen
    first[1], first[2], first[3] = -x - middle[1], -y - middle[2], -z - middle[3]


@njit(cache=True)
def _sample(rng: np.random.Generator, mass: float, masses: Array, out: Array) -> None:
    """Fill ``out`` (size, n, 4) with unweighted phase space."""
    n = len(masses)
    invariants = np.empty(n)
    for k in range(len(out)):
        if n == 3 and masses[0] + masses[1] + masses[2] < mass:
            _three(rng, mass, masses, pair_mass(rng, mass, masses[0], masses[1], masses[2]), out[k])
        else:
            decay_to(rng, mass, masses, n, out[k], invariants)


@njit(cache=True)
def _sample_weighted(rng: np.random.Generator, mass: float, masses: Array, out: Array, weights: Array) -> None:
    """Fill ``out`` (size, n, 4) and ``weights`` (size,) with weighted phase space."""
    n = len(masses)
    invariants = np.empty(n)
    for k in range(len(out)):
        weights[k] = math.sqrt(cluster_masses(rng, mass, masses, n, invariants)) if n > 2 else 1.0
        if n == 3:
            _three(rng, mass, masses, invariants[1], out[k])
        else:
            build(rng, mass, masses, n, out[k], invariants)


def phase_space(mass: float, masses: npt.ArrayLike, size: int, rng: np.random.Generator) -> Array:
    """Unweighted phase space, (size, n, 4) components E, px, py, pz in the rest frame of the mother.

    Parameters
    ----------
    mass
        Mass of the mother [GeV].
    masses : (n,)
        Masses of the daughters [GeV], n from 1 to 24.

    Raises
    ------
    ValueError
        When the decay is kinematically closed or n is out of range.
    """
    chosen = _checked(mass, masses)
    out = np.empty((size, len(chosen), 4))
    _sample(rng, float(mass), chosen, out)
    return out


def phase_space_weighted(mass: float, masses: npt.ArrayLike, size: int, rng: np.random.Generator) -> tuple[Array,
                                                                                                         Array]:
    """Phase space with weights: momenta (size, n, 4) and weights (size,) between 0 and 1.

    Arguments and errors are those of :func:`phase_space`.
    """
    chosen = _checked(mass, masses)
    out, weights = np.empty((size, len(chosen), 4)), np.empty(size)
    _sample_weighted(rng, float(mass), chosen, out, weights)
    return out, weights


def _checked(mass: float, masses: npt.ArrayLike) -> Array:
    """Masses as an array.

    Raises
    ------
    ValueError
        When the decay is kinematically closed or n is out of range.
    """
    chosen = np.ascontiguousarray(masses, np.float64)
    if not 1 <= len(chosen) <= MAX_BODIES or np.any(chosen < 0) or chosen.sum() > mass:
        message = f"a decay of mass {mass} GeV into masses {chosen.tolist()} GeV is not possible"
        raise ValueError(message)
    return chosen
