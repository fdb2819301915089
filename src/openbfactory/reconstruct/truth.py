"""Truth matching of the signal kaon: B+ -> K+ nu nubar and what else the track may be.

A signal decay is a charged B whose daughters include one charged kaon and
exactly one neutrino and one antineutrino (photons may accompany them).  Reads
``mc*`` columns; nothing else in this room does.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.events.record import Events

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[np.generic]]

PDG_B, PDG_KAON = 521, 321
NEUTRINOS = (12, 14, 16)


@njit(cache=True, error_model="numpy")
def _signal_decay(begin: int, end: int, pdg: Index, mother: Index, p4: Array) -> tuple[int, float]:
    """Row (relative to ``begin``) of the first signal B and its q2 [GeV^2]; (-1, NaN) for none."""
    q = np.empty(4)
    for b in range(begin, end):
        if abs(pdg[b]) != PDG_B:
            continue
        kaons = 0
        neutrinos = 0
        others = 0
        total = 0
        for a in range(4):
            q[a] = 0.0
        for i in range(begin, end):
            if mother[i] != b - begin:
                continue
            code = abs(pdg[i])
            if code in NEUTRINOS:
                neutrinos += 1
                total += pdg[i]
                for a in range(4):
                    q[a] += p4[i, a]
            elif code == PDG_KAON:
                kaons += 1
            elif code != 22:
                others += 1
        if kaons == 1 and neutrinos == 2 and total == 0 and others == 0:
            return b - begin, q[0] * q[0] - q[1] * q[1] - q[2] * q[2] - q[3] * q[3]
    return -1, math.nan


@njit(cache=True, error_model="numpy")
def _match(events: Index, particle: Index, offsets: Index, pdg: Index, mother: Index, p4: Array, is_signal: Index,
           kaon_pdg: Index, mother_pdg: Index, q2: Array) -> None:
    """Fill the truth columns of each candidate."""
    for n in range(len(events)):
        begin, end = offsets[events[n]], offsets[events[n] + 1]
        b, q2[n] = _signal_decay(begin, end, pdg, mother, p4)
        i = particle[n]
        if i < 0 or i >= end - begin:
            continue
        kaon_pdg[n] = pdg[begin + i]
        m = mother[begin + i]
        if m >= 0:
            mother_pdg[n] = pdg[begin + m]
            is_signal[n] = 1 if m == b and abs(kaon_pdg[n]) == PDG_KAON else 0


def has_truth(events: Events) -> bool:
    """True when the events carry generated particles and the matching of tracks to them."""
    return "MCParticles" in events.lists and "mcIndex" in events["Tracks"].columns


def match_kaons(events: Events, index: Index, kaon: Index) -> Columns:
    """Truth columns of candidates, see ``TRUTH`` in :mod:`openbfactory.reconstruct.variables`.

    Parameters
    ----------
    events
        Events with truth.
    index, kaon : (n,) int64
        Events of the candidates and rows of their kaons in ``Tracks``.
    """
    truth, n = events["MCParticles"], len(index)
    p4 = np.ascontiguousarray(np.column_stack([truth[c] for c in ("E", "px", "py", "pz")]), np.float64)
    signal, code, mother = (np.zeros(n, np.int64) for _ in range(3))
    q2 = np.empty(n)
    _match(index, events["Tracks"]["mcIndex"][kaon].astype(np.int64), truth.offsets, truth["PDG"].astype(np.int64),
           truth["mother"].astype(np.int64), p4, signal, code, mother, q2)
    return {"mcIsSignal": signal != 0, "mcKaonPDG": code.astype(np.int32), "mcMotherPDG": mother.astype(np.int32),
            "mcQ2": q2}


def generated_q2(events: Events) -> npt.NDArray[np.float64]:
    """Squared mass of the neutrino pair of each event's B -> K nu nubar [GeV^2], (n,); NaN for events without one."""
    truth = events["MCParticles"]
    p4 = np.ascontiguousarray(np.column_stack([truth[c] for c in ("E", "px", "py", "pz")]), np.float64)
    return _signal_q2(truth.offsets, truth["PDG"].astype(np.int64), truth["mother"].astype(np.int64), p4)


@njit(cache=True, error_model="numpy")
def _signal_q2(offsets: Index, pdg: Index, mother: Index, p4: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Squared mass of the neutrino pair of each event, NaN where there is none."""
    found = np.empty(len(offsets) - 1)
    for event in range(len(found)):
        found[event] = _signal_decay(offsets[event], offsets[event + 1], pdg, mother, p4)[1]
    return found
