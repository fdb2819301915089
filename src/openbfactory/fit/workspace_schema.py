"""Reads a parsed JSON document into a typed specification, and says what is malformed.

Rules: the HistFactory JSON schema 1.0.0 of pyhf (``defs.json``), which refuses
unknown keys; in addition every number must be finite, as JSON itself demands.
What is malformed is reported and left out, so that the rest is still checked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.fit.specification import (
    MODIFIER_TYPES,
    Channel,
    FloatArray,
    Measurement,
    Modifier,
    Observation,
    ParameterSetting,
    Sample,
    Specification,
)

#: findings that are shown one by one; the rest is counted
MAX_FINDINGS = 200

_WORKSPACE_KEYS = ("channels", "measurements", "observations", "version")
_PARAMETER_KEYS = ("name", "inits", "bounds", "auxdata", "factors", "sigmas", "fixed")


def show(value: Any) -> str:
    """Text of a name or value for a message: one line, at most 60 characters, no control characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge integer"
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(slots=True)
class Report:
    """Collector that keeps the first :data:`MAX_FINDINGS` findings; reading stops when it is full."""

    findings: Findings
    omitted: bool = field(default=False)

    @property
    def full(self) -> bool:
        """Whether no more findings are kept."""
        return len(self.findings) >= MAX_FINDINGS

    def error(self, code: str, path: str, message: str, *, expected: str | None = None,
              near: str | None = None) -> None:
        """Add an error."""
        if self.full:
            self.omitted = True
        else:
            self.findings.error(code, path, message, expected=expected, nearest=near)

    def warning(self, code: str, path: str, message: str, *, near: str | None = None) -> None:
        """Add a warning."""
        if not self.full:
            self.findings.warning(code, path, message, nearest=near)

    def close(self) -> None:
        """Say whether findings were left out."""
        if self.omitted:
            self.findings.note("findings-omitted", "", "there are more errors than shown")


def read_specification(document: Any, report: Report) -> Specification:
    """Specification of what is well formed in ``document``; the rest goes into ``report``."""
    if not isinstance(document, dict):
        report.error("not-an-object", "", f"the document is {show(document)}", expected="an object with channels, "
                     "measurements, observations and version")
        return Specification((), (), ())
    _keys(document, "", _WORKSPACE_KEYS, _WORKSPACE_KEYS, report)
    if "version" in document and document["version"] != "1.0.0":
        report.error("version", "version", f"found {show(document['version'])}", expected="'1.0.0'")
    return Specification(
        channels=tuple(c for path, item in _items(document, "channels", "", report)
                       if (c := _channel(item, path, report))),
        observations=tuple(o for path, item in _items(document, "observations", "", report)
                           if (o := _observation(item, path, report))),
        measurements=tuple(m for path, item in _items(document, "measurements", "", report)
                           if (m := _measurement(item, path, report))),
    )


def _keys(item: dict[str, Any], path: str, required: tuple[str, ...], valid: tuple[str, ...],
          report: Report) -> None:
    """Report missing and unknown keys of an object."""
    for key in required:
        if key not in item:
            report.error("missing-key", path, f"'{key}' is missing")
    for key in item:
        if key not in valid:
            if report.full:
                report.omitted = True
                return
            report.error("unknown-key", path, f"unknown key '{show(key)}'", expected=f"one of {', '.join(valid)}",
                         near=nearest(show(key), valid))


def _items(parent: dict[str, Any], key: str, path: str, report: Report, *,
           may_be_empty: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and content of every object in the list ``parent[key]``."""
    where = f"{path}.{key}" if path else key
    if key not in parent:
        return
    entries = parent[key]
    if not isinstance(entries, list):
        report.error("not-a-list", where, f"found {show(entries)}", expected="a list of objects")
        return
    if not entries and not may_be_empty:
        report.error("empty-list", where, "the list is empty", expected="at least one object")
    for index, entry in enumerate(entries):
        if report.full:
            report.omitted = True
            return
        if isinstance(entry, dict):
            yield f"{where}[{index}]", entry
        else:
            report.error("not-an-object", f"{where}[{index}]", f"found {show(entry)}", expected="an object")


def _text(item: dict[str, Any], key: str, path: str, report: Report) -> str | None:
    """Text under ``key``, None (with a finding unless missing) when there is none."""
    value = item.get(key)
    if isinstance(value, str):
        return value
    if key in item:
        report.error("not-text", f"{path}.{key}", f"found {show(value)}", expected="a text")
    return None


def _number(value: Any, path: str, report: Report) -> float | None:
    """Finite number, None with a finding when it is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.error("not-a-number", path, f"found {show(value)}", expected="a number")
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        report.error("not-finite", path, f"found {show(value)}", expected="a finite number")
        return None
    return number


def numbers(value: Any, path: str, report: Report) -> FloatArray | None:
    """Float64 array of a list of finite numbers, None with a finding when it is not one."""
    if not isinstance(value, list):
        report.error("not-a-list", path, f"found {show(value)}", expected="a list of numbers")
        return None
    if not value:
        report.error("empty-list", path, "the list is empty", expected="at least one number")
        return None
    if all(type(v) is float or type(v) is int for v in value):
        try:
            array = np.array(value, dtype=np.float64)
        except OverflowError:
            array = np.array([math.nan])
        if np.isfinite(array).all():
            return array
    before = len(report.findings)
    for index, entry in enumerate(value):
        _number(entry, f"{path}[{index}]", report)
        if report.full or len(report.findings) >= before + 3:
            break
    return None


def _channel(item: dict[str, Any], path: str, report: Report) -> Channel | None:
    """Channel of an object; its number of bins is that of most of its samples."""
    _keys(item, path, ("name", "samples"), ("name", "samples"), report)
    name = _text(item, "name", path, report)
    entries = list(_items(item, "samples", path, report))
    lengths = Counter(len(e["data"]) for _, e in entries if isinstance(e.get("data"), list) and e["data"])
    bins = lengths.most_common(1)[0][0] if lengths else 0
    samples = tuple(s for where, entry in entries if (s := _sample(entry, where, bins, report)))
    return None if name is None else Channel(name, path, bins, samples)


def _sample(item: dict[str, Any], path: str, bins: int, report: Report) -> Sample | None:
    """Sample of an object; None when it has no usable yields."""
    keys = ("name", "data", "modifiers")
    _keys(item, path, keys, keys, report)
    name = _text(item, "name", path, report)
    data = numbers(item["data"], f"{path}.data", report) if "data" in item else None
    data = _of_length(data, bins, f"{path}.data", report)
    modifiers = tuple(m for where, entry in _items(item, "modifiers", path, report, may_be_empty=True)
                      if (m := _modifier(entry, where, bins, report)))
    if name is None:
        return None
    # a sample without usable yields stays, empty, so that its parameters are known
    return Sample(name, path, np.zeros(0) if data is None else data, modifiers)


def _of_length(data: FloatArray | None, bins: int, path: str, report: Report) -> FloatArray | None:
    """``data`` when it has ``bins`` entries, else None with a finding."""
    if data is None or len(data) == bins:
        return data
    report.error("wrong-length", path, f"has {len(data)} numbers", expected=f"{bins}, the bins of the channel")
    return None


def _modifier(item: dict[str, Any], path: str, bins: int, report: Report) -> Modifier | None:
    """Modifier of an object; without its numbers when these are malformed."""
    keys = ("name", "type", "data")
    _keys(item, path, keys, keys, report)
    name = _text(item, "name", path, report)
    kind = _text(item, "type", path, report)
    if kind is not None and kind not in MODIFIER_TYPES:
        report.error("unknown-modifier-type", f"{path}.type", f"unknown modifier type '{show(kind)}'",
                     expected=f"one of {', '.join(MODIFIER_TYPES)}", near=nearest(show(kind), MODIFIER_TYPES))
        kind = ""
    if name is None or kind is None:
        return None
    data, where = item.get("data"), f"{path}.data"
    if kind == "lumi" and name != "lumi":
        report.error("lumi-name", f"{path}.name", f"found '{show(name)}'", expected="'lumi' for a lumi modifier")
    if "data" not in item or not kind:
        return Modifier(name, kind, path)
    if kind in {"histosys", "normsys"}:
        lo, hi = _variation(data, kind, bins, where, report)
        return Modifier(name, kind, path, lo=lo, hi=hi)
    if kind in {"shapesys", "staterror"}:
        uncertainty = _of_length(numbers(data, where, report), bins, where, report)
        return Modifier(name, kind, path, data=uncertainty)
    if data is not None:
        report.error("modifier-data", where, f"found {show(data)}", expected=f"null for a {kind} modifier")
    return Modifier(name, kind, path)


def _variation(data: Any, kind: str, bins: int, path: str,
               report: Report) -> tuple[FloatArray | None, FloatArray | None]:
    """Down and up variation of a ``histosys`` (lists) or ``normsys`` (numbers)."""
    keys = ("lo_data", "hi_data") if kind == "histosys" else ("lo", "hi")
    if not isinstance(data, dict):
        report.error("modifier-data", path, f"found {show(data)}",
                     expected=f"an object with {keys[0]} and {keys[1]} for a {kind} modifier")
        return None, None
    _keys(data, path, keys, keys, report)
    found: list[FloatArray | None] = []
    for key in keys:
        where = f"{path}.{key}"
        if key not in data:
            found.append(None)
        elif kind == "histosys":
            found.append(_of_length(numbers(data[key], where, report), bins, where, report))
        else:
            number = _number(data[key], where, report)
            found.append(None if number is None else np.array([number]))
    return found[0], found[1]


def _observation(item: dict[str, Any], path: str, report: Report) -> Observation | None:
    """Observation of an object; an empty array when its numbers are malformed."""
    _keys(item, path, ("name", "data"), ("name", "data"), report)
    name = _text(item, "name", path, report)
    data = numbers(item["data"], f"{path}.data", report) if "data" in item else None
    return None if name is None else Observation(name, path, np.zeros(0) if data is None else data)


def _measurement(item: dict[str, Any], path: str, report: Report) -> Measurement | None:
    """Measurement of an object, None when it has no name or parameter of interest."""
    _keys(item, path, ("name", "config"), ("name", "config"), report)
    name = _text(item, "name", path, report)
    config = item.get("config")
    if not isinstance(config, dict):
        if "config" in item:
            report.error("not-an-object", f"{path}.config", f"found {show(config)}", expected="an object")
        return None
    where = f"{path}.config"
    _keys(config, where, ("poi", "parameters"), ("poi", "parameters"), report)
    poi = _text(config, "poi", where, report)
    parameters = tuple(p for at, entry in _items(config, "parameters", where, report, may_be_empty=True)
                       if (p := _setting(entry, at, report)))
    return None if name is None or poi is None else Measurement(name, path, poi, parameters)


def _setting(item: dict[str, Any], path: str, report: Report) -> ParameterSetting | None:
    """Setting of one parameter."""
    _keys(item, path, ("name",), _PARAMETER_KEYS, report)
    name = _text(item, "name", path, report)
    lists = {key: numbers(item[key], f"{path}.{key}", report)
             for key in ("inits", "auxdata", "factors", "sigmas") if key in item}
    bounds = _bounds(item["bounds"], f"{path}.bounds", report) if "bounds" in item else None
    fixed = item.get("fixed")
    if "fixed" in item and not isinstance(fixed, bool):
        report.error("not-a-boolean", f"{path}.fixed", f"found {show(fixed)}", expected="true or false")
        fixed = None
    return None if name is None else ParameterSetting(name, path, bounds=bounds, fixed=fixed, **lists)


def _bounds(value: Any, path: str, report: Report) -> FloatArray | None:
    """Array of shape (components, 2), None with a finding when it is not one."""
    if not isinstance(value, list) or not value:
        report.error("not-a-list", path, f"found {show(value)}", expected="a list of [low, high] pairs")
        return None
    pairs = []
    for index, entry in enumerate(value):
        pair = numbers(entry, f"{path}[{index}]", report)
        if pair is None:
            return None
        if len(pair) != 2 or not pair[0] < pair[1]:
            found = f"[{pair[0]:g}, {pair[1]:g}]" if len(pair) == 2 else show(entry)
            report.error("bounds", f"{path}[{index}]", f"found {found}", expected="[low, high] with low < high")
            return None
        pairs.append(pair)
    return np.array(pairs)
