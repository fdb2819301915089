"""Covariances of momenta: of tracks from their helices, of fitted particles from the fit, of others by summing.

Approximation: the daughters of a composite that was not fitted count as
uncorrelated.  Clusters have no covariance in the event data model, so what
holds a photon has NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.particles import COMPOSITE, TRACK

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
#: places of (phi0, omega, tanLambda) pairs in the upper triangle of the helix covariance
_PLACES = ((5, 6, 8), (6, 9, 11), (8, 11, 14))


def momentum_covariance(owner: Reconstruction, rows: Index) -> Array:
    """Covariances (n, 4, 4) [GeV^2] of (px, py, pz, E) in the laboratory, NaN where they are not known."""
    particles = owner.particles
    found = np.full((len(rows), 4, 4), np.nan)
    kind, fit = particles["kind"][rows], particles["fit"][rows]
    tracks = np.flatnonzero(kind == TRACK)
    found[tracks] = _of_tracks(owner, rows[tracks])
    fitted = np.flatnonzero(fit >= 0)
    if len(fitted):
        found[fitted] = np.stack([particles.covariances[i] for i in fit[fitted]])[:, :4, :4]
    others = np.flatnonzero((kind == COMPOSITE) & (fit < 0))
    if len(others):
        daughters = particles.daughters[rows[others]]
        total = np.zeros((len(others), 4, 4))
        for column in daughters.T:
            there = column >= 0
            if there.any():
                total[there] += momentum_covariance(owner, column[there])
        found[others] = total
    return found


def _of_tracks(owner: Reconstruction, rows: Index) -> Array:
    """Covariances (n, 4, 4) of track momenta: the helix's, through px = pt cos phi0, py = pt sin phi0, pz = pt tan."""
    track = owner.particles["row"][rows]
    p4 = owner.particles["p4"][rows]
    omega = owner.helices()[track, 2]
    cov = owner.events["Tracks"]["cov"][track]
    helix = np.stack([np.stack([cov[:, place] for place in line], axis=1) for line in _PLACES], axis=1)
    energy, px, py, pz = p4.T
    pt = np.hypot(px, py)
    zero = np.zeros(len(rows))
    jacobian = np.stack([
        np.stack([-py, -px / omega, zero], axis=1), np.stack([px, -py / omega, zero], axis=1),
        np.stack([zero, -pz / omega, pt], axis=1),
        np.stack([zero, -(pt * pt + pz * pz) / (omega * energy), pz * pt / energy], axis=1)], axis=1)
    return np.einsum("nai,nij,nbj->nab", jacobian, helix, jacobian)
