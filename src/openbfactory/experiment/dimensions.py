"""Cited numbers with a checked unit: a card states the unit, the loader converts once.

A field of a card is declared as ``Length``, ``Energy`` ...: the card may give
it in any unit of that dimension, and after loading ``value`` (and
``uncertainty``) are native (GeV, cm, ns, T, rad, nb, fb^-1; see
:mod:`openbfactory.core.units`).  A unit of another dimension, a negative
resolution or an efficiency outside 0..1 is a finding, never a silent default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from openbfactory.core import units
from openbfactory.core.config import Config
from openbfactory.core.quantities import Quantity

#: dimension -> unit -> factor to the native unit (the first of each is native)
UNITS: dict[str, dict[str, float]] = {
    "number": {"1": 1.0, "%": 0.01},
    "energy": {"GeV": units.GeV, "MeV": units.MeV, "keV": units.keV},
    "length": {"cm": units.cm, "m": units.m, "mm": units.mm, "um": units.um, "nm": units.nm},
    "angle": {"rad": units.rad, "mrad": units.mrad, "deg": units.degree},
    "time": {"ns": units.ns, "ps": units.ps, "fs": units.fs},
    "field": {"T": units.tesla},
    "cross section": {"nb": units.nb, "pb": units.pb, "fb": units.fb},
    "luminosity": {"fb^-1": units.inverse_fb, "ab^-1": 1e3 * units.inverse_fb, "pb^-1": 1e-3 * units.inverse_fb},
    "time times energy": {"ns GeV": 1.0},
    "length times root energy": {"cm GeV^0.5": 1.0},
}


def factor(unit: str, dimension: str) -> float:
    """Factor from ``unit`` to the native unit of ``dimension``.

    Raises
    ------
    PydanticCustomError
        ``wrong-unit`` when the unit is not one of the dimension.
    """
    known = UNITS[dimension]
    if unit not in known:
        raise PydanticCustomError("wrong_unit", "a unit of {dimension}: {known}, not '{unit}'",
                                  {"dimension": dimension, "known": ", ".join(known), "unit": unit})
    return known[unit]


def converter(dimension: str) -> Callable[[Quantity], Quantity]:
    """Function that returns a quantity in the native unit of ``dimension``."""

    def convert(quantity: Quantity) -> Quantity:
        scale = factor(quantity.unit, dimension)
        error = None if quantity.uncertainty is None else quantity.uncertainty * scale
        native = next(iter(UNITS[dimension]))
        return quantity.model_copy(update={"value": quantity.value * scale, "uncertainty": error, "unit": native})

    return convert


def not_negative(quantity: Quantity) -> Quantity:
    """The quantity; a ``negative-value`` finding below 0."""
    if quantity.value < 0:
        raise PydanticCustomError("negative_value", "a value of at least 0")
    return quantity


def resolution(quantity: Quantity) -> Quantity:
    """The quantity; a ``negative-resolution`` finding below 0."""
    if quantity.value < 0:
        raise PydanticCustomError("negative_resolution", "a resolution of at least 0")
    return quantity


def positive(quantity: Quantity) -> Quantity:
    """The quantity; a ``not-positive`` finding at or below 0."""
    if quantity.value <= 0:
        raise PydanticCustomError("not_positive", "a value above 0")
    return quantity


def fraction(quantity: Quantity) -> Quantity:
    """The quantity; an ``outside-0-1`` finding outside the unit interval."""
    if not 0 <= quantity.value <= 1:
        raise PydanticCustomError("outside_0_1", "a fraction in 0..1")
    return quantity


Number = Annotated[Quantity, AfterValidator(converter("number")), AfterValidator(not_negative)]
PositiveNumber = Annotated[Quantity, AfterValidator(converter("number")), AfterValidator(positive)]
Fraction = Annotated[Quantity, AfterValidator(converter("number")), AfterValidator(fraction)]
RelativeResolution = Annotated[Quantity, AfterValidator(converter("number")), AfterValidator(resolution)]
SignedEnergy = Annotated[Quantity, AfterValidator(converter("energy"))]
Energy = Annotated[Quantity, AfterValidator(converter("energy")), AfterValidator(positive)]
EnergyResolution = Annotated[Quantity, AfterValidator(converter("energy")), AfterValidator(resolution)]
SignedLength = Annotated[Quantity, AfterValidator(converter("length"))]
Length = Annotated[Quantity, AfterValidator(converter("length")), AfterValidator(positive)]
LengthResolution = Annotated[Quantity, AfterValidator(converter("length")), AfterValidator(resolution)]
SignedAngle = Annotated[Quantity, AfterValidator(converter("angle"))]
Angle = Annotated[Quantity, AfterValidator(converter("angle")), AfterValidator(not_negative)]
AngleResolution = Annotated[Quantity, AfterValidator(converter("angle")), AfterValidator(resolution)]
Time = Annotated[Quantity, AfterValidator(converter("time")), AfterValidator(not_negative)]
Field_ = Annotated[Quantity, AfterValidator(converter("field")), AfterValidator(positive)]
CrossSection = Annotated[Quantity, AfterValidator(converter("cross section")), AfterValidator(not_negative)]
Luminosity = Annotated[Quantity, AfterValidator(converter("luminosity")), AfterValidator(not_negative)]
TimeEnergy = Annotated[Quantity, AfterValidator(converter("time times energy")), AfterValidator(resolution)]
LengthRootEnergy = Annotated[Quantity, AfterValidator(converter("length times root energy")),
                             AfterValidator(resolution)]


class Curve(Config):
    """A function of one variable: points joined by straight lines, flat outside.

    Attributes
    ----------
    x, y
        Points; ``x`` ascending.
    x_unit, y_unit
        Units as text.
    source
        Reference key, optionally with a note after ``;``.
    """

    x: tuple[float, ...] = Field(min_length=1)
    y: tuple[float, ...] = Field(min_length=1)
    x_unit: str
    y_unit: str = "1"
    source: str = Field(min_length=1)
    note: str | None = None


def curve_converter(x_dimension: str, y_dimension: str) -> Callable[[Curve], Curve]:
    """Function that returns a checked curve in native units."""

    def convert(curve: Curve) -> Curve:
        if len(curve.x) != len(curve.y):
            raise PydanticCustomError("unequal_lengths", "as many x as y ({nx} and {ny} found)",
                                      {"nx": len(curve.x), "ny": len(curve.y)})
        if any(b <= a for a, b in zip(curve.x, curve.x[1:], strict=False)):
            raise PydanticCustomError("not_ascending", "x in ascending order")
        x_factor, y_factor = factor(curve.x_unit, x_dimension), factor(curve.y_unit, y_dimension)
        return curve.model_copy(update={
            "x": tuple(v * x_factor for v in curve.x), "y": tuple(v * y_factor for v in curve.y),
            "x_unit": next(iter(UNITS[x_dimension])), "y_unit": next(iter(UNITS[y_dimension]))})

    return convert


def _curve_fraction(curve: Curve) -> Curve:
    if any(not 0 <= v <= 1 for v in curve.y):
        raise PydanticCustomError("outside_0_1", "efficiencies in 0..1")
    return curve


def _curve_positive(curve: Curve) -> Curve:
    if any(v < 0 for v in curve.y):
        raise PydanticCustomError("negative_value", "values of at least 0")
    return curve


EfficiencyOfEnergy = Annotated[Curve, AfterValidator(curve_converter("energy", "number")),
                               AfterValidator(_curve_fraction)]
EfficiencyOfLength = Annotated[Curve, AfterValidator(curve_converter("length", "number")),
                               AfterValidator(_curve_fraction)]
NumberOfEnergy = Annotated[Curve, AfterValidator(curve_converter("energy", "number")),
                           AfterValidator(_curve_positive)]
