"""Likelihood workspaces: pyhf JSON read, checked, cut to channels, given other data, written.

A :class:`Workspace` can only be made through the checks, so that everything
behind it may rely on them.  The JSON document stays as it was read and is what
is written again.

A file is read whole.  One that is larger than :data:`MAX_BYTES`, or whose lists
and objects would take more than :data:`MAX_MEMORY` in memory, is refused before
it is parsed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import UnknownNameError, WorkspaceError
from openbfactory.fit.specification import FloatArray, Measurement, Specification
from openbfactory.fit.workspace_checks import check_specification
from openbfactory.fit.workspace_schema import Report, read_specification, show

#: largest file that is read, in bytes
MAX_BYTES = 256 * 1024**2

#: largest memory that a parsed document may take, in bytes (estimated from its brackets and commas)
MAX_MEMORY = 2 * 1024**3


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """A checked likelihood workspace.

    Attributes
    ----------
    source
        Name of the file, or what made it.
    document
        The JSON document (HistFactory schema 1.0.0); not to be changed.
    content
        The same as typed records.
    findings
        Warnings of the checks.
    """

    source: str
    document: dict[str, Any]
    content: Specification
    findings: Findings

    @property
    def channel_names(self) -> list[str]:
        """Names of the channels in the order of the file."""
        return [c.name for c in self.content.channels]

    def measurement(self, name: str | None = None) -> Measurement:
        """Measurement by name, the first one by default.

        Raises
        ------
        UnknownNameError
            When no measurement has this name.
        """
        for measurement in self.content.measurements:
            if name is None or measurement.name == name:
                return measurement
        raise UnknownNameError("measurement", str(name), [m.name for m in self.content.measurements])

    def observed(self) -> FloatArray:
        """Observed events by bin, channels sorted by name."""
        data = {o.name: o.data for o in self.content.observations}
        return np.concatenate([data[c] for c in sorted(self.channel_names)])

    def select(self, channels: Sequence[str]) -> Workspace:
        """The workspace of some of the channels.

        Settings of parameters that no channel uses any more are dropped; a
        measurement whose parameter of interest is gone has none (an empty name).

        Raises
        ------
        UnknownNameError
            When a channel does not exist.
        """
        for name in channels:
            if name not in self.channel_names:
                raise UnknownNameError("channel", name, self.channel_names)
        kept = [c for c in self.document["channels"] if c["name"] in channels]
        names = {m["name"] for c in kept for s in c["samples"] for m in s["modifiers"]}
        measurements = []
        for measurement in self.document["measurements"]:
            config = measurement["config"]
            settings = [p for p in config["parameters"] if p["name"] in names]
            poi = config["poi"] if config["poi"] in names else ""
            measurements.append({**measurement, "config": {"poi": poi, "parameters": settings}})
        document = {
            **self.document,
            "channels": kept,
            "observations": [o for o in self.document["observations"] if o["name"] in channels],
            "measurements": measurements,
        }
        return parse_workspace(document, f"{self.source} ({', '.join(channels)})")

    def with_observations(self, observed: Mapping[str, Iterable[float]]) -> Workspace:
        """The workspace with other data; channels that are not named keep theirs."""
        replaced = [
            {"name": o["name"], "data": [float(v) for v in observed.get(o["name"], o["data"])]}
            for o in self.document["observations"]
        ]
        return parse_workspace({**self.document, "observations": replaced}, self.source)

    def split(self, values: FloatArray) -> dict[str, FloatArray]:
        """Values by bin (channels sorted by name) as one array a channel."""
        result: dict[str, FloatArray] = {}
        begin = 0
        for channel in sorted(self.content.channels, key=lambda c: c.name):
            result[channel.name] = values[begin:begin + channel.bins]
            begin += channel.bins
        return result

    def digest(self) -> str:
        """Hash (hexadecimal, 16 characters) of the document."""
        return digest(self.document)

    def write(self, path: str | Path) -> None:
        """Write the document as JSON; numbers keep every digit, keys their order."""
        Path(path).write_text(json.dumps(self.document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_workspace(path: str | Path) -> Workspace:
    """Workspace of a JSON file, checked.

    Raises
    ------
    WorkspaceError
        With all findings.
    """
    return parse_workspace(_read_json(Path(path)), str(path))


def parse_workspace(document: Any, source: str = "workspace") -> Workspace:
    """Workspace of a parsed JSON document, checked.

    Raises
    ------
    WorkspaceError
        With all findings.
    """
    findings = Findings(source)
    report = Report(findings)
    content = read_specification(document, report)
    check_specification(content, report)
    report.close()
    findings.raise_if_errors(WorkspaceError)
    return Workspace(source, document, content, findings)


def check_workspace(path: str | Path) -> Findings:
    """All findings about a workspace file; reading errors are findings too."""
    try:
        return read_workspace(path).findings
    except WorkspaceError as error:
        return error.findings


def as_workspace(workspace: Workspace | Mapping[str, Any] | str | Path) -> Workspace:
    """Workspace of a workspace, a JSON document or a file name."""
    if isinstance(workspace, Workspace):
        return workspace
    if isinstance(workspace, str | Path):
        return read_workspace(workspace)
    return parse_workspace(dict(workspace))


def _read_json(path: Path) -> Any:
    """Document of a JSON file.

    Raises
    ------
    WorkspaceError
        When the file cannot be read, is too large or is not JSON.
    """
    findings = Findings(str(path))
    text = _read_text(path, findings)
    findings.raise_if_errors(WorkspaceError)
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs) and len(repeated) < 20:
            counts = Counter(key for key, _ in pairs)
            repeated.extend(sorted(key for key, count in counts.items() if count > 1))
        return result

    document = None
    try:
        document = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as problem:
        findings.error("not-json", f"line {problem.lineno}, column {problem.colno}",
                       f"not valid JSON: {problem.msg}", expected="a JSON document, complete to its end")
    except RecursionError:
        findings.error("too-deep", "", "the document is nested too deeply", expected="a likelihood workspace")
    except ValueError as problem:
        findings.error("not-json", "", f"not valid JSON: {show(str(problem))}")
    for key in repeated[:20]:
        findings.error("duplicate-key", "", f"the key '{show(key)}' is given twice in one object")
    findings.raise_if_errors(WorkspaceError)
    return document


def _read_text(path: Path, findings: Findings) -> str:
    """Text of a file, empty with a finding when it cannot be read or would take too much memory."""
    try:
        if path.is_dir():
            findings.error("unreadable", "", "this is a folder", expected="a JSON file")
            return ""
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            findings.error("too-large", "", "the file is too large", expected=f"at most {MAX_BYTES // 1024**2} MB")
            return ""
        memory = 72 * (data.count(b"[") + data.count(b"{")) + 40 * data.count(b",") + len(data)
        if memory > MAX_MEMORY:
            findings.error("too-large", "", f"the document would take {memory / 1024**3:.1f} GB of memory",
                           expected=f"at most {MAX_MEMORY // 1024**3} GB")
            return ""
        return data.decode("utf-8-sig")
    except OSError as problem:
        findings.error("unreadable", "", f"cannot read the file: {problem.strerror}")
    except ValueError as problem:  # not UTF-8, or a path with a null character
        findings.error("not-text", "", f"not a UTF-8 text file: {show(str(problem))}", expected="a JSON document")
    return ""
