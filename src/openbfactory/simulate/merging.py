"""Clusters that lie too close become one; distances of clusters to tracks.

Two clusters nearer than the merge distance of the card become one with the sum
of the energies and the position, time, kind and particle of the larger; it is
matched to a track when either was, and remembers which share of its energy came
from others (for the shower shape).  Approximation: no share of overlapping showers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.simulate.surface import leaving_point

Array = npt.NDArray[Any]


@kernel
def _points(rows: Array, points: Array) -> None:
    """Write the positions (n, 3) of clusters."""
    for j in range(len(rows)):
        r, theta, phi = rows[j, 3], rows[j, 1], rows[j, 2]
        rho = r * math.sin(theta)
        points[j, 0], points[j, 1], points[j, 2] = rho * math.cos(phi), rho * math.sin(phi), r * math.cos(theta)


@kernel
def _distance2(a: Array, i: int, b: Array, j: int) -> float:
    dx, dy, dz = a[i, 0] - b[j, 0], a[i, 1] - b[j, 1], a[i, 2] - b[j, 2]
    return dx * dx + dy * dy + dz * dz


@kernel
def _move(rows: Array, points: Array, target: int, source: int) -> None:
    """Copy a cluster and its position."""
    for k in range(rows.shape[1]):
        rows[target, k] = rows[source, k]
    for k in range(3):
        points[target, k] = points[source, k]


@kernel
def _absorb(rows: Array, points: Array, i: int, j: int) -> None:
    """Put cluster ``j`` into cluster ``i``."""
    energy = rows[i, 0] + rows[j, 0]
    track, own = rows[i, 9], rows[i, 0] * (1.0 - rows[i, 8])
    if track < 0.0:
        track = rows[j, 9]
    if rows[j, 0] > rows[i, 0]:
        own = rows[j, 0] * (1.0 - rows[j, 8])
        if rows[j, 9] >= 0.0:
            track = rows[j, 9]
        _move(rows, points, i, j)
    rows[i, 0] = energy
    rows[i, 8] = 1.0 - own / energy
    rows[i, 9] = track


@kernel
def _merge(offsets: Array, rows: Array, points: Array, distance: float, out_offsets: Array) -> None:
    """Merge the clusters of each event and move those that stay to the front of ``rows`` and ``points``."""
    limit, n = distance * distance, 0
    out_offsets[0] = 0
    for event in range(len(offsets) - 1):
        last = offsets[event + 1]
        for i in range(offsets[event], last):
            if rows[i, 0] < 0.0:
                continue
            for j in range(i + 1, last):
                if rows[j, 0] >= 0.0 and _distance2(points, i, points, j) < limit:
                    _absorb(rows, points, i, j)
                    rows[j, 0] = -1.0
            if n < i:
                _move(rows, points, n, i)
            n += 1
        out_offsets[event + 1] = n


def merge(offsets: Array, rows: Array, distance: float) -> tuple[Array, Array, Array]:
    """Offsets, rows and positions (n, 3) [cm] of the clusters after merging; ``rows`` is changed."""
    out_offsets, points = np.empty(len(offsets), np.int64), np.empty((len(rows), 3))
    _points(rows, points)
    _merge(offsets, rows, points, distance, out_offsets)
    n = int(out_offsets[-1])
    return out_offsets, rows[:n], points[:n]


@kernel
def _distances(offsets: Array, points: Array, track_offsets: Array, helix: Array, surface: Array, impact: Array,
               out: Array) -> None:
    """Write the distance (n,) of each cluster to the nearest track; ``impact`` (most tracks, 3) is scratch."""
    for event in range(len(offsets) - 1):
        hits = 0
        for k in range(track_offsets[event], track_offsets[event + 1]):
            x, y, z, s = leaving_point(helix[k, 0], helix[k, 1], helix[k, 2], helix[k, 3], helix[k, 4], surface[0],
                                       surface[1], surface[2])
            if s > 0.0:
                impact[hits, 0], impact[hits, 1], impact[hits, 2] = x, y, z
                hits += 1
        for j in range(offsets[event], offsets[event + 1]):
            best = math.inf
            for k in range(hits):
                best = min(best, _distance2(points, j, impact, k))
            out[j] = math.sqrt(best) if hits > 0 else math.nan


def track_distances(offsets: Array, points: Array, track_offsets: Array, helix: Array, surface: Array) -> Array:
    """Distance [cm] (n,) of each cluster to the nearest track at the front faces, NaN where none arrives.

    ``points`` (n, 3) are the positions of the clusters, ``helix`` (m, 5) the reconstructed tracks.
    """
    out, most = np.empty(len(points)), int(np.diff(track_offsets).max(initial=0))
    _distances(offsets, points, track_offsets, helix, surface, np.empty((most, 3)), out)
    return out


@kernel
def _sums(offsets: Array, track: Array, values: Array, track_offsets: Array, out: Array) -> None:
    """Add the values of the clusters to those of their tracks."""
    for event in range(len(offsets) - 1):
        for j in range(offsets[event], offsets[event + 1]):
            if track[j] >= 0.0:
                out[track_offsets[event] + int(track[j])] += values[j]


def sums_of_tracks(offsets: Array, track: Array, values: Array, track_offsets: Array) -> Array:
    """Sum (m,) of ``values`` of the clusters matched to each track; ``track`` (n,) counts within the event."""
    out = np.zeros(int(track_offsets[-1]))
    _sums(offsets, track, values, track_offsets, out)
    return out
