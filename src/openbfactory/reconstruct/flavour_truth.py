"""Truth of the flavour tagger: the flavour of the B behind a rest of event, and what each of its tracks is.

The flavour is that of the B at its decay: of the one that most tracks of the rest of event descend from (as
``qrCombined`` of basf2, which is truth whatever its name says).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.flavour_categories import TARGETS

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
#: PDG codes of the B mesons
B_ZERO, B_PLUS = 511, 521
_BIT = {name: 1 << i for i, name in enumerate(TARGETS)}
_ELECTRON, _INTER_ELECTRON, _MUON, _INTER_MUON, _KAON, _SLOW, _FAST, _LAMBDA, _RIGHT = (_BIT[n] for n in TARGETS)


@njit(cache=True)
def _charmed(code: int) -> bool:
    """True for hadrons with a charm quark and no bottom quark."""
    c = abs(code) % 10000
    return (c // 100 == 4) or (c // 1000 == 4 and c // 100 != 44)


@njit(cache=True)
def b_ancestor(row: int, pdg: Index, mother: Index) -> int:
    """Row of the B meson that a generated particle descends from, -1 for none."""
    while row >= 0:
        code = abs(pdg[row])
        if code in (B_ZERO, B_PLUS):
            return row
        row = mother[row]
    return -1


@njit(cache=True)
def _kind(row: int, sign: int, pdg: Index, mother: Index) -> int:
    """Bits of a generated particle with B ancestor; ``sign`` is charge times flavour."""
    code, up = abs(pdg[row]), mother[row]
    above = abs(pdg[up]) if up >= 0 else 0
    direct = above in (B_ZERO, B_PLUS)
    bits = _RIGHT if sign > 0 else 0
    if code in (11, 13):
        if direct and sign > 0:
            bits |= _ELECTRON if code == 11 else _MUON
        elif _charmed(above) and sign < 0:
            bits |= _INTER_ELECTRON if code == 11 else _INTER_MUON
    if code == 321 and sign > 0:
        bits |= _KAON
    if code == 211 and above == 413 and sign < 0:
        bits |= _SLOW
    if code in (211, 321) and sign > 0:
        over = abs(pdg[mother[up]]) if up >= 0 and mother[up] >= 0 else 0
        if direct or (over in (B_ZERO, B_PLUS) and not _charmed(above) and above not in (310, 130)):
            bits |= _FAST
    if code == 2212 and above == 3122 and sign < 0:
        bits |= _LAMBDA
    return bits


@njit(cache=True)
def _fill(offsets: Index, match: Index, charge: Array, pdg: Index, mother: Index, flavour: Index, bits: Index) -> None:
    """Fill the flavour of every candidate and the bits of every track."""
    for c in range(len(offsets) - 1):
        best, most = -1, 0
        for i in range(offsets[c], offsets[c + 1]):
            own = b_ancestor(match[i], pdg, mother)
            if own < 0:
                continue
            votes = 0
            for j in range(offsets[c], offsets[c + 1]):
                votes += b_ancestor(match[j], pdg, mother) == own
            if votes > most:
                best, most = own, votes
        if best < 0:
            continue
        flavour[c] = 1 if pdg[best] > 0 else -1
        for i in range(offsets[c], offsets[c + 1]):
            if match[i] >= 0 and b_ancestor(match[i], pdg, mother) == best:
                bits[i] = _kind(match[i], int(charge[i]) * flavour[c], pdg, mother)


def flavour_truth(owner: Reconstruction, offsets: Index, tracks: Index, charge: Array) -> tuple[Index, Index]:
    """Flavours (n,), 0 where unknown, and bits (m,) of :data:`TARGETS` of the tracks; all 0 for data.

    Parameters
    ----------
    offsets : (n + 1,) int64
        Tracks of candidate ``i`` are the entries ``offsets[i]:offsets[i + 1]``.
    tracks, charge : (m,)
        Rows and charges of the tracks.
    """
    flavour, bits = np.zeros(len(offsets) - 1, np.int64), np.zeros(len(tracks), np.int64)
    if "MCParticles" in owner.events.lists:
        truth, own = owner.events["MCParticles"], owner.events["Tracks"]
        event = own.event_index()[tracks]
        index = own["mcIndex"][tracks].astype(np.int64)
        match = np.where(index >= 0, truth.offsets[event] + index, -1)
        _fill(offsets, match, charge, truth["PDG"].astype(np.int64), mother_rows(owner), flavour, bits)
    return flavour, bits


def mother_rows(owner: Reconstruction) -> Index:
    """Row of the mother of every generated particle, -1 for none."""
    truth = owner.events["MCParticles"]
    mother = truth["mother"].astype(np.int64)
    found: Index = np.where(mother >= 0, truth.offsets[truth.event_index()] + mother, -1)
    return found


@njit(cache=True)
def _ancestors(rows: Index, pdg: Index, mother: Index, out: Index) -> None:
    """Fill the row of the B that each particle comes from."""
    for i in range(len(rows)):
        out[i] = b_ancestor(rows[i], pdg, mother)


def ancestor_rows(owner: Reconstruction, rows: Index) -> Index:
    """Rows (n,) of the B mesons that generated particles come from (a B itself comes from itself), -1 for none."""
    found = np.full(len(rows), -1, np.int64)
    if "MCParticles" in owner.events.lists:
        _ancestors(rows, owner.events["MCParticles"]["PDG"].astype(np.int64), mother_rows(owner), found)
    return found


def other_b(owner: Reconstruction, rows: Index) -> Index:
    """Rows (n,) of the B with the same mother as a generated B, -1 where the particle is no B or is alone."""
    found = np.full(len(rows), -1, np.int64)
    if "MCParticles" not in owner.events.lists:
        return found
    mother = mother_rows(owner)
    code = np.abs(owner.events["MCParticles"]["PDG"])
    mesons = np.flatnonzero(((code == B_ZERO) | (code == B_PLUS)) & (mother >= 0))
    order = mesons[np.argsort(mother[mesons], kind="stable")]
    same = np.flatnonzero(mother[order[1:]] == mother[order[:-1]])
    partner = np.full(len(code), -1, np.int64)
    partner[order[same]], partner[order[same + 1]] = order[same + 1], order[same]
    return np.where(rows >= 0, partner[rows], -1)
