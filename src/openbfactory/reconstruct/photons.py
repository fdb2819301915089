"""Photons: calorimeter clusters that no track points to, with momenta from the interaction point.

Good photons: energy above the cut and polar angle of the cluster within the
central detector.  Approximation: the direction of the photon is that of the
cluster seen from the interaction point; no timing or shower-shape cuts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.events.record import Jagged
from openbfactory.reconstruct.config import InclusiveTagConfig

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PhotonList:
    """Every cluster as a photon.

    Attributes
    ----------
    offsets : (events + 1,) int64
        Clusters of event ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    p4 : (n, 4) float64
        E, px, py, pz [GeV], lab frame.
    good : (n,) bool
        Passes the photon cuts.
    """

    offsets: Index
    p4: Array
    good: Mask


@njit(cache=True, error_model="numpy")
def _fill_photons(energy: Array, theta: Array, phi: Array, radius: Array, matched: Mask, ip: Array, cuts: Array,
                  p4: Array, good: Mask) -> None:
    """Fill the columns of :class:`PhotonList`; ``cuts`` is E, theta low and high."""
    for i in range(len(energy)):
        across = radius[i] * math.sin(theta[i])
        x = across * math.cos(phi[i]) - ip[0]
        y = across * math.sin(phi[i]) - ip[1]
        z = radius[i] * math.cos(theta[i]) - ip[2]
        distance = math.sqrt(x * x + y * y + z * z)
        scale = energy[i] / distance if distance > 0.0 else math.nan
        p4[i, 0] = energy[i]
        p4[i, 1] = x * scale
        p4[i, 2] = y * scale
        p4[i, 3] = z * scale
        good[i] = (not matched[i] and energy[i] > cuts[0] and energy[i] < math.inf and theta[i] > cuts[1]
                   and theta[i] < cuts[2] and abs(scale) < math.inf)


def photon_list(clusters: Jagged, config: InclusiveTagConfig, ip: Array) -> PhotonList:
    """Every cluster as a photon, with the mark of the good ones.

    Parameters
    ----------
    clusters
        ``ECLClusters`` of the events.
    config
        Cuts.
    ip : (3,) float64
        Interaction point [cm].
    """
    n = len(clusters["clusterE"])
    found = PhotonList(clusters.offsets, np.empty((n, 4)), np.empty(n, np.bool_))
    columns = [np.ascontiguousarray(clusters[name], np.float64)
               for name in ("clusterE", "clusterTheta", "clusterPhi", "clusterR")]
    cuts = np.array([config.photon_energy_min, config.theta_min, config.theta_max])
    _fill_photons(*columns, clusters["clusterTrackMatch"] != 0, ip, cuts, found.p4, found.good)
    return found
