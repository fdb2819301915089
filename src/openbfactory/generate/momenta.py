"""Momenta of one decay in the rest frame of its mother: the switch over all model kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.core.units import speed_of_light as SPEED
from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.models import MIXING_PAIR, VECTOR_TO_SCALARS
from openbfactory.kinematics.phasespace import decay_to, two_body_momentum
from openbfactory.physics.particles import UPSILON_4S


@njit(cache=True)
def polarised_vector_to_scalars(rng: np.random.Generator, mass: float, axis: Array, masses: Array,
                                momenta: Array) -> None:
    """Two scalars from a vector with spin projection +-1 along ``axis``: dN/dcos(theta) ~ sin^2(theta)."""
    x = y = z = projection = 1.0
    while rng.random() < projection * projection:
        z = 2.0 * rng.random() - 1.0
        sine, phi = math.sqrt(1.0 - z * z), 2.0 * math.pi * rng.random()
        x, y = sine * math.cos(phi), sine * math.sin(phi)
        projection = axis[0] * x + axis[1] * y + axis[2] * z
    p = two_body_momentum(mass, masses[0], masses[1])
    px, py, pz = p * x, p * y, p * z
    momenta[0, 0] = math.sqrt(p * p + masses[0] * masses[0])
    momenta[0, 1], momenta[0, 2], momenta[0, 3] = px, py, pz
    momenta[1, 0] = mass - momenta[0, 0]
    momenta[1, 1], momenta[1, 2], momenta[1, 3] = -px, -py, -pz


@njit(cache=True)
def mixing_pair(rng: np.random.Generator, table: TableArrays, channel: int, daughters: Array, ctau: Array) -> None:
    """Flavours and proper decay lengths of a coherent pair of neutral mesons.

    The pair is antisymmetric until the first decay, so that the flavours at decay are opposite with probability
    (1 + cos(dm (t1 - t2))) / 2 (PDG 2024, CP violation in the quark sector); no CP violation in mixing, equal widths.
    The first parameter of the channel is dm in 1/s.
    """
    ctau[0] = table.ctau[daughters[0]] * rng.standard_exponential()
    ctau[1] = table.ctau[daughters[1]] * rng.standard_exponential()
    dm = table.parameters[table.parameter_first[channel]] * 1e-9 / SPEED
    opposite = rng.random() < 0.5 * (1.0 + math.cos(dm * (ctau[0] - ctau[1])))
    first = daughters[0] if rng.random() < 0.5 else table.conjugate[daughters[0]]
    daughters[0] = first
    daughters[1] = table.conjugate[first] if opposite else first


@njit(cache=True)
def fill_momenta(rng: np.random.Generator, channel: int, species: int, mass: float, table: TableArrays, axis: Array,
                 daughters: Array, masses: Array, count: int, momenta: Array, ctau: Array, scratch: Array) -> None:
    """Fill ``momenta[:count]`` (E, px, py, pz), in the rest frame of the mother, as the model of the channel says."""
    code = table.code[channel]
    if code == MIXING_PAIR:
        mixing_pair(rng, table, channel, daughters, ctau)
    if code in (VECTOR_TO_SCALARS, MIXING_PAIR) and table.pdg[species] == UPSILON_4S:
        polarised_vector_to_scalars(rng, mass, axis, masses, momenta)
    else:
        decay_to(rng, mass, masses, count, momenta, scratch)
