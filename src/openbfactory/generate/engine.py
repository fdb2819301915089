"""The decay engine: primary particles in, complete decay trees out.

Method: one compiled walk over the chunk (:mod:`openbfactory.generate.kernels`), with partonic decays supplied by
Pythia in blocks (:mod:`openbfactory.generate.hadronise`).  The result depends on the primaries, the decay table and the
address, and on nothing else.
"""

from __future__ import annotations

import numpy as np

from openbfactory.core.random import Address
from openbfactory.events.columns import MC_PARTICLES
from openbfactory.events.record import Jagged
from openbfactory.generate.asked import asked_decays
from openbfactory.generate.columns import (
    CHOSEN,
    CTAU,
    DEPTH,
    DRY_POOL,
    EXCESS,
    GIVEN_UP,
    LINK,
    MOTHER,
    NO_CHANNEL,
    NOT_CHOSEN,
    PDG,
    PENDING,
    RECORDS,
    SPECIES,
    STABLE,
    STATUS,
    TO_DECAY,
    Array,
)
from openbfactory.generate.counts import AskedDecay, DecayCounts
from openbfactory.generate.hadronise import PartonicDecays
from openbfactory.generate.kernels import empty_rows, masses_of, walk
from openbfactory.generate.preparation import prepared
from openbfactory.generate.radiation import radiation_arrays
from openbfactory.generate.spin import PRIMARY, UNPOLARISED, spin_work
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import UPSILON_4S

#: float columns of records in the order of the work rows
_FLOAT_NAMES = ("E", "px", "py", "pz", "t", "x", "y", "z")
#: blocks of hadronised decays too heavy for their mother before it is left undecayed
FRUITLESS_BLOCKS = 3
#: records expected an event, for the first allocation only
_RECORDS_EXPECTED = 64
#: spin density of a vector made by e+e-
_TRANSVERSE = ((0.5, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.5))


def decay_events(primaries: Jagged, table: DecayTable, address: Address, *,
                 axis: Array | None = None, density: Array | None = None) -> tuple[Jagged, DecayCounts]:
    """MCParticles with everything unstable decayed, and the record of what was done.

    Parameters
    ----------
    primaries
        The columns of MCParticles; a record with status 0 is decayed, any other is kept as it is.  An optional column
        ``species`` (int32) gives the species index in the table, for aliases; otherwise the PDG code decides.
    table
        Decay table.
    address
        Where random numbers are drawn.
    axis : (3,)
        Direction of the electron beam in the centre-of-mass frame, along which primaries are polarised; z if None.
    density : (2J + 1, 2J + 1)
        Spin density of the primaries of spin J, states from +J to -J along the axis.  If None, an Upsilon(4S) has
        projections +1 and -1 with equal shares, as from e+e-, and all others are unpolarised.

    Returns
    -------
    particles, counts
        The order of the given records is kept; daughters follow behind them, mothers before daughters.
        Energy and momentum are conserved to 1e-9 GeV in every decay.

    Raises
    ------
    UnknownNameError
        When a code is not in the table.
    GenerationError
        When Pythia cannot hadronise a partonic channel.
    """
    arrays, fallback, held = prepared(table)
    radiation = radiation_arrays(table)
    given_floats, given_ints = _rows_of(primaries, table, density)
    events = len(primaries)
    rng = address.at(f"{address.stage}/decay").generator()
    partonic = PartonicDecays(table, address.at(f"{address.stage}/pythia"))
    axes = _axes_along(np.array([0.0, 0.0, 1.0]) if axis is None else np.asarray(axis, np.float64))
    rho, spin = np.array(_TRANSVERSE if density is None else density, np.complex128), spin_work()
    pools = partonic.arrays()
    offsets = (primaries.offsets - primaries.offsets[0]).astype(np.int64)
    floats, ints = empty_rows(events * _RECORDS_EXPECTED + len(given_floats) + 1)
    out_offsets = np.zeros(events + 1, np.int64)
    stack, state = np.empty(256, np.int64), np.zeros(6, np.int64)
    state[PENDING] = NO_CHANNEL
    counts = np.zeros(len(table.fraction) + 1, np.int64)
    complete, fruitless, reached = False, 0, (-1, -1)
    while not complete:
        floats, ints, stack, complete = walk(rng, offsets, given_floats, given_ints, arrays, radiation, held, spin, rho,
                                             axes, pools, floats, ints, out_offsets, stack, state, counts)
        if not complete:
            pools = partonic.refill(int(state[DRY_POOL]))
            here = (int(state[RECORDS]), int(state[DEPTH]))
            fruitless, reached = (fruitless + 1 if here == reached else 0), here
            if fruitless >= FRUITLESS_BLOCKS:
                state[PENDING] = GIVEN_UP
    decaying = given_ints[given_ints[:, STATUS] == TO_DECAY, SPECIES]
    asked = asked_decays(table, counts[:-1], dict(zip(*np.unique(decaying, return_counts=True), strict=True)))
    return _records(floats, ints, out_offsets), _counts(counts, table, fallback, int(state[EXCESS]), asked)


def _rows_of(primaries: Jagged, table: DecayTable, density: Array | None) -> tuple[Array, Array]:
    """Work rows of the given records."""
    first, last = int(primaries.offsets[0]), int(primaries.offsets[-1])
    floats, ints = empty_rows(last - first)
    for k, name in enumerate(_FLOAT_NAMES):
        floats[:, k] = primaries[name][first:last]
    masses_of(floats)
    floats[:, CTAU] = -1.0
    ints[:, PDG] = primaries["PDG"][first:last]
    ints[:, MOTHER] = primaries["mother"][first:last]
    ints[:, STATUS] = primaries["status"][first:last]
    ints[:, SPECIES], ints[:, LINK], ints[:, CHOSEN] = -1, UNPOLARISED, NOT_CHOSEN
    chosen = ints[:, STATUS] == TO_DECAY
    species = primaries.columns.get("species")
    ints[chosen, SPECIES] = (table.species_index(ints[chosen, PDG]) if species is None
                             else species[first:last][chosen])
    chosen[chosen] = table.stable[ints[chosen, SPECIES]]
    ints[chosen, STATUS] = STABLE
    decays = ints[:, STATUS] == TO_DECAY
    polarised = ints[:, PDG] == UPSILON_4S if density is None else table.spin2[ints[:, SPECIES]] + 1 == len(density)
    ints[decays & polarised, LINK] = PRIMARY
    return floats, ints


def _axes_along(direction: Array) -> Array:
    """Right-handed axes (columns) with z along a direction."""
    z = direction / np.linalg.norm(direction)
    x = np.cross(np.array([0.0, 1.0, 0.0]) if abs(z[1]) < 0.9 else np.array([0.0, 0.0, 1.0]), z)
    x /= np.linalg.norm(x)
    return np.ascontiguousarray(np.stack([x, np.cross(z, x), z], axis=1))


def _records(floats: Array, ints: Array, offsets: Array) -> Jagged:
    """Declared columns cut from the work rows."""
    n = int(offsets[-1])
    columns = {name: np.ascontiguousarray(floats[:n, k]) for k, name in enumerate(_FLOAT_NAMES)}
    columns["PDG"] = np.ascontiguousarray(ints[:n, PDG])
    columns["mother"] = np.ascontiguousarray(ints[:n, MOTHER])
    columns["status"] = np.ascontiguousarray(ints[:n, STATUS])
    return Jagged(offsets, {c.name: columns[c.name] for c in MC_PARTICLES.required})


def _counts(counts: Array, table: DecayTable, replaced: Array, excess: int,
            asked: dict[str, AskedDecay]) -> DecayCounts:
    """Record of the decays."""
    done = counts[:-1]
    return DecayCounts(int(done.sum()), _by_model(done, table), _by_model(np.where(replaced, done, 0), table),
                       int(counts[-1]), excess, asked)


def _by_model(decays: Array, table: DecayTable) -> dict[str, int]:
    """Numbers of decays by model, without those that have none."""
    numbers = np.bincount(table.model, weights=decays, minlength=len(table.models)).astype(int).tolist()
    return {str(name): n for name, n in zip(table.models, numbers, strict=True) if n}
