"""B -> D(*) pi l nu by accept-reject in four-body phase space, with the spin of the D* kept.

Method: :mod:`openbfactory.physics.goity_roberts`; the largest weight is that of a seeded scan when the table is loaded,
with a margin, and weights above it are counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.spin import SpinWork
from openbfactory.kinematics.phasespace import decay_to
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.goity_roberts import soft_pion_amplitude

#: events of the scan, their seed, and the factor of the largest weight that they have
TRIALS: Final = 4000
SEED: Final = 1
MARGIN: Final = 1.6
_BOTTOM, _CHARM, _PIONS = (511, 521), (411, 421, 413, 423), (111, 211)


def fits_soft_pion(mother: int, codes: list[int]) -> bool:
    """True for B -> D(*) pi l nu in this order."""
    sizes = [abs(c) for c in codes]
    return (abs(mother) in _BOTTOM and len(codes) == 4 and sizes[0] in _CHARM and sizes[1] in _PIONS
            and sizes[2] in (11, 13, 15) and sizes[3] == sizes[2] + 1)


def soft_pion_payload(table: DecayTable, channel: int, mother: int) -> Array:
    """Largest weight of a channel, and 1 for a D*, 0 for a D."""
    daughters = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]
    vector = int(table.spin2[daughters[0]]) == 2
    return np.array([_largest(vector, float(table.mass[mother]), tuple(table.mass[daughters].tolist())), float(vector)])


@lru_cache(maxsize=128)
def _largest(vector: bool, mass: float, masses: tuple[float, ...]) -> float:
    """Largest weight found, with a margin."""
    return MARGIN * scan(np.random.default_rng(SEED), vector, mass, np.array(masses), TRIALS)


@njit(cache=True)
def scan(rng: np.random.Generator, vector: bool, mass: float, masses: Array, trials: int) -> float:
    """Largest weight of some decays in phase space."""
    momenta, scratch, amplitude, largest = np.empty((4, 4)), np.empty(8), np.empty((3, 2), np.complex128), 0.0
    for _ in range(trials):
        decay_to(rng, mass, masses, 4, momenta, scratch)
        largest = max(largest, soft_pion_amplitude(vector, mass, masses[0], momenta, amplitude))
    return largest


@njit(cache=True)
def soft_pion(rng: np.random.Generator, spin: SpinWork, a: Array, negative: bool, mass: float, masses: Array,
              momenta: Array, scratch: Array) -> int:
    """Fill ``momenta`` and the node of ``spin`` of B -> D(*) pi l nu; ``negative``: the lepton is negative.

    Returns how many weights were above their bound.
    """
    n, bound, vector, excess = spin.top[0], a[0], a[1] > 0.5, 0
    while True:
        decay_to(rng, mass, masses, 4, momenta, scratch)
        weight = soft_pion_amplitude(vector, mass, masses[0], momenta, spin.amplitude[n, 0])
        excess += 1 if weight > bound else 0
        if rng.random() * bound < weight:
            break
    for i in range(4 if negative else 0):
        for k in range(1, 4):
            momenta[i, k] = -momenta[i, k]
    spin.dims[n, 1], spin.dims[n, 2] = 3 if vector else 1, 2
    if vector:
        spin.position[n, 0] = 0
        for i in range(3):
            for k in range(3):
                spin.axes[n, 0, i, k] = 1.0 if i == k else 0.0
    return excess
