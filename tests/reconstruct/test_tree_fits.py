"""Oracles: toy decays D*+ -> D0 (K- pi+) pi+ and D0 -> K- pi+ pi0 with known truth; the card's formula written out.

Statistical thresholds have a false-alarm rate of 1e-5 each with fixed seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from toy_events import BEAM, FIELD, _boost, _clusters, _directions, _tracks

from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.core.units import speed_of_light
from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.record import Events, Jagged
from openbfactory.experiment import load_card
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.cluster_measurements import cluster_measurements, klm_measurements
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.tree_fits import _flying, fit_tree

REGION = np.diag([12e-4, 2e-4, 0.03]) ** 2
TAU = 4.1e-4


def _two(rng: np.random.Generator, p: np.ndarray, m1: float, m2: float) -> tuple[np.ndarray, np.ndarray]:
    m = np.sqrt(p[0] ** 2 - np.sum(p[1:] ** 2))
    k = math.sqrt(max((m * m - (m1 + m2) ** 2) * (m * m - (m1 - m2) ** 2), 0)) / (2 * m)
    u = _directions(rng, 1)[0] * k
    rest = np.array([[math.hypot(k, m1), *u], [math.hypot(k, m2), *-u]])
    both = _boost(rest, np.repeat(p[None], 2, 0))
    return both[0], both[1]


def _events(n: int, seed: int, *, neutral: bool = False) -> tuple[Events, np.ndarray]:
    """Events of one D*+ -> D0 pi+, D0 -> K- pi+ (or K- rho+ -> K- pi+ pi0), and the decay times of the D0."""
    rng, times = np.random.default_rng(seed), rng_times(n, seed)
    parts = []
    for time in times:
        p = _directions(rng, 1)[0] * rng.uniform(2, 4)
        origin = rng.normal(size=3) @ np.sqrt(REGION)
        charm, slow = _two(rng, np.array([math.hypot(mass(413), np.linalg.norm(p)), *p]), mass(421), mass(211))
        vertex = origin + charm[1:] / mass(421) * time * speed_of_light
        kaon, rest = _two(rng, charm, mass(321), 0.77 if neutral else mass(211))
        photons = np.empty((0, 4))
        pion = rest
        if neutral:
            pion, pi0 = _two(rng, rest, mass(211), mass(111))
            photons = np.array(_two(rng, pi0, 0.0, 0.0))
        tracks, pid = _tracks(rng, np.array([kaon, pion, slow]), np.array([vertex, vertex, origin]),
                              np.array([-1, 1, 1]), np.array([3, 2, 2]), np.arange(3))
        parts.append((tracks, pid, _photons(rng, photons, vertex)))
    lists = {}
    for i, name in enumerate(("Tracks", "PIDLikelihoods", "ECLClusters")):
        columns = {c.name: np.concatenate([q[i][c.name] for q in parts]).astype(c.dtype)
                   for c in COLLECTIONS[name].columns if not c.optional}
        counts = [len(q[i][COLLECTIONS[name].names[0]]) for q in parts]
        lists[name] = Jagged(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), columns)
    return Events.of_process("toy", n, **lists), times


def rng_times(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed + 1000).exponential(TAU, n)


def _photons(rng: np.random.Generator, p4: np.ndarray, vertex: np.ndarray) -> dict[str, np.ndarray]:
    """Clusters of photons in the barrel with 2 % energy and 4 mrad angles; ``_clusters`` for the other columns."""
    columns = _clusters(rng, len(p4))
    point = vertex + 150 * p4[:, 1:] / p4[:, :1]
    r = np.linalg.norm(point, axis=1)
    columns["clusterE"] = p4[:, 0] * (1 + 0.02 * rng.normal(size=len(p4)))
    columns["clusterTheta"] = np.arccos(point[:, 2] / r) + 4e-3 * rng.normal(size=len(p4))
    columns["clusterPhi"] = np.arctan2(point[:, 1], point[:, 0]) + 4e-3 * rng.normal(size=len(p4))
    columns["clusterR"], columns["clusterTrackMatch"] = r, np.zeros(len(p4))
    return columns


def _reconstruction(events: Events) -> Reconstruction:
    return Reconstruction(events, beam=BEAM, field=FIELD, ip_covariance=REGION)


def test_decay_times_of_a_cascade() -> None:
    n = 700
    events, times = _events(n, seed=1)
    r = _reconstruction(events)
    r.combine("D0:kpi -> K-:all pi+:all", "1.8 < M < 1.93")
    made = r.combine("D*+:x -> D0:kpi pi+:all", "massDifference(0) < 0.16")
    right = np.array([list(r.particles["row"][r.particles.daughters[d][:2]] % 3) == [0, 1]
                      for d in r.particles.daughters[made.rows][:, 0]])
    before = r.particles["p4"][r.particles.daughters[made.rows][:, 0]].copy()
    groups = fit_tree(made, ip_constraint=True)
    assert len(groups) == 1
    assert r.failed_fits["D*+:x"] == np.count_nonzero(made["chiProb"] == -1)
    good = right & (made["chiProb"] > 1e-4)
    assert good.sum() > 0.95 * n
    time, error = made["extraInfo(D0_decayTime)"][good], made["extraInfo(D0_decayTimeErr)"][good]
    pull = (time - times[made.event[good]]) / error
    low, high = np.quantile(pull, [0.1587, 0.8413])
    assert abs((high - low) / 2 - 1) < 6 / math.sqrt(2 * n)
    assert abs(np.median(pull)) < 5.5 / math.sqrt(n)
    assert abs(time.mean() - TAU) < 4.4 * math.hypot(TAU, error.mean()) / math.sqrt(n)
    assert stats.kstest(made["chiProb"][right & (made["chiProb"] >= 0)], "uniform").pvalue > 1e-5
    assert np.array_equal(before, r.particles["p4"][r.particles.daughters[made.rows][:, 0]])
    assert abs(np.median(made["M"][good] - made["extraInfo(D0_M)"][good]) - (mass(413) - mass(421))) < 1e-4
    assert np.all(np.isfinite(made["x_uncertainty"][good]))


def test_a_head_that_flies_from_the_interaction_point() -> None:
    events, times = _events(300, seed=2)
    r = _reconstruction(events)
    made = r.combine("D0:kpi -> K-:all pi+:all", "1.8 < M < 1.93")
    fit_tree(made)
    with pytest.raises(UnknownNameError, match="decayTime"):  # without a constraint there is no flight
        made["extraInfo(decayTime)"]
    fit_tree(made, ip_constraint=True)
    rows = r.particles.daughters[made.rows][:, 1]
    good = (r.particles["row"][rows] % 3 == 1) & (made["chiProb"] > 1e-4)
    pull = (made["extraInfo(decayTime)"] - times[made.event]) / made["extraInfo(decayTimeErr)"]
    low, high = np.quantile(pull[good], [0.1587, 0.8413])
    assert abs((high - low) / 2 - 1) < 6 / math.sqrt(2 * good.sum())
    assert np.allclose(made["flightDistance"][good], made["extraInfo(flightDistance)"][good], rtol=1e-6, atol=1e-9)
    assert np.allclose(made["flightTime"][good], made["extraInfo(decayTime)"][good], rtol=1e-6, atol=1e-12)
    fit_tree(made)
    assert np.all(np.isnan(made["extraInfo(decayTime)"]))


def test_neutral_daughters_with_a_fixed_mass() -> None:
    detector = load_card("belle2").detector
    events, _ = _events(400, seed=3, neutral=True)
    r = _reconstruction(events)
    r.combine("pi0:x -> gamma:all gamma:all")
    made = r.combine("D0:x -> K-:all pi+:all pi0:x", "1.6 < M < 2.1")
    with pytest.raises(InputError, match="missing-detector"):
        fit_tree(made)
    width = {}
    for fixed in ((), ("pi0",)):
        (_, fits), = fit_tree(made, mass_constraints=fixed, detector=detector)
        row = r.particles["row"][r.particles.daughters[made.rows][:, 1]]
        good = (row % 3 == 1) & (fits.state == 0)
        assert good.sum() > 300
        width[fixed] = np.subtract(*np.quantile(fits.mass[good, 0], [0.84, 0.16]))
        assert fits.ndf == (1 if not fixed else 2)
    assert width[("pi0",)] < 0.9 * width[()]
    with pytest.raises(UnknownNameError):
        fit_tree(made, mass_constraints=("pi00",), detector=detector)


def test_a_mass_fit_of_photons_alone() -> None:
    """With the interaction region and its mass fixed a pi0 has one degree of freedom."""
    detector = load_card("belle2").detector
    events, _ = _events(400, seed=5, neutral=True)
    r = _reconstruction(events)
    made = r.combine("pi0:x -> gamma:all gamma:all")
    energy = made["E"].copy()
    with pytest.raises(InputError, match="undetermined"):
        fit_tree(made, mass_constraints=("pi0",), detector=detector)
    (_, fits), = fit_tree(made, ip_constraint=True, mass_constraints=("pi0",), detector=detector)
    good = fits.state == 0
    assert fits.ndf == 1
    assert np.all(good)
    assert np.allclose(made["M"][good], mass(111), atol=1e-7)
    assert np.all(abs(made["E"][good] / energy[good] - 1) < 0.3)
    assert np.median(fits.covariance[good, 0, 3, 3] ** 0.5 / energy[good]) < 0.02


def test_what_flies() -> None:
    composite, track, cluster = "composite", "track", "cluster"
    # D*+ -> [D0 -> [K_S0 -> pi+ pi-] [pi0 -> gamma gamma]] pi+: the D0 has one trajectory, the K_S0 two
    kind = [composite, composite, composite, track, track, composite, cluster, cluster, track]
    mother = [-1, 0, 1, 2, 2, 1, 5, 5, 0]
    long_lived = [False, True, True, True, True, False, False, False, True]
    flies = _flying(kind, mother, long_lived, True)
    assert [i for i, f in enumerate(flies) if f] == [2]
    # D+ -> [phi -> K+ K-] pi+ as the head
    kind, mother = [composite, composite, track, track, track], [-1, 0, 1, 1, 0]
    assert _flying(kind, mother, [True, False, True, True, True], True)[0]
    assert not _flying(kind, mother, [True, False, True, True, True], False)[0]


def test_lists_without_a_decay_or_without_candidates() -> None:
    events, _ = _events(2, seed=4)
    r = _reconstruction(events)
    with pytest.raises(InputError, match="without daughters"):
        fit_tree(r["pi+:all"])
    empty = r.combine("D0:none -> K-:all pi+:all", "M < 0.1")
    assert fit_tree(empty) == []


def test_flights_have_their_names_without_candidates_and_where_every_fit_fails() -> None:
    events, _ = _events(3, 5)
    r = _reconstruction(events)
    none = r.combine("D*+:none -> [D0:none -> K-:all pi+:all] pi+:all", "M > 50")
    fit_tree(none, ip_constraint=True)
    assert none["extraInfo(D0_decayTime)"].shape == (0,)
    events["Tracks"]["cov"][:] = np.nan
    broken = _reconstruction(events)
    made = broken.combine("D*+:all -> [D0:all -> K-:all pi+:all] pi+:all")
    fit_tree(made, ip_constraint=True)
    assert broken.failed_fits[made.name] == len(made) > 0
    assert np.all(np.isnan(made["extraInfo(D0_decayTime)"]))
    with pytest.raises(UnknownNameError, match="D0_decayTime"):
        made["extraInfo(D0_decayTim)"]


def test_measurements_of_clusters_follow_the_card() -> None:
    detector = load_card("belle2").detector
    ecl = detector.ecl
    clusters = Jagged(np.array([0, 2]), {
        "clusterE": np.array([0.5, 2.0]), "clusterTheta": np.array([1.5, 0.4]), "clusterPhi": np.array([0.1, -2.0]),
        "clusterR": np.array([130.0, 200.0]), "clusterReg": np.array([2, 1])})
    rows, cov = cluster_measurements(clusters, ecl)
    for i in range(2):
        e, theta, _, r = rows[i]
        t = ecl.resolution
        factor = {"barrel": 2, "forward": 1}
        factor = next(g.resolution_factor.value for g in ecl.regions if factor.get(g.name) == (2, 1)[i])
        relative = math.hypot(t.noise.value / e, t.stochastic.value / e**0.25, t.constant.value) * factor
        spread = ecl.position.value / math.sqrt(e) / r
        assert np.allclose(cov[i, [0, 3, 5]], [(e * relative) ** 2, spread**2, (spread / math.sin(theta)) ** 2])
        assert np.all(cov[i, [1, 2, 4]] == 0)
    klm = Jagged(np.array([0, 2]), {"klmClusterTheta": np.array([1.3, 0.4]), "klmClusterPhi": np.zeros(2)})
    _, cov = klm_measurements(klm, detector)
    assert np.allclose(np.sqrt(cov[:, 3]), [detector.klm.resolution_barrel.value, detector.klm.resolution_endcap.value])
