"""Combination of independent measurements with asymmetric uncertainties: a likelihood in the place of half sums.

Each measurement y (+s_up, -s_down) of x counts with

    -2 ln L = (x - y)^2 / (V + V' (x - y)),     V = s_up s_down,  V' = s_up - s_down

(R. Barlow, arXiv:physics/0406120, variable variance), which is parabolic for equal uncertainties and rises by 1 at both
ends of the interval.  The combined value is the minimum of the sum, its interval where the sum has risen by 1.

Validity: where V + V' (x - y) > 0 for all measurements; independent measurements of one quantity (for correlated ones
see :mod:`openbfactory.fit.combine`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.combine import Measurement


@dataclass(frozen=True, slots=True)
class LikelihoodCombination:
    """Combined value with its interval (offsets below and above, both > 0), and the agreement of the inputs."""

    value: float
    down: float
    up: float
    chi2: float
    ndf: int

    @property
    def probability(self) -> float:
        """Probability of a larger chi2."""
        return float(chi2.sf(self.chi2, self.ndf)) if self.ndf else 1.0


def combine_likelihood(measurements: Sequence[Measurement]) -> LikelihoodCombination:
    """Combination of independent measurements of one quantity; their sources of uncertainty add in quadrature.

    Raises
    ------
    InputError
        When there is no measurement, or one without uncertainty.
    """
    findings = Findings("combination")
    if not measurements:
        findings.error("empty", "", "there is no measurement")
    widths = []
    for m in measurements:
        ends = [u if isinstance(u, tuple) else (u, u) for u in m.uncertainties.values()]
        down, up = (math.hypot(*(abs(e[side]) for e in ends)) for side in (0, 1))
        if not (math.isfinite(m.value) and down > 0 and up > 0):
            findings.error("measurement", m.name, f"found {m.value:g} -{down:g} +{up:g}",
                           expected="a number with uncertainties above 0")
        widths.append((down, up))
    findings.raise_if_errors(InputError)
    values = np.array([m.value for m in measurements])
    lower, upper = np.array(widths).T
    # where every variance is positive
    product, slope = upper * lower, upper - lower
    with np.errstate(divide="ignore"):
        edges = values - product / slope
    low = float(np.max(edges[slope > 0], initial=-np.inf))
    high = float(np.min(edges[slope < 0], initial=np.inf))

    def twice_nll(x: float) -> float:
        variance = product + slope * (x - values)
        return float(np.sum((x - values) ** 2 / variance)) if (variance > 0).all() else math.inf

    first, last = float((values - 5 * lower).min()), float((values + 5 * upper).max())
    inside = (max(low + 1e-9 * (last - first), first), min(high - 1e-9 * (last - first), last))
    found = minimize_scalar(twice_nll, bounds=inside, method="bounded", options={"xatol": 1e-10 * (last - first)})
    best, least = float(found.x), float(found.fun)
    below, above = (float(brentq(lambda x: twice_nll(x) - least - 1, best, edge)) for edge in inside)
    return LikelihoodCombination(best, best - below, above - best, least, len(measurements) - 1)
