"""Tracks from truth.

Oracle: the circle through the production vertex (centre, radius, POCA in closed form, written here from
scratch); unit-width pulls; binomial errors of the efficiency curve on the card; layer radii.
Statistical checks use fixed seeds and 5 standard deviations (false alarm 6e-7 each).
"""

import numpy as np
import pytest

from openbfactory.experiment import load_card

N = 40_000


def angles(seed, low=40, high=120, n=N):
    return np.radians(np.random.default_rng(seed).uniform(low, high, n))


def closed_form(events, tracks):
    """Helix (n, 5) of the true particles: centre of the circle, nearest point to the z axis."""
    particles = events["MCParticles"]
    i = particles.offsets[tracks.event_index()] + tracks["mcIndex"]
    px, py, pz, x, y, z = (particles[k][i] for k in ("px", "py", "pz", "x", "y", "z"))
    pt, charge = np.hypot(px, py), np.sign(particles["PDG"][i])
    radius = pt / (0.00299792458 * 1.5)
    # a positive particle turns clockwise: the centre is to the right of the momentum
    cx, cy = x + charge * radius * py / pt, y - charge * radius * px / pt
    distance = np.hypot(cx, cy)
    d0 = charge * (distance - radius)
    phi0 = np.arctan2(charge * cx, -charge * cy)
    turned = (np.arctan2(py, px) - phi0 + np.pi) % (2 * np.pi) - np.pi
    z0 = z - pz / pt * radius * (-charge * turned)
    return np.stack([d0, phi0, charge / radius, z0, pz / pt], axis=1)


def full_covariance(tracks):
    covariance = np.zeros((tracks.size, 5, 5))
    covariance[:, *np.triu_indices(5)] = tracks["cov"]
    return covariance + np.transpose(np.triu(covariance, 1), (0, 2, 1))


def pulls(events, tracks):
    measured = np.stack([tracks[k] for k in ("d0", "phi0", "omega", "z0", "tanLambda")], axis=1)
    difference = measured - closed_form(events, tracks)
    difference[:, 1] = (difference[:, 1] + np.pi) % (2 * np.pi) - np.pi
    return difference / np.sqrt(np.einsum("nii->ni", full_covariance(tracks)))


def core_width(pull):
    low, high = np.percentile(pull, [15.87, 84.13], axis=0)
    return (high - low) / 2


@pytest.fixture(scope="module")
def prompt(gun, run, quiet):
    p = np.random.default_rng(1).uniform(0.2, 3.0, N)
    pdg = np.where(np.arange(N) % 2, 211, -211)
    events = gun(pdg, p, angles(2), vertex=np.random.default_rng(3).normal(0, [1e-3, 2e-5, 2.5e-2], (N, 3)))
    return events, run(events, quiet)


def test_pulls_prompt(prompt):
    pull = pulls(prompt[0], prompt[1]["Tracks"])
    assert np.median(pull, axis=0) == pytest.approx(np.zeros(5), abs=0.02)
    # 1 % of the tracks are three times wider: the core grows by 0.8 %
    assert core_width(pull) == pytest.approx(np.ones(5), abs=0.02)


def test_pulls_displaced(gun, run, quiet):
    rng = np.random.default_rng(4)
    phi, r = rng.uniform(-np.pi, np.pi, N), rng.uniform(1, 8, N)
    vertex = np.stack([r * np.cos(phi), r * np.sin(phi), rng.normal(0, 3, N)], axis=1)
    events = gun(np.where(np.arange(N) % 2, 211, -211), rng.uniform(0.3, 2, N), angles(5),
                 phi=phi + rng.normal(0, 0.4, N), vertex=vertex)
    tracks = run(events, quiet)["Tracks"]
    pull = pulls(events, tracks)
    assert tracks.size > 0.7 * N
    assert np.median(pull, axis=0) == pytest.approx(np.zeros(5), abs=0.02)
    assert core_width(pull) == pytest.approx(np.ones(5), abs=0.02)


def test_pulls_catch_a_fault(prompt):
    """Planted fault: errors that are 10 % too small, and a d0 shifted by a fifth of its error."""
    tracks = prompt[1]["Tracks"]
    wrong = tracks.select(np.ones(tracks.size, bool))
    wrong.columns["cov"] = tracks["cov"] * 0.81
    assert np.all(core_width(pulls(prompt[0], wrong)) > 1.054)
    wrong.columns["cov"], wrong.columns["d0"] = tracks["cov"], tracks["d0"] + 0.2 * np.sqrt(tracks["cov"][:, 0])
    assert abs(np.median(pulls(prompt[0], wrong)[:, 0])) > 0.035


def test_correlations(prompt):
    """Deviations divided by the square root of the whole covariance are independent; by the variances they are not."""
    tracks = prompt[1]["Tracks"]
    covariance, pull = full_covariance(tracks), pulls(prompt[0], tracks)
    scale = np.sqrt(np.einsum("nii->ni", covariance))
    white = np.einsum("nij,nj->ni", np.linalg.inv(np.linalg.cholesky(
        covariance / scale[:, :, None] / scale[:, None, :])), pull)
    white, pull = (v[np.all(np.abs(white) < 4, axis=1)] for v in (white, pull))
    assert np.corrcoef(white.T) == pytest.approx(np.eye(5), abs=0.03)
    assert abs(np.corrcoef(pull.T)[0, 1]) > 0.3


def test_covariance_is_positive_definite(prompt):
    covariance = full_covariance(prompt[1]["Tracks"])
    scale = np.sqrt(np.einsum("nii->ni", covariance))
    assert np.linalg.eigvalsh(covariance / scale[:, :, None] / scale[:, None, :]).min() > 0


def test_transverse_momentum_resolution(gun, run, quiet):
    """The width follows the covariance, near the design value 0.1 % pT (+) 0.3 % / beta."""
    events = gun(13, np.full(N, 2.0), np.full(N, np.pi / 2))
    tracks = run(events, quiet)["Tracks"]
    relative = core_width((0.00299792458 * 1.5 / np.abs(tracks["omega"]) / 2.0 - 1)[:, None])[0]
    assert relative == pytest.approx(np.median(np.sqrt(tracks["cov"][:, 9]) / np.abs(tracks["omega"])), rel=0.03)
    assert relative == pytest.approx(np.hypot(0.001 * 2, 0.003), rel=0.15)


def efficiency(gun, run, card, pt, seed=1):
    events = gun(211, np.full(N, pt), np.full(N, np.pi / 2))
    return run(events, card, seed)["Tracks"].size / N


@pytest.mark.parametrize("pt", [0.1, 0.15, 0.3, 1.0])
def test_efficiency_curve(gun, run, quiet, pt):
    curve = quiet.detector.tracking.efficiency
    expected = np.interp(pt, curve.x, curve.y)
    # hits lost by chance cost less than 0.2 % above 0.1 GeV
    assert efficiency(gun, run, quiet, pt) == pytest.approx(expected, abs=5 * np.sqrt(expected / 4 / N) + 0.002)


def test_efficiency_switch_and_fault(gun, run, varied):
    # without secondaries, whose tracks would count too
    card = varied(track_efficiency=0.97, beam_background=0.0, decays_in_flight=0.0, material=0.0,
                  fake_tracks=0.0, cloned_tracks=0.0)
    wrong = efficiency(gun, run, card, 1.0)
    assert wrong == pytest.approx(0.97 * 0.975, abs=0.006)
    assert abs(wrong - 0.975) > 5 * np.sqrt(0.975 / 4 / N) + 0.002


def test_acceptance(gun, run, quiet):
    theta = np.radians(np.linspace(5, 175, N))
    tracks = run(gun(211, np.full(N, 1.0), theta), quiet)["Tracks"]
    found = theta[tracks.event_index()]
    assert np.degrees(found.min()) > 17
    assert np.degrees(found.max()) < 150


def test_hits(gun, run, quiet):
    tracks = run(gun(211, np.full(2000, 1.0), np.full(2000, np.pi / 2)), quiet)["Tracks"]
    assert tracks["nSVDHits"].max() == 4
    assert tracks["nSVDHits"].mean() == pytest.approx(4 * 0.99, abs=0.03)
    assert tracks["nCDCHits"].mean() == pytest.approx(56 * 0.96, abs=0.2)
    assert tracks["nPXDHits"].mean() == pytest.approx(0.95 * (1 + 1 / 6), abs=0.07)
    vertex = np.tile([5.0, 0.0, 0.0], (2000, 1))
    outside = run(gun(211, np.full(2000, 1.0), np.full(2000, np.pi / 2), phi=np.zeros(2000), vertex=vertex),
                  quiet)["Tracks"]
    assert outside["nPXDHits"].max() == 0
    assert outside["nSVDHits"].max() == 3


def test_run_periods(gun, run):
    """With the second pixel layer the impact parameters are measured better, with as many hits more."""
    card = {name: load_card(f"belle2:{name}") for name in ("run1", "run2")}
    tracks = {name: run(gun(211, np.full(4000, 3.0), np.full(4000, 1.2)), c)["Tracks"] for name, c in card.items()}
    tracks = {name: t.select(t["mcIndex"] >= 0) for name, t in tracks.items()}
    hits = {name: t["nPXDHits"].mean() for name, t in tracks.items()}
    assert hits["run2"] - hits["run1"] == pytest.approx(0.95 * 5 / 6, abs=0.05)
    for column in (0, 12):
        ratio = np.median(tracks["run2"]["cov"][:, column]) / np.median(tracks["run1"]["cov"][:, column])
        assert 0.6 < np.sqrt(ratio) < 0.95


def test_charge_and_unseen_particles(gun, run, quiet):
    pdg = np.tile([211, -211, 11, -11, 12, 22, 310], 100)
    events = gun(pdg, np.full(700, 0.8), np.full(700, 1.5))
    tracks = run(events, quiet)["Tracks"]
    true = pdg[tracks.event_index()]
    assert set(true) == {211, -211, 11, -11}
    assert np.array_equal(tracks["charge"], np.where(np.isin(true, [211, -11]), 1, -1))
    assert np.array_equal(tracks["charge"], np.sign(tracks["omega"]))
