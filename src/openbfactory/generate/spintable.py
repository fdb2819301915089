"""Which channels of a decay table have an amplitude of spin states, and their helicity amplitudes."""

from __future__ import annotations

from typing import Final

import numpy as np

from openbfactory.generate.columns import Array
from openbfactory.generate.flavourtable import vector_amplitudes
from openbfactory.generate.helicity import HELICITY_MODELS, helicity_table
from openbfactory.generate.polarised import (
    FERMION_PAIR,
    FLAVOUR_PAIR,
    FLAVOUR_PIONS,
    LEPTONIC,
    MESON_LEPTONS,
    MESON_PAIR,
    NONE,
    NORMAL,
    POLARIMETER,
    TAU_VECTOR,
    TRANSFER,
    TWO_BODY,
    SpinTable,
)
from openbfactory.physics.decaytable import DecayTable

#: kind of the amplitude of models that have no fixed helicity table
_KINDS: Final = {"VLL": FERMION_PAIR, "TAUVECTORNU": TAU_VECTOR, "TAULNUNU": LEPTONIC, "OMEGA_DALITZ": NORMAL,
                 "TAUHADNU": POLARIMETER, "VVPIPI": TRANSFER, "YMSTOYNSPIPICLEOBOOST": TRANSFER,
                 "BTOSLLBALL": MESON_PAIR, "BTOSLLALI": MESON_PAIR,
                 "BTO3PI_CP": FLAVOUR_PIONS}


def helicities_of(table: DecayTable, channel: int, mother: int) -> Array | None:
    """Helicity amplitudes of a two-body channel of a helicity model, None when parameters or daughters do not fit."""
    daughters = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]].tolist()
    model = str(table.models[table.model[channel]])
    if model not in HELICITY_MODELS or (len(daughters) != 2 and (model != "VSS_BMIX" or len(daughters) != 4)):
        return None
    first, second = daughters[:2]
    spins = (int(table.spin2[mother]), int(table.spin2[first]), int(table.spin2[second]))
    codes = (int(table.pdg[mother]), int(table.pdg[first]), int(table.pdg[second]))
    values = [] if model == "VSS_BMIX" else table.parameters_of(channel).tolist()
    return helicity_table(model, spins, codes, values)


def fits_pair(table: DecayTable, channel: int, mother: int) -> bool:
    """True when a VLL or TAUVECTORNU channel has the spins that it needs."""
    daughters = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]].tolist()
    spins = [int(table.spin2[d]) for d in daughters]
    if str(table.models[table.model[channel]]) == "VLL":
        return int(table.spin2[mother]) == 2 and spins == [1, 1]
    codes = sorted(abs(int(table.pdg[d])) for d in daughters)
    return abs(int(table.pdg[mother])) == 15 and sorted(spins) == [1, 2] and codes[0] == 16


def _passes(table: DecayTable, channel: int, mother: int) -> bool:
    """True for a vector to a vector and scalars, in that order."""
    daughters = table.daughters[table.daughter_first[channel]:table.daughter_first[channel + 1]]
    return int(table.spin2[mother]) == 2 and table.spin2[daughters].tolist() == [2, 0, 0]


def spin_table(table: DecayTable, replaced: Array, kinds: Array, others: dict[int, Array] | None = None) -> SpinTable:
    """Spins of a decay table as kernels take them.

    Parameters
    ----------
    table
        Decay table.
    replaced : (C,) bool
        Channels that decay by phase space because their model does not know them.
    kinds : (C,) bool
        Semileptonic channels with helicity amplitudes.
    others : dict of (C,) bool
        Kinds of amplitudes whose channels are known from their kernel, and these channels.
    """
    mothers = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    kind, first, pieces = np.zeros(len(table.fraction), np.int32), [0], [np.zeros(0, np.complex128)]
    for c, mother in enumerate(mothers.tolist()):
        model = str(table.models[table.model[c]])
        if kinds[c]:
            kind[c] = MESON_LEPTONS
        elif model == "PYTHIA" and abs(int(table.pdg[mother])) == 15 and not replaced[c]:
            kind[c] = POLARIMETER
        elif model in _KINDS and not replaced[c]:
            kind[c] = _KINDS[model] if _KINDS[model] != TRANSFER or _passes(table, c, mother) else NONE
        elif model == "SVV_CP" and not replaced[c]:
            kind[c] = FLAVOUR_PAIR
            amplitudes = vector_amplitudes(table, c, mother)
            pieces.append(np.zeros(0, np.complex128) if amplitudes is None else amplitudes.ravel())
        elif model in HELICITY_MODELS and not replaced[c]:
            helicities = helicities_of(table, c, mother)
            if helicities is not None:
                kind[c] = TWO_BODY
                pieces.append(helicities.ravel())
        first.append(first[-1] + (pieces[-1].size if kind[c] in (TWO_BODY, FLAVOUR_PAIR) else 0))
    for number, chosen in (others or {}).items():
        kind[chosen] = number
    wants = np.zeros(len(table.names), np.bool_)
    polarised = (kind != NONE) & (table.spin2[mothers] > 0)
    wants[mothers[polarised]] = True
    return SpinTable(kind, table.spin2.astype(np.int64) + 1, wants, np.array(first, np.int64), np.concatenate(pieces))
