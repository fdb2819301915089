"""Decays found in truth records: a mother and what it decays to, whatever the order and the charge.

Method: columns alone, no loop over events.  Codes are compared without signs; a K0 that turned into a K_S or K_L counts
as that; the three neutrinos count as one kind; photons radiated in the decay are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openbfactory.events.record import Jagged
from openbfactory.generate.columns import Array

#: code for a neutrino of any flavour
NEUTRINO = 12
_PHOTON, _NEUTRAL_KAON = 22, 311


@dataclass(frozen=True, slots=True)
class FoundDecays:
    """Decays of one kind in a chunk.

    Attributes
    ----------
    event : (k,) int64
    mother : (k, 4)
        Four-momenta (E, px, py, pz) in the laboratory [GeV].
    daughters : (k, n, 4)
        In the order of the codes that were asked for.
    rows : (k, n) int64
        Records of the daughters in the whole chunk.
    """

    event: Array
    mother: Array
    daughters: Array
    rows: Array


def mothers_of(particles: Jagged) -> Array:
    """Record of the mother in the whole chunk, -1 for none, (size,) int64."""
    local = particles["mother"].astype(np.int64)
    first = np.repeat(particles.offsets[:-1] - particles.offsets[0], particles.counts)
    return np.where(local >= 0, local + first, -1)


def momenta_of(particles: Jagged, rows: Array) -> Array:
    """Four-momenta (E, px, py, pz) of records [GeV], (..., 4)."""
    return np.stack([particles[name][rows] for name in ("E", "px", "py", "pz")], axis=-1)


def kinds_of(particles: Jagged, mothers: Array) -> Array:
    """Absolute PDG codes, with neutral kaons as what they turned into and neutrinos as one kind, (size,) int64."""
    kinds = np.abs(particles["PDG"]).astype(np.int64)
    turned = np.flatnonzero(np.isin(kinds, (130, 310)) & (mothers >= 0))
    turned = turned[kinds[mothers[turned]] == _NEUTRAL_KAON]
    codes = kinds.copy()
    codes[mothers[turned]] = kinds[turned]
    codes[np.isin(kinds, (14, 16))] = NEUTRINO
    return codes


def find_decays(particles: Jagged, mother: int, daughters: tuple[int, ...]) -> FoundDecays:
    """All decays of a mother to exactly the given daughters and photons.

    Parameters
    ----------
    particles
        MCParticles.
    mother, daughters
        Absolute PDG codes; daughters in the order in which they are given back, equal ones side by side.
    """
    above = mothers_of(particles)
    kinds = kinds_of(particles, above)
    counted = np.flatnonzero((above >= 0) & (kinds != _PHOTON))
    size = len(kinds)
    chosen = kinds == mother
    chosen &= np.bincount(above[counted], minlength=size) == len(daughters)
    for code in set(daughters):
        rows = counted[kinds[counted] == code]
        chosen &= np.bincount(above[rows], minlength=size) == daughters.count(code)
    parents = np.flatnonzero(chosen)
    below = counted[chosen[above[counted]]]
    place = np.array([daughters.index(int(code)) for code in kinds[below]], np.int64)
    ordered = below[np.lexsort((below, place, above[below]))].reshape(len(parents), len(daughters))
    return FoundDecays(particles.event_index()[parents], momenta_of(particles, parents),
                       momenta_of(particles, ordered), ordered)
