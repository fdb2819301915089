"""Events in ROOT files: one TTree ``events`` with one entry an event.

Branches: ``event``, ``weight``, ``process`` (an index into the text object
``process_names``, one name a line) and ``<collection>_<column>`` with the
counter ``n<collection>``; the covariance of a track is fifteen branches
``Tracks_cov_0`` to ``Tracks_cov_14``.

Lost in a ROOT file: nothing.  The bytes differ between two writings (ROOT files
carry a time and an identifier); the content does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import uproot

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.check import Tally, cast, check_layout
from openbfactory.events.columns import COLLECTIONS, EVENT, MC_PARTICLES, Column
from openbfactory.events.record import Events, Jagged, declared

Array = npt.NDArray[Any]

#: name of the tree that is written, and read where a file has several
TREE = "events"
_NAMES = "process_names"
_METADATA = "openbfactory"


class Writer:
    """Streaming writer of events to a TTree, one basket a branch and append."""

    def __init__(self, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
        self._file = uproot.recreate(path)
        self._metadata = {"format": 1, **(metadata or {})}
        self._names: list[str] = []
        self._tree: Any = None

    def append(self, events: Events) -> None:
        """Write events as further entries of the tree."""
        for name in events.process_names:
            if name not in self._names:
                self._names.append(name)
        codes = np.array([self._names.index(n) for n in events.process_names] or [0], np.int32)
        columns: dict[str, Any] = {"event": events.event, "weight": events.weight, "process": codes[events.process]}
        for name, jagged in events.lists.items():
            columns[name] = _records(name, jagged)
        if self._tree is None:
            kinds = {k: v.dtype if isinstance(v, np.ndarray) else v.type.content for k, v in columns.items()}
            self._tree = self._file.mktree(TREE, kinds)
        if len(events):
            self._tree.extend(columns)

    def close(self) -> None:
        """Write the names of the processes and close the file."""
        if self._tree is None:
            self.append(Events.of_process("", 0, MCParticles=Jagged.empty(MC_PARTICLES)))
        self._file[_NAMES] = "\n".join(self._names)
        self._file[_METADATA] = json.dumps(self._metadata, sort_keys=True)
        self._file.close()


def _records(name: str, jagged: Jagged) -> ak.Array:
    """Awkward lists of records; a wide column becomes one column a number."""
    begin, end = int(jagged.offsets[0]), int(jagged.offsets[-1])
    flat: dict[str, Array] = {}
    for column in declared(name).columns:
        if column.name in jagged.columns:
            flat.update(_split(column, jagged[column.name][begin:end]))
    records = ak.contents.RecordArray([ak.contents.NumpyArray(v) for v in flat.values()], list(flat), end - begin)
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(jagged.offsets - begin), records))


def _split(column: Column, values: Array) -> dict[str, Array]:
    if column.width == 1:
        return {column.name: np.ascontiguousarray(values, column.dtype)}
    return {f"{column.name}_{i}": np.ascontiguousarray(values[:, i], column.dtype) for i in range(column.width)}


def metadata(path: Path) -> dict[str, Any]:
    """Metadata given to the writer of a file; empty for a file made by someone else."""
    with uproot.open(path) as file:
        document = json.loads(str(file[_METADATA])) if f"{_METADATA};1" in file.keys() else {}  # noqa: SIM118
    return document if isinstance(document, dict) else {}


def count(path: Path) -> int:
    """Number of events of a file."""
    with uproot.open(path) as file:
        return int(_tree(file, Findings(str(path))).num_entries)


def iterate(path: Path, lists: Iterable[str] | None, chunk: int, findings: Findings, tally: Tally) -> Iterator[Events]:
    """Batches of ``chunk`` events (the last one shorter), types checked, values not yet.

    Raises
    ------
    EventFileError
        When there is no tree, or names are missing or unknown.
    """
    with uproot.open(path) as file:
        tree = _tree(file, findings)
        layout = check_layout(findings, _layout(tree.keys()), lists)
        names = tuple(str(file[_NAMES]).split("\n")) if f"{_NAMES};1" in file.keys() else None  # noqa: SIM118
        branches = [c.name for c in EVENT] + [f"{name}_{leaf}" for name, columns in layout.items()
                                              for column in columns for leaf in _leaves(column)]
        for start in range(0, max(1, tree.num_entries), chunk):
            arrays = {b: tree[b].array(entry_start=start, entry_stop=start + chunk, library="ak") for b in branches}
            yield _events(arrays, layout, names, tally)


def _leaves(column: Column) -> list[str]:
    return [column.name] if column.width == 1 else [f"{column.name}_{i}" for i in range(column.width)]


def _tree(file: Any, findings: Findings) -> Any:
    """The tree of events of a file."""
    trees = sorted({key.split(";")[0] for key, kind in file.classnames().items() if kind == "TTree"})
    name = TREE if TREE in trees else trees[0] if len(trees) == 1 else None
    if name is None:
        shown = f"trees {', '.join(trees)}" if trees else "no tree"
        findings.error("missing-tree", "", f"the file has {shown}", expected=f"a TTree '{TREE}'")
        raise EventFileError(findings)
    return file[name]


def _layout(branches: Iterable[str]) -> dict[str, list[str] | None]:
    """Top-level names and the names of their records."""
    found: dict[str, list[str] | None] = {}
    branches = list(branches)
    plain = {c.name for c in EVENT}
    for branch in branches:
        if branch in plain:
            found[branch] = None
            continue
        if branch.startswith("n") and any(b == branch[1:] or b.startswith(f"{branch[1:]}_") for b in branches):
            continue
        name = next((c for c in COLLECTIONS if branch.startswith(f"{c}_")), branch.split("_")[0])
        if name == branch:
            found.setdefault(branch, None)
            continue
        leaf = branch[len(name) + 1:]
        wide = re.fullmatch(r"(.+)_\d+", leaf)
        leaf = wide[1] if wide else leaf
        fields = found.get(name) or []
        found[name] = fields if leaf in fields else [*fields, leaf]
    for name in [n for n in found if n in COLLECTIONS]:
        found[name] = [f for f in found[name] or () if _complete(name, f, branches)]
    return found


def _complete(name: str, field: str, branches: list[str]) -> bool:
    """Whether all branches of a declared column are there (undeclared ones pass)."""
    collection = COLLECTIONS[name]
    return field not in collection.names or all(f"{name}_{leaf}" in branches for leaf in _leaves(collection[field]))


def _events(arrays: Mapping[str, Any], layout: Mapping[str, tuple[Column, ...]], names: tuple[str, ...] | None,
            tally: Tally) -> Events:
    """Events of a batch of branches."""
    event, weight, process = (cast(tally, c.name, _flat(tally, c.name, arrays[c.name]), c) for c in EVENT)
    if names is None:
        codes, process = np.unique(process, return_inverse=True)
        names, process = tuple(str(c) for c in codes), process.astype(np.int32)
    outside = (process < 0) | (process >= len(names))
    tally.add("process-range", "process", outside, "the process has no name", expected=f"0 to {len(names) - 1}")
    process[outside] = 0
    lists = {name: _jagged(tally, name, arrays, columns, len(event)) for name, columns in layout.items()}
    return Events(event, weight, process, names or ("",), lists)


def _flat(tally: Tally, path: str, array: Any) -> Array:
    """NumPy array of a branch with one number an entry."""
    if array.ndim != 1 or not isinstance(array.layout, ak.contents.NumpyArray):
        tally.fault("wrong-type", path, f"found {array.type.content}", "one number an event")
        return np.zeros(len(array))
    return np.asarray(array.layout.data)


def _jagged(tally: Tally, name: str, arrays: Mapping[str, Any], columns: tuple[Column, ...], size: int) -> Jagged:
    """Records of a collection from its branches."""
    counts: Array | None = None
    out: dict[str, Array] = {}
    for column in columns:
        parts = []
        for leaf in _leaves(column):
            branch = f"{name}_{leaf}"
            array = arrays[branch]
            if array.ndim != 2 or not np.issubdtype(getattr(ak.flatten(array).layout, "dtype", object), np.generic):
                tally.fault("wrong-type", branch, f"found {array.type.content}", "a list of numbers an event")
                array = ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(np.zeros(size + 1, np.int64)),
                                                             ak.contents.NumpyArray(np.zeros(0))))
            own = np.asarray(ak.num(array)).astype(np.int64)
            counts = own if counts is None else counts
            differs = own != counts
            tally.add("parallel", branch, differs, "the number of records differs from that of the other branches")
            parts.append(np.asarray(ak.flatten(array)) if not differs.any() else np.zeros(int(counts.sum())))
        out[column.name] = parts[0] if column.width == 1 else np.stack(parts, axis=1)
    offsets = np.concatenate([[0], np.cumsum(counts if counts is not None else np.zeros(size))]).astype(np.int64)
    return Jagged(offsets, {c.name: cast(tally, f"{name}.{c.name}", out[c.name], c, offsets) for c in columns})
