"""Upper limits of the parameter of interest, with the bands expected without signal.

Method: the test statistic q-tilde_mu (2NLL at mu above the minimum over values
between 0 and mu) with its asymptotic distributions, the spread taken from the
Asimov data set without signal (G. Cowan et al., arXiv:1007.1727, eq. 16, 62, 65,
and sec. 3.8); nuisances of that data set at their conditional best values.  With
s = sqrt(q) and a = sqrt(q of the Asimov set),

    s <= a:  p_sb = Phi(-s),                 p_b = Phi(a - s)
    s > a:   p_sb = Phi(-(s^2 + a^2) / 2a),  p_b = Phi((a^2 - s^2) / 2a)

CLs = p_sb / p_b (A. Read, J. Phys. G 28 (2002) 2693).  The limit is where CLs (or
p_sb) falls to 1 - level.  An outcome N standard deviations above expectation has
a limit where a = N + Phi^-1(1 - (1 - level) Phi(N)) (CLs), a = N + Phi^-1(level) (p_sb).

Validity: asymptotic; below some five expected events toys are needed.  One
parameter of interest, larger values with more signal, no signal at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.provenance import Provenance
from openbfactory.fit.estimate import Analysis, analyse
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.profile import BetterMinimum, Fit, best_fit
from openbfactory.fit.workspace import Workspace

#: outcomes of the expected band, in standard deviations
BAND = (-2, -1, 0, 1, 2)

#: standard deviations from which a ratio of tails is taken from its asymptotic form
FAR = 1e5


@dataclass(frozen=True, slots=True)
class LimitResult:
    """Upper limit of a parameter.

    Attributes
    ----------
    level
        Confidence level.
    method
        ``CLs`` or ``CLsb`` (one-sided, without the correction for downward fluctuations).
    observed
        Limit in data; None when it lies above the upper bound of the parameter.
    expected
        Limits without signal for outcomes of -2, -1, 0, 1, 2 standard deviations.
    """

    poi: str
    level: float
    method: str
    observed: float | None
    expected: tuple[float | None, ...]
    warnings: tuple[str, ...]
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"poi": self.poi, "level": self.level, "method": self.method, "observed": self.observed,
                "expected": {f"{n:+d}": v for n, v in zip(BAND, self.expected, strict=True)},
                "warnings": list(self.warnings), "provenance": self.provenance.to_dict()}


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """Asymptotic test of one value of the parameter of interest.

    Attributes
    ----------
    root, asimov_root
        Square root of q-tilde in data and in the Asimov data set without signal.
    """

    mu: float
    root: float
    asimov_root: float

    @property
    def p_sb(self) -> float:
        """Probability of an outcome at most as signal-like, with signal."""
        s, a = self.root, self.asimov_root
        if s > a == 0:
            return 0.0
        return float(norm.sf(s if s <= a else (s * s + a * a) / (2 * a)))

    @property
    def p_b(self) -> float:
        """The same without signal."""
        s, a = self.root, self.asimov_root
        if s > a == 0:
            return 0.0
        return float(norm.cdf(a - s if s <= a else (a * a - s * s) / (2 * a)))

    @property
    def cls(self) -> float:
        """p_sb / p_b; far in both tails (little sensitivity) their ratio is exp(-s^2 / 2)."""
        s, a = self.root, self.asimov_root
        if s <= a:
            return self.p_sb / self.p_b if self.p_b > 0 else 0.0
        far = (s * s - a * a) / (2 * a) if a > 0 else math.inf
        if far > FAR:
            return math.exp(-0.5 * s * s)
        return math.exp(float(norm.logsf(far + a) - norm.logsf(far)))


class UpperLimit:
    """Tests and limits of one analysis; keeps the fits of the data and of the Asimov set without signal.

    Raises
    ------
    FitError
        When there is no fit without signal.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis, self.index = analysis, analysis.index
        parameters = analysis.fit.likelihood.model.parameters
        if not parameters.lower[self.index] <= 0.0 < parameters.upper[self.index]:
            message = f"no limit: the bounds of {analysis.poi} do not hold 0 and larger values"
            raise FitError(message)
        background = analysis.settled(lambda: analysis.fit.conditional(self.index, 0.0))
        model = analysis.fit.likelihood.model
        terms = model.constraints
        auxdata = background.x[terms.order] * np.where(terms.is_poisson, terms.width, 1.0)
        rate = np.maximum(model.expected(background.x), 0.0)
        self.asimov = best_fit(Likelihood(model, rate, auxdata), start=background.x)
        self._reference = {True: self._zero(self.asimov), False: self._zero(analysis.fit)}

    def _zero(self, fit: Fit) -> float:
        """2NLL that q-tilde counts from: the minimum over values from 0."""
        if fit.minimum.x[self.index] >= 0:
            return fit.minimum.value
        return fit.conditional(self.index, 0.0).value

    def root(self, mu: float, *, asimov: bool = False) -> float:
        """Square root of q-tilde at a value."""
        fit = self.asimov if asimov else self.analysis.fit
        if fit.minimum.x[self.index] >= mu:
            return 0.0
        try:
            minimum = fit.conditional(self.index, mu)
        except BetterMinimum:
            message = f"the fit at {self.analysis.poi} = {mu:g} lies below the best fit: the likelihood has many minima"
            raise FitError(message) from None
        return math.sqrt(max(0.0, minimum.value - self._reference[asimov]))

    def test(self, mu: float) -> HypothesisTest:
        """Test of one value above 0."""
        return HypothesisTest(mu, self.root(mu), self.root(mu, asimov=True))

    def observed(self, level: float, *, cls: bool = True) -> float | None:
        """Limit in data; None above the bound of the parameter."""
        def excess(mu: float) -> float:
            tested = self.test(mu)
            return (1 - level) - (tested.cls if cls else tested.p_sb)

        return self._crossing(excess, max(0.0, float(self.analysis.fit.minimum.x[self.index])))

    def expected(self, level: float, outcome: float = 0.0, *, cls: bool = True) -> float | None:
        """Limit expected without signal for an outcome so many standard deviations up; None above the bound."""
        alpha = (1 - level) * (float(norm.cdf(outcome)) if cls else 1.0)
        target = outcome + float(norm.isf(alpha))
        if target <= 0:
            return 0.0
        return self._crossing(lambda mu: self.root(mu, asimov=True) - target, 0.0)

    def _crossing(self, rising: Callable[[float], float], low: float) -> float | None:
        """Zero of a rising function above a value, None when it comes after the upper bound of the parameter."""
        upper = float(self.analysis.fit.likelihood.model.parameters.upper[self.index])
        step = self.analysis.fit.uncertainty(self.index) or self.asimov.uncertainty(self.index) or 0.01 * (upper - low)
        inside = low
        while inside < upper:
            outside = min(inside + 2 * step, upper)
            if rising(outside) >= 0:
                tiny = 1e-9 * (outside - low)
                if rising(inside + tiny) >= 0:
                    return inside
                return float(brentq(rising, inside + tiny, outside, xtol=1e-7 * step, rtol=1e-10))
            inside, step = outside, 2 * step
        return None


def upper_limit(workspace: Workspace | Mapping[str, Any] | str | Path | Analysis, poi: str | None = None, *,
                level: float = 0.95, cls: bool = True) -> LimitResult:
    """Upper limit in data and the band expected without signal.

    Parameters
    ----------
    level
        Confidence level, such as 0.90 or 0.95.
    cls
        CLs; else the one-sided p_sb.

    Raises
    ------
    InputError
        When the level is not between 0.5 and 1.
    WorkspaceError, UnknownNameError, FitError
        As :func:`openbfactory.fit.estimate.analyse`.
    """
    if not 0.5 < level < 1:
        findings = Findings("limit")
        findings.error("level", "", f"found {level:g}", expected="a confidence level between 0.5 and 1")
        raise InputError(findings)
    analysis = workspace if isinstance(workspace, Analysis) else analyse(workspace, poi)
    limits = UpperLimit(analysis)
    observed = limits.observed(level, cls=cls)
    expected = tuple(limits.expected(level, n, cls=cls) for n in BAND)
    bound = float(analysis.fit.likelihood.model.parameters.upper[analysis.index])
    warnings = [f"the {name} limit lies above the bound {analysis.poi} = {bound:g}"
                for name, value in (("observed", observed), ("median expected", expected[2])) if value is None]
    return LimitResult(analysis.poi, level, "CLs" if cls else "CLsb", observed, expected, tuple(warnings),
                       analysis.provenance())
