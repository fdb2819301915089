"""A HistFactory model: expected events by bin, with analytic first and second derivatives.

The model of a bin b is a sum over samples (cells k of that bin),

    lambda_b = sum_k nu_k,   nu_k = (nominal_k + sum_h delta_h,k(alpha_h)) * prod_j f_j,k(theta_j),

with additive variations delta (``histosys``) and factors f (all other modifier
types): pyhf 0.7, ``pyhf.pdf``.  The derivatives are written out with products
that leave out one or two factors, never divided, so that a factor of zero (mu = 0)
is as good as any other.

Everything is vectorised numpy over three flat lists: cells, additive entries
(parameter, cell) and factors by cell (padded with a factor 1).  A model of the
size of a published B+ -> K+ nu nubar likelihood (30 bins, 232 parameters) takes
under a millisecond with its Hessian; nothing has to be compiled first.

Validity: any number of modifiers of all seven types; two modifiers of one cell
may share a parameter only as one ``histosys`` with one ``normsys``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openbfactory.core.errors import UnknownNameError
from openbfactory.fit.interpolation import Additive, Factor, additive, factor
from openbfactory.fit.specification import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Every component of every parameter of a model, as arrays of equal length.

    Attributes
    ----------
    names
        Component names in the order of pyhf.
    inits, lower, upper, fixed
        Start value, bounds, and which are constant.
    center, width
        Auxiliary measurement and its standard deviation in units of the
        parameter; nan without constraint.
    """

    names: tuple[str, ...]
    inits: FloatArray
    lower: FloatArray
    upper: FloatArray
    fixed: BoolArray
    center: FloatArray
    width: FloatArray

    def index(self, name: str) -> int:
        """Index of a component.

        Raises
        ------
        UnknownNameError
            When there is none of this name.
        """
        if name not in self.names:
            raise UnknownNameError("parameter", name, self.names)
        return self.names.index(name)


@dataclass(frozen=True, slots=True, eq=False)
class ConstraintTerms:
    """Constraint terms of a model: Normal(aux | theta, sigma) and Poisson(aux | factor theta).

    Attributes
    ----------
    order
        Parameter of each auxiliary measurement, in the order of pyhf.
    is_poisson
        Form of each.
    width
        sigma of a Normal, factor of a Poisson.
    auxdata
        Nominal auxiliary measurements.
    """

    order: IntArray
    is_poisson: BoolArray
    width: FloatArray
    auxdata: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """Expected events and what their derivatives are made of.

    Attributes
    ----------
    bins
        Expected events by bin.
    entry_slope, entry_bend
        First and second derivative of the cell of each additive entry to its parameter.
    factor_slope, factor_bend
        The same of each cell to each of its factors' parameters, shape (cells, factors).
    mixed
        Second derivative to an entry's and a factor's parameter, shape (entries, factors).
    pair_bend
        Second derivative to the parameters of two factors, shape (cells, pairs).
    """

    bins: FloatArray
    entry_slope: FloatArray
    factor_slope: FloatArray
    mixed: FloatArray
    entry_bend: FloatArray
    pair_bend: FloatArray
    factor_bend: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Compiled HistFactory model; make it with :func:`openbfactory.fit.compilation.compile_model`.

    Attributes
    ----------
    channel_bins
        Number of bins of each channel, sorted by name.
    cell_names
        (channel, sample) of each block of cells.
    """

    parameters: Parameters
    constraints: ConstraintTerms
    channel_bins: dict[str, int]
    cell_names: tuple[tuple[str, str], ...]
    cell_bin: IntArray
    nominal: FloatArray
    entry_parameter: IntArray
    entry_cell: IntArray
    entry_up: FloatArray
    entry_down: FloatArray
    slot_parameter: IntArray
    slot_is_linear: BoolArray
    slot_log_up: FloatArray
    slot_log_down: FloatArray
    slot_coefficients: FloatArray
    cell_slots: IntArray
    additive_code: Additive
    factor_code: Factor
    pairs: IntArray = field(init=False)
    jacobian_index: IntArray = field(init=False)
    hessian_index: IntArray = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.parameters.names) + 1  # one more column takes the padding
        count = self.cell_slots.shape[1]
        pairs = np.array([(i, j) for i in range(count) for j in range(i)], dtype=np.int64).reshape(-1, 2)
        owner = self.slot_parameter[self.cell_slots]
        object.__setattr__(self, "pairs", pairs)
        object.__setattr__(self, "jacobian_index", np.concatenate([
            self.cell_bin[self.entry_cell] * size + self.entry_parameter,
            (self.cell_bin[:, None] * size + owner).ravel(),
        ]))
        first, second = owner[:, pairs[:, 0]], owner[:, pairs[:, 1]]
        object.__setattr__(self, "hessian_index", np.concatenate([
            (self.entry_parameter[:, None] * size + owner[self.entry_cell]).ravel(),
            self.entry_parameter * (size + 1),
            (first * size + second).ravel(),
            (owner * (size + 1)).ravel(),
        ]))

    @property
    def bins(self) -> int:
        """Number of bins."""
        return sum(self.channel_bins.values())

    def expected(self, theta: FloatArray) -> FloatArray:
        """Expected events by bin (channels sorted by name)."""
        return _sum_by(self.cell_bin, self.expected_by_cell(theta), self.bins)

    def expected_by_cell(self, theta: FloatArray) -> FloatArray:
        """Expected events by sample and bin, flat, in the order of ``cell_names``."""
        change, _, _ = additive(theta[self.entry_parameter], self.entry_up, self.entry_down, self.additive_code)
        base = self.nominal + _sum_by(self.entry_cell, change, len(self.nominal))
        value, _, _ = self._factors(theta)
        return base * value[self.cell_slots].prod(axis=1)

    def expected_by_sample(self, theta: FloatArray) -> dict[str, dict[str, FloatArray]]:
        """Expected events by bin of each sample of each channel."""
        cells = self.expected_by_cell(theta)
        result: dict[str, dict[str, FloatArray]] = {}
        begin = 0
        for channel, sample in self.cell_names:
            end = begin + self.channel_bins[channel]
            result.setdefault(channel, {})[sample] = cells[begin:end]
            begin = end
        return result

    def _factors(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value, first and second derivative of every factor slot; slot 0 is the constant 1."""
        alpha = np.append(theta, 1.0)[self.slot_parameter]
        value, first, second = factor(alpha, self.slot_log_up, self.slot_log_down, self.slot_coefficients,
                                      self.factor_code)
        value = np.where(self.slot_is_linear, alpha, value)
        first = np.where(self.slot_is_linear, 1.0, first)
        second = np.where(self.slot_is_linear, 0.0, second)
        first[0] = 0.0
        return value, first, second

    def derivatives(self, theta: FloatArray) -> Expectation:
        """Expected events with every non-zero first and second derivative of the cells."""
        change, slope, bend = additive(theta[self.entry_parameter], self.entry_up, self.entry_down,
                                       self.additive_code)
        base = self.nominal + _sum_by(self.entry_cell, change, len(self.nominal))
        value, first, second = (v[self.cell_slots] for v in self._factors(theta))
        others = _products_without_one(value)
        product = others[:, 0] * value[:, 0]
        without = others * first
        first_of, second_of = self.pairs.T
        rest = _products_without_two(value, self.pairs)
        return Expectation(
            bins=_sum_by(self.cell_bin, base * product, self.bins),
            entry_slope=slope * product[self.entry_cell],
            factor_slope=base[:, None] * without,
            mixed=slope[:, None] * without[self.entry_cell],
            entry_bend=bend * product[self.entry_cell],
            pair_bend=base[:, None] * rest * first[:, first_of] * first[:, second_of],
            factor_bend=base[:, None] * others * second,
        )

    def jacobian(self, expectation: Expectation) -> FloatArray:
        """First derivatives of the expected events, shape (bins, parameters)."""
        size = len(self.parameters.names) + 1
        weights = np.concatenate([expectation.entry_slope, expectation.factor_slope.ravel()])
        return _sum_by(self.jacobian_index, weights, self.bins * size).reshape(self.bins, size)[:, :-1]

    def curvature(self, expectation: Expectation, weight: FloatArray) -> FloatArray:
        """Second derivatives summed over bins with a weight each, shape (parameters, parameters)."""
        size = len(self.parameters.names) + 1
        by_cell = weight[self.cell_bin]
        by_entry = by_cell[self.entry_cell]
        # mixed terms are made symmetric below, so pure second derivatives go in by halves
        weights = np.concatenate([
            (expectation.mixed * by_entry[:, None]).ravel(),
            0.5 * expectation.entry_bend * by_entry,
            (expectation.pair_bend * by_cell[:, None]).ravel(),
            (0.5 * expectation.factor_bend * by_cell[:, None]).ravel(),
        ])
        half = _sum_by(self.hessian_index, weights, size * size).reshape(size, size)[:-1, :-1]
        return half + half.T


def _sum_by(index: IntArray, weights: FloatArray, length: int) -> FloatArray:
    """Sum of the weights of each index, for indices below ``length``."""
    return np.bincount(index, weights, length).astype(np.float64, copy=False)


def _products_without_one(value: FloatArray) -> FloatArray:
    """Product of all factors of a cell but one, for each of them; shape (cells, factors)."""
    count = value.shape[1]
    result = np.ones_like(value)
    for i in range(1, count):
        result[:, i] = result[:, i - 1] * value[:, i - 1]
    after = np.ones(len(value))
    for i in range(count - 2, -1, -1):
        after = after * value[:, i + 1]
        result[:, i] *= after
    return result


def _products_without_two(value: FloatArray, pairs: IntArray) -> FloatArray:
    """Product of all factors of a cell but two, for each pair; shape (cells, pairs)."""
    result = np.ones((len(value), len(pairs)))
    for column in range(value.shape[1]):
        keep = (pairs != column).all(axis=1)
        result[:, keep] *= value[:, column, None]
    return result
