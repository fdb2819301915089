"""Oracles: closed forms.  The identity leaves an event as it was; a moved track has the momentum of its boost.

Planted faults: a track that stays when it should go, and a vertex that is not moved, change what is compared.
"""

from __future__ import annotations

import numpy as np
import pytest
import toy_events as toy

from openbfactory.events.record import Events
from openbfactory.kinematics.fourvector import boost, unboost
from openbfactory.kinematics.helix import helices_of_particles, momenta_at_poca, move_pivot
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.embedding import (
    Mother,
    clones_of,
    embedded,
    moved_helices,
    taken_rows,
    without_tracks,
)
from openbfactory.reconstruct.inclusive_tag import Collision, reconstruct_inclusive_tag
from openbfactory.reconstruct.tracks import HELIX
from openbfactory.reconstruct.vectors import direction, phi, theta, unit

KAON = float(toy.MASS[3])


@pytest.fixture(scope="module")
def events() -> Events:
    """Toy signal events that have a track of the kaon, which is the first."""
    made = toy.generic_events(120, 5, signal=True)
    tracks = made["Tracks"]
    has = np.array([tracks.counts[i] > 2 and tracks["mcIndex"][tracks.offsets[i]] == 3 for i in range(len(made))])
    return made.take(np.flatnonzero(has))


def _mother(events: Events, shift: float = 0.0) -> Mother:
    truth = events["MCParticles"]
    b, kaon = truth.offsets[:-1] + 1, truth.offsets[:-1] + 3
    p3 = np.stack([truth[c][b] for c in ("px", "py", "pz")], axis=1) + shift
    p4 = np.column_stack([np.sqrt(toy.B_PLUS**2 + np.sum(p3**2, axis=1)), p3])
    return Mother(p4, np.stack([truth[c][kaon] for c in ("x", "y", "z")], axis=1) + 0.01 * shift)


def _helix(events: Events) -> np.ndarray:
    first = events["Tracks"].offsets[:-1]
    return np.stack([events["Tracks"][name][first] for name in HELIX], axis=1)


def test_identity_leaves_the_event_as_it_was(events: Events) -> None:
    """Every column of every list, and every variable of the inclusive tag."""
    first, clusters = events["Tracks"].offsets[:-1], events["ECLClusters"]
    clusters.columns["trackIndex"][clusters.offsets[:-1][clusters.counts > 0]] = 0
    helix, turned = moved_helices(_helix(events), KAON, _mother(events), _mother(events), toy.FIELD)
    same = embedded(events, first, np.zeros(0, np.int64), events, first, helix, turned)
    np.testing.assert_allclose(np.sin(turned), 0.0, atol=1e-9)
    for name in ("Tracks", "PIDLikelihoods"):
        for key, column in events[name].columns.items():
            np.testing.assert_allclose(same[name][key], column, rtol=1e-9, atol=1e-9, err_msg=key)
    assert (same["ECLClusters"].offsets == clusters.offsets).all()
    order = [np.lexsort((e["ECLClusters"]["clusterE"], e["ECLClusters"].event_index())) for e in (events, same)]
    for key, column in clusters.columns.items():
        if key != "mcIndex":  # those of the new track have that of the old one
            np.testing.assert_allclose(same["ECLClusters"][key][order[1]], column[order[0]], atol=1e-9, err_msg=key)
    before, after = (reconstruct_inclusive_tag(e, Collision(toy.BEAM), InclusiveTagConfig()) for e in (events, same))
    for key, column in before.columns.items():
        np.testing.assert_allclose(after.columns[key], column, rtol=1e-6, atol=1e-8, err_msg=key)


def test_momentum_follows_the_boost(events: Events) -> None:
    """Against the boosts of ``kinematics`` at the vertex; the distance to the vertex stays."""
    source, target = _mother(events), _mother(events, 0.2)
    n = len(events)
    momentum = np.random.default_rng(2).normal(0.0, 1.0, (n, 3))
    helix = helices_of_particles(source.vertex, momentum, np.ones(n), toy.FIELD)
    found, _ = moved_helices(helix, KAON, source, target, toy.FIELD)
    p4 = (np.sqrt(KAON**2 + np.sum(momentum**2, axis=1)), *momentum.T)
    expected = np.stack(boost(unboost(p4, tuple(source.p4.T)), tuple(target.p4.T)), axis=1)  # type: ignore[arg-type]
    for i in range(n):
        at = move_pivot(found[i:i + 1], target.vertex[i])
        np.testing.assert_allclose(momenta_at_poca(at, toy.FIELD)[0], expected[i, 1:], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(at[0, [0, 3]], 0.0, atol=1e-9)
    wrong, _ = moved_helices(helix, KAON, source, Mother(target.p4, source.vertex), toy.FIELD)
    assert np.abs(wrong[:, [0, 3]] - found[:, [0, 3]]).max() > 1e-3


def test_tracks_go_with_what_points_to_them(events: Events) -> None:
    """The last track of each event goes; clusters of the others still point to the same track."""
    tracks, clusters = events["Tracks"], events["ECLClusters"]
    index = np.full(clusters.size, -1, np.int32)
    event = clusters.event_index()
    index[::3] = (np.arange(clusters.size) % tracks.counts[event])[::3]
    clusters.columns["trackIndex"][:] = index
    gone = np.zeros(tracks.size, bool)
    gone[tracks.offsets[1:] - 2] = True
    left = without_tracks(events, gone)
    assert (left["Tracks"].counts == tracks.counts - 1).all()
    assert (left["PIDLikelihoods"].offsets == left["Tracks"].offsets).all()
    pointed = tracks["omega"][tracks.offsets[event] + index]
    stay = (index < 0) | ~gone[tracks.offsets[event] + index]
    assert 0 < stay.sum() < clusters.size
    now = left["ECLClusters"]
    np.testing.assert_array_equal(now["clusterE"], clusters["clusterE"][stay])
    omega = left["Tracks"]["omega"][left["Tracks"].offsets[now.event_index()] + now["trackIndex"]]
    points = now["trackIndex"] >= 0
    np.testing.assert_array_equal(omega[points], pointed[stay][points])


def test_clones_are_those_of_equal_charge_nearby(events: Events) -> None:
    """A copy of the first track in the place of the last is found, with the other charge it is not."""
    tracks = events["Tracks"]
    first, last = tracks.offsets[:-1], tracks.offsets[1:] - 1
    for name in HELIX:
        tracks.columns[name][last] = tracks[name][first] + (0.005 if name == "phi0" else 0.0)
    tracks.columns["charge"][last] = tracks["charge"][first]
    tracks.columns["charge"][last[0]] *= -1
    found = clones_of(tracks, first[:, None], 0.02)
    assert set(last[1:]) <= set(found)
    assert last[0] not in found
    assert len(found) < 1.1 * len(last)
    assert not set(first) & set(found)


def test_rows_of_tracks_follow_the_events_that_are_taken(events):
    """The momenta of two tracks of some events, before and after they are taken, in another order."""
    tracks, index = events["Tracks"], np.array([5, 2, 2, 7])
    rows = tracks.offsets[index][:, None] + np.arange(2)
    taken = events.take(index)
    moved = taken_rows(taken, events, index, rows)
    assert (taken["Tracks"]["omega"][moved] == tracks["omega"][rows]).all()
    assert (tracks["omega"][moved] != tracks["omega"][rows]).any()


def test_directions_have_their_angles():
    rng = np.random.default_rng(2)
    p = rng.normal(size=(50, 3))
    assert unit(p) == pytest.approx(p / np.linalg.norm(p, axis=1)[:, None])
    assert direction(theta(p), phi(p)) == pytest.approx(unit(p))
    assert np.isnan(unit(np.zeros((1, 3)))).all()
