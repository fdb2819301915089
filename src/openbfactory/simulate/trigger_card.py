"""The trigger's numbers of a card as tuples of scalars and arrays that kernels take; everything is native."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.events.trigger import L1_LINES
from openbfactory.experiment.card import Card
from openbfactory.experiment.detector import Detector
from openbfactory.experiment.network import Network
from openbfactory.simulate.parameters import layer_rows

Array = npt.NDArray[Any]


class SegmentNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.segments`.

    ``superlayers`` (k, 5): radius, z_min, z_max [cm], cells, tangent of the stereo angle (0 for axial wires).
    """

    field: float
    superlayers: Array
    efficiency: float
    noise: float
    window: float
    known_side: float
    position: float
    event_time: float
    least_axial: int
    least_stereo: int


class NetworkNumbers(NamedTuple):
    """Weights of the network, single precision: ``hidden`` (inputs + 1, n), ``output`` (2, n + 1), last thresholds."""

    hidden: Array
    output: Array
    z_scale: float
    theta_mean: float
    theta_scale: float


class TriggerNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.trigger`.

    ``opening`` is a cosine, ``total`` (5,) the four-momentum of the beams [E, px, py, pz, mass], ``prescales`` in the
    order of the lines; without track segments ``segments`` has no superlayers.
    """

    field: float
    least_pt: float
    least_hits: int
    efficiency: float
    opening: float
    single_momentum: float
    neural_z: float
    least_energy: float
    total_energy: float
    low_energy: float
    high_energy: float
    single_energy: float
    photon_energy: float
    barrel_min: float
    barrel_max: float
    bhabha_least: float
    bhabha_large: float
    bhabha_angle: float
    skim_tracks: int
    skim_pt: float
    skim_dr: float
    skim_dz: float
    skim_fraction: float
    total: Array
    prescales: Array
    segments: SegmentNumbers
    network: NetworkNumbers


def segment_numbers(detector: Detector) -> SegmentNumbers:
    """Numbers of the track segments; no superlayers where the card has none."""
    card, field = detector.trigger.segments, detector.field.value
    if card is None:
        return SegmentNumbers(field, np.zeros((0, 5)), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    rows = layer_rows(detector.tracking.layers)
    rows = rows[(rows[:, 3] == 2) & (rows[:, 4] > 0)]
    superlayers = np.column_stack([rows[:, :3], np.array(card.cells, float), rows[:, 9]])
    return SegmentNumbers(field, superlayers, card.efficiency.value, card.noise.value, card.window.value,
                          card.known_side.value, card.position.value, card.event_time.value, card.least_axial,
                          card.least_stereo)


def network_numbers(network: Network | None) -> NetworkNumbers:
    """Numbers of the network; one without neurons where there is none."""
    if network is None:
        return NetworkNumbers(np.zeros((1, 0), np.float32), np.zeros((2, 1), np.float32), 1.0, 0.0, 1.0)
    return NetworkNumbers(
        np.ascontiguousarray(np.array(network.hidden, np.float32).T), np.array(network.output, np.float32),
        network.z_scale, (network.theta_min + network.theta_max) / 2, (network.theta_max - network.theta_min) / 2)


def trigger_numbers(card: Card) -> TriggerNumbers:
    """Numbers of the trigger."""
    trigger, machine = card.detector.trigger, card.machine
    t, c, b, h, segments = trigger.tracks, trigger.clusters, trigger.bhabha, trigger.hadron_skim, trigger.segments
    return TriggerNumbers(
        card.detector.field.value, t.least_pt.value, t.least_hits, t.efficiency.value, float(np.cos(t.opening.value)),
        t.single_momentum.value, t.neural_z.value,
        c.least_energy.value, c.total_energy.value, c.low_energy.value, c.high_energy.value, c.single_energy.value,
        c.photon_energy.value, c.theta_min.value, c.theta_max.value,
        b.least_energy.value, b.large_energy.value, b.angle.value,
        h.least_tracks, h.least_pt.value, h.dr.value, h.dz.value, h.visible_fraction.value,
        np.array([*machine.p4, machine.sqrt_s]),
        np.array([getattr(trigger.prescales, line) for line in L1_LINES], float),
        segment_numbers(card.detector), network_numbers(None if segments is None else segments.network))
