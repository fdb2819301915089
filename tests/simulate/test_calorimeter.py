"""Calorimeter and muon-detector clusters.

Oracle: the formulas and curves of the card evaluated here, geometry of gaps, Poisson and binomial errors.
Statistical checks use fixed seeds and 5 standard deviations (false alarm 6e-7 each).
"""

import numpy as np
import pytest

N = 20_000
CENTRAL = np.full(N, np.radians(80.0))


@pytest.mark.parametrize("energy", [0.1, 0.5, 2.0])
def test_photon_resolution(gun, run, quiet, energy):
    clusters = run(gun(22, np.full(N, energy), CENTRAL), quiet)["ECLClusters"]
    terms = quiet.detector.ecl.resolution
    sigma = np.sqrt((terms.noise.value / energy) ** 2 + (terms.stochastic.value / energy**0.25) ** 2
                    + terms.constant.value**2)
    relative = clusters["clusterE"] / energy - 1
    # the upper side has no tail: its root mean square is that of the Gaussian
    assert np.sqrt(np.mean(relative[relative > 0] ** 2)) == pytest.approx(sigma, rel=0.04)
    assert np.mean(relative < -3 * sigma) > 0.02  # the low-energy tail is there
    assert np.mean(relative > 3 * sigma) < 0.003


def test_photon_efficiency(gun, run, quiet):
    ecl = quiet.detector.ecl
    expected = np.interp(0.5, ecl.efficiency.x, ecl.efficiency.y)
    found = run(gun(22, np.full(N, 0.5), CENTRAL), quiet)["ECLClusters"].size / N
    assert found == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / N))


def test_photon_energy_scale_is_one_number(gun, run, quiet, varied):
    events = gun(22, np.full(N, 1.0), CENTRAL)
    nominal = run(events, quiet)["ECLClusters"]["clusterE"]
    shifted = run(events, varied(photon_energy=1.01, beam_background=0.0, material=0.0))["ECLClusters"]["clusterE"]
    assert np.median(shifted) / np.median(nominal) == pytest.approx(1.01, abs=1e-3)


def test_gaps_and_regions(gun, run, quiet):
    degrees = np.linspace(8, 160, N)
    out = run(gun(22, np.full(N, 1.0), np.radians(degrees)), quiet)["ECLClusters"]
    true = degrees[out.event_index()]
    assert not np.any((true > 31.4) & (true < 32.2))
    assert not np.any((true > 128.7) & (true < 130.7))
    assert true.min() > 12.4
    assert true.max() < 155.1
    assert np.array_equal(out["clusterReg"], np.where(true < 32, 1, np.where(true < 130, 2, 3)))
    barrel = (true > 34) & (true < 128)
    assert out["clusterR"][barrel] * np.sin(np.radians(true[barrel])) == pytest.approx(125.0, rel=1e-9)


def test_position_and_timing(gun, run, quiet):
    out = run(gun(22, np.full(N, 1.0), CENTRAL), quiet)["ECLClusters"]
    r = 125.0 / np.sin(CENTRAL[0])
    assert np.std(out["clusterTheta"]) == pytest.approx(0.5 / r, rel=0.03)
    assert np.std(out["clusterTiming"]) == pytest.approx(np.hypot(0.6, 0.8), rel=0.03)
    assert np.mean(np.abs(out["clusterTiming"]) < out["clusterErrorTiming"]) == pytest.approx(0.99, abs=0.004)
    assert np.mean(out["clusterE1E9"]) == pytest.approx(0.75, abs=0.01)


def test_displaced_photons_point_elsewhere(gun, run, quiet):
    vertex = np.tile([0.0, 0.0, 30.0], (N, 1))
    out = run(gun(22, np.full(N, 1.0), np.full(N, np.pi / 2), vertex=vertex), quiet)["ECLClusters"]
    assert np.median(out["clusterTheta"]) == pytest.approx(np.arctan2(125.0, 30.0), abs=2e-4)


@pytest.mark.parametrize("scale", [1.0, 0.83])
def test_k_long_efficiency_is_one_number(gun, run, varied, scale):
    card = varied(k_long_ecl_efficiency=scale, beam_background=0.0, decays_in_flight=0.0)
    out = run(gun(130, np.full(N, 1.0), CENTRAL), card)["ECLClusters"]
    above = np.exp(-card.detector.ecl.threshold.value / card.detector.ecl.k_long.energy.value)
    assert out.size / N == pytest.approx(scale * 0.55 * above, abs=5 * 0.5 / np.sqrt(N))


def test_hadronic_energy_is_one_number(gun, run, varied):
    events = gun(130, np.full(N, 1.0), CENTRAL)
    mean = [run(events, varied(hadronic_energy=s, beam_background=0.0))["ECLClusters"]["clusterE"].mean()
            for s in (1.0, 0.9)]
    assert mean[1] / mean[0] == pytest.approx(0.9, abs=0.03)


def test_background(gun, run, belle2, varied):
    events = gun(12, np.full(N, 1.0), CENTRAL)  # neutrinos: only background is left
    out = run(events, belle2)["ECLClusters"]
    rate = sum(r.background_rate.value for r in belle2.detector.ecl.regions)
    merged = 1 - out.size / N / rate
    assert 0 <= merged < 0.03
    assert np.all(out["mcIndex"] == -1)
    assert np.mean(out["clusterE"] - 0.02) == pytest.approx(0.018, rel=0.05)
    assert np.all(np.isnan(out["minC2TDist"]))
    assert run(events, varied(beam_background=0.0))["ECLClusters"].size == 0


def test_charged_deposits_and_distance(gun, run, varied):
    card = varied(beam_background=0.0, split_offs=0.0, material=0.0, decays_in_flight=0.0)
    out = run(gun(13, np.full(N, 1.0), CENTRAL), card)
    clusters = out["ECLClusters"]
    matched = clusters["clusterTrackMatch"] == 1
    assert np.median(clusters["clusterE"]) == pytest.approx(0.21, abs=0.02)
    assert matched.mean() == pytest.approx(0.98 * 0.975, abs=0.01)
    assert np.array_equal(matched, clusters["trackIndex"] >= 0)
    assert np.percentile(clusters["minC2TDist"][matched], 99) < 6
    electrons = run(gun(11, np.full(N, 1.0), CENTRAL), card)["ECLClusters"]["clusterE"]
    assert np.median(electrons) == pytest.approx(1.0, abs=0.02)


def test_split_offs(gun, run, quiet):
    out = run(gun(211, np.full(N, 1.0), CENTRAL), quiet)["ECLClusters"]
    extra = out.select((out["trackIndex"] < 0) & (out["minC2TDist"] > 10))
    # 0.25 a hadron, of which those nearer than the merge distance are absorbed
    assert 0.08 < extra.size / N < 0.25
    assert np.mean(extra["minC2TDist"] < 50) > 0.75


def test_close_photons_merge(gun, run, quiet):
    theta = np.tile([np.radians(80), np.radians(80) + 0.03], N // 2)
    out = run(gun(22, np.full(N, 1.0), theta, phi=np.zeros(N), per_event=2), quiet)["ECLClusters"]
    assert out.counts.max() == 1
    assert np.percentile(out["clusterE"], 80) == pytest.approx(2.0, abs=0.05)
    apart = np.tile([np.radians(60), np.radians(100)], N // 2)
    assert run(gun(22, np.full(N, 1.0), apart, per_event=2), quiet)["ECLClusters"].counts.mean() > 1.85


@pytest.mark.parametrize("p", [0.5, 1.5, 3.0])
def test_k_long_in_klm(gun, run, quiet, p):
    out = run(gun(130, np.full(N, p), CENTRAL), quiet)["KLMClusters"]
    expected = np.interp(p, [0.3, 3.0], [0.0, 0.75])
    assert out.size / N == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / N))
    assert np.std(out["klmClusterTheta"]) == pytest.approx(0.020, rel=0.05)
    assert np.all(out["trackIndex"] == -1)


def test_muons_and_pions_in_klm(gun, run, quiet):
    rate = {pdg: run(gun(pdg, np.full(N, 1.5), CENTRAL), quiet)["KLMClusters"].size / N for pdg in (13, 211)}
    assert rate[13] == pytest.approx(0.93, abs=0.01)
    assert rate[211] == pytest.approx(0.93 * quiet.detector.klm.pion_punch_through.value, abs=0.008)
    assert run(gun(13, np.full(100, 0.4), CENTRAL[:100]), quiet)["KLMClusters"].size == 0


def test_random_numbers():
    """Poisson and binomial draws against their means and variances."""
    from openbfactory.core.random import Address
    from openbfactory.simulate.draws import binomial, poisson, wrapped

    rng = Address(1, "draws").generator()
    counts = np.array([poisson(3.2, rng) for _ in range(N)])
    assert counts.mean() == pytest.approx(3.2, abs=5 * np.sqrt(3.2 / N))
    assert counts.var() == pytest.approx(3.2, rel=0.06)
    counts = np.array([binomial(8, 0.96, 0.96 ** 8, rng) for _ in range(N)])
    assert counts.mean() == pytest.approx(7.68, abs=5 * np.sqrt(8 * 0.96 * 0.04 / N))
    assert counts.var() == pytest.approx(8 * 0.96 * 0.04, rel=0.06)
    assert counts.max() == 8
    assert [binomial(5, c, c ** 5, rng) for c in (0.0, 1.0)] == [0, 5]
    assert wrapped(3 * np.pi / 2) == pytest.approx(-np.pi / 2)
