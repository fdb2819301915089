"""Two samples column by column, from batches: fine histograms, means, fraction of entries that are there, distances.

Nothing but counts and sums is kept, so the memory does not grow with the samples.  The Kolmogorov distance is that of
two histograms of ``FINE`` bins with an underflow and an overflow, hence at most that of the values; values of few kinds
(charges, counts) have bins of their own.  ``significance`` is ``D sqrt(n m / (n + m))``: beyond 1.95 by chance once in
1 000 columns, conservative where values repeat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

#: bins of a histogram, and bins of it that a figure puts together
FINE, TOGETHER = 240, 6
#: significances of distance and presence that chance gives once in 1 000 columns
BY_CHANCE = (1.95, 3.29)
#: quantiles of the first batches that span the histogram, and room on either side
_TAIL, _ROOM = 0.001, 0.05


@dataclass(slots=True)
class ColumnSum:
    """What is kept of one column of one sample.

    Attributes
    ----------
    entries
        Rows, and those of them that are finite numbers.
    total, squares
        Sums of the finite values and of their squares.
    counts : (FINE + 2,)
        Histogram with underflow and overflow.
    """

    counts: Array
    rows: int = 0
    entries: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def present(self) -> float:
        """Fraction of rows that hold a number."""
        return self.entries / self.rows if self.rows else 0.0

    @property
    def mean(self) -> float:
        """Mean of the numbers, NaN without any."""
        return self.total / self.entries if self.entries else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation of the numbers, NaN without any."""
        return math.sqrt(max(self.squares / self.entries - self.mean**2, 0.0)) if self.entries else math.nan


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One column of two samples.

    Attributes
    ----------
    name
        Name of the column.
    edges : (bins + 1,)
        Bins of the figure.
    first, second : (bins,)
        Fractions of the rows of each sample in them; values outside are in the first and last bin.
    errors : (2, bins)
        Standard deviations of these.
    distance, significance
        Kolmogorov distance of the numbers, and that times ``sqrt(n m / (n + m))``; 0 where one has none.
    presence
        Difference of the fractions of rows with a number, first minus second, and its standard deviations.
    means, deviations, present
        Of both samples.
    """

    name: str
    edges: tuple[float, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    errors: tuple[tuple[float, ...], tuple[float, ...]]
    distance: float
    significance: float
    presence: float
    presence_significance: float
    means: tuple[float, float]
    deviations: tuple[float, float]
    present: tuple[float, float]

    @property
    def disagreement(self) -> float:
        """The larger of distance and difference of presence, each less what chance gives once in 1 000 columns."""
        distance = self.distance * max(0.0, 1.0 - BY_CHANCE[0] / self.significance) if self.significance else 0.0
        sigma = self.presence_significance
        return max(distance, abs(self.presence) * max(0.0, 1.0 - BY_CHANCE[1] / sigma) if sigma else 0.0)

    @property
    def probability(self) -> float:
        """Chance of so large a distance, or difference of presence, between samples of one kind."""
        both = min(float(special.kolmogorov(self.significance)),
                   float(special.erfc(self.presence_significance / math.sqrt(2.0))))
        return min(1.0, 2.0 * both)


class SampleComparison:
    """Sums of the columns of two samples, filled batch by batch.

    Attributes
    ----------
    edges
        Name of a column to the edges (FINE + 1,) of its histogram.
    """

    def __init__(self, first: Mapping[str, Array], second: Mapping[str, Array]) -> None:
        """Choose the histograms from a batch of each sample; these are not filled yet."""
        self.edges = {name: _edges(first[name], second[name]) for name in first if name in second}
        self._sums = tuple({name: ColumnSum(np.zeros(FINE + 2)) for name in self.edges} for _ in range(2))

    def fill(self, which: int, columns: Mapping[str, Array]) -> None:
        """Add rows to the first (0) or second (1) sample."""
        for name, edges in self.edges.items():
            values, kept = columns[name], self._sums[which][name]
            good = values[np.isfinite(values)]
            width = (edges[-1] - edges[0]) / FINE
            place = np.clip(np.floor((good - edges[0]) / width) + 1, 0, FINE + 1).astype(np.int64)
            kept.counts += np.bincount(place, minlength=FINE + 2)
            kept.rows += len(values)
            kept.entries += len(good)
            kept.total += float(good.sum())
            kept.squares += float(good @ good)

    def results(self) -> tuple[ColumnComparison, ...]:
        """Comparison of every column, the largest disagreement first."""
        found = [_compare(name, edges, *(sums[name] for sums in self._sums)) for name, edges in self.edges.items()]
        return tuple(sorted(found, key=lambda c: (-c.disagreement, -c.significance, c.name)))


def _edges(first: Array, second: Array) -> Array:
    """Edges of the histogram of a column."""
    values = np.concatenate([first[np.isfinite(first)], second[np.isfinite(second)]])
    if not len(values):
        return np.linspace(-0.5, 0.5, FINE + 1)
    kinds = np.unique(values)
    low, high = (kinds[0], kinds[-1]) if len(kinds) <= FINE // 4 else np.quantile(values, [_TAIL, 1.0 - _TAIL])
    room = _ROOM * (high - low) or max(0.5, 0.05 * abs(high))
    edges: Array = np.linspace(low - room, high + room, FINE + 1)
    return edges


def _compare(name: str, edges: Array, first: ColumnSum, second: ColumnSum) -> ColumnComparison:
    """Comparison of the sums of a column."""
    n, m = first.entries, second.entries
    distance = significance = 0.0
    if n and m:
        distance = float(np.abs(np.cumsum(first.counts) / n - np.cumsum(second.counts) / m).max())
        significance = distance * math.sqrt(n * m / (n + m))
    together = (n + m) / (first.rows + second.rows) if first.rows + second.rows else 0.0
    variance = together * (1 - together) * (1 / max(first.rows, 1) + 1 / max(second.rows, 1))
    presence = first.present - second.present
    shown = [_coarse(s) for s in (first, second)]
    return ColumnComparison(
        name, tuple(edges[::TOGETHER].tolist()), first=tuple(shown[0][0].tolist()), second=tuple(shown[1][0].tolist()),
        errors=(tuple(shown[0][1].tolist()), tuple(shown[1][1].tolist())), distance=distance,
        significance=significance, presence=presence,
        presence_significance=abs(presence) / math.sqrt(variance) if variance > 0 else 0.0,
        means=(first.mean, second.mean), deviations=(first.deviation, second.deviation),
        present=(first.present, second.present))


def _coarse(kept: ColumnSum) -> tuple[Array, Array]:
    """Fractions of the rows in the bins of the figure, and their standard deviations."""
    inner = kept.counts[1:-1].copy()
    inner[0] += kept.counts[0]
    inner[-1] += kept.counts[-1]
    counts = inner.reshape(-1, TOGETHER).sum(axis=1)
    rows = max(kept.rows, 1)
    return counts / rows, np.sqrt(counts) / rows
