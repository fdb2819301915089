"""The trigger of a card: thresholds of the first-level lines, prescales, hadron skim.

The meaning of the lines is in :mod:`openbfactory.simulate.trigger`.
"""

from __future__ import annotations

from pydantic import Field

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import Angle, Energy, Fraction, Length, LengthResolution, Number
from openbfactory.experiment.network import Network


class TriggerTracks(Config):
    """Tracks of the first level.

    Attributes
    ----------
    least_pt, efficiency
        Which found tracks the trigger sees.
    least_hits
        Least number of drift-chamber hits, where the card has no track segments.
    opening
        Least azimuth between the two tracks of ffo and fyo.
    single_momentum
        Least momentum of the neural track of stt.
    neural_z
        Largest distance in z of a neural track from the origin.
    """

    least_pt: Energy
    least_hits: int = Field(default=1, ge=1)
    efficiency: Fraction
    opening: Angle
    single_momentum: Energy
    neural_z: Length


class TrackSegments(Config):
    """Track segments of the drift chamber's superlayers, and the network that makes tracks of three dimensions of them.

    Attributes
    ----------
    cells
        Drift cells around each superlayer, from the inside out.
    efficiency
        Probability of a segment where a track crosses a superlayer.
    noise, window
        Probability that another segment is taken, within +- ``window`` cells of the right one.
    known_side
        Probability that the side on which a track passes a wire is known, times the cosine of the crossing angle.
    position
        Resolution of the drift distance at the first level.
    event_time
        Uncertainty of the time of the event, as a drift distance that is common to all segments.
    least_axial, least_stereo
        Segments of axial superlayers that make a track, of stereo superlayers that make a neural track of it.
    network
        File of the network's weights; None before it is trained.
    """

    cells: tuple[int, ...] = Field(min_length=1)
    efficiency: Fraction
    noise: Fraction
    window: Number
    known_side: Fraction
    position: LengthResolution
    event_time: LengthResolution
    least_axial: int = Field(ge=2)
    least_stereo: int = Field(ge=1)
    network: Network | None = None


class TriggerClusters(Config):
    """Clusters of the first level: least energy, and the thresholds of the lines."""

    least_energy: Energy
    total_energy: Energy
    low_energy: Energy
    high_energy: Energy
    single_energy: Energy
    photon_energy: Energy
    theta_min: Angle
    theta_max: Angle


class Bhabha(Config):
    """Veto of two clusters back to back in the centre of mass, within ``angle``."""

    least_energy: Energy
    large_energy: Energy
    angle: Angle


class Prescales(Config):
    """One event in this number is kept; 0 switches a line off."""

    fff: int = Field(ge=0)
    ffo: int = Field(ge=0)
    stt: int = Field(ge=0)
    hie: int = Field(ge=0)
    c4: int = Field(ge=0)
    lml0: int = Field(ge=0)
    lml1: int = Field(ge=0)
    lml12: int = Field(ge=0)
    cdcklm: int = Field(ge=0)
    single_photon: int = Field(ge=0)
    ffy: int = Field(ge=0)
    fyo: int = Field(ge=0)


class HadronSkim(Config):
    """Tracks above ``least_pt`` within dr and dz of the origin; visible energy over sqrt(s)."""

    least_tracks: int = Field(ge=0)
    least_pt: Energy
    dr: Length
    dz: Length
    visible_fraction: Fraction


class Trigger(Config):
    """The trigger; without ``segments`` there is no trigger track in three dimensions."""

    tracks: TriggerTracks
    segments: TrackSegments | None = None
    clusters: TriggerClusters
    bhabha: Bhabha
    prescales: Prescales
    hadron_skim: HadronSkim
