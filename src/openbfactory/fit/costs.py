"""What an unbinned fit minimises: -2 ln L of events, by named parameters.

A cost has ``parameters`` and gives its ``value`` at a point; some also give the
``gradient``.  Costs of several categories are added by :class:`Simultaneous`;
parameters of one name are shared.

Bad data (nan, outside the limits, uncertainties that are not positive) are
refused with the number of the first such event.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.shapes.decay import decay_deviance
from openbfactory.fit.specification import FloatArray

#: events to a density: x, low, high, parameters -> values
Density: TypeAlias = Callable[..., FloatArray]


class Cost(Protocol):
    """-2 ln L as a function of named parameters."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of a point."""

    def value(self, theta: FloatArray) -> float:
        """-2 ln L; infinite where the likelihood is zero."""

    def gradient(self, theta: FloatArray) -> FloatArray | None:
        """Derivatives to the parameters, None when only the value is known."""


class OnePassCost(ABC):
    """A cost whose value and gradient come from one pass over the events, kept for the next question."""

    def __init__(self, parameters: Sequence[str]) -> None:
        self._parameters = tuple(parameters)
        self._at: tuple[float, ...] = ()
        self._value, self._gradient = math.nan, np.zeros(len(self._parameters))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self._parameters

    def value(self, theta: FloatArray) -> float:
        """-2 ln L."""
        self._evaluate(theta)
        return self._value

    def gradient(self, theta: FloatArray) -> FloatArray:
        """Its derivatives, from the same pass over the events."""
        self._evaluate(theta)
        return self._gradient.copy()

    def _evaluate(self, theta: FloatArray) -> None:
        point = np.ascontiguousarray(theta, dtype=np.float64)
        if (at := tuple(point.tolist())) != self._at:
            self._value, self._gradient = self._pass(point)
            self._at = at

    @abstractmethod
    def _pass(self, point: FloatArray) -> tuple[float, FloatArray]:
        """-2 ln L and its gradient at a point."""


class DecayCost(OnePassCost):
    """Exponential decay with per-event resolution of one to three Gaussians (:mod:`.shapes.decay`).

    Parameters: ``tau``, ``bias``, ``scale1`` ..., ``fraction1`` ... (one fewer).

    Parameters
    ----------
    t, sigma
        Decay times and their uncertainties, in one unit, shape (events,).
    gaussians
        1, 2 or 3.

    Raises
    ------
    InputError
        When the data have mistakes.
    """

    def __init__(self, t: FloatArray, sigma: FloatArray, gaussians: int = 1) -> None:
        findings = Findings("decay times")
        self._t, self._sigma = (column(v, name, findings) for v, name in ((t, "t"), (sigma, "sigma")))
        if len(self._t) != len(self._sigma):
            findings.error("length", "sigma", f"has {len(self._sigma)} events", expected=f"{len(self._t)}")
        reject(self._sigma <= 0, "sigma", "is not positive", findings)
        if gaussians not in (1, 2, 3):
            findings.error("gaussians", "", f"found {gaussians}", expected="1, 2 or 3")
        findings.raise_if_errors(InputError)
        self._count = gaussians
        super().__init__(("tau", "bias", *(f"scale{k + 1}" for k in range(gaussians)),
                          *(f"fraction{k + 1}" for k in range(gaussians - 1))))

    def _pass(self, point: FloatArray) -> tuple[float, FloatArray]:
        """-2 ln L and its gradient at a point, infinite where a lifetime or a scale is not positive."""
        k, gradient = self._count, np.zeros(len(point))
        scales, fractions = point[2:2 + k].copy(), point[2 + k:].copy()
        if not (point[0] > 0 and (scales > 0).all()):
            return math.inf, gradient
        return float(decay_deviance(self._t, self._sigma, point[0], point[1], scales, fractions, gradient)), gradient


class ShapeCost:
    """A normalised density of one variable between two limits.

    Parameters
    ----------
    density
        Function of (x, low, high, parameters ...), such as those of :mod:`.shapes`.

    Raises
    ------
    InputError
        When the data have mistakes.
    """

    def __init__(self, x: FloatArray, limits: tuple[float, float], density: Density,
                 parameters: Sequence[str]) -> None:
        self._x, self._limits, self._density = inside(x, limits), limits, density
        self._parameters = tuple(parameters)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self._parameters

    def value(self, theta: FloatArray) -> float:
        """-2 ln L."""
        return _deviance(self._density(self._x, *self._limits, *theta))

    def gradient(self, theta: FloatArray) -> None:
        """Not known."""
        return


class MixtureCost:
    """Extended likelihood of several species: density sum_k N_k p_k(x), parameters N_k first.

    Parameters
    ----------
    species
        By name of the yield: density and names of its parameters; shared names are shared.

    Raises
    ------
    InputError
        When the data have mistakes.
    """

    def __init__(self, x: FloatArray, limits: tuple[float, float],
                 species: Mapping[str, tuple[Density, Sequence[str]]]) -> None:
        self._x, self._limits, self._species = inside(x, limits), limits, dict(species)
        names = [n for _, parameters in self._species.values() for n in parameters]
        self._parameters = tuple(dict.fromkeys([*self._species, *names]))
        self._which = [[self._parameters.index(n) for n in p] for _, p in self._species.values()]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Yields, then the parameters of the densities."""
        return self._parameters

    def densities(self, theta: FloatArray) -> FloatArray:
        """Density of each species at each event, shape (species, events)."""
        return np.array([density(self._x, *self._limits, *theta[which]) for (density, _), which in
                         zip(self._species.values(), self._which, strict=True)])

    def value(self, theta: FloatArray) -> float:
        """-2 ln L, the Poisson term of the number of events included (without its constant)."""
        yields = theta[:len(self._species)]
        return _deviance(yields @ self.densities(theta)) + 2 * float(yields.sum())

    def gradient(self, theta: FloatArray) -> None:
        """Not known."""
        return

    def splot_weights(self, theta: FloatArray) -> FloatArray:
        """Weights (sPlot) at a best fit, shape (species, events).

        w_i = sum_j V_ij p_j / sum_k N_k p_k,  V^-1_ij = sum_events p_i p_j / (sum_k N_k p_k)^2
        (M. Pivk, F. Le Diberder, NIM A 555 (2005) 356, eq. 10 and 12); the shapes of the species must not depend
        on the variable that is weighted.
        """
        p = self.densities(theta)
        scaled = p / (theta[:len(p)] @ p)
        return np.asarray(np.linalg.solve(scaled @ scaled.T, scaled), dtype=np.float64)


class Simultaneous:
    """Sum of the costs of several categories; parameters of one name are one parameter."""

    def __init__(self, categories: Mapping[str, Cost]) -> None:
        self._costs = list(categories.values())
        self._parameters = tuple(dict.fromkeys(n for c in self._costs for n in c.parameters))
        self._which = [[self._parameters.index(n) for n in c.parameters] for c in self._costs]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return self._parameters

    def value(self, theta: FloatArray) -> float:
        """Sum of -2 ln L."""
        return sum(c.value(theta[w]) for c, w in zip(self._costs, self._which, strict=True))

    def gradient(self, theta: FloatArray) -> FloatArray | None:
        """Sum of the gradients, None when one is not known."""
        total = np.zeros(len(self._parameters))
        for cost, which in zip(self._costs, self._which, strict=True):
            part = cost.gradient(theta[which])
            if part is None:
                return None
            total[which] += part
        return total


def _deviance(density: FloatArray) -> float:
    """-2 sum ln of positive numbers, infinite when one is not."""
    return float(-2 * np.log(density).sum()) if density.min(initial=math.inf) > 0 else math.inf


def column(values: FloatArray, name: str, findings: Findings) -> FloatArray:
    """Contiguous float64 column; not finite numbers are reported."""
    found: FloatArray = np.ascontiguousarray(values, dtype=np.float64).ravel()
    if not len(found):
        findings.error("empty", name, "there is no event")
    reject(~np.isfinite(found), name, "is not finite", findings)
    return found


def reject(wrong: np.ndarray, name: str, what: str, findings: Findings) -> None:
    """Report events that are wrong."""
    if wrong.any():
        findings.error("data", name, f"{what} for {int(wrong.sum())} events, first event {int(np.argmax(wrong))}")


def inside(x: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """Column that is finite and inside the limits."""
    findings = Findings("events")
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        findings.error("limits", "", f"found {low:g} to {high:g}", expected="low < high")
    found = column(x, "x", findings)
    reject((found < low) | (found > high), "x", f"is outside [{low:g}, {high:g}]", findings)
    findings.raise_if_errors(InputError)
    return found
