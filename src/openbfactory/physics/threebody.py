"""Models of three-body decays over flat phase space: weights with mean one, as functions of a pair's mass and angle.

Method: for a pair (1, 2) of mass m and the cosine c of particle 1 to the direction of particle 3, both in the frame of
the pair, phase space is flat in c and has ``p_3 q dm``, with p_3 the momentum of particle 3 in the frame of the mother
and q that of particle 1 in the frame of the pair.  A weight is a squared amplitude over its mean in phase space.

- ``K+ K_S K_S`` (and ``K+ K_L K_L``, which CP makes equal): BaBar, Phys. Rev. D 85, 112010, eqs. 1 to 17: sum of
  resonances with barrier factors, f_0(980) as a two-channel form, a polynomial in m - Omega,
  Omega = (M + (m_1 + m_2 + m_3) / 3) / 2, averaged over the charges of the B.
- ``K+ K_S K_L``: the pair is odd under CP, so that only odd waves are left.  The non-resonant p wave is c^2.
- ``K+ n nbar``: (2 m_n / m)^8, the enhancement near threshold that baryon pairs show, as falls the square of their
  form factor.

Approximation: the p wave has no dependence on the mass of the pair besides phase space, and does not interfere with
phi K; the enhancement is a power.  Numbers are data (reweightings.yaml).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.physics.particles import DATA, species

Array = npt.NDArray[Any]
#: squared amplitude from the mass of the pair [GeV] and the cosine, arrays of one shape
Intensity = Callable[[Array, Array], Array]

#: steps in the mass of the pair and nodes in the cosine for means over phase space
STEPS, NODES = 8000, 16


class TwoChannel(Config):
    """f_0(980): mass and couplings [GeV], size and phase [degrees] of its coefficient."""

    mass: float
    coupling_pi: float
    ratio: float
    size: float
    phase: float


class Resonance(Config):
    """A resonance: mass and width [GeV], size, phase and CP-odd phase [degrees] of its coefficient."""

    spin: int
    mass: float
    width: float
    size: float
    phase: float
    asymmetry: float = 0.0


class Nonresonant(Config):
    """Sizes and phases [degrees] of the powers of m - Omega, and the relative CP asymmetry of all."""

    asymmetry: float
    terms: list[tuple[float, float]]


class KaonPairs(Config):
    """Amplitude of B+ -> K+ K_S K_S."""

    source: str
    radius: float
    two_channel: TwoChannel
    resonances: dict[str, Resonance]
    nonresonant: Nonresonant


class Inputs(Config):
    """The YAML file of reweightings."""

    kaon_pairs: KaonPairs
    quantities: dict[str, Quantity]


@cache
def inputs() -> Inputs:
    """Inputs of the reweightings, with their sources."""
    return load(DATA / "reweightings.yaml", Inputs)


def momentum(total: Array, first: Array | float, second: Array | float) -> Array:
    """Momentum of two particles in the rest frame of a mass, 0 below threshold [GeV]."""
    square = (total**2 - (first + second) ** 2) * (total**2 - (first - second) ** 2)
    found: Array = np.sqrt(np.maximum(square, 0.0)) / (2.0 * total)
    return found


def mean_over_phase_space(intensity: Intensity, mother: float, pair: tuple[float, float], third: float) -> float:
    """Mean of a squared amplitude over three-body phase space.

    Parameters
    ----------
    mother, pair, third
        Masses [GeV]: of the mother, of the two particles of the pair, of the third particle.
    """
    low, high = sum(pair), mother - third
    m = low + (high - low) * (np.arange(STEPS) + 0.5) / STEPS
    cosine, weight = np.polynomial.legendre.leggauss(NODES)
    density = momentum(np.full(1, mother), m, third) * momentum(m, *pair)
    values = intensity(np.repeat(m[:, None], NODES, axis=1), np.repeat(cosine[None], STEPS, axis=0))
    return float((density * (values @ weight)).sum() / (2.0 * density.sum()))


def _turned(size: float, degrees: float) -> complex:
    return complex(size * np.exp(1j * np.radians(degrees)))


def _two_channel(shape: TwoChannel, m: Array, kaon: float) -> Array:
    """Two-channel form 1 / (m_0^2 - m^2 - i sum g rho)."""
    pion = species("pi+").mass
    rho = [np.sqrt(np.maximum(1.0 - 4.0 * x * x / m**2, 0.0)) for x in (pion, kaon)]
    found: Array = 1.0 / (shape.mass**2 - m**2 - 1j * shape.coupling_pi * (rho[0] + shape.ratio * rho[1]))
    return found


def _breit_wigner(shape: Resonance, radius: float, m: Array, p: Array, q: Array, cosine: Array, pole: float) -> Array:
    """Relativistic Breit-Wigner with the barrier of the pair and the tensor of the spin (0 or 2)."""
    barrier: Array | float = 1.0
    angular: Array | float = 1.0
    if shape.spin == 2:
        z, z0 = (radius * q) ** 2, (radius * pole) ** 2
        barrier = np.sqrt((9.0 + 3.0 * z0 + z0 * z0) / (9.0 + 3.0 * z + z * z))
        angular = 16.0 / 3.0 * (p * q) ** 2 * (3.0 * cosine**2 - 1.0)
    width = shape.width * (q / pole) ** (2 * shape.spin + 1) * shape.mass / m * barrier**2
    found: Array = barrier * angular / (shape.mass**2 - m**2 - 1j * shape.mass * width)
    return found


def kaon_pair_intensity(m: Array, cosine: Array) -> Array:
    """Squared amplitude of B+ -> K+ K_S K_S, averaged over charges; m of the K_S pair [GeV]."""
    model, mother = inputs().kaon_pairs, species("B+").mass
    kaon, neutral = species("K+").mass, species("K0").mass
    p, q = momentum(m, mother, kaon), momentum(m, neutral, neutral)
    total = np.zeros((2, *m.shape), np.complex128)
    flatte = _two_channel(model.two_channel, m, 0.5 * (kaon + neutral))
    total += _turned(model.two_channel.size, model.two_channel.phase) * flatte
    for shape in model.resonances.values():
        pole = float(momentum(np.full(1, shape.mass), neutral, neutral)[0])
        wave = _breit_wigner(shape, model.radius, m, p, q, cosine, pole)
        for i, sign in enumerate((1.0, -1.0)):
            total[i] += _turned(shape.size, shape.phase + sign * shape.asymmetry) * wave
    x = m - 0.5 * (mother + (kaon + 2.0 * neutral) / 3.0)
    smooth = sum(_turned(*term) * x**i for i, term in enumerate(model.nonresonant.terms))
    for i, sign in enumerate((1.0, -1.0)):
        total[i] += (1.0 + sign * model.nonresonant.asymmetry) * smooth
    found: Array = (np.abs(total) ** 2).sum(axis=0)
    return found


def p_wave_intensity(m: Array, cosine: Array) -> Array:
    """Squared amplitude of a non-resonant p wave of the pair."""
    return cosine**2


def threshold_intensity(m: Array, cosine: Array) -> Array:
    """Squared amplitude of B+ -> K+ n nbar with its enhancement near threshold; m of the baryon pair [GeV]."""
    found: Array = (2.0 * species("n0").mass / m) ** inputs().quantities["Knnbar_power"].value
    return found
