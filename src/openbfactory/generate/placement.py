"""From the rest frame of what is left of a collision, with z along the electron, to the laboratory."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.experiment.machine import Machine
from openbfactory.generate.collisions import Collisions
from openbfactory.generate.columns import Array
from openbfactory.kinematics.fourvector import boost_from_rest


@njit(cache=True)
def _to_laboratory(momenta: Array, systems: Array, electron: Array) -> None:
    """Turn momenta (n, k, 4) from z along the electron in the frame of each system, and boost; in place."""
    for i in range(len(momenta)):
        e0, x0, y0, z0 = systems[i, 0], systems[i, 1], systems[i, 2], systems[i, 3]
        mass = math.sqrt(e0 * e0 - x0 * x0 - y0 * y0 - z0 * z0)
        _, a, b, c = boost_from_rest(electron[0], electron[1], electron[2], electron[3], e0, -x0, -y0, -z0, mass)
        norm = math.sqrt(a * a + b * b + c * c)
        a, b, c = a / norm, b / norm, c / norm
        # x' in the plane of z' and the laboratory's x; the azimuth of the events is uniform
        f = 1.0 / math.sqrt(1.0 - a * a)
        ux, uy, uz = (1.0 - a * a) * f, -a * b * f, -a * c * f
        vx, vy, vz = b * uz - c * uy, c * ux - a * uz, a * uy - b * ux
        for j in range(momenta.shape[1]):
            p = momenta[i, j]
            x, y, z = p[1], p[2], p[3]
            p[0], p[1], p[2], p[3] = boost_from_rest(p[0], x * ux + y * vx + z * a, x * uy + y * vy + z * b,
                                                     x * uz + y * vz + z * c, e0, x0, y0, z0, mass)


def in_laboratory(momenta: Array, made: Collisions, machine: Machine) -> Array:
    """Momenta (n, k, 4) of the laboratory, from the rest frame of each system with z along the electron."""
    electron = machine.her.momentum(np.array([machine.her.energy.value]), +1)[0]
    placed = momenta.copy()
    _to_laboratory(placed, made.system, electron)
    return placed
