"""Weights that turn our events of a chain into those of the formula that the reference used, where it is not ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from validation.chain_tree import Array, Tree, in_pair, square

#: magnitudes of D0 -> pi pi pi0 in the version of EvtGen that made the reference, constant first
OLD_MAGNITUDES = (0.57, 1.0, 0.588, 0.714, 0.21, 0.33, 0.82, 2.25, 2.51, 2.00, 0.015, 0.063, 0.058, 0.112, 1.04, 0.069)


def older_magnitudes(tree: Tree) -> Array:
    """Weights of D0 -> pi+ pi- pi0 from today's magnitudes to the older ones."""
    from openbfactory.physics.isobars import isobar_decays, isobar_intensity
    from openbfactory.physics.particles import species

    decay = next(d for d in isobar_decays() if d.daughters == (-211, 211, 111))
    older = decay.terms.copy()
    older[:, 4:6] *= (np.array(OLD_MAGNITUDES) / np.hypot(older[:, 4], older[:, 5]))[:, None]
    masses = np.array([species(n).mass for n in ("pi-", "pi+", "pi0")])
    s = np.column_stack([square("0+2", tree), square("1+2", tree), square("0+1", tree)])
    mother, new, old = species("D0").mass, decay.terms.ravel(), older.ravel()
    weights = np.array([isobar_intensity(old, mother, masses, x) / isobar_intensity(new, mother, masses, x) for x in s])
    found: Array = weights / weights.mean()
    return found


def turned_mass_term(tree: Tree) -> Array:
    """Weights of pi0 -> e+ e- gamma from 2 - b^2 sin^2 to EvtGen's b^2 (1 + cos^2), b the velocity in the pair."""
    from openbfactory.physics.particles import species

    b2 = 1.0 - 4.0 * species("e-").mass ** 2 / square("0+1", tree)
    c2 = in_pair("0", "0+1", tree) ** 2
    found: Array = b2 * (1.0 + c2) / (2.0 - b2 * (1.0 - c2))
    return found


#: chain to its weights and what they do
WEIGHTS: dict[str, tuple[Callable[[Tree], Array], str]] = {
    "05_D0_pipipi0": (older_magnitudes, "weighted to the magnitudes of the older EvtGen"),
    "06_pi0_eegamma": (turned_mass_term, "weighted to EvtGen's mass term; the right one is in a row of its own"),
}
