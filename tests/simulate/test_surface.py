"""Where particles meet the calorimeter.

Oracle: small steps along the equation of motion until the volume is left; straight lines in closed form.
"""

import numpy as np
import pytest

from openbfactory.kinematics.helix import helix_of
from openbfactory.simulate.surface import arc_to_radius, helix_to_surface, straight_to_surface

RADIUS, FORWARD, BACKWARD = 125.0, 196.0, -102.0


def stepped(x, y, z, px, py, pz, charge, step=0.01):
    """Point where the volume is left, by rotation of the momentum in small steps (midpoint rule)."""
    pt = np.hypot(px, py)
    turn = -charge * 0.00299792458 * 1.5 / pt * step
    phi, tanl = np.arctan2(py, px), pz / pt
    while np.hypot(x, y) < RADIUS and BACKWARD < z < FORWARD:
        x, y, z = x + step * np.cos(phi + turn / 2), y + step * np.sin(phi + turn / 2), z + step * tanl
        phi += turn
    return np.array([x, y, z])


@pytest.mark.parametrize(("momentum", "charge"), [((1.0, 0.2, 0.3), 1.0), ((0.4, -0.3, 1.5), -1.0),
                                                  ((-0.3, 0.1, -0.5), 1.0), ((0.0, 0.35, 0.05), -1.0)])
def test_helix_against_steps(momentum, charge):
    vertex = (0.4, -0.7, 1.1)
    theta, phi, r, _ = helix_to_surface(*helix_of(*vertex, *momentum, charge, 1.5), RADIUS, FORWARD, BACKWARD)
    point = r * np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    assert point == pytest.approx(stepped(*vertex, *momentum, charge), abs=0.05)


def test_curling_tracks_do_not_arrive():
    helix = helix_of(0.0, 0.0, 0.0, 0.1, 0.0, 0.001, 1.0, 1.5)
    assert helix_to_surface(*helix, RADIUS, FORWARD, BACKWARD)[2] == 0
    assert arc_to_radius(helix[0], helix[2], 100.0) == -1


def test_arc_to_radius_by_geometry():
    """A circle of radius R through the origin reaches r after s = 2 R asin(r / 2R)."""
    for radius in (20.0, 100.0, 1e5, 1e9):
        assert arc_to_radius(0.0, 1 / radius, 30.0) == pytest.approx(2 * radius * np.arcsin(30 / (2 * radius)))


def test_straight_lines():
    theta, phi, r, path = straight_to_surface(0.0, 0.0, 0.0, 1.0, 1.0, 0.0, RADIUS, FORWARD, BACKWARD)
    assert (theta, phi, r, path) == pytest.approx((np.pi / 2, np.pi / 4, RADIUS, RADIUS))
    theta, _, r, path = straight_to_surface(0.0, 0.0, 10.0, 0.1, 0.0, 1.0, RADIUS, FORWARD, BACKWARD)
    assert r * np.cos(theta) == pytest.approx(FORWARD)
    assert path == pytest.approx((FORWARD - 10) * np.hypot(1, 0.1))
    assert straight_to_surface(130.0, 0.0, 0.0, 1.0, 0.0, 0.0, RADIUS, FORWARD, BACKWARD)[2] == 0
