"""Oracles: stepping the Lorentz force (SciPy ODE solver), elementary geometry of circles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics import helix

FIELD = 1.5


def _particles(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (n, 3)), rng.normal(0, 0.6, (n, 3)), rng.choice([-1.0, 1.0], n)


def test_helix_follows_the_lorentz_force() -> None:
    position, momentum, charge = _particles(6)
    parameters = helix.helices_of_particles(position, momentum, charge, FIELD)
    for x0, p0, q, h in zip(position, momentum, charge, parameters, strict=True):
        _, _, s0 = helix.perigee_at(h[0], h[1], h[2], x0[0], x0[1])
        pt = math.hypot(p0[0], p0[1])
        kappa = q * FIELD * pt_per_tesla_cm

        def force(_: float, state: np.ndarray, kappa: float = kappa, pt: float = pt) -> list[float]:
            px, py, pz = state[3:]
            return [px / pt, py / pt, pz / pt, kappa * py / pt, -kappa * px / pt, 0.0]

        path = solve_ivp(force, (0, 10), [*x0, *p0], rtol=1e-10, atol=1e-12)
        assert np.allclose(helix.point_at(*h, s0), x0, atol=1e-9)
        assert np.allclose(helix.point_at(*h, s0 + 10), path.y[:3, -1], atol=1e-6)


def test_poca_is_the_nearest_point_and_perpendicular() -> None:
    position, momentum, charge = _particles(50, seed=2)
    for h in helix.helices_of_particles(position, momentum, charge, FIELD):
        x, y = 0.7, -1.1
        d, phi, s = helix.perigee_at(h[0], h[1], h[2], x, y)
        px, py, _ = helix.point_at(*h, s)
        assert px - x == pytest.approx(d * math.sin(phi), abs=1e-9)
        assert py - y == pytest.approx(-d * math.cos(phi), abs=1e-9)
        for step in (-0.01, 0.01):
            qx, qy, _ = helix.point_at(*h, s + step)
            assert math.hypot(qx - x, qy - y) > abs(d)


def test_moving_the_pivot_there_and_back_changes_nothing() -> None:
    position, momentum, charge = _particles(200, seed=3)
    h = helix.helices_of_particles(position, momentum, charge, FIELD)
    pivot = np.array([0.3, -0.2, 1.0])
    back = helix.move_pivot(helix.move_pivot(h, pivot), -pivot)
    back[:, 1] = h[:, 1] + np.angle(np.exp(1j * (back[:, 1] - h[:, 1])))
    assert np.allclose(back, h, atol=1e-9)


def test_momentum_at_poca_and_sign_of_curvature() -> None:
    position, momentum, charge = _particles(50, seed=4)
    h = helix.helices_of_particles(0 * position, momentum, charge, FIELD)
    assert np.allclose(helix.momenta_at_poca(h, FIELD), momentum)
    assert np.array_equal(np.sign(h[:, 2]), charge)


def test_straight_tracks_are_finite() -> None:
    d, phi, s = helix.perigee_at(0.5, 0.3, 0.0, 3.0, 4.0)
    assert d == pytest.approx(0.5 - (3 * math.sin(0.3) - 4 * math.cos(0.3)), abs=1e-6)
    assert phi == pytest.approx(0.3, abs=1e-6)
    assert s == pytest.approx(3 * math.cos(0.3) + 4 * math.sin(0.3), abs=1e-6)


def test_circles_cross_at_the_common_point() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        point = rng.normal(0, 3, 3)
        momenta = rng.normal(0, 0.5, (2, 3))
        h = helix.helices_of_particles(np.array([point, point]), momenta, np.array([1.0, -1.0]), FIELD)
        n, x1, y1, x2, y2 = helix.circle_crossings(h[0], h[1])
        assert n >= 1
        assert min(math.hypot(x1 - point[0], y1 - point[1]), math.hypot(x2 - point[0], y2 - point[1])) < 1e-4


@pytest.mark.parametrize(("centre", "radius", "expected"), [(30.0, 5.0, (10 + 25) / 2), (2.0, 5.0, (10 + 7) / 2)])
def test_circles_apart_give_the_point_between(centre: float, radius: float, expected: float) -> None:
    first = np.array([-10.0, -math.pi / 2, -0.1, 0.0, 0.0])  # circle of radius 10 around a centre on the x axis
    cx = (first[0] + 1 / first[2]) * math.sin(first[1])
    second = np.array([centre + cx - radius, math.pi / 2, 1 / radius, 0.0, 0.0])
    n, x, y, _, _ = helix.circle_crossings(first, second)
    assert n == 1
    assert x - cx == pytest.approx(expected)
    assert y == pytest.approx(0, abs=1e-9)


def test_concentric_circles_have_no_crossing() -> None:
    h = np.array([0.0, 0.4, 0.01, 0.0, 0.0])
    assert helix.circle_crossings(h, h)[0] == 0
