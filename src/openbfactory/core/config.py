"""Typed configuration: pydantic models that refuse what they do not know.

:func:`load` reads YAML, validates it against a model and reports every finding
at once with the line, the path, what was expected and the nearest valid key.
The JSON schema of a model is generated (``Model.model_json_schema()``), never
written by hand.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import ConfigError, InputError


class Config(BaseModel):
    """Base of every configuration and card: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    def digest(self) -> str:
        """Hash (hexadecimal, 16 characters) of the content."""
        return digest(self.model_dump(mode="json"))


C = TypeVar("C", bound=Config)


def digest(document: Any) -> str:
    """Hash (hexadecimal, 16 characters) of a JSON-serialisable document."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def load(path: str | Path, model: type[C], error: type[InputError] = ConfigError) -> C:
    """Instance of ``model`` read from a YAML file.

    Raises
    ------
    InputError
        Of class ``error``, with all findings.
    """
    path = Path(path)
    document, lines = read_yaml(path, error)
    return validate(document, model, source=str(path), lines=lines, error=error)


def read_yaml(path: Path, error: type[InputError] = ConfigError) -> tuple[Any, dict[tuple[str, ...], int]]:
    """Document of a YAML file and the line of each path in it.

    Raises
    ------
    InputError
        When the file cannot be read or is not YAML.
    """
    findings = Findings(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except OSError as problem:
        findings.error("unreadable", "", f"cannot read the file: {problem.strerror}")
    except UnicodeDecodeError:
        findings.error("not-text", "", "the file is not UTF-8 text", expected="a YAML document")
    except (yaml.YAMLError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        findings.error("not-yaml", where, f"not valid YAML: {getattr(problem, 'problem', 'nested too deeply')}")
    findings.raise_if_errors(error)
    lines: dict[tuple[str, ...], int] = {}
    _collect_lines(node, (), lines, findings)
    findings.raise_if_errors(error)
    return document, lines


def validate(document: Any, model: type[C], *, source: str,
             lines: dict[tuple[str, ...], int] | None = None,
             error: type[InputError] = ConfigError) -> C:
    """Instance of ``model`` from a parsed document.

    Raises
    ------
    InputError
        Of class ``error``, with all findings.
    """
    try:
        return model.model_validate(document)
    except ValidationError as problem:
        findings = Findings(source)
        for item in problem.errors(include_url=False):
            _add_finding(findings, item, document, model, lines or {})
        raise error(findings) from None


def _collect_lines(node: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int],
                   findings: Findings) -> None:
    """Fill ``lines`` with the line of every path, and find keys given twice."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                findings.error("duplicate-key", path_text((*path, name), lines),
                               f"'{name}' is given twice (again in line {key.start_mark.line + 1})")
            seen.add(name)
            lines[(*path, name)] = key.start_mark.line + 1
            _collect_lines(value, (*path, name), lines, findings)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _collect_lines(value, (*path, str(index)), lines, findings)


def path_text(path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> str:
    """Path in dotted form, with the line in front where it is known."""
    dotted = ""
    for part in path:
        dotted += f"[{part}]" if part.isdigit() else (f".{part}" if dotted else part)
    line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
    return f"line {line}, {dotted}" if line else dotted


def _add_finding(findings: Findings, item: Any, document: Any, model: type[BaseModel],
                 lines: dict[tuple[str, ...], int]) -> None:
    """Translate one pydantic error into a finding."""
    location = tuple(str(part) for part in item["loc"])
    where = path_text(location, lines)
    if item["type"] == "extra_forbidden":
        valid = _valid_keys(model, location[:-1])
        shown = ", ".join(sorted(valid)) if valid else None
        findings.error("unknown-key", where, f"unknown key '{location[-1]}'",
                       expected=f"one of {shown}" if shown else None, nearest=nearest(location[-1], valid))
    elif item["type"] == "missing":
        findings.error("missing-key", where, f"'{location[-1]}' is missing")
    else:
        found = repr(item.get("input"))
        found = found if len(found) <= 60 else found[:57] + "..."
        findings.error(item["type"].replace("_", "-"), where, f"found {found}", expected=_expected(item["msg"]))


def _expected(message: str) -> str:
    """The expectation inside a message of pydantic."""
    for prefix in ("Input should be ", "Value error, "):
        message = message.removeprefix(prefix)
    return message


def _valid_keys(model: Any, path: tuple[str, ...]) -> set[str]:
    """Keys that are valid below ``path`` in ``model``; empty when not known."""
    from typing import get_args

    candidates = [model]
    for part in path:
        following: list[Any] = []
        for candidate in candidates:
            fields = getattr(candidate, "model_fields", None)
            if fields and part in fields:
                following += _models_in(fields[part].annotation, get_args)
            elif not fields:
                following += _models_in(candidate, get_args)
        candidates = following or candidates
    return {key for c in candidates for key in getattr(c, "model_fields", {})}


def _models_in(annotation: Any, get_args: Any) -> list[Any]:
    """Models named anywhere inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _models_in(argument, get_args)]
