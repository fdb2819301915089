"""``obf check FILE``: every finding about an input file at once, exit code 1 if any is an error."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from openbfactory.core.diagnostics import Findings, nearest

#: checker of each kind of file: (module, function of a path that returns Findings)
CHECKERS = {
    ".json": ("openbfactory.fit.workspace", "check_workspace"),
    ".yaml": ("openbfactory.experiment", "check_card"),
    ".yml": ("openbfactory.experiment", "check_card"),
    ".dec": ("openbfactory.generate.modelcheck", "check_decay_file"),
    **dict.fromkeys((".parquet", ".root", ".hepmc3", ".hepmc"), ("openbfactory.events", "check_file")),
}


def check(
    files: Annotated[list[Path], typer.Argument(
        metavar="FILE...", help="Workspace (.json), detector card (.yaml), decay file (.dec) or events "
                               "(.parquet, .root, .hepmc3).")],
) -> None:
    """Check input files: every finding at once, exit code 1 if any is an error."""
    failed = False
    for path in files:
        findings = check_file(path)
        text = findings.render() if findings else f"{path}: nothing to report"
        print(text.encode("utf-8", "backslashreplace").decode())
        failed |= bool(findings.errors)
    if failed:
        raise typer.Exit(1)


def check_file(path: Path) -> Findings:
    """Findings about one file, by the checker of its suffix."""
    findings = Findings(str(path))
    suffix = path.suffix.lower()
    if suffix not in CHECKERS:
        findings.error("unsupported-suffix", "", f"no check for files that end in '{suffix}'",
                       expected=f"one of {', '.join(CHECKERS)}", nearest=nearest(suffix, CHECKERS))
    elif path.is_dir():
        findings.error("unreadable", "", "this is a folder", expected="a file")
    elif not path.exists():
        findings.error("absent", "", "there is no such file", nearest=_neighbour(path))
    if findings:
        return findings
    module, function = CHECKERS[suffix]
    found: Findings = getattr(importlib.import_module(module), function)(path)
    return found


def _neighbour(path: Path) -> str | None:
    """Nearest file name in the same folder."""
    try:
        return nearest(path.name, [p.name for p in path.parent.iterdir()])
    except OSError:
        return None
