"""Covariance of helices by global least squares, in plain numpy: no filter, nothing of the simulation but its layers.

The trajectory is a chain of arcs between the layers; every layer turns the momentum by two small angles (in azimuth and
in dip) of Highland's width.  Where a turned or shifted trajectory meets the plane normal to the nominal one at each
layer is found numerically; central differences give the derivatives.  The residuals have the dense covariance V of
measurements and scattering, and the parameters (H^T V^-1 H)^-1.  The same matrices say what a loss of momentum at one
layer does to the fitted curvature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: transverse momentum over radius of a unit charge in 1.5 T [GeV / cm]
PT_PER_CM = 0.00299792458 * 1.5


@dataclass(frozen=True)
class Track:
    """A track: helix at the perigee, charge, mass [GeV], and by layer arc length [cm] (negative: missed) and hits."""

    helix: Array
    charge: float
    mass: float
    arcs: Array
    hits: Array


def walk(position: Array, momentum: Array, charge: float, way: float) -> tuple[Array, Array]:
    """Position and momentum after a transverse arc; a positive particle turns clockwise."""
    pt = np.hypot(momentum[0], momentum[1])
    start = np.arctan2(momentum[1], momentum[0])
    end = start - charge * PT_PER_CM / pt * way
    radius = charge * pt / PT_PER_CM
    step = np.array([radius * (np.sin(start) - np.sin(end)), radius * (np.cos(end) - np.cos(start)),
                     way * momentum[2] / pt])
    return position + step, np.array([pt * np.cos(end), pt * np.sin(end), momentum[2]])


def from_helix(helix: Array, charge: float) -> tuple[Array, Array]:
    """Position and momentum at the perigee."""
    d0, phi, omega, z0, slope = helix
    pt = charge * PT_PER_CM / omega
    return np.array([d0 * np.sin(phi), -d0 * np.cos(phi), z0]), pt * np.array([np.cos(phi), np.sin(phi), slope])


def turned(momentum: Array, azimuth: float, dip: float, loss: float) -> Array:
    """Momentum turned by two angles, its size smaller by a fraction."""
    size, phi = np.linalg.norm(momentum), np.arctan2(momentum[1], momentum[0]) + azimuth
    angle = np.arctan2(momentum[2], np.hypot(momentum[0], momentum[1])) + dip
    return size * (1 - loss) * np.array([np.cos(angle) * np.cos(phi), np.cos(angle) * np.sin(phi), np.sin(angle)])


def residuals(track: Track, arcs: Array, planes: list[tuple[Array, Array]], helix: Array, kicks: Array) -> Array:
    """(k, 2) of u and z where a trajectory with ``kicks`` (k, 3) meets the planes."""
    position, momentum = from_helix(helix, track.charge)
    out, done = np.empty((len(arcs), 2)), 0.0
    for k, (point, along) in enumerate(planes):
        position, momentum = walk(position, momentum, track.charge, arcs[k] - done)
        done = arcs[k]
        for _ in range(4):
            direction = momentum[:2] / np.hypot(*momentum[:2])
            position, momentum = walk(position, momentum, track.charge,
                                      -((position[:2] - point[:2]) @ along) / (direction @ along))
        out[k] = (position[:2] - point[:2]) @ [along[1], -along[0]], position[2] - point[2]
        momentum = turned(momentum, *kicks[k])
    return out


def least_squares(track: Track, layers: Array) -> tuple[Array, Array]:
    """Covariance (5, 5), and change of the five parameters (k, 5) for a relative loss of momentum in each layer used.

    Parameters
    ----------
    layers : (k, LAYER_WIDTH)
        Layers of the card, see :mod:`openbfactory.simulate.covariance`.
    """
    used = np.flatnonzero(track.arcs > 0)
    used = used[:np.flatnonzero(track.hits[used] > 0)[-1] + 1]
    rows, arcs, hits = layers[used], track.arcs[used], track.hits[used]
    start = from_helix(track.helix, track.charge)
    planes = []
    for s in arcs:
        point, direction = walk(*start, track.charge, s)
        planes.append((point, direction[:2] / np.hypot(*direction[:2])))

    def effect(parameter: int | None, kick: tuple[int, int] | None, step: float) -> Array:
        ends = []
        for sign in (1, -1):
            helix, kicks = track.helix.copy(), np.zeros((len(arcs), 3))
            if parameter is not None:
                helix[parameter] += sign * step
            if kick is not None:
                kicks[kick] = sign * step
            ends.append(residuals(track, arcs, planes, helix, kicks))
        return np.asarray((ends[0] - ends[1]) / (2 * step))

    look, variance = _measurements(rows, hits)
    momentum = np.linalg.norm(start[1])
    p_beta = momentum**2 / np.hypot(momentum, track.mass)
    slope2, noise = 1 + track.helix[4] ** 2, np.diag(variance)
    for k, layer in enumerate(rows):
        point, along = planes[k]
        cosine = abs(point[:2] @ along) / np.hypot(*point[:2])
        theta2 = layer[10] / p_beta**2 * np.sqrt(slope2) / cosine
        for which, width in ((0, theta2 * slope2), (1, theta2)):
            moved = np.einsum("nkj,kj->n", look, effect(None, (k, which), 1e-4))
            noise += width * np.outer(moved, moved)
    steps = (1e-4, 1e-5, 1e-5 * abs(track.helix[2]), 1e-4, 1e-5)
    design = np.column_stack([np.einsum("nkj,kj->n", look, effect(i, None, step)) for i, step in enumerate(steps)])
    weighted = np.linalg.solve(noise, design).T
    covariance = np.linalg.inv(weighted @ design)
    loss = np.column_stack([np.einsum("nkj,kj->n", look, effect(None, (k, 2), 1e-4)) for k in range(len(arcs))])
    return covariance, (covariance @ weighted @ loss).T


def _measurements(rows: Array, hits: Array) -> tuple[Array, Array]:
    """Weights (n, k, 2) of u and z in each measurement, and their variances."""
    look, variance = [], []
    for k, layer in enumerate(rows):
        kinds = [((1.0, 0.0), layer[7]), ((0.0, 1.0), layer[8])]
        if layer[9] != 0.0:
            kinds = [((1 / np.hypot(1, layer[9]), layer[9] / np.hypot(1, layer[9])), layer[7])]
        for weights, width in kinds:
            if hits[k] > 0 and width > 0:
                pick = np.zeros((len(rows), 2))
                pick[k] = weights
                look.append(pick)
                variance.append(width / hits[k])
    return np.array(look), np.array(variance)
