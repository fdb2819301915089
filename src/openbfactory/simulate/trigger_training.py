"""Training of the network of the three-dimensional track trigger, for the drift chamber of a card.

Method: single tracks from the beam line, flat in charge over pT and in polar
angle, half of them flat in |z| < ``Z_SCALE``, half near the origin, leave the
segments that :mod:`openbfactory.simulate.segments` gives them; the network learns
z and theta by least squares with Adam (D. P. Kingma and J. Ba, arXiv:1412.6980),
the step falling like half a cosine to 0.  One seed gives one network on one machine;
on another, sums of another order change the last digits.

Approximation: tracks of the origin in the transverse plane (d0 = 0) without scattering.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import CardError
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.experiment.card import Card
from openbfactory.experiment.network import DIGITS, Network, geometry
from openbfactory.simulate.segments import network_sample, track_in_three
from openbfactory.simulate.trigger_card import network_numbers, segment_numbers

Array = npt.NDArray[Any]

#: |z| [cm] that the outputs reach, and up to which tracks are made; width of those near the origin
Z_SCALE, Z_NEAR = 100.0, 25.0
#: least transverse momentum over that of the trigger tracks
LEAST = 0.85
#: hidden neurons an input (basf2-neurotrigger: 81 for 27 inputs)
NEURONS = 3
#: weight of theta in the loss
THETA_WEIGHT = 0.1
BATCH, STEP = 256, 4e-3
#: moments of Adam and the guard of its denominator
DECAY1, DECAY2, GUARD = 0.9, 0.999, 1e-8


def training_tracks(card: Card, tracks: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Inputs (n, 3 superlayers) and targets (n, 2: z [cm], theta [rad]) of those of ``tracks`` tracks that are found.

    Raises
    ------
    CardError
        For a card without track segments, or one whose tracks leave too few.
    """
    detector = card.detector
    numbers = segment_numbers(detector)
    if detector.trigger.segments is None:
        message = f"card '{card.name}' has no track segments (detector.trigger.segments): nothing to train"
        raise CardError(message)
    limits = detector.tracking.acceptance
    curvature = detector.field.value * pt_per_tesla_cm / (LEAST * detector.trigger.tracks.least_pt.value)
    theta = rng.uniform(limits.min.value, limits.max.value, tracks)
    near = rng.random(tracks) < 0.5
    z = np.where(near, Z_NEAR * rng.standard_normal(tracks), rng.uniform(-Z_SCALE, Z_SCALE, tracks))
    helix = np.column_stack([np.zeros(tracks), rng.uniform(-np.pi, np.pi, tracks),
                             rng.uniform(-curvature, curvature, tracks), z, 1.0 / np.tan(theta)])
    inputs = np.zeros((tracks, 3 * len(numbers.superlayers)), np.float32)
    found = network_sample(helix, numbers, rng, inputs) & (np.abs(z) < Z_SCALE)
    if found.sum() < BATCH:
        message = f"card '{card.name}': only {found.sum()} of {tracks} tracks make a neural track"
        raise CardError(message)
    return inputs[found], np.column_stack([z, theta])[found]


def train_network(card: Card, *, seed: int = 1, tracks: int = 1_500_000, epochs: int = 80,
                  report: Callable[[int, float], None] = lambda epoch, loss: None) -> Network:
    """Network of the track trigger for the drift chamber of a card.

    Parameters
    ----------
    tracks, epochs
        Simulated tracks, and how often each is seen.
    report
        Called after every epoch with its number and the mean loss.

    Raises
    ------
    CardError
        For a card without track segments, or one whose tracks leave too few.
    """
    rng = np.random.default_rng(seed)
    inputs, targets = training_tracks(card, tracks, rng)
    limits = card.detector.tracking.acceptance
    low, high = limits.min.value, limits.max.value
    scaled = np.column_stack([targets[:, 0] / Z_SCALE, (2.0 * targets[:, 1] - low - high) / (high - low)])
    weights = fit_weights(inputs, scaled.astype(np.float32), NEURONS * inputs.shape[1], epochs, rng,
                          report)
    rounded = [np.array([[float(f"{v:.{DIGITS}g}") for v in row] for row in w.T]) for w in weights]
    return Network(geometry=geometry(card.detector), seed=seed, tracks=tracks, epochs=epochs, z_scale=Z_SCALE,
                   theta_min=low, theta_max=high, hidden=rounded[0].tolist(), output=rounded[1].tolist())


def fit_weights(inputs: Array, targets: Array, neurons: int, epochs: int, rng: np.random.Generator,
                report: Callable[[int, float], None]) -> tuple[Array, Array]:
    """Weights (inputs + 1, neurons) and (neurons + 1, outputs), thresholds last, of a network fitted to targets."""
    rows, wide = inputs.shape
    inputs = np.column_stack([inputs, np.ones(rows, np.float32)])
    weights = [(rng.standard_normal((wide + 1, neurons)) / np.sqrt(wide)).astype(np.float32),
               (rng.standard_normal((neurons + 1, targets.shape[1])) / np.sqrt(neurons)).astype(np.float32)]
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    scale = np.array([1.0, THETA_WEIGHT], np.float32)
    batches, step = rows // BATCH, 0
    hidden = np.ones((BATCH, neurons + 1), np.float32)
    for epoch in range(epochs):
        order, loss = rng.permutation(rows), 0.0
        for batch in range(batches):
            chosen = order[batch * BATCH:(batch + 1) * BATCH]
            x = inputs[chosen]
            np.tanh(x @ weights[0], out=hidden[:, :-1])
            out = np.tanh(hidden @ weights[1])
            residual = out - targets[chosen]
            loss += float((scale * residual * residual).sum())
            slope = scale * residual * (1.0 - out * out) / BATCH
            back = (slope @ weights[1][:-1].T) * (1.0 - hidden[:, :-1] ** 2)
            rate = np.float32(STEP * 0.5 * (1.0 + np.cos(np.pi * step / (epochs * batches))))
            step += 1
            for w, (m, v), gradient in zip(weights, moments, (x.T @ back, hidden.T @ slope), strict=True):
                m += (1.0 - DECAY1) * (gradient - m)
                v += (1.0 - DECAY2) * (gradient * gradient - v)
                w -= rate * (m / (1.0 - DECAY1**step)) / (np.sqrt(v / (1.0 - DECAY2**step)) + GUARD)
        report(epoch, loss / (batches * BATCH))
    return weights[0], weights[1]


def neural_tracks(card: Card, network: Network, pt: float, z: float, tracks: int, seed: int = 1,
                  theta: tuple[float, float] = (0.7, 2.0)) -> Array:
    """Trigger tracks (n, 6) of ``tracks`` tracks of one pT [GeV] from one z [cm] on the beam line.

    Columns as in :func:`openbfactory.simulate.segments.track_in_three`, then the true polar angle [rad], which is flat
    in its cosine between the angles ``theta``.
    """
    rng = np.random.default_rng(seed)
    tangent = 1.0 / np.tan(np.arccos(rng.uniform(np.cos(theta[1]), np.cos(theta[0]), tracks)))
    omega = card.detector.field.value * pt_per_tesla_cm / pt * rng.choice([-1.0, 1.0], tracks)
    helix = np.column_stack([np.zeros(tracks), rng.uniform(-np.pi, np.pi, tracks), omega, np.full(tracks, z), tangent])
    found = track_in_three(helix, segment_numbers(card.detector), network_numbers(network), rng)
    return np.column_stack([found, np.arctan2(1.0, tangent)])


def half_width(values: Array) -> float:
    """Half of the width of the central 68.3 % of values."""
    low, high = np.quantile(values, [0.1587, 0.8413])
    return float(high - low) / 2.0
