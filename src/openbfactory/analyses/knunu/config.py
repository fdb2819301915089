"""The configuration of the measurement: presets, samples, classifiers, fit region."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import Machine
from openbfactory.select.binning import Axis, Binning
from openbfactory.select.classifier import ClassifierConfig

#: the signal sample, and the seven backgrounds in the order of the report
SIGNAL = "knunu"
B_PAIRS = ("charged", "mixed")
CONTINUUM = ("uubar", "ddbar", "ssbar", "ccbar", "taupair")
BACKGROUNDS = (*B_PAIRS, *CONTINUUM)
#: classifiers are trained on one half of the chunks and applied to the other
FOLDS = 2


class Preset(Config):
    """How much is generated.

    Attributes
    ----------
    luminosity
        Simulated luminosity of the backgrounds in fb^-1, multiplied by the factor of each sample.
    off_resonance_factor
        Off-resonance continuum in units of the on-resonance continuum.
    toys
        Toys of each study that throws them; 0 for none.
    signal_events
        Signal events; they scale with a luminosity given by the user, up to this number.
    pilot
        Simulated luminosity (fb^-1, same factors) whose candidates are all kept: the first classifier is trained on
        them, and of everything after it only candidates above its cut are kept.
    """

    title: str
    luminosity: float = Field(gt=0)
    toys: int = Field(ge=0)
    pilot: float = Field(gt=0)
    factors: dict[str, float]
    off_resonance_factor: float = Field(ge=0)
    signal_events: int = Field(gt=0)


class Training(Config):
    """Classifiers: settings, and the largest number of training rows a sample."""

    rows_per_sample: int = Field(gt=0)
    bdt1: ClassifierConfig
    bdt2: ClassifierConfig
    bdt1_signal_efficiency: Quantity


class Region(Config):
    """Edges of the fit bins; ``signal_eta`` splits the region into two channels as the publication does."""

    q2_rec: tuple[float, ...]
    eta: tuple[float, ...]
    signal_eta: float

    @property
    def binning(self) -> Binning:
        """q2_rec (fastest) times eta."""
        return Binning(axes=(Axis(name="q2_rec", edges=self.q2_rec, unit="GeV^2"), Axis(name="eta", edges=self.eta)))

    @property
    def control_bins(self) -> int:
        """Number of flat bins below ``signal_eta``."""
        return self.eta.index(self.signal_eta) * (len(self.q2_rec) - 1)


class Constant(Config):
    """One relative size in all bins of some samples (those of both energies where ``off_resonance`` is None)."""

    size: Quantity
    samples: tuple[str, ...]
    off_resonance: bool | None = None


class Quoted(Config):
    """Relative size in each flat bin of the fit, the same for all samples; used where the run has no variation."""

    relative: tuple[float, ...]
    source: str
    samples: tuple[str, ...]


class Simulated(Config):
    """Samples that a variation of the simulation acts on; ``pools`` are those that share one relative shift."""

    samples: tuple[str, ...]
    pools: tuple[tuple[str, ...], ...] = ()


class ImpactGroup(Config):
    """Parameters (patterns) whose common impact on mu is shown, beside the published one.

    Attributes
    ----------
    published
        Name of the published figure.
    likelihood
        The impact in this package's fit of the published likelihood.
    """

    title: str
    parameters: tuple[str, ...]
    published: str | None = None
    likelihood: float | None = None


class Systematics(Config):
    """The systematic model: parameters ``mu_bkg_SAMPLE``, ``corr_NAME_c1`` or, for ``NAME_3``, ``corr_NAME_c3``.

    Attributes
    ----------
    background_normalisation
        Relative uncertainty of each of the seven backgrounds.
    constant, quoted, event, detector
        By NAME; those of events by NAME without its number, those of the detector in the order of the variations.
    impacts
        Groups of the impacts table, in the order of the publication.
    """

    background_normalisation: Quantity
    constant: dict[str, Constant]
    quoted: dict[str, Quoted]
    event: dict[str, Simulated]
    detector: dict[str, Simulated]
    impacts: tuple[ImpactGroup, ...]


class Studies(Config):
    """What is fitted besides the expectation at mu = 1.

    Attributes
    ----------
    mu
        Published value, at which the expectation is fitted too.
    simulation
        Factors on the size of the simulated samples.
    """

    mu: Quantity
    simulation: tuple[float, ...]


class KnunuConfig(Config):
    """Everything in ``knunu.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int = Field(gt=0)
    training: Training
    region: Region
    branching_fraction: Quantity
    systematics: Systematics
    studies: Studies


@cache
def load_config() -> KnunuConfig:
    """The packaged configuration."""
    return load(Path(__file__).with_name("knunu.yaml"), KnunuConfig)


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """One sample of a run.

    Attributes
    ----------
    name
        Name in the run and in the chunk store, such as ``uubar_off``.
    process
        Name in the registry of samples.
    off_resonance
        Whether the collider runs at the off-resonance energy.
    events
        Number of events to generate.
    """

    name: str
    process: str
    off_resonance: bool
    events: int

    @classmethod
    def of(cls, name: str, events: int) -> SamplePlan:
        """The plan of a sample by its name."""
        return cls(name, name.removesuffix("_off"), name.endswith("_off"), events)

    def weight(self, config: KnunuConfig, machine: Machine) -> float:
        """Events of the data set, with mu = 1, that one generated event of the sample stands for."""
        if self.name == SIGNAL:
            return 2.0 * machine.expected("charged") * config.branching_fraction.value / self.events
        return machine.expected(self.process, off_resonance=self.off_resonance) / self.events


def plan_samples(preset: Preset, luminosity: float | None, machine: Machine) -> list[SamplePlan]:
    """Samples of a run and their sizes, signal first."""
    size = preset.luminosity if luminosity is None else luminosity
    signal = max(200, min(preset.signal_events, round(preset.signal_events * size / preset.luminosity)))
    plans = [SamplePlan.of(SIGNAL, signal)]
    for process in BACKGROUNDS:
        events = machine.expected(process, size * preset.factors[process])
        plans.append(SamplePlan.of(process, max(2 * FOLDS, round(events))))
    for process in CONTINUUM:
        events = machine.expected(process, size * preset.factors[process] * preset.off_resonance_factor,
                                  off_resonance=True)
        plans.append(SamplePlan.of(f"{process}_off", max(2 * FOLDS, round(events))))
    return plans
