"""Pseudo-experiments (toys): thrown, fitted, and what follows from them.

A toy draws the counts from Poisson distributions of the expected events and,
unless told otherwise, every auxiliary measurement from its own distribution
around the parameter (Normal or Poisson), so that the ensemble has the full
uncertainty.  Toys come in chunks with an address each (:mod:`openbfactory.core.random`):
the same numbers come out in any order and for any number of workers.  ``mapper``
is a function like ``map`` and may run the chunks elsewhere.

Definitions
-----------
pull of a toy
    (estimate - truth) / uncertainty of its Hessian.
coverage
    Share of toys whose 2NLL at the truth is at most 1 above the minimum.
goodness of fit
    Saturated statistic: 2NLL at the minimum less that of a model which meets every
    count and every auxiliary measurement (S. Baker, R. Cousins, NIM 221 (1984) 437).
    The p-value is the share of toys thrown at the best fit with a larger one.
significance
    One-sided: q = 2NLL(t) - 2NLL_min for an estimate above the tested value t, else
    0 (arXiv:1007.1727, eq. 12); the p-value is the share of toys thrown at t,
    nuisances at their conditional best values, with at least the observed q.

Approximation: one start of the minimiser a toy, the truth.  A toy without a
minimum is counted and left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from scipy.stats import chi2, norm

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.random import Address
from openbfactory.fit.estimate import Analysis
from openbfactory.fit.impacts import UncertaintySplit
from openbfactory.fit.likelihood import Likelihood
from openbfactory.fit.model import Model
from openbfactory.fit.profile import Fit, best_fit, with_lowest
from openbfactory.fit.specification import FloatArray

#: thrown: around the parameters; expected: equal to them; nominal: those of the model
Auxiliary = Literal["thrown", "expected", "nominal"]

#: toys in a chunk
CHUNK = 50

#: most toys of one call
MAX_TOYS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ToyTask:
    """One chunk of toys.

    Attributes
    ----------
    model, truth, index
        Model, point at which toys are thrown, index of the parameter of interest.
    tested
        Value of the parameter of interest whose 2NLL rise is computed; None for none.
    auxiliary
        What is done with the auxiliary measurements.
    """

    model: Model
    truth: FloatArray
    index: int
    tested: float | None
    auxiliary: Auxiliary
    address: Address
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Toys:
    """Fitted toys; one row a converged toy.

    Attributes
    ----------
    truth, index
        Point at which they were thrown, and index of the parameter of interest.
    values, uncertainties
        Estimates and Hessian standard deviations, shape (toys, parameters); an uncertainty
        is nan where fixed, at a bound or not determined.
    statistic
        Saturated statistic of each toy.
    rise
        2NLL at the tested value above the minimum; nan without test.
    failed
        Toys without a minimum.
    """

    truth: FloatArray
    index: int
    values: FloatArray
    uncertainties: FloatArray
    statistic: FloatArray
    rise: FloatArray
    failed: int

    @property
    def estimates(self) -> FloatArray:
        """Estimates of the parameter of interest."""
        return self.values[:, self.index]

    def pulls(self, index: int | None = None) -> FloatArray:
        """Pulls of a parameter, by default that of interest; toys without uncertainty are left out."""
        i = self.index if index is None else index
        with np.errstate(invalid="ignore", divide="ignore"):
            pulls: FloatArray = (self.values[:, i] - self.truth[i]) / self.uncertainties[:, i]
        return pulls[np.isfinite(pulls)]

    def coverage(self, level: float = 1.0) -> tuple[float, float]:
        """Share of toys whose profile at the tested value has risen by at most ``level``, with its uncertainty."""
        share = float(np.mean(self.rise <= level))
        return share, math.sqrt(share * (1 - share) / len(self.rise))


Mapper: TypeAlias = Callable[[Callable[[ToyTask], Toys], Iterable[ToyTask]], Iterable[Toys]]


@dataclass(frozen=True, slots=True)
class PValue:
    """A p-value from toys.

    Attributes
    ----------
    observed
        Value of the statistic in data.
    p, uncertainty
        Share of toys at or beyond it, and its binomial standard deviation.
    significance
        One-sided Gaussian equivalent; None when no toy lies beyond.
    asymptotic
        p-value of the asymptotic distribution, for comparison.
    toys, failed
        Toys used, and those without a minimum.
    """

    observed: float
    p: float
    uncertainty: float
    significance: float | None
    asymptotic: float
    toys: int
    failed: int


def throw(model: Model, theta: FloatArray, generator: np.random.Generator,
          auxiliary: Auxiliary = "thrown") -> Likelihood:
    """Likelihood of one toy thrown at ``theta``.

    Raises
    ------
    FitError
        When an expectation at ``theta`` is negative.
    """
    expected = model.expected(theta)
    if not (expected >= 0).all():
        message = f"no toys: the expectation is negative in {int((expected < 0).sum())} bins"
        raise FitError(message)
    observed = generator.poisson(expected).astype(np.float64)
    terms = model.constraints
    if auxiliary == "nominal":
        return Likelihood.of(model, observed)
    center = theta[terms.order] * np.where(terms.is_poisson, terms.width, 1.0)
    if auxiliary == "thrown":
        normal = generator.normal(center, np.where(terms.is_poisson, 0.0, terms.width))
        counts = generator.poisson(np.where(terms.is_poisson, center, 0.0)).astype(np.float64)
        center = np.where(terms.is_poisson, counts, normal)
    return Likelihood(model, observed, center)


def fit_chunk(task: ToyTask) -> Toys:
    """Toys of one chunk, thrown and fitted."""
    generator = task.address.generator()
    values, sigmas, statistic, rises = [], [], [], []
    for _ in range(task.count):
        likelihood = throw(task.model, task.truth, generator, task.auxiliary)
        try:
            fit, rise = _fit(likelihood, task)
        except FitError:
            continue
        variance = np.where(fit.minimum.free, np.diag(fit.covariance), np.nan)
        values.append(fit.minimum.x)
        sigmas.append(np.sqrt(np.where(variance > 0, variance, np.nan)))
        statistic.append(fit.minimum.value)
        rises.append(rise)
    shape = (len(values), len(task.truth))
    return Toys(task.truth, task.index, np.reshape(values, shape), np.reshape(sigmas, shape),
                np.array(statistic), np.array(rises), task.count - len(values))


def _fit(likelihood: Likelihood, task: ToyTask) -> tuple[Fit, float]:
    """Best fit of a toy and the rise of its profile at the tested value."""
    fit = best_fit(likelihood, start=task.truth)
    tested = task.tested
    if tested is None:
        return fit, math.nan
    rise, fit = with_lowest(fit, lambda f: f.rise(f.conditional(task.index, tested)))
    return fit, rise


def tasks(model: Model, truth: FloatArray, index: int, count: int, address: Address, *, tested: float | None = None,
          auxiliary: Auxiliary = "thrown") -> Iterator[ToyTask]:
    """Chunks of ``count`` toys; chunk k has the address ``replace(address, chunk=k)``.

    Raises
    ------
    InputError
        When the number of toys is not between 1 and a million.
    """
    if not 1 <= count <= MAX_TOYS:
        findings = Findings("toys")
        findings.error("toys", "", f"found {count} toys", expected=f"1 to {MAX_TOYS}")
        raise InputError(findings)
    for k, first in enumerate(range(0, count, CHUNK)):
        yield ToyTask(model, truth, index, tested, auxiliary, replace(address, chunk=k), min(CHUNK, count - first))


def collect(chunks: Iterable[Toys]) -> Toys:
    """All chunks as one; needs at least one.

    Raises
    ------
    FitError
        When no toy has a minimum.
    """
    parts = list(chunks)
    failed = sum(p.failed for p in parts)
    if all(len(p.statistic) == 0 for p in parts):
        message = f"none of {failed} toys has a minimum"
        raise FitError(message)
    return Toys(parts[0].truth, parts[0].index, np.concatenate([p.values for p in parts]),
                np.concatenate([p.uncertainties for p in parts]), np.concatenate([p.statistic for p in parts]),
                np.concatenate([p.rise for p in parts]), failed)


def fit_toys(analysis: Analysis, count: int, *, seed: int = 1, tested: float | None = None,
             truth: FloatArray | None = None, auxiliary: Auxiliary = "thrown", mapper: Mapper = map,
             sample: str = "toys") -> Toys:
    """Toys thrown at the best fit (or at ``truth``) and fitted.

    Parameters
    ----------
    seed, sample
        Address of the random numbers.
    tested
        Value of the parameter of interest whose profile is computed too.
    auxiliary
        ``thrown``, ``expected`` (at the truth: statistical fluctuations alone) or ``nominal``.
    mapper
        Function like ``map``.

    Raises
    ------
    InputError
        When the number of toys makes no sense.
    FitError
        When toys cannot be thrown, or none has a minimum.
    """
    point = analysis.fit.minimum.x if truth is None else truth
    model = analysis.fit.likelihood.model
    todo = tasks(model, point, analysis.index, count, Address(seed, sample), tested=tested, auxiliary=auxiliary)
    return collect(mapper(fit_chunk, todo))


def goodness_of_fit(analysis: Analysis, toys: Toys) -> PValue:
    """p-value of the saturated statistic from toys that were thrown at the best fit.

    The asymptotic one is that of chi2 with bins less unconstrained free parameters as degrees of freedom.
    """
    fit = analysis.fit
    free = ~fit.fixed & np.isnan(fit.likelihood.model.parameters.center)
    degrees = max(1, fit.likelihood.model.bins - int(free.sum()))
    observed = fit.minimum.value
    return _p_value(observed, toys.statistic, float(chi2.sf(observed, degrees)), toys.failed)


def toy_significance(analysis: Analysis, count: int, *, tested: float = 0.0, seed: int = 1,
                     mapper: Mapper = map) -> PValue:
    """p-value of a value of the parameter of interest, against larger ones.

    Raises
    ------
    InputError, FitError
        As :func:`fit_toys`.
    """
    fit, index = analysis.fit, analysis.index
    held = fit.conditional(index, tested)
    observed = fit.rise(held) if fit.minimum.x[index] > tested else 0.0
    toys = fit_toys(analysis, count, seed=seed, tested=tested, truth=held.x, mapper=mapper,
                    sample=f"toys at {tested!r}")
    statistic = np.where(toys.estimates > tested, toys.rise, 0.0)
    return _p_value(observed, statistic, float(norm.sf(math.sqrt(observed))), toys.failed)


def statistical_split(analysis: Analysis, count: int, *, seed: int = 1, mapper: Mapper = map) -> UncertaintySplit:
    """Statistical part of the uncertainty from the spread of toys that fluctuate the counts alone.

    The spread is half of the central interval of 68.27 %, which bounds and tails change little.

    Raises
    ------
    InputError, FitError
        As :func:`fit_toys`.
    """
    sigma = analysis.fit.uncertainty(analysis.index)
    if sigma is None:
        message = f"the Hessian gives no uncertainty of {analysis.poi}"
        raise FitError(message)
    toys = fit_toys(analysis, count, seed=seed, auxiliary="expected", mapper=mapper, sample="counts alone")
    low, high = np.quantile(toys.estimates, norm.cdf([-1.0, 1.0]))
    spread = float(high - low) / 2
    return UncertaintySplit(sigma, spread, math.sqrt(max(0.0, sigma**2 - spread**2)), "toys")


def _p_value(observed: float, statistic: FloatArray, asymptotic: float, failed: int) -> PValue:
    """Share of toys at or beyond the observed value (rounding of the minimiser allowed for)."""
    count = len(statistic)
    p = float(np.mean(statistic >= observed - 1e-9 * (1 + abs(observed))))
    return PValue(observed, p, math.sqrt(p * (1 - p) / count), float(norm.isf(p)) if 0 < p < 1 else None,
                  asymptotic, count, failed)
