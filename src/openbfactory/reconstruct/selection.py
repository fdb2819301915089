"""Event sums and the signal kaon: the cheap part of the inclusive tag, for every event.

The signal kaon is the selected track with kaonID and pixel hits above the cuts
that gives the lowest q2_rec, which is the one with the largest c.m. energy.
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
from openbfactory.reconstruct.tracks import ELECTRON, KAON, MUON, TrackList

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: columns of the counts
TRACKS, LEPTONS, CHARGE, PHOTONS, KSHORT = range(5)


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
    kaon : (n,) int64
        Row of the signal kaon among the tracks, -1 without one.
    """

    counts: Index
    visible: Array
    thetaMiss: Array
    kaon: Index


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
                m_kaon: float, cuts: Array, counts: Index, visible: Array) -> int:
    """Add the selected tracks of one event; returns the row of the signal kaon or -1."""
    best = -1
    largest = -math.inf
    for i in range(begin, end):
        if not good[i]:
            continue
        counts[TRACKS] += 1
        counts[CHARGE] += charge[i]
        counts[LEPTONS] += 1 if pid[i, ELECTRON] > cuts[2] or pid[i, MUON] > cuts[3] else 0
        _add(p4, i, visible)
        if pid[i, KAON] > cuts[0] and pxd[i] >= cuts[1]:
            p2 = p4[i, 1] ** 2 + p4[i, 2] ** 2 + p4[i, 3] ** 2
            energy = (beam[0] * math.sqrt(m_kaon * m_kaon + p2) - beam[1] * p4[i, 1] - beam[2] * p4[i, 2]
                      - beam[3] * p4[i, 3])
            if energy > largest:
                largest = energy
                best = i
    return best


@njit(cache=True, error_model="numpy")
def _fill_sums(track_offsets: Index, good: Mask, p4: Array, charge: Index, pid: Array, pxd: Index,
               photon_offsets: Index, photon_good: Mask, photon_p4: Array, ks_offsets: Index, ks_p4: Array,
               beam: Array, m_kaon: float, cuts: Array, counts: Index, visible: Array, theta: Array,
               kaon: Index) -> None:
    """Fill the columns of :class:`EventSums`; ``cuts`` is kaonID, pixel hits, electronID, muonID."""
    for e in range(len(kaon)):
        kaon[e] = _sum_tracks(track_offsets[e], track_offsets[e + 1], good, p4, charge, pid, pxd, beam, m_kaon, cuts,
                              counts[e], visible[e])
        for i in range(photon_offsets[e], photon_offsets[e + 1]):
            if photon_good[i]:
                counts[e, PHOTONS] += 1
                _add(photon_p4, i, visible[e])
        for i in range(ks_offsets[e], ks_offsets[e + 1]):
            counts[e, KSHORT] += 1
            _add(ks_p4, i, visible[e])
        x, y, z = beam[1] - visible[e, 1], beam[2] - visible[e, 2], beam[3] - visible[e, 3]
        theta[e] = math.atan2(math.sqrt(x * x + y * y), z)


def event_sums(tracks: TrackList, prompt: Mask, photons: PhotonList, kshort: KShortList, beam: Array, m_kaon: float,
               config: InclusiveTagConfig) -> EventSums:
    """Sums and the signal kaon of every event.

    Parameters
    ----------
    tracks, prompt
        All tracks, and the mask (tracks,) of the selected ones.
    photons, kshort
        The neutral objects.
    beam : (4,) float64
        Four-momentum of the collision [GeV], lab frame.
    m_kaon
        Kaon mass [GeV].
    config
        Cuts.
    """
    n = len(tracks.offsets) - 1
    sums = EventSums(np.zeros((n, 5), np.int64), np.zeros((n, 4)), np.empty(n), np.empty(n, np.int64))
    cuts = np.array([config.kaon_id_min, config.kaon_pxd_hits_min, config.electron_id_min, config.muon_id_min])
    _fill_sums(tracks.offsets, prompt, tracks.p4, tracks.charge, tracks.pid, tracks.nPXDHits, photons.offsets,
               photons.good, photons.p4, kshort.offsets, kshort.p4, beam, m_kaon, cuts, sums.counts, sums.visible,
               sums.thetaMiss, sums.kaon)
    return sums


def cut_masks(sums: EventSums, config: InclusiveTagConfig) -> dict[str, Mask]:
    """Mask (n,) of each event cut by name, in the order in which they are applied."""
    tracks, energy, theta = sums.counts[:, TRACKS], sums.visible[:, 0], sums.thetaMiss
    return {
        "nTracks": (tracks >= config.n_tracks_min) & (tracks <= config.n_tracks_max),
        "visibleEnergy": energy > config.visible_energy_min,
        "thetaMiss": (theta > config.theta_miss_min) & (theta < config.theta_miss_max),
        "signalKaon": sums.kaon >= 0,
    }


@dataclass(frozen=True, slots=True)
class Particles:
    """Selected objects of the surviving events in the c.m. frame, the signal kaon first.

    Attributes
    ----------
    begin, end : (n,) int64
        Objects of event ``i`` are the rows ``begin[i]:end[i]``.
    p4 : (m, 4) float64
        E, px, py, pz [GeV], c.m. frame.
    charge : (m,) int64
        Charge.
    ptVariance : (n,) float64
        Variance of the lab transverse momenta of the tracks but the kaon [GeV^2], NaN without any.
    """

    begin: Index
    end: Index
    p4: Array
    charge: Index
    ptVariance: Array


@njit(cache=True, error_model="numpy")
def _pt_variance(begin: int, end: int, good: Mask, p4: Array, kaon: int) -> float:
    """Variance [GeV^2] of the transverse momenta of the selected tracks but the kaon, NaN without any."""
    n = 0
    mean = 0.0
    squares = 0.0
    for i in range(begin, end):
        if good[i] and i != kaon:
            n += 1
            pt = math.sqrt(p4[i, 1] * p4[i, 1] + p4[i, 2] * p4[i, 2])
            step = pt - mean
            mean += step / n
            squares += step * (pt - mean)
    return squares / n if n > 0 else math.nan


@njit(cache=True, error_model="numpy")
def _fill_particles(events: Index, kaon: Index, track_offsets: Index, good: Mask, p4: Array, track_charge: Index,
                    photon_offsets: Index, photon_good: Mask, photon_p4: Array, ks_offsets: Index, ks_p4: Array,
                    beam: Array, m_kaon: float, begin: Index, out: Array, charge: Index, variance: Array) -> None:
    """Fill the columns of :class:`Particles`."""
    sqrt_s = math.sqrt(beam[0] ** 2 - beam[1] ** 2 - beam[2] ** 2 - beam[3] ** 2)
    signal = np.empty(4)
    for n in range(len(events)):
        e = events[n]
        k = kaon[n]
        row = begin[n]
        signal[0] = math.sqrt(m_kaon * m_kaon + p4[k, 1] ** 2 + p4[k, 2] ** 2 + p4[k, 3] ** 2)
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
                  kshort: KShortList, beam: Array, m_kaon: float) -> Particles:
    """Objects of the events with the given indices in the c.m. frame; arguments as of :func:`event_sums`."""
    sizes = sums.counts[events][:, [TRACKS, PHOTONS, KSHORT]].sum(axis=1)
    end = np.cumsum(sizes).astype(np.int64)
    found = Particles(end - sizes, end, np.empty((int(sizes.sum()), 4)), np.empty(int(sizes.sum()), np.int64),
                      np.empty(len(events)))
    _fill_particles(events, sums.kaon[events], tracks.offsets, prompt, tracks.p4, tracks.charge, photons.offsets,
                    photons.good, photons.p4, kshort.offsets, kshort.p4, beam, m_kaon, found.begin, found.p4,
                    found.charge, found.ptVariance)
    return found
