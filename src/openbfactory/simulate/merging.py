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
from numba import njit

from openbfactory.simulate.surface import helix_to_surface

Array = npt.NDArray[Any]


@njit(cache=True)
def _points(rows: Array, first: int, last: int, points: Array) -> None:
    """Write the positions (n, 3) of the clusters ``first`` to ``last``."""
    for j in range(first, last):
        rho = rows[j, 3] * math.sin(rows[j, 1])
        points[j - first, 0] = rho * math.cos(rows[j, 2])
        points[j - first, 1] = rho * math.sin(rows[j, 2])
        points[j - first, 2] = rows[j, 3] * math.cos(rows[j, 1])


@njit(cache=True)
def _distance2(a: Array, b: Array) -> float:
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return dx * dx + dy * dy + dz * dz


@njit(cache=True)
def _absorb(rows: Array, i: int, j: int, a: int, points: Array) -> None:
    """Put cluster ``j`` into cluster ``i`` (``a`` and its position: index within the event)."""
    energy = rows[i, 0] + rows[j, 0]
    track, own = rows[i, 9], rows[i, 0] * (1.0 - rows[i, 8])
    if track < 0.0:
        track = rows[j, 9]
    if rows[j, 0] > rows[i, 0]:
        own = rows[j, 0] * (1.0 - rows[j, 8])
        if rows[j, 9] >= 0.0:
            track = rows[j, 9]
        for k in range(rows.shape[1]):  # element by element: slices compile slowly
            rows[i, k] = rows[j, k]
        for k in range(3):
            points[a, k] = points[a + j - i, k]
    rows[i, 0] = energy
    rows[i, 8] = 1.0 - own / energy
    rows[i, 9] = track


@njit(cache=True)
def merge(offsets: Array, rows: Array, distance: float) -> tuple[Array, Array]:
    """Offsets and rows of the clusters after merging; ``rows`` is changed."""
    events = len(offsets) - 1
    out_offsets = np.zeros(events + 1, np.int64)
    alive = np.ones(len(rows), np.bool_)
    largest = 0
    for event in range(events):
        largest = max(largest, offsets[event + 1] - offsets[event])
    points = np.zeros((largest, 3))
    limit = distance * distance
    for event in range(events):
        first, last = offsets[event], offsets[event + 1]
        _points(rows, first, last, points)
        kept = 0
        for i in range(first, last):
            if not alive[i]:
                continue
            kept += 1
            for j in range(i + 1, last):
                if alive[j] and _distance2(points[i - first], points[j - first]) < limit:
                    alive[j] = False
                    _absorb(rows, i, j, i - first, points)
        out_offsets[event + 1] = out_offsets[event] + kept
    return out_offsets, rows[alive]


@njit(cache=True)
def track_distances(offsets: Array, rows: Array, track_offsets: Array, helix: Array, surface: Array) -> Array:
    """Distance [cm] (n,) of each cluster to the nearest track at the front faces, NaN where none arrives.

    ``helix`` (m, 5) holds the reconstructed tracks.
    """
    out = np.full(len(rows), np.nan)
    cluster = np.zeros((1, 3))
    largest = 0
    for event in range(len(track_offsets) - 1):
        largest = max(largest, track_offsets[event + 1] - track_offsets[event])
    impact = np.zeros((largest, 3))
    for event in range(len(offsets) - 1):
        hits = 0
        for k in range(track_offsets[event], track_offsets[event + 1]):
            h = helix[k]
            hit = helix_to_surface(h[0], h[1], h[2], h[3], h[4], surface[0], surface[1], surface[2])
            if hit[2] > 0.0:
                rho = hit[2] * math.sin(hit[0])
                impact[hits, 0], impact[hits, 1] = rho * math.cos(hit[1]), rho * math.sin(hit[1])
                impact[hits, 2] = hit[2] * math.cos(hit[0])
                hits += 1
        for j in range(offsets[event], offsets[event + 1]):
            _points(rows, j, j + 1, cluster)
            best = math.inf
            for k in range(hits):
                best = min(best, _distance2(cluster[0], impact[k]))
            if hits > 0:
                out[j] = math.sqrt(best)
    return out
