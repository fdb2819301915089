"""Uncertainties of efficiencies and of counts.

Method: weighted binomial variance var = [(1 - 2 e) S_pass + e^2 S_all] / W_all^2
with S the sums of squared weights (for weights 1: e (1 - e) / N); central
68.27 % intervals by Clopper and Pearson (Biometrika 26 (1934) 404) for
efficiencies and by Garwood (Biometrika 28 (1936) 437) for counts.

Approximation: with unequal weights the Clopper-Pearson interval takes the
effective number of events, (sum w)^2 / sum w^2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from openbfactory.core.diagnostics import Findings

Floats = NDArray[np.float64]

#: probability of a central one-sigma interval
ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True, slots=True)
class BinnedEfficiency:
    """Efficiency in bins of one variable.

    Attributes
    ----------
    edges
        Bin edges, (n + 1).
    values, low, high
        Efficiency and its central 68.27 % interval in each bin, (n); None in
        bins without events.
    """

    edges: tuple[float, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return asdict(self)


def binomial_uncertainty(passed: float, total: float, passed2: float, total2: float) -> float | None:
    """One standard deviation of ``passed / total`` from sums of weights and of squared weights; None without events."""
    if total <= 0:
        return None
    efficiency = passed / total
    variance = ((1.0 - 2.0 * efficiency) * passed2 + efficiency**2 * total2) / total**2
    return float(np.sqrt(max(variance, 0.0)))


def share(passed: float, total: float) -> tuple[float, float]:
    """Mean and standard deviation of an efficiency that are never 0, even where none or all pass.

    Formula: p = (k + 1/2) / (n + 1), sqrt(p (1 - p) / (n + 1)).
    """
    p = (passed + 0.5) / (total + 1)
    return float(p), float(np.sqrt(p * (1 - p) / (total + 1)))


def beyond_chance(seen: ArrayLike, chance: ArrayLike) -> tuple[float, float]:
    """Share of trials that are seen not by chance, and its standard deviation.

    Parameters
    ----------
    seen, chance
        Whether each trial (n,) is seen, and whether it is seen where nothing but chance can be.

    Notes
    -----
    Formula: with the shares P and p of both, (P - p) / (1 - p).
    """
    n, p, q = max(np.size(seen), 1), float(np.mean(np.asarray(seen, bool))), float(np.mean(np.asarray(chance, bool)))
    sigma = np.hypot(np.sqrt(p * (1 - p) / n), (1 - p) / (1 - q) * np.sqrt(q * (1 - q) / n)) / (1 - q)
    return (p - q) / (1 - q), float(sigma)


def clopper_pearson(passed: ArrayLike, total: ArrayLike, level: float = ONE_SIGMA) -> tuple[Floats, Floats]:
    """Central interval (low, high) of an efficiency; counts may be effective, non-integer ones."""
    k, n = np.broadcast_arrays(np.asarray(passed, dtype=np.float64), np.asarray(total, dtype=np.float64))
    tail = 0.5 * (1.0 - level)
    inner_low = np.where(k > 0, k, 1.0)
    inner_high = np.where(k < n, n - k, 1.0)
    low = np.where(k > 0, special.betaincinv(inner_low, n - inner_low + 1.0, tail), 0.0)
    high = np.where(k < n, special.betaincinv(n - inner_high + 1.0, inner_high, 1.0 - tail), 1.0)
    return low, high


def poisson_interval(counts: ArrayLike, level: float = ONE_SIGMA) -> tuple[Floats, Floats]:
    """Central interval (low, high) of the mean of a Poisson count, same shape as ``counts``."""
    n = np.asarray(counts, dtype=np.float64)
    tail = 0.5 * (1.0 - level)
    low = np.where(n > 0, special.gammaincinv(np.where(n > 0, n, 1.0), tail), 0.0)
    return low, special.gammaincinv(n + 1.0, 1.0 - tail)


def efficiency_by_bin(values: ArrayLike, passed: ArrayLike, edges: ArrayLike,
                      weights: ArrayLike | None = None) -> BinnedEfficiency:
    """Efficiency of ``passed`` in bins of ``values``, all of shape (n,); the last bin includes its upper edge.

    Raises
    ------
    InputError
        When lengths differ or the edges do not rise.
    """
    x, ok = np.asarray(values, dtype=np.float64), np.asarray(passed, dtype=bool)
    edge = np.asarray(edges, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    findings = Findings("efficiency in bins")
    if not x.shape == ok.shape == w.shape:
        findings.error("wrong-length", "values", f"shapes {x.shape}, {ok.shape}, {w.shape} differ")
    if edge.ndim != 1 or edge.size < 2 or not np.all(np.diff(edge) > 0):
        findings.error("bad-edges", "edges", "at least two edges that rise are needed")
    findings.raise_if_errors()
    total, total2 = np.histogram(x, edge, weights=w)[0], np.histogram(x, edge, weights=w * w)[0]
    part = np.histogram(x[ok], edge, weights=w[ok])[0]
    filled = total > 0
    ratio = np.where(filled, part / np.where(filled, total, 1.0), 0.0)
    effective = np.where(filled, total**2 / np.where(filled, total2, 1.0), 1.0)
    low, high = clopper_pearson(ratio * effective, effective)
    columns = (_optional(a, filled) for a in (ratio, low, high))
    return BinnedEfficiency(tuple(edge.tolist()), *columns)


def _optional(values: Floats, filled: NDArray[np.bool_]) -> tuple[float | None, ...]:
    """Values with None where there is nothing."""
    return tuple(float(v) if f else None for v, f in zip(values, filled, strict=True))
