"""Random numbers and curves that several responses use."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel

Array = npt.NDArray[np.float64]


@kernel
def interpolate(x: float, xs: Array, ys: Array) -> float:
    """Value at ``x`` of the straight lines through (xs, ys), flat outside."""
    if x <= xs[0]:
        return ys[0]
    for i in range(1, len(xs)):
        if x < xs[i]:
            return ys[i - 1] + (ys[i] - ys[i - 1]) * (x - xs[i - 1]) / (xs[i] - xs[i - 1])
    return ys[-1]


@kernel
def exponential(mean: float, rng: np.random.Generator) -> float:
    """Exponential random number."""
    return -mean * math.log(1.0 - rng.random())


@kernel
def poisson(mean: float, rng: np.random.Generator) -> int:
    """Poisson random number by multiplication (D. Knuth); for means up to about 100."""
    limit = math.exp(-mean)
    count = 0
    product = rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


@kernel
def binomial(trials: int, chance: float, every: float, rng: np.random.Generator) -> int:
    """Binomial random number by inversion, counted down from ``trials`` (short for chances near 1).

    ``every`` is the probability that all succeed, ``chance ** trials``.
    """
    if chance >= 1.0 or chance <= 0.0:
        return trials if chance >= 1.0 else 0
    probability, successes = every, trials
    u = rng.random() - probability
    while u >= 0.0 and successes > 0:
        probability *= successes / (trials - successes + 1) * (1.0 - chance) / chance
        successes -= 1
        u -= probability
    return successes


@kernel
def wrapped(angle: float) -> float:
    """The angle in [-pi, pi)."""
    return angle - 2.0 * math.pi * math.floor((angle + math.pi) / (2.0 * math.pi))
