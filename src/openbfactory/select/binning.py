"""Binnings of one or more variables and the histograms filled in them.

A binning is an ordered tuple of axes; the flat index of a bin counts the first
axis fastest.  A bin holds its lower edge and not its upper one, except the last
bin of an axis, which holds both.  Events outside, or with NaN, are in no bin.

A histogram holds the number of events, the sum of weights and the sum of squared
weights a bin, so templates of chunks add up exactly and carry the statistical
uncertainty of the simulated sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from openbfactory.core.config import Config, validate
from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: flat index of an event that is in no bin
OUTSIDE = -1
#: sums of weights below this count as none
TINY = 1e-9


class Axis(Config):
    """One variable of a binning: its name, its edges and the unit of both."""

    name: str = Field(min_length=1)
    edges: tuple[float, ...] = Field(min_length=2)
    unit: str = "1"

    @field_validator("edges")
    @classmethod
    def _rising(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if any(b <= a for a, b in pairwise(edges)):
            message = "edges that rise strictly"
            raise ValueError(message)
        return edges

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    def index(self, values: ArrayLike) -> Ints:
        """Bin of each value, same shape, :data:`OUTSIDE` where there is none."""
        x, edges = np.asarray(values, dtype=np.float64), np.asarray(self.edges)
        found = np.searchsorted(edges, x, side="right").astype(np.int64) - 1
        found[x == edges[-1]] = self.size - 1
        found[~((x >= edges[0]) & (x <= edges[-1]))] = OUTSIDE
        return found


class Bins(Config):
    """Bins of equal width: their range and number."""

    range: tuple[float, float]
    bins: int = Field(ge=1)

    @property
    def edges(self) -> Floats:
        """Edges (bins + 1,)."""
        return np.linspace(*self.range, self.bins + 1)


class Binning(Config):
    """Axes in order; the flat bin index counts the first axis fastest."""

    axes: tuple[Axis, ...] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(a.name for a in self.axes)

    @property
    def size(self) -> int:
        """Number of bins in all."""
        return int(np.prod([a.size for a in self.axes]))

    def index(self, columns: Mapping[str, ArrayLike]) -> Ints:
        """Flat bin of each event, shape (n,), :data:`OUTSIDE` where it is in none.

        Raises
        ------
        InputError
            When a column of an axis is missing.
        """
        findings = Findings("binning")
        for name in (n for n in self.names if n not in columns):
            findings.error("missing-column", name, f"the column '{name}' is missing", nearest=nearest(name, columns))
        findings.raise_if_errors()
        found = [axis.index(columns[axis.name]) for axis in self.axes]
        for name, each in zip(self.names, found, strict=True):
            if each.shape != found[0].shape:
                findings.error("wrong-length", name, f"the column has shape {each.shape}", expected=f"{found[0].shape}")
        findings.raise_if_errors()
        flat, inside, stride = np.zeros(found[0].shape, dtype=np.int64), np.ones(found[0].shape, dtype=bool), 1
        for axis, each in zip(self.axes, found, strict=True):
            inside &= each != OUTSIDE
            flat += stride * each
            stride *= axis.size
        return np.where(inside, flat, np.int64(OUTSIDE))

    def ranges(self, flat: int) -> tuple[tuple[float, float], ...]:
        """Lower and upper edge on each axis of one flat bin."""
        found = []
        for axis in self.axes:
            flat, at = divmod(flat, axis.size)
            found.append((axis.edges[at], axis.edges[at + 1]))
        return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Number of events, sum of weights and sum of squared weights in each flat bin.

    Attributes
    ----------
    binning
        What the bins are.
    counts, values, variances
        Shape (bins,), read-only.
    """

    binning: Binning
    counts: Ints
    values: Floats
    variances: Floats

    def __post_init__(self) -> None:
        for array in (self.counts, self.values, self.variances):
            array.setflags(write=False)

    def __add__(self, other: Histogram) -> Histogram:
        """The histogram of both inputs together.

        Raises
        ------
        InputError
            When the binnings differ.
        """
        if self.binning != other.binning:
            findings = Findings("histogram")
            findings.error("other-bins", ", ".join(self.binning.names), "the histograms have other bins",
                           expected=f"{other.binning.axes} as the first has {self.binning.axes}")
            raise InputError(findings)
        return Histogram(self.binning, self.counts + other.counts, self.values + other.values,
                         self.variances + other.variances)

    def scaled(self, factor: float) -> Histogram:
        """The histogram with every weight multiplied by ``factor``."""
        return Histogram(self.binning, self.counts.copy(), self.values * factor, self.variances * factor**2)

    @property
    def uncertainties(self) -> Floats:
        """One standard deviation of each value from the size of the sample, shape (bins,)."""
        return np.sqrt(self.variances)

    def projection(self, name: str) -> Histogram:
        """The histogram in one axis alone, summed over the others.

        Raises
        ------
        InputError
            When there is no such axis.
        """
        self._require(name)
        keep = self.binning.names.index(name)
        shape = tuple(a.size for a in self.binning.axes)
        others = tuple(i for i in range(len(shape)) if i != keep)
        arrays = [a.reshape(shape, order="F").sum(axis=others) for a in (self.counts, self.values, self.variances)]
        return Histogram(Binning(axes=(self.binning.axes[keep],)), arrays[0], arrays[1], arrays[2])

    def slices(self, name: str) -> list[Histogram]:
        """The histograms in the other axes, one for each bin of an axis.

        Raises
        ------
        InputError
            When there is no such axis, or no other.
        """
        self._require(name)
        keep = self.binning.names.index(name)
        axes = tuple(a for a in self.binning.axes if a.name != name)
        if not axes:
            message = f"histogram: there is no axis beside '{name}'"
            raise InputError(message)
        shape = tuple(a.size for a in self.binning.axes)
        arrays = [np.moveaxis(a.reshape(shape, order="F"), keep, 0) for a in (self.counts, self.values, self.variances)]
        return [Histogram(Binning(axes=axes), *(a[k].ravel(order="F") for a in arrays)) for k in range(shape[keep])]

    def factorised(self) -> Histogram:
        """The product of the projections on two axes, for a sample in which they are independent.

        The variances are those of the projections; the counts stay.

        Raises
        ------
        InputError
            When there are not two axes.
        """
        if len(self.binning.axes) != 2:
            findings = Findings("histogram")
            findings.error("wrong-axes", ", ".join(self.binning.names), "a product is made of two axes")
            raise InputError(findings)
        total = max(float(self.values.sum()), TINY)
        parts = [self.projection(name) for name in self.binning.names]
        product = np.outer(parts[0].values, parts[1].values) / total
        relative = [np.where(p.values > 0, p.variances / np.maximum(p.values, TINY) ** 2, 0.0) for p in parts]
        variances = (product * np.sqrt(np.add.outer(relative[0], relative[1]))) ** 2
        return Histogram(self.binning, self.counts.copy(), product.ravel(order="F"), variances.ravel(order="F"))

    def _require(self, name: str) -> None:
        """Refuse the name of an axis that is none."""
        if name not in self.binning.names:
            findings = Findings("histogram")
            findings.unknown_name(name, name, self.binning.names, what="axis")
            raise InputError(findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"binning": self.binning.model_dump(mode="json"), "counts": self.counts.tolist(),
                "values": self.values.tolist(), "variances": self.variances.tolist()}


def fill(binning: Binning, columns: Mapping[str, ArrayLike], weights: ArrayLike | None = None) -> Histogram:
    """Histogram of events, columns and weights of shape (n,); events outside are left out.

    Raises
    ------
    InputError
        When a column is missing, lengths differ, or a weight is not finite.
    """
    flat = binning.index(columns)
    weight = np.ones(flat.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    findings = Findings("histogram")
    if weight.shape != flat.shape:
        findings.error("wrong-length", "weights", f"found shape {weight.shape}", expected=str(flat.shape))
    elif not np.isfinite(weight).all():
        findings.error("bad-weight", "weights", "weights must be finite")
    findings.raise_if_errors()
    inside = flat != OUTSIDE
    flat, weight, size = flat[inside], weight[inside], binning.size
    counts = np.bincount(flat, minlength=size).astype(np.int64)
    values = np.bincount(flat, weights=weight, minlength=size).astype(np.float64)
    variances = np.bincount(flat, weights=weight * weight, minlength=size).astype(np.float64)
    return Histogram(binning, counts, values, variances)


def empty(binning: Binning) -> Histogram:
    """Histogram without events."""
    return Histogram(binning, np.zeros(binning.size, dtype=np.int64), np.zeros(binning.size), np.zeros(binning.size))


def add_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of all inputs together, normally of the chunks of a sample.

    Raises
    ------
    InputError
        When there is none, or the binnings differ.
    """
    listed = list(histograms)
    if not listed:
        raise InputError("there is no histogram to add")
    return reduce(lambda a, b: a + b, listed)


def weighted_sum(binning: Binning, parts: Iterable[tuple[Mapping[str, ArrayLike], float]]) -> Histogram:
    """Histogram of tables of events, each with one weight for all of its events.

    Raises
    ------
    InputError
        When there is no table, or a column is missing.
    """
    return add_histograms(fill(binning, columns).scaled(weight) for columns, weight in parts)


def from_dict(document: Any) -> Histogram:
    """Histogram of a dictionary that :meth:`Histogram.to_dict` made.

    Raises
    ------
    InputError
        When the binning is damaged or an array has another length.
    """
    findings = Findings("histogram")
    if not isinstance(document, dict) or not {"binning", "counts", "values", "variances"} <= set(document):
        findings.error("not-a-histogram", "", "keys are missing", expected="binning, counts, values, variances")
        findings.raise_if_errors()
    binning = validate(document["binning"], Binning, source="histogram", error=InputError)
    arrays = {name: _numbers(name, document[name], findings) for name in ("counts", "values", "variances")}
    for name, array in arrays.items():
        if array.shape != (binning.size,):
            findings.error("wrong-length", name, f"found shape {array.shape}", expected=f"({binning.size},)")
    findings.raise_if_errors()
    return Histogram(binning, arrays["counts"].astype(np.int64), arrays["values"], arrays["variances"])


def _numbers(name: str, values: Any, findings: Findings) -> Floats:
    """Numbers of a document as an array; empty with a finding where they are none."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        findings.error("not-numbers", name, "this is no list of numbers")
        return np.zeros(0)
