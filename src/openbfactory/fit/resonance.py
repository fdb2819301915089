"""Search for a narrow resonance on a smooth background: local and global significance, upper limits.

Method: a histogram fine against the resolution; for each hypothesis (a mass, or a mass and a lifetime) the bins of a
window around it are fitted with

    expected = exp(Chebyshev polynomial of the window) + s x template

by Fisher scoring on the Poisson likelihood.  The local significance is Z = sqrt(q0), q0 = 2NLL without signal above the
minimum, 0 for s < 0 (G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, eq. 12).  The global one is the share of
background-only toys whose largest Z is as large; where few toys reach it, the rule of upcrossings,

    p_global = p_local + <N(c0)> exp(-(c - c0) / 2)    (E. Gross and O. Vitells, Eur. Phys. J. C 70 (2010) 525, eq. 3)

with N(c0) the mean number of times that q0 rises through c0 = 1 along the scan.  Limits: asymptotic CLs as in
:mod:`openbfactory.fit.limits`.

Approximation: the template has no uncertainty; the background holds the signal's width out (choose its order and
the windows accordingly); hypotheses outside the toys' order of scan (a second dimension) count upcrossings along
the order given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.random import Address
from openbfactory.fit.limits import BAND, HypothesisTest
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.windows import CROSSED, Window, crossing, scan_toys, scan_windows

#: toys of one stream of random numbers
CHUNK = 200


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """A resonance that is tested.

    Attributes
    ----------
    mass, label
        Where it is, and further text such as the lifetime.
    template : (bins,)
        Expected share of its events in each bin of the spectrum.
    window
        Lower and upper end of the bins that are fitted.
    scale
        Cross section (or branching fraction) of one event: 1 / (efficiency x luminosity ...); 1 for events.
    """

    mass: float
    template: FloatArray
    window: tuple[float, float]
    scale: float = 1.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Result at one hypothesis; signal, uncertainty and limits in units of its scale.

    Attributes
    ----------
    signal, uncertainty
        Estimate and standard deviation from the Fisher information at the estimate.
    local
        One-sided local significance, 0 below zero signal.
    limit, expected
        Upper limit in data, and without signal for outcomes of -2, -1, 0, 1, 2 standard deviations.
    """

    mass: float
    label: str
    signal: float
    uncertainty: float
    local: float
    limit: float
    expected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GlobalTest:
    """Significance of the largest excess after the choice of where to look.

    Attributes
    ----------
    mass, local
        Hypothesis with the largest local significance.
    p, uncertainty
        Share of toys with a larger one, and its binomial standard deviation.
    p_upcrossings
        The same by the rule of upcrossings.
    trials
        p_upcrossings over the local p-value.
    significance
        One-sided Gaussian equivalent of ``p``, of ``p_upcrossings`` where fewer than ten toys are beyond.
    """

    mass: float
    local: float
    p: float
    uncertainty: float
    p_upcrossings: float
    trials: float
    significance: float
    toys: int


class ResonanceSearch:
    """A spectrum, the hypotheses, and the order of the background polynomial in each window.

    Parameters
    ----------
    edges : (bins + 1,)
        Edges of the spectrum.
    counts : (bins,)
        Events.
    hypotheses
        What is tested, in the order of the scan.
    order
        Order of the polynomial.

    Raises
    ------
    InputError
        With every mistake of the spectrum and the hypotheses.
    """

    def __init__(self, edges: FloatArray, counts: FloatArray, hypotheses: Sequence[Hypothesis], order: int = 2) -> None:
        self.edges, self.counts = np.asarray(edges, np.float64), np.asarray(counts, np.float64)
        self.hypotheses, self.order = tuple(hypotheses), order
        _check(self.edges, self.counts, self.hypotheses, order)
        self._templates = np.array([h.template for h in self.hypotheses], np.float64)
        self._windows = np.array([_bins_of(self.edges, h.window) for h in self.hypotheses], np.int64)

    def points(self, level: float = 0.90) -> list[Point]:
        """Estimate, local significance and limits of every hypothesis.

        Raises
        ------
        FitError
            When a window has no events.
        """
        return [self._point(k, level) for k in range(len(self.hypotheses))]

    def _point(self, k: int, level: float) -> Point:
        h, (first, last) = self.hypotheses[k], self._windows[k]
        counts, template = self.counts[first:last], self._templates[k, first:last]
        if counts.sum() <= 0:
            message = f"no events in the window {h.window[0]:g} to {h.window[1]:g} of the mass {h.mass:g}"
            raise FitError(message)
        data = Window(counts, template, self.order)
        without = Window(data.background(), template, self.order)
        low = max(data.signal, 0.0)
        observed = crossing(lambda s: (1 - level) - HypothesisTest(s, data.root(s), without.root(s)).cls, low,
                             data.sigma)
        targets = [n + float(norm.isf((1 - level) * norm.cdf(n))) for n in BAND]
        expected = [h.scale * without.reaches(target) for target in targets]
        local = math.sqrt(max(0.0, data.zero - data.least)) if data.signal > 0 else 0.0
        return Point(float(h.mass), h.label, h.scale * data.signal, h.scale * data.sigma, local, h.scale * observed,
                     tuple(expected))

    def largest_excess(self, toys: int, seed: int = 1, rate: FloatArray | None = None) -> GlobalTest:
        """Global significance of the largest local one.

        Parameters
        ----------
        toys
            Background-only spectra that are thrown and scanned.
        rate : (bins,)
            Their expectation; by default each bin's background fit of the window that has it nearest to its centre.

        Raises
        ------
        InputError
            When the number of toys is not above 0.
        """
        if toys < 1:
            findings = Findings("toys")
            findings.error("toys", "", f"found {toys}", expected="at least 1")
            raise InputError(findings)
        q0 = scan_windows(self.counts, self._templates, self._windows, self.order)
        best = int(np.argmax(q0))
        expectation = self.background() if rate is None else np.asarray(rate, np.float64)
        largest, crossings = [], 0
        for chunk, start in enumerate(range(0, toys, CHUNK)):
            generator = Address(seed, "resonance", chunk).generator()
            found, rises = scan_toys(generator, min(CHUNK, toys - start), expectation, self._templates, self._windows,
                                     self.order)
            largest.append(found)
            crossings += rises
        p = float(np.mean(np.concatenate(largest) >= q0[best]))
        p_local = float(norm.sf(math.sqrt(q0[best])))
        p_rule = min(1.0, p_local + crossings / toys * math.exp(-(q0[best] - CROSSED) / 2))
        used = p if p * toys >= 10 else p_rule
        error = math.sqrt(p * (1 - p) / toys)
        return GlobalTest(float(self.hypotheses[best].mass), math.sqrt(q0[best]), p, error, p_rule, p_rule / p_local,
                          float(norm.isf(min(used, 1 - 1e-15))), toys)

    def background(self) -> FloatArray:
        """Expectation (bins,) without signal, from the window whose centre is nearest to each bin; data outside all."""
        centres = 0.5 * (self.edges[1:] + self.edges[:-1])
        rate, nearest = self.counts.copy(), np.full(len(centres), np.inf)
        for first, last in np.unique(self._windows, axis=0):
            fitted = Window(self.counts[first:last], np.zeros(last - first), self.order).background()
            middle = 0.5 * (self.edges[first] + self.edges[last])
            closer = np.abs(centres[first:last] - middle) < nearest[first:last]
            rate[first:last][closer] = fitted[closer]
            nearest[first:last][closer] = np.abs(centres[first:last] - middle)[closer]
        return rate


def _bins_of(edges: FloatArray, window: tuple[float, float]) -> tuple[int, int]:
    """First bin, and the one behind the last, that lie inside a window."""
    return (int(np.searchsorted(edges, window[0] - 1e-9 * abs(window[0]))),
            int(np.searchsorted(edges, window[1] + 1e-9 * abs(window[1]), side="right")) - 1)


def _check(edges: FloatArray, counts: FloatArray, hypotheses: tuple[Hypothesis, ...], order: int) -> None:
    """Refuse spectra and hypotheses that make no sense, with every reason."""
    findings = Findings("resonance search")
    if edges.ndim != 1 or counts.shape != (len(edges) - 1,) or len(edges) < 2:
        findings.error("shape", "counts", f"{counts.shape} counts for {edges.shape} edges", expected="one edge more")
        findings.raise_if_errors(InputError)
    if not (np.diff(edges) > 0).all() or not np.allclose(np.diff(edges), edges[1] - edges[0], rtol=1e-6):
        findings.error("edges", "edges", "the bins are not of one width", expected="equal, rising steps")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        findings.error("counts", "counts", "negative or not a number", expected="events, 0 or more")
    if not 0 <= order <= 8:
        findings.error("order", "order", f"found {order}", expected="0 to 8")
    if not hypotheses:
        findings.error("hypotheses", "hypotheses", "none given", expected="at least one")
    for k, h in enumerate(hypotheses):
        where = f"hypotheses[{k}]"
        first, last = _bins_of(edges, h.window)
        if np.shape(h.template) != counts.shape or not np.isfinite(h.template).all() or np.min(h.template) < 0:
            findings.error("template", where, "not one share, 0 or more, for each bin")
        elif last - first < order + 3 or not np.any(np.asarray(h.template)[first:last] > 0):
            findings.error("window", where, f"the window {h.window[0]:g} to {h.window[1]:g} has {max(0, last - first)} "
                           "bins, or none with signal", expected=f"at least {order + 3} bins around the mass")
        if not h.scale > 0:
            findings.error("scale", where, f"found {h.scale:g}", expected="a number above 0")
    findings.raise_if_errors(InputError)
