"""Findings about regions of the calorimeter and the space that the tracker leaves for it."""

from __future__ import annotations

from typing import Any

from openbfactory.core.config import path_text
from openbfactory.core.diagnostics import Findings
from openbfactory.experiment.dimensions import UNITS

Path = tuple[str, ...]


def _native(node: Any, dimension: str) -> float | None:
    """Number of a quantity of the document in the native unit, None where it is none."""
    if not isinstance(node, dict) or not isinstance(node.get("value"), int | float):
        return None
    scale = UNITS[dimension].get(str(node.get("unit", "")))
    return None if scale is None else float(node["value"]) * scale


def check_regions(regions: Any, path: Path, lines: dict[Path, int], findings: Findings) -> None:
    """Add a finding for every region that appears twice or overlaps one before it.

    Works on the document as read, so that these findings appear beside those about single values.
    """
    if not isinstance(regions, list):
        return
    seen: list[tuple[str, float, float]] = []
    for index, region in enumerate(regions):
        theta = region.get("theta") if isinstance(region, dict) else None
        if not isinstance(theta, dict):
            continue
        low, high = (_native(theta.get(k), "angle") for k in ("min", "max"))
        where, name = path_text((*path, str(index)), lines), str(region.get("name", f"row {index}"))
        if any(name == other for other, _, _ in seen):
            findings.error("region-twice", where, f"region '{name}' appears twice", expected="each region once")
        if low is None or high is None:
            continue
        for other, start, end in seen:
            if low < end and start < high:
                findings.error("regions-overlap", where, f"region '{name}' overlaps '{other}' in theta",
                               expected=f"outside {start:.4g} to {end:.4g} rad")
        seen.append((name, low, high))


def check_space(table: Any, surface: Any, path: Path, lines: dict[Path, int], findings: Findings) -> None:
    """Add a finding for every layer of the tracker that reaches beyond the front faces of the calorimeter."""
    if not isinstance(table, dict) or not isinstance(surface, dict) or not isinstance(table.get("rows"), list):
        return
    radius, scale = _native(surface.get("radius"), "length"), UNITS["length"].get(str(table.get("length_unit", "")))
    if radius is None or scale is None:
        return
    for index, row in enumerate(table["rows"]):
        outer = row.get("outer") if isinstance(row, dict) else None
        if isinstance(outer, int | float) and outer * scale > radius:
            findings.error("layer-outside", path_text((*path, "rows", str(index)), lines),
                           f"layer '{row.get('name', index)}' (to {outer * scale:g} cm) lies outside the calorimeter's "
                           f"front face", expected=f"outer <= {radius / scale:g}")
