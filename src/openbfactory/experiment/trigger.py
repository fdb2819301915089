"""The trigger of a card: thresholds of the first-level lines, prescales, hadron skim.

The meaning of the lines is in :mod:`openbfactory.simulate.trigger`.
"""

from __future__ import annotations

from pydantic import Field

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import Angle, Energy, Fraction, Length, LengthResolution


class TriggerTracks(Config):
    """Tracks of the first level.

    Attributes
    ----------
    least_pt, least_hits, efficiency
        Which found tracks the trigger sees.
    z_resolution
        Resolution of z0 in the track trigger.
    opening
        Least azimuth between the two tracks of ffo.
    single_momentum, single_z
        Momentum and largest distance in z of the track of stt.
    """

    least_pt: Energy
    least_hits: int = Field(ge=1)
    efficiency: Fraction
    z_resolution: LengthResolution
    opening: Angle
    single_momentum: Energy
    single_z: Length


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


class HadronSkim(Config):
    """Tracks above ``least_pt`` within dr and dz of the origin; visible energy over sqrt(s)."""

    least_tracks: int = Field(ge=0)
    least_pt: Energy
    dr: Length
    dz: Length
    visible_fraction: Fraction


class Trigger(Config):
    """The trigger."""

    tracks: TriggerTracks
    clusters: TriggerClusters
    bhabha: Bhabha
    prescales: Prescales
    hadron_skim: HadronSkim
