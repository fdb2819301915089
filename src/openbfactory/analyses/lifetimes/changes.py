"""A change of the lifetime with its uncertainty, and the size of a source that has several.

The uncertainty of a change is statistical: both fits share events, so it comes from blocks of events (infinitesimal
jackknife of the difference, :mod:`openbfactory.fit.influence`).  The size of a source counts what is more than noise:
root of the sum of (change^2 - uncertainty^2), not below 0, over its changes; for models the largest of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.dataset import BLOCKS, DataSet
from openbfactory.analyses.lifetimes.measurement import Model, ratio_of
from openbfactory.fit.costs import Cost, DecayCost
from openbfactory.fit.influence import block_uncertainty, influence
from openbfactory.fit.lifetimes import LifetimeCost
from openbfactory.fit.unbinned import UnbinnedResult

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the lifetime and its statistical uncertainty [fs], NaN without a fit; some are not counted."""

    value: float
    uncertainty: float
    counted: bool = True

    @property
    def record(self) -> dict[str, float | bool | None]:
        """Plain dictionary for JSON, None where there is no fit."""
        fitted = math.isfinite(self.value)
        return {"value": self.value if fitted else None, "uncertainty": self.uncertainty if fitted else None,
                "counted": self.counted}

    @property
    def excess(self) -> float:
        """Square of what is more than noise, fs^2; 0 where it does not count."""
        return max(self.value**2 - self.uncertainty**2, 0.0) if self.counted else 0.0


#: sources of which the largest change counts
LARGEST = ("resolution model", "background model", "bins of the uncertainties")
#: a data set, the choices of its fit, and what the fit found
Fitted = tuple[DataSet, Model, UnbinnedResult]
#: changes by source and name
Changes = dict[str, dict[str, Change]]


def size(source: str, changes: Mapping[str, Change]) -> tuple[float, float]:
    """Systematic uncertainty of a source, and the statistical uncertainty of that, fs."""
    counted = [c for c in changes.values() if c.counted]
    if source in LARGEST and counted:
        counted = [max(counted, key=lambda c: c.excess)]
    return (float(np.sqrt(max(sum(c.value**2 - c.uncertainty**2 for c in counted), 0.0))),
            float(np.sqrt(sum(c.uncertainty**2 for c in counted))))


def by_blocks(data: DataSet, model: Model, found: UnbinnedResult) -> Array:
    """Change of the lifetime by each block of events, to first order, shape (blocks,)."""
    ratio = ratio_of(data, model)
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


def change(one: Fitted, other: Fitted, *, counted: bool = True) -> Change:
    """Change of the lifetime from one fit to another; their blocks are those of the same events."""
    moved = by_blocks(*other) - by_blocks(*one)
    return Change(other[2]["tau"][0] - one[2]["tau"][0], block_uncertainty(moved), counted)
