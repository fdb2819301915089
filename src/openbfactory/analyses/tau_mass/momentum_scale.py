"""Momentum scale from D0 masses, a measurement of its own.

The mass of D0 -> K- pi+ is linear in small changes of the two momenta, so factors 1 + f per charge and interval of
cos(theta) come from a linear fit of m - m_PDG, with dm / d ln p_i = (E p_i^2 / E_i - p_i . P) / m.  The scale of a data
set is the difference from a simulation that knows the truth, so that radiation and losses in matter drop out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import DZero
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.core.errors import InputError
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]

#: times that the window of masses is cut again around the fit, and candidates below which nothing is fitted
ROUNDS, LEAST = 3, 100


@dataclass(frozen=True, slots=True, eq=False)
class MomentumScale:
    """Factors 1 + ``factors`` of measured over true momenta, (2 charges - and +, intervals), with their covariance."""

    cosines: tuple[float, ...]
    factors: Array
    covariance: Array
    species: dict[str, tuple[float, float]] = field(default_factory=dict)
    candidates: int = 0

    @classmethod
    def none(cls, cosines: tuple[float, ...] = (-1.0, 1.0)) -> MomentumScale:
        """Momenta as they are measured."""
        size = 2 * (len(cosines) - 1)
        return cls(cosines, np.zeros((2, size // 2)), np.zeros((size, size)))

    def bins(self, tracks: Tracks) -> npt.NDArray[np.int64]:
        """Number of the factor of each track, (n, k)."""
        cosine = tracks.p[:, :, 2] / np.sqrt(np.sum(tracks.p**2, axis=2))
        inside = np.clip(np.searchsorted(self.cosines, cosine, side="right") - 1, 0, len(self.cosines) - 2)
        return np.asarray(inside + (len(self.cosines) - 1) * (tracks.charge > 0), np.int64)

    def correct(self, tracks: Tracks) -> Tracks:
        """Tracks with corrected momenta."""
        return replace(tracks, p=tracks.p / (1 + self.factors.ravel()[self.bins(tracks)])[:, :, None])

    @property
    def uncertainties(self) -> Array:
        """Standard deviations (2, intervals)."""
        return np.sqrt(np.diag(self.covariance)).reshape(self.factors.shape)

    @property
    def mean(self) -> tuple[float, float]:
        """Weighted mean of the factors and its standard deviation."""
        inverse = np.linalg.pinv(self.covariance)
        total = float(inverse.sum())
        return float((inverse @ self.factors.ravel()).sum() / total), total**-0.5

    def minus(self, other: MomentumScale) -> MomentumScale:
        """Difference from an independent one."""
        kinds = {k: (v[0] - other.species[k][0], float(np.hypot(v[1], other.species[k][1])))
                 for k, v in self.species.items()}
        return replace(self, factors=self.factors - other.factors, covariance=self.covariance + other.covariance,
                       species=kinds)


def masses(tracks: Tracks) -> tuple[Array, Array]:
    """Masses (n,) of D0 -> K- pi+ candidates [GeV] and their derivatives (n, 2) to the logarithms of the momenta."""
    p4 = tracks.p4("K+", "pi+")
    total = p4.sum(axis=1)
    mass = np.sqrt(total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=1))
    square = np.sum(tracks.p**2, axis=2)
    slope = (total[:, :1] * square / p4[:, :, 0] - np.einsum("nkc,nc->nk", tracks.p, total[:, 1:])) / mass[:, None]
    return mass, slope


def momentum_scale(tracks: Tracks, chosen: DZero) -> MomentumScale:
    """Factors that put the D0 mass of the candidates at that of the particle table.

    Raises
    ------
    InputError
        With too few candidates.
    """
    if len(tracks) < LEAST:
        message = f"momentum scale: {len(tracks)} D0 candidates, at least {LEAST} are needed"
        raise InputError(message)
    scale = MomentumScale.none(chosen.cosines)
    mass, slope = masses(tracks)
    away = mass - species("D0").mass
    size = scale.factors.size
    matrix = np.zeros((len(tracks), size))
    np.add.at(matrix, (np.arange(len(tracks))[:, None], scale.bins(tracks)), slope)
    kinds = np.zeros((len(tracks), 4))
    np.add.at(kinds, (np.arange(len(tracks))[:, None], np.array([0, 2]) + (tracks.charge > 0)), slope)
    factors, covariance = _linear(matrix, away, chosen.window)
    four, error = _linear(kinds, away, chosen.window)
    names = ("K-", "K+", "pi-", "pi+")
    table = {n: (float(four[k]), float(np.sqrt(error[k, k]))) for k, n in enumerate(names)}
    return MomentumScale(chosen.cosines, factors.reshape(2, -1), covariance, table, len(tracks))


def _linear(matrix: Array, away: Array, window: float) -> tuple[Array, Array]:
    """Least squares of away = matrix f within a window about the fit, with its covariance."""
    found: Array = np.zeros(matrix.shape[1])
    covariance: Array = np.zeros((matrix.shape[1],) * 2)
    for _ in range(ROUNDS):
        rest = away - matrix @ found
        inside = np.abs(rest) < window
        covariance = np.asarray(np.linalg.pinv(matrix[inside].T @ matrix[inside]), np.float64)
        found = covariance @ (matrix[inside].T @ away[inside])
        covariance *= float(np.var(rest[inside]))
    return found, covariance
