"""Columns of the data set FlavorClass from events of our own, see :mod:`openbfactory.events.flavorclass`.

The signal B0 -> nu nubar leaves nothing, so the rest of event is the whole event.  Lists and cuts are those of the
published steering: tracks in the acceptance of the drift chamber with dr < 1 cm and |dz| < 3 cm; photons of
``gamma:tight`` above 60 (forward 80) MeV with two crystals or more, 200 ns, and the two trained probabilities; K_S are
pairs of these tracks with a mass from 0.40 to 0.60 GeV and a vertex probability above 0.01.  Events need a track and a
known flavour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.events import flavorclass as layout
from openbfactory.reconstruct.flavour_truth import flavour_truth
from openbfactory.reconstruct.lists import ParticleList

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]

TRACK_CUT = "thetaInCDCAcceptance and dr < 1 and abs(dz) < 3"
PHOTON_CUT = ("thetaInCDCAcceptance and clusterNHits > 1.5 and [[E > 0.08 and clusterReg == 1] or "
              "[E > 0.06 and clusterReg == 2] or [E > 0.06 and clusterReg == 3]] and abs(clusterTiming) < 200 and "
              "beamBackgroundSuppression > 0.4 and fakePhotonSuppression > 0.3")
KSHORT_CUT, KSHORT_AFTER = "0.40 <= M <= 0.60", "chiProb > 0.01"
_DIFFERENCE = {"dxdiff": "dx", "dydiff": "dy", "dzdiff": "dz"}


def flavorclass_columns(owner: Reconstruction) -> dict[str, Array]:
    """Every column of the data set, one row an event that has a track and a known flavour; the label is 0 or 1."""
    tracks = owner.cut(layout.TRACKS, "pi+:all", TRACK_CUT)
    photons = owner.cut(layout.CLUSTERS, "gamma:tight", PHOTON_CUT)
    n = len(owner.events)
    counts = np.diff(tracks.offsets)
    rows = owner.particles["row"][tracks.rows]
    charge = owner.events["Tracks"]["charge"].astype(np.float64)[rows]
    flavour, _ = flavour_truth(owner, tracks.offsets, rows, charge)
    kept = (counts > 0) & (flavour != 0)
    found: dict[str, Array] = {}
    for made, variables, room in ((tracks, layout.TRACK_FEATURES, layout.N_TRACKS),
                                  (photons, layout.CLUSTER_FEATURES, layout.N_CLUSTERS)):
        place = _places(made)
        for feature in variables:
            table = _ranked(made, feature, place, n, room)[kept]
            names = layout.columns_of(layout.TRACKS if made is tracks else layout.CLUSTERS, feature)
            found |= dict(zip(names, table.T.copy(), strict=True))
    kshort = owner.combine("K_S0:inRoe -> pi+:tflat pi-:tflat", KSHORT_CUT)
    owner.fit(kshort)
    good = kshort.event[kshort.mask(KSHORT_AFTER)]
    pt = np.bincount(tracks.event, tracks["pt"], minlength=n).astype(np.float64)
    rest = (np.diff(photons.offsets) / 8.0, counts / 6.0, np.bincount(good, minlength=n).astype(np.float64), pt)
    found |= {layout.column(layout.TRACKS, name, 1): values[kept]
              for name, values in zip(layout.REST_FEATURES, rest, strict=True)}
    found[layout.LABEL] = (flavour[kept] + 1) / 2.0
    return {name: found[name] for name in layout.names()}


def _places(made: ParticleList) -> npt.NDArray[np.int64]:
    """Place (m,) of every particle among those of its event, the highest momentum first."""
    order = np.lexsort((-made["p"], made.event))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - made.offsets[made.event[order]]
    return place


def _ranked(made: ParticleList, feature: str, place: npt.NDArray[np.int64], n: int, room: int) -> Array:
    """Values (n, room) of a feature by place, NaN where there is no particle."""
    table = np.full((n, room), np.nan)
    shown = place < room
    values = made[_DIFFERENCE.get(feature, feature)]
    table[made.event[shown], place[shown]] = values[shown]
    return table - table[:, :1] if feature in _DIFFERENCE else table
