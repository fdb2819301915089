"""Bremsstrahlung recovery: photons that an electron radiated in the material go back to it.

A photon radiated where the electron's track crosses a given radius flies straight on along its direction there.  For
each electron the directions at a few radii (the vertex region, beam pipe, silicon layers, inner wall of the drift
chamber) are compared with the way of the cluster from that point; the smallest angle decides.  A photon belongs to the
electron that it is nearest to, and is taken when the angle is below the cut.  The corrected four-momentum is the sum
with the photons' energies along the electron's direction at its origin.

Approximation: the curvature of the track is that of its fit, which bremsstrahlung itself pulls; photons of other origin
within the angle are added too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.config import Config
from openbfactory.kinematics.helix import point_at
from openbfactory.reconstruct.finders import cited

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: transverse distances from the POCA [cm] at which radiation is tried
RADII: tuple[float, ...] = (0.0, 1.1, 2.2, 3.9, 8.0, 10.4, 13.5, 16.0)


class BremsstrahlungConfig(Config):
    """Cuts of the recovery: largest angle [rad], smallest energy of a photon [GeV]."""

    brems_angle_max: float = cited("brems_angle_max", gt=0)
    brems_energy_min: float = cited("brems_energy_min", ge=0)


@dataclass(frozen=True, slots=True)
class Bremsstrahlung:
    """Photons given back to their electrons.

    Attributes
    ----------
    electron : (clusters,) int64
        Row of the track that each cluster was radiated by, -1 for none.
    angle : (clusters,) float64
        Angle to the nearest electron [rad], NaN without one.
    photons : (tracks,) int64
        Number of photons given to each track.
    p4 : (tracks, 4) float64
        Corrected E, px, py, pz [GeV]; of tracks without photons as given.
    """

    electron: Index
    angle: Array
    photons: Index
    p4: Array


@njit(cache=True, error_model="numpy")
def radiation_angle(h: Array, radii: Array, x: float, y: float, z: float) -> float:
    """Smallest angle [rad] of the track's direction at the ``radii`` and the way from there to (x, y, z) [cm]."""
    best = -1.0
    for r in radii:
        size = abs(h[2]) * r * 0.5
        if size >= 1.0:
            break
        s = 2.0 * math.asin(size) / abs(h[2]) if size > 1e-9 else r
        px, py, pz = point_at(h[0], h[1], h[2], h[3], h[4], s)
        phi = h[1] - h[2] * s
        dx, dy, dz = x - px, y - py, z - pz
        along = dx * math.cos(phi) + dy * math.sin(phi) + dz * h[4]
        best = max(best, along / math.sqrt((dx * dx + dy * dy + dz * dz) * (1.0 + h[4] * h[4])))
    return math.acos(min(best, 1.0))


@njit(cache=True, error_model="numpy")
def _recover(track_offsets: Index, helix: Array, is_electron: Mask, cluster_offsets: Index, point: Array, energy: Array,
             usable: Mask, radii: Array, angle_max: float, electron: Index, angle: Array, photons: Index,
             p4: Array) -> None:
    """Fill the columns of :class:`Bremsstrahlung`."""
    for e in range(len(track_offsets) - 1):
        for c in range(cluster_offsets[e], cluster_offsets[e + 1]):
            if not usable[c]:
                continue
            best = -1
            for i in range(track_offsets[e], track_offsets[e + 1]):
                if not is_electron[i]:
                    continue
                found = radiation_angle(helix[i], radii, point[c, 0], point[c, 1], point[c, 2])
                if best < 0 or found < angle[c]:
                    best, angle[c] = i, found
            if best < 0 or not angle[c] < angle_max:
                continue
            electron[c] = best
            photons[best] += 1
            p = math.sqrt(p4[best, 1] ** 2 + p4[best, 2] ** 2 + p4[best, 3] ** 2)
            for a in range(1, 4):
                p4[best, a] *= 1.0 + energy[c] / p
            p4[best, 0] += energy[c]


def recover_bremsstrahlung(track_offsets: Index, helix: Array, p4: Array, is_electron: Mask, cluster_offsets: Index,
                           cluster: Array, is_photon: Mask, *,
                           config: BremsstrahlungConfig | None = None) -> Bremsstrahlung:
    """Electrons with the photons that they radiated.

    Parameters
    ----------
    track_offsets, cluster_offsets : (events + 1,) int64
        Tracks and clusters of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    helix, p4 : (tracks, 5), (tracks, 4) float64
        Helix parameters relative to the origin; E, px, py, pz [GeV] with the electron mass.
    is_electron : (tracks,) bool
        Tracks that may take photons.
    cluster : (clusters, 4) float64
        Energy [GeV], theta, phi, distance from the origin [cm].
    is_photon : (clusters,) bool
        Clusters that may be given back, such as those without a track.
    config
        Cuts.
    """
    config = config or BremsstrahlungConfig()
    n, energy, theta, phi, r = len(cluster), *np.ascontiguousarray(cluster.T, np.float64)
    point = np.column_stack([r * np.sin(theta) * np.cos(phi), r * np.sin(theta) * np.sin(phi), r * np.cos(theta)])
    usable = is_photon & (energy > config.brems_energy_min) & np.isfinite(point).all(axis=1)
    tracks = is_electron & np.isfinite(helix).all(axis=1)
    found = Bremsstrahlung(np.full(n, -1, np.int64), np.full(n, np.nan), np.zeros(len(helix), np.int64),
                           np.array(p4, np.float64, order="C"))
    _recover(track_offsets, helix, tracks, cluster_offsets, point, energy, usable, np.array(RADII),
             config.brems_angle_max, found.electron, found.angle, found.photons, found.p4)
    return found
