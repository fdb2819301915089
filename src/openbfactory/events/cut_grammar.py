"""The grammar of cut strings, for every room: text to a tree, with errors that point at the character.

The grammar is that of the Belle II analysis framework (basf2 documentation,
"Cut strings")::

    condition  := all { ("or" | "||") all }
    all        := single { ("and" | "&&") single }
    single     := "not" single | "[" condition "]" | comparison
    comparison := number { ("<" | "<=" | ">" | ">=" | "==" | "!=") number }
    number     := sums, products and powers (+ - * / ^ **) of numbers, variables,
                  functions and numbers in ( )

Square brackets group conditions, parentheses group arithmetic only.  A variable
may have arguments, ``daughter(0, p)`` or ``countInList(pi+:good, p > 1)``; what
they mean is known to the variable, so any text with closed brackets is accepted
here, and :func:`arguments` and the ``begin`` and ``end`` of the parsers serve
to read it in the same grammar.  White space in a name does not matter.  A
comparison of one number alone asks whether it is not zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import CutError

#: functions of numbers and how many arguments each takes
FUNCTIONS: Final[dict[str, int]] = {
    "abs": 1, "sqrt": 1, "exp": 1, "log": 1, "log10": 1, "sin": 1, "cos": 1, "tan": 1, "asin": 1, "acos": 1,
    "atan": 1, "isNAN": 1, "formula": 1, "min": 2, "max": 2,
}
COMPARISONS: Final = ("<=", ">=", "==", "!=", "<", ">")
MAX_DEPTH: Final = 50
MAX_TERMS: Final = 200

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?P<call>\s*\()?"
    r"|(?P<op>\*\*|<=|>=|==|!=|&&|\|\||[-+*/^<>()\[\],]))")
_SAME = {"&&": "and", "||": "or", "**": "^"}
_HINTS = {"=": "did you mean '=='?", "&": "did you mean 'and'?", "|": "did you mean 'or'?",
          "!": "did you mean 'not' or '!='?"}


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Variable:
    """A column, with the place in the text where its name begins and ends."""

    name: str
    at: int
    end: int = -1


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Function or operator of numbers; ``negative`` is the sign."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Chain of comparisons; without operators: the only operand is not zero."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """``and``, ``or`` (any number of parts) or ``not`` (one part) of conditions."""

    operator: str
    parts: tuple[Condition, ...]


Expression = Number | Variable | Arithmetic
Condition = Comparison | Logic


@dataclass(frozen=True, slots=True)
class Token:
    """Piece of the text: its kind (number, name, op, end), its text and its place."""

    kind: str
    text: str
    at: int


def parse(text: str) -> Condition | None:
    """Tree of a cut string; None for an empty one, which passes everything.

    Raises
    ------
    CutError
        At the first place that is not in the grammar.
    """
    return parse_condition(text) if text.strip() else None


def parse_condition(text: str, begin: int = 0, end: int | None = None) -> Condition:
    """Tree of the condition between two places of a text.

    Raises
    ------
    CutError
        At the first place that is not in the grammar.
    """
    parser = _Parser(text, begin, end)
    tree = parser.condition()
    token = parser.token
    if token.kind != "end":
        hint = "conditions are joined with 'and' or 'or'"
        if token.text in (")", "]"):
            hint = f"there is no opening bracket to this '{token.text}'"
        elif token.text in COMPARISONS:
            hint = "square brackets group conditions, ( ) group arithmetic"
        fail(text, token.at, f"unexpected '{token.text}'", hint)
    return tree


def parse_expression(text: str, begin: int = 0, end: int | None = None) -> Expression:
    """Tree of the arithmetic between two places of a text.

    Raises
    ------
    CutError
        At the first place that is not in the grammar.
    """
    parser = _Parser(text, begin, end)
    tree = parser.expression()
    if parser.token.kind != "end":
        fail(text, parser.token.at, f"unexpected '{parser.token.text}'", "expected a number or a variable alone")
    return tree


def arguments(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Places (begin, end) of the arguments of the variable between two places; empty without ( )."""
    opened = text.find("(", begin, end)
    if opened < 0:
        return []
    found, depth, start = [], 0, opened + 1
    for at in range(opened, end):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        if (text[at] == "," and depth == 1) or (depth == 0 and text[at] == ")"):
            inner = text[start:at]
            lead = len(inner) - len(inner.lstrip())
            found.append((start + lead, start + max(lead, len(inner.rstrip()))))
            start = at + 1
    return [] if len(found) == 1 and found[0][0] == found[0][1] else found


def fail(text: str, at: int, message: str, expected: str | None = None, *, kind: str = "cut") -> NoReturn:
    """Raise the error of one place in the text of a ``kind`` of string, with a mark under the character."""
    findings = Findings(f"{kind} string")
    hint = f"; {expected}" if expected else ""
    findings.error(f"{kind}-syntax", f"character {at + 1}", f"{message}{hint}\n{pointer(text, at)}")
    raise CutError(findings)


def pointer(text: str, at: int) -> str:
    """Two lines: the text around a place, and a mark under it."""
    start = max(0, at - 60)
    shown = text[start:at + 20].replace("\n", " ").replace("\t", " ")
    return f"    {shown}\n    {' ' * (at - start)}^"


def _tokens(text: str, begin: int, end: int) -> list[Token]:
    """Pieces of the text and an end mark."""
    found: list[Token] = []
    at, stop = begin, begin + len(text[begin:end].rstrip())
    while at < stop:
        match = _TOKEN.match(text, at, stop)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            fail(text, at, f"unexpected character '{text[at]}'", _HINTS.get(text[at]))
        group = "name" if match["name"] else str(match.lastgroup)
        word, start, at = match.group(group), match.start(group), match.end(group)
        kind = "op" if word in ("and", "or", "not") else group
        if kind == "name" and match["call"] and word not in FUNCTIONS:
            at = _closed(text, match.end("call") - 1, stop)
            kind, word = "variable", text[start:at]
        found.append(Token(kind, _SAME.get(word, word), start))
    return [*found, Token("end", "the end", stop)]


def _closed(text: str, opened: int, stop: int) -> int:
    """Place after the parenthesis that closes the one at ``opened``; what is inside may be anything."""
    depth = 0
    for at in range(opened, stop):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    fail(text, stop, "found the end", f"expected ')' to close character {opened + 1}")


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, begin: int = 0, end: int | None = None) -> None:
        self.text, self.tokens = text, _tokens(text, begin, len(text) if end is None else end)
        self.position, self.depth, self.terms = 0, 0, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self, *texts: str) -> str | None:
        """The operator at this place if it is one of ``texts``, and step over it."""
        if self.token.kind == "op" and self.token.text in texts:
            self.position += 1
            return self.tokens[self.position - 1].text
        return None

    def need(self, text: str, opened: int) -> None:
        """Step over ``text``, or fail."""
        if self.take(text):
            return
        if text == ")" and self.token.text in (*COMPARISONS, "and", "or"):
            fail(self.text, self.token.at, f"unexpected '{self.token.text}' inside ( )",
                 "square brackets group conditions, ( ) group arithmetic only")
        fail(self.text, self.token.at, f"found {self._shown()}", f"expected '{text}' to close character {opened + 1}")

    def _shown(self) -> str:
        return self.token.text if self.token.kind == "end" else f"'{self.token.text}'"

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(self.text, self.token.at, "nested too deeply", f"at most {MAX_DEPTH} levels are allowed")

    def _longer(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            fail(self.text, self.token.at, "too much arithmetic", f"at most {MAX_TERMS} operators are allowed")

    def condition(self) -> Condition:
        return self._joined("or", self._all)

    def _all(self) -> Condition:
        return self._joined("and", self._single)

    def _joined(self, operator: str, part: object) -> Condition:
        assert callable(part)
        parts: list[Condition] = [part()]
        while self.take(operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Logic(operator, tuple(parts))

    def _single(self) -> Condition:
        opened = self.token.at
        self._deeper()
        tree: Condition
        if self.take("not"):
            tree = Logic("not", (self._single(),))
        elif self.take("["):
            tree = self.condition()
            self.need("]", opened)
        else:
            tree = self._comparison()
        self.depth -= 1
        return tree

    def _comparison(self) -> Comparison:
        operands, operators = [self._sum()], []
        while operator := self.take(*COMPARISONS):
            operators.append(operator)
            operands.append(self._sum())
        return Comparison(tuple(operands), tuple(operators))

    def expression(self) -> Expression:
        return self._sum()

    def _sum(self) -> Expression:
        tree = self._product()
        while operator := self.take("+", "-"):
            self._longer()
            tree = Arithmetic(operator, (tree, self._product()))
        return tree

    def _product(self) -> Expression:
        tree = self._signed()
        while operator := self.take("*", "/"):
            self._longer()
            tree = Arithmetic(operator, (tree, self._signed()))
        return tree

    def _signed(self) -> Expression:
        self._deeper()
        sign = self.take("+", "-")
        if sign is None:
            tree = self._power()
        else:
            inner = self._signed()
            tree = inner if sign == "+" else Arithmetic("negative", (inner,))
        self.depth -= 1
        return tree

    def _power(self) -> Expression:
        base = self._atom()
        return Arithmetic("^", (base, self._signed())) if self.take("^") else base

    def _atom(self) -> Expression:
        token = self.token
        if token.kind == "number":
            self.position += 1
            return Number(float(token.text))
        if token.kind == "variable":
            self.position += 1
            return Variable(canonical(token.text), token.at, token.at + len(token.text))
        if token.kind == "name":
            self.position += 1
            return self._named(token)
        if self.take("("):
            tree = self._sum()
            self.need(")", token.at)
            return tree
        hint = "square brackets group conditions, ( ) group arithmetic" if token.text == "[" else None
        fail(self.text, token.at, f"found {self._shown()}", hint or "expected a number or a variable")

    def _named(self, name: Token) -> Expression:
        """Function call or variable."""
        opened = self.token.at
        if not self.take("("):
            return Variable(name.text, name.at, name.at + len(name.text))
        arguments = [self._sum()]
        while self.take(","):
            arguments.append(self._sum())
        self.need(")", opened)
        if len(arguments) != FUNCTIONS[name.text]:
            fail(self.text, name.at, f"'{name.text}' has {len(arguments)} argument(s)",
                 f"expected {FUNCTIONS[name.text]}")
        return arguments[0] if name.text == "formula" else Arithmetic(name.text, tuple(arguments))


def split_names(text: str) -> list[str]:
    """Names of variables with commas between, ``"M, daughter(0, p)"``; commas inside brackets do not count.

    Raises
    ------
    CutError
        When a bracket is not closed, or a name is empty.
    """
    found: list[str] = []
    opened: list[int] = []
    start = 0
    for at, sign in enumerate([*text, ","]):
        if sign in "([":
            opened.append(at)
        elif sign in ")]" and opened:
            opened.pop()
        elif sign == "," and (not opened or at == len(text)):
            found.append(text[start:at].strip())
            if opened:
                closing = f"expected a bracket to close character {opened[-1] + 1}"
                fail(text, at, "found the end", closing, kind="variable")
            if not found[-1]:
                fail(text, start, "found nothing", "expected a variable between the commas", kind="variable")
            start = at + 1
    return found


def canonical(name: str) -> str:
    """Name of a variable without the white space that does not matter."""
    return re.sub(r"(?<![A-Za-z0-9_.])\s+|\s+(?![A-Za-z0-9_.])", "", re.sub(r"\s+", " ", name.strip()))
