"""Plain records of the figures of fits: ranking, correlations, limits, contours, projections, compared measurements."""

from __future__ import annotations

from pydantic import Field, model_validator

from openbfactory.core.config import Config
from openbfactory.report.records import Floats, OptionalFloats, _lengths, _need


class RankedNuisance(Config):
    """A nuisance: pull and constraint in units of its prior, shifts of the estimate (down, up); None where absent."""

    name: str
    pull: float | None = None
    constraint: float | None = None
    post: tuple[float | None, float | None] = (None, None)
    pre: tuple[float | None, float | None] = (None, None)


class RankingList(Config):
    """Nuisances in the order they are drawn, from top to bottom; ``poi`` is the label of the estimate."""

    nuisances: tuple[RankedNuisance, ...] = Field(min_length=1)
    poi: str


class CorrelationMatrix(Config):
    """Correlations of parameters, one row a parameter."""

    names: tuple[str, ...] = Field(min_length=1)
    rows: tuple[Floats, ...]

    @model_validator(mode="after")
    def _check(self) -> CorrelationMatrix:
        _need(_lengths(len(self.names), rows=self.rows, **dict(zip(self.names, self.rows, strict=False))))
        return self


class LimitBand(Config):
    """Upper limits over one variable with the bands expected without signal.

    Attributes
    ----------
    observed
        None where there is none; the whole row may be absent.
    expected
        Five rows: outcomes of -2, -1, 0, 1, 2 standard deviations.
    references
        Horizontal lines by label.
    """

    x: Floats = Field(min_length=2)
    expected: tuple[OptionalFloats, ...] = Field(min_length=5, max_length=5)
    observed: OptionalFloats | None = None
    xlabel: str
    ylabel: str
    log: bool = True
    references: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> LimitBand:
        rows = {f"expected {k}": row for k, row in enumerate(self.expected)}
        _need(_lengths(len(self.x), observed=self.observed, **rows))
        return self


class SignificanceScan(Config):
    """Local significance over one variable; ``note`` states the global one."""

    x: Floats = Field(min_length=2)
    local: Floats
    xlabel: str
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> SignificanceScan:
        _need(_lengths(len(self.x), local=self.local))
        return self


class Contour(Config):
    """Rise of 2NLL over two parameters, one row a value of the first; ``points`` marks places by label."""

    x: Floats = Field(min_length=2)
    y: Floats = Field(min_length=2)
    delta: tuple[OptionalFloats, ...]
    xlabel: str
    ylabel: str
    best: tuple[float, float] | None = None
    levels: dict[str, float] = Field(default_factory=dict)
    points: dict[str, tuple[float, float]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Contour:
        _need([*_lengths(len(self.x), delta=self.delta),
               *_lengths(len(self.y), **{f"row {k}": row for k, row in enumerate(self.delta)})])
        return self


class ProjectionCurve(Config):
    """Uncertainty over luminosity: total, statistical and systematic, and the floor of the total."""

    luminosity: Floats = Field(min_length=2)
    total: Floats
    statistical: Floats
    systematic: Floats
    floor: float | None = None
    xlabel: str = r"integrated luminosity [fb$^{-1}$]"
    ylabel: str

    @model_validator(mode="after")
    def _check(self) -> ProjectionCurve:
        _need(_lengths(len(self.luminosity), total=self.total, statistical=self.statistical,
                       systematic=self.systematic))
        return self


class ComparedMeasurement(Config):
    """A measurement in a comparison: value with (down, up), and what it is; ``limit`` draws an upper limit instead."""

    label: str
    value: float
    down: float = 0.0
    up: float = 0.0
    inner: tuple[float, float] | None = None
    limit: bool = False
    average: bool = False


class MeasurementComparison(Config):
    """Measurements from top to bottom, and a band for the prediction (value, uncertainty)."""

    measurements: tuple[ComparedMeasurement, ...] = Field(min_length=1)
    xlabel: str
    prediction: tuple[float, float] | None = None
    prediction_label: str = "Standard Model"
    note: str = ""
