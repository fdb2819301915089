"""How well a flavour tagger tags: wrong tags, dilution and effective efficiency.

``epsilon_eff = sum_i epsilon_i (1 - 2 w_i)^2`` over bins of ``r = |q r|`` with the fraction ``epsilon_i`` of all events
and the fraction ``w_i`` of wrong tags in each (F. Abudinen et al., Eur. Phys. J. C 82 (2022) 283, eq. 13): the share of
perfectly tagged events that would tell as much about CP asymmetries.  Events without a tag count among all events.

The square of a fluctuating dilution is too large on average by its variance; that is taken off in each bin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError

Array = npt.NDArray[np.float64]

#: edges of the bins of r of the field
R_EDGES: tuple[float, ...] = (0.0, 0.1, 0.25, 0.45, 0.6, 0.725, 0.875, 1.0)


@dataclass(frozen=True, slots=True)
class TagBin:
    """Events with r between ``low`` and ``high``: their fraction of all events, mean r, dilution 1 - 2 w and its error.

    ``dilution`` and ``error`` are None without events.
    """

    low: float
    high: float
    events: int
    fraction: float
    r: float | None
    dilution: float | None
    error: float | None

    @property
    def effective(self) -> float:
        """Contribution to the effective efficiency."""
        if self.dilution is None or self.error is None:
            return 0.0
        return self.fraction * (self.dilution**2 - self.error**2)


@dataclass(frozen=True, slots=True)
class TaggingPerformance:
    """Performance of a tagger on events whose flavour is known.

    Attributes
    ----------
    events
        All events.
    efficiency
        Fraction of them with a tag.
    effective, error
        Effective efficiency and its statistical error.
    bins
        By r.
    """

    events: int
    efficiency: float
    effective: float
    error: float
    bins: tuple[TagBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return asdict(self)


def tagging_performance(qr: npt.ArrayLike, flavour: npt.ArrayLike,
                        edges: Sequence[float] = R_EDGES) -> TaggingPerformance:
    """Performance of outputs ``qr`` (n,) in [-1, 1] for true flavours (n,), +1 or -1; 0 counts as no tag.

    Raises
    ------
    InputError
        For columns of different lengths, values outside of their range, or no event.
    """
    q, truth = np.asarray(qr, np.float64), np.asarray(flavour, np.float64)
    findings = Findings("flavour tags")
    if q.shape != truth.shape or q.ndim != 1 or not len(q):
        findings.error("wrong-length", "qr", f"shapes {q.shape} and {truth.shape}", expected="(n,) twice, n > 0")
    elif not np.all(np.abs(q) <= 1.0):
        findings.error("out-of-range", "qr", "values outside of [-1, 1], or NaN")
    elif not np.isin(truth, (-1.0, 0.0, 1.0)).all():
        findings.error("out-of-range", "flavour", "flavours are +1 and -1, 0 for not known")
    findings.raise_if_errors(InputError)
    tagged, n = (q != 0.0) & (truth != 0.0), len(q)
    place = np.clip(np.searchsorted(edges, np.abs(q), side="right") - 1, 0, len(edges) - 2)
    bins = tuple(_bin(np.abs(q), np.sign(q) * truth, tagged & (place == i), edges[i], edges[i + 1])
                 for i in range(len(edges) - 1))
    variance = sum(_variance(b, n) for b in bins)
    return TaggingPerformance(n, float(tagged.mean()), sum(b.effective for b in bins), math.sqrt(variance), bins)


def _bin(r: Array, right: Array, mask: npt.NDArray[np.bool_], low: float, high: float) -> TagBin:
    """One bin; ``right`` is +1 and -1 for right and wrong tags."""
    k = int(mask.sum())
    if not k:
        return TagBin(low, high, 0, 0.0, None, None, None)
    dilution = float(right[mask].mean())
    error = math.sqrt(max(1.0 - dilution**2, 1.0 / k) / k)
    return TagBin(low, high, k, k / len(r), float(r[mask].mean()), dilution, error)


def _variance(b: TagBin, n: int) -> float:
    """Variance of a bin's contribution to the effective efficiency of ``n`` events."""
    if b.dilution is None or b.error is None:
        return 0.0
    return float((2.0 * b.fraction * b.dilution * b.error) ** 2 + b.dilution**4 * b.fraction * (1.0 - b.fraction) / n)


def category_performance(qp: Mapping[str, npt.ArrayLike], flavour: npt.ArrayLike) -> dict[str, TaggingPerformance]:
    """Performance of the output of each category alone, in ten bins of equal width."""
    edges = tuple(np.linspace(0.0, 1.0, 11).tolist())
    return {name: tagging_performance(values, flavour, edges) for name, values in qp.items()}


def calibration_chi2(performance: TaggingPerformance) -> float:
    """Chi2 of the calibration of r: sum over bins with events of ((mean r - dilution) / error)^2."""
    return sum(((b.r - b.dilution) / b.error) ** 2 for b in performance.bins
               if b.r is not None and b.dilution is not None and b.error)
