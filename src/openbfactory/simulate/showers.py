"""Shapes of the showers of clusters and of their pulses.

Method: one hidden number t says how photon-like the shower of a cluster is, another one, h, how photon-like its pulses
are.  Photons have t, h ~ N(0, 1); hadrons t ~ N(-d(E), 1) and, where they leave hadronic light, h ~ N(-D(E), 1), with
the separations d and D of the card.  Split-offs and beam background lie between the two.  The discriminants are the
probabilities of a photon against a hadron, with equal numbers of both::

    clusterZernikeMVA = 1 / (1 + exp(-d t - d^2 / 2))
    clusterPulseShapeDiscriminationMVA = g(h) / (g(h) + (1 - f) g(h) + f g(h + D)),  g the normal density

with f the fraction of hadronic showers with hadronic light (charge exchange to pi0 leaves none).  The other shape
variables are Gaussian around the means of the card, correlated with t; at low energies few crystals are above threshold
and showers look narrow.  A merged neighbour makes t smaller.  Pulse shapes need a crystal above the card's threshold.

Approximation: no dependence on the angle and on the impact point, no correlation of t and h within a kind, no single
Zernike moments; crystals are counted, not placed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.core.kernels import kernel
from openbfactory.experiment.detector import Detector
from openbfactory.experiment.showers import Shape
from openbfactory.simulate.draws import interpolate

Array = npt.NDArray[Any]

#: kinds of deposits
PHOTON, MINIMUM_IONISING, HADRON, SPLIT_OFF, BACKGROUND = range(5)
#: columns of the shapes, in the order of :func:`measure_shapes`
COLUMNS = ("clusterE1E9", "clusterE9E21", "clusterLAT", "clusterSecondMoment", "clusterNHits", "clusterHighestE",
           "clusterZernikeMVA", "clusterHasPulseShapeDiscrimination", "clusterPulseShapeDiscriminationMVA")
#: spread of the number of crystals in units of a Poisson spread
CRYSTAL_SPREAD = 0.7


class ShowerNumbers(NamedTuple):
    """Numbers of :func:`measure_shapes`.

    ``shapes`` (5, 9) by kind: mean and deviation of E1E9, E9E21, LAT, second moment, and crystals; ``kinds`` (5, 2):
    shape and hadronic light; ``numbers``: correlation, crystal loss, number and energy of crystals, overlap, threshold
    of the pulses (infinite without).
    """

    shapes: Array
    kinds: Array
    numbers: Array
    energy: Array
    separation: Array
    pulse_energy: Array
    pulse_separation: Array


def _row(shape: Shape) -> Array:
    pairs = (shape.E1E9, shape.E9E21, shape.LAT, shape.second_moment)
    return np.array([q.value for pair in pairs for q in pair] + [shape.crystals.value])


def shower_numbers(detector: Detector) -> ShowerNumbers:
    """Numbers of the shower shapes of a card."""
    card = detector.ecl.shower
    photon, hadron, least = (_row(s) for s in (card.shapes.photon, card.shapes.hadron, card.shapes.minimum_ionising))
    kinds = np.array([[0.0, 0.0]] + [[k.shape.value, k.hadronic_light.value] for k in (
        card.kinds.minimum_ionising, card.kinds.hadron, card.kinds.split_off, card.kinds.background)])
    shapes = photon + kinds[:, :1] * (hadron - photon)
    shapes[MINIMUM_IONISING] = least
    pulse = card.pulse
    return ShowerNumbers(
        shapes, kinds,
        np.array([card.correlation.value, card.crystal_loss.value, card.crystals.number.value,
                  card.crystals.energy.value, card.overlap.value, pulse.threshold.value if pulse else math.inf]),
        np.array(card.shape_separation.x, float), np.array(card.shape_separation.y, float),
        np.array(pulse.separation.x if pulse else [1.0], float),
        np.array(pulse.separation.y if pulse else [0.0], float))


@kernel
def reflected(x: float) -> float:
    """The number reflected into [0, 1]."""
    x = abs(x)
    if x > 1.0:
        x = 2.0 - x
    return min(max(x, 0.0), 1.0)


@kernel
def pulse_discriminant(h: float, separation: float, light: float) -> float:
    """Probability of a photon at ``h``, with ``light`` the fraction of hadronic showers with hadronic light."""
    # ratio of the densities of the hadronic part and of photons at h
    ratio = math.exp(min(-separation * h - 0.5 * separation * separation, 700.0))
    return 1.0 / (2.0 - light + light * ratio)


@kernel
def draw_shapes(clusters: Array, card: ShowerNumbers, rng: np.random.Generator, out: Array) -> None:
    """Write the shapes (n, 9) of clusters."""
    rho, loss_energy, per_log, log_energy, overlap, threshold = (
        card.numbers[0], card.numbers[1], card.numbers[2], card.numbers[3], card.numbers[4], card.numbers[5])
    free = math.sqrt(1.0 - rho * rho)
    for j in range(len(clusters)):
        energy, kind = clusters[j, 0], int(clusters[j, 7])
        shape, row = card.shapes[kind], out[j]
        own = rng.standard_normal() - overlap * clusters[j, 8]
        d = interpolate(energy, card.energy, card.separation)
        t = own - card.kinds[kind, 0] * d
        full = 1.0 - math.exp(-energy / loss_energy)
        common = rho * own
        row[0] = reflected(1.0 - (1.0 - shape[0]) * full + shape[1] * (common + free * rng.standard_normal()))
        row[1] = reflected(1.0 - (1.0 - shape[2]) * full + shape[3] * (common + free * rng.standard_normal()))
        row[2] = reflected(shape[4] * full - shape[5] * (common + free * rng.standard_normal()))
        row[3] = shape[6] * full * math.exp(-shape[7] * (common + free * rng.standard_normal()))
        mean = shape[8] * per_log * math.log(1.0 + energy / log_energy)
        spread = CRYSTAL_SPREAD * math.sqrt(mean) * (free * rng.standard_normal() - common)
        row[4] = 1.0 + max(math.floor(mean + spread + 0.5), 0.0)
        row[5] = energy * row[0] * row[1]
        row[6] = 1.0 / (1.0 + math.exp(-d * t - 0.5 * d * d))
        row[7], row[8] = 0.0, math.nan
        if row[5] > threshold:
            separation = interpolate(energy, card.pulse_energy, card.pulse_separation)
            h = rng.standard_normal()
            if rng.random() < card.kinds[kind, 1]:
                h -= separation
            row[7], row[8] = 1.0, pulse_discriminant(h, separation, card.kinds[2, 1])


def measure_shapes(clusters: Array, card: ShowerNumbers, rng: np.random.Generator) -> Array:
    """Shapes (n, 9) of clusters after merging, in the order of :data:`COLUMNS`.

    Parameters
    ----------
    clusters : (n, WIDTH)
        Columns of :mod:`openbfactory.simulate.clusters`: energy first, kind and share of merged neighbours in 7 and 8.
    """
    out = np.empty((len(clusters), 9))
    draw_shapes(clusters, card, rng, out)
    return out
