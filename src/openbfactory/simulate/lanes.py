"""Several tracks side by side: what the kernels of tracking keep of each, and where they cross the layers.

Numbers of ``LANES`` tracks lie next to each other in one array, so that the compiler turns the loops over them
into vector instructions; for that the loops hold arithmetic only, no branches and no calls of the mathematical
library.  The arcsine is a polynomial (relative error below 2e-13), with the formula of the half angle above 1/2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from openbfactory.core.kernels import inlined, kernel

Array = npt.NDArray[Any]

#: tracks side by side
LANES = 16
#: rows of the state of each track: covariance (15 numbers, upper triangle row by row), then helix without phi0,
#: radius of curvature, scattering, radius of the production vertex, transverse distance where the particle ends,
#: energy loss, change of the curvature for a loss of 1 GeV / beta^2, variance of the curvature from straggling
D0, OMEGA, Z0, TANL, RADIUS, SCATTERING, START, END, LOST, SPREAD, NOISE = (k * LANES for k in range(15, 26))
STATE_SIZE = 26 * LANES
#: coefficients of (arcsin(x) / x - 1) / x^2 in powers of x^2 up to 1/4 (Chebyshev fit)
ARCSINE = (0.16666666667328978, 0.07499999838509877, 0.04464297154725812, 0.03037829404766768, 0.022434603167126404,
           0.016733779026548715, 0.017595796014578027, -0.0006131943178852633, 0.02993541449885075)


@inlined
def arcsine(x: float) -> float:
    """Arcsine of a number in 0..1 without branches or calls."""
    large = x > 0.5
    z = 0.5 * (1.0 - x) if large else x * x
    root = math.sqrt(z) if large else x
    series = ARCSINE[8]
    for k in range(7, -1, -1):
        series = series * z + ARCSINE[k]
    value = root + root * z * series
    return 0.5 * math.pi - 2.0 * value if large else value


@kernel
def cross_layer(state: Array, radius: float, low: float, high: float, half: Array, arc: Array) -> None:
    """Write where the tracks cross a layer of ``radius`` from z = ``low`` to ``high`` [cm].

    Parameters
    ----------
    state : (STATE_SIZE,)
        The tracks.
    half : (LANES,)
        Sine of half the angle turned, with the sign of omega; 0 where the layer is not crossed.
    arc : (LANES,)
        Arc length from the POCA [cm], -1 where the layer is not crossed:
        ``sin^2(omega s / 2) = omega^2 (radius^2 - d0^2) / (4 (1 + omega d0))``.
    """
    for t in range(LANES):
        d0, omega = state[D0 + t], state[OMEGA + t]
        stretch = 1.0 + omega * d0
        square = (radius * radius - d0 * d0) / stretch
        turn = 0.5 * abs(omega) * math.sqrt(max(square, 0.0))
        s = 2.0 * arcsine(min(turn, 1.0)) / abs(omega)
        z = state[Z0 + t] + s * state[TANL + t]
        crossed = ((radius > state[START + t]) & (radius < state[END + t]) & (stretch > 0.0) & (square > 0.0)
                   & (turn < 1.0) & (z >= low) & (z <= high))
        half[t] = (turn if omega > 0.0 else -turn) if crossed else 0.0
        arc[t] = s if crossed else -1.0


@kernel
def cross_layers(state: Array, layers: Array, half: Array, arcs: Array) -> None:
    """Write (k, LANES) where the tracks cross the layers of :mod:`openbfactory.simulate.covariance`."""
    for k in range(len(layers)):
        cross_layer(state, layers[k, 0], layers[k, 1], layers[k, 2], half[k], arcs[k])
