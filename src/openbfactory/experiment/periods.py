"""Run periods of a card: what a detector was like in some years, as changes of layers of the tracker.

A card lists its periods under ``periods``; as it stands it is one of them.  ``NAME:PERIOD`` wherever a card is asked
for (``belle2:run2``, ``mine.yaml:upgrade``) takes the card with the changes of that period.

Approximation: only the tracker changes; beams, background and trigger stay those of the card.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from pydantic import Field

from openbfactory.core.config import Config, path_text
from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import UnknownNameError
from openbfactory.experiment.layers import Resolution, UnitInterval


class LayerChange(Config):
    """Values of a layer that differ in a period; those not given stay, units are those of the table of layers."""

    coverage: UnitInterval | None = None
    efficiency: UnitInterval | None = None
    resolution_u: Resolution | None = None
    resolution_v: Resolution | None = None
    material: UnitInterval | None = None


class Period(Config):
    """A run period: description, and changes by the name of the layer."""

    description: str = ""
    layers: dict[str, LayerChange] = {}
    source: str = Field(min_length=1)


def split_period(text: str) -> tuple[str, str | None]:
    """Card and period of ``NAME:PERIOD``; no period where none is given."""
    found = re.fullmatch(r"(.+):(\w[\w.-]*)", text)
    return (found[1], found[2]) if found else (text, None)


def in_period(document: Any, period: str) -> Any:
    """Copy of the document of a card with the changes of a period in its layers.

    Raises
    ------
    UnknownNameError
        With the nearest period of the card.
    """
    periods = document.get("periods") if isinstance(document, dict) else None
    if not isinstance(periods, dict) or period not in periods:
        raise UnknownNameError("period", period, list(periods) if isinstance(periods, dict) else [])
    changed = copy.deepcopy(document)
    if isinstance(changed.get("name"), str):
        changed["name"] = f"{changed['name']}:{period}"
    changes = periods[period].get("layers") if isinstance(periods[period], dict) else None
    for row in _rows(changed):
        change = changes.get(row.get("name")) if isinstance(changes, dict) else None
        if isinstance(change, dict):
            row.update({key: value for key, value in change.items() if key in LayerChange.model_fields})
    return changed


def _rows(document: Any) -> list[dict[str, Any]]:
    """Rows of the table of layers as read; empty where there is none."""
    node = document
    for key in ("detector", "tracking", "layers", "rows"):
        node = node.get(key) if isinstance(node, dict) else None
    return [row for row in node if isinstance(row, dict)] if isinstance(node, list) else []


def check_periods(periods: Any, rows: Any, lines: dict[tuple[str, ...], int], findings: Findings) -> None:
    """Add a finding for every layer that a period changes and the card does not have."""
    if not isinstance(periods, dict) or not isinstance(rows, list):
        return
    known = [str(row.get("name")) for row in rows if isinstance(row, dict)]
    for name, period in periods.items():
        changes = period.get("layers") if isinstance(period, dict) else None
        for layer in changes if isinstance(changes, dict) else ():
            if layer not in known:
                path = ("periods", str(name), "layers", str(layer))
                findings.error("unknown-layer", path_text(path, lines), f"the card has no layer '{layer}'",
                               expected="the name of a layer", nearest=nearest(str(layer), known))
