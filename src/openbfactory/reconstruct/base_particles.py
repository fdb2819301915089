"""Final-state particles from detector objects: every track, cluster and K_L cluster with a mass hypothesis.

Tracks have their momentum at the point of closest approach to the origin,
photons point from the interaction point to the cluster.  The direction of a
K_L is that of its cluster; its momentum is not measured: that of a calorimeter
cluster is set to the visible energy, that of a KLM cluster to the number of
layers times a constant (``data/standard_lists.yaml``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openbfactory.events.record import Jagged
from openbfactory.kinematics.helix import momenta_at_poca
from openbfactory.physics.particles import mass, species_table
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.particles import ECL_CLUSTER, GENERATED, KLM_CLUSTER, TRACK
from openbfactory.reconstruct.photons import photon_list

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

PHOTON, KLONG = 22, 130
#: PDG codes of negatively charged particles whose code is positive
LEPTONS = (11, 13)


def track_particles(owner: Reconstruction, code: int) -> Index:
    """Rows of all tracks as particles of a (positive) PDG code and, by charge, its antiparticle."""
    tracks, helix = owner.events["Tracks"], owner.helices()
    momentum = momenta_at_poca(helix, owner.field)
    energy = np.sqrt(np.sum(momentum**2, axis=1) + mass(code) ** 2)
    charge = tracks["charge"].astype(np.int64)
    flavour = np.sign(charge) * (-1 if code in LEPTONS else 1)
    n = len(helix)
    vertex = np.column_stack([helix[:, 0] * np.sin(helix[:, 1]), -helix[:, 0] * np.cos(helix[:, 1]), helix[:, 3]])
    return owner.particles.append(
        np.empty((n, 0), np.int64), np.arange(n)[:, None], p4=np.column_stack([energy, momentum]), vertex=vertex,
        pdg=code * flavour, charge=charge, flavour=flavour, kind=TRACK, row=np.arange(n), event=tracks.event_index())


def _cluster_particles(owner: Reconstruction, clusters: Jagged, keep: Index, first: int, p4: Array, code: int,
                       kind: int) -> Index:
    """Rows of neutral particles from the clusters ``keep``."""
    return owner.particles.append(
        np.empty((len(keep), 0), np.int64), (first + keep)[:, None], p4=p4, vertex=owner.ip, pdg=code, charge=0,
        flavour=0, kind=kind, row=keep, event=clusters.event_index()[keep])


def all_photons(clusters: Jagged, ip: Array) -> Array:
    """Four-momenta (n, 4) [GeV] of all calorimeter clusters as photons from the interaction point."""
    return photon_list(clusters, InclusiveTagConfig(), ip).p4


def photon_particles(owner: Reconstruction) -> Index:
    """Rows of all calorimeter clusters without track as photons."""
    clusters = owner.events["ECLClusters"]
    keep = np.flatnonzero(clusters["clusterTrackMatch"] == 0)
    p4 = owner.cluster_p4()[keep]
    return _cluster_particles(owner, clusters, keep, owner.first_source("ECLClusters"), p4, PHOTON, ECL_CLUSTER)


def klong_ecl_particles(owner: Reconstruction) -> Index:
    """Rows of all calorimeter clusters without track as K_L."""
    clusters = owner.events["ECLClusters"]
    keep = np.flatnonzero(clusters["clusterTrackMatch"] == 0)
    p4 = owner.cluster_p4()[keep]
    p4[:, 0] = np.sqrt(np.sum(p4[:, 1:] ** 2, axis=1) + mass(KLONG) ** 2)
    return _cluster_particles(owner, clusters, keep, owner.first_source("ECLClusters"), p4, KLONG, ECL_CLUSTER)


def klong_klm_particles(owner: Reconstruction, momentum_per_layer: float) -> Index:
    """Rows of all clusters of the K_L and muon detector without track as K_L."""
    clusters = owner.events["KLMClusters"]
    keep = np.flatnonzero(clusters["trackIndex"] < 0)
    theta, phi = clusters["klmClusterTheta"][keep], clusters["klmClusterPhi"][keep]
    p = momentum_per_layer * np.maximum(clusters["klmClusterLayers"][keep], 1)
    p4 = np.column_stack([np.hypot(p, mass(KLONG)), p * np.sin(theta) * np.cos(phi), p * np.sin(theta) * np.sin(phi),
                          p * np.cos(theta)])
    return _cluster_particles(owner, clusters, keep, owner.first_source("KLMClusters"), p4, KLONG, KLM_CLUSTER)


def generated_particles(owner: Reconstruction) -> Index:
    """Rows of all generated particles in their order, made once; none for data."""
    return owner.cached("generated", lambda: _generated_rows(owner))


def _generated_rows(owner: Reconstruction) -> Index:
    if "MCParticles" not in owner.events.lists:
        return np.empty(0, np.int64)
    truth = owner.events["MCParticles"]
    n, code = truth.size, truth["PDG"].astype(np.int64)
    kinds, inverse = np.unique(code, return_inverse=True)
    charges = {s.pdg: s.charge3 // 3 for s in species_table().values()}
    known = np.array([code != 0 and -int(code) in charges for code in kinds])
    first = owner.first_source("KLMClusters") + (owner.events["KLMClusters"].size
                                                 if "KLMClusters" in owner.events.lists else 0)
    return owner.particles.append(
        np.empty((n, 0), np.int64), (first + np.arange(n))[:, None],
        p4=np.column_stack([truth[c] for c in ("E", "px", "py", "pz")]),
        vertex=np.column_stack([truth[c] for c in "xyz"]), pdg=code,
        charge=np.array([charges.get(int(k), 0) for k in kinds], np.int64)[inverse],
        flavour=np.where(known[inverse], np.sign(code), 0), kind=GENERATED, row=np.arange(n),
        event=truth.event_index(), mc=np.arange(n))
