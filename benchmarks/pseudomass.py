"""Fit of the edge of a pseudomass, and the same fit with iminuit's own cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]
Work = Callable[[int], object]

#: candidates, limits of the fit [GeV], numbers that they are drawn with
CANDIDATES, LIMITS, TRUE = 1_000_000, (1.70, 1.85), (1.7771, 0.003, 0.45, -1.0, 2.0)


def drawn(candidates: int) -> Array:
    """Pseudomasses of the quadratic form."""
    import numpy as np

    from openbfactory.fit.shapes.pseudomass import pseudomass_edge

    rng = np.random.default_rng(1)
    x = rng.uniform(*LIMITS, 5 * candidates)
    density = pseudomass_edge(x, *LIMITS, *TRUE)
    return x[rng.random(len(x)) * density.max() < density][:candidates]


def edge_fit(candidates: int = CANDIDATES) -> Work:
    """Unbinned fit of the edge, 5 parameters, Migrad and Hesse."""
    from openbfactory.fit.pseudomass import fit_edge

    x = drawn(candidates)
    return lambda n: [fit_edge(x, LIMITS) for _ in range(n)]


def plain_edge_fit(candidates: int = CANDIDATES) -> Work:
    """The same with iminuit's UnbinnedNLL and the form compiled by numba, as one writes it by hand."""
    import math

    import numpy as np
    from iminuit import Minuit, cost
    from numba import njit

    from openbfactory.fit.pseudomass import LIMITS as PARAMETER_LIMITS
    from openbfactory.fit.pseudomass import START

    x, (low, high) = drawn(candidates), LIMITS

    @njit
    def density(x: Array, p1: float, p2: float, p3: float, p4: float, p5: float) -> Array:
        area = 0.0
        for sign, d in ((1.0, high - p1), (-1.0, low - p1)):
            step = d * math.atan(d / p2) - 0.5 * p2 * math.log1p((d / p2) ** 2)
            area += sign * (d - p3 * step + 0.5 * p4 * d**2 + p5 * d**3 / 3)
        found = np.empty(len(x))
        for i in range(len(x)):
            d = x[i] - p1
            found[i] = (1.0 - p3 * math.atan(d / p2) + p4 * d + p5 * d * d) / area
        return found

    def work(n: int) -> object:
        for _ in range(n):
            minuit = Minuit(cost.UnbinnedNLL(x, density, log=False), **START)
            for name, limits in PARAMETER_LIMITS.items():
                minuit.limits[name] = limits
            minuit.migrad().hesse()
        return minuit

    return work
