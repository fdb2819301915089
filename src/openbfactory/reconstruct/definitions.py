"""What a variable is: name, unit, meaning, source, and how to compute it.

A variable is computed for a :class:`~openbfactory.reconstruct.view.View`: some
particles seen from a frame.  One with arguments is written ``daughter(0, p)``;
its ``arguments`` name their kinds:

========== ==================================================================
integer    a whole number
number     a number
index      a daughter, ``0``, or a daughter of a daughter, ``0:1``
expression a variable, or arithmetic with variables
condition  a cut string
list       the name of a particle list
word       any text
========== ==================================================================

A kind ending in ``?`` may be absent, in ``*`` may be repeated or absent, in
``+`` may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from openbfactory.core.errors import UnknownNameError

#: definitions that are those of basf2
BASF2 = "basf2-variables; variable of this name"
#: variables that exist only here
OWN = "estimate; defined here"


@dataclass(frozen=True, slots=True)
class Definition:
    """One variable.

    Attributes
    ----------
    name, unit, meaning, source
        What it is, and where the definition comes from.
    compute
        Gives the values (n,) for a view and the parsed arguments.
    arguments
        Kinds of the arguments; empty for a plain variable.
    group
        Heading under which it is listed.
    """

    name: str
    unit: str
    meaning: str
    compute: Callable[..., Any]
    arguments: tuple[str, ...] = ()
    source: str = BASF2
    group: str = ""

    @property
    def signature(self) -> str:
        """Name with the kinds of its arguments, ``daughter(index, expression)``."""
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name


def within(index: int, size: int, what: str) -> int:
    """The index, where it is one of ``size``.

    Raises
    ------
    UnknownNameError
        When it is not.
    """
    if not 0 <= index < size:
        raise UnknownNameError(what, str(index), [str(i) for i in range(size)])
    return index


def table(group: str, *parts: Iterable[Definition]) -> dict[str, Definition]:
    """Definitions of a group by name.

    Raises
    ------
    ValueError
        When a name is there twice.
    """
    found: dict[str, Definition] = {}
    for part in parts:
        for d in part:
            if d.name in found:
                message = f"the variable {d.name} is defined twice"
                raise ValueError(message)
            found[d.name] = Definition(d.name, d.unit, d.meaning, d.compute, d.arguments, d.source, group)
    return found
