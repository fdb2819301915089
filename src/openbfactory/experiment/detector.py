"""The detector of a card: what every subdetector measures, as numbers with sources.

A card describes kinds of devices, not one experiment: nothing here (or in the
simulation) knows which detector it is.  The formulas that use these numbers are
in the modules of :mod:`openbfactory.simulate`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import (
    Angle,
    AngleResolution,
    EfficiencyOfEnergy,
    EfficiencyOfLength,
    Energy,
    EnergyResolution,
    Field_,
    Fraction,
    Length,
    LengthRootEnergy,
    Number,
    NumberOfEnergy,
    PositiveNumber,
    RelativeResolution,
    SignedLength,
    Time,
    TimeEnergy,
)
from openbfactory.experiment.layers import LayerTable
from openbfactory.experiment.misalignment import Misalignment
from openbfactory.experiment.outline import DetectorOutline, Outline
from openbfactory.experiment.showers import ShowerShapes
from openbfactory.experiment.tracks import Clones, EnergyLoss, Fakes
from openbfactory.experiment.trigger import Trigger


class AngularRange(Config):
    """Range of polar angle."""

    min: Angle
    max: Angle


def _ordered(angles: AngularRange) -> AngularRange:
    if angles.min.value >= angles.max.value:
        raise PydanticCustomError("range_inverted", "min below max")
    return angles


Acceptance = Annotated[AngularRange, AfterValidator(_ordered)]


class Inflation(Config):
    """Factors to the standard deviations of the helix that follow from the layers."""

    d0: PositiveNumber
    phi0: PositiveNumber
    omega: PositiveNumber
    z0: PositiveNumber
    tanLambda: PositiveNumber


class Tails(Config):
    """A fraction of the tracks has all deviations larger by ``scale``."""

    fraction: Fraction
    scale: Number


class Tracking(Config):
    """Track finding and track parameters.

    ``conversion_factor`` multiplies the efficiency of each track of a photon conversion: narrow pairs share hits.
    """

    acceptance: Acceptance
    layers: LayerTable
    efficiency: EfficiencyOfEnergy
    endcap_factor: Fraction
    barrel: Acceptance
    displacement: EfficiencyOfLength
    minimum_silicon_hits: int = Field(ge=1)
    minimum_drift_hits: int = Field(ge=1)
    inflation: Inflation
    tails: Tails
    energy_loss: EnergyLoss | None = None
    clones: Clones | None = None
    fakes: Fakes | None = None
    wrong_charge: Fraction | None = None
    conversion_factor: Fraction | None = None


class Region(Config):
    """One region of the calorimeter with its beam background."""

    name: Literal["forward", "barrel", "backward"]
    theta: Acceptance
    resolution_factor: Number
    background_rate: Number


class Surface(Config):
    """Front faces: a cylinder closed by two planes."""

    radius: Length
    z_forward: SignedLength
    z_backward: SignedLength


class EnergyResolutionTerms(Config):
    """sigma_E / E = noise / E (+) stochastic / E^(1/4) (+) constant, E in GeV; exponential tail below."""

    noise: RelativeResolution
    stochastic: RelativeResolution
    constant: RelativeResolution
    tail_fraction: Fraction
    tail_length: Number


class Timing(Config):
    """sigma_t = slope / E (+) constant."""

    slope: TimeEnergy
    constant: Time


class ChargedDeposit(Config):
    """Deposits of charged particles."""

    mip_energy: Energy
    mip_width: EnergyResolution
    shower_probability: Fraction
    shower_fraction: Fraction
    shower_spread: RelativeResolution
    annihilation_energy: Energy
    match_efficiency: Fraction


class SplitOff(Config):
    """Extra clusters of hadronic showers: number a hadron, energy, distance to the track."""

    rate: Number
    energy: Energy
    distance: Length


class NeutralHadron(Config):
    """Clusters of a neutral hadron: probability against momentum, mean visible energy."""

    efficiency: EfficiencyOfEnergy
    energy: Energy


class Background(Config):
    """Beam-background clusters: exponential spectrum, flat time."""

    slope: Energy
    time_range: Time


class Calorimeter(Config):
    """The electromagnetic calorimeter."""

    surface: Surface
    regions: tuple[Region, ...] = Field(min_length=1)
    threshold: Energy
    timing_free_energy: Energy
    efficiency: EfficiencyOfEnergy
    resolution: EnergyResolutionTerms
    position: LengthRootEnergy
    timing: Timing
    shower: ShowerShapes
    merge_distance: Length
    charged: ChargedDeposit
    split_off: SplitOff
    k_long: NeutralHadron
    neutron: NeutralHadron
    antineutron: NeutralHadron
    background: Background


class Matter(Config):
    """Processes in the material of the tracker's layers.

    Attributes
    ----------
    interactions
        Nuclear interaction lengths per radiation length.
    kick
        Mean transverse momentum of the hadron that goes on after an interaction.
    least_momentum
        Secondaries below are dropped.
    """

    interactions: Number
    kick: Energy
    least_momentum: Energy


class MuonDetector(Config):
    """The K_L and muon detector.

    Attributes
    ----------
    barrel_minimum_pt
        Least transverse momentum of a charged particle that reaches the barrel.
    match_angle
        Largest angle between a cluster and the track of the particle whose decay in flight made it.
    """

    acceptance: Acceptance
    barrel: Acceptance
    barrel_minimum_pt: Energy
    k_long_efficiency: EfficiencyOfEnergy
    muon_efficiency: EfficiencyOfEnergy
    pion_punch_through: Fraction
    kaon_punch_through: Fraction
    resolution_barrel: AngleResolution
    resolution_endcap: AngleResolution
    match_angle: Angle
    layers: int = Field(ge=1)
    layers_k_long: Number
    layers_muon: NumberOfEnergy


class Ionisation(Config):
    """dE/dx: relative resolution with all ``full_hits`` hits; it scales as 1/sqrt(hits)."""

    kind: Literal["ionisation"]
    name: str
    system: Literal["SVD", "CDC"]
    resolution: RelativeResolution
    full_hits: int = Field(ge=1)
    minimum_hits: int = Field(ge=1)
    outliers: Fraction
    expected_outliers: Fraction | None = None


# ``outliers`` of a device are flat; ``expected_outliers`` is what the likelihood takes them to be (the same where None)
#: subdetectors whose likelihoods have columns of their own
Subdetector = Literal["TOP", "ARICH", "TOF", "ACC"]


class Ring(Config):
    """Ring-imaging or time-of-propagation Cherenkov device: angle resolution of a track."""

    kind: Literal["ring"]
    name: str
    subdetector: Subdetector
    acceptance: Acceptance
    minimum_pt: Energy
    index: Number
    resolution: AngleResolution
    photons: Number
    outliers: Fraction
    expected_outliers: Fraction | None = None


class Flight(Config):
    """Time of flight over ``path`` at normal incidence."""

    kind: Literal["flight"]
    name: str
    subdetector: Subdetector
    acceptance: Acceptance
    minimum_pt: Energy
    path: Length
    resolution: Time
    outliers: Fraction
    expected_outliers: Fraction | None = None


class Threshold(Config):
    """Threshold Cherenkov counter: it fires, or it does not."""

    kind: Literal["threshold"]
    name: str
    subdetector: Subdetector
    acceptance: Acceptance
    minimum_pt: Energy
    index: Number
    photons: Number
    background_photons: Number
    outliers: Fraction


Device = Annotated[Ionisation | Ring | Flight | Threshold, Field(discriminator="kind")]


class Confusion(Config):
    """Fraction of tracks whose devices see another particle (decays in flight, scatters).

    Kaons and muons then look like pions; electrons, pions and protons like kaons.
    """

    electron: Fraction
    muon: Fraction
    pion: Fraction
    kaon: Fraction
    proton: Fraction


class ClusterLikelihood(Config):
    """Likelihood of the matched cluster's energy.

    Attributes
    ----------
    outliers
        Flat fraction.
    electron_mean, electron_width, electron_floor
        Mean of E/p of electrons, and sigma(E) = width p + floor.
    mip_widening
        Width of the minimum-ionising peak over that of the deposits (position, overlaps).
    """

    outliers: Fraction
    electron_mean: Number
    electron_width: RelativeResolution
    electron_floor: EnergyResolution
    mip_widening: Number


class ParticleIdentification(Config):
    """Devices that identify charged particles, besides calorimeter and muon detector.

    ``fake_ring`` is the probability to see a ring of a particle below threshold.
    """

    devices: tuple[Device, ...]
    confusion: Confusion
    ionisation_curve: tuple[Number, Number, Number, Number, Number]
    calorimeter: ClusterLikelihood
    fake_ring: Fraction


class Switches(Config):
    """Deviations of data from simulation: plain factors, 1 for none."""

    track_efficiency: float = Field(default=1.0, ge=0)
    momentum: float = Field(default=1.0, gt=0)
    photon_efficiency: float = Field(default=1.0, ge=0)
    photon_energy: float = Field(default=1.0, gt=0)
    hadronic_energy: float = Field(default=1.0, ge=0)
    split_offs: float = Field(default=1.0, ge=0)
    beam_background: float = Field(default=1.0, ge=0)
    k_long_ecl_efficiency: float = Field(default=1.0, ge=0)
    k_long_klm_efficiency: float = Field(default=1.0, ge=0)
    material: float = Field(default=1.0, ge=0)
    energy_loss: float = Field(default=1.0, ge=0)
    cloned_tracks: float = Field(default=1.0, ge=0)
    fake_tracks: float = Field(default=1.0, ge=0)
    decays_in_flight: float = Field(default=1.0, ge=0)
    pid_resolution: float = Field(default=1.0, gt=0)
    kaon_confusion: float = Field(default=1.0, ge=0)
    pion_confusion: float = Field(default=1.0, ge=0)


class Detector(Config):
    """Everything that turns particles into detector objects."""

    name: str
    field: Field_
    tracking: Tracking
    ecl: Calorimeter
    matter: Matter
    klm: MuonDetector
    pid: ParticleIdentification
    trigger: Trigger
    switches: Switches = Switches()
    outline: DetectorOutline = Outline()
    misalignment: Misalignment = Misalignment()
