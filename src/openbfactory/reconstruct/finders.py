"""Cited default cuts of the finders of V0, conversions, kinks and bremsstrahlung."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field

from openbfactory.core.quantities import QuantityTable, load_quantities
from openbfactory.reconstruct.config import DATA


@cache
def finder_defaults() -> QuantityTable:
    """Default cuts of the finders with units and sources."""
    return load_quantities(DATA / "finders.yaml")


def cited(name: str, **limits: float) -> Any:
    """A field whose default is the cited number of the same name."""
    return Field(default_factory=lambda: finder_defaults()[name], **limits)  # type: ignore[call-overload]
