"""Pseudomass of tau decays: the least mass that the tau can have, with the neutrino along the rest.

    M^2 = m^2 + 2 (sqrt(s)/2 - E*)(E* - P*)

of the visible mass m, energy E* and momentum P* in the centre of mass (H. Albrecht et al. (ARGUS), Phys. Lett. B 292
(1992) 221).  Validity: the tau has half of the energy, so radiation before the pair makes it too large.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.kinematics.fourvector import unboost

Array = npt.NDArray[np.float64]


def in_centre_of_mass(p4: Array, beams: Array) -> Array:
    """Four-momenta (n, 4) in the rest frame of one four-momentum (4,), by a pure boost."""
    columns = tuple(np.ascontiguousarray(c, np.float64) for c in p4.T)
    frame = tuple(np.full(len(p4), b) for b in beams)
    return np.stack(unboost(columns, frame), axis=1)  # type: ignore[arg-type]


def pseudomass(p4: Array, beams: Array, sqrt_s: float | None = None) -> Array:
    """Pseudomasses (n,) [GeV] of visible four-momenta (n, 4) in the laboratory, zero where the square is negative.

    Parameters
    ----------
    beams : (4,)
        Four-momentum of the collision [GeV].
    sqrt_s
        Energy of the collision where it is not that of ``beams``, whose boost is kept.
    """
    star = in_centre_of_mass(p4, beams)
    energy, size = star[:, 0], np.sqrt(np.sum(star[:, 1:] ** 2, axis=1))
    whole = float(np.sqrt(beams[0] ** 2 - beams[1:] @ beams[1:])) if sqrt_s is None else sqrt_s
    own = energy * energy - size * size
    found: Array = np.sqrt(np.maximum(own + 2 * (0.5 * whole - energy) * (energy - size), 0.0))
    return found
