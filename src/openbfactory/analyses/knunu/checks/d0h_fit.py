"""Fit of the energy difference of B+ -> D0 h+ with the pion mass for h: yields of kaons and pions.

Shapes are Johnson S_U fits of true candidates of the simulation without identification (there are many more); a fit of
candidates that pass has two yields, a shift of both peaks and a background on a slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.fit.costs import Density, MixtureCost, ShapeCost
from openbfactory.fit.passing import settled_fit
from openbfactory.fit.shapes.johnson import PARAMETERS, johnson_su
from openbfactory.fit.shapes.polynomial import polynomial
from openbfactory.fit.unbinned import UnbinnedResult

Array = npt.NDArray[np.float64]
Table = Mapping[str, npt.NDArray[Any]]
Shapes = dict[str, tuple[float, ...]]

#: kinds of h with PDG code, place of the peak [GeV], its width, and labels
KINDS = {"K": (321, -0.05, 0.012), "pi": (211, 0.0, 0.012)}
#: largest shift of the peaks, GeV
SHIFT = 0.01


@dataclass(frozen=True, slots=True)
class Yields:
    """Fit of the candidates that pass, and their number."""

    fit: UnbinnedResult
    candidates: int

    def of(self, kind: str) -> tuple[float, float]:
        """Yield of a kind and its standard deviation."""
        return self.fit[kind]


def true_kind(table: Table, kind: str) -> npt.NDArray[np.bool_]:
    """Candidates (n,) that are B+ -> D0 h+ with a kind of h, by truth."""
    right = (table["charm"] == 1) & (np.abs(table["origin"]) == 521) & (np.abs(table["mother"]) == 521)
    found: npt.NDArray[np.bool_] = right & (np.abs(table["code"]) == KINDS[kind][0])
    return found


def inside(values: Array, limits: tuple[float, float]) -> Array:
    """Values within limits, float64."""
    kept: Array = values[(values > limits[0]) & (values < limits[1])].astype(np.float64)
    return kept


def shapes_of(table: Table, limits: tuple[float, float]) -> Shapes:
    """Parameters of the peak of each kind."""
    found = {}
    for kind, (_, place, width) in KINDS.items():
        cost = ShapeCost(inside(table["deltaE"][true_kind(table, kind)], limits), limits, johnson_su, PARAMETERS)
        start = dict(zip(PARAMETERS, (place, 1.3 * width, 0.0, 1.5), strict=True))
        bounds = dict(zip(PARAMETERS, ((place - width, place + width), (0.2 * width, 5 * width), (-2.0, 2.0),
                                       (0.5, 5.0)), strict=True))
        fitted = settled_fit(cost, start, bounds, (), (PARAMETERS[2:],))
        found[kind] = tuple(fitted[name][0] for name in PARAMETERS)
    return found


def moved(shape: tuple[float, ...]) -> Density:
    """Density of a peak with a shift as its parameter."""
    def density(x: Array, low: float, high: float, shift: float) -> Array:
        return johnson_su(x, low, high, shape[0] + shift, *shape[1:])

    return density


def fit_yields(table: Table, shapes: Shapes, limits: tuple[float, float]) -> Yields:
    """Yields of the candidates that pass."""
    x = inside(table["deltaE"][table["passed"] > 0], limits)
    species: dict[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
        kind: (moved(shape), ("shift",)) for kind, shape in shapes.items()}
    cost = MixtureCost(x, limits, species | {"background": (polynomial, ("slope",))})
    start = {"K": 0.6 * len(x), "pi": 0.2 * len(x), "background": 0.2 * len(x), "shift": 0.0, "slope": 0.0}
    bounds = {n: (0.0, 1.5 * len(x) + 10) for n in ("K", "pi", "background")}
    bounds |= {"shift": (-SHIFT, SHIFT), "slope": (-0.99, 0.99)}
    found = settled_fit(cost, start, bounds, (), (("slope",), ("slope", "shift")))
    return Yields(found, len(x))


def curves(found: Yields, shapes: Shapes, limits: tuple[float, float], x: Array) -> dict[str, Array]:
    """Densities (events per GeV) at x of each kind and of the background."""
    shift, slope = found.fit["shift"][0], found.fit["slope"][0]
    parts = {kind: found.of(kind)[0] * moved(shape)(x, *limits, shift) for kind, shape in shapes.items()}
    return parts | {"background": found.of("background")[0] * polynomial(x, *limits, slope)}
