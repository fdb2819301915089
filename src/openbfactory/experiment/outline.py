"""Outline of a detector for pictures: volumes that the simulation needs no shape of.

The tracker's layers and the front faces of the calorimeter stand elsewhere in the card; here are the depth of the
crystals, the devices around the tracker, the coil and the muon detector, as tubes or prisms around the z axis.
Nothing but pictures uses these numbers.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from openbfactory.core.config import Config
from openbfactory.experiment.dimensions import Length, factor


class Volume(Config):
    """A tube around the z axis, or a prism with ``sides`` faces (``inner`` and ``outer`` are those of the faces).

    Attributes
    ----------
    system
        Which device it belongs to.
    part
        Barrel volumes are seen along the beam; volumes of the ends are not drawn there.
    inner, outer, z_min, z_max
        Radii and extent in z, in the length unit of the table.
    """

    name: str
    system: Literal["TOP", "ARICH", "TOF", "ACC", "coil", "KLM"]
    part: Literal["barrel", "forward", "backward"]
    inner: float = Field(ge=0)
    outer: float = Field(gt=0)
    z_min: float
    z_max: float
    sides: int = Field(default=0, ge=0)
    source: str = Field(min_length=1)


class Outline(Config):
    """Depth of the crystals and a table of volumes from the inside out; native units after loading."""

    crystals: Length | None = None
    length_unit: str = "cm"
    volumes: tuple[Volume, ...] = ()


def _native(outline: Outline) -> Outline:
    scale = factor(outline.length_unit, "length")
    for volume in outline.volumes:
        if volume.inner >= volume.outer or volume.z_min >= volume.z_max:
            raise PydanticCustomError("volume_inverted", "inner < outer and z_min < z_max in '{name}'",
                                      {"name": volume.name})
        if volume.sides in (1, 2):
            raise PydanticCustomError("too_few_sides", "0 (a tube) or at least 3 sides in '{name}'",
                                      {"name": volume.name})
    volumes = tuple(v.model_copy(update={k: getattr(v, k) * scale for k in ("inner", "outer", "z_min", "z_max")})
                    for v in outline.volumes)
    return outline.model_copy(update={"volumes": volumes, "length_unit": "cm"})


DetectorOutline = Annotated[Outline, AfterValidator(_native)]
