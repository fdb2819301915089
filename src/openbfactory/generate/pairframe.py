"""Axes of a pair of leptons and of its two members: helicity states in the frame of the pair, seen from the mother.

Axes are columns of rotations.  Those of the pair have z along it and the first lepton in the half plane of positive x;
those of the first lepton are turned about y by its angle, those of the second by pi more.  A spin is kept relative to
the rest frame that one boost from the mother reaches, so the axes of the leptons go through both boosts.
"""

from __future__ import annotations

import math

from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.kinematics.fourvector import boost_from_rest, boost_to_rest


@njit(cache=True)
def pair_frame(e: Array, k: Array, axes: Array) -> tuple[float, float]:
    """Cosine of the first lepton to the direction of the pair, in its frame, and the mass of the pair.

    ``e``, ``k`` are the four-momenta of the leptons in the rest frame of the mother; ``axes`` (3, 3) is filled.  The
    mass is 0 when a direction is missing, and nothing is filled.
    """
    energy = e[0] + k[0]
    wx, wy, wz = e[1] + k[1], e[2] + k[2], e[3] + k[3]
    q = math.sqrt(max(energy * energy - wx * wx - wy * wy - wz * wz, 1e-12))
    _, lx, ly, lz = boost_to_rest(e[0], e[1], e[2], e[3], energy, wx, wy, wz, q)
    size, length = math.sqrt(wx * wx + wy * wy + wz * wz), math.sqrt(lx * lx + ly * ly + lz * lz)
    if size < 1e-12 or length < 1e-12:
        return 0.0, 0.0
    cosine = min(max((lx * wx + ly * wy + lz * wz) / (size * length), -1.0), 1.0)
    sine = math.sqrt(1.0 - cosine * cosine)
    for i in range(3):
        w = (wx, wy, wz)[i] / size
        axes[i, 2] = w
        axes[i, 0] = ((lx, ly, lz)[i] / length - cosine * w) / sine if sine > 1e-9 else 0.0
    _complete(axes)
    return cosine, q


@njit(cache=True)
def meson_axes(axes: Array, out: Array) -> None:
    """Fill helicity axes of the meson that recoils against a pair: those of the pair turned by pi about y."""
    for i in range(3):
        out[i, 0], out[i, 1], out[i, 2] = -axes[i, 0], axes[i, 1], -axes[i, 2]


@njit(cache=True)
def lepton_axes(axes: Array, cosine: float, q: float, e: Array, k: Array, mass: float, second: bool,
                out: Array) -> None:
    """Fill helicity axes of one lepton of a pair, as :func:`pair_frame` saw it, from one boost from the mother.

    ``mass`` is that of the lepton; for a massless one the axes stay those of the pair's frame.
    """
    sine, sign = math.sqrt(1.0 - cosine * cosine), -1.0 if second else 1.0
    for i in range(3):
        out[i, 0] = sign * (cosine * axes[i, 0] - sine * axes[i, 2])
        out[i, 1] = axes[i, 1]
        out[i, 2] = sign * (sine * axes[i, 0] + cosine * axes[i, 2])
    if mass > 0.0:
        p = k if second else e
        _from_pair(out, p, mass, e[0] + k[0], e[1] + k[1], e[2] + k[2], e[3] + k[3], q)


@njit(cache=True)
def _complete(axes: Array) -> None:
    """Fill y = z x x; x is made up when it is zero."""
    if axes[0, 0] ** 2 + axes[1, 0] ** 2 + axes[2, 0] ** 2 < 0.5:
        i = 0 if abs(axes[0, 2]) < 0.7 else 1
        axes[:, 0] = -axes[i, 2] * axes[:, 2]
        axes[i, 0] += 1.0
        axes[:, 0] /= math.sqrt(axes[0, 0] ** 2 + axes[1, 0] ** 2 + axes[2, 0] ** 2)
    axes[0, 1] = axes[1, 2] * axes[2, 0] - axes[2, 2] * axes[1, 0]
    axes[1, 1] = axes[2, 2] * axes[0, 0] - axes[0, 2] * axes[2, 0]
    axes[2, 1] = axes[0, 2] * axes[1, 0] - axes[1, 2] * axes[0, 0]


@njit(cache=True)
def _from_pair(axes: Array, p: Array, mass: float, energy: float, wx: float, wy: float, wz: float, q: float) -> None:
    """Turn axes in the rest frame of a lepton from (boost from the pair) to (boost from the mother)."""
    inside, lx, ly, lz = boost_to_rest(p[0], p[1], p[2], p[3], energy, wx, wy, wz, q)
    for i in range(3):
        e, x, y, z = boost_from_rest(0.0, axes[0, i], axes[1, i], axes[2, i], inside, lx, ly, lz, mass)
        e, x, y, z = boost_from_rest(e, x, y, z, energy, wx, wy, wz, q)
        e, x, y, z = boost_to_rest(e, x, y, z, p[0], p[1], p[2], p[3], mass)
        axes[0, i], axes[1, i], axes[2, i] = x, y, z
