"""Parts of a cut that speak of one daughter alone, as cuts of that daughter.

``1.8 < daughter(0, M) < 1.9 and p > 1`` asks of daughter 0 that
``1.8 < M < 1.9``.  Applied before combining it saves the combinations that
could not pass; the whole cut is applied afterwards, so nothing changes but
time and memory.
"""

from __future__ import annotations

import re

from openbfactory.core.errors import CutError
from openbfactory.events.cut_grammar import (
    Arithmetic,
    Comparison,
    Condition,
    Expression,
    Logic,
    Number,
    Variable,
    parse,
)
from openbfactory.events.cuts import variables_of

_DAUGHTER = re.compile(r"daughter\((\d+),(.*)\)$", re.DOTALL)


def daughter_cuts(tree: Condition | None) -> dict[int, str]:
    """Cut string of each daughter of which a part of an ``and`` (or the whole cut) asks something alone."""
    parts = tree.parts if isinstance(tree, Logic) and tree.operator == "and" else (tree,)
    found: dict[int, str] = {}
    for part in parts:
        matches = [_DAUGHTER.match(variable.name) for variable in variables_of(part)]
        which = {match[1] if match else "" for match in matches}
        if part is None or len(which) != 1 or "" in which:
            continue
        index = int(which.pop())
        text = f"[{_condition(part)}]"
        if _readable(text):
            found[index] = f"{found[index]} and {text}" if index in found else text
    return found


def _readable(text: str) -> bool:
    """False for a text whose additional brackets are too many for the grammar."""
    try:
        parse(f"[[{text}] and {text}]")
    except CutError:
        return False
    return True


def _condition(tree: Condition) -> str:
    """Cut string of a condition, with what ``daughter`` asks for in the place of it."""
    if isinstance(tree, Comparison):
        words = [_expression(tree.operands[0])]
        for operator, operand in zip(tree.operators, tree.operands[1:], strict=True):
            words += [operator, _expression(operand)]
        return " ".join(words)
    if tree.operator == "not":
        return f"not [{_condition(tree.parts[0])}]"
    return f" {tree.operator} ".join(f"[{_condition(part)}]" for part in tree.parts)


def _expression(tree: Expression) -> str:
    if isinstance(tree, Number):
        return repr(tree.value)
    if isinstance(tree, Variable):
        match = _DAUGHTER.match(tree.name)
        return f"({match[2]})" if match else tree.name
    words = [_expression(argument) for argument in tree.arguments]
    if tree.function == "negative":
        return f"(-{words[0]})"
    if isinstance(tree, Arithmetic) and tree.function in "+-*/^":
        return f"({words[0]} {tree.function} {words[1]})"
    return f"{tree.function}({', '.join(words)})"
