"""Which particles the detector sees, by PDG code.

Simulated: e, mu, pi, K, p, d of both charges, photons, K_L, n and anti-n with
status 1.  Everything else (neutrinos, and particles that should have decayed in
generation) leaves nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.physics.particles import mass, species_of

#: PDG codes by species index; the first six are the mass hypotheses
CODES: Final = (11, 13, 211, 321, 2212, 1000010020, 22, 130, 2112, -2112)


@cache
def species_masses() -> npt.NDArray[np.float64]:
    """Masses (10,) in GeV by species index; the first six are the mass hypotheses."""
    return np.array([mass(code) for code in CODES])


@cache
def decay_lengths() -> npt.NDArray[np.float64]:
    """Proper decay lengths (10,) in cm of the species that decay in flight (mu, pi, K, K_L), 0 for all others."""
    return np.array([species_of(code).ctau if code in (13, 211, 321, 130) else 0.0 for code in CODES])


@kernel
def species_index(pdg: int) -> int:
    """Index of the species, -1 where the detector sees nothing."""
    code = abs(pdg)
    if code == 211:
        return 2
    if code == 22:
        return 6
    if code == 321:
        return 3
    if code == 11:
        return 0
    if code == 13:
        return 1
    if code == 2212:
        return 4
    if code == 130:
        return 7
    if code == 2112:
        return 8 if pdg > 0 else 9
    return 5 if code == 1000010020 else -1


@kernel
def charge_of(pdg: int) -> int:
    """Charge in units of e of a charged species (index 0 to 5)."""
    sign = 1 if pdg > 0 else -1
    code = abs(pdg)
    return -sign if code == 11 or code == 13 else sign


@kernel
def is_neutrino(pdg: int) -> bool:
    """Whether the code is that of a neutrino."""
    code = abs(pdg)
    return code == 12 or code == 14 or code == 16
