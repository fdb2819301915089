"""``obf interpret --model kx``: B -> K X with an unseen X, over its mass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from openbfactory.fit.workspace import Workspace
    from openbfactory.interpret.wet import NumberDensity

#: confidence level of the limits
LEVEL = 0.90


def masses_of(text: str) -> list[float]:
    """Masses of ``LO,HI,N`` or of a single number."""
    import numpy as np

    words = text.split(",")
    try:
        if len(words) == 1:
            return [float(words[0])]
        low, high, points = words
        return [float(m) for m in np.linspace(float(low), float(high), int(points))]
    except ValueError:
        message = f"found '{text}', expected a mass in GeV or LO,HI,N such as 0,4,9"
        raise typer.BadParameter(message, param_hint="--mass") from None


def run(old: Workspace, densities: Mapping[str, NumberDensity], poi: str, masses: list[float], *, ctau: float | None,
        radius: float, boost: float) -> list[dict[str, Any]]:
    """Estimate, significance and limit of the branching fraction at each mass, printed."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from openbfactory.fit.estimate import analyse, estimate
    from openbfactory.fit.limits import upper_limit
    from openbfactory.fit.workspace import parse_workspace
    from openbfactory.interpret.two_body import UNIT, escape_probability, two_body_workspace

    table = Table(title="B+ -> K+ X, X not seen; the Standard-Model decay fixed"
                  + ("" if ctau is None else f"; c tau = {ctau:g} cm"))
    for heading in ("mass [GeV]", "B [1e-6]", "Z(0)", f"limit {100 * LEVEL:g} %", "expected", "P(escape)"):
        table.add_column(heading, justify="right")
    records: list[dict[str, Any]] = []
    console = Console(stderr=True)
    for mass in track(masses, "masses", console=console, disable=not console.is_terminal):
        document = two_body_workspace(old.document, densities, mass, poi=poi)
        analysis = analyse(parse_workspace(document, f"X of {mass:g} GeV"))
        result, limit = estimate(analysis, tests=(0.0,)), upper_limit(analysis, level=LEVEL)
        escape = 1.0 if ctau is None else escape_probability(mass, ctau, radius, boost)
        unit = UNIT / escape if escape > 0 else float("inf")
        records.append({"mass": mass, "escape": escape, "limit": _times(limit.observed, unit),
                        "expected": [_times(v, unit) for v in limit.expected], "value": _times(result.value, unit),
                        "uncertainty": _times(result.uncertainty, unit), "significance": result.significance["0"]})
        table.add_row(f"{mass:.3f}", *_row(records[-1]), f"{escape:.3g}")
    Console().print(table)
    return records


def _times(value: float | None, unit: float) -> float | None:
    return None if value is None or unit == float("inf") else value * unit


def _row(record: Mapping[str, Any]) -> list[str]:
    """Cells of a mass."""
    def text(value: float | None, form: str = ".2f") -> str:
        return "-" if value is None else format(1e6 * value, form)

    z = record["significance"]
    return [f"{text(record['value'], '+.2f')} +- {text(record['uncertainty'])}", "-" if z is None else f"{z:+.2f}",
            text(record["limit"]), text(record["expected"][2])]
