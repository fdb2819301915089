"""Compiles a checked workspace into the flat arrays of a model.

Cells are the bins of every sample of every channel, channels and samples sorted
by name.  An additive entry is one ``histosys`` in one cell; a slot is one
distinct factor (a parameter, or a ``normsys`` of a parameter with its two
factors), and each cell lists its slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from openbfactory.fit.interpolation import Additive, Factor, code4_coefficients
from openbfactory.fit.model import ConstraintTerms, Model, Parameters
from openbfactory.fit.parameters import ParameterSet, default_sets, with_settings
from openbfactory.fit.specification import Channel, FloatArray, IntArray, Modifier, Sample
from openbfactory.fit.workspace import Workspace


def compile_model(workspace: Workspace, measurement: str | None = None, *, additive_code: Additive = "code4p",
                  factor_code: Factor = "code4") -> Model:
    """Model of a workspace with the settings of a measurement (the first by default).

    Parameters
    ----------
    additive_code, factor_code
        Interpolation of ``histosys`` and of ``normsys``; the defaults are those of pyhf.

    Raises
    ------
    UnknownNameError
        When the measurement does not exist.
    """
    settings = workspace.measurement(measurement).parameters
    sets = with_settings(default_sets(workspace.content.channels), settings)
    channels = sorted(workspace.content.channels, key=lambda c: c.name)
    first = np.cumsum([0] + [s.size for s in sets.values()])
    layout = _Layout(sets, {name: int(at) for name, at in zip(sets, first[:-1], strict=True)}, int(first[-1]))
    for channel in channels:
        layout.add_channel(channel)
    up, down = np.array(layout.slot_up), np.array(layout.slot_down)
    return Model(
        parameters=_parameters(list(sets.values())),
        constraints=_constraints(list(sets.values())),
        channel_bins={c.name: c.bins for c in channels},
        cell_names=tuple(layout.blocks),
        cell_bin=np.concatenate(layout.cell_bin),
        nominal=np.concatenate(layout.nominal),
        cell_slots=layout.cell_slots(),
        entry_parameter=_joined(layout.entry_parameter, np.int64),
        entry_cell=_joined(layout.entry_cell, np.int64),
        entry_up=_joined(layout.entry_up, np.float64),
        entry_down=_joined(layout.entry_down, np.float64),
        slot_parameter=np.array(layout.slot_parameter, dtype=np.int64),
        slot_is_linear=np.array(layout.slot_is_linear, dtype=bool),
        slot_log_up=np.log(up), slot_log_down=np.log(down), slot_coefficients=code4_coefficients(up, down),
        additive_code=additive_code, factor_code=factor_code,
    )


def _joined(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    """Arrays one after another; an empty array of ``dtype`` when there is none."""
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype, copy=False)


@dataclass(slots=True)
class _Layout:
    """Grows the flat arrays channel after channel.

    Attributes
    ----------
    sets, begin, size
        Parameters, index of the first component of each, number of all components.
    """

    sets: Mapping[str, ParameterSet]
    begin: Mapping[str, int]
    size: int
    blocks: list[tuple[str, str]] = field(default_factory=list)
    cell_bin: list[IntArray] = field(default_factory=list)
    nominal: list[FloatArray] = field(default_factory=list)
    factors: list[list[IntArray]] = field(default_factory=list)
    entry_parameter: list[IntArray] = field(default_factory=list)
    entry_cell: list[IntArray] = field(default_factory=list)
    entry_up: list[FloatArray] = field(default_factory=list)
    entry_down: list[FloatArray] = field(default_factory=list)
    slot_parameter: list[int] = field(default_factory=list)
    slot_is_linear: list[bool] = field(default_factory=list)
    slot_up: list[float] = field(default_factory=list)
    slot_down: list[float] = field(default_factory=list)
    slots: dict[tuple[int, tuple[float, float] | None], int] = field(default_factory=dict)
    stat_begin: dict[tuple[str, str], int] = field(default_factory=dict)
    stat_size: dict[str, int] = field(default_factory=dict)
    bins: int = 0
    cells: int = 0

    def __post_init__(self) -> None:
        self._slot(self.size)  # slot 0: the constant 1 that fills up shorter lists

    def add_channel(self, channel: Channel) -> None:
        """Add the cells of a channel."""
        for sample in sorted(channel.samples, key=lambda s: s.name):
            self.blocks.append((channel.name, sample.name))
            self.cell_bin.append(np.arange(self.bins, self.bins + channel.bins))
            self.nominal.append(sample.data)
            self.factors.append([])
            for modifier in sample.modifiers:
                self._add_modifier(channel, sample, modifier)
            self.cells += channel.bins
        self.bins += channel.bins

    def cell_slots(self) -> IntArray:
        """Slots of each cell, shape (cells, factors), padded with slot 0."""
        width = max(1, max(len(f) for f in self.factors))
        blocks = []
        for lists, data in zip(self.factors, self.nominal, strict=True):
            block = np.zeros((len(data), width), dtype=np.int64)
            for column, slots in enumerate(lists):
                block[:, column] = slots
            blocks.append(block)
        return np.concatenate(blocks)

    def _add_modifier(self, channel: Channel, sample: Sample, modifier: Modifier) -> None:
        """Add one modifier of the sample that is being added."""
        index = self.begin[modifier.name]
        if modifier.type == "histosys":
            self._add_entries(index, sample, modifier)
        elif modifier.type == "normsys":
            assert modifier.lo is not None and modifier.hi is not None  # noqa: PT018 - checked with the workspace
            slot = self._slot(index, (float(modifier.hi[0]), float(modifier.lo[0])))
            self.factors[-1].append(np.full(channel.bins, slot))
        elif self.sets[modifier.name].scalar:
            self.factors[-1].append(np.full(channel.bins, self._slot(index)))
        else:
            index += self._component(channel, modifier)
            self.factors[-1].append(np.array([self._slot(index + b) for b in range(channel.bins)]))

    def _add_entries(self, index: int, sample: Sample, modifier: Modifier) -> None:
        """Add the cells that a ``histosys`` changes."""
        assert modifier.lo is not None and modifier.hi is not None  # noqa: PT018 - checked with the workspace
        up, down = modifier.hi - sample.data, sample.data - modifier.lo
        changed = np.flatnonzero((up != 0) | (down != 0))
        self.entry_parameter.append(np.full(len(changed), index))
        self.entry_cell.append(self.cells + changed)
        self.entry_up.append(up[changed])
        self.entry_down.append(down[changed])

    def _component(self, channel: Channel, modifier: Modifier) -> int:
        """First component of a parameter by bin that belongs to a channel."""
        if modifier.type != "staterror":
            return 0
        key = (modifier.name, channel.name)
        if key not in self.stat_begin:  # a staterror goes on from channel to channel
            self.stat_begin[key] = self.stat_size.get(modifier.name, 0)
            self.stat_size[modifier.name] = self.stat_begin[key] + channel.bins
        return self.stat_begin[key]

    def _slot(self, parameter: int, factors: tuple[float, float] | None = None) -> int:
        """Index of a slot: the (up, down) factors of a ``normsys``, or else the parameter itself."""
        key = (parameter, factors)
        if key not in self.slots:
            up, down = factors or (1.0, 1.0)
            self.slots[key] = len(self.slots)
            self.slot_parameter.append(parameter)
            self.slot_is_linear.append(factors is None)
            self.slot_up.append(up)
            self.slot_down.append(down)
        return self.slots[key]


def _parameters(sets: Sequence[ParameterSet]) -> Parameters:
    """Components of all parameters; a Poisson constraint counts with its mean and standard deviation."""
    center, width = [], []
    for item in sets:
        if item.constraint == "none":
            center.append(np.full(item.size, np.nan))
            width.append(np.full(item.size, np.nan))
        elif item.constraint == "normal":
            center.append(item.auxdata)
            width.append(item.widths)
        else:
            center.append(item.auxdata / item.widths)
            width.append(1 / np.sqrt(item.widths))
    bounds = np.concatenate([s.bounds for s in sets])
    return Parameters(
        names=tuple(name for s in sets for name in s.component_names()),
        inits=np.concatenate([s.inits for s in sets]), lower=bounds[:, 0], upper=bounds[:, 1],
        fixed=np.concatenate([s.fixed for s in sets]),
        center=np.concatenate(center), width=np.concatenate(width),
    )


def _constraints(sets: Sequence[ParameterSet]) -> ConstraintTerms:
    """Constraint terms of all parameters that have one."""
    order, poisson, width, auxdata = [], [], [], []
    begin = 0
    for item in sets:
        if item.constraint != "none":
            order.append(np.arange(begin, begin + item.size))
            poisson.append(np.full(item.size, item.constraint == "poisson"))
            width.append(item.widths)
            auxdata.append(item.auxdata)
        begin += item.size
    return ConstraintTerms(_joined(order, np.int64), _joined(poisson, np.bool_), _joined(width, np.float64),
                           _joined(auxdata, np.float64))
