"""Masses, lengths and angles of rows of four-momenta (E, px, py, pz) and of three-vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.kinematics.fourvector import unboost

Array = npt.NDArray[np.float64]

#: a frame needs m^2 / E^2 above this
LIGHT_LIKE = 1e-13


def square(p4: Array) -> Array:
    """Invariant square (n,) [GeV^2]."""
    found: Array = p4[..., 0] ** 2 - np.sum(p4[..., 1:] ** 2, axis=-1)
    return found


def mass_of(p4: Array) -> Array:
    """Invariant mass (n,) [GeV]; 0 where rounding makes its square negative."""
    return np.sqrt(np.maximum(square(p4), 0.0))


def length(p: Array) -> Array:
    """Length (n,) of three-vectors (n, 3)."""
    found: Array = np.sqrt(np.sum(p * p, axis=-1))
    return found


def unit(p: Array) -> Array:
    """Three-vectors (n, 3) of length 1; NaN where one vanishes."""
    with np.errstate(invalid="ignore"):
        found: Array = p / length(p)[..., None]
    return found


def direction(theta: Array, phi: Array) -> Array:
    """Three-vectors (n, 3) of length 1 with polar angles and azimuths [rad]."""
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)


def cosine(a: Array, b: Array) -> Array:
    """Cosine (n,) of the angle between three-vectors; NaN where one vanishes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.sum(a * b, axis=-1) / (length(a) * length(b))
    return np.clip(found, -1.0, 1.0)


def angle(a: Array, b: Array) -> Array:
    """Angle (n,) [rad] between three-vectors; NaN where one vanishes."""
    found: Array = np.arctan2(length(np.cross(a, b)), np.sum(a * b, axis=-1))
    return np.where((length(a) > 0) & (length(b) > 0), found, np.nan)


def theta(p: Array) -> Array:
    """Polar angle (n,) [rad] of three-vectors."""
    return np.arctan2(np.hypot(p[..., 0], p[..., 1]), p[..., 2])


def phi(p: Array) -> Array:
    """Azimuth (n,) [rad] of three-vectors, in [-pi, pi]."""
    return np.arctan2(p[..., 1], p[..., 0])


def in_rest_frame(p4: Array, frame: Array) -> Array:
    """Four-momenta (n, 4) or (4,) in the rest frame of four-momenta ``frame`` (n, 4) or (4,), by a pure boost.

    NaN where the frame is not time-like.
    """
    p4, frame = np.broadcast_arrays(np.atleast_2d(p4), frame)
    with np.errstate(invalid="ignore"):
        there = square(frame) > LIGHT_LIKE * frame[:, 0] ** 2
    found = np.full(p4.shape, np.nan)
    if there.any():
        found[there] = np.stack(unboost(tuple(p4[there].T), tuple(frame[there].T)), axis=1)
    return found
