"""Toys of the fit: data sets drawn from the fitted densities, for bias and coverage of the lifetime.

Each is fitted as the data are, with fewer shapes where it cannot tell those asked for, but from the fitted values.

Uncertainties of decay times are drawn with replacement from those of the data: in the signal region a candidate stands
for signal with its probability p / (p + (1 - p) r), r the ratio of the densities of the uncertainties.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.dataset import DataSet
from openbfactory.analyses.lifetimes.measurement import Measurement, settled_model
from openbfactory.core.errors import FitError
from openbfactory.core.random import Address
from openbfactory.fit.lifetimes import BACKGROUND_NAMES, density_ratio
from openbfactory.fit.unbinned_toys import PullSummary, UnbinnedToys

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thrower:
    """Data sets drawn from a fit."""

    data: DataSet
    found: Measurement

    def __call__(self, rng: np.random.Generator) -> DataSet:
        """Candidates of a toy."""
        data, model, fit = self.data, self.found.model, self.found.fit
        p = fit["purity"][0] if model.background else 1.0
        number = len(data.time)
        signal, background = rng.poisson(number * p), rng.poisson(number * (1 - p))
        side = rng.poisson(len(data.side_time)) if model.background else 0
        weight = np.full(number, 1.0)
        if model.background:
            weight = p / (p + (1 - p) * density_ratio(data.sigma, data.side_sigma, p))
        sigma = rng.choice(data.sigma, signal, p=weight / weight.sum())
        time = rng.exponential(fit["tau"][0], signal) + fit["bias"][0] + self._scales(rng, signal) * sigma * (
            rng.standard_normal(signal))
        if not model.background:
            return replace(data, time=time, sigma=sigma)
        (one, one_sigma), (two, two_sigma) = self._background(rng, background), self._background(rng, side)
        return replace(data, time=np.concatenate([time, one]), sigma=np.concatenate([sigma, one_sigma]),
                       side_time=two, side_sigma=two_sigma)

    def _scales(self, rng: np.random.Generator, number: int) -> Array:
        """Widths of the resolution in units of the uncertainty."""
        fit, k = self.found.fit, self.found.model.gaussians
        shares = np.array([fit[f"fraction{i + 1}"][0] for i in range(k - 1)])
        shares = np.clip(np.append(shares, 1 - shares.sum()), 0.0, 1.0)
        scales = np.array([fit[f"scale{i + 1}"][0] for i in range(k)])
        return scales[rng.choice(k, number, p=shares / shares.sum())]

    def _background(self, rng: np.random.Generator, number: int) -> tuple[Array, Array]:
        """Times and uncertainties of background."""
        fit = self.found.fit
        bias, scale, tau1, tau2, lived, share = (fit[n][0] for n in BACKGROUND_NAMES)
        sigma = rng.choice(self.data.side_sigma, number)
        tau = np.where(rng.random(number) < share, tau1, tau2)
        flight = np.where(rng.random(number) < lived, rng.exponential(tau), 0.0)
        return flight + bias + scale * sigma * rng.standard_normal(number), sigma


def toys(data: DataSet, found: Measurement, count: int, seed: int, sample: str) -> tuple[PullSummary, int]:
    """Pulls of the lifetime in toys, and the number of toys without a minimum, or with the lifetime at its limit.

    Raises
    ------
    FitError
        When fewer than two toys have a minimum.
    """
    throw, values = Thrower(data, found), []
    for k in range(count):
        with contextlib.suppress(FitError):
            one = throw(Address(seed, f"{sample} toys", k).generator())
            fitted = settled_model(one, found.model, found.fit)[0]
            if not any(words.startswith("tau ") for words in fitted.warnings):
                values.append(fitted["tau"])
    if len(values) < 2:
        message = f"{count - len(values)} of {count} toys have no minimum"
        raise FitError(message)
    estimates = np.array(values)
    made = UnbinnedToys({"tau": found.fit["tau"][0]}, estimates[:, :1], estimates[:, 1:], count - len(values))
    return made.summary("tau"), made.failed
