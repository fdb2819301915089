"""What is measured: modes with their decays, cuts, windows and published figures (``modes.yaml``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.core.units import fs, speed_of_light
from openbfactory.physics.particles import species
from openbfactory.pipeline.candidates import Request

Range = tuple[float, float]


class Preset(Config):
    """How much is made: share of the published luminosity, generic background [fb^-1], toys, events of a variation."""

    title: str
    fraction: float = Field(gt=0)
    generic: float = Field(ge=0)
    toys: int = Field(ge=0)
    variation: int = Field(gt=0)


class Published(Config):
    """What was published: lifetime, uncertainties, resolution [fs] (if it was), luminosity [fb^-1], yield, purity."""

    lifetime: float
    statistical: float
    systematic: float
    luminosity: float
    yield_: int = Field(alias="yield")
    purity: float
    resolution: float | None = None
    source: str


class Loose(Config):
    """Wider cuts for the background."""

    cuts: dict[str, str]
    cut: str


class Mode(Config):
    """One hadron.

    Attributes
    ----------
    hadron
        Its name in decay files.
    target
        Target of the enriched sample (``charm-TARGET``).
    decay, cuts, cut, after, fix, vetoes
        As in :class:`openbfactory.pipeline.candidates.Request`.
    loose
        Wider ``cuts`` and ``cut`` for the background, where the selection leaves too little of it; its size in the
        signal region is then that of the published purity.
    genuine
        Condition of the candidates that are the hadron, reconstructed whole: they are no background.
    mass, time, uncertainty, truth
        Variables: fitted mass [GeV], decay time, its uncertainty, and the generated one [ns].
    pool
        Mass range of the candidates that the background is taken from.
    window, sidebands
        Signal region, and the sidebands of the fit (none: the background is neglected, as published).
    gaussians
        Gaussians of the resolution.
    generic
        Luminosity of the generic background over that of the preset.
    mass_uncertainty
        Standard deviation of the nominal mass, to which decay times are proportional [GeV].
    feed_down
        Enriched samples of heavier hadrons that decay to this one, for the systematic uncertainty.
    systematics
        Published systematic uncertainties [fs].
    """

    title: str
    symbol: str
    hadron: str
    target: str
    decay: str
    cuts: dict[str, str]
    cut: str
    after: str
    fix: tuple[str, ...] = ()
    vetoes: dict[str, str] = {}
    loose: Loose | None = None
    genuine: str = "isSignal == 1"
    mass: str
    time: str
    uncertainty: str
    truth: str
    mass_uncertainty: Quantity
    pool: Range
    window: Range
    sidebands: tuple[Range, ...]
    gaussians: int
    generic: float = 1.0
    feed_down: tuple[str, ...] = ()
    published: Published
    systematics: dict[str, float]
    all_events: bool = False

    @property
    def generated(self) -> float:
        """Lifetime of the particle table, which is generated [fs]."""
        return species(self.hadron).ctau / speed_of_light / fs

    @property
    def is_genuine(self) -> str:
        """Variable that is 1 for candidates that are the hadron, reconstructed whole."""
        return f"passesCut({self.genuine})"

    def request(self, trigger: str, *, background: bool = False) -> Request:
        """What to reconstruct in events that pass a trigger; ``background`` takes the wider cuts, if there are any."""
        variables = (self.mass, self.time, self.uncertainty, self.truth, "isSignal", self.is_genuine)
        chosen = self.loose if background and self.loose else self
        return Request(self.decay, chosen.cut, chosen.cuts, variables, "tree", True, self.fix,
                       after=f"[{trigger}] and [{self.after}]", vetoes=self.vetoes)

    @property
    def sample(self) -> str:
        """Name of the enriched sample."""
        return f"charm-{self.target}"


class Lifetimes(Config):
    """Content of ``modes.yaml``."""

    presets: dict[str, Preset]
    trigger: str
    generic_samples: tuple[str, ...]
    chunk_size: int
    variations: dict[str, tuple[dict[str, dict[str, float]], ...]]
    modes: dict[str, Mode]


@cache
def load_config() -> Lifetimes:
    """The packaged configuration."""
    return load(Path(__file__).with_name("modes.yaml"), Lifetimes)
