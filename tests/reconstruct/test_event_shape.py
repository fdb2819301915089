"""Oracles: closed forms (back-to-back pair, planar three-fold star, isotropic sphere), brute force over all sign
choices, and Pythia's own Thrust and Sphericity on the same random momenta."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import pythia8mc
from numpy.polynomial import legendre

from openbfactory.reconstruct import event_shape as es

SQRT_S = 10.58


def _massless(momenta: np.ndarray) -> np.ndarray:
    return np.column_stack([np.linalg.norm(momenta, axis=1), momenta])


def _shape(momenta: np.ndarray) -> es.EventShape:
    return es.event_shape(_massless(np.asarray(momenta, float)), np.array([0]), np.array([len(momenta)]), SQRT_S)


def _random_events(n: int, seed: int, low: int = 3, high: int = 16) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    events = [rng.normal(0, [0.5, 0.6, 1.0], (rng.integers(low, high), 3)) for _ in range(n)]
    ends = np.cumsum([len(e) for e in events])
    return events, np.concatenate([[0], ends[:-1]]), ends


def test_back_to_back_pair() -> None:
    direction = np.array([0.6, 0.0, 0.8])
    s = _shape([2 * direction, -2 * direction])
    assert s.thrust[0] == pytest.approx(1)
    assert np.allclose(s.thrustAxis[0], direction)
    assert s.sphericity[0] == pytest.approx(0, abs=1e-7)
    assert s.aplanarity[0] == pytest.approx(0, abs=1e-7)
    assert np.allclose(s.foxWolframR[0], [1, 0, 1, 0, 1], atol=1e-12)
    assert np.allclose(s.harmonicMomentThrust[0], np.array([4, 0, 4, 0, 4]) / SQRT_S, atol=1e-12)


def test_planar_three_fold_star() -> None:
    """T = 2/3, S = 3/4, A = 0; R_l = (1 + 2 P_l(-1/2)) / 3."""
    angle = 2 * np.pi * np.arange(3) / 3
    s = _shape(np.column_stack([np.cos(angle), np.zeros(3), np.sin(angle)]))
    assert s.thrust[0] == pytest.approx(2 / 3)
    assert s.sphericity[0] == pytest.approx(0.75)
    assert s.aplanarity[0] == pytest.approx(0, abs=1e-7)
    expected = [(1 + 2 * legendre.legval(-0.5, np.eye(5)[order])) / 3 for order in range(5)]
    assert np.allclose(s.foxWolframR[0], expected)


def test_planar_star_of_many_arms() -> None:
    """2m arms in a plane: T = 1 / (m sin(pi / 2m)); every split is a tie of coplanar momenta."""
    for m in (2, 3, 5, 8):
        angle = np.pi * (np.arange(2 * m) + 0.5) / m
        s = _shape(np.column_stack([np.cos(angle), np.sin(angle), np.zeros(2 * m)]))
        assert s.thrust[0] == pytest.approx(1 / (m * math.sin(math.pi / (2 * m))), abs=1e-8)


def test_isotropic_sphere() -> None:
    """Equal momenta on a fine grid of the sphere: T -> 1/2, S -> 1, A -> 1/2, R_l -> 0."""
    n = 400
    i = np.arange(n) + 0.5
    z, phi = 1 - 2 * i / n, np.pi * (1 + 5**0.5) * i
    rho = np.sqrt(1 - z * z)
    s = _shape(np.column_stack([rho * np.cos(phi), rho * np.sin(phi), z]))
    assert s.thrust[0] == pytest.approx(0.5, abs=0.01)
    assert s.sphericity[0] == pytest.approx(1, abs=0.01)
    assert s.aplanarity[0] == pytest.approx(0.5, abs=0.01)
    assert np.allclose(s.foxWolframR[0, 1:], 0, atol=1e-3)
    assert np.allclose(s.harmonicMomentThrust[0, 1:], 0, atol=0.05 * n / SQRT_S)


def test_exact_isotropy_of_three_axes() -> None:
    s = _shape(np.vstack([np.eye(3), -np.eye(3)]))
    assert s.sphericity[0] == pytest.approx(1)
    assert s.aplanarity[0] == pytest.approx(0.5)
    assert s.thrust[0] == pytest.approx(1 / math.sqrt(3))


def test_thrust_is_the_maximum_over_all_signs() -> None:
    events, begin, end = _random_events(40, seed=1, low=1, high=11)
    value, axis = es.thrusts(_massless(np.concatenate(events)), begin, end)
    for momenta, found, a in zip(events, value, axis, strict=True):
        signs = np.array(list(itertools.product([-1.0, 1.0], repeat=len(momenta))))
        total = np.linalg.norm(momenta, axis=1).sum()
        assert found == pytest.approx(np.linalg.norm(signs @ momenta, axis=1).max() / total, rel=1e-9)
        assert found == pytest.approx(np.abs(momenta @ a).sum() / total, rel=1e-9)
        assert a[2] >= 0


def test_thrust_and_sphericity_are_those_of_pythia() -> None:
    events, begin, end = _random_events(200, seed=2)
    shapes = es.event_shape(_massless(np.concatenate(events)), begin, end, SQRT_S)
    thrust, sphericity = pythia8mc.Thrust(1), pythia8mc.Sphericity(2.0, 1)
    for i, momenta in enumerate(events):
        record = pythia8mc.Event()
        record.append(90, -11, 0, 0, 0.0, 0.0, 0.0, 1.0, 1.0)
        for x, y, z in momenta:
            record.append(22, 1, 0, 0, float(x), float(y), float(z), float(np.sqrt(x * x + y * y + z * z)), 0.0)
        assert thrust.analyze(record)
        assert sphericity.analyze(record)
        assert shapes.thrust[i] == pytest.approx(thrust.thrust(), rel=1e-8)
        a = thrust.eventAxis(1)
        assert abs(np.dot(shapes.thrustAxis[i], [a.px(), a.py(), a.pz()])) == pytest.approx(1, abs=1e-8)
        assert shapes.sphericity[i] == pytest.approx(sphericity.sphericity(), abs=1e-8)
        assert shapes.aplanarity[i] == pytest.approx(sphericity.aplanarity(), abs=1e-8)


def test_moments_are_those_of_numpy() -> None:
    events, begin, end = _random_events(30, seed=3)
    shapes = es.event_shape(_massless(np.concatenate(events)), begin, end, SQRT_S)
    for i, momenta in enumerate(events):
        size = np.linalg.norm(momenta, axis=1)
        cosine = np.clip(momenta @ momenta.T / np.outer(size, size), -1, 1)
        about = momenta @ shapes.thrustAxis[i] / size
        h = [np.sum(np.outer(size, size) * legendre.legval(cosine, np.eye(5)[order])) for order in range(5)]
        b = [np.sum(size * legendre.legval(about, np.eye(5)[order])) / SQRT_S for order in range(5)]
        assert np.allclose(shapes.foxWolframR[i], np.array(h) / h[0])
        assert np.allclose(shapes.harmonicMomentThrust[i], b)


def test_shape_does_not_change_under_rotation_and_order() -> None:
    events, begin, end = _random_events(20, seed=4)
    rng = np.random.default_rng(5)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = np.concatenate([rng.permutation(e) @ turn for e in events])
    one = es.event_shape(_massless(np.concatenate(events)), begin, end, SQRT_S)
    two = es.event_shape(_massless(turned), begin, end, SQRT_S)
    for name in ("thrust", "sphericity", "aplanarity", "foxWolframR"):
        assert np.allclose(getattr(one, name), getattr(two, name), atol=1e-8)


def test_a_wrong_weight_in_the_moments_is_caught() -> None:
    """Planted fault: unit vectors instead of momenta give other moments."""
    events, begin, end = _random_events(1, seed=6)
    momenta = events[0] / np.linalg.norm(events[0], axis=1)[:, None]
    right = es.event_shape(_massless(events[0]), begin, end, SQRT_S)
    wrong = es.event_shape(_massless(momenta), begin, end, SQRT_S)
    assert abs(right.foxWolframR[0, 2] - wrong.foxWolframR[0, 2]) > 1e-3


def test_events_without_particles_and_with_one() -> None:
    p = _massless(np.array([[0.0, 0.0, -1.0]]))
    s = es.event_shape(p, np.array([0, 0]), np.array([0, 1]), SQRT_S)
    assert np.isnan(s.thrust[0])
    assert np.isnan(s.sphericity[0])
    assert np.isnan(s.foxWolframR[0]).all()
    assert s.thrust[1] == pytest.approx(1)
    assert np.allclose(s.thrustAxis[1], [0, 0, 1])
