"""Plain records that figures and tables are drawn from.

Every record is frozen, checks its lengths, takes tuples, lists or arrays, and can
be written to and read from JSON (``model_dump``, ``model_validate``), so that a
report can be drawn again from ``result.json`` alone.  Absent numbers are None.
Labels of axes are LaTeX for matplotlib; units are written with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from openbfactory.core.config import Config


def _listed(values: Any) -> Any:
    """Arrays as lists; NaN as None."""
    if isinstance(values, np.ndarray):
        return [None if isinstance(v, float) and np.isnan(v) else v for v in values.tolist()]
    return values


if TYPE_CHECKING:  # tuples, lists and arrays all go in; tuples come out
    Floats: TypeAlias = Any
    OptionalFloats: TypeAlias = Any
else:
    Floats = Annotated[tuple[float, ...], BeforeValidator(_listed)]
    OptionalFloats = Annotated[tuple[float | None, ...], BeforeValidator(_listed)]


def _need(problems: Sequence[str]) -> None:
    """Raise when there is a problem; the record's error lists all."""
    if problems:
        message = "; ".join(problems)
        raise ValueError(message)


def _lengths(bins: int, **rows: Sequence[Any] | None) -> list[str]:
    """Problems of rows that have not ``bins`` numbers."""
    return [f"{name.replace('_', ' ')} has {len(row)} numbers instead of {bins}"
            for name, row in rows.items() if row is not None and len(row) != bins]


class Contribution(Config):
    """One category in bins: key of :data:`openbfactory.report.style.CATEGORIES`, values, variances.

    ``label`` and ``color`` replace those of the category, and are needed for a key that is not in the table.
    """

    key: str
    values: Floats
    variances: Floats | None = None
    label: str | None = None
    color: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Contribution:
        _need(_lengths(len(self.values), variances=self.variances))
        return self


class DataPoints(Config):
    """Counts in bins with the ends of their intervals."""

    values: Floats
    low: Floats
    high: Floats
    label: str = "data"

    @classmethod
    def counted(cls, counts: Any, label: str = "data") -> DataPoints:
        """Counts (bins,) with their square roots as uncertainties."""
        values = np.asarray(counts, np.float64)
        return cls(values=values, low=values - np.sqrt(values), high=values + np.sqrt(values), label=label)

    @model_validator(mode="after")
    def _check(self) -> DataPoints:
        _need(_lengths(len(self.values), low=self.low, high=self.high))
        return self


class StackedHistogram(Config):
    """Stack of categories, with an uncertainty band, optional data, and an optional line on top.

    Attributes
    ----------
    edges
        Bin edges, (n + 1).
    overlay
        Drawn as a line and not stacked, such as the signal at a larger scale.
    unit
        Unit of the axis in LaTeX without brackets, empty for none.
    lines
        Positions of vertical lines, such as a cut.
    luminosity
        fb^-1 that the content corresponds to, shown in the corner.
    """

    edges: Floats = Field(min_length=2)
    contributions: tuple[Contribution, ...] = Field(min_length=1)
    xlabel: str
    unit: str = ""
    data: DataPoints | None = None
    overlay: Contribution | None = None
    lines: Floats = ()
    luminosity: float | None = None
    log: bool = False
    note: str = ""
    simulated: bool = True

    @model_validator(mode="after")
    def _check(self) -> StackedHistogram:
        bins = len(self.edges) - 1
        rows: dict[str, Any] = {c.key: c.values for c in self.contributions}
        rows["data"] = self.data.values if self.data else None
        rows["overlay"] = self.overlay.values if self.overlay else None
        _need(_lengths(bins, **rows))
        return self


class OutputShape(Config):
    """Normalised classifier output of one category on test rows and, optionally, on training rows."""

    key: str
    test: Floats
    test_uncertainties: Floats | None = None
    train: Floats | None = None
    label: str | None = None
    color: str | None = None


class ClassifierOutputs(Config):
    """Classifier outputs of several categories in the same bins; ``summary`` is printed in the figure."""

    edges: Floats = Field(min_length=2)
    shapes: tuple[OutputShape, ...] = Field(min_length=1)
    xlabel: str
    summary: tuple[str, ...] = ()
    log: bool = True

    @model_validator(mode="after")
    def _check(self) -> ClassifierOutputs:
        bins = len(self.edges) - 1
        _need([p for s in self.shapes for p in _lengths(bins, **{
            f"{s.key} test": s.test, f"{s.key} test uncertainties": s.test_uncertainties, f"{s.key} train": s.train})])
        return self


class ImportanceRanking(Config):
    """Share of the gain of each input, largest first."""

    names: tuple[str, ...] = Field(min_length=1)
    shares: Floats
    xlabel: str = "share of the gain"

    @model_validator(mode="after")
    def _check(self) -> ImportanceRanking:
        _need(_lengths(len(self.names), shares=self.shares))
        return self


class ProfileLine(Config):
    """Twice the change of the negative log-likelihood along the parameter; None where it was not found."""

    label: str
    values: Floats
    twice_delta_nll: OptionalFloats

    @model_validator(mode="after")
    def _check(self) -> ProfileLine:
        _need(_lengths(len(self.values), twice_delta_nll=self.twice_delta_nll))
        return self


class LikelihoodProfile(Config):
    """Profiles of one parameter.

    Attributes
    ----------
    value, interval
        Estimate, and ends of its one-sigma interval (absolute); None where absent.
    references
        Vertical lines by label, such as the Standard Model.
    """

    lines: tuple[ProfileLine, ...] = Field(min_length=1)
    xlabel: str
    value: float | None = None
    interval: tuple[float | None, float | None] = (None, None)
    references: dict[str, float] = Field(default_factory=dict)
    simulated: bool = True


class YieldSet(Config):
    """Expected events of every category in the same bins."""

    label: str
    contributions: tuple[Contribution, ...] = Field(min_length=1)


class YieldComparison(Config):
    """Expected events in the fit bins: published beside ours, as two stacks a bin.

    Attributes
    ----------
    groups
        Label and number of bins of each group, in order; the numbers add up to the bins.
    bin_labels
        One label a bin.
    """

    published: YieldSet
    here: YieldSet
    bin_labels: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    xlabel: str = ""
    luminosity: float | None = None

    @model_validator(mode="after")
    def _check(self) -> YieldComparison:
        bins = len(self.bin_labels)
        rows = {f"{s.label} {c.key}": c.values for s in (self.published, self.here) for c in s.contributions}
        problems = _lengths(bins, **rows)
        if sum(size for _, size in self.groups) != bins:
            problems.append(f"the groups do not add up to {bins} bins")
        _need(problems)
        return self


class EfficiencyCurve(Config):
    """Efficiency in bins with the ends of its intervals; None in bins without events."""

    label: str
    edges: Floats = Field(min_length=2)
    values: OptionalFloats
    low: OptionalFloats | None = None
    high: OptionalFloats | None = None
    published: bool = False

    @classmethod
    def symmetric(cls, label: str, edges: Any, values: Any, uncertainties: Any) -> EfficiencyCurve:
        """Values (bins,) with standard deviations; NaN in bins without events."""
        v, e = np.asarray(values, np.float64), np.asarray(uncertainties, np.float64)
        return cls(label=label, edges=edges, values=v, low=v - e, high=v + e)

    @model_validator(mode="after")
    def _check(self) -> EfficiencyCurve:
        _need(_lengths(len(self.edges) - 1, values=self.values, low=self.low, high=self.high))
        return self


class EfficiencyComparison(Config):
    """Efficiencies as functions of one variable."""

    curves: tuple[EfficiencyCurve, ...] = Field(min_length=1)
    xlabel: str
    unit: str = ""
    ylabel: str = "efficiency"
    log: bool = False


class PairedBars(Config):
    """Sizes as published and of this run, one pair a name from top to bottom; None where there is none."""

    names: tuple[str, ...] = Field(min_length=1)
    published: OptionalFloats
    here: OptionalFloats
    xlabel: str

    @model_validator(mode="after")
    def _check(self) -> PairedBars:
        _need(_lengths(len(self.names), published=self.published, here=self.here))
        return self


class Pull(Config):
    """Pull and post-fit uncertainty, both in units of the prior uncertainty; None where not determined."""

    name: str
    pull: float
    constraint: float | None = None


class PullList(Config):
    """Pulls in the order they are drawn, from top to bottom; ``note`` says what is left out."""

    pulls: tuple[Pull, ...] = Field(min_length=1)
    note: str = ""
    simulated: bool = True


class CutflowStep(Config):
    """One step of a cutflow: what is left, and its total and relative efficiency."""

    name: str
    count: int
    weight: float
    weight2: float | None = None
    efficiency: float | None = None
    efficiency_uncertainty: float | None = None
    relative: float | None = None
    relative_uncertainty: float | None = None


class CutflowColumn(Config):
    """The cutflow of one category; ``scale`` turns weights into events at the luminosity of the table."""

    key: str
    steps: tuple[CutflowStep, ...] = Field(min_length=1)
    scale: float = 1.0
    label: str | None = None


class Measured(Protocol):
    """Anything with a value and a standard deviation: a cited quantity, the result of a fit."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def uncertainty(self) -> float | None:
        """One standard deviation."""


class Number(Config):
    """A number with one standard deviation or the two offsets (down, up) of an interval."""

    value: float
    uncertainty: float | None = Field(default=None, ge=0)
    interval: tuple[float, float] | None = None

    @classmethod
    def of(cls, measured: Measured | tuple[float, float]) -> Number:
        """The number of something measured, or of a pair of value and standard deviation."""
        if isinstance(measured, tuple):
            return cls(value=measured[0], uncertainty=measured[1])
        return cls(value=measured.value, uncertainty=measured.uncertainty)

    @classmethod
    def counted(cls, events: int) -> Number:
        """A number of events with its square root."""
        return cls(value=events, uncertainty=events**0.5)

    def over(self, other: Number) -> Number:
        """Ratio to another number, independent of it."""
        ratio = self.value / other.value
        size = np.hypot(self.uncertainty or 0.0, ratio * (other.uncertainty or 0.0)) / abs(other.value)
        return Number(value=ratio, uncertainty=float(size))

    def times(self, other: Number) -> Number:
        """Product with another number, independent of it."""
        size = np.hypot((self.uncertainty or 0.0) * other.value, self.value * (other.uncertainty or 0.0))
        return Number(value=self.value * other.value, uncertainty=float(size))


class ComparisonRow(Config):
    """One quantity as published and in this run.

    Attributes
    ----------
    published, here
        None where there is no number.
    percent
        Show the numbers in percent.
    source
        Reference key of the published number, with an optional note after a semicolon.
    remark
        Why the two differ, or what is not comparable.
    """

    quantity: str
    published: Number | None
    here: Number | None
    unit: str = ""
    percent: bool = False
    source: str = ""
    remark: str = ""


class FallbackModel(Config):
    """A decay model that was replaced by phase space, and the fraction of decays it touched."""

    model: str
    fraction: float = Field(ge=0, le=1)
    decays: int | None = None
    example: str = ""
