"""Splits of the data in two halves by many criteria, both fitted with templates split in the same way.

The data are one pseudo-experiment of the candidates of a finished run (Poisson counts of their weights, mu = 1): every
event has all its variables and enters every split.  Each half is fitted in q2_rec and eta, on and off resonance.

The fits are linear in the counts n near their solution, mu = sum_b g_b n_b, so the statistical uncertainty is
sum_b g_b^2 lambda_b; the gain of the half that a candidate is in, with its sign, is that of the difference of a split
(:func:`openbfactory.fit.influence.consistency`): one chi2 for all splits of the same data.

Approximation: templates and data are of the same simulated events; their limited number is no part of the uncertainty.
Bins of a half with fewer than three simulated candidates of the background are left out of its fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import SIGNAL
from openbfactory.analyses.knunu.finished import Candidates
from openbfactory.core.errors import FitError
from openbfactory.fit.build import Template
from openbfactory.fit.influence import consistency
from openbfactory.fit.templates import template_fit
from openbfactory.select.performance import weighted_median

Array = npt.NDArray[Any]

#: bounds of mu
REACH = 500.0
#: simulated background candidates that a bin of a half must have to be fitted
LEAST = 3


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


def drawn(found: Candidates, generator: np.random.Generator, lost: Array | float = 0.0) -> Candidates:
    """The candidates with one pseudo-experiment; ``lost`` is the share of each that the detector does not see."""
    return replace(found, observed=generator.poisson(found.expected * (1.0 - lost)).astype(float))


def halves_of(found: Candidates, cuts: Mapping[str, float | None]) -> dict[str, Array]:
    """Split to the mask of candidates above its cut, or above the median of the expected data where it has none."""
    values = {name: found.columns[name].astype(float) for name in cuts}
    return {name: v > (weighted_median(v, found.expected) if cuts[name] is None else cuts[name])
            for name, v in values.items()}


def usable_bins(found: Candidates, half: Array) -> Array:
    """Bins (bins,) of a half with enough simulated candidates of the background."""
    return np.bincount(found.bin[half & found.background], minlength=found.bins) >= LEAST


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
        message = (f"too few simulated candidates to split: {found.background.sum()} of the background in the fit "
                   "region; take a run with more luminosity")
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
    fit = template_fit(templates, {n: data[parts[n]] for n in templates}, (SIGNAL,),
                       {n: normalisation for n in yields if n != SIGNAL}, (-REACH, REACH))
    gain = np.zeros(found.bins)
    for channel, part in fit.gains.items():
        gain[parts[channel]] = part
    first = inside & (found.bin < size)
    return Half(fit.value, fit.statistical, gain, float(data[:size].sum()), float(found.expected[first].sum()))


def fit_splits(found: Candidates, masks: Mapping[str, Array], normalisation: float) -> dict[str, tuple[Half, Half]]:
    """Fits of both halves of every split."""
    return {name: (fit_half(found, ~mask, normalisation), fit_half(found, mask, normalisation))
            for name, mask in masks.items()}


def tensions(found: Candidates, masks: Mapping[str, Array],
             fits: Mapping[str, tuple[Half, Half]]) -> tuple[dict[str, float], float]:
    """Difference of mu in standard deviations of every split, and the chi2 of all."""
    inside = found.bin >= 0
    where = found.bin[inside]
    gains = np.array([np.where(mask[inside], -fits[n][1].gain[where], fits[n][0].gain[where])
                      for n, mask in masks.items()])
    differences = np.array([a.mu - b.mu for a, b in (fits[n] for n in masks)])
    pulls, total = consistency(differences, gains, found.expected[inside])
    return dict(zip(masks, pulls.tolist(), strict=True)), total
