"""Partonic decays hadronised by Pythia, in blocks that the decay kernel uses up.

Method: the partonic channels of each mother are declared to Pythia with their relative branching fractions, on a copy
of the mother, so that aliases, antiparticles and changed files need no special case.  Mothers at rest are put in as
the outgoing particles of an external process, many an event; every other decay is off, so that what comes back are
the primary hadrons, which the decay table then decays.  The fragmentation parameters are Pythia's own and the
multiplicities of decays those of EvtGen (``decays`` of ``data/pythia.yaml``; the parameters of the continuum are tuned
to the continuum); masses, widths and mass windows of hadrons are those of the decay table, as in EvtGen.  Each block
has its own seed from the address.
Systems without a fixed mass have a pool for each bin of their mass; a block for one bin holds one decay for each other
bin that is empty.

Approximation: a hadronised final state that the file also lists as an exclusive channel is kept (it is counted twice
in principle; the file's mode numbers 23 to 91 do not veto either); the spectator of a generic charmed hadron
(``specflav``) is taken as a light antiquark.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from openbfactory.core.errors import GenerationError
from openbfactory.core.random import Address
from openbfactory.generate.columns import Array, PoolArrays
from openbfactory.generate.partonicmodels import STEP as MASS_STEP
from openbfactory.generate.partonicmodels import hadronic_thresholds, is_partonic, mass_bins, partonic_mothers
from openbfactory.generate.preparation import Held
from openbfactory.generate.pythia import pythia_data
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import is_parton

#: mothers in one event of Pythia
MOTHERS = 64
#: events of Pythia in the first and in the largest block of a mother, and the ratio of a block to the one before: each
#: block costs some milliseconds, whatever its size
FIRST_BLOCK, LARGEST_BLOCK, GROWTH = 1, 32, 4
#: mothers in the first block of a bin of mass, and the mass below which other bins are filled with it [GeV]
FIRST_IN_BIN, OFTEN = 4, 3.0
#: code of the first copied mother (free in Pythia; those from 9900012 on are taken)
FIRST_COPY = 9_960_001
#: no mother may be heavier than this [GeV]
LARGEST_MASS = 20.0
#: attempts an event before a block is given up
ATTEMPTS = 10.0
#: codes of the spectator flavour and of a random flavour
SPECTATOR = 81


class PartonicDecays:
    """Blocks of hadronised decays for the mothers of one decay table, drawn at one address."""

    def __init__(self, table: DecayTable, address: Address) -> None:
        self._table = table
        self._address = address
        self._mothers = partonic_mothers(table)
        self._declarations = _declared(Held(table))
        thresholds = hadronic_thresholds(table)
        bins = [mass_bins(table, mother, thresholds) for mother in self._mothers.tolist()]
        counts = np.array([n for _, n in bins], np.int64)
        size = len(table.names)
        self._of_species, self._low, self._bins = np.full(size, -1, np.int32), np.zeros(size), np.ones(size, np.int64)
        self._of_species[self._mothers] = np.cumsum(counts) - counts
        self._low[self._mothers], self._bins[self._mothers] = [low for low, _ in bins], counts
        self._mother_of = np.repeat(np.arange(len(bins)), counts)
        self._blocks = np.zeros(len(self._mother_of), np.int64)
        self._next, self._end = np.zeros((2, len(self._mother_of)), np.int64)
        self._parts: dict[int, tuple[Array, Array, Array]] = {}
        self._arrays = self._joined()

    def arrays(self) -> PoolArrays:
        """The pools as kernels take them."""
        return self._arrays

    def refill(self, pool: int) -> PoolArrays:
        """The pools with a new block for one of them.

        Raises
        ------
        GenerationError
            When Pythia cannot make the decays.
        """
        for p, (sizes, hadrons, momenta) in list(self._parts.items()):
            start = int(self._next[p] - (self._end[p] - len(sizes)))
            if start == len(sizes):
                del self._parts[p]
            elif start > 0:
                rows = slice(int(sizes[:start].sum()), None)
                self._parts[p] = (sizes[start:], hadrons[rows], momenta[rows])
        self._parts |= self._blocks_for(pool)
        self._arrays = self._joined()
        return self._arrays

    def _blocks_for(self, pool: int) -> dict[int, tuple[Array, Array, Array]]:
        """New decays of a pool, and of others of the same mother where they come with them."""
        number, mother = int(self._blocks[pool]), int(self._mother_of[pool])
        self._blocks[pool] += 1
        species = int(self._mothers[mother])
        name = f"{self._address.stage}/{self._table.names[species]}"
        base, bins = int(self._of_species[species]), int(self._bins[species])
        if bins == 1:
            events = min(FIRST_BLOCK * GROWTH**number, LARGEST_BLOCK)
            return {pool: _by_size(self._made(f"{name}/{number}", mother, events, None))}
        middle = self._low[species] + MASS_STEP * (np.arange(bins) + 0.5)
        name, size = f"{name}/{pool - base}/{number}", FIRST_IN_BIN * 2**number
        if size > MOTHERS:
            events = min(size // MOTHERS, LARGEST_BLOCK)
            return {pool: _by_size(self._made(name, mother, events, [middle[pool - base]] * MOTHERS))}
        others = [p for p in range(base, base + bins)
                  if p not in self._parts and p != pool and middle[p - base] < OFTEN]
        sizes = [size] + [1] * len(others)
        first, hadrons, momenta = self._made(name, mother, 1, np.repeat(middle[[p - base for p in (pool, *others)]],
                                                                       sizes).tolist())
        found, start = {}, 0
        for p, count in zip((pool, *others), sizes, strict=True):
            rows = slice(int(first[start]), int(first[start + count]))
            found[p] = (np.diff(first[start:start + count + 1]), hadrons[rows], momenta[rows])
            start += count
        return found

    def _made(self, name: str, mother: int, events: int, masses: list[float] | None) -> tuple[Array, Array, Array]:
        """Decays of one mother, seeded by a name."""
        return hadronised(self._table, self._declarations, mother, events, self._address.at(name).pythia_seed(), masses)

    def _joined(self) -> PoolArrays:
        """All pools in one set of arrays."""
        self._next[:], self._end[:] = 0, 0
        entries, counts = 0, [np.zeros(1, np.int64)]
        for p, (sizes, _, _) in self._parts.items():
            self._next[p] = entries
            entries += len(sizes)
            self._end[p] = entries
            counts.append(sizes)
        return PoolArrays(self._of_species, self._low, self._bins, self._next, self._end,
                          np.cumsum(np.concatenate(counts)),
                          np.concatenate([np.zeros(0, np.int32), *(s for _, s, _ in self._parts.values())]),
                          np.concatenate([np.zeros((0, 5)), *(m for _, _, m in self._parts.values())]))


def _by_size(entries: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Entries with the number of hadrons of each in the place of their first rows."""
    first, hadrons, momenta = entries
    return np.diff(first), hadrons, momenta


def hadronised(table: DecayTable, declared: tuple[str, ...], mother: int, events: int, seed: int,
               masses: list[float] | None = None) -> tuple[Array, Array, Array]:
    """Decays of one mother: first rows, species indices, and (E, px, py, pz, mass).

    ``declared`` are the :func:`declarations` of the table, ``mother`` the place among its partonic mothers; every event
    of Pythia has mothers of the given masses, or 64 with the nominal mass.

    Raises
    ------
    GenerationError
        When Pythia cannot make the decays.
    """
    instance, source, copies = _instance(declared)
    source.mother, nominal = copies[mother]
    source.masses = [nominal] * MOTHERS if masses is None else masses
    instance.rndm.init(seed)
    try:
        layout = instance.nextBatch(events, ATTEMPTS).layout
    except RuntimeError as problem:
        name = table.names[partonic_mothers(table)[mother]]
        message = f"Pythia could not hadronise the partonic decays of {name}: {problem}"
        raise GenerationError(message) from None
    return _entries(layout, table, len(source.masses))


def _entries(layout: Any, table: DecayTable, count: int) -> tuple[Array, Array, Array]:
    """Final hadrons of each mother in the awkward layout of ``nextBatch``."""
    particles = layout.content("prt")
    record, momentum = particles.content, particles.content.content("p")
    offsets = np.asarray(particles.offsets.data).astype(np.int64)
    status, mother = (np.asarray(record.content(k).data) for k in ("status", "mother1"))
    base = np.repeat(offsets[:-1], np.diff(offsets))
    place = np.arange(len(status)) - base
    ancestor = place.copy()
    while np.any(later := ancestor >= 5 + count):
        ancestor[later] = mother[base[later] + ancestor[later]]
    final = np.flatnonzero((status > 0) & (place >= 5 + count))
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    entry = event[final] * count + ancestor[final] - 5
    order = np.argsort(entry, kind="stable")
    final, entry = final[order], entry[order]
    species = table.species_index(np.asarray(record.content("id").data)[final]).astype(np.int32)
    rows = np.stack([np.asarray(momentum.content(k).data)[final] for k in ("e", "px", "py", "pz")]
                    + [np.asarray(record.content("m").data)[final]], axis=1)
    sharp = table.mass_high[species] <= table.mass_low[species]
    rows[sharp, 4] = table.mass[species[sharp]]
    first = np.searchsorted(entry, np.arange((len(offsets) - 1) * count + 1))
    _balance(rows, first)
    return first.astype(np.int64), species, rows


def _balance(rows: Array, first: Array) -> None:
    """Take the rounding error of the momentum sum of each entry from its last hadron."""
    last = first[1:] - 1
    for k in (1, 2, 3):
        rows[last, k] -= np.add.reduceat(rows[:, k], first[:-1])


@lru_cache(maxsize=8)
def _declared(held: Held) -> tuple[str, ...]:
    """Declarations of a table, made once a table."""
    return declarations(held.table)


def declarations(table: DecayTable) -> tuple[str, ...]:
    """Lines that declare all copied mothers and their channels to Pythia."""
    lines = []
    for k, species in enumerate(partonic_mothers(table).tolist()):
        copy = FIRST_COPY + k
        charge, mass = int(table.charge3[species]), float(table.mass[species])
        lines.append(f"{copy}:new = mother{k} void 1 {charge} 0 {mass!r} 0 0 0 1e-9")
        lines.append(f"{copy}:mayDecay = on")
        lines += [f"{copy}:addChannel = 1 {float(table.fraction[c])!r} {mode} {products}"
                  for c in range(table.channel_first[species], table.channel_first[species + 1])
                  for mode, products in _channels(table, c, species) if table.fraction[c] > 0]
    return tuple(lines) + _hadrons(table)


def _hadrons(table: DecayTable) -> tuple[str, ...]:
    """Lines with masses, widths and windows of the hadrons of a table (the first species of each code)."""
    codes, first = np.unique(table.pdg, return_index=True)
    lines = []
    for code, s in zip(codes.tolist(), first.tolist(), strict=True):
        if code < 100 or is_parton(code):
            continue
        low, high = float(table.mass_low[s]), float(table.mass_high[s])
        width = float(table.width[s]) if high > low else 0.0
        lines += [f"{code}:m0 = {float(table.mass[s])!r}", f"{code}:mWidth = {width!r}"]
        if width > 0.0:
            lines += [f"{code}:mMin = {low!r}", f"{code}:mMax = {high!r}"]
    return tuple(lines)


def _channels(table: DecayTable, channel: int, species: int) -> list[tuple[int, str]]:
    """Mode number and products of a partonic channel; nothing for another channel."""
    if not is_partonic(table, channel):
        return []
    first, last = table.daughter_first[channel], table.daughter_first[channel + 1]
    codes = table.pdg[table.daughters[first:last]].tolist()
    parameters = table.parameters_of(channel)
    mode = int(parameters[0]) if len(parameters) else 0
    if not codes:
        return [(mode, " ".join(map(str, _charmed_baryon_partons(int(table.pdg[species])))))]
    spectator = -2 if table.pdg[species] > 0 else 2
    return [(mode, " ".join(str(spectator if c == SPECTATOR else c) for c in codes))]


def _charmed_baryon_partons(pdg: int) -> tuple[int, ...]:
    """Partons of c -> s u dbar with a spectator diquark, for a charmed baryon whose file leaves them to Pythia."""
    sign, code = (1 if pdg > 0 else -1), abs(pdg)
    first, second = sorted((code // 100 % 10, code // 10 % 10), reverse=True)
    diquark = 1000 * first + 100 * second + (3 if first == second else 1)
    return (2 * sign, -1 * sign, 3 * sign, diquark * sign)


@lru_cache(maxsize=4)
def _instance(declarations: tuple[str, ...]) -> tuple[Any, Any, list[tuple[int, float]]]:
    """Pythia with the declared mothers, the source of its events, and code and mass of each mother.

    Raises
    ------
    GenerationError
        When Pythia refuses a setting or does not start.
    """
    import pythia8mc

    instance = pythia8mc.Pythia("", False)
    settings = ("Print:quiet = on", "Beams:frameType = 5", "PDF:lepton = off", "PartonLevel:ISR = off",
                "PartonLevel:FSR = off", "PartonLevel:MPI = off", "Random:setSeed = on", "Random:seed = 1",
                "Check:event = off", *(s.text for s in pythia_data().decays))
    data = instance.particleData
    code = 1  # the walk over all codes starts behind the d quark
    others = []
    while code := data.nextId(code):
        others.append(f"{code}:mayDecay = off")
    known = [line for line in declarations if _applies(line, data)]
    refused = [s for s in (*settings, *others, *known) if not instance.readString(s, False)]
    if refused:
        message = f"Pythia refuses: {'; '.join(refused)}"
        raise GenerationError(message)
    news = [line.split() for line in declarations if ":new" in line]
    copies = [(int(words[0].split(":")[0]), float(words[7])) for words in news]
    source = _source(pythia8mc)
    instance.setLHAupPtr(source)
    if not instance.init():
        message = "Pythia does not start with the partonic channels of the decay file"
        raise GenerationError(message)
    return instance, source, copies


def _applies(line: str, data: Any) -> bool:
    """False for the mass of a species that is no hadron of Pythia's."""
    code, _, what = line.partition(":")
    return not what.startswith(("m0", "mWidth", "mMin", "mMax")) or bool(data.isHadron(int(code)))


def _source(pythia8mc: Any) -> Any:
    """External process of Pythia whose events are mothers at rest."""
    class Mothers(pythia8mc.LHAup):
        mother = 511
        masses: ClassVar[list[float]] = []

        def setInit(self) -> bool:
            self.setBeamA(-11, 0.5 * MOTHERS * LARGEST_MASS, 0, 0)
            self.setBeamB(11, 0.5 * MOTHERS * LARGEST_MASS, 0, 0)
            self.setStrategy(3)
            self.addProcess(1, 1.0, 0.0, 1.0)
            return True

        def setEvent(self, process: int = 0) -> bool:
            energy = 0.5 * sum(self.masses)
            self.setProcess(1, 1.0, 2 * energy, 1 / 137.0, 0.2)
            self.addParticle(-11, -1, 0, 0, 0, 0, 0, 0, energy, energy, 0.000511, 0, 9)
            self.addParticle(11, -1, 0, 0, 0, 0, 0, 0, -energy, energy, 0.000511, 0, 9)
            for mass in self.masses:
                self.addParticle(self.mother, 1, 1, 2, 0, 0, 0, 0, 0, mass, mass, 0, 9)
            return True

    return Mothers()
