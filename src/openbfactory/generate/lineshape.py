"""Masses of unstable daughters drawn from their line shapes inside the open window.

Method: each broad daughter follows a relativistic Breit-Wigner with constant width in m^2,
dN/dm^2 ~ 1 / ((m^2 - m0^2)^2 + m0^2 Gamma^2) (PDG 2024, review "Resonances"), cut to its window and to the energy
that is left; two-body decays carry in addition the factor p of their phase space.

Approximation: no mass-dependent width, no barrier factors, and for three or more bodies no factor of the
phase-space volume.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array, TableArrays
from openbfactory.kinematics.phasespace import two_body_momentum

#: attempts to draw a set of masses before the lightest set is taken
ATTEMPTS = 200


@njit(cache=True)
def breit_wigner(rng: np.random.Generator, pole: float, width: float, low: float, high: float) -> float:
    """Mass drawn from a relativistic Breit-Wigner with constant width, between low and high."""
    scale, square = pole * width, pole * pole
    first = math.atan((low * low - square) / scale)
    last = math.atan((high * high - square) / scale)
    value = square + scale * math.tan(first + (last - first) * rng.random())
    return min(max(math.sqrt(max(value, 0.0)), low), high)


@njit(cache=True)
def draw_masses(rng: np.random.Generator, mass: float, table: TableArrays, daughters: Array, masses: Array) -> None:
    """Fill ``masses`` of the daughters (species indices) of a mother of the given mass."""
    n = len(daughters)
    if n == 1:
        masses[0] = mass
        return
    minimum, broad = 0.0, False
    for i in range(n):
        s = daughters[i]
        masses[i] = table.low[s]
        minimum += masses[i]
        broad = broad or table.high[s] > table.low[s]
    if not broad:
        return
    largest = two_body_momentum(mass, masses[0], masses[1]) if n == 2 else 1.0
    for _ in range(ATTEMPTS):
        total = 0.0
        for i in range(n):
            s = daughters[i]
            if table.high[s] > table.low[s]:
                high = min(table.high[s], mass - minimum + table.low[s])
                masses[i] = breit_wigner(rng, table.mass[s], table.width[s], table.low[s], high)
            total += masses[i]
        if total > mass:
            continue
        if n > 2 or rng.random() * largest <= two_body_momentum(mass, masses[0], masses[1]):
            return
    for i in range(n):
        masses[i] = table.low[daughters[i]]
