"""Cut and variable strings over particles: text to column expressions.

Method: the shared grammar (:mod:`openbfactory.events.cut_grammar`) gives a
tree; every variable in it is looked up, and its arguments are read in the same
grammar, down to the last one.  The result is called with a view; a variable
that appears twice is computed once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import CutError
from openbfactory.events import cut_grammar
from openbfactory.events.cut_grammar import Condition, Expression, Variable, fail, pointer
from openbfactory.events.cuts import condition_mask, expression_values, variables_of
from openbfactory.reconstruct.decay_string import split_list_name
from openbfactory.reconstruct.definitions import Definition
from openbfactory.reconstruct.view import View
from openbfactory.reconstruct.vocabulary import VOCABULARY
from openbfactory.reconstruct.vocabulary.absent import ABSENT

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable with its arguments read."""

    definition: Definition
    arguments: tuple[Any, ...]

    def __call__(self, view: View) -> Array:
        """Values (n,) for a view."""
        values = np.asarray(self.definition.compute(view, *self.arguments), dtype=np.float64)
        return np.broadcast_to(values, (len(view),))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A text, its tree and its variables by name."""

    text: str
    tree: Any
    bound: dict[str, Bound]

    def _column(self, view: View) -> Any:
        values: dict[str, Array] = {}

        def column(variable: Variable) -> Array:
            if variable.name not in values:
                values[variable.name] = self.bound[variable.name](view)
            return values[variable.name]

        return column

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables in it."""
        return tuple(self.bound)


@dataclass(frozen=True, slots=True)
class Values(_Compiled):
    """Arithmetic of variables; called with a view it gives the values (n,)."""

    def __call__(self, view: View) -> Array:
        """Values (n,) for a view."""
        return expression_values(self.tree, self._column(view), len(view))


@dataclass(frozen=True, slots=True)
class Passes(_Compiled):
    """A condition; called with a view it gives the mask (n,)."""

    def __call__(self, view: View) -> Mask:
        """Mask (n,) for a view."""
        if self.tree is None:
            return np.ones(len(view), np.bool_)
        return condition_mask(self.tree, self._column(view), len(view))


@lru_cache(maxsize=4096)
def compile_variable(text: str) -> Values:
    """Variable, or arithmetic with variables, of a text.

    Raises
    ------
    CutError
        When the text is not in the grammar, or with every unknown variable and the nearest to it.
    """
    if not text.strip():
        fail(text, 0, "the string is empty", "expected a variable", kind="variable")
    tree = cut_grammar.parse_expression(text)
    findings = Findings(f"variable '{text}'")
    bound = _bind(text, tree, findings)
    findings.raise_if_errors(CutError)
    return Values(text, tree, bound)


@lru_cache(maxsize=4096)
def compile_condition(text: str) -> Passes:
    """Condition of a cut string; an empty one passes everything.

    Raises
    ------
    CutError
        See :func:`compile_variable`.
    """
    tree = cut_grammar.parse(text)
    findings = Findings(f"cut '{text}'")
    bound = _bind(text, tree, findings)
    findings.raise_if_errors(CutError)
    return Passes(text, tree, bound)


def _bind(text: str, tree: Condition | Expression | None, findings: Findings) -> dict[str, Bound]:
    """Every variable of a tree, looked up and with its arguments read."""
    bound: dict[str, Bound] = {}
    for variable in variables_of(tree):
        if variable.name in bound:
            continue
        name = variable.name.split("(")[0]
        definition = VOCABULARY.get(name)
        spans = cut_grammar.arguments(text, variable.at, variable.end)
        if definition is None and name in ABSENT:
            findings.error("absent-variable", f"character {variable.at + 1}",
                           f"basf2 has '{name}', this program has not: {ABSENT[name]}\n{pointer(text, variable.at)}")
            continue
        if definition is None:
            findings.error("unknown-variable", f"character {variable.at + 1}",
                           f"unknown variable '{name}'\n{pointer(text, variable.at)}",
                           nearest=nearest(name, VOCABULARY))
            continue
        kinds = _kinds(text, variable, definition, spans)
        bound[variable.name] = Bound(definition, tuple(
            _argument(text, span, kind, findings) for span, kind in zip(spans, kinds, strict=True)))
    return bound


def _kinds(text: str, variable: Variable, definition: Definition, spans: list[tuple[int, int]]) -> list[str]:
    """Kind of every argument that is there."""
    declared = definition.arguments
    least = sum(k[-1] not in "?*" for k in declared)
    repeated = bool(declared) and declared[-1][-1] in "*+"
    if not least <= len(spans) <= (1000 if repeated else len(declared)):
        fail(text, variable.at, f"'{definition.name}' has {len(spans)} argument(s)",
             f"expected {definition.signature}" if declared else "expected none", kind="variable")
    return [declared[min(i, len(declared) - 1)].rstrip("?*+") for i in range(len(spans))]


def _argument(text: str, span: tuple[int, int], kind: str, findings: Findings) -> Any:
    """One argument, read as its kind."""
    begin, end = span
    word = text[begin:end].strip()
    if kind == "integer" and re.fullmatch(r"[+-]?\d+", word):
        return int(word)
    if kind == "index" and re.fullmatch(r"\d+(\s*:\s*\d+)*", word):
        return tuple(int(part) for part in word.split(":"))
    if kind == "number":
        try:
            return float(word)
        except ValueError:
            _wrong(text, begin, word, "a number")
    if kind == "expression":
        tree = cut_grammar.parse_expression(text, begin, end)
        return Values(word, tree, _bind(text, tree, findings))
    if kind == "condition":
        if not word:
            return Passes(word, None, {})
        condition = cut_grammar.parse_condition(text, begin, end)
        return Passes(word, condition, _bind(text, condition, findings))
    if kind == "list":
        split_list_name(word)
        return word
    if kind == "word" and word:
        return word.strip("'\"")
    expected = {"integer": "a whole number", "index": "a daughter such as 0 or 0:1"}.get(kind, kind)
    return _wrong(text, begin, word, expected)


def _wrong(text: str, at: int, found: str, expected: str) -> NoReturn:
    fail(text, at, f"found '{found}'" if found else "found nothing", f"expected {expected}", kind="variable")
