"""Line shape of e+e- -> Upsilon(4S) -> B anti-B.

Formula: a relativistic Breit-Wigner with a width that depends on the energy,

    sigma(M) ~ Gamma(M) / ((M^2 - m^2)^2 + m^2 Gamma(M)^2),   Gamma(M) = Gamma sum_B g_B(M) / sum_B g_B(m),
    g_B(M) = p^3 / (1 + (R p)^2),

p the momentum of the B in the pair of mass M, B = B+ and B0, R a barrier radius (PDG 2024, review "Resonances").

Approximation: no interference with the continuum, no structure from nodes of the wave function (BaBar measured the
shape with and without: Phys. Rev. D 72 (2005) 032005); B+ B- and B0 anti-B0 have one shape, so that their ratio does
not depend on the energy.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import numpy as np

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.generate.collisions import Rate, rate_table
from openbfactory.generate.columns import Array
from openbfactory.physics.particles import species

#: the line shape is tabulated up to this much above the mass [GeV], and constant beyond
ABOVE = 0.3
#: mass above the threshold of the heavier pair that an event must have [GeV]
ABOVE_THRESHOLD = 1e-4


@cache
def resonance_data() -> QuantityTable:
    """Constants of ``data/resonance.yaml``."""
    with as_file(files("openbfactory.generate") / "data" / "resonance.yaml") as path:
        return load_quantities(path)


def _open_phase_space(mass: Array, radius: float) -> Array:
    """Sum of p^3 / (1 + (R p)^2) over both pairs."""
    total = np.zeros_like(mass)
    for name in ("B+", "B0"):
        square = np.maximum(0.25 * mass * mass - species(name).mass ** 2, 0.0)
        total += square**1.5 / (1.0 + radius * radius * square)
    return total


def line_shape(mass: Array) -> Array:
    """Cross section of e+e- -> Upsilon(4S) -> B anti-B at each mass [GeV], up to a constant."""
    data = resonance_data()
    pole, radius = data["mass"], data["radius"]
    width = data["width"] * _open_phase_space(mass, radius) / _open_phase_space(np.array([pole]), radius)
    shape: Array = width / ((mass * mass - pole * pole) ** 2 + (pole * width) ** 2)
    return shape


@cache
def upsilon_rate() -> Rate:
    """Table of the line shape from just above the threshold of the heavier pair."""
    low = 2.0 * max(species("B+").mass, species("B0").mass) + ABOVE_THRESHOLD
    masses = np.linspace(low, resonance_data()["mass"] + ABOVE, 4001)
    return rate_table(low, float(masses[-1]), masses, line_shape(masses))
