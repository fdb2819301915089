"""Truth matching of the signal track: B+ -> K+ nu nubar and what else the track may be.

A signal decay is a charged B whose daughters are one charged kaon, one neutrino
and one antineutrino; where the signal track is a pion, one charged pion and one
neutral kaon (photons may accompany them).  A lepton as signal track has no
signal decay: it is matched where it is a lepton of its species from a B.  Reads
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

PDG_B, PDG_B0, PDG_KAON, PDG_PION = 521, 511, 321, 211
#: what the neutral kaon of B+ -> pi+ K0 may be recorded as
NEUTRAL_KAONS = (130, 310, 311)
#: PDG code of each species of the signal track
SPECIES = {"kaon": PDG_KAON, "pion": PDG_PION, "electron": 11, "muon": 13}
NEUTRINOS = (12, 14, 16)


@njit(cache=True, error_model="numpy")
def _signal_decay(begin: int, end: int, pdg: Index, mother: Index, p4: Array, species: int) -> tuple[int, float]:
    """Row (relative to ``begin``) of the first signal B and its q2 [GeV^2]; (-1, NaN) for none."""
    unseen = 2 if species == PDG_KAON else 1
    q = np.empty(4)
    for b in range(begin, end):
        if abs(pdg[b]) != PDG_B:
            continue
        chosen = 0
        neutrals = 0
        others = 0
        total = 0
        for a in range(4):
            q[a] = 0.0
        for i in range(begin, end):
            if mother[i] != b - begin:
                continue
            code = abs(pdg[i])
            if (code in NEUTRINOS) if species == PDG_KAON else (code in NEUTRAL_KAONS):
                neutrals += 1
                total += pdg[i] if species == PDG_KAON else 0
                for a in range(4):
                    q[a] += p4[i, a]
            elif code == species:
                chosen += 1
            elif code != 22:
                others += 1
        if chosen == 1 and neutrals == unseen and total == 0 and others == 0:
            return b - begin, q[0] * q[0] - q[1] * q[1] - q[2] * q[2] - q[3] * q[3]
    return -1, math.nan


@njit(cache=True, error_model="numpy")
def _match(events: Index, particle: Index, offsets: Index, pdg: Index, mother: Index, p4: Array, species: int,
           is_signal: Index, kaon_pdg: Index, mother_pdg: Index, q2: Array) -> None:
    """Fill the truth columns of each candidate."""
    for n in range(len(events)):
        begin, end = offsets[events[n]], offsets[events[n] + 1]
        b, q2[n] = _signal_decay(begin, end, pdg, mother, p4, species)
        i = particle[n]
        if i < 0 or i >= end - begin:
            continue
        kaon_pdg[n] = pdg[begin + i]
        m = mother[begin + i]
        if m >= 0:
            mother_pdg[n] = pdg[begin + m]
            of_b = abs(mother_pdg[n]) in (PDG_B, PDG_B0) if species < PDG_PION else m == b
            is_signal[n] = 1 if of_b and abs(kaon_pdg[n]) == species else 0


def has_truth(events: Events) -> bool:
    """True when the events carry generated particles and the matching of tracks to them."""
    return "MCParticles" in events.lists and "mcIndex" in events["Tracks"].columns


def match_signal(events: Events, index: Index, signal: Index, species: str = "kaon") -> Columns:
    """Truth columns of candidates, see ``TRUTH`` in :mod:`openbfactory.reconstruct.variables`.

    Parameters
    ----------
    events
        Events with truth.
    index, signal : (n,) int64
        Events of the candidates and rows of their signal tracks in ``Tracks``.
    species
        Species of the signal track, a name in :data:`SPECIES`.
    """
    truth, n = events["MCParticles"], len(index)
    p4 = np.ascontiguousarray(np.column_stack([truth[c] for c in ("E", "px", "py", "pz")]), np.float64)
    found, code, mother = (np.zeros(n, np.int64) for _ in range(3))
    q2 = np.empty(n)
    _match(index, events["Tracks"]["mcIndex"][signal].astype(np.int64), truth.offsets, truth["PDG"].astype(np.int64),
           truth["mother"].astype(np.int64), p4, SPECIES[species], found, code, mother, q2)
    return {"mcIsSignal": found != 0, "mcKaonPDG": code.astype(np.int32), "mcMotherPDG": mother.astype(np.int32),
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
        found[event] = _signal_decay(offsets[event], offsets[event + 1], pdg, mother, p4, PDG_KAON)[1]
    return found


@njit(cache=True, error_model="numpy")
def _found_and_lost(offsets: Index, columns: tuple[npt.NDArray[np.float64], ...], pdg: npt.NDArray[np.int32],
                    status: npt.NDArray[np.int32], has_track: npt.NDArray[np.bool_],
                    cuts: npt.NDArray[np.float64], found: Index, lost: Index) -> None:
    """Count charged particles; ``cuts`` is pT, theta low and high, distance of the vertex to the z axis."""
    px, py, pz, x, y = columns
    for event in range(len(found)):
        for i in range(offsets[event], offsets[event + 1]):
            code = abs(pdg[i])
            if status[i] != 1 or not (code == 211 or code == 321 or code == 11 or code == 13 or code == 2212):
                continue
            across = math.hypot(px[i], py[i])
            theta = math.atan2(across, pz[i])
            if across < cuts[0] or theta < cuts[1] or theta > cuts[2] or math.hypot(x[i], y[i]) > cuts[3]:
                continue
            if has_track[i]:
                found[event] += 1
            else:
                lost[event] += 1


def found_and_lost(events: Events, pt_min: float, theta_min: float, theta_max: float,
                   radius_max: float = 1.0) -> tuple[Index, Index]:
    """Numbers of generated charged particles in acceptance with and without a track in each event, (n,) each.

    Parameters
    ----------
    events
        Events with truth and Tracks.
    pt_min, theta_min, theta_max
        Acceptance [GeV, rad].
    radius_max
        Largest distance of the production vertex to the z axis [cm].
    """
    truth, tracks = events["MCParticles"], events["Tracks"]
    local = tracks["mcIndex"].astype(np.int64)
    rows = local + np.repeat(truth.offsets[:-1], tracks.counts)
    has_track = np.zeros(truth.size, np.bool_)
    has_track[rows[local >= 0]] = True
    found, lost = np.zeros(len(events), np.int64), np.zeros(len(events), np.int64)
    columns = tuple(np.ascontiguousarray(truth[name], np.float64) for name in ("px", "py", "pz", "x", "y"))
    _found_and_lost(truth.offsets, columns, truth["PDG"], truth["status"], has_track,
                    np.array([pt_min, theta_min, theta_max, radius_max]), found, lost)
    return found, lost
