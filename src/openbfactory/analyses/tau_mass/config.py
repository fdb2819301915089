"""What is measured and how: selection, presets, variations, published figures (``tau_mass.yaml``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.pipeline.candidates import Request, of_daughters

Range = tuple[float, float]

#: event variables of the tau candidates by the names of the selection
EVENT = {"thrust": "thrust", "axis_x": "thrustAxisX", "axis_y": "thrustAxisY", "axis_z": "thrustAxisZ",
         "visible": "visibleEnergyOfEventCMS", "missing_mass2": "missingMass2OfEvent",
         "missing_theta": "missingMomentumOfEventCMS_theta", "hie": "L1PSNM(hie)", "c4": "L1PSNM(c4)",
         "forward_energy": "forwardHemisphereEnergy", "backward_energy": "backwardHemisphereEnergy",
         "forward_mass": "forwardHemisphereMass", "backward_mass": "backwardHemisphereMass"}


class Preset(Config):
    """How much is made: luminosities [fb^-1], and events of B and D0 samples."""

    title: str
    data: float = Field(gt=0)
    bias: float = Field(gt=0)
    generic: float = Field(ge=0)
    variation: float = Field(gt=0)
    calibration: tuple[int, int]


class Channel(Config):
    """A decay to reconstruct: decay string, cuts; sample, its parameters and forced decays."""

    decay: str
    cuts: dict[str, str]
    cut: str
    sample: str = "taupair-edge"
    parameters: dict[str, float | str] = Field(default_factory=dict)
    decays: str = ""

    def request(self, tracks: tuple[str, ...], *more: str) -> Request:
        """What to reconstruct, with the momenta and charges of tracks."""
        variables = [v for q in ("px", "py", "pz", "charge") for v in of_daughters(tracks, q)]
        return Request(self.decay, self.cut, self.cuts, (*variables, *more))


class Tau(Channel):
    """The tau candidates: also trigger and selection, cuts on the names of :data:`EVENT` and what is made of them."""

    trigger: str
    selection: str


class DZero(Channel):
    """D0 mesons: limits of cos(theta) of the momentum scale, and half of the mass window [GeV]."""

    cosines: tuple[float, ...] = Field(min_length=2)
    window: float


class BMeson(Channel):
    """B mesons: range of twice their energy, and steps of sqrt(s) that measure its response [GeV]."""

    window: Range
    steps: Range


class Planted(Config):
    """Shifts that must be found: factor on momenta, change of sqrt(s) [GeV]; luminosity of the taus [fb^-1]."""

    momentum: float
    energy: float
    luminosity: float


class Variation(Config):
    """A run that differs: in detector or machine of the card, energy of the collisions, decay file, or a1 meson.

    Attributes
    ----------
    read, mean
        Whether the card is what the reconstruction believes; whether the mean of common candidates counts.
    a1
        Mass and width of the a1 [GeV], by weights of the events of the data.
    counted
        Share of the change that is a systematic uncertainty: changes are large so that they stand out of the noise.
    """

    effect: str
    name: str
    detector: dict[str, Any] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    energy: dict[str, bool | float] = Field(default_factory=dict)
    decays: str = ""
    read: bool = False
    mean: bool = False
    a1: Range | None = None
    counted: float = 1.0


class Published(Config):
    """Published mass, uncertainties, bias of the estimate and its uncertainty [MeV], luminosity [fb^-1]."""

    mass: float
    statistical: float
    systematic: float
    luminosity: float
    bias: Range
    source: str


class WorldValue(Config):
    """A published mass [MeV]; uncertainties up and down."""

    name: str
    value: float
    statistical: Range
    systematic: Range
    source: str


class TauMass(Config):
    """Content of ``tau_mass.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int
    generic_chunk_size: int
    generic_samples: tuple[str, ...]
    mass_steps: tuple[float, ...]
    tau: Tau
    forms: tuple[str, ...] = Field(min_length=1)
    range: Range
    other_ranges: tuple[Range, ...]
    d0: DZero
    b: BMeson
    planted: Planted
    variations: tuple[Variation, ...]
    published: Published
    systematics: dict[str, str]
    world: tuple[WorldValue, ...]


@cache
def load_config() -> TauMass:
    """The packaged configuration."""
    return load(Path(__file__).with_name("tau_mass.yaml"), TauMass)
