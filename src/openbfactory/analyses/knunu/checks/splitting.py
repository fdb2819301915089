"""Splits of the data in two halves by many criteria, both fitted with templates split in the same way.

The data are one pseudo-experiment of the candidates of a finished run (Poisson counts of their weights, mu = 1): every
event has all its variables and enters every split.  Each half is fitted in q2_rec and eta, on and off resonance.

The fits are linear in the counts n near their solution, mu = sum_b g_b n_b, so the statistical uncertainty is
sum_b g_b^2 lambda_b, and differences of two splits i, j have the covariance sum_c w_c g_i(c) g_j(c) over the expected
candidates c, with g the gain of the half that c is in and its sign: one chi2 for all splits of the same data.

Approximation: templates and data are of the same simulated events; their limited number is no part of the uncertainty.
Bins of a half with fewer than three simulated candidates of the background are left out of its fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import SIGNAL
from openbfactory.core.errors import FitError
from openbfactory.fit.build import Template, build_workspace
from openbfactory.fit.estimate import analyse
from openbfactory.fit.gaussian import gaussian_fit
from openbfactory.select.binning import Binning

Array = npt.NDArray[Any]

#: bounds of mu
REACH = 500.0
#: simulated background candidates that a bin of a half must have to be fitted
LEAST = 3


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates: variables, sample, flat bin (off resonance: after those on), expected and observed events."""

    columns: Mapping[str, Array]
    sample: Array
    bin: Array
    bins: int
    expected: Array
    observed: Array


@dataclass(frozen=True, slots=True)
class Half:
    """Fit of one half: mu, its statistical uncertainty, gain of each bin, and the sums of data and expectation."""

    mu: float
    sigma: float
    gain: Array
    data: float
    expectation: float

    @property
    def ratio(self) -> tuple[float, float]:
        """Data over expectation, and its statistical uncertainty."""
        return self.data / self.expectation, self.expectation**-0.5


def merged(samples: Mapping[str, Mapping[str, Array]], binning: Binning) -> Candidates:
    """Candidates of all samples, without data."""
    names = sorted(set.intersection(*(set(c) for c in samples.values())))
    columns = {n: np.concatenate([c[n] for c in samples.values()]) for n in names}
    sample = np.concatenate([np.full(len(c["eta"]), name.removesuffix("_off")) for name, c in samples.items()])
    off = np.concatenate([np.full(len(c["eta"]), name.endswith("_off")) for name, c in samples.items()])
    flat = binning.index({n: columns[n] for n in binning.names})
    return Candidates(columns, sample, np.where(off & (flat >= 0), flat + binning.size, flat), 2 * binning.size,
                      columns["weight"], np.zeros(len(flat)))


def drawn(found: Candidates, generator: np.random.Generator, lost: Array | float = 0.0) -> Candidates:
    """The candidates with one pseudo-experiment; ``lost`` is the share of each that the detector does not see."""
    counts = generator.poisson(found.expected * (1.0 - lost))
    return Candidates(found.columns, found.sample, found.bin, found.bins, found.expected, counts.astype(float))


def halves_of(found: Candidates, cuts: Mapping[str, float | None]) -> dict[str, Array]:
    """Split to the mask of candidates above its cut, or above the median of the expected data where it has none."""
    masks = {}
    for name, cut in cuts.items():
        value = found.columns[name].astype(float)
        order = np.argsort(value)
        share = np.cumsum(found.expected[order])
        middle = value[order][np.searchsorted(share, 0.5 * share[-1])] if cut is None else cut
        masks[name] = value > middle
    return masks


def usable_bins(found: Candidates, half: Array) -> Array:
    """Bins (bins,) of a half with enough simulated candidates of the background."""
    rows = half & (found.bin >= 0) & (found.sample != SIGNAL)
    return np.bincount(found.bin[rows], minlength=found.bins) >= LEAST


def fittable(found: Candidates, masks: Mapping[str, Array], needed: str) -> dict[str, Array]:
    """The splits both halves of which have a usable bin on resonance.

    Raises
    ------
    FitError
        When the split ``needed`` is not among them.
    """
    size = found.bins // 2
    good = {n: m for n, m in masks.items() if all(usable_bins(found, half)[:size].any() for half in (m, ~m))}
    if needed not in good:
        rows = int(np.sum((found.bin >= 0) & (found.sample != SIGNAL)))
        message = (f"too few simulated candidates to split: {rows} of the background in the fit region; take a run "
                   "with more luminosity")
        raise FitError(message)
    return good


def fit_half(found: Candidates, half: Array, normalisation: float) -> Half:
    """Fit of the candidates of a mask with templates of the same candidates, where there are enough of the background.

    Raises
    ------
    FitError
        When the fit has no minimum.
    """
    inside, size = half & (found.bin >= 0), found.bins // 2
    rows = {str(name): inside & (found.sample == name) for name in np.unique(found.sample)}

    def summed(mask: Array, weight: Array | None = None) -> Array:
        return np.bincount(found.bin[mask], None if weight is None else weight[mask], minlength=found.bins)

    used = usable_bins(found, half)
    parts = {"on": used & (np.arange(found.bins) < size), "off": used & (np.arange(found.bins) >= size)}
    yields, data = {n: summed(mask, found.expected) for n, mask in rows.items()}, summed(inside, found.observed)
    templates = {channel: {n: Template(y[bins]) for n, y in yields.items() if channel == "on" or y[bins].any()}
                 for channel, bins in parts.items() if bins.any()}
    normalisations = {n: normalisation for n in yields if n != SIGNAL}
    workspace = build_workspace(templates, signal=(SIGNAL,), normalisations=normalisations, poi="mu",
                                observations={n: data[parts[n]] for n in templates}, poi_bounds=(-REACH, REACH))
    fit = gaussian_fit(analyse(workspace, "mu"), variance="expected")
    at = fit.names.index("mu")
    gain = np.zeros(found.bins)
    for channel, part in workspace.split(fit.gain[at]).items():
        gain[parts[channel]] = part
    sigma = float(np.sqrt(fit.gain[at] ** 2 @ np.maximum(fit.expected, 0.0)))
    first = inside & (found.bin < size)
    return Half(float(fit.values[at]), sigma, gain, float(data[:size].sum()), float(found.expected[first].sum()))


def fit_splits(found: Candidates, masks: Mapping[str, Array], normalisation: float) -> dict[str, tuple[Half, Half]]:
    """Fits of both halves of every split."""
    return {name: (fit_half(found, ~mask, normalisation), fit_half(found, mask, normalisation))
            for name, mask in masks.items()}


def tensions(found: Candidates, masks: Mapping[str, Array],
             fits: Mapping[str, tuple[Half, Half]]) -> tuple[dict[str, float], float]:
    """Difference of mu in standard deviations of every split, and the chi2 of all."""
    inside = found.bin >= 0
    where, weight = found.bin[inside], found.expected[inside]
    influence = np.array([np.where(mask[inside], -fits[n][1].gain[where], fits[n][0].gain[where])
                          for n, mask in masks.items()])
    covariance = (influence * weight) @ influence.T
    difference = np.array([a.mu - b.mu for a, b in (fits[n] for n in masks)])
    sigma = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sigma, sigma)
    pulls = difference / sigma
    return dict(zip(masks, pulls.tolist(), strict=True)), float(pulls @ np.linalg.solve(correlation, pulls))
