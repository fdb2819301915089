"""Efficiency of a selection from fits of a mass: candidates that pass and that fail, with a peak of one shape.

    passing: eps N p(m) + B_pass q(m),   failing: (1 - eps) N p(m) + B_fail q'(m)

p is a Johnson S_U shape, q and q' are straight lines; an extended unbinned likelihood of both categories (as in tag and
probe).  eps and its variance follow from the two yields and their covariance.

Approximation: the peaks of passing and failing candidates differ in their widths alone, and not where a category has
fewer than :data:`LINE` candidates; its background is flat then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from openbfactory.core.errors import FitError, InputError
from openbfactory.fit.costs import Cost, MixtureCost, Simultaneous
from openbfactory.fit.shapes.johnson import johnson_su
from openbfactory.fit.shapes.polynomial import polynomial
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned

#: parameters of the peak
PEAK = ("mean", "width", "skew", "tail")
#: candidates of a category that a slope of its background needs, and candidates that a fit needs
LINE, LEAST = 300, 20
#: the two categories
CATEGORIES = ("pass", "fail")


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """Efficiency and its standard deviation, signal of both categories, and the fit."""

    efficiency: float
    uncertainty: float
    signal: float
    limits: tuple[float, float]
    fit: UnbinnedResult

    @property
    def tail(self) -> dict[str, float]:
        """Parameters of the peak besides position and width."""
        return {name: self.fit[name][0] for name in PEAK[2:]}

    def curve(self, category: str, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Densities (events per unit of the mass) at x of signal and background of a category, each shape of ``x``."""
        peak = johnson_su(x, *self.limits, *(self.fit[name][0] for name in _peak(category, self.fit.names)))
        line = polynomial(x, *self.limits, self.fit[f"{category}_slope"][0])
        return self.fit[f"{category}_signal"][0] * peak, self.fit[f"{category}_background"][0] * line


def fit_passing(mass: FloatArray, passes: np.ndarray, limits: tuple[float, float], start: tuple[float, float],
                tail: Mapping[str, float] | None = None) -> Passing:
    """Efficiency of the signal among candidates.

    Parameters
    ----------
    mass, passes : (n,)
        Mass of the candidates; whether they pass.
    limits
        Range of the fit; what is outside is left out.
    start
        Position and width of the peak to begin with.
    tail
        Skew and tail of the peak where they are known, such as those of all candidates together.

    Raises
    ------
    InputError
        With too few candidates.
    FitError
        When there is no minimum.
    """
    inside = (mass > limits[0]) & (mass < limits[1])
    parts = {"pass": mass[inside & passes], "fail": mass[inside & ~passes]}
    few = {k: len(v) for k, v in parts.items() if not len(v)} or ({"all": inside.sum()} if inside.sum() < LEAST else {})
    if few:
        message = f"an efficiency needs {LEAST} candidates, and both that pass and that fail; found {few}"
        raise InputError(message)
    widths = ("width", "fail_width") if min(map(len, parts.values())) >= LINE else ("width",)
    cost = Simultaneous({k: MixtureCost(x, limits, {
        f"{k}_signal": (johnson_su, _peak(k, widths)), f"{k}_background": (polynomial, (f"{k}_slope",))})
        for k, x in parts.items()})
    position, width = start
    values = {"mean": position, **dict.fromkeys(widths, width), "skew": 0.0, "tail": 1.5, **(tail or {})}
    bounds = {"mean": (position - 2 * width, position + 2 * width), **dict.fromkeys(widths, (0.2 * width, 8 * width)),
              "skew": (-2.0, 2.0), "tail": (0.4, 5.0)}
    fixed = set(tail or {})
    for k, x in parts.items():
        values |= {f"{k}_signal": 0.9 * len(x), f"{k}_background": 0.1 * len(x), f"{k}_slope": 0.0}
        bounds |= {f"{k}_signal": (0.0, 1.5 * len(x) + 10), f"{k}_background": (0.0, 1.5 * len(x) + 10),
                   f"{k}_slope": (-0.98, 0.98)}
        if len(x) < LINE:
            fixed.add(f"{k}_slope")
    slopes = tuple(f"{k}_slope" for k in CATEGORIES)
    return _passing(settled_fit(cost, values, bounds, fixed, (PEAK[2:], (*PEAK[2:], *slopes))), limits)


def _peak(category: str, names: Sequence[str]) -> tuple[str, ...]:
    """Parameters of the peak of a category: failing candidates may have a width of their own."""
    return ("mean", "fail_width", *PEAK[2:]) if category == "fail" and "fail_width" in names else PEAK


def settled_fit(cost: Cost, start: Mapping[str, float], limits: Mapping[str, tuple[float, float]],
                fixed: Collection[str], simpler: Sequence[Collection[str]]) -> UnbinnedResult:
    """The fit; where there is no minimum with more and more parameters fixed at their start, with a warning.

    Parameters
    ----------
    fixed
        Parameters that are fixed anyhow.
    simpler
        Parameters that are fixed as well, one set after the other.

    Raises
    ------
    FitError
        When there is no minimum with the last set either.
    """
    for more in ((), *simpler):
        try:
            found = fit_unbinned(cost, start, limits=limits, fixed={*fixed, *more})
        except FitError:
            if more == simpler[-1]:
                raise
            continue
        new = sorted({*more} - {*fixed})
        said = (f"{', '.join(new)} fixed: there is no minimum with more",) if new else ()
        return replace(found, warnings=(*(w for w in found.warnings if "slope" not in w), *said))
    raise AssertionError


def _passing(found: UnbinnedResult, limits: tuple[float, float]) -> Passing:
    """Efficiency of the fitted yields."""
    a, b = (found[f"{k}_signal"][0] for k in CATEGORIES)
    rows = [found.names.index(f"{k}_signal") for k in CATEGORIES]
    slope = np.array([b, -a]) / (a + b) ** 2
    variance = float(slope @ found.covariance[np.ix_(rows, rows)] @ slope)
    return Passing(a / (a + b), float(np.sqrt(max(variance, 0.0))), a + b, limits, found)
