"""What happens to tracks besides their resolution: energy loss, clones, fakes, as numbers of a card."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import Energy, Fraction, Length, Number


class EnergyLoss(Config):
    """Energy loss in the layers, as track fits correct for it.

    Attributes
    ----------
    hypotheses
        Masses that fits assume; the helix of a particle is that of its own mass where it is listed, else that of a
        pion.
    straggling
        Width of the loss (Gaussian, from the full width at half maximum) over the mean loss of a minimum-ionising
        particle, times beta^2.
    """

    hypotheses: tuple[Literal["electron", "muon", "pion", "kaon", "proton", "deuteron"], ...] = Field(min_length=1)
    straggling: Number


class Clones(Config):
    """Second tracks of one particle.

    Attributes
    ----------
    curling
        Probability for a particle that curls up in the tracker: the way back to the axis, as a track of the opposite
        charge.
    others
        Probability for all others: outer part of the hits.
    """

    curling: Fraction
    others: Fraction


class Fakes(Config):
    """Tracks of hits that do not belong together.

    Attributes
    ----------
    rate
        Mean number an event, before hits are required.
    slope, least_pt
        Exponential spectrum of the transverse momentum above a threshold.
    spread_d0, spread_z0
        Gaussian widths of the impact parameters.
    hit_fraction
        Fraction of the hits on its way that such a track has.
    """

    rate: Number
    slope: Energy
    least_pt: Energy
    spread_d0: Length
    spread_z0: Length
    hit_fraction: Fraction
