"""Cards: one YAML file that describes a machine and a detector.

``load_card("belle2")`` gives a packaged card, ``load_card("mine.yaml")`` the
user's own, ``load_card("belle2:run2")`` a card in one of its run periods.
A card with ``extends: belle2`` (or a path, seen from its folder) holds only what
differs from that card; lists are replaced as a whole.
:func:`check_card` reports every mistake of a file at once.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from openbfactory.core.config import Config, read_yaml, validate
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import CardError
from openbfactory.core.quantities import references_in
from openbfactory.core.registry import lookup, names
from openbfactory.experiment.detector import Detector
from openbfactory.experiment.layers import check_layers
from openbfactory.experiment.machine import Machine
from openbfactory.experiment.network import check_network, read_network
from openbfactory.experiment.periods import Period, check_periods, in_period, split_period
from openbfactory.experiment.regions import check_regions, check_space

_DATA = Path(__file__).parent / "data"

#: name -> packaged card; others register a path under the entry-point group ``openbfactory.detectors``
DETECTORS: dict[str, Path] = {
    "belle2": _DATA / "belle2.yaml",
    "belle2-data": _DATA / "belle2-data.yaml",
    "belle": _DATA / "belle.yaml",
}


class Card(Config):
    """A machine and a detector under one name."""

    name: str
    description: str = ""
    machine: Machine
    detector: Detector
    periods: dict[str, Period] = {}

    @property
    def references(self) -> tuple[str, ...]:
        """Sorted reference keys of every number of the card."""
        return tuple(sorted(references_in(self)))


def card_names() -> list[str]:
    """Sorted names of all cards: packaged ones and those of entry points."""
    return names("detectors", DETECTORS)


def load_card(name_or_path: str | Path, *, untrained: bool = False) -> Card:
    """Card of a name, or of a YAML file; with ``:period`` behind either in that run period.

    ``untrained`` leaves out the network of its track trigger.

    Raises
    ------
    UnknownNameError
        For a name that is no card or no period, with the nearest.
    CardError
        With every mistake of the file.
    """
    card, findings = _read(*_path_of(name_or_path), untrained)
    findings.raise_if_errors(CardError)
    assert card is not None
    return card


def check_card(path: str | Path) -> Findings:
    """Every mistake of a card file (or named card); empty when there is none."""
    return _read(*_path_of(path))[1]


def _path_of(name_or_path: str | Path) -> tuple[Path, str | None]:
    """Path of a card, and the period that is asked for."""
    text, period = split_period(str(name_or_path))
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text:
        return Path(text), period
    return Path(lookup("detectors", text, DETECTORS)), period


def _read(path: Path, period: str | None = None, untrained: bool = False) -> tuple[Card | None, Findings]:
    """Card of a file where it is valid, and all findings."""
    findings = Findings(str(path))
    try:
        document, lines = _extended(path, (path.resolve(),))
    except CardError as problem:
        return None, problem.findings
    if period is not None:
        document = in_period(document, period)
    read_network(document, () if untrained else (path.parent, _DATA), lines, findings)
    card: Card | None = None
    try:
        card = validate(document, Card, source=str(path), lines=lines, error=CardError)
    except CardError as problem:
        findings.items.extend(problem.findings)
    if card is not None:
        check_network(card.detector, lines, findings)
    _check_document(document, lines, findings)
    return card, findings


def _extended(path: Path, seen: tuple[Path, ...] = ()) -> tuple[Any, dict[tuple[str, ...], int]]:
    """Document of a card laid over the one that it extends, and the lines of its own part.

    Raises
    ------
    CardError
        When a file cannot be read, or cards extend each other.
    UnknownNameError
        When the card that is extended does not exist.
    """
    document, lines = copy.deepcopy(_packaged(path)) if path.parent == _DATA else read_yaml(path, CardError)
    if not (isinstance(document, dict) and "extends" in document):
        return document, lines
    below = str(document.pop("extends"))
    base, period = path.parent / split_period(below)[0], split_period(below)[1]
    if split_period(below)[0] in card_names() or not base.exists():
        base, period = _path_of(below)
    if base.resolve() in seen:
        findings = Findings(str(path))
        findings.error("circle", "extends", f"the card '{below}' is extended by this one already")
        findings.raise_if_errors(CardError)
    under, _ = _extended(base, (*seen, base.resolve()))
    if period is not None:
        under = in_period(under, period)
    return _merged(under, document), lines


@cache
def _packaged(path: Path) -> tuple[Any, dict[tuple[str, ...], int]]:
    """Document of a packaged card and its lines, read once: cards of users that extend it are read often."""
    return read_yaml(path, CardError)


def _merged(below: Any, above: Any) -> Any:
    """A document laid over another: mappings key by key, everything else replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def _check_document(document: Any, lines: dict[tuple[str, ...], int], findings: Findings) -> None:
    """Add the findings that need more than one field."""
    layers, regions = ("detector", "tracking", "layers"), ("detector", "ecl", "regions")
    check_layers(_at(document, (*layers, "rows")), (*layers, "rows"), lines, findings)
    check_periods(_at(document, ("periods",)), _at(document, (*layers, "rows")), lines, findings)
    check_regions(_at(document, regions), regions, lines, findings)
    check_space(_at(document, layers), _at(document, ("detector", "ecl", "surface")), layers, lines, findings)


def _at(node: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path of the document, None where nothing does."""
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node
