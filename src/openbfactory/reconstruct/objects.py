"""The detector objects of some events, with what is computed from them once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import EventFileError
from openbfactory.events.record import Events
from openbfactory.experiment.detector import Detector
from openbfactory.reconstruct import base_particles as base
from openbfactory.reconstruct.cluster_measurements import cluster_measurements
from openbfactory.reconstruct.inclusive_tag import check_input
from openbfactory.reconstruct.tracks import HELIX

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class DetectorObjects:
    """Tracks and clusters of some events.

    Attributes
    ----------
    events
        Events with ``Tracks``, ``PIDLikelihoods`` and ``ECLClusters``.
    field
        Field along z [T].
    ip : (3,) float64
        Interaction point [cm].
    detector
        Detector of the card; None where none was given.
    """

    def __init__(self, events: Events, field: float, ip: Array, detector: Detector | None) -> None:
        check_input(events)
        if any(jagged.offsets[0] != 0 for jagged in events.lists.values()):
            message = "the lists of the events must begin at record 0; take a copy with Events.take"
            raise EventFileError(message)
        self.events: Events = events
        self.field: float = float(field)
        self.ip: Array = ip
        self.detector: Detector | None = detector
        self._cache: dict[str, Any] = {}

    def cached(self, name: str, make: Any) -> Any:
        """What ``make()`` gave the first time it was asked for under this name."""
        if name not in self._cache:
            self._cache[name] = make()
        return self._cache[name]

    def helices(self) -> Array:
        """Helix parameters (tracks, 5) relative to the origin."""
        tracks = self.events["Tracks"]
        return self.cached("helices", lambda: np.ascontiguousarray(
            np.column_stack([tracks[name] for name in HELIX]), np.float64))

    def cluster_p4(self) -> Array:
        """E, px, py, pz (clusters, 4) [GeV] of every calorimeter cluster as a photon from the interaction point."""
        return self.cached("cluster_p4", lambda: base.all_photons(self.events["ECLClusters"], self.ip))

    def cluster_measurements(self) -> tuple[Array, Array] | None:
        """Energy, theta, phi, distance (clusters, 4) and covariance (clusters, 6); None without a detector."""
        detector = self.detector
        if detector is None:
            return None
        return self.cached("cluster_measurements",
                           lambda: cluster_measurements(self.events["ECLClusters"], detector.ecl))

    def cluster_of_track(self) -> Index:
        """Row in ``ECLClusters`` of the most energetic cluster matched to each track, -1 for none."""
        return self.cached("cluster_of_track", self._match_clusters)

    def _match_clusters(self) -> Index:
        tracks, clusters = self.events["Tracks"], self.events["ECLClusters"]
        found = np.full(tracks.size, -1, np.int64)
        matched = np.flatnonzero(clusters["trackIndex"] >= 0)
        matched = matched[np.argsort(clusters["clusterE"][matched], kind="stable")]
        found[tracks.offsets[clusters.event_index()[matched]] + clusters["trackIndex"][matched]] = matched
        return found

    def first_source(self, collection: str) -> int:
        """Number of the first detector object of a collection among all sources."""
        n = self.events["Tracks"].size
        return {"Tracks": 0, "ECLClusters": n, "KLMClusters": n + self.events["ECLClusters"].size}[collection]
