"""Covariances of momenta: of tracks from helices, of photons from the card, of fitted particles from the fit.

Approximation: the daughters of a composite that was not fitted count as
uncorrelated.  The covariance of a photon is the resolution of the card at its
energy; without a card, and for K_L, it is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.particles import COMPOSITE, ECL_CLUSTER, TRACK

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
PHOTON = 22
#: places of (phi0, omega, tanLambda) pairs in the upper triangle of the helix covariance
_PLACES = ((5, 6, 8), (6, 9, 11), (8, 11, 14))


def momentum_covariance(owner: Reconstruction, rows: Index) -> Array:
    """Covariances (n, 4, 4) [GeV^2] of (px, py, pz, E) in the laboratory, NaN where they are not known."""
    particles = owner.particles
    found = np.full((len(rows), 4, 4), np.nan)
    kind, fit = particles["kind"][rows], particles["fit"][rows]
    tracks = np.flatnonzero(kind == TRACK)
    found[tracks] = _of_tracks(owner, rows[tracks])
    measured = owner.cluster_measurements()
    photons = np.flatnonzero((kind == ECL_CLUSTER) & (particles["pdg"][rows] == PHOTON))
    if measured is not None and len(photons):
        found[photons] = _of_photons(particles["p4"][rows[photons]], measured[1][particles["row"][rows[photons]]])
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


def _of_photons(p4: Array, upper: Array) -> Array:
    """Covariances (n, 4, 4) of photon momenta from those of energy, theta and phi, given as upper triangles (n, 6)."""
    energy, px, py, pz = p4.T
    pt = np.hypot(px, py)
    zero, one = np.zeros(len(p4)), np.ones(len(p4))
    jacobian = np.stack([
        np.stack([px / energy, pz * px / pt, -py], axis=1), np.stack([py / energy, pz * py / pt, px], axis=1),
        np.stack([pz / energy, -pt, zero], axis=1), np.stack([one, zero, zero], axis=1)], axis=1)
    cov = np.empty((len(p4), 3, 3))
    for place, (i, j) in enumerate(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))):
        cov[:, i, j] = cov[:, j, i] = upper[:, place]
    return np.einsum("nai,nij,nbj->nab", jacobian, cov, jacobian)


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
