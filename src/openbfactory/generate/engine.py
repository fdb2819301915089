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
from openbfactory.generate.columns import (
    CTAU,
    DEPTH,
    DRY_POOL,
    GIVEN_UP,
    MOTHER,
    NO_CHANNEL,
    PDG,
    PENDING,
    RECORDS,
    SPECIES,
    STABLE,
    STATUS,
    TO_DECAY,
    Array,
    TableArrays,
)
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.hadronise import PartonicDecays
from openbfactory.generate.kernels import empty_rows, masses_of, walk
from openbfactory.generate.models import DECAY_MODELS, PARTONIC, PHASE_SPACE
from openbfactory.physics.decaytable import DecayTable

#: float columns of records in the order of the work rows
_FLOAT_NAMES = ("E", "px", "py", "pz", "t", "x", "y", "z")
#: blocks of hadronised decays too heavy for their mother before it is left undecayed
FRUITLESS_BLOCKS = 3
#: records expected an event, for the first allocation only
_RECORDS_EXPECTED = 64


def decay_events(primaries: Jagged, table: DecayTable, address: Address, *,
                 axis: Array | None = None) -> tuple[Jagged, DecayCounts]:
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
        Direction of the electron beam in the centre-of-mass frame, along which an Upsilon(4S) is polarised; z if None.

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
    arrays = table_arrays(table)
    given_floats, given_ints = _rows_of(primaries, table)
    events = len(primaries)
    rng = address.at(f"{address.stage}/decay").generator()
    partonic = PartonicDecays(table, address.at(f"{address.stage}/pythia"))
    beam = np.array([0.0, 0.0, 1.0]) if axis is None else np.ascontiguousarray(axis, np.float64)
    pools = partonic.arrays()
    offsets = (primaries.offsets - primaries.offsets[0]).astype(np.int64)
    floats, ints = empty_rows(events * _RECORDS_EXPECTED + len(given_floats) + 1)
    out_offsets = np.zeros(events + 1, np.int64)
    stack, state = np.empty(256, np.int64), np.zeros(5, np.int64)
    state[PENDING] = NO_CHANNEL
    counts = np.zeros(len(table.fraction) + 1, np.int64)
    complete, fruitless, reached = False, 0, (-1, -1)
    while not complete:
        floats, ints, stack, complete = walk(rng, offsets, given_floats, given_ints, arrays, beam, pools, floats, ints,
                                             out_offsets, stack, state, counts)
        if not complete:
            pools = partonic.refill(int(state[DRY_POOL]))
            here = (int(state[RECORDS]), int(state[DEPTH]))
            fruitless, reached = (fruitless + 1 if here == reached else 0), here
            if fruitless >= FRUITLESS_BLOCKS:
                state[PENDING] = GIVEN_UP
    return _records(floats, ints, out_offsets), _counts(counts, table)


def table_arrays(table: DecayTable) -> TableArrays:
    """Decay table as kernels take it, with the number of each channel's model."""
    numbers = np.array([DECAY_MODELS.get(str(name), (PHASE_SPACE, ""))[0] for name in table.models], np.int32)
    code = numbers[table.model]
    partons = np.concatenate([[0], np.cumsum(_is_parton(table)[table.daughters])])
    has_partons = partons[table.daughter_first[1:]] > partons[table.daughter_first[:-1]]
    empty = table.daughter_first[1:] == table.daughter_first[:-1]
    code = np.where((code == PARTONIC) & ~has_partons & ~empty, PHASE_SPACE, code).astype(np.int32)
    return TableArrays(table.pdg, table.stable, table.mass, table.width, table.mass_low, table.mass_high, table.ctau,
                       table.conjugate, table.channel_first, table.cumulative, table.fraction, table.threshold,
                       table.daughter_first, table.daughters, table.parameter_first, table.parameters, code,
                       np.ones(len(code)))


def _is_parton(table: DecayTable) -> Array:
    """True for each species that is a parton."""
    from openbfactory.physics.particles import is_parton

    return np.array([is_parton(int(code)) for code in table.pdg])


def _rows_of(primaries: Jagged, table: DecayTable) -> tuple[Array, Array]:
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
    ints[:, SPECIES] = -1
    chosen = ints[:, STATUS] == TO_DECAY
    species = primaries.columns.get("species")
    ints[chosen, SPECIES] = (table.species_index(ints[chosen, PDG]) if species is None
                             else species[first:last][chosen])
    chosen[chosen] = table.stable[ints[chosen, SPECIES]]
    ints[chosen, STATUS] = STABLE
    return floats, ints


def _records(floats: Array, ints: Array, offsets: Array) -> Jagged:
    """Declared columns cut from the work rows."""
    n = int(offsets[-1])
    columns = {name: np.ascontiguousarray(floats[:n, k]) for k, name in enumerate(_FLOAT_NAMES)}
    columns["PDG"] = np.ascontiguousarray(ints[:n, PDG])
    columns["mother"] = np.ascontiguousarray(ints[:n, MOTHER])
    columns["status"] = np.ascontiguousarray(ints[:n, STATUS])
    return Jagged(offsets, {c.name: columns[c.name] for c in MC_PARTICLES.columns})


def _counts(counts: Array, table: DecayTable) -> DecayCounts:
    """Record of the decays."""
    by_model = np.bincount(table.model, weights=counts[:-1], minlength=len(table.models)).astype(int).tolist()
    models = {str(name): n for name, n in zip(table.models, by_model, strict=True) if n}
    fallback = {name: n for name, n in models.items() if name not in DECAY_MODELS}
    return DecayCounts(int(counts[:-1].sum()), models, fallback, int(counts[-1]))
