"""Vertices around the signal kaon: the tag vertex and the charm veto.

Tag vertex: all selected tracks but the kaon, with the interaction region as an
optional constraint.  Charm veto: D0 candidates are the kaon and one selected
track of opposite charge, D+ candidates the kaon and two of them (the charges
of K- pi+ and K- pi+ pi+); the best candidate has the largest vertex
probability, its mass comes from the refitted momenta with the pion mass for
the tracks.  Fits that fail are counted and leave NaN.

Approximation: no robust weights, so tracks of long-lived daughters pull the
tag vertex and lower its probability, as displaced tracks do in data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.helix import perigee_at
from openbfactory.kinematics.vertexfit import NO_PRIOR, OK, WORK, chi2_probability, fit_one, refit_momentum
from openbfactory.reconstruct.tracks import TrackList

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: columns of the kernel, names as in :mod:`openbfactory.reconstruct.variables`
COLUMNS: tuple[str, ...] = (
    "roeVertexDx", "roeVertexDz", "roeVertexPValue", "drToTagVertex", "dzToTagVertex",
    "DzeroM", "DzeroVertexChi2", "DzeroMedianPValue", "DplusM", "DplusVertexChi2", "DplusVertexDr",
)
#: fits that are counted
FITS: tuple[str, ...] = ("roeVertex", "Dzero", "Dplus")


@dataclass(frozen=True, slots=True)
class CandidateVertices:
    """Results of the vertex fits of each candidate.

    Attributes
    ----------
    columns
        Name to array (n,), NaN where there is no good fit.
    roeVertexState : (n,) int64
        State of the tag-vertex fit.
    failed
        Number of failed fits by kind.
    """

    columns: dict[str, Array]
    roeVertexState: Index
    failed: dict[str, int]


@njit(cache=True, error_model="numpy")
def _tag_vertex(helix: Array, cov: Array, members: Index, kaon: int, ip: Array, prior: Array, vertex: Array,
                vertex_cov: Array, work: Array, out: Array) -> int:
    """Fill the five columns of the tag vertex; returns the state of the fit."""
    chi2, ndf, state = fit_one(helix, cov, members, ip, ip, prior, vertex, vertex_cov, work)
    if state != OK:
        return state
    h = helix[kaon]
    d, _, s = perigee_at(h[0], h[1], h[2], vertex[0], vertex[1])
    out[0] = vertex[0] - ip[0]
    out[1] = vertex[2] - ip[2]
    out[2] = chi2_probability(chi2, ndf)
    out[3] = abs(d)
    out[4] = h[3] + s * h[4] - vertex[2]
    return state


@njit(cache=True, error_model="numpy")
def _mass(helix: Array, members: Index, vertex: Array, work: Array, field: float, m_kaon: float,
          m_pion: float) -> float:
    """Mass [GeV] of the fitted tracks: the first a kaon, the others pions."""
    e = 0.0
    x = 0.0
    y = 0.0
    z = 0.0
    for j in range(len(members)):
        px, py, pz = refit_momentum(helix[members[j]], work[j], vertex, field)
        m = m_kaon if j == 0 else m_pion
        e += math.sqrt(m * m + px * px + py * py + pz * pz)
        x += px
        y += py
        z += pz
    return math.sqrt(max(e * e - x * x - y * y - z * z, 0.0))


@njit(cache=True, error_model="numpy")
def _best_dzero(helix: Array, cov: Array, opposite: Index, kaon: int, ip: Array, prior: Array, field: float,
                m_kaon: float, m_pion: float, vertex: Array, vertex_cov: Array, work: Array, p_values: Array,
                out: Array) -> int:
    """Fill mass, chi2 and median probability of the D0 candidates; returns the number of failed fits."""
    pair = np.empty(2, np.int64)
    pair[0] = kaon
    good = 0
    best = math.inf
    for i in range(len(opposite)):
        pair[1] = opposite[i]
        chi2, ndf, state = fit_one(helix, cov, pair, ip, ip, prior, vertex, vertex_cov, work)
        if state != OK:
            continue
        place = good
        value = chi2_probability(chi2, ndf)
        while place > 0 and p_values[place - 1] > value:
            p_values[place] = p_values[place - 1]
            place -= 1
        p_values[place] = value
        good += 1
        if chi2 < best:
            best = chi2
            out[5] = _mass(helix, pair, vertex, work, field, m_kaon, m_pion)
            out[6] = chi2
    if good > 0:
        out[7] = 0.5 * (p_values[(good - 1) // 2] + p_values[good // 2])
    return len(opposite) - good


@njit(cache=True, error_model="numpy")
def _best_dplus(helix: Array, cov: Array, opposite: Index, kaon: int, ip: Array, prior: Array, field: float,
                m_kaon: float, m_pion: float, vertex: Array, vertex_cov: Array, work: Array, out: Array) -> int:
    """Fill mass, chi2 and radius of the best D+ candidate; returns the number of failed fits."""
    triple = np.empty(3, np.int64)
    triple[0] = kaon
    failed = 0
    best = math.inf
    for i in range(len(opposite)):
        for j in range(i):
            triple[1] = opposite[i]
            triple[2] = opposite[j]
            chi2, _, state = fit_one(helix, cov, triple, ip, ip, prior, vertex, vertex_cov, work)
            if state != OK:
                failed += 1
            elif chi2 < best:
                best = chi2
                out[8] = _mass(helix, triple, vertex, work, field, m_kaon, m_pion)
                out[9] = chi2
                out[10] = math.sqrt((vertex[0] - ip[0]) ** 2 + (vertex[1] - ip[1]) ** 2)
    return failed


@njit(cache=True, error_model="numpy")
def _fill_vertices(events: Index, kaon: Index, offsets: Index, prompt: Mask, charge: Index, helix: Array, cov: Array,
                   ip: Array, prior: Array, no_prior: Array, field: float, m_kaon: float,
                   m_pion: float, out: Array, state: Index, failed: Index) -> None:
    """Fill the columns, the states of the tag vertex and the three counts of failed fits."""
    longest = 3
    for e in events:
        longest = max(longest, offsets[e + 1] - offsets[e])
    work = np.empty((longest, WORK))
    members = np.empty(longest, np.int64)
    opposite = np.empty(longest, np.int64)
    p_values = np.empty(longest)
    vertex = np.empty(3)
    vertex_cov = np.empty((3, 3))
    for n in range(len(events)):
        k = kaon[n]
        others = 0
        against = 0
        for i in range(offsets[events[n]], offsets[events[n] + 1]):
            if not prompt[i] or i == k:
                continue
            members[others] = i
            others += 1
            if charge[i] * charge[k] < 0:
                opposite[against] = i
                against += 1
        state[n] = _tag_vertex(helix, cov, members[:others], k, ip, prior, vertex, vertex_cov, work, out[n])
        failed[0] += 1 if state[n] != OK else 0
        failed[1] += _best_dzero(helix, cov, opposite[:against], k, ip, no_prior, field, m_kaon, m_pion, vertex,
                                 vertex_cov, work, p_values, out[n])
        failed[2] += _best_dplus(helix, cov, opposite[:against], k, ip, no_prior, field, m_kaon, m_pion, vertex,
                                 vertex_cov, work, out[n])


def candidate_vertices(events: Index, kaon: Index, tracks: TrackList, prompt: Mask, ip: Array,
                       ip_covariance: Array | None, field: float, m_kaon: float, m_pion: float) -> CandidateVertices:
    """Tag vertex and charm veto of each candidate.

    Parameters
    ----------
    events, kaon : (n,) int64
        Events and rows of their signal kaons.
    tracks, prompt
        All tracks, and the mask of the selected ones.
    ip, ip_covariance : (3,), (3, 3) float64
        Interaction point [cm], and its covariance [cm^2] where the tag vertex is constrained to it.
    field
        Field along z [T].
    m_kaon, m_pion
        Masses [GeV].
    """
    out = np.full((len(events), len(COLUMNS)), np.nan)
    state, failed = np.empty(len(events), np.int64), np.zeros(3, np.int64)
    prior = NO_PRIOR if ip_covariance is None else np.linalg.inv(ip_covariance)
    _fill_vertices(events, kaon, tracks.offsets, prompt, tracks.charge, tracks.helix, tracks.covariance, ip, prior,
                   NO_PRIOR, field, m_kaon, m_pion, out, state, failed)
    return CandidateVertices({name: out[:, i].copy() for i, name in enumerate(COLUMNS)}, state,
                             {name: int(failed[i]) for i, name in enumerate(FITS)})
