"""Truth matching: the generated particle behind each particle, and what is wrong with the match.

Method, as in the field (basf2, ``MCMatching``): a track or cluster is matched
to the particle that made it; a composite to the nearest common mother of its
daughters' matches (with one daughter: to its mother).  The bits of
``mcErrors`` collect wrong identities, unmatched daughters, and what the decay
of the match contains and the particle does not; the arrow, the keywords and
the markers of the decay string say what does not count as missing.

Walking a generated decay stops at pi, K, e, mu, p, n, photons, neutrinos, K_S
and K_L.  A missed photon counts as radiated in the decay (MissFSR and
MissPHOTOS) where its mother has more than two daughters and is no pi0 or a
daughter is a copy of the mother, else as MissGamma: the generator does not
mark radiated photons.

Tracks of secondaries from decays in flight are matched to the generated
particle that decayed, with DecayInFlight (and MisID where its identity is
another one); tracks and clusters of other secondaries that carry no generated
particle are unmatched, with InternalError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.decay_string import (
    BREMS,
    GAMMA,
    INTERMEDIATE,
    MASSIVE,
    NEUTRINO,
    RADIATED_PHOTONS,
    UNSPECIFIED,
)
from openbfactory.reconstruct.families import FIRST_MARK
from openbfactory.reconstruct.particles import COMPOSITE, ECL_CLUSTER, GENERATED, KLM_CLUSTER, TRACK

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Index = npt.NDArray[np.int64]

#: bits of ``mcErrors``
MISS_FSR, MISSING_RESONANCE, DECAY_IN_FLIGHT, MISS_NEUTRINO, MISS_GAMMA, MISS_MASSIVE, MISS_KLONG, MIS_ID, \
    ADDED_WRONG_PARTICLE, INTERNAL_ERROR, MISS_PHOTOS, ADDED_BREMS = (1 << i for i in range(12))
FROM_DAUGHTERS = MIS_ID | ADDED_WRONG_PARTICLE | DECAY_IN_FLIGHT | INTERNAL_ERROR | ADDED_BREMS
_PHOTON, _PI0, _KLONG = 22, 111, 130
#: process of MCSecondaries that is a decay in flight
_DECAYED = 1


@njit(cache=True)
def is_final(code: int) -> bool:
    """True for particles at which walking a generated decay stops."""
    c = abs(code)
    return (c in (211, 321, 22, 2212, 310, 130, 2112)) or 11 <= c <= 14 or c == 16


@njit(cache=True)
def _radiated(i: int, begin: int, end: int, pdg: Index, mother: Index) -> bool:
    """True for a photon (row ``i``) that was radiated in the decay of its mother."""
    m = mother[i]
    if m < 0:
        return False
    daughters = 0
    copy = False
    for j in range(begin, end):
        if mother[j] == m:
            daughters += 1
            copy = copy or pdg[j] == pdg[m]
    return (daughters > 2 and pdg[m] != _PI0) or copy


@njit(cache=True)
def _accepted(code: int, radiated: bool, ignored: int) -> bool:
    """True where a generated particle may be missed by a particle that ignores some kinds."""
    c = abs(code)
    if not is_final(code):
        return ignored & INTERMEDIATE != 0
    if c == _PHOTON:
        return ignored & (RADIATED_PHOTONS if radiated else GAMMA) != 0
    if c == 12 or c == 14 or c == 16:
        return ignored & NEUTRINO != 0
    return ignored & MASSIVE != 0


@njit(cache=True)
def _below(i: int, top: int, pdg: Index, mother: Index) -> bool:
    """True where row ``i`` is in the generated decay of ``top``, not behind a particle at which walking stops."""
    m = mother[i]
    while m >= 0:
        if m != top and is_final(pdg[m]):
            return False
        if m == top:
            return not is_final(pdg[top])
        m = mother[m]
    return False


@njit(cache=True)
def _mark(row: int, daughters: Index, mc: Index, ignored: Index, begin: int, end: int, pdg: Index, mother: Index,
          radiated: Index, state: Index, stack: Index) -> None:
    """Set ``state`` (by row - begin) to 1 for what is found in the particle, to 2 for what it may miss."""
    depth = 0
    stack[0] = row
    while depth >= 0:
        r = stack[depth]
        depth -= 1
        if mc[r] >= 0 and not is_final(pdg[mc[r]]):
            for i in range(begin, end):
                if state[i - begin] != 1 and _below(i, mc[r], pdg, mother):
                    state[i - begin] = 2 if _accepted(pdg[i], radiated[i] != 0, ignored[r]) else 0
        for k in range(daughters.shape[1] - 1, -1, -1):
            d = daughters[r, k]
            if d >= 0:
                if mc[d] >= 0:
                    state[mc[d] - begin] = 1
                depth += 1
                stack[depth] = d


@njit(cache=True)
def _missing(top: int, begin: int, end: int, pdg: Index, mother: Index, radiated: Index, state: Index) -> int:
    """Bits of what is generated below ``top`` and neither found nor accepted as missing."""
    bits = 0
    for i in range(begin, end):
        if state[i - begin] != 0 or not _below(i, top, pdg, mother):
            continue
        c = abs(pdg[i])
        if not is_final(pdg[i]):
            bits |= MISSING_RESONANCE
        elif c == _PHOTON:
            bits |= (MISS_FSR | MISS_PHOTOS) if radiated[i] else MISS_GAMMA
        elif c == 12 or c == 14 or c == 16:
            bits |= MISS_NEUTRINO
        else:
            bits |= MISS_MASSIVE | (MISS_KLONG if c == _KLONG else 0)
    return bits


@njit(cache=True)
def _common_mother(row: int, daughters: Index, mc: Index, mother: Index) -> int:
    """Nearest common ancestor (or self) of the matches of all daughters; -1 for none."""
    n = 0
    found = -1
    for k in range(daughters.shape[1]):
        d = daughters[row, k]
        if d < 0:
            break
        if mc[d] < 0:
            return -1
        n += 1
        if k == 0:
            found = mc[d]
            continue
        while found >= 0:
            i = mc[d]
            while i >= 0 and i != found:
                i = mother[i]
            if i == found:
                break
            found = mother[found]
        if found < 0:
            return -1
    return mother[found] if n == 1 else found


@njit(cache=True)
def _identity(row: int, top: int, code: Index, flavour: Index, ignored: int, pdg: Index, mother: Index, begin: int,
              end: int) -> int:
    """Bits of a composite whose match has another PDG code."""
    if code[row] == pdg[top] or (flavour[row] == 0 and code[row] == -pdg[top]):
        return 0
    m = mother[top]
    if m >= 0 and code[row] == pdg[m]:
        visible = 0
        for i in range(begin, end):
            c = abs(pdg[i])
            if mother[i] == m and not (c == 12 or c == 14 or c == 16):
                visible += 1
        if visible == 1:
            return 0 if ignored & INTERMEDIATE else MISSING_RESONANCE
    return 0 if ignored & UNSPECIFIED else ADDED_WRONG_PARTICLE


@njit(cache=True)
def _match(first: int, size: int, kind: Index, code: Index, flavour: Index, ignored: Index, event: Index,
           daughters: Index, mc: Index, errors: Index, offsets: Index, pdg: Index, mother: Index,
           radiated: Index) -> None:
    """Fill ``mc`` and ``errors`` of the composites among the rows ``first:size``."""
    longest = 1
    for e in range(len(offsets) - 1):
        longest = max(longest, offsets[e + 1] - offsets[e])
    state = np.empty(longest, np.int64)
    stack = np.empty(4096, np.int64)
    for row in range(first, size):
        if kind[row] != COMPOSITE:
            continue
        begin, end = offsets[event[row]], offsets[event[row] + 1]
        top = _common_mother(row, daughters, mc, mother)
        mc[row] = top
        bits = 0
        for k in range(daughters.shape[1]):
            d = daughters[row, k]
            if d < 0:
                break
            marks = (ignored[row] >> (FIRST_MARK + 2 * k)) & 3
            accepted = (MIS_ID if marks & 1 else 0) | (DECAY_IN_FLIGHT if marks & 2 else 0)
            bits |= errors[d] & ~accepted & FROM_DAUGHTERS
        if top < 0:
            errors[row] = INTERNAL_ERROR
            continue
        bits |= _identity(row, top, code, flavour, ignored[row], pdg, mother, begin, end)
        state[: end - begin] = 0
        _mark(row, daughters, mc, ignored, begin, end, pdg, mother, radiated, state, stack)
        bits |= _missing(top, begin, end, pdg, mother, radiated, state)
        errors[row] = bits & ~(ADDED_BREMS if ignored[row] & BREMS else 0)


@njit(cache=True)
def count_missing(rows: Index, kinds: Index, daughters: Index, mc: Index, event: Index, offsets: Index, pdg: Index,
                  mother: Index) -> Index:
    """Number (n,) of generated particles of some |PDG codes| below the matches of ``rows`` that are not found."""
    found = np.zeros(len(rows), np.int64)
    stack = np.empty(4096, np.int64)
    for n in range(len(rows)):
        top = mc[rows[n]]
        if top < 0:
            continue
        begin, end = offsets[event[rows[n]]], offsets[event[rows[n]] + 1]
        held = np.zeros(end - begin, np.bool_)
        depth = 0
        stack[0] = rows[n]
        while depth >= 0:
            r = stack[depth]
            depth -= 1
            for k in range(daughters.shape[1]):
                d = daughters[r, k]
                if d >= 0:
                    if mc[d] >= 0:
                        held[mc[d] - begin] = True
                    depth += 1
                    stack[depth] = d
        for i in range(begin, end):
            wanted = False
            for k in kinds:
                wanted = wanted or abs(pdg[i]) == k
            if wanted and not held[i - begin] and _below(i, top, pdg, mother):
                found[n] += 1
    return found


@njit(cache=True)
def _radiated_photons(offsets: Index, pdg: Index, mother: Index) -> Index:
    """1 for every generated photon that was radiated in a decay."""
    found = np.zeros(len(pdg), np.int64)
    for e in range(len(offsets) - 1):
        for i in range(offsets[e], offsets[e + 1]):
            if pdg[i] == _PHOTON and _radiated(i, offsets[e], offsets[e + 1], pdg, mother):
                found[i] = 1
    return found


def truth_columns(owner: Reconstruction) -> dict[str, Any] | None:
    """Generated particles with rows of mothers among all events, None for data."""
    def make() -> dict[str, Any] | None:
        if "MCParticles" not in owner.events.lists or "mcIndex" not in owner.events["Tracks"].columns:
            return None
        truth = owner.events["MCParticles"]
        begin = np.repeat(truth.offsets[:-1], truth.counts)
        mother = truth["mother"].astype(np.int64)
        columns = {"offsets": truth.offsets.astype(np.int64), "pdg": truth["PDG"].astype(np.int64),
                   "mother": np.where(mother >= 0, mother + begin, -1)}
        columns["radiated"] = _radiated_photons(columns["offsets"], columns["pdg"], columns["mother"])
        return columns

    found: dict[str, Any] | None = owner.cached("truth", make)
    return found


def match_truth(owner: Reconstruction) -> bool:
    """Match every particle that is not matched yet; False for data."""
    truth, particles = truth_columns(owner), owner.particles
    if truth is None:
        return False
    first, size = particles.matched, particles.size
    if first < size:
        _match_bottom(owner, truth, np.arange(first, size))
        _match(first, size, particles["kind"], particles["pdg"], particles["flavour"],
               particles["ignored"], particles["event"], particles.daughters, particles["mc"], particles["mc_errors"],
               truth["offsets"], truth["pdg"], truth["mother"], truth["radiated"])
        particles.matched = size
    return True


def _match_bottom(owner: Reconstruction, truth: dict[str, Any], rows: Index) -> None:
    """Match tracks and clusters among ``rows``."""
    particles = owner.particles
    kind, row = particles["kind"][rows], particles["row"][rows]
    mc = np.full(len(rows), -1, np.int64)
    decayed = np.zeros(len(rows), bool)
    ancestors = owner.cached("decayed_tracks", lambda: _decayed_tracks(owner))
    for this, name in ((TRACK, "Tracks"), (ECL_CLUSTER, "ECLClusters"), (KLM_CLUSTER, "KLMClusters")):
        chosen = np.flatnonzero(kind == this)
        if len(chosen):
            mc[chosen] = owner.events[name]["mcIndex"][row[chosen]]
            if this == TRACK:
                decayed[chosen] = (mc[chosen] < 0) & (ancestors[row[chosen]] >= 0)
                mc[chosen] = np.where(decayed[chosen], ancestors[row[chosen]], mc[chosen])
    found = np.where(mc >= 0, mc + truth["offsets"][particles["event"][rows]], -1)
    right = truth["pdg"][found] == particles["pdg"][rows]
    errors = np.where(found < 0, INTERNAL_ERROR, np.where(right, 0, MIS_ID) | np.where(decayed, DECAY_IN_FLIGHT, 0))
    bottom = (kind != COMPOSITE) & (kind != GENERATED)
    particles["mc"][rows[bottom]] = found[bottom]
    particles["mc_errors"][rows[bottom]] = errors[bottom]


def _decayed_tracks(owner: Reconstruction) -> Index:
    """Generated ancestor (index in its event) of each track of a decay in flight, -1 for others."""
    found = np.full(owner.events["Tracks"].size, -1, np.int64)
    if "MCSecondaries" in owner.events.lists:
        secondaries = owner.events["MCSecondaries"]
        chosen = np.flatnonzero((secondaries["process"] == _DECAYED) & (secondaries["trackIndex"] >= 0))
        begin = owner.events["Tracks"].offsets[secondaries.event_index()[chosen]]
        found[begin + secondaries["trackIndex"][chosen]] = secondaries["mcIndex"][chosen]
    return found

