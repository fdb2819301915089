"""Shapes of showers and of their pulses, as numbers of a card; formulas in :mod:`openbfactory.simulate.showers`."""

from __future__ import annotations

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import Energy, Fraction, Number, NumberOfEnergy, PositiveNumber


class Shape(Config):
    """Mean and standard deviation of the shape variables of one kind of deposit, at high energy.

    ``second_moment`` is a median and the standard deviation of its logarithm; ``crystals`` is the number of crystals
    over that of a photon.
    """

    E1E9: tuple[Fraction, Fraction]
    E9E21: tuple[Fraction, Fraction]
    LAT: tuple[Fraction, Fraction]
    second_moment: tuple[PositiveNumber, Number]
    crystals: PositiveNumber


class Shapes(Config):
    """Shapes of the three kinds that others lie between."""

    photon: Shape
    hadron: Shape
    minimum_ionising: Shape


class Crystals(Config):
    """Crystals of a photon: 1 + number ln(1 + E / energy)."""

    number: Number
    energy: Energy


class Kind(Config):
    """How far a kind of deposit lies from photons: 0 like photons, 1 like hadrons.

    Attributes
    ----------
    shape
        Share of the hadrons' distance in the shower shapes.
    hadronic_light
        Fraction of its clusters with pulses of hadrons.
    """

    shape: Fraction
    hadronic_light: Fraction


class Kinds(Config):
    """Every kind of deposit besides photons and electrons."""

    minimum_ionising: Kind
    hadron: Kind
    split_off: Kind
    background: Kind


class PulseShape(Config):
    """Pulse-shape discrimination: needs a crystal above ``threshold``; distance of hadrons from photons in sigma."""

    threshold: Energy
    separation: NumberOfEnergy


class ShowerShapes(Config):
    """Shapes of showers.

    Attributes
    ----------
    shapes
        Means and widths of the shape variables.
    shape_separation
        Distance of hadrons from photons in the discriminant of the Zernike moments, in sigma, against energy.
    correlation
        Correlation of each shape variable with that discriminant.
    crystal_loss
        Energy below which few crystals are above threshold, so that shapes become narrow.
    crystals
        Number of crystals of a photon.
    overlap
        Sigma by which the discriminant moves where all energy comes from a merged neighbour.
    kinds
        Where other deposits lie between photons and hadrons.
    pulse
        Pulse shapes; None where the readout has none.
    """

    shapes: Shapes
    shape_separation: NumberOfEnergy
    correlation: Fraction
    crystal_loss: Energy
    crystals: Crystals
    overlap: Number
    kinds: Kinds
    pulse: PulseShape | None = None
