"""Registries: one literal dictionary a kind, extended by entry points.

A room writes its own entries in one visible dictionary; third parties add
theirs under the entry-point group ``openbfactory.<kind>``.  An entry point is
loaded only when its name is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

from openbfactory.core.errors import UnknownNameError

T = TypeVar("T")


def names(kind: str, builtin: Mapping[str, Any]) -> list[str]:
    """Sorted names of a kind: those built in and those of entry points."""
    return sorted({*builtin, *(e.name for e in entry_points(group=f"openbfactory.{kind}"))})


def lookup(kind: str, name: str, builtin: Mapping[str, T]) -> T:
    """Entry of a registry by name.

    Raises
    ------
    UnknownNameError
        With the nearest valid name.
    """
    if name in builtin:
        return builtin[name]
    for entry in entry_points(group=f"openbfactory.{kind}"):
        if entry.name == name:
            loaded: T = entry.load()
            return loaded
    raise UnknownNameError(kind.rstrip("s"), name, names(kind, builtin))
