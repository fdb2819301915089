"""Event sums and the signal track: the cheap part of the inclusive tag, for every event.

The signal track (the kaon of the measurement, or a pion, electron or muon in
control samples) is the selected track with identity and pixel hits above the
cuts that gives the lowest q2_rec, which is the one with the largest c.m. energy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.kshort import KShortList
from openbfactory.reconstruct.photons import PhotonList
from openbfactory.reconstruct.tracks import ELECTRON, KAON, MUON, PION, TrackList

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: columns of the counts
TRACKS, LEPTONS, CHARGE, PHOTONS, KSHORT = range(5)
#: hypothesis of each species of the signal track
SIGNAL_TRACKS = {"kaon": KAON, "pion": PION, "electron": ELECTRON, "muon": MUON}


@dataclass(frozen=True, slots=True)
class EventSums:
    """Sums over the selected objects of each event.

    Attributes
    ----------
    counts : (n, 5) int64
        Selected tracks, leptons, total charge, photons, K_S.
    visible : (n, 4) float64
        Sum of four-momenta [GeV], lab frame.
    thetaMiss : (n,) float64
        Polar angle of the missing momentum [rad], lab frame.
    signal : (n,) int64
        Row of the signal track among the tracks, -1 without one.
    """

    counts: Index
    visible: Array
    thetaMiss: Array
    signal: Index


@njit(cache=True, error_model="numpy")
def boost_to_rest(p: Array, frame: Array, mass: float, out: Array) -> None:
    """Fill ``out`` (4,) with ``p`` seen in the rest frame of ``frame`` (4,) of the given mass (pure boost)."""
    energy = (frame[0] * p[0] - frame[1] * p[1] - frame[2] * p[2] - frame[3] * p[3]) / mass
    factor = (p[0] + energy) / (frame[0] + mass)
    out[0] = energy
    for a in range(1, 4):
        out[a] = p[a] - factor * frame[a]


@njit(cache=True, error_model="numpy")
def _add(p: Array, row: int, total: Array) -> None:
    """Add one four-momentum to ``total``."""
    for a in range(4):
        total[a] += p[row, a]


@njit(cache=True, error_model="numpy")
def _sum_tracks(begin: int, end: int, good: Mask, p4: Array, charge: Index, pid: Array, pxd: Index, beam: Array,
                kind: int, m_signal: float, cuts: Array, counts: Index, visible: Array) -> int:
    """Add the selected tracks of one event; returns the row of the signal track (hypothesis ``kind``) or -1."""
    best = -1
    largest = -math.inf
    for i in range(begin, end):
        if not good[i]:
            continue
        counts[TRACKS] += 1
        counts[CHARGE] += charge[i]
        counts[LEPTONS] += 1 if pid[i, ELECTRON] > cuts[2] or pid[i, MUON] > cuts[3] else 0
        _add(p4, i, visible)
        if pid[i, kind] > cuts[0] and pxd[i] >= cuts[1]:
            p2 = p4[i, 1] ** 2 + p4[i, 2] ** 2 + p4[i, 3] ** 2
            energy = (beam[0] * math.sqrt(m_signal * m_signal + p2) - beam[1] * p4[i, 1] - beam[2] * p4[i, 2]
                      - beam[3] * p4[i, 3])
            if energy > largest:
                largest = energy
                best = i
    return best


@njit(cache=True, error_model="numpy")
def _fill_sums(track_offsets: Index, good: Mask, p4: Array, charge: Index, pid: Array, pxd: Index,
               photon_offsets: Index, photon_good: Mask, photon_p4: Array, ks_offsets: Index, ks_p4: Array,
               beam: Array, kind: int, m_signal: float, cuts: Array, counts: Index, visible: Array,
               theta: Array, signal: Index) -> None:
    """Fill the columns of :class:`EventSums`; ``cuts`` is signal identity, pixel hits, electronID, muonID."""
    for e in range(len(signal)):
        signal[e] = _sum_tracks(track_offsets[e], track_offsets[e + 1], good, p4, charge, pid, pxd, beam, kind,
                                m_signal, cuts, counts[e], visible[e])
        for i in range(photon_offsets[e], photon_offsets[e + 1]):
            if photon_good[i]:
                counts[e, PHOTONS] += 1
                _add(photon_p4, i, visible[e])
        for i in range(ks_offsets[e], ks_offsets[e + 1]):
            counts[e, KSHORT] += 1
            _add(ks_p4, i, visible[e])
        x, y, z = beam[1] - visible[e, 1], beam[2] - visible[e, 2], beam[3] - visible[e, 3]
        theta[e] = math.atan2(math.sqrt(x * x + y * y), z)


def event_sums(tracks: TrackList, prompt: Mask, photons: PhotonList, kshort: KShortList, beam: Array,
               m_signal: float, config: InclusiveTagConfig) -> EventSums:
    """Sums and the signal track of every event.

    Parameters
    ----------
    tracks, prompt
        All tracks, and the mask (tracks,) of the selected ones.
    photons, kshort
        The neutral objects.
    beam : (4,) float64
        Four-momentum of the collision [GeV], lab frame.
    m_signal
        Mass of the signal track [GeV].
    config
        Cuts.
    """
    n = len(tracks.offsets) - 1
    sums = EventSums(np.zeros((n, 5), np.int64), np.zeros((n, 4)), np.empty(n), np.empty(n, np.int64))
    cuts = np.array([config.signal_id_min, config.kaon_pxd_hits_min, config.electron_id_min, config.muon_id_min])
    _fill_sums(tracks.offsets, prompt, tracks.p4, tracks.charge, tracks.pid, tracks.nPXDHits, photons.offsets,
               photons.good, photons.p4, kshort.offsets, kshort.p4, beam, SIGNAL_TRACKS[config.signal_track], m_signal,
               cuts, sums.counts, sums.visible, sums.thetaMiss, sums.signal)
    return sums


def cut_masks(sums: EventSums, config: InclusiveTagConfig) -> dict[str, Mask]:
    """Mask (n,) of each event cut by name, in the order in which they are applied."""
    tracks, energy, theta = sums.counts[:, TRACKS], sums.visible[:, 0], sums.thetaMiss
    return {
        "nTracks": (tracks >= config.n_tracks_min) & (tracks <= config.n_tracks_max),
        "visibleEnergy": energy > config.visible_energy_min,
        "thetaMiss": (theta > config.theta_miss_min) & (theta < config.theta_miss_max),
        f"signal{config.signal_track.capitalize()}": sums.signal >= 0,
    }


@dataclass(frozen=True, slots=True)
class Particles:
    """Selected objects of the surviving events in the c.m. frame, the signal track first.

    Attributes
    ----------
    begin, end : (n,) int64
        Objects of event ``i`` are the rows ``begin[i]:end[i]``.
    p4 : (m, 4) float64
        E, px, py, pz [GeV], c.m. frame.
    charge : (m,) int64
        Charge.
    ptVariance : (n,) float64
        Variance of the lab transverse momenta of the tracks but the signal track [GeV^2], NaN without any.
    """

    begin: Index
    end: Index
    p4: Array
    charge: Index
    ptVariance: Array


@njit(cache=True, error_model="numpy")
def _pt_variance(begin: int, end: int, good: Mask, p4: Array, signal: int) -> float:
    """Variance [GeV^2] of the transverse momenta of the selected tracks but the signal track, NaN without any."""
    n = 0
    mean = 0.0
    squares = 0.0
    for i in range(begin, end):
        if good[i] and i != signal:
            n += 1
            pt = math.sqrt(p4[i, 1] * p4[i, 1] + p4[i, 2] * p4[i, 2])
            step = pt - mean
            mean += step / n
            squares += step * (pt - mean)
    return squares / n if n > 0 else math.nan


@njit(cache=True, error_model="numpy")
def _fill_particles(events: Index, tracks: Index, track_offsets: Index, good: Mask, p4: Array, track_charge: Index,
                    photon_offsets: Index, photon_good: Mask, photon_p4: Array, ks_offsets: Index, ks_p4: Array,
                    beam: Array, m_signal: float, begin: Index, out: Array, charge: Index, variance: Array) -> None:
    """Fill the columns of :class:`Particles`."""
    sqrt_s = math.sqrt(beam[0] ** 2 - beam[1] ** 2 - beam[2] ** 2 - beam[3] ** 2)
    signal = np.empty(4)
    for n in range(len(events)):
        e = events[n]
        k = tracks[n]
        row = begin[n]
        signal[0] = math.sqrt(m_signal * m_signal + p4[k, 1] ** 2 + p4[k, 2] ** 2 + p4[k, 3] ** 2)
        for a in range(1, 4):
            signal[a] = p4[k, a]
        boost_to_rest(signal, beam, sqrt_s, out[row])
        charge[row] = track_charge[k]
        variance[n] = _pt_variance(track_offsets[e], track_offsets[e + 1], good, p4, k)
        for i in range(track_offsets[e], track_offsets[e + 1]):
            if good[i] and i != k:
                row += 1
                boost_to_rest(p4[i], beam, sqrt_s, out[row])
                charge[row] = track_charge[i]
        for i in range(ks_offsets[e], ks_offsets[e + 1]):
            row += 1
            boost_to_rest(ks_p4[i], beam, sqrt_s, out[row])
            charge[row] = 0
        for i in range(photon_offsets[e], photon_offsets[e + 1]):
            if photon_good[i]:
                row += 1
                boost_to_rest(photon_p4[i], beam, sqrt_s, out[row])
                charge[row] = 0


def cms_particles(events: Index, sums: EventSums, tracks: TrackList, prompt: Mask, photons: PhotonList,
                  kshort: KShortList, beam: Array, m_signal: float) -> Particles:
    """Objects of the events with the given indices in the c.m. frame; arguments as of :func:`event_sums`."""
    sizes = sums.counts[events][:, [TRACKS, PHOTONS, KSHORT]].sum(axis=1)
    end = np.cumsum(sizes).astype(np.int64)
    found = Particles(end - sizes, end, np.empty((int(sizes.sum()), 4)), np.empty(int(sizes.sum()), np.int64),
                      np.empty(len(events)))
    _fill_particles(events, sums.signal[events], tracks.offsets, prompt, tracks.p4, tracks.charge, photons.offsets,
                    photons.good, photons.p4, kshort.offsets, kshort.p4, beam, m_signal, found.begin, found.p4,
                    found.charge, found.ptVariance)
    return found
