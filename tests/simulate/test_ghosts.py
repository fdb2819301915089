"""Wrong charges, clones and fakes.

Oracle: the probabilities of the card; the circle of a curling particle, walked once around; the layers.  Fixed seeds, 5
standard deviations; planted fault: a probability of 20 % for the wrong charge.
"""

import numpy as np
import pytest

N = 20_000


def with_tracking(card, **changes):
    tracking = card.detector.tracking.model_copy(update=changes)
    return card.model_copy(update={"detector": card.detector.model_copy(update={"tracking": tracking})})


def valued(quantity, value):
    return quantity.model_copy(update={"value": value})


@pytest.fixture(scope="module")
def plain(varied):
    return varied(beam_background=0.0, decays_in_flight=0.0, material=0.0)


@pytest.fixture(scope="module")
def curling(gun):
    return gun(np.where(np.arange(N) % 2, 211, -211), np.full(N, 0.2), np.radians(np.full(N, 80.0)),
               vertex=np.random.default_rng(3).normal(0, [0.1, 0.1, 0.1], (N, 3)))


def pairs(tracks):
    """Rows of first and second track where an event has two."""
    first = tracks.offsets[:-1][tracks.counts == 2]
    return first, first + 1


def test_clones_of_curling_particles_come_back(run, curling, plain, belle2):
    tracks = run(curling, with_tracking(plain, fakes=None, wrong_charge=None))["Tracks"]
    a, b = pairs(tracks)
    chance = belle2.detector.tracking.clones.curling.value
    found = np.sum(tracks.counts > 0)
    assert len(a) / found == pytest.approx(chance, abs=5 * np.sqrt(chance / found))
    assert np.all(tracks["mcIndex"][b] == 0)
    assert np.array_equal(tracks["charge"][a], -tracks["charge"][b])
    near = np.abs((tracks["phi0"][a] - tracks["phi0"][b]) % (2 * np.pi) - np.pi) < 0.1
    turn = 2 * np.pi * 0.2 * np.cos(np.radians(80)) / (0.00299792458 * 1.5)
    assert near.mean() > 0.95
    assert np.median(tracks["d0"][a] + tracks["d0"][b]) == pytest.approx(0, abs=0.01)
    assert np.median(tracks["tanLambda"][a] + tracks["tanLambda"][b]) == pytest.approx(0, abs=0.01)
    assert np.median(tracks["z0"][b] - tracks["z0"][a]) == pytest.approx(turn, abs=0.1)


def test_clones_of_others_have_fewer_hits(gun, run, plain):
    clones = plain.detector.tracking.clones
    card = with_tracking(plain, fakes=None, wrong_charge=None,
                         clones=clones.model_copy(update={"others": valued(clones.others, 0.3)}))
    tracks = run(gun(211, np.full(N, 1.0), np.full(N, 1.4)), card)["Tracks"]
    a, b = pairs(tracks)
    assert 0.15 < len(a) / N < 0.3
    hits = tracks["nPXDHits"] + tracks["nSVDHits"] + tracks["nCDCHits"]
    assert np.mean(hits[b] < hits[a]) > 0.75
    assert tracks["nPXDHits"][b].mean() < 0.4
    assert tracks["nCDCHits"][b].min() >= 15 or tracks["nSVDHits"][b].max() >= 4
    assert np.median(tracks["cov"][b, 0]) > np.median(tracks["cov"][a, 0])


def test_fakes_belong_to_none(gun, run, plain):
    card = with_tracking(plain, clones=None, wrong_charge=None)
    tracks = run(gun(22, np.full(N, 0.5), np.full(N, 1.4)), card)["Tracks"]
    rate = plain.detector.tracking.fakes.rate.value
    assert 0.4 * rate < tracks.size / N < rate
    assert np.all(tracks["mcIndex"] == -1)
    assert tracks["nCDCHits"].min() >= 15
    assert tracks["nSVDHits"].max() == 0
    assert abs(tracks["charge"].mean()) < 5 / np.sqrt(tracks.size)
    assert np.std(tracks["d0"]) > 1


@pytest.mark.parametrize("chance", [0.0, 0.2])
def test_wrong_charge(gun, run, plain, chance):
    wrong = valued(plain.detector.tracking.wrong_charge, chance)
    card = with_tracking(plain, clones=None, fakes=None, wrong_charge=wrong)
    tracks = run(gun(211, np.full(N, 1.0), np.full(N, 1.4)), card)["Tracks"]
    assert np.mean(tracks["charge"] < 0) == pytest.approx(chance, abs=5 * np.sqrt((chance + 1e-5) / N))
    assert np.array_equal(tracks["charge"], np.sign(tracks["omega"]))


def test_curvature_of_the_stiffest_tracks_changes_sign(gun, run, plain):
    """At 400 GeV the curvature is no larger than its error: the Gaussian alone makes wrong charges."""
    tracks = run(gun(13, np.full(N, 400.0), np.full(N, np.pi / 2)), with_tracking(plain, wrong_charge=None))["Tracks"]
    omega = np.median(tracks["omega"])
    below = 0.5 * np.mean(np.sqrt(tracks["cov"][:, 9]) > 0.4 * abs(omega))
    assert 0 < np.mean(tracks["charge"] > 0) < max(below, 0.5)


def test_tracks_of_conversions_are_found_less_often(gun, run, varied):
    card = with_tracking(varied(beam_background=0.0, fake_tracks=0.0, cloned_tracks=0.0), wrong_charge=None)
    photons = gun(22, np.full(2 * N, 1.0), np.full(2 * N, 1.4))
    sizes = [run(photons, c)["Tracks"].size for c in (with_tracking(card, conversion_factor=None), card)]
    factor = card.detector.tracking.conversion_factor.value
    assert sizes[1] / sizes[0] == pytest.approx(factor, abs=5 * np.sqrt(factor / sizes[0]))


def test_counts_are_reported(curling, belle2):
    from openbfactory.core.random import Address
    from openbfactory.simulate import simulate_counted

    counts = simulate_counted(curling, belle2, Address(1, "gun"))[1]
    assert counts.clones > 0.03 * N
    assert counts.fakes > 0.05 * N
    assert 0 < counts.wrong_charge < 0.01 * N
    assert any("second tracks" in line for line in counts.lines())


def test_cards_without_any(curling, run, plain):
    tracks = run(curling, with_tracking(plain, clones=None, fakes=None, wrong_charge=None))["Tracks"]
    assert tracks.counts.max() == 1
