"""Flat ntuples: one row a candidate, in ROOT or Parquet, in the layout of basf2 (``VariablesToNtuple``).

A ROOT file holds one TTree (``variables`` when written here) with the integer
branches ``__experiment__``, ``__run__``, ``__event__``, ``__candidate__`` and
``__ncandidates__``, and one double a variable under an escaped name
(:func:`escape`).  A Parquet file holds the same columns under the names as
they are.  Ntuples of events have no ``__candidate__``.

Reading gives the names back unescaped, checks the index columns, and says
which variables are NaN everywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import EventFileError

Array = npt.NDArray[Any]

#: name of the tree that is written
TREE = "variables"
#: index columns of basf2 ntuples, and those that only candidates have
EVENT_INDEX = ("__experiment__", "__run__", "__event__")
CANDIDATE_INDEX = ("__candidate__", "__ncandidates__")
#: further columns with reserved names
RESERVED = (*EVENT_INDEX, *CANDIDATE_INDEX, "__weight__", "__production__", "__eventType__", "__MCDecayString__")
_CODES = {
    " ": "sp", ",": "cm", ":": "cl", "=": "eq", "<": "st", ">": "gt", ".": "pt", "+": "pl", "-": "mi", "(": "bo",
    ")": "bc", "{": "co", "}": "cc", "[": "so", "]": "sc", "`": "to", "^": "ha", "$": "do", "%": "pr", "!": "em",
    "?": "qm", ";": "sm", "#": "hs", "*": "mu", "/": "sl", "\\": "bl", "'": "sq", '"': "dq", "~": "ti", "|": "pi",
    "&": "am", "@": "at",
}
_SIGNS = {code: sign for sign, code in _CODES.items()}
_ESCAPED = re.compile("__(" + "|".join(_SIGNS) + ")")
_SUFFIXES = (".root", ".parquet")


@dataclass(frozen=True, slots=True)
class Ntuple:
    """Columns of equal length, with what there is to say about them.

    Attributes
    ----------
    columns
        Name (unescaped) to array (n,).
    warnings
        Findings that are no errors: variables that are NaN in every row, columns that were left out.
    metadata
        What the writer was given; empty for files made by someone else.
    """

    columns: dict[str, Array]
    warnings: Findings
    metadata: dict[str, Any]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Array:
        """Column of a name.

        Raises
        ------
        EventFileError
            With the nearest name.
        """
        if name not in self.columns:
            findings = Findings(self.warnings.source)
            findings.unknown_name(name, name, self.columns, what="column")
            raise EventFileError(findings)
        return self.columns[name]


def escape(name: str) -> str:
    """Name of a branch: every character but letters, digits and ``_`` replaced as basf2 does."""
    if name in RESERVED:
        return name
    return re.sub(r"[^A-Za-z0-9_]", "", "".join("__" + _CODES[c] if c in _CODES else c for c in name))


def unescape(name: str) -> str:
    """Name of a variable from that of its branch."""
    return name if name in RESERVED else _ESCAPED.sub(lambda match: _SIGNS[match[1]], name)


class NtupleWriter:
    """Streaming writer: :meth:`append` as often as wanted, with the same columns.

    Attributes
    ----------
    rows
        Number of rows written.
    """

    def __init__(self, path: Path, suffix: str, metadata: Mapping[str, Any]) -> None:
        self._path, self._root, self._metadata = path, suffix == ".root", {"format": 1, **metadata}
        self._file: Any = None
        self.rows = 0

    def append(self, columns: Mapping[str, Array]) -> None:
        """Write further rows."""
        typed = {name: _typed(name, np.asarray(values)) for name, values in columns.items()}
        (self._append_root if self._root else self._append_parquet)(typed)
        self.rows += len(next(iter(typed.values()))) if typed else 0

    def _append_root(self, columns: dict[str, Array]) -> None:
        import uproot

        branches = {escape(name): values for name, values in columns.items()}
        if len(branches) < len(columns):
            findings = Findings(str(self._path))
            findings.error("same-branch", "", "two variables have the same escaped name",
                           expected=", ".join(sorted(columns)))
            raise EventFileError(findings)
        if self._file is None:
            self._file = uproot.recreate(self._path)
            self._file["openbfactory"] = json.dumps(self._metadata, sort_keys=True)
            self._file.mktree(TREE, {name: values.dtype for name, values in branches.items()})
        if len(next(iter(branches.values()))):
            self._file[TREE].extend(branches)

    def _append_parquet(self, columns: dict[str, Array]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        header = {b"openbfactory": json.dumps(self._metadata, sort_keys=True)}
        table = pa.table({name: pa.array(values) for name, values in columns.items()}).replace_schema_metadata(header)
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._file.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


def _typed(name: str, values: Array) -> Array:
    """Values as 32-bit integers for index columns, as doubles for the others.

    Raises
    ------
    EventFileError
        When a number of an event does not fit.
    """
    if name in (*EVENT_INDEX, *CANDIDATE_INDEX):
        found = values.astype(np.int32)
        if np.any(found != values):
            findings = Findings("ntuple")
            findings.error("wrong-type", name, "a value does not fit into 32 bits", expected="a smaller number")
            raise EventFileError(findings)
        return found
    return values.astype(np.float64)


@contextmanager
def open_ntuple(path: str | Path, metadata: Mapping[str, Any] | None = None) -> Iterator[NtupleWriter]:
    """A writer of an ntuple, as a context; the file appears under its name only when it is complete.

    Raises
    ------
    EventFileError
        For a suffix other than ``.root`` and ``.parquet``, or when the file cannot be written.
    """
    path = Path(path)
    findings = Findings(str(path))
    suffix = _suffix(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = NtupleWriter(partial, suffix, metadata or {})
        yield writer
        writer.close()
        partial.replace(path)
    except OSError as problem:
        findings.error("unwritable", "", f"cannot write the file: {problem.strerror or problem}")
        raise EventFileError(findings) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        findings = Findings(str(path))
        findings.error("unknown-format", "", f"no ntuple has the suffix '{suffix}'",
                       expected=f"one of {', '.join(_SUFFIXES)}", nearest=nearest(suffix, _SUFFIXES))
        raise EventFileError(findings)
    return suffix


def write_ntuple(path: str | Path, columns: Mapping[str, Array], metadata: Mapping[str, Any] | None = None) -> None:
    """Write columns of equal length as an ntuple."""
    with open_ntuple(path, metadata) as writer:
        writer.append(columns)


def read_ntuple(path: str | Path, variables: Iterable[str] | None = None, *, tree: str | None = None) -> Ntuple:
    """Columns of an ntuple, checked; index columns always come along.

    Parameters
    ----------
    variables
        Names (unescaped) to read; None for all columns of numbers.
    tree
        Name of the TTree; needed where a ROOT file holds several.

    Raises
    ------
    EventFileError
        When the file cannot be read, has no index columns, lacks a variable, or its index columns contradict each
        other.
    """
    path = Path(path)
    findings, wanted = Findings(str(path)), None if variables is None else list(variables)
    suffix = _suffix(path)
    try:
        columns, metadata = (_read_root if suffix == ".root" else _read_parquet)(path, wanted, tree, findings)
    except EventFileError:
        raise
    except OSError as problem:
        findings.error("unreadable", "", f"cannot read the file: {problem.strerror or str(problem)[:200]}")
        raise EventFileError(findings) from None
    except Exception as problem:
        findings.error("damaged", "", f"the content cannot be read: {str(problem).splitlines()[0][:200]}")
        raise EventFileError(findings) from None
    _check_index(columns, findings)
    findings.raise_if_errors(EventFileError)
    for name, values in columns.items():
        if values.dtype.kind == "f" and len(values) and np.isnan(values).all():
            findings.warning("all-nan", name, "the variable is NaN in every row; no cut on it passes anything")
    return Ntuple(columns, findings, metadata)


def content_digest(path: Path) -> str:
    """Checksum (16 hexadecimal digits) of the content of a file, wherever it stands; read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _chosen(found: Mapping[str, bool], wanted: list[str] | None, findings: Findings) -> list[str]:
    """Names to read: index columns and those wanted (all numbers for None)."""
    names = [name for name in RESERVED if found.get(name)]
    if wanted is None:
        for name, number in found.items():
            if not number:
                findings.warning("left-out", name, "not a column of numbers, left out")
        return [*names, *(n for n, number in found.items() if number and n not in names)]
    for name in wanted:
        if not found.get(name):
            findings.unknown_name(name, name, found, what="variable")
    findings.raise_if_errors(EventFileError)
    return [*names, *(n for n in dict.fromkeys(wanted) if n not in names)]


def _read_root(path: Path, wanted: list[str] | None, tree: str | None,
               findings: Findings) -> tuple[dict[str, Array], dict[str, Any]]:
    import uproot

    with uproot.open(path) as file:
        trees = sorted({key.split(";")[0] for key, kind in file.classnames().items() if kind == "TTree"})
        if tree is None and len(trees) > 1:
            findings.error("ambiguous", "", "the file holds several trees",
                           expected=f"tree = one of {', '.join(trees)}")
        elif not trees or (tree or trees[0]) not in trees:
            findings.unknown_name("", tree or "(none)", trees or ["a TTree"], what="tree")
        findings.raise_if_errors(EventFileError)
        content = file[tree or trees[0]]
        branches = {unescape(b.name): b for b in content.branches}
        numbers = {name: isinstance(b.interpretation, uproot.AsDtype) and b.interpretation.to_dtype.shape == ()
                   for name, b in branches.items()}
        names = _chosen(numbers, wanted, findings)
        columns = {name: np.asarray(branches[name].array(library="np")) for name in names}
        note = json.loads(str(file["openbfactory"])) if "openbfactory;1" in file.classnames() else {}
        return columns, note


def _read_parquet(path: Path, wanted: list[str] | None, tree: str | None,
                  findings: Findings) -> tuple[dict[str, Array], dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if tree is not None:
        findings.error("unknown-tree", "", "a Parquet file holds no trees")
        findings.raise_if_errors(EventFileError)
    file = pq.ParquetFile(path)
    known = {unescape(f.name): f for f in file.schema_arrow}
    numbers = {name: pa.types.is_integer(f.type) or pa.types.is_floating(f.type) or pa.types.is_boolean(f.type)
               for name, f in known.items()}
    names = _chosen(numbers, wanted, findings)
    table = file.read([known[name].name for name in names])
    metadata = json.loads((file.schema_arrow.metadata or {}).get(b"openbfactory", b"{}"))
    return {name: table[known[name].name].to_numpy() for name in names}, metadata


def _check_index(columns: Mapping[str, Array], findings: Findings) -> None:
    """Find index columns that are absent or contradict each other."""
    for name in EVENT_INDEX:
        if name not in columns:
            findings.error("missing-index", name, f"the ntuple has no column '{name}'",
                           expected=f"the index columns {', '.join((*EVENT_INDEX, *CANDIDATE_INDEX))}")
        elif columns[name].dtype.kind == "f" and not np.all(np.floor(columns[name]) == columns[name]):
            findings.error("wrong-type", name, "a number of an event is not whole")
    if ("__candidate__" in columns) != ("__ncandidates__" in columns):
        findings.error("missing-index", "", "one of '__candidate__' and '__ncandidates__' is absent")
    if findings.errors or "__candidate__" not in columns:
        return
    number, total = columns["__candidate__"], columns["__ncandidates__"]
    bad = np.flatnonzero((number < 0) | (number >= total))
    if len(bad):
        findings.error("candidate-range", "__candidate__",
                       f"{len(bad)} rows, first row {bad[0]}: candidate {number[bad[0]]} of {total[bad[0]]}",
                       expected="a number below __ncandidates__")
    key = np.column_stack([columns[name] for name in (*EVENT_INDEX, "__candidate__")])
    if len(key) and len(np.unique(key, axis=0)) < len(key):
        findings.warning("repeated", "__candidate__", "the same candidate of the same event appears more than once")
