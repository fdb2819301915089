"""Toys of unbinned fits: pulls, bias and coverage of the parameters.

A toy is what a function of the user's throws and turns into a cost; it is fitted from the truth.  Chunks have
addresses of their own, so that the toys do not depend on how they are run in parallel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.random import Address
from openbfactory.fit.costs import Cost
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import fit_unbinned

#: toys of one chunk
CHUNK = 10
#: throws the events of a toy
Thrower: TypeAlias = Callable[[np.random.Generator], Cost]


@dataclass(frozen=True, slots=True)
class ToyChunk:
    """Toys that are thrown and fitted together; can be sent to another process when ``throw`` can."""

    throw: Thrower
    truth: Mapping[str, float]
    limits: Mapping[str, tuple[float, float]]
    fixed: tuple[str, ...]
    address: Address
    count: int

    def __call__(self) -> tuple[FloatArray, FloatArray, int]:
        """Estimates and uncertainties (toys, parameters), and the number of toys without a minimum."""
        generator, values, sigmas = self.address.generator(), [], []
        for _ in range(self.count):
            try:
                found = fit_unbinned(self.throw(generator), self.truth, limits=self.limits, fixed=self.fixed)
            except FitError:
                continue
            order = [found.names.index(n) for n in self.truth]
            values.append(found.values[order])
            sigmas.append(found.uncertainties[order])
        shape = (len(values), len(self.truth))
        return np.reshape(values, shape), np.reshape(sigmas, shape), self.count - len(values)


@dataclass(frozen=True, slots=True, eq=False)
class PullSummary:
    """Pulls of one parameter: mean and width with their standard deviations, and coverage of one sigma.

    Attributes
    ----------
    bias
        Mean of the estimates less the truth, and its standard deviation.
    """

    name: str
    mean: tuple[float, float]
    width: tuple[float, float]
    coverage: tuple[float, float]
    bias: tuple[float, float]
    toys: int


@dataclass(frozen=True, slots=True, eq=False)
class UnbinnedToys:
    """Fitted toys.

    Attributes
    ----------
    truth
        Value of each parameter, in the order of the columns.
    values, uncertainties : (toys, parameters)
    failed
        Toys without a minimum.
    """

    truth: dict[str, float]
    values: FloatArray
    uncertainties: FloatArray
    failed: int

    def pulls(self, name: str) -> FloatArray:
        """Pulls of a parameter; toys without an uncertainty are left out."""
        k = list(self.truth).index(name)
        with np.errstate(invalid="ignore", divide="ignore"):
            pulls: FloatArray = (self.values[:, k] - self.truth[name]) / self.uncertainties[:, k]
        return pulls[np.isfinite(pulls)]

    def summary(self, name: str) -> PullSummary:
        """Mean, width, coverage and bias of a parameter."""
        pulls, k = self.pulls(name), list(self.truth).index(name)
        n = len(pulls)
        share = float(np.mean(np.abs(pulls) < 1))
        offsets = self.values[:, k] - self.truth[name]
        width = float(pulls.std(ddof=1))
        return PullSummary(name, (float(pulls.mean()), width / math.sqrt(n)), (width, width / math.sqrt(2 * (n - 1))),
                           (share, math.sqrt(share * (1 - share) / n)),
                           (float(offsets.mean()), float(offsets.std(ddof=1)) / math.sqrt(len(offsets))), n)


def unbinned_toys(throw: Thrower, truth: Mapping[str, float], count: int, *, seed: int = 1,
                  limits: Mapping[str, tuple[float, float]] | None = None, fixed: Collection[str] = (),
                  mapper: Callable[[Callable[[ToyChunk], tuple[FloatArray, FloatArray, int]], Iterable[ToyChunk]],
                                   Iterable[tuple[FloatArray, FloatArray, int]]] = map,
                  sample: str = "unbinned toys") -> UnbinnedToys:
    """Toys thrown by a function and fitted.

    Parameters
    ----------
    throw
        Cost of the events drawn from a generator.
    truth
        True value, and start, of every parameter.
    count
        Number of toys.
    seed, sample
        Address of the random numbers.
    limits, fixed
        As for :func:`openbfactory.fit.unbinned.fit_unbinned`.
    mapper
        Function like ``map``, for toys in parallel.

    Raises
    ------
    InputError
        When the number of toys makes no sense, or the truth does not fit the cost.
    FitError
        When fewer than two toys have a minimum.
    """
    if not 2 <= count <= 1_000_000:
        findings = Findings("toys")
        findings.error("toys", "", f"found {count} toys", expected="2 to 1000000")
        raise InputError(findings)
    address = Address(seed, sample)
    chunks = [ToyChunk(throw, dict(truth), dict(limits or {}), tuple(fixed), replace(address, chunk=k),
                       min(CHUNK, count - first)) for k, first in enumerate(range(0, count, CHUNK))]
    parts = list(mapper(ToyChunk.__call__, chunks))
    values, sigmas = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    failed = sum(p[2] for p in parts)
    if len(values) < 2:
        message = f"{failed} of {count} toys have no minimum"
        raise FitError(message)
    return UnbinnedToys(dict(truth), values, sigmas, failed)
