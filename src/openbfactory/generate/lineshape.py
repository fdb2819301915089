"""Masses of unstable daughters drawn from their line shapes inside the open window.

Method: each broad daughter first chooses its own channel by branching fraction, then its mass from the line shape of
that channel (:mod:`openbfactory.physics.lineshapes`), cut at the energy that is left; the channel is kept for its
decay, so that branching fractions are those of the file.  The masses of a two-body decay are accepted with the
factor p^(2 L + 1) F_L(R p)^2 of their phase space and barrier: that of the decay of a broad mother, whose own line
shape holds its average, or that of their birth from a narrow one.

Approximation: for three or more bodies there is no factor of the phase-space volume.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.generate.channels import above
from openbfactory.generate.columns import NOT_CHOSEN, Array, TableArrays
from openbfactory.kinematics.phasespace import two_body_momentum

#: attempts to draw a set of masses before the lightest set is taken, and to choose channels that fit together
ATTEMPTS, CHOICES = 400, 20


@njit(cache=True)
def breit_wigner(rng: np.random.Generator, pole: float, width: float, low: float, high: float) -> float:
    """Mass drawn from a relativistic Breit-Wigner with constant width, between low and high."""
    scale, square = pole * width, pole * pole
    first = math.atan((low * low - square) / scale)
    last = math.atan((high * high - square) / scale)
    value = square + scale * math.tan(first + (last - first) * rng.random())
    return min(max(math.sqrt(max(value, 0.0)), low), high)


@njit(cache=True, inline="always")
def draw_shape(rng: np.random.Generator, shape: Array, high: float) -> float:
    """Mass below ``high`` drawn from a line shape (3, nodes): masses, density as straight lines, and its integral."""
    largest, nodes = 1.0, shape.shape[1]
    if high < shape[0, nodes - 1]:
        i = max(above(shape[0], 0, nodes, high) - 1, 0)
        x, step = high - shape[0, i], shape[0, i + 1] - shape[0, i]
        slope = (shape[1, i + 1] - shape[1, i]) / step if step > 0.0 else 0.0
        largest = shape[2, i] + x * (shape[1, i] + 0.5 * slope * x)
    wanted = largest * rng.random()
    i = min(max(above(shape[2], 0, nodes, wanted) - 1, 0), nodes - 2)
    step = shape[0, i + 1] - shape[0, i]
    slope = (shape[1, i + 1] - shape[1, i]) / step if step > 0.0 else 0.0
    rest = wanted - shape[2, i]
    root = shape[1, i] + math.sqrt(max(shape[1, i] * shape[1, i] + 2.0 * slope * rest, 0.0))
    x = 2.0 * rest / root if root > 0.0 else 0.0
    return min(shape[0, i] + min(x, step), high)


@njit(cache=True, inline="always")
def barrier_factor(wave: int, radius: float, p: float) -> float:
    """p^(2 L + 1) F_L(R p)^2 up to a constant; grows with p."""
    s = (radius * p) ** 2
    if wave == 0:
        return p
    if wave == 1:
        return p * s / (1.0 + s)
    if wave == 2:
        return p * s * s / (9.0 + s * (3.0 + s))
    if wave == 3:
        return p * s * s * s / (225.0 + s * (45.0 + s * (6.0 + s)))
    return p * s * s * s * s / (11025.0 + s * (1575.0 + s * (135.0 + s * (10.0 + s))))


@njit(cache=True)
def choose_channels(rng: np.random.Generator, mass: float, low: Array, high: Array, channel_first: Array,
                    cumulative: Array, row: Array, shapes: Array, daughters: Array, masses: Array,
                    chosen: Array) -> float:
    """Fill ``chosen`` with channels of broad daughters and ``masses`` with the lower edges; their sum.

    A channel is drawn by branching fraction among those whose line shape begins below the energy that is left.
    """
    minimum = 0.0
    for i in range(len(daughters)):
        minimum += low[daughters[i]]
    total = 0.0
    for _ in range(CHOICES):
        total = 0.0
        for i in range(len(daughters)):
            s = daughters[i]
            masses[i], chosen[i] = low[s], NOT_CHOSEN
            if high[s] > low[s]:
                first, last, largest = channel_first[s], channel_first[s + 1], mass - minimum + low[s]
                for _ in range(CHOICES):
                    c = first if last - first == 1 else above(cumulative, first, last, rng.random())
                    if c < last and row[c] >= 0 and shapes[row[c], 0, 0] < largest:
                        masses[i], chosen[i] = shapes[row[c], 0, 0], c
                        break
            total += masses[i]
        if total < mass:
            return total
    for i in range(len(daughters)):
        masses[i], chosen[i] = low[daughters[i]], NOT_CHOSEN
    return minimum


@njit(cache=True, inline="always")
def draw_broad(rng: np.random.Generator, wave: int, radius: float, mass: float, pole: Array, width: Array, low: Array,
               high: Array, channel_first: Array, cumulative: Array, row: Array, shapes: Array, daughters: Array,
               masses: Array, chosen: Array) -> None:
    """Fill ``masses`` and ``chosen`` of daughters some of which are broad; ``wave`` is -1 for no factor."""
    n = len(daughters)
    minimum = choose_channels(rng, mass, low, high, channel_first, cumulative, row, shapes, daughters, masses, chosen)
    largest = 1.0
    if wave >= 0:
        largest = barrier_factor(wave, radius, two_body_momentum(mass, masses[0], masses[1]))
    for _ in range(ATTEMPTS):
        total = 0.0
        for i in range(n):
            s = daughters[i]
            if chosen[i] != NOT_CHOSEN:
                k = row[chosen[i]]
                masses[i] = draw_shape(rng, shapes[k], mass - minimum + shapes[k, 0, 0])
            elif high[s] > low[s]:
                masses[i] = breit_wigner(rng, pole[s], width[s], low[s], min(high[s], mass - minimum + low[s]))
            total += masses[i]
        if total > mass:
            continue
        if wave < 0:
            return
        if rng.random() * largest <= barrier_factor(wave, radius, two_body_momentum(mass, masses[0], masses[1])):
            return
    for i in range(n):
        masses[i] = low[daughters[i]] if chosen[i] == NOT_CHOSEN else shapes[row[chosen[i]], 0, 0]


@njit(cache=True, inline="always")
def draw_masses(rng: np.random.Generator, channel: int, mass: float, table: TableArrays, daughters: Array,
                masses: Array, chosen: Array) -> None:
    """Fill the ``masses`` of the daughters of a mother that decays by a channel, and their ``chosen`` decays.

    The latter are NOT_CHOSEN for a sharp daughter, and twice the channel for a broad one.
    """
    n, low, high, broad = len(daughters), table.low, table.high, False
    if n == 1:
        masses[0], chosen[0] = mass, NOT_CHOSEN
        return
    for i in range(n):
        s = daughters[i]
        masses[i], chosen[i] = low[s], NOT_CHOSEN
        broad = broad or high[s] > low[s]
    if broad:
        draw_broad(rng, table.wave[channel] if n == 2 else -1, table.radius[channel], mass, table.mass, table.width,
                   low, high, table.channel_first, table.cumulative, table.shape, table.shapes, daughters, masses,
                   chosen)
        for i in range(n):
            if chosen[i] != NOT_CHOSEN:
                chosen[i] *= 2
