"""Points along helices and lines. Oracle: SciPy's integration of the Lorentz force, and a brute-force search."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.kinematics.trajectories import (
    Surface,
    arc_of,
    distance_to,
    entry_arc,
    exit_arc,
    exit_of_line,
    helix_from,
    helix_points,
    inside,
    line_points,
    steps,
)

SURFACE = Surface(125.0, 196.0, -102.0)
CASES = [([0.5, -0.3, 1.0], [0.6, 0.4, 0.3], 1), ([3.0, 4.0, -2.0], [-0.1, 0.25, 0.05], -1),
         ([-20.0, 10.0, 5.0], [0.05, -0.09, -0.2], 1), ([0.0, 0.0, 0.0], [1.5, -1.0, 2.5], -1)]


def integrated(place, momentum, charge, lengths, field=1.5):
    """Places (n, 3) after transverse path lengths, from dp/ds = q p x B."""
    pt = math.hypot(momentum[0], momentum[1])
    k = charge * field * pt_per_tesla_cm

    def force(_, y):
        return [y[3] / pt, y[4] / pt, y[5] / pt, k * y[4] / pt, -k * y[3] / pt, 0.0]

    return solve_ivp(force, (0.0, lengths[-1]), [*place, *momentum], t_eval=lengths, rtol=1e-10, atol=1e-10).y[:3].T


@pytest.mark.parametrize(("place", "momentum", "charge"), CASES)
def test_helix_is_the_path_in_the_field(place, momentum, charge):
    helix, start = helix_from(np.array(place), np.array(momentum), charge, 1.5)
    points = helix_points(helix, start, start + 60.0)
    np.testing.assert_allclose(points[0], place, atol=1e-9)
    np.testing.assert_allclose(points, integrated(place, momentum, charge, steps(60.0, min(
        8.0, 0.07 / abs(helix[2])))), atol=1e-6)
    wrong, begin = helix_from(np.array(place), np.array(momentum), -charge, 1.5)
    assert np.abs(helix_points(wrong, begin, begin + 60.0)[-1] - points[-1]).max() > 1.0


@pytest.mark.parametrize(("place", "momentum", "charge"), CASES)
def test_exit_is_the_first_crossing(place, momentum, charge):
    helix, start = helix_from(np.array(place), np.array(momentum), charge, 1.5)
    stop = exit_arc(helix, start, SURFACE)
    turn = 2 * math.pi / abs(helix[2])
    lengths = np.linspace(0.0, turn, 20001)
    path = integrated(place, momentum, charge, lengths)
    out = np.flatnonzero((np.hypot(path[:, 0], path[:, 1]) > SURFACE.radius) | (path[:, 2] > SURFACE.z_forward)
                         | (path[:, 2] < SURFACE.z_backward))
    first = lengths[out[0]] if len(out) else turn
    assert stop - start == pytest.approx(first, abs=2 * turn / 20000)


def test_curling_tracks_end_after_a_turn_and_those_outside_at_once():
    helix, start = helix_from(np.zeros(3), np.array([0.1, 0.0, 0.001]), 1, 1.5)
    assert exit_arc(helix, start, SURFACE, turns=0.5) - start == pytest.approx(math.pi / abs(helix[2]))
    helix, start = helix_from(np.array([0.0, 130.0, 0.0]), np.array([1.0, 0.0, 0.0]), 1, 1.5)
    assert exit_arc(helix, start, SURFACE) == start


def test_straight_lines():
    end = exit_of_line(np.zeros(3), np.array([0.0, 3.0, 4.0]), SURFACE)
    np.testing.assert_allclose(end, [0.0, 125.0, 125.0 * 4 / 3])
    np.testing.assert_allclose(exit_of_line(np.zeros(3), np.array([0.0, 0.0, -1.0]), SURFACE), [0, 0, -102.0])
    outside = np.array([0.0, 126.0, 0.0])
    np.testing.assert_array_equal(exit_of_line(outside, np.array([0.0, 1.0, 0.0]), SURFACE), outside)
    assert not inside(outside, SURFACE)
    points = line_points(np.zeros(3), end)
    np.testing.assert_allclose(points[[0, -1]], [[0, 0, 0], end], atol=1e-12)
    np.testing.assert_allclose(np.cross(points, end), 0.0, atol=1e-9)
    assert (np.diff(np.linalg.norm(points, axis=1)) > 0).all()
    assert len(line_points(end, end)) == 2


def test_place_on_a_helix():
    helix, start = helix_from(np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.1, 0.2]), 1, 1.5)
    points = helix_points(helix, start, start + 80.0)
    s = arc_of(helix, points[-3])
    np.testing.assert_allclose(helix_points(helix, s, s)[0], points[-3], atol=1e-6)
    assert arc_of(helix, points[0], start + 1.0) == pytest.approx(start + 2 * math.pi / abs(helix[2]))
    assert distance_to(points, 0.5 * (points[5] + points[6])) < 1e-9
    assert distance_to(points, points[0] - [0.0, 0.0, 7.0]) > 1.0


def test_an_almost_straight_track_has_no_division_by_zero():
    helix = np.array([0.0, 0.3, 0.0, 0.0, 0.5])
    stop = exit_arc(helix, 0.0, SURFACE)
    assert stop == pytest.approx(125.0, rel=1e-6)
    assert np.isfinite(helix_points(helix, 0.0, stop)).all()


def test_a_helix_that_begins_outside_comes_in():
    helix = np.array([20.0, 0.4, 0.01, -136.0, 0.8])
    start = entry_arc(helix, 0.0, SURFACE)
    _x, _y, z = helix_points(helix, start, start)[0]
    assert z == pytest.approx(SURFACE.z_backward, abs=1e-4)
    assert entry_arc(np.array([20.0, 0.4, 0.01, 0.0, 0.8]), 0.0, SURFACE) == 0.0
    assert entry_arc(np.array([20.0, 0.4, 0.01, -136.0, -0.8]), 0.0, SURFACE) is None
