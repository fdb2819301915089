"""Oracles: momenta of toy particles, NumPy soft-max, hand-placed clusters, K_S and D made at known places."""

from __future__ import annotations

import numpy as np
import pytest
import toy_events as toy

from openbfactory.core.errors import ConfigError
from openbfactory.core.quantities import references_in
from openbfactory.events.columns import ECL_CLUSTERS, PID_LIKELIHOODS, TRACKS
from openbfactory.events.record import Jagged
from openbfactory.kinematics import helix
from openbfactory.reconstruct.config import InclusiveTagConfig, cited_defaults
from openbfactory.reconstruct.kshort import find_kshort
from openbfactory.reconstruct.photons import photon_list
from openbfactory.reconstruct.tracks import HYPOTHESES, TrackList, masses, track_list
from openbfactory.reconstruct.vertices import CandidateVertices, candidate_vertices

CONFIG = InclusiveTagConfig()
ORIGIN = np.zeros(3)


def _tracks_of(position: np.ndarray, momentum: np.ndarray, charge: np.ndarray,
               sigma: float = 20e-4) -> tuple[Jagged, Jagged]:
    """One event of perfectly measured tracks with the given uncertainty of the impact parameters."""
    n = len(charge)
    columns = {c.name: c.empty(n) for c in TRACKS.columns}
    h = helix.helices_of_particles(position, momentum, charge.astype(float), toy.FIELD)
    for k, name in enumerate(("d0", "phi0", "omega", "z0", "tanLambda")):
        columns[name] = h[:, k].copy()
    columns["charge"] = charge.astype(np.int32)
    columns["cov"] = toy._covariance(np.tile([sigma, 1e-3, 1e-6, sigma, 1e-3], (n, 1)))
    offsets = np.array([0, n], np.int64)
    return Jagged(offsets, columns), Jagged(offsets, {c.name: c.empty(n) for c in PID_LIKELIHOODS.columns})


def _list(position: np.ndarray, momentum: np.ndarray, charge: np.ndarray, ip: np.ndarray = ORIGIN) -> TrackList:
    return track_list(*_tracks_of(position, momentum, charge), CONFIG, ip)


def test_defaults_are_cited_and_can_be_overridden() -> None:
    assert CONFIG.track_pt_min == 0.1
    assert CONFIG.n_tracks_max == 10
    assert references_in(cited_defaults()) == {"estimate", "bfactory-highlights-2023", "basf2-acceptance", "belle2-tdr"}
    assert set(cited_defaults().quantities) == set(InclusiveTagConfig.model_fields) - {
        "mass_hypothesis", "signal_mass", "signal_track"}
    assert InclusiveTagConfig(track_pt_min=0.2).track_pt_min == 0.2


def test_bad_cuts_are_refused() -> None:
    from openbfactory.core.config import validate

    with pytest.raises(ConfigError, match="kaon_id_min"):
        validate({"kaonid_min": 0.5}, InclusiveTagConfig, source="cuts")
    with pytest.raises(ConfigError, match="n_tracks_min"):
        validate({"n_tracks_min": 11}, InclusiveTagConfig, source="cuts")


def test_momentum_and_distance_are_those_of_the_particle() -> None:
    rng = np.random.default_rng(1)
    ip = np.array([0.05, -0.02, 0.3])
    momentum = rng.normal(0, 0.6, (40, 3))
    found = _list(np.tile(ip, (40, 1)), momentum, rng.choice([-1, 1], 40), ip)
    assert np.allclose(found.p4[:, 1:], momentum, rtol=1e-9, atol=1e-12)
    assert np.allclose(found.d0, 0, atol=1e-9)
    assert np.allclose(found.dz, 0, atol=1e-9)


@pytest.mark.parametrize(("position", "momentum", "good"), [
    ([0, 0, 0], [0.5, 0, 0.1], True),
    ([0, 0, 0], [0.09, 0, 0.1], False),  # pT
    ([0, 0.6, 0], [0.5, 0, 0.1], False),  # dr
    ([0, 0.4, 0], [0.5, 0, 0.1], True),
    ([0, 0, 3.1], [0.5, 0, 0.1], False),  # dz
    ([0, 0, 0], [0.5, 0, 0.5 / np.tan(np.radians(16.9))], False),  # forward
    ([0, 0, 0], [0.5, 0, 0.5 / np.tan(np.radians(17.1))], True),
    ([0, 0, 0], [0.5, 0, -0.5 / np.tan(np.radians(29.9))], False),  # backward
    ([0, 0, 0], [5.6, 0, 0.1], False),  # energy
])
def test_track_cuts(position: list[float], momentum: list[float], good: bool) -> None:
    found = _list(np.array([position], float), np.array([momentum], float), np.array([1]))
    assert bool(found.good[0]) is good


def test_identity_is_the_soft_max_and_the_likeliest_mass_is_used() -> None:
    rng = np.random.default_rng(2)
    n = 200
    tracks, likelihoods = _tracks_of(np.zeros((n, 3)), rng.normal(0, 0.5, (n, 3)), rng.choice([-1, 1], n))
    logs = rng.normal(0, 8, (n, 6)) - 1000
    for k, name in enumerate(HYPOTHESES):
        likelihoods.columns[f"logL_{name}"] = logs[:, k].copy()
    found = track_list(tracks, likelihoods, CONFIG, ORIGIN)
    expected = np.exp(logs - logs.max(1, keepdims=True))
    assert np.allclose(found.pid, expected / expected.sum(1, keepdims=True))
    assert np.array_equal(found.hypothesis, logs[:, :5].argmax(1))
    m2 = found.p4[:, 0] ** 2 - np.sum(found.p4[:, 1:] ** 2, axis=1)
    assert np.allclose(m2, masses()[found.hypothesis] ** 2, atol=1e-9)
    pions = track_list(tracks, likelihoods, InclusiveTagConfig(mass_hypothesis="pion"), ORIGIN)
    assert np.all(pions.hypothesis == 2)


def test_tracks_that_are_not_numbers_are_never_good() -> None:
    tracks, likelihoods = _tracks_of(np.zeros((8, 3)), np.tile([0.5, 0.1, 0.2], (8, 1)), np.ones(8))
    for k, name in enumerate(("d0", "phi0", "omega", "z0", "tanLambda")):
        tracks.columns[name][k] = np.nan
    tracks.columns["omega"][5] = 0.0
    likelihoods.columns["logL_K"][6] = np.nan
    found = track_list(tracks, likelihoods, CONFIG, ORIGIN)
    assert list(found.good) == [False] * 7 + [True]


def _clusters(**changes: float) -> Jagged:
    columns = {c.name: c.empty(1) for c in ECL_CLUSTERS.columns}
    values = {"clusterE": 0.5, "clusterTheta": 1.2, "clusterPhi": 0.3, "clusterR": 150.0} | changes
    for name, value in values.items():
        columns[name][0] = value
    return Jagged(np.array([0, 1], np.int64), columns)


def test_photon_points_from_the_interaction_point_to_the_cluster() -> None:
    ip = np.array([0.1, 0.0, 1.0])
    p = photon_list(_clusters(), CONFIG, ip).p4[0]
    place = 150 * np.array([np.sin(1.2) * np.cos(0.3), np.sin(1.2) * np.sin(0.3), np.cos(1.2)])
    assert p[0] == 0.5
    assert np.allclose(p[1:] / 0.5, (place - ip) / np.linalg.norm(place - ip))


@pytest.mark.parametrize(("changes", "good"), [
    ({}, True), ({"clusterE": 0.09}, False), ({"clusterTrackMatch": 1}, False), ({"clusterTheta": 0.28}, False),
    ({"clusterTheta": 2.63}, False), ({"clusterE": np.nan}, False), ({"clusterR": 0.0}, False),
    ({"clusterPhi": np.nan}, False),
])
def test_photon_cuts(changes: dict[str, float], good: bool) -> None:
    assert bool(photon_list(_clusters(**changes), CONFIG, ORIGIN).good[0]) is good


def _kshort(distance: float, *, seed: int = 3, direction: float = 1.0) -> tuple[TrackList, np.ndarray]:
    """Two pions of a K_S that flew ``distance`` [cm] in the direction of its momentum, and a third track."""
    rng = np.random.default_rng(seed)
    m, m_pi = 0.497611, masses()[2]
    u = toy._directions(rng, 2)
    k = np.sqrt(m * m / 4 - m_pi**2)
    p = 0.8 * u[0]
    boosted = toy._boost(np.vstack([np.append(m / 2, k * u[1]), np.append(m / 2, -k * u[1])]),
                         np.tile(np.append(np.hypot(0.8, m), p), (2, 1)))
    place = direction * distance * u[0]
    position = np.vstack([place, place, ORIGIN])
    momentum = np.vstack([boosted[:, 1:], [0.4, 0.3, 0.2]])
    return _list(position, momentum, np.array([1, -1, 1])), place


@pytest.mark.parametrize("seed", range(8))
def test_a_k_short_is_found_where_it_decayed(seed: int) -> None:
    tracks, place = _kshort(3.0, seed=seed)
    found = find_kshort(tracks, CONFIG, ORIGIN)
    assert len(found.p4) == 1
    assert list(found.used) == [True, True, False]
    assert np.allclose(found.vertex[0], place, atol=1e-3)
    mass = np.sqrt(found.p4[0, 0] ** 2 - np.sum(found.p4[0, 1:] ** 2))
    assert mass == pytest.approx(0.497611, abs=1e-4)


def test_prompt_and_backward_pairs_are_not_k_short() -> None:
    for distance, direction in ((0.1, 1.0), (3.0, -1.0)):
        tracks, _ = _kshort(distance, direction=direction)
        assert len(find_kshort(tracks, CONFIG, ORIGIN).p4) == 0


def test_flight_time_cut_is_in_proper_time() -> None:
    """t = m L / (p c): 0.007 ns at m / p = 0.4976 / 0.8 is 0.337 cm."""
    limit = 0.007 * 29.9792458 * 0.8 / 0.497611
    for factor, expected in ((0.97, 0), (1.03, 1)):
        tracks, _ = _kshort(limit * factor)
        assert len(find_kshort(tracks, CONFIG, ORIGIN).p4) == expected


def test_no_track_serves_twice() -> None:
    events = toy.generic_events(150, 4, ks_fraction=1.0)
    loose = InclusiveTagConfig(ks_mass_min=0.4, ks_mass_max=0.6, ks_p_value_min=0, ks_cos_pointing_min=-1,
                               ks_flight_time_min=-1)
    tracks = track_list(events["Tracks"], events["PIDLikelihoods"], loose, ORIGIN)
    found = find_kshort(tracks, loose, ORIGIN)
    assert len(found.p4) > 150
    assert len(np.unique(found.daughters)) == found.daughters.size == found.used.sum()
    assert np.all(tracks.charge[found.daughters] == [1, -1])
    event = np.searchsorted(tracks.offsets, found.daughters, side="right") - 1
    assert np.array_equal(event[:, 0], event[:, 1])
    assert np.array_equal(event[:, 0], np.repeat(np.arange(150), np.diff(found.offsets)))


def test_k_short_of_the_toys_are_found_with_good_efficiency() -> None:
    events = toy.generic_events(300, 5, ks_fraction=1.0, tracks=4)
    tracks = track_list(events["Tracks"], events["PIDLikelihoods"], CONFIG, ORIGIN)
    assert 0.5 < len(find_kshort(tracks, CONFIG, ORIGIN).p4) / 300 < 1.05


def _charm_event(mass: float, pions: int, *, common: bool = True) -> CandidateVertices:
    """K- and pi+ (and pi+) of a D at a known point with three tracks from elsewhere; kaon first."""
    rng = np.random.default_rng(7)
    m = np.append(masses()[3], np.full(pions, masses()[2]))
    directions = toy._directions(rng, 3)
    if pions == 1:
        directions[1] = -directions[0]
    else:  # three momenta in balance: a plane star
        e1, e2 = directions[0], np.cross(directions[0], directions[1])
        e2 /= np.linalg.norm(e2)
        directions = np.array([e1, -0.5 * e1 + np.sqrt(0.75) * e2, -0.5 * e1 - np.sqrt(0.75) * e2])
    low, high = 0.0, mass
    for _ in range(200):
        k = 0.5 * (low + high)
        low, high = (k, high) if np.hypot(m, k).sum() < mass else (low, k)
    rest = np.column_stack([np.hypot(m, k), k * directions[: pions + 1]])
    charm = np.append(np.hypot(mass, 1.0), [0.6, 0.8, 0.0])
    p = toy._boost(rest, np.tile(charm, (pions + 1, 1)))[:, 1:]
    place = np.array([0.012, 0.016, 0.002])
    others = toy._directions(rng, 3) * 0.7
    position = np.vstack([np.tile(place, (pions + 1, 1)), place + np.diag([0.3, -0.3, 0.3])])
    if not common:
        position[1] += [0.0, 0.0, 0.3]
    charge = np.append([-1] + [1] * pions, [1, 1, -1])
    tracks = _list(position, np.vstack([p, others]), charge)
    prompt = np.ones(len(charge), bool)
    return candidate_vertices(np.array([0]), np.array([0]), tracks, prompt, ORIGIN, None, toy.FIELD, masses()[3],
                              masses()[2])


def test_charm_veto_finds_the_planted_mesons() -> None:
    found = _charm_event(1.86484, 1).columns
    assert found["DzeroM"][0] == pytest.approx(1.86484, abs=1e-3)
    assert found["DzeroVertexChi2"][0] < 0.01
    found = _charm_event(1.86966, 2).columns
    assert found["DplusM"][0] == pytest.approx(1.86966, abs=1e-3)
    assert found["DplusVertexChi2"][0] < 0.01
    assert found["DplusVertexDr"][0] == pytest.approx(0.02, abs=2e-4)


def test_charm_veto_is_not_fooled_by_a_pion_from_elsewhere() -> None:
    """Planted fault: the pion of the D0 is moved by 3 mm."""
    assert _charm_event(1.86484, 1, common=False).columns["DzeroVertexChi2"][0] > 1
