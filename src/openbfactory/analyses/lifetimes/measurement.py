"""The lifetime: unbinned fit of signal region and sidebands, and what changes it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.dataset import DataSet
from openbfactory.analyses.lifetimes.starts import limits_of, start_of
from openbfactory.core.errors import FitError
from openbfactory.fit.costs import Cost, DecayCost, Simultaneous
from openbfactory.fit.lifetimes import LifetimeCost, NormalConstraint, density_ratio
from openbfactory.fit.unbinned import UnbinnedResult, fit_unbinned

Array = npt.NDArray[np.float64]

#: candidates in the sidebands that a fit with background needs
LEAST = 50
#: a background that is prompt
NO_LIFE = {"background_lived": 0.0, "background_share": 1.0}
#: parameters at a limit where the data do not tell as many lifetimes of the background
UNTOLD = {1: ("background_tau",), 2: ("background_tau", "background_share")}
#: distances of the scanned lifetimes from the estimate, in standard deviations
SCAN = np.linspace(-3, 3, 13)


@dataclass(frozen=True, slots=True)
class Model:
    """Choices of a fit: Gaussians of the resolution, background and its lifetimes, densities of the uncertainties.

    These are two with a ``ratio`` in ``bins``, or one for signal and background.
    """

    gaussians: int
    ratio: bool = True
    background: bool = True
    lives: int = 2
    bins: int = 40


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the fit of a data set found.

    Attributes
    ----------
    fit
        Estimates; ``tau`` and ``bias`` in fs.
    model
        Choices of the fit.
    scan
        Lifetimes [fs] and the rise of -2 ln L.
    """

    fit: UnbinnedResult
    model: Model
    scan: tuple[tuple[float, ...], tuple[float, ...]]


def model_of(mode: Mode, data: DataSet) -> Model:
    """The fit of a mode: with background where it has sidebands with enough candidates."""
    return Model(mode.gaussians, background=bool(mode.sidebands) and len(data.side_time) >= LEAST)


def cost_of(data: DataSet, model: Model) -> Cost:
    """What is minimised."""
    if not model.background:
        return DecayCost(data.time, data.sigma, model.gaussians)
    purity, uncertainty = data.purity
    return Simultaneous({"signal region": LifetimeCost(data.time, data.sigma, ratio_of(data, model), model.gaussians),
                         "sidebands": LifetimeCost(data.side_time, data.side_sigma, None, 0),
                         "purity": NormalConstraint("purity", purity, uncertainty)})


def ratio_of(data: DataSet, model: Model) -> Array | None:
    """Density of the uncertainties in the background over that in the signal, None where the model has one density."""
    if not (model.background and model.ratio):
        return None
    return density_ratio(data.sigma, data.side_sigma, data.purity[0], bins=model.bins)


def fit(data: DataSet, model: Model, start: dict[str, float] | None = None, fixed: tuple[str, ...] = (), *,
        thorough: bool = True) -> UnbinnedResult:
    """Estimates of a data set; arguments as those of :func:`openbfactory.fit.unbinned.fit_unbinned`.

    Raises
    ------
    FitError
        When no minimum is found.
    """
    values, limits = start_of(data), limits_of(data)
    cost = cost_of(data, model)
    values |= {n: min(max(v, limits[n][0]), limits[n][1]) for n, v in (start or {}).items()}
    if model.background and model.lives < 2:
        values |= NO_LIFE if model.lives == 0 else {"background_share": 1.0}
        alone = ("background_lived", "background_tau1") if model.lives == 0 else ()
        fixed = (*fixed, "background_share", "background_tau2", *alone)
    return fit_unbinned(cost, {n: values[n] for n in cost.parameters}, fixed=fixed,
                        limits={n: limits[n] for n in cost.parameters}, thorough=thorough)


def settled_model(data: DataSet, model: Model, near: UnbinnedResult | None = None) -> tuple[UnbinnedResult, Model]:
    """The fit, with fewer shapes and a warning where those asked for have no minimum (small data sets).

    With a fit of a similar data set it starts ``near`` that, and shapes are given up faster.

    Raises
    ------
    FitError
        When the smallest model has no minimum either.
    """
    lives = range(model.lives, -1, -1) if model.background else (model.lives,)
    start = dict(zip(near.names, near.values.tolist(), strict=True)) if near else None
    for gaussians in range(model.gaussians, 0, -1):
        for number in lives:
            tried, last = replace(model, gaussians=gaussians, lives=number), (gaussians, number) == (1, lives[-1])
            try:
                found = fit(data, tried, start, thorough=near is None or last)
            except FitError:
                if last:
                    raise
                continue
            if number and any(words.startswith(UNTOLD[number]) for words in found.warnings):
                continue  # a lifetime at its limit, or a share of 0 or 1: the data do not tell it from the others
            said = () if tried == model else (f"resolution of {gaussians} Gaussians, background of {number} lifetimes: "
                                              "more have no minimum for this data set, or one at a limit",)
            return replace(found, warnings=(*found.warnings, *said)), tried
    message = "no model was tried"
    raise FitError(message)


def measure(data: DataSet, model: Model) -> Measurement:
    """The fit of a data set with its likelihood scan."""
    best, model = settled_model(data, model)
    value, sigma = best["tau"]
    known = dict(zip(best.names, best.values.tolist(), strict=True))
    points: list[float] = []
    rises: list[float] = []
    for point in (value + SCAN * sigma).tolist():
        with contextlib.suppress(FitError):  # a parameter at its limit may have no curvature there
            rises.append(max(fit(data, model, known | {"tau": point}, ("tau",)).twice_nll - best.twice_nll, 0.0))
            points.append(point)
    if len(points) < len(SCAN):
        words = f"{len(SCAN) - len(points)} of {len(SCAN)} points of the likelihood scan have no minimum"
        best = replace(best, warnings=(*best.warnings, words))
    return Measurement(best, model, (tuple(points), tuple(rises)))
