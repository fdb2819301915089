"""Two-sample comparison of histograms, one or two dimensions, with weights on our side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from validation.rows import Row

Array = npt.NDArray[np.float64]
#: probability of a larger chi squared below which a row differs
PROBABILITY = 1e-5
#: bins with fewer entries in both samples are put together
FEWEST = 20
#: points of the integration of a density in each bin
POINTS = 9


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a reference and of this program in the same bins.

    Attributes
    ----------
    what
        Chain and observable.
    edges
        Edges of the bins; of both axes in two dimensions.
    here, squares
        Sums of our weights and of their squares.
    there
        Counts of the reference.
    scale
        Factor from here to there; None for equal sums.
    remark
        What was done to compare.
    """

    what: str
    edges: tuple[Array, ...]
    here: Array
    squares: Array
    there: Array
    scale: float | None = None
    remark: str = ""

    def factor(self) -> float:
        """Factor from our sums of weights to the reference."""
        return float(self.there.sum() / self.here.sum()) if self.scale is None else self.scale

    def row(self) -> Row:
        """Row of degrees of freedom, chi squared and how much larger it may be."""
        chi2, ndf = chi_squared(self.here.ravel(), self.squares.ravel(), self.there.ravel(), self.factor())
        ndf -= self.scale is None
        allowed = float(stats.chi2.isf(PROBABILITY, max(ndf, 1))) - ndf
        remark = [f"KS distance {self.distance():.4f}"] if self.here.ndim == 1 else []
        return Row(f"{self.what}: chi2", ndf, chi2, allowed, "; ".join([*remark, *filter(None, [self.remark])]))

    def distance(self) -> float:
        """Largest distance of the cumulative distributions."""
        a, b = np.cumsum(self.here), np.cumsum(self.there)
        return float(np.abs(a / a[-1] - b / b[-1]).max())


def chi_squared(here: Array, squares: Array, there: Array, factor: float) -> tuple[float, int]:
    """Chi squared of weighted sums and counts, and the number of bins used; small bins are put together."""
    a, v, b = here.astype(float), squares.astype(float), there.astype(float)
    weighted = bool(np.any(v != a))
    # sums of few weights are far from normal: ask for entries on our side too
    entries = np.divide(a * a, v, out=np.zeros_like(a), where=v > 0)
    small = (entries + b < FEWEST) | (weighted & (entries < FEWEST))
    a, v, b = (np.append(x[~small], x[small].sum()) for x in (a, v, b))
    filled = a + b > 0
    a, v, b = a[filled], v[filled], b[filled]
    spread = np.divide(v, a, out=np.ones_like(a), where=a > 0)
    variance = factor * (a + b) / (1.0 + factor) * (factor * spread + 1.0)
    return float(np.sum((factor * a - b) ** 2 / variance)), len(a)


def filled(values: tuple[Array, ...], edges: tuple[Array, ...], weights: Array | None) -> tuple[Array, Array]:
    """Sums of weights and of their squares in the bins."""
    if len(values) == 1:
        here, _ = np.histogram(values[0], edges[0], weights=weights)
        squares = here if weights is None else np.histogram(values[0], edges[0], weights=weights**2)[0]
        return here, squares
    here, *_ = np.histogram2d(*values, bins=edges, weights=weights)
    squares = here if weights is None else np.histogram2d(*values, bins=edges, weights=weights**2)[0]
    return here, squares


def density_row(what: str, values: Array, density: Callable[[Array], Array], low: float, high: float,
                bins: int = 50, remark: str = "closed form") -> Row:
    """Row of a sample against a density on (low, high), which need not be normalised."""
    edges = np.linspace(low, high, bins + 1)
    fine = edges[:-1, None] + (edges[1] - edges[0]) * (np.arange(POINTS) + 0.5) / POINTS
    expected = density(fine).mean(axis=1)
    counts, _ = np.histogram(values, edges)
    expected = expected * counts.sum() / expected.sum()
    used = expected >= 10
    chi2, ndf = float(np.sum((counts - expected)[used] ** 2 / expected[used])), int(used.sum()) - 1
    return Row(f"{what}: chi2", ndf, chi2, float(stats.chi2.isf(PROBABILITY, ndf)) - ndf, remark)
