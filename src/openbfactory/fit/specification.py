"""The content of a HistFactory workspace as typed records.

Names and meaning are those of the HistFactory JSON schema 1.0.0 of pyhf
(https://pyhf.readthedocs.io/en/stable/likelihood.html): a workspace has
channels, a channel has samples, a sample has yields by bin and modifiers, a
measurement has a parameter of interest and settings of parameters.  The records
are made by :mod:`openbfactory.fit.workspace_schema` and hold only what is well
formed; arrays are float64 of length bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

#: modifier types in the order in which their parameters enter a model (the order of pyhf)
MODIFIER_TYPES: Final = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")

#: modifier types that one parameter may drive together
COMPATIBLE_TYPES: Final = frozenset({"histosys", "normsys"})


@dataclass(frozen=True, slots=True, eq=False)
class Modifier:
    """One effect of one parameter on one sample.

    Attributes
    ----------
    name, type
        Name of the parameter and type of the effect, one of :data:`MODIFIER_TYPES`.
    path
        Where it stands in the file.
    lo, hi
        Down and up variation: yields by bin (``histosys``), one factor (``normsys``), else None.
    data
        Absolute uncertainty by bin (``shapesys``, ``staterror``), else None.
    """

    name: str
    type: str
    path: str
    lo: FloatArray | None = None
    hi: FloatArray | None = None
    data: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Yields of one process in one channel, and what changes them.

    Attributes
    ----------
    data
        Expected events by bin.
    """

    name: str
    path: str
    data: FloatArray
    modifiers: tuple[Modifier, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """A set of bins with the samples that fill them."""

    name: str
    path: str
    bins: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ParameterSetting:
    """What a measurement says about one parameter; None where it says nothing."""

    name: str
    path: str
    inits: FloatArray | None = None
    bounds: FloatArray | None = None
    auxdata: FloatArray | None = None
    factors: FloatArray | None = None
    sigmas: FloatArray | None = None
    fixed: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """A parameter of interest and settings of parameters."""

    name: str
    path: str
    poi: str
    parameters: tuple[ParameterSetting, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Observed events of one channel by bin."""

    name: str
    path: str
    data: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Specification:
    """Content of a workspace; ``channels`` in the order of the file."""

    channels: tuple[Channel, ...]
    observations: tuple[Observation, ...]
    measurements: tuple[Measurement, ...]
