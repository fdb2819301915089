"""Decays of K_S and hyperons that generation made and matter of the detector comes before.

Method: generation marks such a decay with status 12.  The particle is followed on a straight line from its production
to the vertex of its daughters; where it interacts in a layer before that vertex (at the rate of hadrons in
:mod:`openbfactory.simulate.matter`), the decay and all that came of it do not happen.

Approximation: what the interaction makes is left out, and so is elastic scattering and K_S -> K_L regeneration; charged
hyperons fly straight; the part of the flight in the layers, not the energy, counts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.simulate.matter import photon_layer
from openbfactory.simulate.truth import Truth

Array = npt.NDArray[Any]

#: status of a decay that may be undone, and of particles that do not exist in the detector
DISPLACED, GONE = 12, 0


@kernel
def undo_decays(truth: Truth, mother: Array, material: Array, rate: float, rng: np.random.Generator,
                status: Array, gone: Array) -> int:
    """Number of decays undone; ``status`` of what came of them becomes 0.

    Parameters
    ----------
    truth
        Generated particles, mothers before daughters.
    mother : (m,)
        Index of the mother in the event.
    material
        Layers: radius, z_min, z_max [cm], radiation lengths.
    rate
        Interactions per radiation length.
    status : (m,)
        Status of the particles; changed in place.
    gone : (m,)
        Scratch, all False.
    """
    count = 0
    for event in range(len(truth.offsets) - 1):
        first, last = truth.offsets[event], truth.offsets[event + 1]
        for i in range(first, last):
            if mother[i] >= 0 and gone[first + mother[i]]:
                gone[i] = True
                status[i] = GONE
                continue
            if status[i] != DISPLACED:
                continue
            child = i + 1
            while child < last and mother[child] != i - first:
                child += 1
            if child == last:
                continue
            x, y, z = truth.x[i], truth.y[i], truth.z[i]
            flight = math.sqrt((truth.x[child] - x) ** 2 + (truth.y[child] - y) ** 2 + (truth.z[child] - z) ** 2)
            depth = -math.log(1.0 - rng.random()) / rate
            path = photon_layer(x, y, z, truth.px[i], truth.py[i], truth.pz[i], depth, material)
            if 0.0 <= path < flight:
                gone[i] = True
                count += 1
    return count
