"""Fits of the candidates of a list: the tracks of each to one vertex.

The fit is :func:`openbfactory.kinematics.vertexfit.fit_vertices` for all
candidates at once; it starts where the first two tracks cross.  Candidates
with a final-state particle that is no track are not fitted.  Those that fail
keep their momentum and get probability -1.

Approximation: the covariance of the momentum is the sum of those of the tracks
before the fit, without correlation to the vertex; the fit of the whole decay
(:mod:`.tree_fits`) has the full one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.kinematics.treestart import crossing
from openbfactory.kinematics.vertexfit import OK, fit_vertices
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.momentum_covariance import momentum_covariance
from openbfactory.reconstruct.particles import TRACK

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@njit(cache=True, error_model="numpy")
def _starts(helix: Array, pairs: Index, start: Array) -> None:
    """Fill ``start`` (n, 3) with the points where the two tracks of each pair cross."""
    for i in range(len(pairs)):
        if math.isnan(crossing(helix[pairs[i, 0]], helix[pairs[i, 1]], start[i])):
            start[i, :] = 0.0


def final_state(owner: Reconstruction, rows: Index) -> list[Index]:
    """Rows of the final-state particles at each place of the decays of ``rows``; -1 where some have fewer."""
    table = owner.particles.daughters
    first = np.where(rows >= 0, table[rows, 0], -1)
    if not len(rows) or np.all(first < 0):
        return [rows]
    found: list[Index] = []
    bare = (rows >= 0) & (first < 0)
    for place in range(table.shape[1]):
        daughters = np.where(rows >= 0, table[rows, place], -1)
        if place == 0:
            daughters = np.where(bare, rows, daughters)
        if np.any(daughters >= 0):
            found += final_state(owner, daughters)
    return found


def fit_vertices_of(owner: Reconstruction, rows: Index) -> int:
    """Fit the tracks of each particle to one vertex; sets momentum, vertex and probability; gives the failures."""
    if not len(rows):
        return 0
    particles = owner.particles
    members = np.stack(final_state(owner, rows), axis=1)
    there = members >= 0
    kind = np.where(there, particles["kind"][members], TRACK)
    fitted = np.all(kind == TRACK, axis=1) & (np.count_nonzero(there, axis=1) >= 2)
    rows, members, there = rows[fitted], members[fitted], there[fitted]
    if not len(rows):
        return int(np.count_nonzero(~fitted))
    helix = owner.helices()
    tracks = particles["row"][members]
    order = np.argsort(~there, axis=1, kind="stable")[:, :2]
    pairs = np.take_along_axis(tracks, order, axis=1)
    start = np.empty((len(rows), 3))
    _starts(helix, pairs, start)
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(there, axis=1))]).astype(np.int64)
    helix_covariance = np.ascontiguousarray(owner.events["Tracks"]["cov"], np.float64)
    fits = fit_vertices(helix, helix_covariance, tracks[there], offsets, field=owner.field, start=start)
    masses = np.array([mass(int(code)) for code in np.unique(np.abs(particles["pdg"][members[there]]))])
    m = masses[np.searchsorted(np.unique(np.abs(particles["pdg"][members[there]])),
                               np.abs(particles["pdg"][members[there]]))]
    energy = np.sqrt(np.sum(fits.momentum**2, axis=1) + m * m)
    p4 = np.add.reduceat(np.column_stack([energy, fits.momentum]), offsets[:-1], axis=0)
    good = (fits.state == OK) & np.all(np.isfinite(p4), axis=1)
    covariance = np.zeros((int(good.sum()), 7, 7))
    covariance[:, :4, :4] = momentum_covariance(owner, rows[good])
    covariance[:, 4:, 4:] = fits.covariance[good]
    particles.set_fit(rows[good], p4[good], fits.position[good], fits.pValue[good], covariance)
    particles.columns["p_value"][rows[~good]] = -1.0
    return int(np.count_nonzero(~good) + np.count_nonzero(~fitted))


def vertices_of_tracks(owner: Reconstruction, rows: Index) -> None:
    """Fit the tracks among the daughters of each particle to one vertex; sets vertex and probability alone.

    Particles with fewer than two tracks stay as they are; those whose fit fails get probability -1.
    """
    particles = owner.particles
    daughters = particles.daughters[rows]
    is_track = (daughters >= 0) & (particles["kind"][daughters] == TRACK)
    fitted = np.count_nonzero(is_track, axis=1) >= 2
    rows, daughters, is_track = rows[fitted], daughters[fitted], is_track[fitted]
    if not len(rows):
        return
    helix = owner.helices()
    tracks = particles["row"][daughters]
    pairs = np.take_along_axis(tracks, np.argsort(~is_track, axis=1, kind="stable")[:, :2], axis=1)
    start = np.empty((len(rows), 3))
    _starts(helix, pairs, start)
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(is_track, axis=1))]).astype(np.int64)
    covariance = owner.cached("helix_covariance", lambda: np.ascontiguousarray(owner.events["Tracks"]["cov"],
                                                                               np.float64))
    fits = fit_vertices(helix, covariance, tracks[is_track], offsets, field=owner.field, start=start)
    good = fits.state == OK
    particles["vertex"][rows[good]] = fits.position[good]
    particles["p_value"][rows] = np.where(good, fits.pValue, -1.0)
