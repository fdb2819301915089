"""Oracles: toy decays with known truth and Gaussian helices (masses, vertices, pulls, hypotheses), closed forms of
two-body kinematics, straight geometry of radiated photons.

Statistical thresholds have a false-alarm rate of 1e-5 each with fixed seeds; swapped charges, displaced tracks and
photons beyond the angle are planted and must not pass.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from openbfactory.core.errors import ConfigError, UnknownNameError
from openbfactory.kinematics import helix
from openbfactory.kinematics.fourvector import boost
from openbfactory.physics.particles import mass
from openbfactory.reconstruct.bremsstrahlung import BremsstrahlungConfig, recover_bremsstrahlung
from openbfactory.reconstruct.kinks import find_kinks, kink_mass
from openbfactory.reconstruct.v0 import HYPOTHESES, UNFITTED, V0Config, find_v0, select_v0

FIELD = 1.5
SIGMA = np.array([30e-4, 0.6e-3, 8e-6, 40e-4, 0.6e-3])
IP = np.zeros(3)


def _two_body(rng: np.random.Generator, p: np.ndarray, m: float, m1: float, m2: float) -> list[np.ndarray]:
    """Momenta (n, 3) of two daughters of particles with momenta (n, 3)."""
    n = len(p)
    k = math.sqrt((m * m - (m1 + m2) ** 2) * (m * m - (m1 - m2) ** 2)) / (2 * m)
    u = rng.normal(size=(n, 3))
    u *= k / np.linalg.norm(u, axis=1)[:, None]
    system = (np.sqrt(m * m + np.sum(p**2, axis=1)), *p.T)
    return [np.column_stack(boost((np.full(n, math.hypot(k, mi)), *(s * u).T), system)[1:])
            for s, mi in ((1, m1), (-1, m2))]


def _tracks(rng: np.random.Generator, x: np.ndarray, p: list[np.ndarray],
            charge: list[float]) -> tuple[np.ndarray, ...]:
    """Offsets, smeared helices and covariances of events with one track of each list of momenta, all from ``x``."""
    n, k = len(x), len(p)
    rows = np.stack([helix.helices_of_particles(x, q, np.full(n, c), FIELD) for q, c in zip(p, charge, strict=True)], 1)
    rows = rows.reshape(n * k, 5)
    cov = np.zeros((n * k, 15))
    cov[:, [0, 5, 9, 12, 14]] = SIGMA**2
    return np.arange(n + 1) * k, rows + SIGMA * rng.normal(size=rows.shape), cov


def _v0(name: str, n: int, seed: int) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    _, code, plus, minus = HYPOTHESES[name]
    p = rng.normal(size=(n, 3))
    p *= (rng.uniform(0.5, 2.0, n) / np.linalg.norm(p, axis=1))[:, None]
    p[:, 2] = np.clip(p[:, 2], -1, 1)
    x = p * rng.uniform(0.5, 6.0, n)[:, None]
    daughters = _two_body(rng, p, mass(abs(code)), mass(abs(plus)), mass(abs(minus)))
    return _tracks(rng, x, daughters, [1.0, -1.0]), x, p


@pytest.mark.parametrize("name", ["K_S0", "Lambda0", "anti-Lambda0"])
def test_v0_are_found_with_their_mass_and_vertex(name: str) -> None:
    n = 1500
    (offsets, h, cov), x, p = _v0(name, n, seed=1)
    found = find_v0(offsets, h, cov, field=FIELD)
    chosen = select_v0(found, name, IP)
    assert len(chosen.rows) > 0.97 * n
    event = np.repeat(np.arange(n), np.diff(chosen.offsets))
    assert np.median(chosen.mass) == pytest.approx(mass(abs(HYPOTHESES[name][1])), abs=3e-4)
    pulls = (found.vertex[chosen.rows] - x[event]) / np.sqrt(found.covariance[chosen.rows][:, [0, 3, 5]])
    low, high = np.quantile(pulls, [0.1587, 0.8413], axis=0)  # some take the other crossing of their circles
    assert np.all(abs(np.median(pulls, axis=0)) < 5.5 / math.sqrt(len(event)))
    assert np.all(abs((high - low) / 2 - 1) < 6 / math.sqrt(2 * len(event)))
    assert np.mean(np.any(abs(pulls) > 5, axis=1)) < 0.005
    assert stats.kstest(found.pValue[chosen.rows], "uniform").pvalue > 1e-5
    assert np.median(chosen.cosPointing) > 0.9999
    assert np.median(np.linalg.norm(chosen.p4[:, 1:] - p[event], axis=1)) < 0.01
    assert np.allclose(chosen.p4[:, 0] ** 2 - np.sum(chosen.p4[:, 1:] ** 2, axis=1), chosen.mass**2, atol=1e-9)


def test_equal_charges_make_no_v0() -> None:
    (offsets, h, cov), _, _ = _v0("K_S0", 50, seed=2)
    h[1::2, 2] *= -1
    assert len(find_v0(offsets, h, cov, field=FIELD).chi2) == 0


def test_a_displaced_track_spoils_the_chi2() -> None:
    (offsets, h, cov), _, _ = _v0("K_S0", 200, seed=3)
    h[::2, 3] += 0.2  # 50 standard deviations in z
    assert len(find_v0(offsets, h, cov, field=FIELD).chi2) < 40


def test_conversions_are_parallel_pairs_of_electrons() -> None:
    n = 800
    rng = np.random.default_rng(4)
    p = rng.normal(size=(n, 3))
    p *= (rng.uniform(0.4, 1.5, n) / np.linalg.norm(p, axis=1))[:, None]
    p[:, 2] = np.clip(p[:, 2], -0.5, 0.5)
    share = rng.uniform(0.25, 0.75, n)[:, None]
    radius = rng.uniform(1.2, 10.0, n)
    x = p * (radius / np.hypot(p[:, 0], p[:, 1]))[:, None]
    offsets, h, cov = _tracks(rng, x, [share * p, (1 - share) * p], [1.0, -1.0])
    found = find_v0(offsets, h, cov, field=FIELD)
    chosen = select_v0(found, "gamma", IP)
    assert len(chosen.rows) > 0.85 * n
    event = np.repeat(np.arange(n), np.diff(chosen.offsets))
    assert np.median(abs(chosen.p4[:, 0] / np.linalg.norm(p[event], axis=1) - 1)) < 0.01
    off = np.hypot(*found.vertex[chosen.rows, :2].T) - radius[event]
    assert abs(np.median(off)) < 1.0
    loose = found.state[chosen.rows] == UNFITTED
    assert np.all(np.isnan(found.chi2[chosen.rows][loose]))
    assert np.all(np.isfinite(found.chi2[chosen.rows][~loose]))
    near = find_v0(offsets, h, cov, field=FIELD, config=V0Config(conversion_radius_min=50.0))
    assert len(select_v0(near, "gamma", IP).rows) == 0


def test_each_track_serves_its_best_candidate_only() -> None:
    rng = np.random.default_rng(5)
    (_, h, cov), _, _ = _v0("K_S0", 400, seed=5)
    offsets = np.arange(0, 801, 8)  # four K_S in an event
    found = find_v0(offsets, h, cov, field=FIELD)
    every, best = (select_v0(found, "K_S0", IP, best_of_track=b) for b in (False, True))
    assert len(best.rows) < len(every.rows)
    used = found.daughters[best.rows].ravel()
    assert len(np.unique(used)) == len(used)
    true = found.daughters[:, 1] == found.daughters[:, 0] + 1
    assert true[best.rows].mean() > true[every.rows].mean()
    masked = find_v0(offsets, h, cov, field=FIELD, mask=rng.random(len(h)) < 0.0)
    assert len(masked.chi2) == 0
    assert len(masked.offsets) == len(offsets)


def test_a_track_without_numbers_makes_no_pair_and_a_wrong_name_is_answered() -> None:
    (offsets, h, cov), _, _ = _v0("K_S0", 10, seed=6)
    h[0] = np.nan
    found = find_v0(offsets, h, cov, field=FIELD)
    assert 0 not in found.daughters[:, 0]
    with pytest.raises(UnknownNameError) as error:
        select_v0(found, "K_S", IP)
    assert error.value.nearest == "K_S0"
    with pytest.raises((ConfigError, ValueError)):
        V0Config(v0_chi2=3)


def _kinks(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Kaons from the origin that decay to mu nu: offsets, helices, covariances, kinks."""
    rng = np.random.default_rng(seed)
    m_k = mass(321)
    phi = rng.uniform(-np.pi, np.pi, n)
    p = rng.uniform(0.5, 1.2, n)
    momentum = np.column_stack([p * np.cos(phi), p * np.sin(phi), rng.uniform(-0.4, 0.4, n)])
    charge = rng.choice([-1.0, 1.0], n)
    mother = helix.helices_of_particles(np.zeros((n, 3)), momentum, charge, FIELD)
    s = rng.uniform(20, 60, n)
    x = np.array([helix.point_at(*row, arc) for row, arc in zip(mother, s, strict=True)])
    turned = phi - mother[:, 2] * s
    at = np.column_stack([p * np.cos(turned), p * np.sin(turned), momentum[:, 2]])
    muon, _ = _two_body(rng, at, m_k, mass(13), 0.0)
    daughter = helix.helices_of_particles(x, muon, charge, FIELD)
    rows = np.stack([mother, daughter], 1).reshape(2 * n, 5)
    cov = np.zeros((2 * n, 15))
    cov[:, [0, 5, 9, 12, 14]] = SIGMA**2
    return np.arange(n + 1) * 2, rows + SIGMA * rng.normal(size=rows.shape), cov, x


def test_kinks_are_found_with_the_mass_of_the_kaon() -> None:
    n = 600
    offsets, h, cov, x = _kinks(n, seed=7)
    silicon = np.tile([10, 0], n)
    found = find_kinks(offsets, h, cov, silicon, field=FIELD)
    assert len(found.chi2) > 0.8 * n
    event = np.repeat(np.arange(n), np.diff(found.offsets))
    right = found.mother == 2 * event
    assert right.mean() > 0.97
    assert np.median(np.linalg.norm(found.vertex - x[event], axis=1)) < 0.5
    assert np.median(found.mass["K -> mu nu"]) == pytest.approx(mass(321), abs=0.002)
    assert found.transverse.max() < 0.2356 + 0.02  # momentum in the kaon's rest frame
    with_silicon = find_kinks(offsets, h, cov, np.full(2 * n, 4), field=FIELD)
    assert len(with_silicon.chi2) == 0


def test_mass_of_a_kink_is_that_of_the_mother() -> None:
    rng = np.random.default_rng(8)
    p = rng.normal(size=(20, 3))
    for daughter, unseen in ((mass(211), mass(111)), (mass(13), 0.0)):
        q, _ = _two_body(rng, p, mass(321), daughter, unseen)
        assert np.allclose(kink_mass(p, q, daughter, unseen), mass(321), atol=1e-7)


def _radiating(n: int, seed: int) -> dict[str, np.ndarray]:
    """Electrons that radiate a photon where they cross the beam pipe, and a photon elsewhere; one event each."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(-np.pi, np.pi, n)
    pt, tanl = rng.uniform(0.3, 1.0, n), rng.uniform(-0.5, 0.5, n)
    momentum = np.column_stack([pt * np.cos(phi), pt * np.sin(phi), pt * tanl])
    h = helix.helices_of_particles(np.zeros((n, 3)), momentum, rng.choice([-1.0, 1.0], n), FIELD)
    s = np.full(n, 1.1)
    x = np.array([helix.point_at(*row, arc) for row, arc in zip(h, s, strict=True)])
    direction = phi - h[:, 2] * s
    u = np.column_stack([np.cos(direction), np.sin(direction), tanl]) / np.sqrt(1 + tanl**2)[:, None]
    radiated = x + 140 * u
    other = 140 * np.column_stack([np.cos(phi + 1.5), np.sin(phi + 1.5), tanl])
    point = np.stack([radiated, other], 1).reshape(2 * n, 3)
    r = np.linalg.norm(point, axis=1)
    energy = rng.uniform(0.05, 0.3, 2 * n)
    cluster = np.column_stack([energy, np.arccos(point[:, 2] / r), np.arctan2(point[:, 1], point[:, 0]), r])
    p4 = np.column_stack([np.hypot(np.linalg.norm(momentum, axis=1), mass(11)), momentum])
    return {"h": h, "p4": p4, "cluster": cluster, "tracks": np.arange(n + 1), "clusters": 2 * np.arange(n + 1)}


def test_radiated_photons_go_back_to_their_electron() -> None:
    n = 200
    d = _radiating(n, seed=9)
    electrons, photons = np.ones(n, bool), np.ones(2 * n, bool)
    back = recover_bremsstrahlung(d["tracks"], d["h"], d["p4"], electrons, d["clusters"], d["cluster"], photons)
    assert np.array_equal(back.electron[::2], np.arange(n))
    assert np.all(back.electron[1::2] == -1)
    assert np.all(back.angle[::2] < 2e-3)
    assert np.all(back.photons == 1)
    assert np.allclose(back.p4[:, 0], d["p4"][:, 0] + d["cluster"][::2, 0])
    cosine = np.sum(back.p4[:, 1:] * d["p4"][:, 1:], axis=1)
    assert np.allclose(cosine, np.linalg.norm(back.p4[:, 1:], axis=1) * np.linalg.norm(d["p4"][:, 1:], axis=1))


def test_nothing_goes_back_to_other_particles_or_from_soft_clusters() -> None:
    n = 20
    d = _radiating(n, seed=10)
    every, photons, hard = np.ones(n, bool), np.ones(2 * n, bool), BremsstrahlungConfig(brems_energy_min=1)
    for electrons, usable, config in ((~every, photons, None), (every, ~photons, None), (every, photons, hard)):
        back = recover_bremsstrahlung(d["tracks"], d["h"], d["p4"], electrons, d["clusters"], d["cluster"], usable,
                                      config=config)
        assert np.all(back.photons == 0)
        assert np.array_equal(back.p4, d["p4"])
