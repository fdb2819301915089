"""Results of validation modules that lie beside a run: name, title and verdict of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Validation:
    """One check as its record tells it; ``passed`` where it found what was planted."""

    name: str
    title: str
    verdict: str
    passed: bool


def find_validations(run: Path) -> tuple[Validation, ...]:
    """Checks whose folders ``knunu.NAME`` are beside the folder of a run, sorted by name.

    A record that cannot be read is left out: the page of a run does not depend on it.
    """
    found = []
    for path in sorted(run.resolve().parent.glob("knunu.*/result.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found.append(Validation(str(record["analysis"]), str(record["title"]), str(record["verdict"]),
                                    bool(record["passed"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)
