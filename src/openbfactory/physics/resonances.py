"""Mass windows and line shapes of the broad species of a decay table, as its file says.

Method: statements about a name hold for its species and for all aliases of it.  ``ChangeMassMin/Max`` set the edges of
the window, ``LSNONRELBW``, ``LSFLAT`` and ``LSMANYDELTAFUNC`` the kind of the line shape, ``BlattWeisskopf`` and
``BlattWeisskopfBirth`` the radii of the barrier factors of decay and birth, ``IncludeDecayFactor`` and
``IncludeBirthFactor`` whether these are there, ``SetLineshapePW`` the wave of a decay.  Without them a window reaches
15 widths from the pole (flat shapes and spikes: one width), and begins not below the threshold of the lightest channel
with a sizeable fraction, found by iteration.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.units import hbar, speed_of_light
from openbfactory.physics.lineshapes import (
    FLAT,
    NODES,
    NON_RELATIVISTIC,
    RELATIVISTIC,
    SMALLEST,
    SPIKES,
    Daughters,
    Resonance,
    Shape,
    lowest_wave,
    mixture,
    shape_of,
)
from openbfactory.physics.particles import Species, species_file

if TYPE_CHECKING:
    from openbfactory.physics.decaystatements import DecayStatements
    from openbfactory.physics.decaytable import DecayTable

Array = npt.NDArray[Any]

#: a line shape begins at the threshold of the lightest channel with at least this branching fraction
EDGE_FRACTION = 0.01
#: smallest radius of a barrier factor [1/GeV]; it is the bare power of the momentum there
SMALLEST_RADIUS = 1e-3
#: kind of the line shape by the word of the file
KINDS = {"LSFLAT": FLAT, "LSNONRELBW": NON_RELATIVISTIC, "LSMANYDELTAFUNC": SPIKES}


@dataclass(slots=True)
class Resonances:
    """Line shapes by PDG code, and waves that the file sets: (mother, lighter code, larger code) to L."""

    of_code: dict[int, Resonance] = field(default_factory=dict)
    waves: dict[tuple[int, int, int], int] = field(default_factory=dict)


def resonances_of(statements: DecayStatements, species: dict[str, Species], findings: Findings) -> Resonances:
    """Line shapes that the statements ask for; unknown names are added to ``findings``."""
    limits, found = species_file().limits, Resonances()
    for s in species.values():
        if s.width > limits.narrow_width and s.pdg not in found.of_code:
            reach = limits.window * s.width
            found.of_code[s.pdg] = Resonance(s.mass, s.width, max(s.mass - reach, 0.0), s.mass + reach,
                                             decay_radius=limits.decay_radius, birth_radius=limits.birth_radius)
    for line, word, *names in statements.lineshapes:
        values = names[1:] if word in ("BlattWeisskopf", "BlattWeisskopfBirth", "IncludeBirthFactor",
                                       "IncludeDecayFactor") else names[-1:] if word == "SetLineshapePW" else []
        asked = names[:len(names) - len(values)]
        unknown = [n for n in asked if n not in species]
        for name in unknown:
            findings.unknown_name(f"line {line}", name, species, what="particle")
        if not unknown:
            _apply(found, word, [species[n] for n in asked], values)
    for name, (lower, upper) in statements.mass_limits.items():
        if name not in species:
            findings.unknown_name(statements.place("ChangeMass", name), name, species, what="particle")
        elif (r := found.of_code.get(species[name].pdg)) is not None:
            r = replace(r, low=lower if lower >= 0 else r.low, high=upper if upper >= 0 else r.high)
            if r.high <= r.low:
                findings.error("empty-window", statements.place("ChangeMass", name),
                               f"the masses of {name} would lie between {r.low:g} and {r.high:g} GeV")
            else:
                found.of_code[species[name].pdg] = r
    return found


def _apply(found: Resonances, word: str, named: list[Species], values: list[str]) -> None:
    """Take one statement in."""
    code = named[0].pdg
    if word == "SetLineshapePW":
        first, second = sorted((named[1].pdg, named[2].pdg))
        found.waves[code, first, second] = int(values[0])
        return
    r = found.of_code.get(code)
    if r is None:
        return
    if word in KINDS:
        r = replace(r, kind=KINDS[word])
        if r.kind in (FLAT, SPIKES):
            r = replace(r, low=max(r.mass - r.width, 0.0), high=r.mass + r.width)
        if r.kind == NON_RELATIVISTIC:
            r = replace(r, birth_factor=False)
    elif word == "BlattWeisskopf":
        r = replace(r, decay_radius=max(float(values[0]), SMALLEST_RADIUS))
    elif word == "BlattWeisskopfBirth":
        r = replace(r, birth_radius=max(float(values[0]), SMALLEST_RADIUS))
    elif word == "IncludeBirthFactor":
        r = replace(r, birth_factor=values[0] == "yes")
    else:
        r = replace(r, decay_factor=values[0] == "yes")
    found.of_code[code] = r


def set_mass_windows(table: DecayTable, resonances: Resonances) -> None:
    """Fill windows, thresholds and lifetimes; broad species have no lifetime."""
    broad = np.zeros(len(table.names), np.bool_)
    table.mass_low[:], table.mass_high[:] = table.mass, table.mass
    for s, code in enumerate(table.pdg.tolist()):
        r = resonances.of_code.get(code)
        if r is not None:
            broad[s], table.mass_low[s], table.mass_high[s] = True, r.low, r.high
    floor, mother = table.mass_low.copy(), mother_of_channel(table)
    largest = np.zeros(len(table.mass))
    np.maximum.at(largest, mother, table.fraction)
    counted = table.fraction >= np.minimum(EDGE_FRACTION, largest[mother])
    for _ in range(20):
        _set_thresholds(table)
        lightest = np.full(len(table.mass), np.inf)
        np.minimum.at(lightest, mother[counted], table.threshold[counted])
        raised = np.where(broad & np.isfinite(lightest), np.maximum(floor, lightest), floor)
        raised = np.minimum(raised, table.mass_high)
        if np.array_equal(raised, table.mass_low):
            break
        table.mass_low[:] = raised
    _set_thresholds(table)
    table.ctau[:] = np.where(broad, 0.0, np.where(table.width > 0, hbar * speed_of_light
                                                  / np.where(table.width > 0, table.width, 1.0), 0.0))


def mother_of_channel(table: DecayTable) -> Array:
    """Species index of the mother of each channel."""
    mothers: Array = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    return mothers


def _set_thresholds(table: DecayTable) -> None:
    """Fill the threshold of each channel."""
    filled = np.diff(table.daughter_first) > 0
    table.threshold[:] = 0.0
    if np.any(filled):
        table.threshold[filled] = np.add.reduceat(table.mass_low[table.daughters], table.daughter_first[:-1][filled])
    # a pair that mixes may name its two flavours for each of the two mesons
    pairs = (table.models[table.model] == "VSS_BMIX") & (np.diff(table.daughter_first) == 4)
    table.threshold[pairs] /= 2.0


class ShapeMaker:
    """Line shapes of all channels of a table with windows; daughters first, each shape once."""

    def __init__(self, table: DecayTable, resonances: Resonances) -> None:
        self._table = table
        self._resonances = resonances
        self._mothers = mother_of_channel(table)
        self._rows: dict[tuple[Any, ...], int] = {}
        self._shapes: list[Shape] = []
        self._of_species: dict[int, Shape | None] = {}
        self.shape = np.full(len(table.fraction), -1, np.int32)
        self.wave = np.full(len(table.fraction), -1, np.int32)
        self.radius = np.ones(len(table.fraction))

    def columns(self) -> dict[str, Array]:
        """The columns of the table about line shapes."""
        for s in np.flatnonzero(self._table.mass_high > self._table.mass_low).tolist():
            self.species(s)
        broad = self._table.mass_high > self._table.mass_low
        for c in np.flatnonzero(np.diff(self._table.daughter_first) == 2).tolist():
            self._set_wave(c, broad)
        shapes = np.array([(s.mass, s.density, s.cumulative) for s in self._shapes]).reshape(-1, 3, NODES)
        return {"shape": self.shape, "wave": self.wave, "radius": self.radius, "shapes": shapes}

    def species(self, s: int) -> Shape | None:
        """Mass distribution of a broad species, its channels together; None while it is being made, or for none."""
        if s in self._of_species:
            return self._of_species[s]
        self._of_species[s] = None
        r = self._resonances.of_code[int(self._table.pdg[s])]
        parts = []
        for c in range(self._table.channel_first[s], self._table.channel_first[s + 1]):
            row = self._channel(c, s, r)
            self.shape[c] = row
            if row >= 0 and self._table.fraction[c] > 0:
                parts.append((float(self._table.fraction[c]), self._shapes[row]))
        self._of_species[s] = mixture(r, float(self._table.mass_low[s]), parts)
        return self._of_species[s]

    def _channel(self, c: int, s: int, r: Resonance) -> int:
        """Row of the line shape of a channel."""
        t = self._table
        low = max(float(t.threshold[c]), float(t.mass_low[s]))
        chosen = self._daughters(c)
        factor: Daughters | None = None
        key: tuple[Any, ...] = (r, low)
        if len(chosen) == 2:
            factor = Daughters(self._wave(c), r.decay_radius, (float(t.mass[chosen[0]]), float(t.mass[chosen[1]])),
                               (self._broad(chosen[0]), self._broad(chosen[1])))
            key = (*key, factor.wave, *factor.masses, *(id(x) for x in factor.shapes))
        if key not in self._rows:
            made = shape_of(r, low, factor)
            self._rows[key] = len(self._shapes) if made is not None else -1
            if made is not None:
                self._shapes.append(made)
        return self._rows[key]

    def _broad(self, d: int) -> Shape | None:
        """Mass distribution of a daughter, None for a sharp one."""
        return self.species(d) if self._table.mass_high[d] - self._table.mass_low[d] > SMALLEST else None

    def _daughters(self, c: int) -> list[int]:
        """Species indices of the daughters of a channel."""
        found: list[int] = self._table.daughters[self._table.daughter_first[c]:self._table.daughter_first[c + 1]
                                                 ].tolist()
        return found

    def _wave(self, c: int) -> int:
        """Orbital angular momentum of a two-body channel."""
        t, (a, b), m = self._table, self._daughters(c), int(self._mothers[c])
        first, second = sorted((int(t.pdg[a]), int(t.pdg[b])))
        found = self._resonances.waves.get((int(t.pdg[m]), first, second))
        return lowest_wave(int(t.spin2[m]), int(t.spin2[a]), int(t.spin2[b])) if found is None else found

    def _set_wave(self, c: int, broad: Array) -> None:
        """Set wave and radius of a two-body channel with a broad daughter."""
        wide = [self._resonances.of_code[int(self._table.pdg[d])] for d in self._daughters(c) if broad[d]]
        mother = int(self._mothers[c])
        if not wide:
            return
        if broad[mother]:
            r = self._resonances.of_code[int(self._table.pdg[mother])]
            if r.kind == RELATIVISTIC and r.decay_factor:
                self.wave[c], self.radius[c] = self._wave(c), r.decay_radius
        elif any(r.birth_factor for r in wide):
            self.wave[c] = self._wave(c)
            self.radius[c] = max(r.birth_radius for r in wide if r.birth_factor)
