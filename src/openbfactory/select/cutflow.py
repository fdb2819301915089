"""Cutflows: what each cut leaves, in order, addable over chunks.

The first step counts what came in (normally all generated events, before any
filter); each later step counts what passes it *and* all steps before it.  Sums
over chunks are exact: a record holds sums only, and the efficiencies are made
from them when asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import InputError
from openbfactory.select.intervals import binomial_uncertainty


@dataclass(frozen=True, slots=True)
class Efficiency:
    """An efficiency and its binomial uncertainty (one standard deviation)."""

    value: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Step:
    """What is left at one step: number of events, sum of weights, sum of squared weights."""

    name: str
    count: int
    weight: float
    weight2: float

    def __add__(self, other: Step) -> Step:
        return Step(self.name, self.count + other.count, self.weight + other.weight, self.weight2 + other.weight2)


@dataclass(frozen=True, slots=True)
class Cutflow:
    """Steps in order, the first being what came in."""

    steps: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the steps."""
        return tuple(s.name for s in self.steps)

    def __add__(self, other: Cutflow) -> Cutflow:
        """The cutflow of both inputs together.

        Raises
        ------
        InputError
            When the steps are not the same.
        """
        if self.names != other.names:
            findings = Findings("cutflow")
            for here, there in ((self.names, other.names), (other.names, self.names)):
                for name in (n for n in here if n not in there):
                    findings.error("unequal-cuts", name, f"'{name}' is in one of the two cutflows only",
                                   nearest=nearest(name, there))
            if not findings:
                findings.error("other-order", "", "the cuts are the same, in another order",
                               expected=", ".join(self.names))
            raise InputError(findings)
        return Cutflow(tuple(a + b for a, b in zip(self.steps, other.steps, strict=True)))

    def then(self, other: Cutflow) -> Cutflow:
        """The cutflow continued by a later stage, whose first step is what this one left.

        Raises
        ------
        InputError
            When the later stage starts from more than this one left, or a step has the same name.
        """
        findings = Findings("cutflow")
        if other.steps[0].count > self.steps[-1].count:
            findings.error("more-than-before", other.steps[0].name,
                           f"{other.steps[0].count} events after a step that left {self.steps[-1].count}")
        added = other.steps[1:] if other.steps[0].name == self.steps[-1].name else other.steps
        for name in sorted({s.name for s in added} & set(self.names)):
            findings.error("duplicate-cut", name, f"'{name}' is a step already")
        findings.raise_if_errors()
        return Cutflow(self.steps + added)

    def efficiency(self, step: int = -1, since: int = 0) -> Efficiency | None:
        """Efficiency of step ``step`` relative to step ``since``; None when nothing came in."""
        last, first = self.steps[step], self.steps[since]
        spread = binomial_uncertainty(last.weight, first.weight, last.weight2, first.weight2)
        return None if spread is None else Efficiency(last.weight / first.weight, spread)

    def relative(self, step: int) -> Efficiency | None:
        """Efficiency of step ``step`` (at least 1) relative to the step before it."""
        return self.efficiency(step, step - 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON: each step with total and relative efficiency."""
        rows = []
        for index, step in enumerate(self.steps):
            total, relative = self.efficiency(index), self.relative(index) if index else None
            rows.append({
                "name": step.name, "count": step.count, "weight": step.weight, "weight2": step.weight2,
                "efficiency": total.value if total else None,
                "efficiency_uncertainty": total.uncertainty if total else None,
                "relative": relative.value if relative else None,
                "relative_uncertainty": relative.uncertainty if relative else None,
            })
        return {"steps": rows}


def cutflow(cuts: Mapping[str, ArrayLike], weights: ArrayLike | None = None, *, first: str = "all") -> Cutflow:
    """Cutflow of named masks, applied in the order given.

    Parameters
    ----------
    cuts
        Name to mask of shape (n,), each for its own cut alone.
    weights
        Shape (n,), default 1.
    first
        Name of what came in.

    Raises
    ------
    InputError
        When masks and weights differ in length.
    """
    masks = {name: np.asarray(mask, dtype=bool) for name, mask in cuts.items()}
    sizes = {name: mask.shape for name, mask in masks.items()}
    weight = None if weights is None else np.asarray(weights, dtype=np.float64)
    shape = weight.shape if weight is not None else next(iter(sizes.values()), (0,))
    findings = Findings("cutflow")
    for name, size in sizes.items():
        if size != shape or len(size) != 1:
            findings.error("wrong-length", name, f"the mask has shape {size}", expected=f"{shape}, one number an event")
    if first in masks:
        findings.error("duplicate-cut", first, "the first step and a cut have the same name")
    findings.raise_if_errors()
    weight = np.ones(shape) if weight is None else weight
    alive = np.ones(shape, dtype=bool)
    steps = [_step(first, alive, weight)]
    for name, mask in masks.items():
        alive = alive & mask
        steps.append(_step(name, alive, weight))
    return Cutflow(tuple(steps))


def add_cutflows(flows: Iterable[Cutflow]) -> Cutflow:
    """The cutflow of all inputs together, normally of the chunks of a sample.

    Raises
    ------
    InputError
        When there is none, or steps differ.
    """
    listed = list(flows)
    if not listed:
        raise InputError("there is no cutflow to add")
    return reduce(lambda a, b: a + b, listed)


def from_dict(document: Any) -> Cutflow:
    """Cutflow of a dictionary that :meth:`Cutflow.to_dict` made.

    Raises
    ------
    InputError
        When a step lacks a number.
    """
    try:
        return Cutflow(tuple(Step(str(s["name"]), int(s["count"]), float(s["weight"]), float(s["weight2"]))
                             for s in document["steps"]))
    except (KeyError, TypeError, ValueError) as problem:
        findings = Findings("cutflow")
        findings.error("bad-cutflow", "steps", f"a step is damaged: {problem!r}",
                       expected="name, count, weight, weight2 in every step")
        raise InputError(findings) from None


def _step(name: str, alive: np.ndarray, weight: np.ndarray) -> Step:
    """What a mask leaves."""
    left = weight[alive]
    return Step(name, int(np.count_nonzero(alive)), float(left.sum()), float((left * left).sum()))
