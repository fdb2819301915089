"""Findings: what is wrong with an input, where, and what would be right.

A check collects every finding before anything is said, so that a user mends a
file once.  Each finding carries a code, the path into the input, what was
found, what was expected and the nearest valid name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Nearest valid name to ``name``, or None when nothing is close."""
    names = sorted({str(v) for v in valid})
    lowered = {n.lower(): n for n in reversed(names)}
    hits = difflib.get_close_matches(str(name).lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[hits[0]] if hits else None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong (or noteworthy) in an input.

    Attributes
    ----------
    code
        Stable name of the kind of finding, such as ``unknown-key``.
    path
        Where: a path into the document (``beams.her.energy``,
        ``channels[0].samples[1].data``), with the line in front where known.
    message
        What was found, in one sentence.
    expected
        What would be valid, or None.
    nearest
        Nearest valid name, or None.
    severity
        ``error``, ``warning`` or ``note``.
    """

    code: str
    path: str
    message: str
    expected: str | None = None
    nearest: str | None = None
    severity: Severity = "error"

    def render(self) -> str:
        """One line for the terminal."""
        text = f"{self.severity}[{self.code}] {self.path or '(top level)'}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean '{self.nearest}'?"
        return text


@dataclass(slots=True)
class Findings:
    """Collector of findings about one input.

    Attributes
    ----------
    source
        Name of the input that is checked, normally a file name.
    """

    source: str
    items: list[Finding] = field(default_factory=list)

    def error(self, code: str, path: str, message: str, *, expected: str | None = None,
              nearest: str | None = None) -> None:
        """Add an error."""
        self.items.append(Finding(code, path, message, expected, nearest, "error"))

    def warning(self, code: str, path: str, message: str, *, expected: str | None = None,
                nearest: str | None = None) -> None:
        """Add a warning: the input is usable, the user may not mean it."""
        self.items.append(Finding(code, path, message, expected, nearest, "warning"))

    def note(self, code: str, path: str, message: str) -> None:
        """Add a note: something was done that the user should know."""
        self.items.append(Finding(code, path, message, severity="note"))

    def unknown_name(self, path: str, found: str, valid: Iterable[str], *, what: str = "name") -> None:
        """Add an error for a name that is not one of ``valid``."""
        names = sorted({str(v) for v in valid})
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        self.error(f"unknown-{what.replace(' ', '-')}", path, f"unknown {what} '{found}'",
                   expected=f"one of {shown}", nearest=nearest(found, names))

    @property
    def errors(self) -> list[Finding]:
        """Findings of severity error."""
        return [f for f in self.items if f.severity == "error"]

    def __bool__(self) -> bool:
        return bool(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def render(self) -> str:
        """All findings, one a line, under the name of the input."""
        return "\n".join([f"{self.source}:"] + ["  " + f.render() for f in self.items])

    def raise_if_errors(self, error: type[Exception] | None = None) -> None:
        """Raise when there is at least one error.

        Parameters
        ----------
        error
            Subclass of :class:`openbfactory.core.errors.InputError`.

        Raises
        ------
        openbfactory.core.errors.InputError
            Carrying all findings.
        """
        if self.errors:
            from openbfactory.core.errors import InputError

            raise (error or InputError)(self)
