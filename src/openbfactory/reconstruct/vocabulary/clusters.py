"""Clusters of the calorimeter and of the K_L and muon detector.

A cluster variable of a track is that of the most energetic cluster matched to
it, NaN without one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.definitions import Definition, table
from openbfactory.reconstruct.photon_suppression import Weights, features, packaged, probability
from openbfactory.reconstruct.vectors import length
from openbfactory.reconstruct.view import View, picked

Array = npt.NDArray[np.float64]
D = Definition


def _ecl(name: str) -> Callable[[View], Array]:
    return lambda v: picked(v.owner.events["ECLClusters"][name], v.cluster_rows())


def _shape(name: str) -> Callable[[View], Array]:
    """A column that files may lack: NaN then."""
    def compute(v: View) -> Array:
        column = v.owner.events["ECLClusters"].columns.get(name)
        return np.full(len(v), np.nan) if column is None else picked(column, v.cluster_rows())

    return compute


def _photon(which: str) -> Callable[[View], Array]:
    """Probability of a photon, NaN without a cluster."""
    def compute(v: View) -> Array:
        weights: Weights = getattr(packaged(), which)
        inputs = (_shape(name)(v) for name in ("clusterE", "clusterReg", "clusterTiming", "clusterErrorTiming",
                                               "clusterPulseShapeDiscriminationMVA", "minC2TDist"))
        return np.where(v.cluster_rows() >= 0, probability(features(*inputs), weights), np.nan)

    return compute


def _klm(name: str) -> Callable[[View], Array]:
    return lambda v: _klm_values(v, name)


def _klm_values(v: View, name: str) -> Array:
    lists = v.owner.events.lists
    return picked(lists["KLMClusters"][name], v.klm_rows()) if "KLMClusters" in lists else np.full(len(v), np.nan)


def _resolution(place: int) -> Callable[[View], Array]:
    """Square root of one variance of the cluster, NaN without a detector."""
    def compute(v: View) -> Array:
        measured = v.owner.cluster_measurements()
        return np.full(len(v), np.nan) if measured is None else picked(np.sqrt(measured[1][:, place]), v.cluster_rows())

    return compute


def _where_klm(v: View, values: Array) -> Array:
    return np.where(v.klm_rows() >= 0, values, np.nan)


def _matches(v: View) -> Array:
    """Number of clusters matched to a track."""
    owner = v.owner
    tracks, clusters = owner.events["Tracks"], owner.events["ECLClusters"]
    matched = np.flatnonzero(clusters["trackIndex"] >= 0)
    rows = tracks.offsets[clusters.event_index()[matched]] + clusters["trackIndex"][matched]
    return picked(np.bincount(rows, minlength=tracks.size), v.track_rows())


def _good_belle(v: View) -> Array:
    energy, region = _ecl("clusterE")(v), _ecl("clusterReg")(v)
    limit = np.select([region == 1, region == 2, region == 3], [0.10, 0.05, 0.15], np.nan)
    return np.where(np.isnan(limit), np.nan, energy > limit)


_ECL = (
    D("clusterE", "GeV", "energy of the cluster", _ecl("clusterE")),
    D("clusterTheta", "rad", "polar angle of the cluster seen from the origin", _ecl("clusterTheta")),
    D("clusterPhi", "rad", "azimuth of the cluster seen from the origin", _ecl("clusterPhi")),
    D("clusterR", "cm", "distance of the cluster from the origin", _ecl("clusterR")),
    D("clusterReg", "1", "1 forward, 2 barrel, 3 backward", _ecl("clusterReg")),
    D("clusterTiming", "ns", "time of the cluster", _ecl("clusterTiming")),
    D("clusterErrorTiming", "ns", "99 % half width of the time", _ecl("clusterErrorTiming")),
    D("clusterE1E9", "1", "energy of the central crystal over that of 3 x 3", _ecl("clusterE1E9")),
    D("clusterE9E21", "1", "energy of 3 x 3 crystals over that of 5 x 5 without corners", _ecl("clusterE9E21")),
    D("clusterE9E25", "1", "clusterE9E21, by its older name", _ecl("clusterE9E21")),
    D("clusterLAT", "1", "lateral distribution of the energy: about 0.3 for photons, larger for hadrons",
      _shape("clusterLAT")),
    D("clusterSecondMoment", "1", "second moment of the shower, 1 for isolated photons", _shape("clusterSecondMoment")),
    D("clusterNHits", "1", "number of crystals", _shape("clusterNHits")),
    D("clusterHighestE", "GeV", "energy of the crystal with the highest energy", _shape("clusterHighestE")),
    D("clusterZernikeMVA", "1", "discriminant of the Zernike moments: 1 photon, 0 hadron", _shape("clusterZernikeMVA")),
    D("clusterHasPulseShapeDiscrimination", "1", "1 where pulse shapes are known",
      _shape("clusterHasPulseShapeDiscrimination")),
    D("clusterPulseShapeDiscriminationMVA", "1", "discriminant of the pulse shapes: 1 electromagnetic, 0 hadronic, NaN "
      "without pulse shapes", _shape("clusterPulseShapeDiscriminationMVA")),
    D("clusterTrackMatch", "1", "1 where a track is matched to the cluster", _ecl("clusterTrackMatch")),
    D("minC2TDist", "cm", "distance of the cluster to the nearest track", _ecl("minC2TDist")),
    *(D(f"clusterError{name}", unit, f"uncertainty of the cluster's {what}, from the card", _resolution(place))
      for name, unit, what, place in (("E", "GeV", "energy", 0), ("Theta", "rad", "polar angle", 3),
                                      ("Phi", "rad", "azimuth", 5))),
    D("clusterEoP", "1", "energy of the matched cluster over the momentum of the track",
      lambda v: np.where(v.track_rows() >= 0, _ecl("clusterE")(v) / length(v.lab[:, 1:]), np.nan)),
    D("beamBackgroundSuppression", "1", "probability of a photon against beam background, equal numbers of both",
      _photon("beamBackgroundSuppression"), source="basf2-variables; inputs, the weights are trained here"),
    D("fakePhotonSuppression", "1", "probability of a photon against split-offs and other fake photons, equal numbers",
      _photon("fakePhotonSuppression"), source="basf2-variables; inputs, the weights are trained here"),
    D("nECLClusterTrackMatches", "1", "number of clusters matched to the track", _matches),
    D("goodBelleGamma", "1", "1 above 0.10, 0.05, 0.15 GeV in forward, barrel, backward region", _good_belle,
      source="basf2-variables; thresholds recalled, not checked"),
)
_KLM = (
    D("klmClusterTheta", "rad", "polar angle of the KLM cluster", _klm("klmClusterTheta")),
    D("klmClusterPhi", "rad", "azimuth of the KLM cluster", _klm("klmClusterPhi")),
    D("klmClusterLayers", "1", "layers with hits", _klm("klmClusterLayers")),
    D("klmClusterMomentum", "GeV", "momentum given to the K_L: layers times a constant",
      lambda v: _where_klm(v, length(v.lab[:, 1:]))),
    D("klmClusterEnergy", "GeV", "energy given to the K_L", lambda v: _where_klm(v, v.lab[:, 0])),
)
CLUSTERS = table("Clusters", _ECL, _KLM)
