"""Parameters of a HistFactory model: order, start values, bounds and constraint terms.

The defaults and the order are those of pyhf 0.7 (``pyhf.modifiers``): the types
in the order of :data:`openbfactory.fit.specification.MODIFIER_TYPES`; within a
type by first use, channels and samples sorted by name; ``staterror`` by name.

===========  ==========  ========  ============  =====================================
type         components  start     bounds        constraint term
===========  ==========  ========  ============  =====================================
histosys     1           0         [-5, 5]       Normal(0 | alpha, 1)
normsys      1           0         [-5, 5]       Normal(0 | alpha, 1)
normfactor   1           1         [0, 10]       none
lumi         1           set       set           Normal(auxdata | lambda, sigma), all set
shapefactor  bins        1         [0, 10]       none
shapesys     bins        1         [1e-10, 10]   Poisson(f | gamma f), f = (yield/uncertainty)^2
staterror    bins        1         [1e-10, 10]   Normal(1 | gamma, sigma), sigma = uncertainty/yield,
                                                 both summed over the samples that share it
===========  ==========  ========  ============  =====================================

A component of ``shapesys`` or ``staterror`` whose yield or uncertainty is zero is
fixed at 1, as in pyhf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from openbfactory.fit.specification import (
    COMPATIBLE_TYPES,
    MODIFIER_TYPES,
    BoolArray,
    Channel,
    FloatArray,
    Modifier,
    ParameterSetting,
    Sample,
)

Constraint = Literal["none", "normal", "poisson"]


@dataclass(frozen=True, slots=True, eq=False)
class ParameterSet:
    """The components of one named parameter.

    Attributes
    ----------
    types
        Modifier types that use it.
    scalar
        Whether it is one number for all bins; otherwise its components are
        named ``name[0]``, ``name[1]``, ...
    inits, bounds, fixed
        Start values, bounds of shape (components, 2), and which are constant.
    constraint
        Form of the constraint term.
    auxdata, widths
        Auxiliary measurement, and standard deviation (``normal``) or factor (``poisson``); empty without constraint.
    """

    name: str
    types: frozenset[str]
    scalar: bool
    inits: FloatArray
    bounds: FloatArray
    fixed: BoolArray
    constraint: Constraint
    auxdata: FloatArray
    widths: FloatArray

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self.inits)

    def component_names(self) -> list[str]:
        """Name of each component."""
        return [self.name] if self.scalar else [f"{self.name}[{i}]" for i in range(self.size)]


def sorted_uses(channels: Sequence[Channel]) -> Iterator[tuple[Channel, Sample, Modifier]]:
    """Every modifier with its channel and sample, each sorted by name."""
    for channel in sorted(channels, key=lambda c: c.name):
        for sample in sorted(channel.samples, key=lambda s: s.name):
            for modifier in sorted(sample.modifiers, key=lambda m: (m.name, m.type)):
                yield channel, sample, modifier


def default_sets(channels: Sequence[Channel]) -> dict[str, ParameterSet]:
    """Parameters of the channels without the settings of a measurement, in the order of the model.

    Numbers that are missing because they are malformed count as zero, so that
    the function can serve a check.
    """
    uses: dict[str, dict[str, list[tuple[Channel, Sample, Modifier]]]] = {kind: {} for kind in MODIFIER_TYPES}
    for use in sorted_uses(channels):
        if use[2].type in uses:
            uses[use[2].type].setdefault(use[2].name, []).append(use)
    uses["staterror"] = dict(sorted(uses["staterror"].items()))
    sets: dict[str, ParameterSet] = {}
    for kind, by_name in uses.items():
        for name, where in by_name.items():
            if name not in sets:
                sets[name] = _default_set(name, kind, where)
            elif sets[name].types | {kind} <= COMPATIBLE_TYPES:
                sets[name] = replace(sets[name], types=sets[name].types | {kind})
    return sets


def with_settings(sets: dict[str, ParameterSet], settings: Sequence[ParameterSetting]) -> dict[str, ParameterSet]:
    """Parameters with the settings of a measurement applied; settings of unknown parameters are ignored."""
    result = dict(sets)
    for setting in settings:
        if setting.name not in result:
            continue
        old = result[setting.name]
        widths = setting.sigmas if old.constraint == "normal" else setting.factors
        result[setting.name] = replace(
            old,
            inits=old.inits if setting.inits is None else setting.inits,
            bounds=old.bounds if setting.bounds is None else setting.bounds,
            fixed=old.fixed if setting.fixed is None else np.full(old.size, setting.fixed),
            auxdata=old.auxdata if setting.auxdata is None else setting.auxdata,
            widths=old.widths if widths is None else widths,
        )
    return result


def _default_set(name: str, kind: str, uses: list[tuple[Channel, Sample, Modifier]]) -> ParameterSet:
    """Parameter of one modifier type with the defaults of the table above."""
    kinds = frozenset({kind})
    none = np.zeros(0)
    if kind in {"histosys", "normsys"}:
        return ParameterSet(name, kinds, True, np.zeros(1), np.array([[-5.0, 5.0]]), np.zeros(1, bool),
                            "normal", np.zeros(1), np.ones(1))
    if kind == "normfactor":
        return ParameterSet(name, kinds, True, np.ones(1), np.array([[0.0, 10.0]]), np.zeros(1, bool),
                            "none", none, none)
    if kind == "lumi":  # must be set by the measurement
        return ParameterSet(name, kinds, True, np.ones(1), np.array([[0.0, 10.0]]), np.zeros(1, bool),
                            "normal", np.ones(1), np.ones(1))
    if kind == "shapefactor":
        size = uses[0][0].bins
        return ParameterSet(name, kinds, False, np.ones(size), np.tile([0.0, 10.0], (size, 1)), np.zeros(size, bool),
                            "none", none, none)
    yields, uncertainty = summed(uses)
    valid = (yields > 0) & (uncertainty > 0)
    ratio = np.divide(uncertainty, yields, out=np.ones_like(yields), where=valid)
    bounds = np.tile([1e-10, 10.0], (len(yields), 1))
    if kind == "staterror":
        return ParameterSet(name, kinds, False, np.ones(len(yields)), bounds, ~valid, "normal",
                            np.ones(len(yields)), ratio)
    factors = np.divide(yields**2, uncertainty**2, out=np.ones_like(yields), where=valid)
    return ParameterSet(name, kinds, False, np.ones(len(yields)), bounds, ~valid, "poisson", factors, factors)


def summed(uses: list[tuple[Channel, Sample, Modifier]]) -> tuple[FloatArray, FloatArray]:
    """Yield and uncertainty by component, summed (in quadrature) over samples, channel after channel."""
    sums: dict[str, tuple[FloatArray, FloatArray]] = {}
    for channel, sample, modifier in uses:
        total, squares = sums.get(channel.name, (np.zeros(channel.bins), np.zeros(channel.bins)))
        data = sample.data if len(sample.data) else np.zeros(channel.bins)
        uncertainty = np.zeros(channel.bins) if modifier.data is None else modifier.data
        sums[channel.name] = (total + data, squares + uncertainty**2)
    yields = np.concatenate([total for total, _ in sums.values()])
    return yields, np.sqrt(np.concatenate([squares for _, squares in sums.values()]))
