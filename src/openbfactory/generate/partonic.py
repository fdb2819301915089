"""Taking hadronised decays out of their pools.

Method: an entry was made at the nominal mass of the mother; its momenta are scaled by one factor so that its energies
add up to the mass at hand (Newton iteration), which keeps momentum balance exactly.

A system without a fixed mass has pools in bins of its mass.

Approximation: for mothers with a line shape the multiplicity is that of the nominal mass, or of the middle of the bin.
"""

from __future__ import annotations

import math

from numba import njit

from openbfactory.generate.columns import Array, PoolArrays
from openbfactory.generate.partonicmodels import STEP

#: entries tried before a decay is given up as closed
ATTEMPTS = 64


@njit(cache=True)
def scale_to_mass(momenta: Array, masses: Array, count: int, mass: float) -> bool:
    """Scale three-momenta (summing to zero) so that the energies add up to ``mass``; False when impossible."""
    rest = 0.0
    for i in range(count):
        rest += masses[i]
    if rest >= mass:
        return False
    factor = 1.0
    for _ in range(50):
        energy, slope = 0.0, 0.0
        for i in range(count):
            square = momenta[i, 1] ** 2 + momenta[i, 2] ** 2 + momenta[i, 3] ** 2
            e = math.sqrt(masses[i] ** 2 + factor * factor * square)
            energy += e
            slope += factor * square / e if e > 0.0 else 0.0
        step = (mass - energy) / slope
        factor = max(factor + step, 0.1 * factor)
        if abs(step) < 1e-14 * factor:
            break
    for i in range(count):
        for k in range(1, 4):
            momenta[i, k] *= factor
        square = momenta[i, 1] ** 2 + momenta[i, 2] ** 2 + momenta[i, 3] ** 2
        momenta[i, 0] = math.sqrt(masses[i] ** 2 + square)
    return True


@njit(cache=True)
def pool_of(pools: PoolArrays, species: int, mass: float) -> int:
    """Pool of a species at a mass."""
    first, bins = pools.of_species[species], pools.bins[species]
    return first + min(max(int((mass - pools.low[species]) / STEP), 0), bins - 1)


@njit(cache=True, inline="always")
def take_entry(pools: PoolArrays, species: int, mass: float, daughters: Array, masses: Array, momenta: Array) -> int:
    """Number of daughters of the next usable entry of the pool of ``species``, -1 when the pool is dry."""
    pool = pool_of(pools, species, mass)
    while pools.next[pool] < pools.end[pool]:
        entry = pools.next[pool]
        pools.next[pool] += 1
        first, count = pools.first[entry], pools.first[entry + 1] - pools.first[entry]
        for i in range(count):
            daughters[i] = pools.species[first + i]
            masses[i] = pools.momenta[first + i, 4]
            momenta[i] = pools.momenta[first + i, :4]
        if scale_to_mass(momenta, masses, count, mass):
            return count
    return -1
