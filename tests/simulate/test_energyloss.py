"""Energy loss of tracks.

Oracle: stopping powers of protons in aluminium (PSTAR tables of NIST: 33.76 MeV cm2/g at 10 MeV, 5.678 at 100 MeV,
minimum 1.615; in units of the minimum silicon differs by 2 %); a least-squares parabola
through evenly spread hits; ranges.  Planted fault: a fit with the wrong mass.
"""

import numpy as np
import pytest

from openbfactory.simulate.energyloss import loss_ratio, loss_table

PT_PER_CM = 0.00299792458 * 1.5
N = 6000


def with_hypotheses(card, *names, straggling=None):
    loss = card.detector.tracking.energy_loss.model_copy(update={"hypotheses": names})
    if straggling is not None:
        loss = loss.model_copy(update={"straggling": loss.straggling.model_copy(update={"value": straggling})})
    tracking = card.detector.tracking.model_copy(update={"energy_loss": loss})
    return card.model_copy(update={"detector": card.detector.model_copy(update={"tracking": tracking})})


@pytest.fixture(scope="module")
def still(varied):
    """Energy loss without secondaries, clones and fakes; the layers are those of the card."""
    return varied(beam_background=0.0, decays_in_flight=0.0, cloned_tracks=0.0, fake_tracks=0.0)


@pytest.mark.parametrize(("kinetic", "stopping"), [(0.010, 33.76), (0.100, 5.678)])
def test_stopping_power(kinetic, stopping):
    mass = 0.938272
    ratio = loss_ratio(np.sqrt(kinetic * (kinetic + 2 * mass)) / mass, loss_table())
    assert ratio == pytest.approx(stopping / 1.615, rel=0.03)


def test_table_has_minimum_and_rise():
    table = loss_table()
    assert loss_ratio(3.5, table) == pytest.approx(1.0, abs=0.02)
    assert 1.2 < loss_ratio(1000.0, table) < 1.6
    assert loss_ratio(1e-3, table) == table[0]
    assert loss_ratio(1e9, table) == table[-1]


@pytest.mark.parametrize("f", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_weight_is_that_of_a_parabola(f):
    """A change of the curvature at f moves the fitted curvature of evenly spread hits by w(f)."""
    s = np.linspace(0, 1, 4001)
    curvature = np.polyfit(s, 0.5 * np.maximum(s - f, 0) ** 2, 2)[0] * 2
    assert curvature == pytest.approx(1 - f**3 * (10 - 15 * f + 6 * f**2), abs=2e-3)


def mean_momentum(run, gun, card, pdg, p):
    tracks = run(gun(pdg, np.full(N, p), np.full(N, np.pi / 2)), card)["Tracks"]
    tracks = tracks.select(tracks["mcIndex"] >= 0)
    return np.median(PT_PER_CM / np.abs(tracks["omega"]))


def test_own_hypothesis_is_unbiased(gun, run, still):
    for pdg, p in ((211, 0.2), (321, 0.4), (2212, 0.6)):
        assert mean_momentum(run, gun, still, pdg, p) / p == pytest.approx(1.0, abs=1e-3)


def test_pion_hypothesis_leaves_a_bias(gun, run, still):
    """Kaons of 0.4 GeV: 2.4 MeV of layers before the weights, 2.6 with gas; the pion's mass adds back too little."""
    shift = mean_momentum(run, gun, with_hypotheses(still, "pion"), 321, 0.4) - mean_momentum(run, gun, still, 321, 0.4)
    beta, pion = 0.4 / np.hypot(0.4, 0.4937), 0.4 / np.hypot(0.4, 0.1396)
    table = loss_table()
    layers = [r.loss for r in still.detector.tracking.layers.rows]
    expected = sum(layers) * (loss_ratio(0.4 / 0.1396, table) / pion - loss_ratio(0.4 / 0.4937, table) / beta)
    assert expected < shift < 0.7 * expected < 0


def test_straggling_widens_the_curvature(gun, run, still):
    """sigma of the loss is 0.08 / beta^2 of the 2.4 MeV of all layers: for protons of 0.5 GeV 0.4 %."""
    widths = []
    for straggling in (0.0, 0.08):
        card = with_hypotheses(still, "pion", "kaon", "proton", straggling=straggling)
        tracks = run(gun(2212, np.full(N, 0.5), np.full(N, np.pi / 2)), card)["Tracks"]
        widths.append(np.median(np.sqrt(tracks["cov"][:, 9]) / np.abs(tracks["omega"])))
        found = np.percentile(PT_PER_CM / np.abs(tracks["omega"]) / 0.5, [15.87, 84.13])
        assert (found[1] - found[0]) / 2 == pytest.approx(widths[-1], rel=0.06)
    beta = 0.5 / np.hypot(0.5, 0.938272)
    noise = np.sqrt(widths[1] ** 2 - widths[0] ** 2)
    assert 0.08 * 2.0e-3 / beta**3 / 0.5 < noise < 0.08 * 2.7e-3 / beta**3 / 0.5


def test_slow_protons_stop(gun, run, still):
    """20 MeV/c below the range of the beam pipe nothing is left; without energy loss they go on."""
    slow = gun(2212, np.full(500, 0.12), np.full(500, np.pi / 2))
    assert run(slow, still)["Tracks"].size == 0
    free = still.detector.switches.model_copy(update={"energy_loss": 0.0})
    card = still.model_copy(update={"detector": still.detector.model_copy(update={"switches": free})})
    assert run(slow, card)["Tracks"].size > 200
    assert run(gun(2212, np.full(500, 0.35), np.full(500, np.pi / 2)), still)["Tracks"].size > 400
