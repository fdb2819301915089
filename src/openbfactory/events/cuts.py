"""Cut strings over columns: ``"1.7 < M < 2.0 and [dr < 0.5 or nCDCHits > 20]"``.

Method: the text is parsed into a tree (:mod:`.cut_grammar`), which is evaluated
with array operations; no text is ever executed.

A missing value (NaN) passes no cut: a comparison with NaN is neither true nor
false, and neither is its negation, so ``not [M < 2]`` drops events without
``M`` as well; ask for them with ``isNAN(M)``.  ``==`` is exact.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import CutError
from openbfactory.events.cut_grammar import (
    Arithmetic,
    Comparison,
    Condition,
    Expression,
    Number,
    Variable,
    canonical,
    parse,
)

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
#: gives the values of a variable of a tree
Column = Callable[[Variable], Floats]

_COMPARE: dict[str, Callable[[Floats, Floats], Mask]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}
_EVALUATE: dict[str, Callable[..., Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "negative": np.negative,
    "abs": np.abs, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "log10": np.log10, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "min": np.minimum, "max": np.maximum,
    "isNAN": np.isnan,
}


@dataclass(frozen=True, slots=True)
class Cut:
    """A condition on columns.

    Attributes
    ----------
    text
        The cut string.
    tree
        What it means; None passes everything.
    """

    text: str
    tree: Condition | None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the columns it needs, in the order of their first use."""
        return tuple(dict.fromkeys(v.name for v in variables_of(self.tree)))

    def __call__(self, columns: Mapping[str, ArrayLike]) -> Mask:
        """Mask of shape (n,) of the rows that pass.

        Parameters
        ----------
        columns
            Named columns of shape (n,); at least one, even for an empty cut.

        Raises
        ------
        CutError
            When a column is missing or lengths differ.
        """
        by_name = {canonical(name): name for name in columns}
        self.check(by_name)
        needed = {name: np.asarray(columns[by_name[name]], dtype=np.float64) for name in self.variables}
        shape = np.shape(next(iter(columns.values()))) if columns else ()
        findings = Findings(f"cut '{self.text}'")
        for name, column in needed.items():
            if column.shape != shape or len(shape) != 1:
                findings.error("wrong-length", name, f"the column has shape {column.shape}",
                               expected=f"{shape} as the first column" if len(shape) == 1 else "one number a row")
        findings.raise_if_errors(CutError)
        if self.tree is None:
            return np.ones(shape, dtype=bool)
        return condition_mask(self.tree, lambda variable: needed[variable.name], shape[0])

    def check(self, known: Iterable[str]) -> None:
        """Raise when a variable is not one of the ``known`` names.

        Raises
        ------
        CutError
            With every unknown variable and the nearest name to it.
        """
        names = {canonical(name) for name in known}
        findings = Findings(f"cut '{self.text}'")
        seen: set[str] = set()
        for variable in variables_of(self.tree):
            if variable.name not in names and variable.name not in seen:
                seen.add(variable.name)
                findings.error("unknown-variable", f"character {variable.at + 1}",
                               f"unknown variable '{variable.name}'", nearest=nearest(variable.name, names))
        findings.raise_if_errors(CutError)


def compile_cut(text: str, known: Iterable[str] | None = None) -> Cut:
    """Cut of a text; an empty text passes everything.

    Parameters
    ----------
    known
        Names that variables may have; None accepts any until columns are given.

    Raises
    ------
    CutError
        When the text is not in the grammar, or has unknown variables.
    """
    cut = Cut(text, parse(text))
    if known is not None:
        cut.check(known)
    return cut


def condition_mask(tree: Condition, column: Column, size: int) -> Mask:
    """Mask (size,) of the rows that pass a condition.

    Parameters
    ----------
    tree
        Of :func:`openbfactory.events.cut_grammar.parse_condition`.
    column
        Gives the values (size,) or () of a variable of the tree.
    """
    with np.errstate(all="ignore"):
        return np.broadcast_to(_decide(tree, column)[0], (size,)).copy()


def expression_values(tree: Expression, column: Column, size: int) -> Floats:
    """Values (size,) of arithmetic, see :func:`condition_mask`."""
    with np.errstate(all="ignore"):
        return np.broadcast_to(_value(tree, column), (size,))


def variables_of(tree: Condition | Expression | None) -> list[Variable]:
    """Every variable in a tree, from left to right."""
    if tree is None or isinstance(tree, Number):
        return []
    if isinstance(tree, Variable):
        return [tree]
    if isinstance(tree, Comparison):
        return [v for part in tree.operands for v in variables_of(part)]
    if isinstance(tree, Arithmetic):
        return [v for part in tree.arguments for v in variables_of(part)]
    return [v for part in tree.parts for v in variables_of(part)]


def _decide(tree: Condition, column: Column) -> tuple[Mask, Mask]:
    """Where a condition is true and where it is false; neither where it depends on NaN."""
    if isinstance(tree, Comparison):
        return _compare(tree, column)
    parts = [_decide(part, column) for part in tree.parts]
    if tree.operator == "not":
        return parts[0][1], parts[0][0]
    passed, failed = parts[0]
    for also_passed, also_failed in parts[1:]:
        if tree.operator == "and":
            passed, failed = passed & also_passed, failed | also_failed
        else:
            passed, failed = passed | also_passed, failed & also_failed
    return passed, failed


def _compare(tree: Comparison, column: Column) -> tuple[Mask, Mask]:
    """Where a chain of comparisons is true and where it is false."""
    values = [_value(operand, column) for operand in tree.operands]
    if not tree.operators:
        known = ~np.isnan(values[0])
        return known & (values[0] != 0.0), known & (values[0] == 0.0)
    passed: Mask = np.asarray(True)
    failed: Mask = np.asarray(False)
    for name, left, right in zip(tree.operators, values, values[1:], strict=False):
        known = ~(np.isnan(left) | np.isnan(right))
        holds = _COMPARE[name](left, right)
        passed, failed = passed & known & holds, failed | (known & ~holds)
    return passed, failed


def _value(tree: Expression, column: Column) -> Floats:
    """Values of an expression, shape (n,) or ()."""
    if isinstance(tree, Number):
        return np.asarray(tree.value)
    if isinstance(tree, Variable):
        return column(tree)
    arguments = [_value(argument, column) for argument in tree.arguments]
    return np.asarray(_EVALUATE[tree.function](*arguments), dtype=np.float64)
