"""Tracks: momenta at the interaction point, identity, and the list of good ones.

Identity is that of basf2: ``xID = L_x / (L_e + L_mu + L_pi + L_K + L_p + L_d)``
from the combined log-likelihoods.  The mass of a track is that of its
likeliest hypothesis among e, mu, pi, K, p (or always that of the pion, as
configured); which of the two the published analysis used is not known here.

Good tracks: pT, dr and dz relative to the interaction point, polar angle and
energy within the cuts.  A track with a parameter that is not finite is never
good; nor is one whose likelihoods are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.events.record import Jagged
from openbfactory.kinematics.helix import STRAIGHT, perigee_at
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.config import InclusiveTagConfig

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: hypotheses in the order of the likelihood columns, and their PDG codes
HYPOTHESES: tuple[str, ...] = ("e", "mu", "pi", "K", "p", "d")
HYPOTHESIS_PDG: tuple[int, ...] = (11, 13, 211, 321, 2212)
ELECTRON, MUON, PION, KAON = 0, 1, 2, 3
HELIX: tuple[str, ...] = ("d0", "phi0", "omega", "z0", "tanLambda")


@dataclass(frozen=True, slots=True)
class TrackList:
    """Every track of every event with what reconstruction derives from it.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Tracks of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    helix, covariance : (n, 5), (n, 15) float64
        Parameters relative to the origin and their covariance, as in the event data model.
    charge, nPXDHits : (n,) int64
        Charge and pixel hits.
    p4 : (n, 4) float64
        E, px, py, pz [GeV] at the POCA to the interaction point, lab frame.
    d0, dz : (n,) float64
        Signed transverse distance and z distance of the POCA to the interaction point [cm].
    pid : (n, 6) float64
        Identity fractions in the order of ``HYPOTHESES``.
    hypothesis : (n,) int64
        Hypothesis whose mass ``p4`` has.
    good : (n,) bool
        Passes the track cuts.
    """

    offsets: Index
    helix: Array
    covariance: Array
    charge: Index
    nPXDHits: Index
    p4: Array
    d0: Array
    dz: Array
    pid: Array
    hypothesis: Index
    good: Mask


def masses() -> Array:
    """Masses (5,) [GeV] of the hypotheses e, mu, pi, K, p."""
    return np.array([mass(code) for code in HYPOTHESIS_PDG])


@njit(cache=True, error_model="numpy")
def _fractions(log_likelihood: Array, fraction: Array) -> int:
    """Fill ``fraction`` (6,) with L / sum L; returns the likeliest of the first five, -1 if one is not a number."""
    largest = -math.inf
    best = -1
    for k in range(6):
        if math.isnan(log_likelihood[k]) or log_likelihood[k] == math.inf:
            best = -2
        if log_likelihood[k] > largest:
            largest = log_likelihood[k]
        if best != -2 and k < 5 and (best == -1 or log_likelihood[k] > log_likelihood[best]):
            best = k
    if best == -2 or largest == -math.inf:
        for k in range(6):
            fraction[k] = math.nan
        return -1
    total = 0.0
    for k in range(6):
        fraction[k] = math.exp(log_likelihood[k] - largest)
        total += fraction[k]
    for k in range(6):
        fraction[k] /= total
    return best


@njit(cache=True, error_model="numpy")
def _fill_tracks(helix: Array, log_likelihood: Array, ip: Array, field: float, mass_of: Array, always_pion: bool,
                 cuts: Array, p4: Array, d0: Array, dz: Array, pid: Array, hypothesis: Index, good: Mask) -> None:
    """Fill the derived columns of :class:`TrackList`; ``cuts`` is pT, |d0|, |dz|, E, theta low and high."""
    for i in range(len(helix)):
        omega = helix[i, 2]
        d, phi, s = perigee_at(helix[i, 0], helix[i, 1], omega, ip[0], ip[1])
        pt = field * pt_per_tesla_cm / max(abs(omega), STRAIGHT)
        tanl = helix[i, 4]
        best = _fractions(log_likelihood[i], pid[i])
        kind = PION if best < 0 or always_pion else best
        m = mass_of[kind]
        d0[i] = d
        dz[i] = helix[i, 3] + s * tanl - ip[2]
        p4[i, 0] = math.sqrt(m * m + pt * pt * (1.0 + tanl * tanl))
        p4[i, 1] = pt * math.cos(phi)
        p4[i, 2] = pt * math.sin(phi)
        p4[i, 3] = pt * tanl
        hypothesis[i] = kind
        theta = math.atan2(1.0, tanl)
        good[i] = (best >= 0 and pt > cuts[0] and abs(d) < cuts[1] and abs(dz[i]) < cuts[2] and p4[i, 0] < cuts[3]
                   and theta > cuts[4] and theta < cuts[5])


def track_list(tracks: Jagged, likelihoods: Jagged, config: InclusiveTagConfig, ip: Array) -> TrackList:
    """Every track with momentum, identity and the mark of the good ones.

    Parameters
    ----------
    tracks, likelihoods
        ``Tracks`` and ``PIDLikelihoods`` of the events, of equal length.
    config
        Cuts.
    ip : (3,) float64
        Interaction point [cm].
    """
    helix = np.column_stack([tracks[name] for name in HELIX])
    log_likelihood = np.column_stack([likelihoods[f"logL_{name}"] for name in HYPOTHESES])
    n = len(helix)
    found = TrackList(
        tracks.offsets, np.ascontiguousarray(helix, np.float64), np.ascontiguousarray(tracks["cov"], np.float64),
        tracks["charge"].astype(np.int64), tracks["nPXDHits"].astype(np.int64), np.empty((n, 4)), np.empty(n),
        np.empty(n), np.empty((n, 6)), np.empty(n, np.int64), np.empty(n, np.bool_))
    cuts = np.array([config.track_pt_min, config.track_dr_max, config.track_dz_max, config.track_energy_max,
                     config.theta_min, config.theta_max])
    _fill_tracks(found.helix, np.ascontiguousarray(log_likelihood, np.float64), ip, config.magnetic_field, masses(),
                 config.mass_hypothesis == "pion", cuts, found.p4, found.d0, found.dz, found.pid, found.hypothesis,
                 found.good)
    return found
