"""Clusters as measurements of neutral particles: energy and angles with their covariance, from the card.

``sigma_E / E = noise / E (+) stochastic / E^(1/4) (+) constant`` times the factor of the region; the position is known
to ``k / sqrt(E)`` in both directions across the line of sight at the distance of the cluster.

K_L clusters have angles alone, with the resolution of the card, at one nominal distance.

Approximation: Gaussian, without the tail of leakage to low energies; the resolution is taken at the measured energy;
clusters outside of every region count as those of the worst one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.events.record import Jagged
from openbfactory.experiment.detector import Calorimeter, Detector
from openbfactory.reconstruct.finders import finder_defaults

Array = npt.NDArray[np.float64]

#: number of each region in the event data model
REGIONS = {"forward": 1, "barrel": 2, "backward": 3}


def cluster_measurements(clusters: Jagged, calorimeter: Calorimeter) -> tuple[Array, Array]:
    """Energy [GeV], theta, phi, distance [cm] (n, 4), and upper triangles (n, 6) of the covariance of the first three.

    Parameters
    ----------
    clusters
        ``ECLClusters`` of the events.
    calorimeter
        The calorimeter of the detector card.
    """
    columns = [np.asarray(clusters[name], np.float64)
               for name in ("clusterE", "clusterTheta", "clusterPhi", "clusterR")]
    energy, theta, _, distance = columns
    terms, region = calorimeter.resolution, np.asarray(clusters["clusterReg"])
    factors = {REGIONS[r.name]: r.resolution_factor.value for r in calorimeter.regions}
    factor = np.full(len(energy), max(factors.values()))
    for number, value in factors.items():
        factor[region == number] = value
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.sqrt((terms.noise.value / energy) ** 2 + terms.stochastic.value**2 / np.sqrt(energy)
                           + terms.constant.value**2)
        spread = calorimeter.position.value / (np.sqrt(energy) * distance)
        covariance = np.zeros((len(energy), 6))
        covariance[:, 0] = (energy * relative * factor) ** 2
        covariance[:, 3] = spread**2
        covariance[:, 5] = (spread / np.sin(theta)) ** 2
    return np.column_stack(columns), covariance


def klm_measurements(clusters: Jagged, detector: Detector) -> tuple[Array, Array]:
    """Energy (0, not measured), theta, phi, distance [cm] (n, 4) of K_L clusters, and their covariance (n, 6)."""
    theta, phi = (np.asarray(clusters[name], np.float64) for name in ("klmClusterTheta", "klmClusterPhi"))
    card, n = detector.klm, len(theta)
    barrel = (theta > card.barrel.min.value) & (theta < card.barrel.max.value)
    sigma = np.where(barrel, card.resolution_barrel.value, card.resolution_endcap.value)
    covariance = np.zeros((n, 6))
    covariance[:, 3] = sigma**2
    covariance[:, 5] = (sigma / np.sin(theta)) ** 2
    return np.column_stack([np.zeros(n), theta, phi, np.full(n, finder_defaults()["klm_distance"])]), covariance


def neutral_measurements(lists: dict[str, Jagged], detector: Detector) -> tuple[Array, Array]:
    """Measurements of all calorimeter clusters and after them of all K_L clusters, as of the functions above."""
    cluster, covariance = cluster_measurements(lists["ECLClusters"], detector.ecl)
    if "KLMClusters" not in lists:
        return cluster, covariance
    more, more_covariance = klm_measurements(lists["KLMClusters"], detector)
    return np.concatenate([cluster, more]), np.concatenate([covariance, more_covariance])
