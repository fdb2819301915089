"""K_S -> pi+ pi- from pairs of tracks with a common displaced vertex.

Method: all pairs of opposite charge; the crossing of the two circles
(:func:`openbfactory.kinematics.treestart.crossing`) starts a vertex fit;
mass, vertex probability, pointing and proper flight time ``t = m L.p / p^2 c``
(from the interaction point) must pass the cuts.  Pairs that share a track
compete: the one nearest to the K_S mass wins.

Approximation: all tracks enter, whatever their distance to the interaction
point; the tracks of an accepted K_S leave the list of good tracks and the K_S
enters as one neutral particle.  No veto against Lambda or conversions.  Only
pairs whose mass before the fit is within ``PREFIT_WINDOW`` of the cuts are
fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm, speed_of_light
from openbfactory.kinematics.helix import perigee_at
from openbfactory.kinematics.treestart import crossing
from openbfactory.kinematics.vertexfit import NO_PRIOR, OK, WORK, chi2_probability, fit_one, refit_momentum
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.tracks import TrackList

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: half-width [GeV] added to the mass window before the fit
PREFIT_WINDOW = 0.03
PDG_KS, PDG_PION = 310, 211


@dataclass(frozen=True, slots=True)
class KShortList:
    """Accepted K_S candidates, no two sharing a track.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Candidates of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    p4 : (k, 4) float64
        E, px, py, pz [GeV] of the refitted pions, lab frame.
    vertex : (k, 3) float64
        Decay vertex [cm].
    daughters : (k, 2) int64
        Rows of the positive and negative track.
    used : (tracks,) bool
        Tracks that belong to a candidate.
    """

    offsets: Index
    p4: Array
    vertex: Array
    daughters: Index
    used: Mask


@njit(cache=True, error_model="numpy")
def _start(h1: Array, h2: Array, field: float, m_pi: float, start: Array) -> float:
    """Fill ``start`` with the point where two tracks come together; returns their mass there, NaN without one."""
    if math.isnan(crossing(h1, h2, start)):
        return math.nan
    _, phi1, _ = perigee_at(h1[0], h1[1], h1[2], start[0], start[1])
    _, phi2, _ = perigee_at(h2[0], h2[1], h2[2], start[0], start[1])
    pt1 = field * pt_per_tesla_cm / abs(h1[2])
    pt2 = field * pt_per_tesla_cm / abs(h2[2])
    e1 = math.sqrt(m_pi * m_pi + pt1 * pt1 * (1.0 + h1[4] * h1[4]))
    e2 = math.sqrt(m_pi * m_pi + pt2 * pt2 * (1.0 + h2[4] * h2[4]))
    product = e1 * e2 - pt1 * pt2 * (math.cos(phi1 - phi2) + h1[4] * h2[4])
    return math.sqrt(2.0 * (m_pi * m_pi + product))


@njit(cache=True, error_model="numpy")
def _judge(helix: Array, cov: Array, pair: Index, start: Array, ip: Array, field: float, m_pi: float, cuts: Array,
           prior: Array, vertex: Array, vertex_cov: Array, work: Array, p: Array) -> float:
    """Mass of a pair after the fit if it passes all cuts, else NaN; fills ``vertex`` and ``p`` (4,)."""
    chi2, ndf, state = fit_one(helix, cov, pair, start, start, prior, vertex, vertex_cov, work)
    if state != OK or not chi2_probability(chi2, ndf) > cuts[2]:
        return math.nan
    for a in range(4):
        p[a] = 0.0
    for j in range(2):
        px, py, pz = refit_momentum(helix[pair[j]], work[j], vertex, field)
        p[0] += math.sqrt(m_pi * m_pi + px * px + py * py + pz * pz)
        p[1] += px
        p[2] += py
        p[3] += pz
    p2 = p[1] * p[1] + p[2] * p[2] + p[3] * p[3]
    m = math.sqrt(max(p[0] * p[0] - p2, 0.0))
    x, y, z = vertex[0] - ip[0], vertex[1] - ip[1], vertex[2] - ip[2]
    along = x * p[1] + y * p[2] + z * p[3]
    distance = math.sqrt((x * x + y * y + z * z) * p2)
    flight_time = m * along / (p2 * speed_of_light)
    if m > cuts[0] and m < cuts[1] and along > cuts[3] * distance and flight_time > cuts[4]:
        return m
    return math.nan


@njit(cache=True, error_model="numpy")
def _nearest(n: int, distance: Array, rows: Index, used: Mask) -> int:
    """Candidate of the smallest distance whose tracks are both free, -1 for none."""
    best = -1
    for i in range(n):
        if not (used[rows[i, 0]] or used[rows[i, 1]]) and (best < 0 or distance[i] < distance[best]):
            best = i
    return best


@njit(cache=True, error_model="numpy")
def _find(offsets: Index, helix: Array, cov: Array, charge: Index, ip: Array, field: float, m_pi: float, m_ks: float,
          cuts: Array, prior: Array, daughters: Index, p4: Array, vertices: Array, used: Mask, counts: Index) -> int:
    """Fill the columns of :class:`KShortList`; returns the number of candidates."""
    longest = 0
    for e in range(len(offsets) - 1):
        longest = max(longest, offsets[e + 1] - offsets[e])
    pairs = longest * longest // 4 + 1
    rows = np.empty((pairs, 2), np.int64)
    distance = np.empty(pairs)
    found_p = np.empty((pairs, 4))
    found_v = np.empty((pairs, 3))
    start = np.empty(3)
    vertex_cov = np.empty((3, 3))
    work = np.empty((2, WORK))
    total = 0
    for e in range(len(offsets) - 1):
        n = 0
        for i in range(offsets[e], offsets[e + 1]):
            if charge[i] <= 0:
                continue
            for j in range(offsets[e], offsets[e + 1]):
                if charge[j] >= 0:
                    continue
                m = _start(helix[i], helix[j], field, m_pi, start)
                if not (m > cuts[0] - PREFIT_WINDOW and m < cuts[1] + PREFIT_WINDOW):
                    continue
                rows[n, 0] = i
                rows[n, 1] = j
                m = _judge(helix, cov, rows[n], start, ip, field, m_pi, cuts, prior, found_v[n], vertex_cov, work,
                           found_p[n])
                distance[n] = abs(m - m_ks)
                if not math.isnan(m):
                    n += 1
        before = total
        for _ in range(n):
            best = _nearest(n, distance, rows, used)
            if best < 0:
                break
            for a in range(2):
                used[rows[best, a]] = True
                daughters[total, a] = rows[best, a]
            for a in range(3):
                vertices[total, a] = found_v[best, a]
            for a in range(4):
                p4[total, a] = found_p[best, a]
            total += 1
        counts[e] = total - before
    return total


def find_kshort(tracks: TrackList, config: InclusiveTagConfig, ip: Array) -> KShortList:
    """K_S candidates of every event.

    Parameters
    ----------
    tracks
        All tracks.
    config
        Cuts.
    ip : (3,) float64
        Interaction point [cm].
    """
    n = len(tracks.charge)
    most = n // 2 + 1
    daughters, p4, vertex = np.empty((most, 2), np.int64), np.empty((most, 4)), np.empty((most, 3))
    used, counts = np.zeros(n, np.bool_), np.zeros(len(tracks.offsets) - 1, np.int64)
    cuts = np.array([config.ks_mass_min, config.ks_mass_max, config.ks_p_value_min, config.ks_cos_pointing_min,
                     config.ks_flight_time_min])
    total = _find(tracks.offsets, tracks.helix, tracks.covariance, tracks.charge, ip, config.magnetic_field,
                  mass(PDG_PION), mass(PDG_KS), cuts, NO_PRIOR, daughters, p4, vertex, used, counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return KShortList(offsets, p4[:total].copy(), vertex[:total].copy(), daughters[:total].copy(), used)
