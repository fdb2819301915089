"""The numbers of a card as tuples of scalars and arrays that kernels take.

Everything is native (GeV, cm, ns, T, rad); the card has converted it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from openbfactory.events.columns import SUBDETECTORS
from openbfactory.experiment.detector import (
    Calorimeter,
    Detector,
    Flight,
    Ionisation,
    NeutralHadron,
    Ring,
)
from openbfactory.experiment.dimensions import Curve
from openbfactory.experiment.layers import Layers
from openbfactory.experiment.tracks import EnergyLoss
from openbfactory.simulate.covariance import LAYER_WIDTH
from openbfactory.simulate.energyloss import loss_table
from openbfactory.simulate.species import decay_lengths, species_masses

Array = npt.NDArray[Any]

#: names of the species as mass hypotheses of fits
FITTED = ("electron", "muon", "pion", "kaon", "proton", "deuteron")
SYSTEMS = {"PXD": 0, "SVD": 1, "CDC": 2}
#: Highland's formula: energy [GeV] and factor of the logarithm (pdg2024, eq. 34.16)
HIGHLAND, HIGHLAND_LOG = 0.0136, 0.038
REGION_CODES = {"forward": 1, "barrel": 2, "backward": 3}
KINDS = {"ionisation": 0, "ring": 1, "flight": 2, "threshold": 3}


class TrackingNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.tracking`.

    ``loss`` (k,) of a minimum-ionising particle in the layers [GeV] and ``loss_ratio`` as in
    :mod:`openbfactory.simulate.energyloss`; ``fitted`` (6,) the mass with which each species is fitted [GeV];
    ``ghosts`` (9,): wrong charge; clones of curling particles and of others; rate, slope, threshold, widths and
    hits of fakes.
    """

    field: float
    theta_min: float
    theta_max: float
    barrel_min: float
    barrel_max: float
    efficiency_pt: Array
    efficiency: Array
    endcap_factor: float
    displacement_r: Array
    displacement: Array
    minimum_silicon_hits: int
    minimum_drift_hits: int
    layers: Array
    inflation: Array
    tail_fraction: float
    tail_scale: float
    switch_efficiency: float
    switch_momentum: float
    loss: Array
    loss_ratio: Array
    fitted: Array
    straggling: float
    ghosts: Array
    conversion_factor: float


class TransportNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.transport`.

    ``material`` (k, 5): radius, z_min, z_max, radiation lengths, energy loss; ``whole`` the sum of lengths;
    ``ctau`` (10,) [cm] by species, 0 for those that do not decay in flight.
    """

    field: float
    surface: Array
    material: Array
    whole: float
    interactions: float
    kick: float
    least: float
    ctau: Array
    material_scale: float
    decay_scale: float
    loss_scale: float
    loss_ratio: Array


class CalorimeterNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.ecl`."""

    field: float
    surface: Array
    regions: Array
    threshold: float
    timing_free_energy: float
    efficiency_energy: Array
    efficiency: Array
    resolution: Array
    position: float
    timing: Array
    merge_distance: float
    charged: Array
    split_off: Array
    neutral_p: Array
    neutral_efficiency: Array
    neutral_energy: Array
    background: Array
    switches: Array


class MuonNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.klm`; ``match_angle`` is a cosine."""

    theta: Array
    k_long_p: Array
    k_long: Array
    muon_p: Array
    muon: Array
    punch_through: Array
    resolution: Array
    layers: float
    layers_k_long: float
    layers_p: Array
    layers_muon: Array
    switch_k_long: float
    barrel_pt: float
    match_angle: float
    field: float
    surface: Array


class IdentificationNumbers(NamedTuple):
    """Numbers of :mod:`openbfactory.simulate.pid`.

    ``devices`` (n, 11): kind, system, theta min and max, least pT, three numbers of the kind, outliers, subdetector,
    flat fraction in the likelihood.  ``calorimeter`` (5,): outliers; mean, width and
    floor of electrons; widening of minimum-ionising deposits.
    """

    devices: Array
    confusion: Array
    curve: Array
    calorimeter: Array
    fake_ring: float
    switch_resolution: float


def _curve(curve: Curve) -> tuple[Array, Array]:
    return np.array(curve.x, float), np.array(curve.y, float)


def layer_rows(table: Layers) -> Array:
    """Layers (k, LAYER_WIDTH) of :mod:`openbfactory.simulate.covariance`; material alone has system -1.

    The last column is the share of a layer in Highland's ``theta0^2 p^2 beta^2`` at normal incidence, (13.6 MeV)^2 x
    (1 + 0.038 ln x)^2 (pdg2024, eq. 34.16): the formula up to this layer minus that up to the one before, so that the
    scattering in any number of layers from the inside out is that of their whole material.  Stereo superlayers turn
    alternately.
    """
    through, before = np.cumsum([r.material for r in table.rows]), 0.0
    highland = through * (HIGHLAND * (1.0 + HIGHLAND_LOG * np.log(np.maximum(through, 1e-6)))) ** 2
    rows, sign = [], 1.0
    for r, after in zip(table.rows, highland, strict=True):
        stereo = 0.0
        if r.system == "CDC" and r.resolution_v > 0:
            stereo, sign = sign * r.resolution_u / r.resolution_v, -sign
        rows.append([(r.inner + r.outer) / 2, r.z_min, r.z_max, SYSTEMS.get(r.system, -1), r.hits, r.efficiency,
                     r.coverage, r.resolution_u ** 2, r.resolution_v ** 2, stereo, after - before])
        before = after
    return np.array(rows, float).reshape(-1, LAYER_WIDTH)


def tracking_numbers(detector: Detector) -> TrackingNumbers:
    """Numbers of the tracker."""
    card, switches, g = detector.tracking, detector.switches, detector.tracking.inflation
    return TrackingNumbers(
        detector.field.value, card.acceptance.min.value, card.acceptance.max.value,
        card.barrel.min.value, card.barrel.max.value, *_curve(card.efficiency), card.endcap_factor.value,
        *_curve(card.displacement), card.minimum_silicon_hits, card.minimum_drift_hits,
        layer_rows(card.layers), np.array([f.value for f in (g.d0, g.phi0, g.omega, g.z0, g.tanLambda)]),
        card.tails.fraction.value, card.tails.scale.value, switches.track_efficiency, switches.momentum,
        np.array([r.loss * switches.energy_loss * switches.material for r in card.layers.rows]), loss_table(),
        *_fits(card.energy_loss), _ghosts(detector),
        1.0 if card.conversion_factor is None else card.conversion_factor.value)


def _fits(card: EnergyLoss | None) -> tuple[Array, float]:
    """Mass with which each species is fitted (6,) [GeV], and straggling; without energy loss each has its own."""
    masses = species_masses()[:6]
    if card is None:
        return masses.copy(), 0.0
    fitted = [m if name in card.hypotheses else masses[2] for name, m in zip(FITTED, masses, strict=True)]
    return np.array(fitted), card.straggling.value


def _ghosts(detector: Detector) -> Array:
    """Numbers (9,) of :mod:`openbfactory.simulate.ghosts`; 0 for what the card does not have."""
    card, switches, out = detector.tracking, detector.switches, np.zeros(9)
    if card.wrong_charge is not None:
        out[0] = card.wrong_charge.value
    if card.clones is not None:
        out[1:3] = card.clones.curling.value, card.clones.others.value
        out[1:3] *= switches.cloned_tracks
    if card.fakes is not None:
        f = card.fakes
        out[3:] = [q.value for q in (f.rate, f.slope, f.least_pt, f.spread_d0, f.spread_z0, f.hit_fraction)]
        out[3] *= switches.fake_tracks
    return out


def transport_numbers(detector: Detector) -> TransportNumbers:
    """Numbers of the way through the detector."""
    card, surface, switches = detector.matter, detector.ecl.surface, detector.switches
    material = np.array([[(r.inner + r.outer) / 2, r.z_min, r.z_max, r.material * r.coverage, r.loss * r.coverage]
                         for r in detector.tracking.layers.rows])
    return TransportNumbers(
        detector.field.value, np.array([surface.radius.value, surface.z_forward.value, surface.z_backward.value]),
        material, float(material[:, 3].sum()), card.interactions.value, card.kick.value, card.least_momentum.value,
        decay_lengths(), switches.material, switches.decays_in_flight, switches.material * switches.energy_loss,
        loss_table())


def _neutrals(card: Calorimeter) -> tuple[Array, Array, Array]:
    """Curves of K_L, n and anti-n on one common momentum axis, and mean visible energies."""
    kinds: tuple[NeutralHadron, ...] = (card.k_long, card.neutron, card.antineutron)
    axis = np.unique(np.concatenate([k.efficiency.x for k in kinds])).astype(float)
    values = np.array([np.interp(axis, k.efficiency.x, k.efficiency.y) for k in kinds])
    return axis, values, np.array([k.energy.value for k in kinds])


def calorimeter_numbers(detector: Detector) -> CalorimeterNumbers:
    """Numbers of the calorimeter."""
    card, switches = detector.ecl, detector.switches
    regions = [[REGION_CODES[r.name], r.theta.min.value, r.theta.max.value, r.resolution_factor.value,
                r.background_rate.value] for r in card.regions]
    e, q, s = card.resolution, card.charged, card.split_off
    return CalorimeterNumbers(
        detector.field.value,
        np.array([card.surface.radius.value, card.surface.z_forward.value, card.surface.z_backward.value]),
        np.array(regions, float), card.threshold.value, card.timing_free_energy.value, *_curve(card.efficiency),
        np.array([v.value for v in (e.noise, e.stochastic, e.constant, e.tail_fraction, e.tail_length)]),
        card.position.value, np.array([card.timing.slope.value, card.timing.constant.value]),
        card.merge_distance.value,
        np.array([v.value for v in (q.mip_energy, q.mip_width, q.shower_probability, q.shower_fraction,
                                    q.shower_spread, q.annihilation_energy, q.match_efficiency)]),
        np.array([s.rate.value, s.energy.value, s.distance.value]), *_neutrals(card),
        np.array([card.background.slope.value, card.background.time_range.value]),
        np.array([switches.photon_efficiency, switches.photon_energy, switches.hadronic_energy,
                  switches.split_offs, switches.beam_background, switches.k_long_ecl_efficiency]))


def muon_numbers(detector: Detector) -> MuonNumbers:
    """Numbers of the K_L and muon detector."""
    card, surface = detector.klm, detector.ecl.surface
    return MuonNumbers(
        np.array([card.acceptance.min.value, card.acceptance.max.value, card.barrel.min.value,
                  card.barrel.max.value]),
        *_curve(card.k_long_efficiency), *_curve(card.muon_efficiency),
        np.array([card.pion_punch_through.value, card.kaon_punch_through.value]),
        np.array([card.resolution_barrel.value, card.resolution_endcap.value]), float(card.layers),
        card.layers_k_long.value, *_curve(card.layers_muon), detector.switches.k_long_klm_efficiency,
        card.barrel_minimum_pt.value, float(np.cos(card.match_angle.value)), detector.field.value,
        np.array([surface.radius.value, surface.z_forward.value, surface.z_backward.value]))


def identification_numbers(detector: Detector) -> IdentificationNumbers:
    """Numbers of the particle identification."""
    card = detector.pid
    rows = []
    for d in card.devices:
        if isinstance(d, Ionisation):
            row = [SYSTEMS[d.system], 0.0, np.pi, 0.0, d.resolution.value, d.full_hits, d.minimum_hits]
        else:
            row = [-1, d.acceptance.min.value, d.acceptance.max.value, d.minimum_pt.value]
            if isinstance(d, Ring):
                row += [d.index.value, d.resolution.value, d.photons.value]
            elif isinstance(d, Flight):
                row += [d.path.value, d.resolution.value, 0.0]
            else:
                row += [d.index.value, d.photons.value, d.background_photons.value]
        name = d.system if isinstance(d, Ionisation) else d.subdetector
        expected = getattr(d, "expected_outliers", None) or d.outliers
        rows.append([KINDS[d.kind], *row, d.outliers.value, SUBDETECTORS.index(name), expected.value])
    c, e = card.confusion, card.calorimeter
    return IdentificationNumbers(
        np.array(rows, float).reshape(-1, 11),
        np.array([c.electron.value, c.muon.value, min(c.pion.value * detector.switches.pion_confusion, 1.0),
                  min(c.kaon.value * detector.switches.kaon_confusion, 1.0), c.proton.value]),
        np.array([v.value for v in card.ionisation_curve]),
        np.array([v.value for v in (e.outliers, e.electron_mean, e.electron_width, e.electron_floor, e.mip_widening)]),
        card.fake_ring.value,
        detector.switches.pid_resolution)
