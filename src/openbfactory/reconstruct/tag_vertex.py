"""The vertex of the other B and the difference of the decay times.

The tracks of the rest of event are fitted robustly (:mod:`openbfactory.kinematics.adaptivefit`), so that those of
charmed hadrons and K_S lose their weight, with one of two constraints: :func:`boost_constraint`, the interaction region
made longer along the boost and wider across by the flight of a B; or :func:`tube_constraint`, a tube along the momentum
of the other B from where both were made, as the fit of the signal gives it.

``Delta t = (x_sig - x_tag) . b / (beta gamma c)`` with the direction ``b`` and the ``beta gamma`` of the boost (that of
the Belle experiments, e.g. Phys. Rev. D 66 (2002) 071102); the motion of the B in the c.m. frame is left out, which
adds about 10 % of ``|Delta t|`` to the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from openbfactory.core.units import speed_of_light
from openbfactory.kinematics.adaptivefit import CUTOFF, fit_adaptive
from openbfactory.kinematics.vertexfit import OK
from openbfactory.reconstruct.rest_of_event import Remaining

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: width of a tube along its axis [cm]: no constraint
FREE = 1.0


@dataclass(frozen=True, slots=True)
class TagVertices:
    """Vertices of the other B of n candidates; NaN and a state other than 0 without a good fit.

    Attributes
    ----------
    position, covariance : (n, 3), (n, 3, 3) float64
        Vertex [cm] and its covariance.
    chi2, ndf, pValue : (n,) float64
        Weighted chi2, degrees of freedom (not whole numbers) and probability.
    tracks : (n,) float64
        Sum of the weights of the tracks.
    state : (n,) int64
        0, or an index into :data:`openbfactory.kinematics.vertexfit.STATES`.
    """

    position: Array
    covariance: Array
    chi2: Array
    ndf: Array
    pValue: Array
    tracks: Array
    state: Index


def boost_direction(beam: Array) -> Array:
    """Unit vector (3,) of the boost of a collision with four-momentum ``beam`` (4,)."""
    unit: Array = beam[1:] / np.linalg.norm(beam[1:])
    return unit


def boost_constraint(ip_covariance: Array, beam: Array, *, along: float = FREE, across: float = 0.0) -> Array:
    """Covariance (3, 3) [cm^2] of the interaction region, widened ``along`` the boost and ``across`` it [cm].

    The flight of a B adds across the boost about ``p* / m_B c tau / sqrt(3)`` = 0.0017 cm.
    """
    b = boost_direction(beam)
    outer = np.outer(b, b)
    widened: Array = ip_covariance + along**2 * outer + across**2 * (np.eye(3) - outer)
    return widened


def tube_constraint(origin_covariance: Array, tag_momentum: Array, *, along: float = FREE) -> Array:
    """Covariances (n, 3, 3) [cm^2] of tubes of length ``along`` [cm].

    Parameters
    ----------
    origin_covariance : (n, 3, 3) float64
        Covariance of the point where the two B were made [cm^2].
    tag_momentum : (n, 3) float64
        Momentum of the other B: that of the collision without the signal's.
    """
    u = tag_momentum / np.linalg.norm(tag_momentum, axis=1)[:, None]
    tube: Array = origin_covariance + along**2 * u[:, :, None] * u[:, None, :]
    return tube


def tag_vertices(tracks: Remaining, helix: Array, cov: Array, mean: Array, constraint: Array, *,
                 cutoff: float = CUTOFF) -> TagVertices:
    """Vertices of the tracks of the rest of event.

    Parameters
    ----------
    tracks
        Tracks of each rest of event; mask those without pixel hits and those of K_S.
    helix, cov : (m, 5), (m, 15) float64
        Helix parameters relative to the origin and upper triangles of their covariances, of all tracks.
    mean, constraint : (3,) or (n, 3), (3, 3) or (n, 3, 3) float64
        Centre of the constraint [cm] and its covariance [cm^2].
    cutoff
        Distance, in standard deviations, at which a track has half of its weight.
    """
    fits = fit_adaptive(helix, cov, tracks.rows, tracks.offsets, mean=mean, prior_covariance=constraint, cutoff=cutoff)
    sums = np.concatenate([[0.0], np.cumsum(fits.weight)])
    weights = sums[tracks.offsets[1:]] - sums[tracks.offsets[:-1]]
    p_value = np.where(fits.state == OK, gammaincc(np.maximum(fits.ndf, 1e-9) / 2, fits.chi2 / 2), np.nan)
    return TagVertices(fits.position, fits.covariance, fits.chi2, fits.ndf, p_value,
                       np.where(fits.state == OK, weights, np.nan), fits.state)


def delta_t(signal: Array, signal_covariance: Array, tag: Array, tag_covariance: Array,
            beam: Array) -> dict[str, Array]:
    """Differences (n,) of the decay times [ns] and places [cm] by their names in basf2 (there in ps).

    Parameters
    ----------
    signal, tag : (n, 3) float64
        Decay vertices [cm].
    signal_covariance, tag_covariance : (n, 3, 3) float64
        Their covariances [cm^2].
    beam : (4,) float64
        Four-momentum of the collision [GeV].
    """
    b = boost_direction(beam)
    p = np.linalg.norm(beam[1:])
    beta_gamma = p / np.sqrt(beam[0] ** 2 - p**2)
    along = (signal - tag) @ b
    variance = np.einsum("nij,i,j->n", signal_covariance + tag_covariance, b, b)
    scale = 1.0 / (beta_gamma * speed_of_light)
    return {"DeltaT": along * scale, "DeltaTErr": np.sqrt(variance) * scale, "DeltaBoost": along,
            "DeltaBoostErr": np.sqrt(variance), "DeltaZ": signal[:, 2] - tag[:, 2],
            "TagVLBoost": tag @ b, "TagVx": tag[:, 0], "TagVy": tag[:, 1], "TagVz": tag[:, 2]}
