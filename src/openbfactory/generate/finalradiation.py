"""Photons of the final leptons of processes that have their own matrix element.

Method: the emission of :mod:`openbfactory.generate.radiation` on the particles of the process in the rest frame of what
is left of the collision; the photons join those of the beams.

Approximation: that of the emission (soft and collinear photons right); the cross section does not change; no
interference with the radiation of the beams.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from openbfactory.core.random import Address
from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import Collisions, masses_of_systems
from openbfactory.generate.columns import Array
from openbfactory.generate.placement import in_laboratory
from openbfactory.generate.radiation import RadiationArrays, radiate, radiation_arrays
from openbfactory.physics.decaytable import DecayTable

#: most particles of one event with their photons
ROWS = 64


@njit(cache=True)
def _radiate_all(rng: np.random.Generator, totals: Array, species: Array, radiation: RadiationArrays,
                 momenta: Array) -> tuple[Array, Array]:
    """Photons (m, 4) of all events and their number in each; ``momenta`` (n, k, 4) recoil in place."""
    events, k = momenta.shape[0], momenta.shape[1]
    number, photons, size = np.zeros(events, np.int64), np.empty((events + ROWS, 4)), 0
    daughters, masses, rates = np.empty(ROWS, np.int32), np.empty(ROWS), np.empty(ROWS)
    inside, recoiled = np.empty((ROWS, 4)), np.empty((ROWS, 4))
    for i in range(events):
        for j in range(k):
            daughters[j] = species[j]
            p = momenta[i, j]
            masses[j] = np.sqrt(max(p[0] * p[0] - p[1] * p[1] - p[2] * p[2] - p[3] * p[3], 0.0))
            for c in range(4):
                inside[j, c] = p[c]
        count = radiate(rng, totals[i], radiation, daughters, masses, k, inside, rates, recoiled)
        number[i] = count - k
        if size + count > len(photons):
            photons = np.concatenate((photons, np.empty_like(photons)))
        for j in range(count):
            for c in range(4):
                if j < k:
                    momenta[i, j, c] = inside[j, c]
                else:
                    photons[size + j - k, c] = inside[j, c]
        size += count - k
    return photons[:size].copy(), number


def with_final_photons(made: Collisions, momenta: Array, codes: tuple[int, ...], address: Address, machine: Machine,
                       table: DecayTable) -> Collisions:
    """Collisions with the photons that the particles radiate; ``momenta`` (n, k, 4) recoil in place.

    Parameters
    ----------
    made
        Collisions.
    momenta : (n, k, 4)
        Particles of the process in the rest frames of the systems, z along the electron.
    codes : (k,)
        Their PDG codes.
    address, machine, table
        Where random numbers are drawn, the collider, and charges and spins.
    """
    species = np.array([table.index_of_pdg[c] for c in codes], np.int32)
    photons, number = _radiate_all(address.generator(), masses_of_systems(made), species, radiation_arrays(table),
                                   momenta)
    event = np.repeat(np.arange(len(number)), number)
    alone = made._replace(system=made.system[event])
    placed = in_laboratory(photons[:, None, :], alone, machine)[:, 0]
    both = np.concatenate([np.repeat(np.arange(len(number)), np.diff(made.first)), event])
    order = np.argsort(both, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.diff(made.first) + number)]).astype(np.int64)
    return made._replace(first=first, photons=np.concatenate([made.photons, placed])[order])
