"""Layers of the tracker: coaxial cylinders with radii, lengths, resolutions and material.

Validity: a card lists the layers from the inside out; they must neither overlap
nor shrink.  Approximation: slanted sensors and cones are replaced by cylinders
of the mean radius.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from openbfactory.core.config import Config, path_text
from openbfactory.core.diagnostics import Findings
from openbfactory.experiment.dimensions import factor

System = Literal["pipe", "PXD", "SVD", "CDC"]


def _resolution(value: float) -> float:
    if value < 0:
        raise PydanticCustomError("negative_resolution", "a resolution of at least 0")
    return value


def _fraction(value: float) -> float:
    if not 0 <= value <= 1:
        raise PydanticCustomError("outside_0_1", "a fraction in 0..1")
    return value


Resolution = Annotated[float, AfterValidator(_resolution)]
UnitInterval = Annotated[float, AfterValidator(_fraction)]


class Layer(Config):
    """One layer or superlayer.

    Attributes
    ----------
    system
        ``pipe`` (material only), ``PXD``, ``SVD`` or ``CDC``: which hits it counts for.
    inner, outer, z_min, z_max
        Radii and extent in z, in the length unit of the table.
    resolution_u, resolution_v
        Point resolution in r-phi and along z, in the resolution unit of the table.
    material
        Thickness in radiation lengths at normal incidence.
    loss
        Mean energy loss of a minimum-ionising particle at normal incidence, in the energy unit of the table.
    hits
        Measurements it can give.
    efficiency
        Probability of each of them.
    coverage
        Fraction of the azimuth that is equipped, from phi = 0 upwards.
    """

    name: str
    system: System
    inner: float
    outer: float
    z_min: float
    z_max: float
    resolution_u: Resolution = 0.0
    resolution_v: Resolution = 0.0
    material: UnitInterval
    loss: Annotated[float, Field(ge=0)] = 0.0
    hits: int = Field(default=1, ge=0)
    efficiency: UnitInterval = 1.0
    coverage: UnitInterval = 1.0
    source: str = Field(min_length=1)


class Layers(Config):
    """Table of layers from the inside out; native units after loading."""

    length_unit: str
    resolution_unit: str
    energy_unit: str = "MeV"
    rows: tuple[Layer, ...] = Field(min_length=1)


def _native(table: Layers) -> Layers:
    length, point = factor(table.length_unit, "length"), factor(table.resolution_unit, "length")
    energy = factor(table.energy_unit, "energy")
    rows = tuple(
        row.model_copy(update={
            "inner": row.inner * length, "outer": row.outer * length, "z_min": row.z_min * length,
            "z_max": row.z_max * length, "resolution_u": row.resolution_u * point,
            "resolution_v": row.resolution_v * point, "loss": row.loss * energy})
        for row in table.rows)
    return table.model_copy(update={"rows": rows, "length_unit": "cm", "resolution_unit": "cm", "energy_unit": "GeV"})


LayerTable = Annotated[Layers, AfterValidator(_native)]


def check_layers(rows: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int], findings: Findings) -> None:
    """Add a finding for every layer that is inverted, overlaps the one inside it, or shrinks.

    Works on the document as read, so that these findings appear beside those
    about single values.
    """
    if not isinstance(rows, list):
        return
    last_name, last_inner, last_outer = "", float("-inf"), float("-inf")
    for index, row in enumerate(rows):
        numbers = [row.get(k) for k in ("inner", "outer", "z_min", "z_max")] if isinstance(row, dict) else [None]
        if not all(isinstance(v, int | float) for v in numbers):
            continue
        inner, outer, z_min, z_max = (float(v) for v in numbers if v is not None)
        where, name = path_text((*path, str(index)), lines), str(row.get("name", f"row {index}"))
        if inner > outer or inner <= 0 or z_min >= z_max:
            findings.error("layer-inverted", where, f"layer '{name}' has no volume",
                           expected="0 < inner <= outer and z_min < z_max")
        if inner <= last_inner and outer <= last_outer:
            findings.error("layers-shrink", where, f"layer '{name}' (from {inner:g}) lies inside '{last_name}' "
                           f"(from {last_inner:g})", expected="layers from the inside out")
        elif inner < last_outer:
            findings.error("layers-overlap", where, f"layer '{name}' (from {inner:g}) overlaps '{last_name}' "
                           f"(to {last_outer:g})", expected=f"inner >= {last_outer:g}")
        last_name, last_inner, last_outer = name, inner, outer
