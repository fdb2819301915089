"""Posterior of a few parameters: the others integrated by Laplace's method, the few sampled by Markov chains.

Method: with L the likelihood, constraint terms included as priors of the nuisances theta, and a flat prior of the
coordinates c between their limits,

    p(c) ~ integral L(c, theta) d theta = L(c, theta_c) (2 pi)^(n/2) det(H_c)^(-1/2)      (P.-S. Laplace, 1774)

with theta_c the conditional minimum and H_c the Hessian of -ln L in the free nuisances there, both exact.  It is
computed on a grid of the coordinates, interpolated by cubic splines, and sampled with emcee (D. Foreman-Mackey et al.,
arXiv:1202.3665), an ensemble of walkers.  Intervals are the shortest that hold their share of the samples.

Approximation: Laplace's method is exact where the likelihood is Gaussian in the nuisances; here it holds to the next
order in 1/events.  A nuisance that sits at a bound is left out of the determinant.  Features narrower than the
grid are lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import FitError, InputError
from openbfactory.core.provenance import Provenance
from openbfactory.core.random import Address
from openbfactory.fit.estimate import Analysis
from openbfactory.fit.specification import FloatArray

#: walkers of the ensemble for each coordinate; steps until it has forgotten its start, in autocorrelation times
WALKERS, BURN_IN = 16, 10
#: autocorrelation times that a chain must have for its intervals to be trusted
LONG_ENOUGH = 50


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A parameter of the posterior, flat between two limits.

    Attributes
    ----------
    name
        Name of the coordinate.
    parameter
        Parameter of the likelihood that it sets.
    low, high, points
        Limits, and points of the grid.
    value_of
        Parameter as a function of the coordinate; the identity by default.
    """

    name: str
    parameter: str
    low: float
    high: float
    points: int = 13
    value_of: Callable[[float], float] = float


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Samples of a posterior.

    Attributes
    ----------
    coordinates
        What was sampled.
    samples : (samples, coordinates)
    mode
        Point of the largest density.
    autocorrelation
        Steps after which a chain is independent, the longest of all coordinates.
    """

    coordinates: tuple[Coordinate, ...]
    samples: FloatArray
    mode: tuple[float, ...]
    autocorrelation: float
    warnings: tuple[str, ...]
    provenance: Provenance

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Shortest interval of a coordinate that holds a share of the samples."""
        values = np.sort(self.samples[:, [c.name for c in self.coordinates].index(name)])
        kept = math.ceil(level * len(values))
        widths = values[kept - 1:] - values[:len(values) - kept + 1]
        first = int(np.argmin(widths))
        return float(values[first]), float(values[first + kept - 1])

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON, without the samples."""
        return {"mode": dict(zip([c.name for c in self.coordinates], self.mode, strict=True)),
                "intervals": {c.name: {f"{level:g}": list(self.interval(c.name, level)) for level in (0.6827, 0.95)}
                              for c in self.coordinates},
                "samples": len(self.samples), "autocorrelation": self.autocorrelation,
                "warnings": list(self.warnings), "provenance": self.provenance.to_dict()}


def posterior(analysis: Analysis, coordinates: Sequence[Coordinate], *, steps: int = 5000, seed: int = 1) -> Posterior:
    """Posterior of the coordinates, flat in them, every other parameter integrated out.

    Parameters
    ----------
    steps
        Steps of each walker.
    seed
        Of the walkers.

    Raises
    ------
    InputError
        When limits or numbers of points make no sense.
    FitError
        When the likelihood has no conditional minimum anywhere on the grid.
    UnknownNameError
        When a parameter does not exist.
    """
    _check(coordinates, steps)
    density = analysis.settled(lambda: log_marginal(analysis, coordinates))
    holes = int(np.isneginf(density).sum())
    warnings = [f"no conditional fit at {holes} of {density.size} points of the grid"] if holes else []
    log = _interpolated(coordinates, density)
    chain, start, correlation = _sample(log, coordinates, density, steps, seed)
    if steps < LONG_ENOUGH * correlation:
        warnings.append(f"the chains have {steps / correlation:.0f} autocorrelation times, fewer than {LONG_ENOUGH}")
    return Posterior(tuple(coordinates), chain, tuple(_mode(log, coordinates, start)), correlation, tuple(warnings),
                     analysis.provenance())


def log_marginal(analysis: Analysis, coordinates: Sequence[Coordinate]) -> FloatArray:
    """Logarithm of the marginal density on the grid, above its largest value; -inf where there is no fit.

    Raises
    ------
    FitError
        When there is no fit at all.
    BetterMinimum
        When a conditional fit lies below the best one.
    """
    fit = analysis.fit
    indices = [fit.likelihood.model.parameters.index(c.parameter) for c in coordinates]
    shape = tuple(c.points for c in coordinates)
    axes = [np.linspace(c.low, c.high, c.points) for c in coordinates]
    density = np.full(shape, -np.inf)
    start: FloatArray | None = None
    for at in product(*map(range, shape)):
        values = [c.value_of(float(axis[k])) for c, axis, k in zip(coordinates, axes, at, strict=True)]
        try:
            minimum = fit.held(indices, values, start if at[-1] else None)
        except FitError:
            start = None
            continue
        start = minimum.x
        block = minimum.hessian[np.ix_(minimum.free, minimum.free)] / 2
        sign, determinant = np.linalg.slogdet(block)
        density[at] = -0.5 * minimum.value - 0.5 * determinant if sign > 0 else -np.inf
    if not np.isfinite(density).any():
        message = "no conditional fit at any point of the grid"
        raise FitError(message)
    shifted: FloatArray = density - density.max()
    return shifted


def _interpolated(coordinates: Sequence[Coordinate], density: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Log density at points (n, coordinates): cubic between those of the grid, -inf outside."""
    axes = [np.linspace(c.low, c.high, c.points) for c in coordinates]
    lowest = float(density[np.isfinite(density)].min())
    spline = RegularGridInterpolator(axes, np.where(np.isfinite(density), density, lowest - 50.0), method="cubic")
    low, high = np.array([c.low for c in coordinates]), np.array([c.high for c in coordinates])

    def log(points: FloatArray) -> FloatArray:
        inside = ((points >= low) & (points <= high)).all(axis=1)
        value: FloatArray = np.where(inside, spline(np.clip(points, low, high)), -np.inf)
        return value

    return log


def _sample(log: Callable[[FloatArray], FloatArray], coordinates: Sequence[Coordinate], density: FloatArray,
            steps: int, seed: int) -> tuple[FloatArray, FloatArray, float]:
    """Samples, best grid point and autocorrelation time of an ensemble of walkers."""
    import emcee

    generator = Address(seed, "posterior").generator()
    axes = [np.linspace(c.low, c.high, c.points) for c in coordinates]
    top = np.unravel_index(int(np.argmax(density)), density.shape)
    best = np.array([axis[k] for axis, k in zip(axes, top, strict=True)])
    low, high = np.array([c.low for c in coordinates]), np.array([c.high for c in coordinates])
    walkers = WALKERS * len(coordinates)
    start = np.clip(best + 0.05 * (high - low) * generator.normal(size=(walkers, len(best))), low, high)
    sampler = emcee.EnsembleSampler(walkers, len(best), log, vectorize=True)
    state = np.random.RandomState(int(generator.integers(2**31))).get_state()
    sampler.run_mcmc(emcee.State(start, random_state=state), steps, skip_initial_state_check=True)
    correlation = float(np.max(sampler.get_autocorr_time(tol=0)))
    chain: FloatArray = sampler.get_chain(discard=min(steps // 2, math.ceil(BURN_IN * correlation)), flat=True)
    return chain, best, correlation


def _mode(log: Callable[[FloatArray], FloatArray], coordinates: Sequence[Coordinate], start: FloatArray) -> list[float]:
    """Point of the largest density near a start."""
    from scipy.optimize import minimize

    bounds = [(c.low, c.high) for c in coordinates]
    found = minimize(lambda x: -float(log(np.clip(x, *np.transpose(bounds))[None])[0]), start, method="Nelder-Mead",
                     bounds=bounds, options={"xatol": 1e-4, "fatol": 1e-8})
    return [float(v) for v in found.x]


def _check(coordinates: Sequence[Coordinate], steps: int) -> None:
    """Refuse limits and sizes that make no sense."""
    findings = Findings("posterior")
    if not 1 <= len(coordinates) <= 4:
        findings.error("coordinates", "", f"found {len(coordinates)}", expected="1 to 4")
    for c in coordinates:
        if not c.low < c.high:
            findings.error("limits", c.name, f"found {c.low:g} to {c.high:g}", expected="low < high")
        if not 4 <= c.points <= 200:
            findings.error("points", c.name, f"found {c.points}", expected="4 to 200")
    if steps < 100:
        findings.error("steps", "", f"found {steps}", expected="at least 100")
    findings.raise_if_errors(InputError)
