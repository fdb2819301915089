"""Tau decays with hadrons inside the decay engine: kinematics from the spin density of the tau, its decay matrix after.

Method: :mod:`openbfactory.generate.taudecay` makes an unpolarised tau- decay with its polarimeter h; half a turn makes
it follow the polarisation P of the tau with the rate 1 + h . P, and a tau+ decay is the mirror image.  The decay matrix
(1 + h . sigma) / 2 is kept as two amplitudes, spinors along h and -h with the weights (1 + |h|)/2 and (1 - |h|)/2,
which is exact also where the hadrons do not fix the spin (|h| < 1).

Three pions (``TAUHADNU``) follow the current of Kuhn and Santamaria; channels that decay files give to Pythia's matrix
element 21 have phase space of the hadrons and the averaged V-A current, as in tau pairs.

Approximation: hadrons with spin (omega) decay unpolarised.  tau -> pi gamma nu and tau -> e e e nu nu take the averaged
current too.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from openbfactory.generate.columns import Array
from openbfactory.generate.spin import SpinWork, rotate
from openbfactory.generate.taudecay import other_hadrons, three_pions

#: what the payload of a channel is for
SEVERAL: Final = 0
PIONS: Final = 1
#: numbers of the current, and bins of its bounds
CURRENT: Final = 7
BINS: Final = 48


@njit(cache=True)
def half_turn(momenta: Array, count: int, h: Array) -> None:
    """Turn momenta and ``h`` by half a turn about an axis normal to ``h``."""
    x, y, z = (-h[1], h[0], 0.0) if abs(h[2]) < abs(h[0]) + abs(h[1]) else (0.0, -h[2], h[1])
    norm = x * x + y * y + z * z
    for i in range(count if norm > 0.0 else 0):
        p = momenta[i]
        factor = 2.0 * (p[1] * x + p[2] * y + p[3] * z) / norm
        p[1], p[2], p[3] = factor * x - p[1], factor * y - p[2], factor * z - p[3]
    for k in range(3):
        h[k] = -h[k]


@njit(cache=True)
def spinor_amplitudes(h: Array, out: Array) -> None:
    """Fill ``out`` (2 states of the tau, 2) with amplitudes whose squares add up to (1 + h . sigma) / 2."""
    size = math.sqrt(h[0] * h[0] + h[1] * h[1] + h[2] * h[2])
    z = h[2] / size if size > 0.0 else 1.0
    c, s = math.sqrt(max(0.5 * (1.0 + z), 0.0)), math.sqrt(max(0.5 * (1.0 - z), 0.0))
    t = math.sqrt(h[0] * h[0] + h[1] * h[1])
    phase = complex(h[0] / t, -h[1] / t) if t > 0.0 else complex(1.0, 0.0)
    along, against = math.sqrt(0.5 * (1.0 + min(size, 1.0))), math.sqrt(max(0.5 * (1.0 - size), 0.0))
    out[0, 0], out[1, 0] = along * c, along * s * phase
    out[0, 1], out[1, 1] = against * s, -against * c * phase


@njit(cache=True)
def hadronic_tau(rng: np.random.Generator, spin: SpinWork, kind: int, a: Array, negative: bool, mass: float,
                 masses: Array, count: int, momenta: Array, scratch: Array) -> None:
    """Fill ``momenta`` of a tau decay and the node of ``spin``; ``a`` is the payload of the channel.

    The payload holds the position of the neutrino, or that of the pion whose charge differs, the parameters of the
    current, bounds and their running sums.
    """
    n = spin.top[0]
    h = np.empty(3)
    if kind == PIONS:
        last = 1 + CURRENT
        three_pions(rng, mass, masses, int(a[0]), a[1:last], a[last:last + BINS], a[last + BINS:last + 2 * BINS],
                    momenta, h)
    else:
        other_hadrons(rng, mass, masses, count, int(a[0]), momenta, scratch, h)
    rho = spin.density[n]
    along = (2.0 * rho[0, 1].real * h[0] - 2.0 * rho[0, 1].imag * h[1] + (rho[0, 0].real - rho[1, 1].real) * h[2])
    if rng.random() >= 0.5 * (1.0 + along):
        half_turn(momenta, count, h)
    if not negative:
        for i in range(count):
            for k in range(1, 4):
                momenta[i, k] = -momenta[i, k]
    rotate(spin.rotation[n], count, momenta)
    spin.dims[n, 1], spin.dims[n, 2] = 2, 1
    for m in range(2):
        spin.amplitude[n, m, 0, 0] = spin.amplitude[n, m, 1, 0] = 0.0
    spinor_amplitudes(h, spin.amplitude[n, :, :, 0])
