"""Decays found in truth records: a mother and what it decays to, whatever the order and the charge.

Method: columns alone, no loop over events.  Codes are compared without signs; a K0 that turned into a K_S or K_L counts
as that; the three neutrinos count as one kind; photons radiated in the decay are not counted.  :func:`decay_signatures`
does the same for all decays of some mothers at once, one compiled pass with a hash of the daughters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

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


@njit(cache=True, error_model="numpy")
def signature_of(codes: Array) -> int:
    """Number of a set of absolute PDG codes (n,) int64, whatever their order: a sum of 64-bit hashes."""
    total = 0
    for i in range(len(codes)):
        total += _mixed(codes[i])
    return total


@njit(cache=True, error_model="numpy")
def _mixed(code: int) -> int:
    """64-bit hash of a code (rounds of multiplication and shift)."""
    x = (code + 1) * 7046029254386353131
    x ^= (x >> 32) & 0xFFFFFFFF
    x *= 2685821657736338717
    return x ^ ((x >> 29) & 0x7FFFFFFFF)


@njit(cache=True, error_model="numpy")
def _sign(offsets: Array, pdg: Array, mother: Array, wanted: Array, number: Array, rows: Array,
          signatures: Array) -> int:
    """Fill row and signature of every wanted mother; their number.  ``number`` is room for the longest event."""
    found = 0
    for event in range(len(offsets) - 1):
        begin, before = offsets[event], found
        for i in range(begin, offsets[event + 1]):
            number[i - begin] = -1
            code = abs(pdg[i])
            for k in range(len(wanted)):
                if code == wanted[k]:
                    number[i - begin] = found
                    rows[found] = i
                    signatures[found] = 0
                    found += 1
        if found == before:
            continue
        for i in range(begin, offsets[event + 1]):
            m = mother[i]
            if m < 0:
                continue
            code = abs(pdg[i])
            if number[m] >= 0 and code not in (22, 311):
                signatures[number[m]] += _mixed(12 if code in (14, 16) else code)
            above = mother[begin + m]
            if code in (130, 310) and abs(pdg[begin + m]) == 311 and above >= 0 and number[above] >= 0:
                signatures[number[above]] += _mixed(code)
    return found


def decay_signatures(particles: Jagged, mothers: tuple[int, ...]) -> tuple[Array, Array]:
    """Records of all mothers of some kinds, (k,) int64, and the signatures of what they decay to, (k,) int64.

    The signature is :func:`signature_of` the daughters, with codes as in :func:`find_decays`; a K0 counts as the K_S or
    K_L that it turned into.

    Parameters
    ----------
    particles
        MCParticles.
    mothers
        Absolute PDG codes.
    """
    pdg = particles["PDG"]
    most = int(np.isin(np.abs(pdg), mothers).sum())
    rows, signatures = np.empty(most, np.int64), np.empty(most, np.int64)
    longest = int(particles.counts.max(initial=0))
    _sign(particles.offsets, pdg, particles["mother"], np.array(mothers, np.int64), np.empty(longest, np.int64), rows,
          signatures)
    return rows, signatures


@njit(cache=True, error_model="numpy")
def _count_above(offsets: Array, pdg: Array, mother: Array, below: int, above: Array, seen: Array,
                 counts: Array) -> None:
    """Fill the numbers of particles of the kinds ``above`` that have one of the kind ``below`` under them."""
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        for i in range(begin, offsets[event + 1]):
            seen[i - begin] = False
        for i in range(begin, offsets[event + 1]):
            if abs(pdg[i]) != below:
                continue
            m = mother[i]
            while m >= 0:
                code = abs(pdg[begin + m])
                for k in range(len(above)):
                    if code == above[k] and not seen[m]:
                        seen[m] = True
                        counts[event] += 1
                m = mother[begin + m]


def count_decays_with(particles: Jagged, below: int, above: tuple[int, ...]) -> Array:
    """How many particles of the kinds ``above`` have one of the kind ``below`` among their descendants, (n,) int64.

    Parameters
    ----------
    particles
        MCParticles.
    below, above
        Absolute PDG codes.
    """
    counts = np.zeros(len(particles), np.int64)
    seen = np.zeros(int(particles.counts.max(initial=0)), np.bool_)
    _count_above(particles.offsets, particles["PDG"], particles["mother"], below, np.array(above, np.int64), seen,
                 counts)
    return counts
