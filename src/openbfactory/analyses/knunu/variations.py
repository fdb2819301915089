"""Detector-level variations: the same simulated events reconstructed again with the energies of clusters scaled.

- ``neutralGamma``: energy of clusters of generated photons.
- ``neutralUnmatched``: energy of all other clusters (split-offs, K_L, neutrons, beam background).
- ``KLeff``: whether the cluster of a K_L is there.  Of the simulated ones the nominal reconstruction keeps a part, by a
  random number of its own for each; the variations keep more and fewer of the same, so that they are nested.

A removed cluster has energy 0 and is no photon.  Tracks, identification and trigger do not change.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import FOLDS
from openbfactory.analyses.knunu.modelling import K_LONG, DetectorVariations
from openbfactory.core.random import Address
from openbfactory.events.record import Events

Array = npt.NDArray[Any]

DETECTOR_NAMES = ("neutralGamma", "neutralUnmatched", "KLeff")
#: variation k of a table is ``VARIATIONS[k]``; 0 is nominal
VARIATIONS = ("nominal", *(f"{name}_{side}" for name in DETECTOR_NAMES for side in ("up", "down")))
PHOTON = 22


def is_varied(chunk: int, model: DetectorVariations) -> bool:
    """Whether a chunk has the variations: the first pair of every so many, both folds alike; none for ``every`` 0."""
    return model.every > 0 and chunk // FOLDS % model.every == 0


def cluster_energies(detected: Events, address: Address, model: DetectorVariations, *, varied: bool) -> list[Array]:
    """Energies of all clusters [GeV], (clusters,): nominal and, where asked for, each of :data:`VARIATIONS`.

    Parameters
    ----------
    detected
        Events with ECLClusters and MCParticles.
    address
        Where the random numbers of K_L clusters are drawn.
    """
    clusters, truth = detected["ECLClusters"], detected["MCParticles"]
    local = clusters["mcIndex"].astype(np.int64)
    first = np.repeat(truth.offsets[:-1], clusters.counts)
    code = np.where(local >= 0, np.abs(truth["PDG"][np.maximum(local + first, 0)]), 0)
    photon, klong = code == PHOTON, np.flatnonzero(code == K_LONG)
    drawn = address.generator().random(len(klong))

    def energies(gamma: float, unmatched: float, efficiency: float) -> Array:
        energy: Array = clusters["clusterE"] * np.where(photon, gamma, unmatched)
        energy[klong[drawn >= efficiency]] = 0.0
        return energy

    scale, kept = model.unmatched_scale.value, model.klong_efficiency.value
    found = [energies(1.0, scale, kept)]
    for sign in (1.0, -1.0) if varied else ():
        found.append(energies(1.0 + sign * model.neutralGamma.value, scale, kept))
    for sign in (1.0, -1.0) if varied else ():
        found.append(energies(1.0, scale * (1.0 + sign * model.neutralUnmatched.value), kept))
    for sign in (1.0, -1.0) if varied else ():
        found.append(energies(1.0, scale, kept + sign * model.KLeff.value))
    return found
