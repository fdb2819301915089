"""Photons against beam background and against other clusters that look like photons: two trained probabilities.

Method: logistic regression, ``p = 1 / (1 + exp(-w x))``, with the inputs of basf2's classifiers of these names (those
of the campaign MC16): time, pulse shape, energy, polar angle, and for fake photons the distance to the nearest track.
The features x are chosen so that the logarithm of the likelihood ratio is close to linear in them::

    1, min((t / dt99)^2, 10), ln dt99, ln E, (ln E)^2, forward, backward, logit(pulse shape), ln d, (ln d)^2

with absent inputs (no pulse shape, no track) as 0 and an indicator each.  The weights are in
``data/photon_suppression.yaml``; ``python -m validation.photon_training`` makes them from simulated events.

Approximation: linear where basf2 has boosted trees; trained on the packaged card, so that only another training follows
another detector.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import Config, load

Array = npt.NDArray[np.float64]

FILE = Path(str(files("openbfactory.reconstruct"))) / "data" / "photon_suppression.yaml"
#: features of both classifiers, and those that only fake photons have
FEATURES = ("one", "time", "log_dt99", "log_energy", "log_energy_squared", "forward", "backward", "pulse_shape",
            "has_pulse_shape")
DISTANCE = ("log_distance", "log_distance_squared", "has_track")
#: largest (t / dt99)^2 and smallest distance [cm]
LATEST, NEAREST = 10.0, 0.1


class Weights(Config):
    """Weights by feature."""

    weights: dict[str, float]
    source: str


class PhotonSuppression(Config):
    """Content of ``data/photon_suppression.yaml``."""

    beamBackgroundSuppression: Weights
    fakePhotonSuppression: Weights


@cache
def packaged() -> PhotonSuppression:
    """The packaged weights."""
    return load(FILE, PhotonSuppression)


def features(energy: Array, region: Array, time: Array, dt99: Array, pulse: Array, distance: Array) -> dict[str, Array]:
    """Features (n,) by name.

    Parameters
    ----------
    energy
        ``clusterE`` [GeV].
    region
        ``clusterReg``.
    time, dt99
        ``clusterTiming`` and ``clusterErrorTiming`` [ns].
    pulse
        ``clusterPulseShapeDiscriminationMVA``, NaN where absent.
    distance
        ``minC2TDist`` [cm], NaN without tracks.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, log_energy = (time / dt99) ** 2, np.log(energy)
        shape = np.clip(pulse, 1e-6, 1.0 - 1e-6)
        logit, away = np.log(shape / (1.0 - shape)), np.log(np.maximum(distance, NEAREST))
    has, near = np.isfinite(pulse), np.isfinite(distance)
    found = {"one": np.ones(len(energy)), "time": np.minimum(ratio, LATEST), "log_dt99": np.log(dt99),
             "log_energy": log_energy, "log_energy_squared": log_energy**2, "forward": (region == 1).astype(float),
             "backward": (region == 3).astype(float), "pulse_shape": np.where(has, logit, 0.0),
             "has_pulse_shape": has.astype(float), "log_distance": np.where(near, away, 0.0),
             "log_distance_squared": np.where(near, away**2, 0.0), "has_track": near.astype(float)}
    return {name: np.asarray(values, np.float64) for name, values in found.items()}


def probability(of: dict[str, Array], weights: Weights) -> Array:
    """Probability (n,) of a photon: features times weights through the logistic function."""
    score = sum((w * of[name] for name, w in weights.weights.items()), np.zeros(len(of["one"])))
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0))))
