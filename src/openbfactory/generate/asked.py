"""Decays that a user's file asks for: how often they were made and would be on average, and what to say of unused ones.

Method: the mean number of each species follows from the particles that the events begin with and the branching
fractions, generation by generation.  A decay that nothing can make is an error; so is one that was never made although
its mean number is large; with a small mean number that is a warning.

Approximation: the mean leaves out the hadrons of hadronised partons and counts closed channels of broad mothers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.generate.columns import Array
from openbfactory.generate.counts import AskedDecay, DecayCounts
from openbfactory.generate.partonicmodels import partonic_mothers
from openbfactory.physics.decaytable import CLOSED_MARGIN, USER, DecayTable

#: a decay with at least this mean number that was never made is an error (probability 1e-6)
CERTAIN = 14.0
#: generations of decays that are followed
GENERATIONS = 60


def asked_decays(table: DecayTable, done: Array, initial: Mapping[int, int], *,
                 follow: bool = True) -> dict[str, AskedDecay]:
    """Decays of the user's file by name: each mother, and each of its channels as text.

    Parameters
    ----------
    table
        Decay table.
    done : (C,)
        Decays made by channel.
    initial
        Number of particles by species index that the decays began with.
    follow
        Whether their daughters decay too.
    """
    mothers = np.flatnonzero(table.origin == USER)
    if not len(mothers):
        return {}
    began = np.zeros(len(table.names))
    for species, number in initial.items():
        began[species] = number
    mean = mean_numbers(table, began) if follow else began
    found = {}
    for s in mothers.tolist():
        names, free = (str(table.names[s]), str(table.names[table.conjugate[s]])), _hadronised(table, s, mean, began)
        first, last = int(table.channel_first[s]), int(table.channel_first[s + 1])
        if table.stable[s] or first == last:
            continue
        found[names[0]] = AskedDecay(*names, 0, int(done[first:last].sum()), float(mean[s]), free)
        for c in range(first, last):
            if table.fraction[c] > 0:
                text = f"{names[0]} -> {' '.join(table.daughters_of(c))} (line {table.line[c]})"
                found[text] = AskedDecay(*names, int(table.line[c]), int(done[c]),
                                         float(mean[s] * table.fraction[c]), free)
    return found


def mean_numbers(table: DecayTable, began: Array) -> Array:
    """Mean number of each species (S,) made from the given ones, these included."""
    size = np.diff(table.daughter_first)
    mother = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    weight = np.where(table.threshold > table.mass_high[mother] + CLOSED_MARGIN, 0.0, table.fraction)
    weight[table.stable[mother]] = 0.0
    # a pair that mixes may name its two flavours for each of the two mesons
    weight[(table.models[table.model] == "VSS_BMIX") & (size == 4)] *= 0.5
    source, share = np.repeat(mother, size), np.repeat(weight, size)
    total: Array = began.astype(np.float64)
    new = total
    for _ in range(GENERATIONS):
        new = np.bincount(table.daughters, weights=share * new[source], minlength=len(table.names))
        if not np.any(new > 1e-12):
            break
        total = total + new
    return total


def _hadronised(table: DecayTable, species: int, mean: Array, began: Array) -> bool:
    """True when hadronised partons may make a species (never an alias).

    Those are partonic channels of heavier particles, and the quark pairs that light and charmed hadrons came from.
    """
    if table.index_of_pdg[int(table.pdg[species])] != species:
        return False
    if np.any(table.mass[partonic_mothers(table)][mean[partonic_mothers(table)] > 0] > table.mass[species]):
        return True
    codes = np.abs(table.pdg[np.flatnonzero(began)])
    return bool(np.any((codes > 100) & (codes // 100 % 10 < 5) & (codes // 1000 % 10 < 5)))


def unused_decays(counts: DecayCounts, source: str, events: int) -> Findings:
    """Findings about the decays of the user's file that were never made in a number of events."""
    findings = Findings(source)
    for name, asked in counts.asked.items():
        above = counts.asked[asked.mother]
        if asked.done or (asked.line and not above.done):
            continue
        other = counts.asked.get(asked.conjugate)
        used = other is not None and other is not asked and other.done > 0
        where = f"line {asked.line}" if asked.line else f"Decay {name}"
        text = f"{name.split(' (line')[0]} was never used in {events} events"
        if asked.expected <= 0 and not asked.hadronised and not used:
            findings.error("unused-decay", where, f"{text}: no decay of this sample makes {asked.mother}",
                           expected="a decay that leads to it, in this file or by another sample")
        elif asked.expected >= CERTAIN and not used:
            findings.error("unused-decay", where, f"{text}, where {asked.expected:.3g} are expected; is the decay "
                           "closed?")
        elif asked.hadronised and asked.expected < CERTAIN:
            findings.warning("unused-decay", where, f"{text}; {asked.mother} comes from hadronised partons, if at all")
        else:
            findings.warning("unused-decay", where, f"{text}; {asked.expected:.3g} are expected")
    return findings
