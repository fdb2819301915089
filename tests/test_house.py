"""Rules of the house. Oracle: the rules in CONTRIBUTING.md; each rule is shown to catch a planted fault."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "openbfactory"
MAX_LINES = 400
MAX_FUNCTION_LINES = 80
BANNED = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def long_functions(text: str) -> list[str]:
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    return [n.name for n in nodes if (n.end_lineno or 0) - n.lineno + 1 > MAX_FUNCTION_LINES]


def cited(text: str) -> set[str]:
    """Reference keys named in a YAML text."""
    return {m.split(";")[0].strip() for m in re.findall(r"source:\s*[\"']?([^,}\"'\n]+)", text)}


def data_files() -> list[Path]:
    return [p for p in sorted(SOURCE.rglob("*.yaml")) if p.name != "references.yaml"]


def test_files_are_short():
    assert [p.name for p in modules() if len(p.read_text().splitlines()) > MAX_LINES] == []


def test_functions_are_short():
    assert {p.name: long for p in modules() if (long := long_functions(p.read_text()))} == {}
    assert long_functions("def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES + 1)) == ["f"]


def test_no_room_for_everything():
    assert [p for p in modules() if p.stem in BANNED or p.parent.name in BANNED] == []


def test_every_module_says_what_it_is_for():
    assert [p for p in modules() if not ast.get_docstring(ast.parse(p.read_text()))] == []


@pytest.mark.parametrize("path", data_files(), ids=lambda p: p.name)
def test_references_exist(path):
    known = set(yaml.safe_load((SOURCE / "physics/data/references.yaml").read_text()))
    assert cited(path.read_text()) - known == set()
    assert cited("a: {value: 1, source: nobody; p. 3}") == {"nobody"}


def test_no_reference_is_unused():
    known = set(yaml.safe_load((SOURCE / "physics/data/references.yaml").read_text())) - {"estimate"}
    everything = "\n".join(p.read_text() for p in [*data_files(), *modules()])
    assert {k for k in known if k not in everything} == set()
