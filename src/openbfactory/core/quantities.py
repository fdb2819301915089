"""Numbers with sources: value, uncertainty, unit, reference.

Every physics number of the package is data in YAML of this shape::

    m_B_plus:
      value: 5.27934
      uncertainty: 0.00012
      unit: GeV
      source: pdg2024

``source`` is a key of ``physics/data/references.yaml``, or ``estimate`` where
nobody could trace the number, or a key followed by a note after a semicolon
(``tdr2010; table 4.2``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from openbfactory.core.config import Config, load


class Quantity(Config):
    """A number with unit and source.

    Attributes
    ----------
    value
        The number (or list of numbers) in ``unit``.
    unit
        Unit as text; ``1`` for a pure number.
    source
        Reference key, optionally with a note after ``;``.
    uncertainty
        One standard deviation in ``unit``, None where not given.
    """

    value: float
    unit: str = "1"
    source: str = Field(min_length=1)
    uncertainty: float | None = Field(default=None, ge=0)
    note: str | None = None

    @property
    def reference(self) -> str:
        """Key of the reference, without the note."""
        return self.source.split(";")[0].strip()


def references_in(document: Any) -> set[str]:
    """Reference keys of every ``source`` anywhere inside a model or document."""
    if isinstance(document, Config):
        document = document.model_dump(mode="python")
    found: set[str] = set()
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "source" and isinstance(value, str):
                found.add(value.split(";")[0].strip())
            else:
                found |= references_in(value)
    elif isinstance(document, list | tuple):
        for value in document:
            found |= references_in(value)
    return found


class QuantityTable(Config):
    """A YAML file of named quantities."""

    quantities: dict[str, Quantity]

    def __getitem__(self, name: str) -> float:
        return self.quantities[name].value


def load_quantities(path: str | Path) -> QuantityTable:
    """Named quantities of a YAML file."""
    return load(path, QuantityTable)
