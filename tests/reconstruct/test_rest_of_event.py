"""Oracles: a loop over Python sets, four-momentum conservation of complete toy events, elementary kinematics.

A complete event (nothing lost but one neutrino) must give the neutrino, Mbc = m_B and Delta E = 0 exactly.
"""

from __future__ import annotations

import numpy as np
import pytest

from openbfactory.core.errors import InputError
from openbfactory.reconstruct import missing
from openbfactory.reconstruct import rest_of_event as roe

BEAM = np.array([11.006, 0.456, 0.0, 2.998])
SQRT_S = float(np.sqrt(BEAM[0] ** 2 - np.sum(BEAM[1:] ** 2)))


def _event(seed: int, events: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    out = {}
    for name, mean in (("tracks", 8), ("clusters", 9), ("klm", 2)):
        out[name] = np.concatenate([[0], np.cumsum(rng.poisson(mean, events))]).astype(np.int64)
    for name in ("clusters", "klm"):
        event = np.repeat(np.arange(events), np.diff(out[name]))
        size = np.diff(out["tracks"])[event]
        index = np.where((rng.random(len(event)) < 0.3) & (size > 0), rng.integers(0, np.maximum(size, 1)), -1)
        out[f"{name}_track"] = roe.rows_of_tracks(out[name], out["tracks"], index)
    return out


def _candidates(d: dict[str, np.ndarray], n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    events = rng.integers(0, len(d["tracks"]) - 1, n)
    used = {"events": events}
    for name, k in (("tracks", 3), ("clusters", 2), ("klm", 1)):
        begin, size = d[name][events], np.diff(d[name])[events]
        rows = begin[:, None] + (rng.random((n, k)) * np.maximum(size, 1)[:, None]).astype(int)
        used[name] = np.where((rng.random((n, k)) < 0.8) & (size > 0)[:, None], rows, -1)
    return used


def _build(d: dict[str, np.ndarray], c: dict[str, np.ndarray]) -> roe.RestOfEvent:
    offsets = {name: d[name] for name in ("tracks", "clusters", "klm")}
    return roe.rest_of_event(c["events"], offsets, tracks=c["tracks"], clusters=c["clusters"], klm=c["klm"],
                             cluster_track=d["clusters_track"], klm_track=d["klm_track"])


def test_what_remains_is_that_of_sets() -> None:
    d = _event(1)
    c = _candidates(d, 200, seed=2)
    rest = _build(d, c)
    for i, e in enumerate(c["events"]):
        used = {name: set(c[name][i].tolist()) for name in ("tracks", "clusters", "klm")}
        for name in ("tracks", "clusters", "klm"):
            every = range(d[name][e], d[name][e + 1])
            owner = d.get(f"{name}_track")
            expected = [r for r in every if r not in used[name]
                        and (owner is None or owner[r] < 0 or owner[r] not in used["tracks"])]
            found = getattr(rest, name)
            assert list(found.rows[found.offsets[i]:found.offsets[i + 1]]) == expected
        photons = rest.photons
        assert all(d["clusters_track"][r] < 0 for r in photons.rows[photons.offsets[i]:photons.offsets[i + 1]])


def test_masks_take_objects_away_and_leave_the_rest() -> None:
    d = _event(3)
    rest = _build(d, _candidates(d, 100, seed=4))
    mask = np.random.default_rng(5).random(d["tracks"][-1]) < 0.5
    cut = roe.masked(rest, tracks=mask)
    assert np.all(mask[cut.tracks.rows])
    assert np.array_equal(cut.clusters.rows, rest.clusters.rows)
    event = np.repeat(np.arange(100), rest.tracks.counts)
    assert np.array_equal(cut.tracks.counts, np.bincount(event, mask[rest.tracks.rows], 100))
    assert len(roe.masked(rest, tracks=np.zeros_like(mask)).tracks.rows) == 0


def test_composites_take_the_place_of_their_tracks() -> None:
    offsets = {"tracks": np.array([0, 4, 8])}
    rest = roe.rest_of_event(np.array([0, 1, 1]), offsets, tracks=np.array([[0], [4], [6]]))
    v0 = np.array([0, 1, 3])  # one in the first event, two that share a track in the second
    composed = roe.with_composites(rest, v0, np.array([[2, 3], [5, 6], [5, 7]]))
    assert list(composed.composites.counts) == [1, 1, 1]
    assert list(composed.composites.rows) == [0, 1, 2]
    assert list(composed.tracks.rows) == [1, 7, 4]


def test_sums_are_those_of_a_loop() -> None:
    d = _event(6)
    c = _candidates(d, 50, seed=7)
    rest, rng = _build(d, c), np.random.default_rng(8)
    tracks, clusters = rng.normal(size=(d["tracks"][-1], 4)), rng.random((d["clusters"][-1], 4))
    total = missing.rest_momentum(rest, tracks, clusters)
    charge = rng.choice([-1, 1], d["tracks"][-1])
    found = missing.rest_variables(rest, total, charge, clusters[:, 0], BEAM)
    for i in range(50):
        t = rest.tracks.rows[rest.tracks.offsets[i]:rest.tracks.offsets[i + 1]]
        g = rest.clusters.rows[rest.clusters.offsets[i]:rest.clusters.offsets[i + 1]]
        neutral = g[d["clusters_track"][g] < 0]
        assert np.allclose(total[i], tracks[t].sum(0) + clusters[neutral].sum(0))
        assert found["roeEextra"][i] == pytest.approx(clusters[g, 0].sum())
        assert found["roeNeextra"][i] == pytest.approx(clusters[neutral, 0].sum())
        assert found["roeCharge"][i] == pytest.approx(charge[t].sum())
        assert found["nROE_Tracks"][i] == len(t)
        assert found["nROE_Photons"][i] == len(neutral)


def _pair(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visible part of one B, its massless neutrino, and the whole other B, in the laboratory."""
    rng = np.random.default_rng(seed)
    m_b, half = 5.27934, SQRT_S / 2
    u, v = (x / np.linalg.norm(x, axis=1)[:, None] for x in rng.normal(size=(2, n, 3)))
    p = np.sqrt(half**2 - m_b**2)
    first, second = (np.column_stack([np.full(n, half), s * p * u]) for s in (1, -1))
    nu_rest = np.column_stack([np.full(n, 1.5), 1.5 * v])
    neutrino = _boost(nu_rest, first)
    lab = [_boost(q, np.tile(BEAM, (n, 1))) for q in (first - neutrino, neutrino, second)]
    return lab[0], lab[1], lab[2]


def _boost(p: np.ndarray, frame: np.ndarray) -> np.ndarray:
    mass = np.sqrt(frame[:, 0] ** 2 - np.sum(frame[:, 1:] ** 2, axis=1))
    energy = (frame[:, 0] * p[:, 0] + np.sum(frame[:, 1:] * p[:, 1:], axis=1)) / mass
    factor = (p[:, 0] + energy) / (frame[:, 0] + mass)
    return np.column_stack([energy, p[:, 1:] + factor[:, None] * frame[:, 1:]])


def test_a_complete_event_gives_the_neutrino_back() -> None:
    signal, neutrino, rest = _pair(50, seed=9)
    cms = missing.to_cms(neutrino, BEAM)
    for option in (0, 1, 2, 7):
        assert np.allclose(missing.missing_momentum(signal, rest, BEAM, option), cms, atol=1e-9)
    for option in (5, 6):
        assert np.allclose(missing.missing_momentum(signal, rest, BEAM, option), neutrino, atol=1e-9)
    found = missing.missing_variables(signal, rest, BEAM)
    assert np.allclose(found["weMissM2"], 0, atol=1e-8)
    for option in (0, 1, 2):
        assert np.allclose(missing.corrected_mbc(signal, rest, BEAM, option), 5.27934, atol=1e-6)
    for option in (0, 1):
        assert np.allclose(missing.corrected_deltae(signal, rest, BEAM, option), 0, atol=1e-9)
    three, four = (missing.missing_momentum(signal, rest, BEAM, o) for o in (3, 4))
    assert np.allclose(three[:, 1:], -missing.to_cms(signal, BEAM)[:, 1:])
    towards = four[:, 1:] - three[:, 1:]
    assert np.allclose(np.linalg.norm(towards, axis=1), missing.B_MOMENTUM)
    assert np.all(np.sum(towards * missing.to_cms(rest, BEAM)[:, 1:], axis=1) < 0)


def test_a_lost_particle_of_the_rest_is_seen() -> None:
    signal, _, rest = _pair(50, seed=10)
    lost = rest - np.array([0.5, 0.3, 0.0, 0.1])
    assert np.all(abs(missing.missing_variables(signal, lost, BEAM)["weMissM2"]) > 1e-3)


def test_the_rest_of_a_tag_has_its_mbc_and_deltae() -> None:
    _, _, other = _pair(20, seed=11)
    empty = roe.rest_of_event(np.zeros(20, np.int64), {"tracks": np.array([0, 0])})
    found = missing.rest_variables(empty, other, np.empty(0, np.int64), np.empty(0), BEAM)
    assert np.allclose(found["roeMbc"], 5.27934, atol=1e-6)
    assert np.allclose(found["roeDeltae"], 0, atol=1e-9)
    assert np.allclose(found["roeM"], 5.27934, atol=1e-6)
    nothing = missing.rest_variables(empty, np.zeros((20, 4)), np.empty(0, np.int64), np.empty(0), BEAM)
    assert np.all(nothing["roeMbc"] == SQRT_S / 2)
    assert np.all(nothing["roeM"] == 0)


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError) as found:
        roe.rest_of_event(np.array([3]), {"track": np.array([0, 1]), "clusters": np.array([0, 2])},
                          cluster_track=np.array([-1]))
    codes = {f.code for f in found.value.findings}
    assert codes == {"unknown-kind", "missing-offsets", "wrong-length", "wrong-event"}
    with pytest.raises(InputError, match="no definition 8"):
        missing.missing_momentum(np.zeros((1, 4)), np.zeros((1, 4)), BEAM, 8)
    for wrong in (missing.corrected_mbc, missing.corrected_deltae):
        with pytest.raises(InputError):
            wrong(np.zeros((1, 4)), np.zeros((1, 4)), BEAM, 3)


def test_no_candidates_keep_their_types() -> None:
    d = _event(12)
    rest = roe.rest_of_event(np.empty(0, np.int64), {"tracks": d["tracks"], "clusters": d["clusters"]})
    total = missing.rest_momentum(rest, np.zeros((d["tracks"][-1], 4)), np.zeros((d["clusters"][-1], 4)))
    assert total.shape == (0, 4)
    assert missing.missing_momentum(total, total, BEAM).shape == (0, 4)
