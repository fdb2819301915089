"""Embedding: one track of a reconstructed event is replaced by a track of another event, other tracks are taken out.

Method: the measured track of a two-body or missing-energy decay is boosted from the laboratory to the rest frame of the
B meson that it came from, and from there to the laboratory as if it came from the B meson of the other event; its
distances to its own production vertex stay, the vertex becomes that of the other B meson.  The replaced track and the
tracks that are taken out go with every calorimeter and muon-detector cluster that points to them; with the new track
come the clusters that point to it, turned by as much as its momentum.  Clusters that point to no track are never
touched: split-offs of the replaced track stand for those of the new one.

Approximation: the covariance, hits and likelihoods are those of the direction and momentum at which the track was
simulated; ``minC2TDist`` of the clusters that stay is not made again; clusters of the removed tracks that point to none
stay (muons have few, kaons are exchanged for kaons).  The boosts of B mesons at the Upsilon(4S) are alike (p* = 0.33
GeV), so that the changes are small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.events.record import Events, Jagged
from openbfactory.kinematics.fourvector import boost_from_rest, boost_to_rest, invariant_mass
from openbfactory.kinematics.helix import STRAIGHT, perigee_at
from openbfactory.reconstruct.tracks import HELIX

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: lists whose records point to tracks, with their columns of direction
CLUSTERS: dict[str, tuple[str, str]] = {"ECLClusters": ("clusterTheta", "clusterPhi"),
                                        "KLMClusters": ("klmClusterTheta", "klmClusterPhi")}


@dataclass(frozen=True, slots=True)
class Mother:
    """Where tracks come from: four-momenta (n, 4) E, px, py, pz [GeV] of the mothers, and vertices (n, 3) [cm]."""

    p4: Array
    vertex: Array


@njit(cache=True, error_model="numpy")
def _move(helix: Array, mass: float, p_from: Array, v_from: Array, p_to: Array, v_to: Array, field: float,
          out: Array, turned: Array) -> None:
    """Fill the moved helices, and by how much the polar angles and azimuths of the momenta turned."""
    for i in range(len(helix)):
        h = helix[i]
        d, phi, s = perigee_at(h[0], h[1], h[2], v_from[i, 0], v_from[i, 1])
        z = h[3] + s * h[4] - v_from[i, 2]
        bend = field * pt_per_tesla_cm
        pt = bend / max(abs(h[2]), STRAIGHT)
        px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * h[4]
        e = np.sqrt(mass * mass + px * px + py * py + pz * pz)
        a, b = p_from[i], p_to[i]
        m_a, m_b = invariant_mass(a[0], a[1], a[2], a[3]), invariant_mass(b[0], b[1], b[2], b[3])
        e, px, py, pz = boost_to_rest(e, px, py, pz, a[0], a[1], a[2], a[3], m_a)
        e, px, py, pz = boost_from_rest(e, px, py, pz, b[0], b[1], b[2], b[3], m_b)
        pt_new = np.sqrt(px * px + py * py)
        phi_new, tanl, omega = np.arctan2(py, px), pz / pt_new, np.copysign(bend / pt_new, h[2])
        out[i, 0], out[i, 1], s = perigee_at(d, phi_new, omega, -v_to[i, 0], -v_to[i, 1])
        out[i, 2], out[i, 3], out[i, 4] = omega, z + s * tanl + v_to[i, 2], tanl
        turned[i, 0] = np.arctan2(1.0, tanl) - np.arctan2(1.0, h[4])
        turned[i, 1] = phi_new - phi


def moved_helices(helix: Array, mass: float, source: Mother, target: Mother, field: float) -> tuple[Array, Array]:
    """Helices (n, 5) as if the tracks came from other mothers, and the turns (n, 2) of theta and phi [rad].

    Parameters
    ----------
    helix : (n, 5) float64
        Parameters relative to the origin.
    mass
        Mass [GeV] of the particle.
    source, target
        The mothers they came from, and those they shall come from.
    field
        Field along z [T].
    """
    out, turned = np.empty((len(helix), 5)), np.empty((len(helix), 2))
    columns = [np.ascontiguousarray(c, np.float64) for c in (source.p4, source.vertex, target.p4, target.vertex)]
    _move(np.ascontiguousarray(helix, np.float64), mass, *columns, field, out, turned)
    return out, turned


def taken_rows(taken: Events, events: Events, index: Index, rows: Index) -> Index:
    """Rows (n, k) in ``Tracks`` of ``taken = events.take(index)`` of tracks with rows (n, k) in ``events``."""
    moved: Index = rows + (taken["Tracks"].offsets[:-1] - events["Tracks"].offsets[index])[:, None]
    return moved


def without_tracks(events: Events, removed: Mask) -> Events:
    """The events without some tracks (mask (tracks,)) and without everything that points to them."""
    tracks = events["Tracks"]
    place = np.cumsum(~removed) - 1
    first = np.concatenate([[0], np.cumsum(~removed)])[tracks.offsets[:-1]]
    lists = {name: events[name].select(~removed) for name in ("Tracks", "PIDLikelihoods")}
    for name in (*CLUSTERS, "MCSecondaries"):
        if name not in events.lists:
            continue
        jagged = events[name]
        event, points = jagged.event_index(), jagged["trackIndex"] >= 0
        rows = tracks.offsets[event] + np.where(points, jagged["trackIndex"], 0)
        gone = np.zeros(jagged.size, np.bool_)
        gone[points] = removed[rows[points]]
        index = jagged["trackIndex"].copy()
        kept = points & ~gone
        index[kept] = place[rows[kept]] - first[event[kept]]
        index[gone] = -1
        changed = Jagged(jagged.offsets, {**jagged.columns, "trackIndex": index})
        lists[name] = changed if name == "MCSecondaries" else changed.select(~gone)
    return events.with_lists(**lists)


def clones_of(tracks: Jagged, rows: Index, angle: float) -> Index:
    """Rows of other tracks of equal charge within an angle [rad] of given tracks (n, k) of each event: their clones."""
    event = tracks.event_index()
    direction = np.stack([np.cos(tracks["phi0"]), np.sin(tracks["phi0"]), tracks["tanLambda"]], axis=1)
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    near = np.zeros(tracks.size, np.bool_)
    for column in rows.T:
        mine = column[event]
        cosine = np.sum(direction * direction[mine], axis=1)
        near |= (cosine > np.cos(angle)) & (tracks["charge"] == tracks["charge"][mine])
    near[rows.ravel()] = False
    return np.flatnonzero(near).astype(np.int64)


def embedded(events: Events, replaced: Index, removed: Index, signal: Events, chosen: Index, helix: Array,
             turned: Array) -> Events:
    """Events in which one track of each is replaced by the track of another event.

    Parameters
    ----------
    events
        Where the tracks are replaced.
    replaced : (n,) int64
        Row in ``Tracks`` of the replaced track of each event; it keeps its place and its ``mcIndex``.
    removed : (m,) int64
        Rows of tracks that are taken out.
    signal, chosen
        Events (n) with the new tracks, and the row of that of each event in their ``Tracks``.
    helix, turned
        Helices and turns of the new tracks, see :func:`moved_helices`.
    """
    tracks = events["Tracks"]
    gone = np.zeros(tracks.size, np.bool_)
    gone[removed] = gone[replaced] = True
    lists = {name: events[name].select(~_points_to(events[name], tracks, gone)) for name in CLUSTERS
             if name in events.lists}
    for name in lists:
        new = _own_clusters(signal, name, chosen)
        lists[name] = _appended(lists[name], new, CLUSTERS[name], turned, replaced - tracks.offsets[:-1],
                                tracks["mcIndex"][replaced])
    for name in ("Tracks", "PIDLikelihoods"):
        columns = {k: v.copy() for k, v in events[name].columns.items()}
        for key in columns:
            if not key.startswith("mc"):
                columns[key][replaced] = signal[name][key][chosen]
        lists[name] = Jagged(events[name].offsets, columns)
    for k, key in enumerate(HELIX):
        lists["Tracks"].columns[key][replaced] = helix[:, k]
    mask = np.zeros(tracks.size, np.bool_)
    mask[removed] = True
    return without_tracks(events.with_lists(**lists), mask)


def _points_to(clusters: Jagged, tracks: Jagged, wanted: Mask) -> Mask:
    """Whether each cluster points to a wanted track."""
    points = clusters["trackIndex"] >= 0
    found = np.zeros(clusters.size, np.bool_)
    found[points] = wanted[tracks.offsets[clusters.event_index()[points]] + clusters["trackIndex"][points]]
    return found


def _own_clusters(signal: Events, name: str, chosen: Index) -> Jagged:
    """Clusters that point to the chosen track of each event."""
    clusters = signal[name]
    return clusters.select(clusters["trackIndex"] == (chosen - signal["Tracks"].offsets[:-1])[clusters.event_index()])


def _appended(clusters: Jagged, new: Jagged, angles: tuple[str, str], turned: Array, track: Index,
              particle: Index) -> Jagged:
    """Clusters of each event, then the new ones, turned and pointing to the track where they did."""
    event = new.event_index()
    theta, phi = (new[name] + turned[event, k] for k, name in enumerate(angles))
    changed: dict[str, Any] = {
        angles[0]: np.clip(theta, 0.0, np.pi), angles[1]: np.remainder(phi + np.pi, 2 * np.pi) - np.pi,
        "trackIndex": track[event], "mcIndex": particle[event]}
    columns = {k: changed.get(k, new[k]).astype(clusters[k].dtype) for k in clusters.columns}
    order = np.argsort(np.concatenate([clusters.event_index(), event]), kind="stable")
    offsets = clusters.offsets + new.offsets
    return Jagged(offsets, {k: np.concatenate([clusters[k], columns[k]])[order] for k in clusters.columns})
