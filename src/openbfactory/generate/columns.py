"""Layout of the work rows of the decay engine and the arrays that its kernels take.

A record is one row of floats and one row of integers while it is being made; the declared event columns are cut from
them at the end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: columns of the float rows: four-momentum, production time and vertex, mass, proper decay length (< 0: not yet drawn)
E, PX, PY, PZ, T, X, Y, Z, MASS, CTAU = range(10)
FLOATS = 10
#: columns of the integer rows; the species is -1 for a record that is kept as it is, the link is that of its spin, the
#: last is its decay when that is known already: NOT_CHOSEN, UNDECAYED for none, or twice the channel (+1: charge
#: conjugate daughters)
SPECIES, MOTHER, STATUS, PDG, LINK, CHOSEN = range(6)
INTS = 6
NOT_CHOSEN, UNDECAYED = -1, -2

#: status codes of records
TO_DECAY, STABLE, DECAYED, INITIAL = 0, 1, 2, 4
#: decayed by generation, but far enough from the collision that matter of the detector may come first
DISPLACED = 12

#: entries of the state that a kernel leaves when it stops for more Pythia decays, and the weights above their bound
EVENT, RECORDS, DEPTH, PENDING, DRY_POOL, EXCESS = range(6)
#: values of the pending channel: none is chosen yet, and the particle stays undecayed
NO_CHANNEL, GIVEN_UP = -1, -2


class TableArrays(NamedTuple):
    """Decay table as kernels take it; see :class:`openbfactory.physics.decaytable.DecayTable`."""

    pdg: Array
    stable: Array
    mass: Array
    width: Array
    low: Array
    high: Array
    ctau: Array
    conjugate: Array
    channel_first: Array
    cumulative: Array
    fraction: Array
    threshold: Array
    daughter_first: Array
    daughters: Array
    parameter_first: Array
    parameters: Array
    code: Array
    kind: Array
    bound: Array
    quantiles: Array
    shape: Array
    wave: Array
    radius: Array
    shapes: Array
    mixing: Array


class PoolArrays(NamedTuple):
    """Hadronised decays that wait to be used, for all mothers.

    Attributes
    ----------
    of_species : (S,) int32
        First pool of each species, -1 for none.
    low, bins : (S,) float64, int64
        Lower edge of the first bin of the mass [GeV], and the number of bins, each with a pool.
    next, end : (P,) int64
        Range of unused entries of each pool.
    first : (entries + 1,) int64
        Rows of each entry.
    species : (rows,) int32
    momenta : (rows, 5) float64
        E, px, py, pz, mass in the rest frame of the mother.
    """

    of_species: Array
    low: Array
    bins: Array
    next: Array
    end: Array
    first: Array
    species: Array
    momenta: Array


def no_pools(species: int) -> PoolArrays:
    """Pools without any entry for a table of ``species`` species."""
    none = np.zeros(0, np.int64)
    return PoolArrays(np.full(species, -1, np.int32), np.zeros(species), np.ones(species, np.int64), none, none,
                      np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros((0, 5)))
