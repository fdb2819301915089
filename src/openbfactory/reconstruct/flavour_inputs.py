"""Inputs of a flavour tagger: what each track of the rest of event says about the flavour of the other B.

The quantities are those of the category-based tagger of Belle II (F. Abudinen et al., Eur. Phys. J. C 82 (2022) 283),
with the names of basf2.  For a track of momentum ``p`` of the rest of event ``R`` (tracks, photons and composites), in
the c.m. frame and as if the B were at rest there::

    X = R - p                      recoilMass = M(X), the hadrons of B -> X l nu
    p_miss = -p_R                  pMissCMS = |p_miss|, cosThetaMissCMS = cos(p, p_miss)
    W = p + p_miss                 EW90 = energy of X within 90 degrees of W
    cosTPTO = |cos(p, thrust axis of R)|

beside momenta, impact parameter and identities.  Leptons of b -> c l nu have large ``p*`` and small ``EW90``; slow
pions of D* lie along the thrust axis; the charge of each says the flavour.

Approximation: as in the tagger, the motion of the B in the c.m. frame is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.event_shape import thrusts
from openbfactory.reconstruct.missing import to_cms
from openbfactory.reconstruct.rest_of_event import RestOfEvent

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: columns of the kernel by their names in basf2
COLUMNS: tuple[str, ...] = ("recoilMass", "pMissCMS", "cosThetaMissCMS", "EW90", "cosTPTO", "useCMSFrame(p)",
                            "useCMSFrame(pt)", "useCMSFrame(cosTheta)")


@dataclass(frozen=True, slots=True)
class FlavourInputs:
    """Inputs of each track of each rest of event.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Tracks of candidate ``i`` are the entries ``offsets[i]:offsets[i + 1]``.
    tracks : (m,) int64
        Their rows.
    columns
        Name to numbers (m,): :data:`COLUMNS`, and what the caller gave for every track.
    """

    offsets: Index
    tracks: Index
    columns: dict[str, Array]


@njit(cache=True, error_model="numpy")
def _fill(p: Array, begin: Index, split: Index, end: Index, axis: Array, out: Array) -> None:
    """Fill the columns; the tracks of candidate n are the rows ``begin[n]:split[n]``, all of its rest up to ``end``."""
    total = np.empty(4)
    entry = 0
    for n in range(len(begin)):
        for a in range(4):
            total[a] = 0.0
            for i in range(begin[n], end[n]):
                total[a] += p[i, a]
        missing = math.sqrt(total[1] ** 2 + total[2] ** 2 + total[3] ** 2)
        for i in range(begin[n], split[n]):
            size = math.sqrt(p[i, 1] ** 2 + p[i, 2] ** 2 + p[i, 3] ** 2)
            x2 = (total[0] - p[i, 0]) ** 2
            along, thrust, energy = 0.0, 0.0, 0.0
            for a in range(1, 4):
                x2 -= (total[a] - p[i, a]) ** 2
                along -= p[i, a] * total[a]
                thrust += p[i, a] * axis[n, a - 1]
            for j in range(begin[n], end[n]):
                side = 0.0
                for a in range(1, 4):
                    side += p[j, a] * (p[i, a] - total[a])
                energy += p[j, 0] if side > 0.0 and j != i else 0.0
            pt = math.sqrt(p[i, 1] ** 2 + p[i, 2] ** 2)
            row = out[entry]
            row[0], row[1], row[2] = math.sqrt(max(x2, 0.0)), missing, along / (size * missing)
            row[3], row[4], row[5], row[6], row[7] = energy, abs(thrust) / size, size, pt, p[i, 3] / size
            entry += 1


def flavour_inputs(rest: RestOfEvent, track_p4: Array, cluster_p4: Array, beam: Array, *,
                   composite_p4: Array | None = None, **per_track: Array) -> FlavourInputs:
    """Inputs of every track of the rest of event of n candidates; numbers that do not exist are NaN.

    Parameters
    ----------
    rest
        Rest of event.
    track_p4, cluster_p4, composite_p4 : (rows, 4) float64
        E, px, py, pz [GeV] of every track, calorimeter cluster and composite, laboratory.
    beam : (4,) float64
        Four-momentum of the collision [GeV].
    per_track : (rows,)
        Further numbers of every track, such as ``charge``, ``dr``, ``electronID``, ``kaonID``.
    """
    n = len(rest.events)
    groups = [(rest.tracks, track_p4), (rest.photons, cluster_p4),
              (rest.composites, np.zeros((0, 4)) if composite_p4 is None else composite_p4)]
    candidate = np.concatenate([r.candidates() for r, _ in groups])
    order = np.argsort(candidate, kind="stable")
    p = np.ascontiguousarray(to_cms(np.concatenate([values[r.rows] for r, values in groups])[order], beam))
    end = np.cumsum(np.bincount(candidate, minlength=n)).astype(np.int64)
    begin = end - np.bincount(candidate, minlength=n)
    split = begin + rest.tracks.counts
    _, axis = thrusts(p, begin, end)
    out = np.full((len(rest.tracks.rows), len(COLUMNS)), np.nan)
    _fill(p, begin, split, end, axis, out)
    columns = {name: out[:, k].copy() for k, name in enumerate(COLUMNS)}
    columns |= {name: np.asarray(values, np.float64)[rest.tracks.rows] for name, values in per_track.items()}
    return FlavourInputs(rest.tracks.offsets, rest.tracks.rows, columns)
