"""Published results to compare with: quantities and yields with their sources.

The numbers are data (``physics/data/<name>_published.yaml``); a run shows them
beside its own and never uses them as an input.
"""

from __future__ import annotations

from importlib import resources
from math import prod
from pathlib import Path

from pydantic import Field, model_validator

from openbfactory.core.config import Config, load
from openbfactory.core.errors import UnknownNameError
from openbfactory.core.quantities import Quantity


class PublishedAxis(Config):
    """One variable of published bins."""

    name: str
    unit: str
    edges: tuple[float, ...] = Field(min_length=2)


class PublishedYields(Config):
    """Published expectations and counts in bins; the flat bin counts the first axis fastest.

    Attributes
    ----------
    samples, uncertainties
        Expected events and their uncertainty from the simulated sample, by
        category, (bins); uncertainties may be absent.
    data
        Observed events, (bins).
    """

    title: str
    source: str
    axes: tuple[PublishedAxis, ...] = Field(min_length=1)
    samples: dict[str, tuple[float, ...]]
    uncertainties: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    data: tuple[float, ...]

    @model_validator(mode="after")
    def _same_length(self) -> PublishedYields:
        bins = prod(len(a.edges) - 1 for a in self.axes)
        rows = {**self.samples, **{f"uncertainty of {k}": v for k, v in self.uncertainties.items()}, "data": self.data}
        wrong = [f"{name} has {len(row)}" for name, row in rows.items() if len(row) != bins]
        if wrong:
            message = f"{bins} numbers a row; {', '.join(wrong)}"
            raise ValueError(message)
        return self

    def total(self, *names: str) -> tuple[float, ...]:
        """Sum of the named samples in each bin."""
        return tuple(sum(column) for column in zip(*(self.samples[n] for n in names), strict=True))


class PublishedSpectrum(Config):
    """Published numbers in equal bins of one variable."""

    title: str
    source: str
    name: str
    unit: str
    low: float
    high: float
    values: tuple[float, ...] = Field(min_length=1)


class PublishedMeasurement(Config):
    """What a publication reports."""

    title: str
    quantities: dict[str, Quantity]
    yields: dict[str, PublishedYields] = Field(default_factory=dict)
    spectra: dict[str, PublishedSpectrum] = Field(default_factory=dict)

    def __getitem__(self, name: str) -> Quantity:
        """Quantity of a name.

        Raises
        ------
        UnknownNameError
            With the nearest name.
        """
        if name not in self.quantities:
            raise UnknownNameError("published quantity", name, self.quantities)
        return self.quantities[name]


def load_published(name: str) -> PublishedMeasurement:
    """Published measurement of a name, such as ``knunu``.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    with resources.as_file(resources.files("openbfactory.physics") / "data") as folder:
        known = {p.name.removesuffix("_published.yaml"): p for p in Path(folder).glob("*_published.yaml")}
        if name not in known:
            raise UnknownNameError("published measurement", name, known)
        return load(known[name], PublishedMeasurement)
