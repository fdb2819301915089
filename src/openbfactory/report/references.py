"""References that a run used: key, title, link, in one numbered list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from openbfactory.core.config import read_yaml
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Reference:
    """One source of numbers; ``link`` is None where there is nothing to open."""

    key: str
    title: str
    link: str | None = None


@cache
def known_references() -> Mapping[str, Reference]:
    """Every reference of the package by key."""
    with resources.as_file(resources.files("openbfactory.physics") / "data" / "references.yaml") as path:
        document, _ = read_yaml(Path(path))
    return {key: Reference(key, entry["title"], entry.get("link")) for key, entry in document.items()}


def resolve(sources: Iterable[str], known: Mapping[str, Reference] | None = None) -> tuple[Reference, ...]:
    """References of sources, each once, sorted by key with estimates last.

    Parameters
    ----------
    sources
        Reference keys, each with an optional note after a semicolon.
    known
        Table of references; default is that of the package.

    Raises
    ------
    InputError
        Naming every key that is in no table.
    """
    table = known_references() if known is None else known
    findings = Findings("references")
    keys = sorted({key_of(s) for s in sources} - {""}, key=lambda k: (k == "estimate", k))
    for key in keys:
        if key not in table:
            findings.unknown_name(key, key, table, what="reference")
    findings.raise_if_errors(InputError)
    return tuple(table[key] for key in keys)


def key_of(source: str) -> str:
    """Key of a source without its note."""
    return source.split(";")[0].strip()


def citation(source: str, references: Iterable[Reference]) -> str:
    """Mark ``[n]`` that links to the reference of a source; the key itself where it has no number."""
    numbers = {r.key: n for n, r in enumerate(references, 1)}
    key = key_of(source)
    return f"[[{numbers[key]}](#ref-{numbers[key]})]" if key in numbers else key
