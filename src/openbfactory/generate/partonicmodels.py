"""Partonic channels of a decay table: which they are, their thresholds, and the masses at which they are hadronised.

A mother with a sharp mass is hadronised at that mass.  An inclusive system (X_u, X_s), whose mass the model of its own
decay draws from the lightest hadrons up to several GeV, is hadronised in bins of its mass.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from openbfactory.generate.columns import Array
from openbfactory.physics.decaytable import DecayTable
from openbfactory.physics.particles import is_parton, species

#: a species with a window wider than this is hadronised in bins of its mass of the width that follows [GeV]
WIDE: Final = 2.0
STEP: Final = 0.05
#: no bin is above this mass [GeV]
HIGHEST: Final = 6.0
_STRANGE, _LIGHTEST = 3, (1, 2, 3)


def is_partonic(table: DecayTable, channel: int) -> bool:
    """True when a channel needs Pythia: it has partons, or leaves the daughters to Pythia."""
    first, last = table.daughter_first[channel], table.daughter_first[channel + 1]
    codes = table.pdg[table.daughters[first:last]].tolist()
    return str(table.models[table.model[channel]]) == "PYTHIA" and (not codes or any(is_parton(c) for c in codes))


def partonic_mothers(table: DecayTable) -> Array:
    """Species indices of all mothers with partonic channels, ascending."""
    model = np.flatnonzero(table.models == "PYTHIA")
    mothers = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    chosen = [mothers[c] for c in np.flatnonzero(np.isin(table.model, model)) if is_partonic(table, int(c))]
    return np.unique(np.array(chosen, np.int64))


def hadronic_thresholds(table: DecayTable) -> Array:
    """Thresholds (C,) of all channels, with those of a light quark pair at the mass of its lightest two hadrons."""
    thresholds = table.threshold.copy()
    pion, kaon = species("pi+").mass, species("K0").mass
    lightest = (2 * pion, pion + kaon, 2 * kaon)
    for c in np.flatnonzero(table.models[table.model] == "PYTHIA").tolist():
        codes = np.abs(table.pdg[table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]]).tolist()
        if len(codes) == 2 and set(codes) <= set(_LIGHTEST):
            thresholds[c] = lightest[codes.count(_STRANGE)]
    return thresholds


def mass_bins(table: DecayTable, mother: int, thresholds: Array) -> tuple[float, int]:
    """Lower edge of the first bin of the mass of a mother, and the number of bins (1 for a sharp mass)."""
    low, high = float(table.mass_low[mother]), float(table.mass_high[mother])
    if high - low < WIDE:
        return low, 1
    channels = range(int(table.channel_first[mother]), int(table.channel_first[mother + 1]))
    low = min(float(thresholds[c]) for c in channels if is_partonic(table, c))
    return low, max(math.ceil((min(high, HIGHEST) - low) / STEP), 1)
