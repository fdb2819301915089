"""Track segments, circle and network of the track trigger.

Oracle: crossings by the closed forms of another module; a circle fit on segments without errors; the network written
out with NumPy's tanh; the z resolution of about 2 cm at high and about 5 cm at low transverse momentum of the
experiment's simulation (belle2-neurotrigger-msc); a network whose stereo inputs are taken away must fail.
"""

import numpy as np
import pytest

from openbfactory.core.errors import CardError
from openbfactory.experiment import load_card
from openbfactory.kinematics.helix import point_at
from openbfactory.simulate import segments
from openbfactory.simulate.surface import arc_to_radius
from openbfactory.simulate.trigger_card import network_numbers, segment_numbers
from openbfactory.simulate.trigger_training import half_width, neural_tracks, train_network

CURVATURE = 1.5 * 0.00299792458


def helices(n, seed=1):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.normal(0, 2, n), rng.uniform(-np.pi, np.pi, n),
                            rng.uniform(-CURVATURE / 0.3, CURVATURE / 0.3, n), rng.uniform(-20, 20, n),
                            rng.uniform(-1, 1, n)])


def exact(card):
    numbers = segment_numbers(card.detector)
    return numbers._replace(efficiency=1.0, noise=0.0, known_side=1.0, position=1e-9, event_time=0.0)


def changed(card, **update):
    trigger = card.detector.trigger
    new = trigger.model_copy(update={"segments": trigger.segments and trigger.segments.model_copy(update=update)})
    return card.model_copy(update={"detector": card.detector.model_copy(update={"trigger": new})})


def test_crossing_is_that_of_the_helix():
    for helix in helices(200):
        for radius in (20.0, 60.0, 106.0):
            arc = arc_to_radius(helix[0], helix[2], radius)
            reached, azimuth, z, _ = segments.crossing(helix, radius)
            assert reached == (arc >= 0)
            if reached:
                x, y, height = point_at(*helix, arc)
                assert np.cos(azimuth - np.arctan2(y, x)) == pytest.approx(1, abs=1e-8)
                assert z == pytest.approx(height, abs=1e-6)


def test_circle_fits_exact_segments(belle2):
    card, rng = exact(belle2), np.random.default_rng(1)
    measured = np.zeros((9, 3))
    for helix in helices(200):
        helix[0] = 0.0
        bits = segments.axial_segments(helix, card, rng)
        if bits == 0:
            continue
        bits = segments.measure_segments(helix, bits, 0.0, card, rng, measured)
        phi0, omega = segments.fit_circle(bits, measured, card)
        assert np.cos(phi0 - helix[1]) == pytest.approx(1, abs=1e-8)
        assert omega == pytest.approx(helix[2], abs=2e-6)


def test_network_is_a_perceptron(belle2):
    network = network_numbers(belle2.detector.trigger.segments.network)
    rng, scratch = np.random.default_rng(1), np.zeros(81, np.float32)
    for _ in range(50):
        x = rng.uniform(-1, 1, 27).astype(np.float32)
        hidden = np.tanh(np.append(x, 1) @ network.hidden)
        out = np.tanh(network.output @ np.append(hidden, 1))
        z, theta = segments.evaluate(x, network, scratch)
        assert z == pytest.approx(100 * out[0], abs=0.05)
        assert theta == pytest.approx(network.theta_mean + network.theta_scale * out[1], abs=1e-3)


def test_z_resolution(belle2):
    network = belle2.detector.trigger.segments.network
    for pt, worst in ((0.35, 5.0), (1.0, 3.0), (3.0, 3.0)):
        found = neural_tracks(belle2, network, pt, 0.0, 4000)
        z = found[found[:, 1] > 0, 2]
        assert len(z) > 3700
        assert half_width(z) < worst
        assert abs(np.median(z)) < 0.5
        assert np.mean(np.abs(z) < 15) > 0.93
    far = neural_tracks(belle2, network, 1.0, 45.0, 4000)
    assert np.mean(np.abs(far[far[:, 1] > 0, 2]) < 15) < 0.03
    rng, numbers = np.random.default_rng(2), segment_numbers(belle2.detector)
    blind = np.array(network.hidden, np.float32).T.copy()
    for superlayer in (1, 3, 5, 7):
        blind[3 * superlayer:3 * superlayer + 3] = 0.0
    helix = helices(2000)
    helix[:, 0] = 0.0
    found = segments.track_in_three(helix, numbers, network_numbers(network)._replace(hidden=blind), rng)
    seen = found[:, 1] > 0
    assert half_width(found[seen, 2] - helix[seen, 3]) > 10.0


def test_training_repeats_and_follows_the_card(belle2):
    small = {"tracks": 30_000, "epochs": 8, "seed": 3}
    network = train_network(belle2, **small)
    assert network == train_network(belle2, **small)
    assert network != train_network(belle2, **{**small, "seed": 4})
    trained = neural_tracks(belle2, network, 1.0, 0.0, 3000)
    assert half_width(trained[trained[:, 1] > 0, 2]) < 20.0
    with pytest.raises(CardError, match="no track segments"):
        train_network(load_card("belle"), **small)
    with pytest.raises(CardError, match="only 0 of"):
        train_network(changed(belle2, least_stereo=5), **small)
