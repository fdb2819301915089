"""Kernel template: a smooth density from simulated events, for shapes without a formula.

    f(x) = sum_i w_i K((x - x_i) / h_i) / sum_i w_i,      K a unit Gaussian,

with the width h_i = h sqrt(g / f_0(x_i)) of each event from a first estimate f_0 with the fixed width h (adaptive
kernels: K. Cranmer, Comput. Phys. Commun. 136 (2001) 198, eq. 10; g its geometric mean) and h = 1.06 s n^(-1/5), s the
smaller of the standard deviation and the interquartile range / 1.349 (B. Silverman, 1986, eq. 3.30 f.).  Events
mirrored at the ends of the range keep the density from leaking out.  More than :data:`BINS` events are summed in so
many bins first; the result is linear between :data:`NODES` points.

Validity: features wider than the kernels; the template is taken as exact (no statistical uncertainty).
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.specification import FloatArray

#: nodes over the range, and mirrored range on each side as a share of it
NODES, MARGIN = 2001, 0.5
#: bins over the range in which many events are summed
BINS = 2000
#: largest factor of an adaptive width
WIDEST = 4.0


class KernelTemplate:
    """Density from events, callable as every shape: ``template(x, low, high, shift, stretch)``.

    Parameters ``shift`` and ``stretch`` move and scale the template about its mean; they may be left out.

    Parameters
    ----------
    events : (events,)
        Simulated values; those outside the range are left out.
    limits
        Range of the template.
    weights : (events,)
        Of the events; ones by default, negative ones are refused.
    width
        Factor of the rule for h.
    adaptive
        Whether the width follows the density.

    Raises
    ------
    InputError
        When the events, weights or limits have mistakes.
    """

    def __init__(self, events: FloatArray, limits: tuple[float, float], weights: FloatArray | None = None, *,
                 width: float = 1.0, adaptive: bool = True) -> None:
        x, w = _checked(events, limits, weights, width)
        low, high = limits
        self.nodes = np.linspace(low - MARGIN * (high - low), high + MARGIN * (high - low), NODES)
        mean = float(np.average(x, weights=w))
        spread = math.sqrt(float(np.average((x - mean) ** 2, weights=w)))
        quartiles = np.quantile(x, [0.25, 0.75])
        narrow = float(quartiles[1] - quartiles[0]) / 1.349 or spread
        effective = float(w.sum() ** 2 / (w**2).sum())
        base = width * 1.06 * (min(spread, narrow) or 0.01 * (high - low)) * effective**-0.2
        self.mean = mean
        x, w = _binned(x, w, limits)
        values = _estimate(self.nodes, x, w, np.full(len(x), base), limits)
        if adaptive:
            at = np.maximum(np.interp(x, self.nodes, values), 1e-12 * float(values.max()))
            scale = np.sqrt(math.exp(float(np.average(np.log(at), weights=w))) / at)
            values = _estimate(self.nodes, x, w, base * np.minimum(scale, WIDEST), limits)
        self.values = values
        self._integral = np.concatenate([[0.0], np.cumsum(
            0.5 * (values[1:] + values[:-1]) * np.diff(self.nodes))])

    def __call__(self, x: FloatArray, low: float, high: float, shift: float = 0.0,
                 stretch: float = 1.0) -> FloatArray:
        """Density between ``low`` and ``high``, shape of ``x``."""
        def back(v: FloatArray) -> FloatArray:
            return (v - self.mean - shift) / stretch + self.mean

        ends = self._up_to(back(np.array([low, high])))
        density: FloatArray = np.interp(back(x), self.nodes, self.values, left=0.0, right=0.0) / (
            stretch * (ends[1] - ends[0]))
        return density

    def _up_to(self, x: FloatArray) -> FloatArray:
        """Integral up to each point, exact for the lines between the nodes."""
        k = np.clip(np.searchsorted(self.nodes, x) - 1, 0, NODES - 2)
        step = np.clip(x, self.nodes[0], self.nodes[-1]) - self.nodes[k]
        slope = (self.values[k + 1] - self.values[k]) / (self.nodes[1] - self.nodes[0])
        found: FloatArray = self._integral[k] + step * (self.values[k] + 0.5 * slope * step)
        return found


def _estimate(nodes: FloatArray, x: FloatArray, w: FloatArray, h: FloatArray,
              limits: tuple[float, float]) -> FloatArray:
    """Sum of kernels and of their mirror images at the nodes, in blocks of events."""
    low, high = limits
    values = np.zeros(len(nodes))
    norm = w / (h * math.sqrt(2 * math.pi) * w.sum())
    for first in range(0, len(x), 2048):
        part = slice(first, first + 2048)
        for centre in (x[part], 2 * low - x[part], 2 * high - x[part]):
            z = (nodes[:, None] - centre) / h[part]
            values += np.exp(-0.5 * np.minimum(z * z, 200.0)) @ norm[part]
    return values


def _binned(x: FloatArray, w: FloatArray, limits: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Mean position and sum of weights in fine bins, where there are more events than bins."""
    if len(x) <= BINS:
        return x, w
    number = np.minimum(((x - limits[0]) / (limits[1] - limits[0]) * BINS).astype(np.int64), BINS - 1)
    sums: FloatArray = np.bincount(number, w, BINS).astype(np.float64)
    kept = sums > 0
    return np.bincount(number, w * x, BINS)[kept] / sums[kept], sums[kept]


def _checked(events: FloatArray, limits: tuple[float, float], weights: FloatArray | None,
             width: float) -> tuple[FloatArray, FloatArray]:
    """Events inside the limits, and their weights."""
    findings, (low, high) = Findings("kernel template"), limits
    x = np.asarray(events, np.float64).ravel()
    w = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64).ravel()
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        findings.error("limits", "", f"found {low:g} to {high:g}", expected="low < high")
    if len(w) != len(x):
        findings.error("weights", "", f"{len(w)} weights for {len(x)} events")
    elif not (np.isfinite(w).all() and (w >= 0).all()):
        findings.error("weights", "", "negative or not finite", expected="weights of 0 or more")
    if not width > 0:
        findings.error("width", "", f"found {width:g}", expected="a factor above 0")
    if not np.isfinite(x).all():
        findings.error("data", "", f"not finite for {int((~np.isfinite(x)).sum())} events")
    findings.raise_if_errors(InputError)
    inside = (x >= low) & (x <= high) & (w > 0)
    if inside.sum() < 2:
        findings.error("empty", "", f"{int(inside.sum())} events inside the limits", expected="at least 2")
    findings.raise_if_errors(InputError)
    return x[inside], w[inside]
