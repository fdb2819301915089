"""What the categories of the flavour tagger look at: one row a track of the rest of event.

Beside :mod:`openbfactory.reconstruct.flavour_inputs` (momenta, recoil, thrust) there are the identities, the distance
to the interaction point, what the track says as the proton of a Lambda, how it stands to the fastest track, and numbers
of the rest of event: its tracks, K_S and sum of transverse momenta.

The rest of event is cleaned as in the field: tracks with dr < 1 cm and |dz| < 3 cm in the acceptance of the drift
chamber, photons above 60 (forward 80) MeV within 200 ns.  The daughters of K_S and Lambda may lie outside of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.reconstruct.flavour_inputs import flavour_inputs
from openbfactory.reconstruct.missing import to_cms
from openbfactory.reconstruct.rest_of_event import RestOfEvent, masked, rest_of_event, rows_of_tracks
from openbfactory.reconstruct.v0 import V0List, find_v0, select_v0
from openbfactory.reconstruct.view import View

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: cuts of the tracks and photons that count
TRACK_CUT = "thetaInCDCAcceptance and dr < 1 and abs(dz) < 3"
PHOTON_CUT = ("thetaInCDCAcceptance and [[E > 0.08 and clusterReg == 1] or [E > 0.06 and clusterReg == 2] or "
              "[E > 0.06 and clusterReg == 3]] and abs(clusterTiming) < 200")
#: name of the mask with these cuts
MASK = "flavour"
_IDENTITY = ("electronID", "muonID", "kaonID", "pionID", "protonID")
#: cuts of K_S and Lambda: cosine of pointing, distance [cm]
_POINTING, _DISTANCE = 0.98, 0.2
_LAMBDA = ("lambdaMass", "lambdaDistance", "lambdaCosPointing", "lambdaP")


@dataclass(frozen=True, slots=True)
class Features:
    """Tracks of the rest of event of n candidates.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Tracks of candidate ``i`` are the entries ``offsets[i]:offsets[i + 1]``.
    tracks : (m,) int64
        Their rows.
    charge : (m,) float64
        Their charges.
    cms : (m, 4) float64
        Four-momenta in the c.m. frame [GeV].
    columns
        Name to numbers (m,).
    """

    offsets: Index
    tracks: Index
    charge: Array
    cms: Array
    columns: dict[str, Array]


def cleaned(owner: Reconstruction, rest: RestOfEvent) -> RestOfEvent:
    """The rest of event with the cuts of the tagger."""
    owner.append_mask(MASK, TRACK_CUT, PHOTON_CUT)
    return masked(rest, **owner.cached(f"mask {MASK}", lambda: owner.mask(MASK)))


def whole_events(owner: Reconstruction) -> RestOfEvent:
    """All of every event as the rest of event of a candidate that left no trace."""
    lists = owner.events.lists
    names = {"tracks": "Tracks", "clusters": "ECLClusters"}
    pointing = rows_of_tracks(lists["ECLClusters"].offsets, lists["Tracks"].offsets, lists["ECLClusters"]["trackIndex"])
    made = rest_of_event(np.arange(len(owner.events)), {kind: lists[name].offsets for kind, name in names.items()},
                         cluster_track=pointing)
    return replace(made, neutral=lists["ECLClusters"]["clusterTrackMatch"] == 0)


def features(owner: Reconstruction, rest: RestOfEvent) -> Features:
    """Inputs of every track of the rest of event, which this function cleans."""
    rest = cleaned(owner, rest)
    per_track = owner.cached("flavour tracks", lambda: _per_track(owner))
    made = flavour_inputs(rest, owner.track_p4(), owner.cluster_p4(), owner.beam, **per_track)
    tracks, counts = rest.tracks, rest.tracks.counts
    p4 = owner.track_p4()
    cms = np.ascontiguousarray(to_cms(p4, owner.beam)[tracks.rows])
    columns = dict(made.columns)
    charge = columns.pop("charge")
    pairs = np.full((len(charge), 4), np.nan)
    _with_fast(cms, charge, made.offsets, pairs)
    columns |= dict(zip(("isFast", "pFastCMS", "cosWithFast", "chargeWithFast"), pairs.T.copy(), strict=True))
    short = owner.cached("flavour kshort", lambda: _kshort(owner))
    of_candidate = {"nROE_Tracks": counts.astype(np.float64), "NumberOfKShortsInRoe": short[rest.events],
                    "ptTracksRoe": tracks.total(np.hypot(p4[:, 1], p4[:, 2]))}
    columns |= {name: np.repeat(values, counts) for name, values in of_candidate.items()}
    return Features(made.offsets, made.tracks, charge, cms, columns)


def _per_track(owner: Reconstruction) -> dict[str, Array]:
    """Numbers of every track that do not depend on the candidate."""
    made = owner.get("pi+:all")
    v = View(owner, made.rows)
    found = {name: np.asarray(made[name], np.float64) for name in (*_IDENTITY, "dr", "dz", "p", "cosTheta")}
    found["leptonID"] = np.fmax(found["electronID"], found["muonID"])
    found["charge"] = v.column("charge").astype(np.float64)
    table = np.full((len(made), len(_LAMBDA)), np.nan)
    pairs = v0_pairs(owner)
    for name, proton in (("Lambda0", 0), ("anti-Lambda0", 1)):
        chosen = select_v0(pairs, name, owner.ip, best_of_track=True, cos_pointing_min=_POINTING,
                           distance_min=_DISTANCE)
        p = np.linalg.norm(chosen.p4[:, 1:], axis=1)
        table[pairs.daughters[chosen.rows, proton]] = np.column_stack(
            [chosen.mass, chosen.distance, chosen.cosPointing, p])
    return found | dict(zip(_LAMBDA, table.T.copy(), strict=True))


def v0_pairs(owner: Reconstruction) -> V0List:
    """Pairs of tracks with a common vertex, found once."""
    def make() -> V0List:
        tracks = owner.events["Tracks"]
        return find_v0(tracks.offsets, owner.helices(), np.ascontiguousarray(tracks["cov"], np.float64),
                       field=owner.field)

    found: V0List = owner.cached("v0 pairs", make)
    return found


def _kshort(owner: Reconstruction) -> Array:
    """Number of K_S of every event."""
    pairs = v0_pairs(owner)
    chosen = select_v0(pairs, "K_S0", owner.ip, best_of_track=True, cos_pointing_min=_POINTING, distance_min=_DISTANCE)
    return np.diff(chosen.offsets).astype(np.float64)


@njit(cache=True, error_model="numpy")
def _with_fast(p: Array, charge: Array, offsets: Index, out: Array) -> None:
    """Fill: 1 for the fastest track, its momentum, cosine of the angle to it, product of charges (of the others)."""
    for c in range(len(offsets) - 1):
        fast, largest = -1, -1.0
        for i in range(offsets[c], offsets[c + 1]):
            p2 = p[i, 1] ** 2 + p[i, 2] ** 2 + p[i, 3] ** 2
            if p2 > largest:
                fast, largest = i, p2
        for i in range(offsets[c], offsets[c + 1]):
            out[i, 0], out[i, 1] = 1.0 if i == fast else 0.0, np.sqrt(largest)
            if i != fast:
                dot = p[i, 1] * p[fast, 1] + p[i, 2] * p[fast, 2] + p[i, 3] * p[fast, 3]
                out[i, 2] = dot / np.sqrt(largest * (p[i, 1] ** 2 + p[i, 2] ** 2 + p[i, 3] ** 2))
                out[i, 3] = charge[i] * charge[fast]


@njit(cache=True, error_model="numpy")
def kaon_pion(p: Array, charge: Array, offsets: Index, slow: Array, out: Array) -> None:
    """Fill (m, 3): largest output ``slow`` of the other tracks, cosine of the angle to it, product of charges."""
    for c in range(len(offsets) - 1):
        for i in range(offsets[c], offsets[c + 1]):
            best = -1
            for j in range(offsets[c], offsets[c + 1]):
                if j != i and slow[j] > 0.0 and (best < 0 or slow[j] > slow[best]):
                    best = j
            if best >= 0:
                dot = p[i, 1] * p[best, 1] + p[i, 2] * p[best, 2] + p[i, 3] * p[best, 3]
                size = (p[i, 1] ** 2 + p[i, 2] ** 2 + p[i, 3] ** 2) * (p[best, 1] ** 2 + p[best, 2] ** 2
                                                                       + p[best, 3] ** 2)
                out[i, 0], out[i, 1], out[i, 2] = slow[best], dot / np.sqrt(size), charge[i] * charge[best]


