"""Decays of K_S that matter comes before. Oracle: the exponential law with the thickness of the layers on the way.

Fixed seeds and 5 standard deviations (false alarm 6e-7 each).
"""

import numpy as np
import pytest

from openbfactory.core.random import Address
from openbfactory.events.record import Events, Jagged
from openbfactory.simulate import simulate_counted
from openbfactory.simulate.parameters import transport_numbers

N = 20_000


def short_kaons(radius, n=N):
    """Events of one K_S that decays to two pions at a radius in the plane across the beams."""
    phi = np.random.default_rng(3).uniform(-np.pi, np.pi, n)
    columns = {"PDG": np.tile(np.array([310, 211, -211], np.int32), n),
               "status": np.tile(np.array([12, 1, 1], np.int32), n),
               "mother": np.tile(np.array([-1, 0, 0], np.int32), n), "t": np.zeros(3 * n), "z": np.zeros(3 * n),
               "pz": np.tile([0.0, 0.2, -0.2], n)}
    share = np.tile([1.0, 0.5, 0.5], n)
    for name, way in (("x", np.cos(phi)), ("y", np.sin(phi))):
        columns[name] = np.repeat(radius * way, 3) * np.tile([0.0, 1.0, 1.0], n)
        columns[f"p{name}"] = np.repeat(way, 3) * share
    p2 = columns["px"] ** 2 + columns["py"] ** 2 + columns["pz"] ** 2
    columns["E"] = np.sqrt(p2 + np.tile([0.4976**2, 0.1396**2, 0.1396**2], n))
    return Events.of_process("gun", n, MCParticles=Jagged(np.arange(0, 3 * n + 1, 3), columns))


@pytest.mark.parametrize("radius", [0.5, 3.0, 20.0])
def test_matter_before_the_decay(belle2, varied, radius):
    scale = 10.0
    card = varied(beam_background=0.0, material=scale, decays_in_flight=0.0)
    thickness = scale * sum(r.material for r in belle2.detector.tracking.layers.rows if r.outer < radius)
    out, counts = simulate_counted(short_kaons(radius), card, Address(1, "gun").at("simulate"))
    expected = 1 - np.exp(-transport_numbers(card.detector).interactions * thickness)
    error = np.sqrt(max(expected * (1 - expected), 1e-9) / N)
    assert counts.undone / N == pytest.approx(expected, abs=5 * error + 1e-12)
    if radius == 20.0:
        assert counts.undone > 500
        assert len(out["Tracks"].counts) == N


def test_what_came_of_it_is_gone(varied):
    card = varied(beam_background=0.0, material=1e6, decays_in_flight=0.0)
    out, counts = simulate_counted(short_kaons(10.0, 500), card, Address(1, "gun").at("simulate"))
    assert counts.undone == 500
    assert out["Tracks"].size == 0
    assert "500 decays of K_S" in counts.lines()[-1]
    card = varied(beam_background=0.0, material=0.0, decays_in_flight=0.0)
    out, counts = simulate_counted(short_kaons(10.0, 500), card, Address(1, "gun").at("simulate"))
    assert counts.undone == 0
    assert out["Tracks"].size > 700
