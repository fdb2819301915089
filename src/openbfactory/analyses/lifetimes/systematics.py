"""What changes the lifetime: other models, other detectors, hadrons that decay to this one; each with its uncertainty.

The uncertainty of a change is statistical: both fits share events, so it comes from blocks of events (infinitesimal
jackknife of the difference, :mod:`openbfactory.fit.influence`).  A detector that differs is simulated from the same
truth with the same random numbers, and only candidates of events that both have are fitted.

The size of a source counts what is more than noise: root of the sum of (change^2 - uncertainty^2), not below 0, over
its changes; for models the largest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.data import BLOCKS, DataSet, inside, make_data, times, true_signal
from openbfactory.analyses.lifetimes.measurement import Model, fit, settled_model
from openbfactory.core.errors import FitError
from openbfactory.fit.costs import Cost, DecayCost
from openbfactory.fit.influence import block_uncertainty, influence
from openbfactory.fit.lifetimes import LifetimeCost, density_ratio
from openbfactory.fit.unbinned import UnbinnedResult
from openbfactory.fit.unbinned_toys import PullSummary
from openbfactory.pipeline.tables import SampleTable

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the lifetime and its statistical uncertainty [fs]; some are shown and not counted."""

    value: float
    uncertainty: float
    counted: bool = True

    @property
    def excess(self) -> float:
        """Square of what is more than noise, fs^2; 0 where it does not count."""
        return max(self.value**2 - self.uncertainty**2, 0.0) if self.counted else 0.0


#: changes by source and name
Changes = dict[str, dict[str, Change]]


def size(source: str, changes: Mapping[str, Change]) -> tuple[float, float]:
    """Systematic uncertainty of a source, and the statistical uncertainty of that, fs."""
    counted = [c for c in changes.values() if c.counted]
    if "model" in source and counted:
        counted = [max(counted, key=lambda c: c.excess)]
    return (float(np.sqrt(max(sum(c.value**2 - c.uncertainty**2 for c in counted), 0.0))),
            float(np.sqrt(sum(c.uncertainty**2 for c in counted))))


def by_blocks(data: DataSet, model: Model, found: UnbinnedResult) -> Array:
    """Change of the lifetime by each block of events, to first order, shape (blocks,)."""
    ratio = density_ratio(data.sigma, data.side_sigma, data.purity[0]) if model.background and model.ratio else None
    tau, result = found.names.index("tau"), np.zeros(BLOCKS)
    for k in range(BLOCKS):
        one, two = data.block == k, data.side_block == k
        costs: list[Cost] = []
        if one.any():
            costs.append(LifetimeCost(data.time[one], data.sigma[one], None if ratio is None else ratio[one],
                                      model.gaussians) if model.background else
                         DecayCost(data.time[one], data.sigma[one], model.gaussians))
        if model.background and two.any():
            costs.append(LifetimeCost(data.side_time[two], data.side_sigma[two], None, 0))
        result[k] = sum(influence(cost, found)[tau] for cost in costs)
    return result


def change(one: tuple[DataSet, Model, UnbinnedResult], other: tuple[DataSet, Model, UnbinnedResult], *,
           counted: bool = True) -> Change:
    """Change of the lifetime from one fit to another; their blocks are those of the same events."""
    moved = by_blocks(*other) - by_blocks(*one)
    return Change(other[2]["tau"][0] - one[2]["tau"][0], block_uncertainty(moved), counted)


def of_models(data: DataSet, model: Model) -> Changes:
    """Changes by other models of resolution and background; NaN where one has no minimum."""
    nominal = (data, model, fit(data, model))
    other, used = settled_model(data, replace(model, gaussians=3 - min(model.gaussians, 2)))
    found = {"resolution model": {f"Gaussians: {used.gaussians}": change(nominal, (data, used, other))}}
    if model.background:
        tried = {"one density of the uncertainties": replace(model, ratio=False),
                 "background of one lifetime": replace(model, lives=1),
                 "no background": replace(model, background=False)}
        found["background model"] = {name: _by_model(nominal, m) for name, m in tried.items() if m != model}
    return found


def _by_model(nominal: tuple[DataSet, Model, UnbinnedResult], model: Model) -> Change:
    """Change by another model of the background."""
    try:
        found = fit(nominal[0], model)
    except FitError:
        return Change(float("nan"), float("nan"), counted=False)
    return change(nominal, (nominal[0], model, found), counted=model.background)


def of_detectors(mode: Mode, nominal: SampleTable, varied: Mapping[str, Mapping[str, SampleTable]]) -> Changes:
    """Changes by detectors that differ from what the reconstruction assumes; signal alone, one Gaussian."""
    alone, model = mode.model_copy(update={"sidebands": ()}), Model(1, background=False)

    def fitted(table: SampleTable) -> tuple[DataSet, Model, UnbinnedResult]:
        data = make_data(alone, table, {}, 0.0, np.random.default_rng(0))
        return data, model, fit(data, model)

    def compared(table: SampleTable) -> Change:
        kept = [_selected(t, mode) for t in (nominal, table)]
        both = np.intersect1d(kept[0]["__event__"], kept[1]["__event__"])
        return change(*(fitted(t.where(np.isin(t["__event__"], both))) for t in kept))

    return {source: {name: compared(table) for name, table in tables.items()} for source, tables in varied.items()}


def of_feed_down(mode: Mode, data: DataSet, model: Model, heavier: Mapping[str, tuple[SampleTable, float]]) -> Changes:
    """Changes by decays of heavier hadrons to this one, from their samples and the weights of these."""
    found, changes = fit(data, model), {}
    for name, (table, weight) in heavier.items():
        mass, time, sigma = times(_selected(table, mode), mode)
        value, error = 0.0, 0.0
        if len(mass):
            moved = np.array([influence(DecayCost(time[k:k + 1], sigma[k:k + 1], model.gaussians), found, weight)[
                found.names.index("tau")] for k in range(len(mass))])
            value, error = float(moved.sum()), float(np.sqrt(np.sum(moved**2)))
        changes[name] = Change(value, error)
    return {"feed-down": changes} if changes else {}


def of_toys(pulls: PullSummary) -> Changes:
    """Bias of the estimate in toys."""
    return {"fit bias": {f"{pulls.toys} toys": Change(*pulls.bias)}}


def _selected(table: SampleTable, mode: Mode) -> SampleTable:
    """True signal in the signal region."""
    true = true_signal(table, mode)
    return true.where(inside(true[mode.mass], mode.window))
