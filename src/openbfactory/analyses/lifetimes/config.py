"""What is measured: modes with their decays, cuts, windows and published figures (``modes.yaml``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.pipeline.candidates import Request

Range = tuple[float, float]


class Preset(Config):
    """How much is made: share of the published luminosity, and generic background [fb^-1]."""

    title: str
    fraction: float = Field(gt=0)
    generic: float = Field(ge=0)


class Published(Config):
    """What was published: lifetime, uncertainties, resolution [fs], luminosity [fb^-1], signal yield, purity."""

    lifetime: float
    statistical: float
    systematic: float
    luminosity: float
    yield_: int = Field(alias="yield")
    purity: float
    resolution: float
    source: str


class Mode(Config):
    """One hadron.

    Attributes
    ----------
    target
        Target of the enriched sample (``charm-TARGET``).
    decay, cuts, cut, after, fix
        As in :class:`openbfactory.pipeline.candidates.Request`.
    mass, time, uncertainty, truth
        Variables: fitted mass [GeV], decay time, its uncertainty, and the generated one [ns].
    pool
        Mass range of the candidates that the background is taken from.
    window, sidebands
        Signal region, and the sidebands of the fit (none: the background is neglected, as published).
    gaussians
        Gaussians of the resolution.
    generated
        Lifetime of the particle table [fs], shown beside the estimate.
    systematics
        Published systematic uncertainties [fs].
    """

    title: str
    symbol: str
    target: str
    decay: str
    cuts: dict[str, str]
    cut: str
    after: str
    fix: tuple[str, ...] = ()
    mass: str
    time: str
    uncertainty: str
    truth: str
    pool: Range
    window: Range
    sidebands: tuple[Range, ...]
    gaussians: int
    generated: float
    published: Published
    systematics: dict[str, float]
    all_events: bool = False

    @property
    def request(self) -> Request:
        """What to reconstruct."""
        variables = (self.mass, self.time, self.uncertainty, self.truth, "isSignal")
        return Request(self.decay, self.cut, self.cuts, variables, "tree", True, self.fix, after=self.after)

    @property
    def sample(self) -> str:
        """Name of the enriched sample."""
        return f"charm-{self.target}"


class Lifetimes(Config):
    """Content of ``modes.yaml``."""

    presets: dict[str, Preset]
    generic_samples: tuple[str, ...]
    chunk_size: int
    variation_events: int
    variations: dict[str, tuple[dict[str, dict[str, float]], ...]]
    modes: dict[str, Mode]


@cache
def load_config() -> Lifetimes:
    """The packaged configuration."""
    return load(Path(__file__).with_name("modes.yaml"), Lifetimes)
