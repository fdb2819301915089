"""Events in Parquet files and Arrow tables.

Layout: one row an event; ``event``, ``weight``, ``process`` (text, dictionary
encoded) and one list of records a collection.  Unit and meaning of every column
are field metadata.  Nothing in a file depends on when or where it was written:
equal events give equal bytes (with the same version of Arrow).

Compression is zstd; measured numbers are split by bytes, repeated ones (codes,
mothers, vertices) are dictionary encoded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.check import Tally, cast, check_layout
from openbfactory.events.columns import EVENT, MC_PARTICLES, Column
from openbfactory.events.record import Events, Jagged, declared

Array = npt.NDArray[Any]

#: key of the metadata of the file
METADATA_KEY = b"openbfactory"
_PROCESS = pa.dictionary(pa.int32(), pa.string())


def to_table(events: Events, metadata: Mapping[str, Any] | None = None) -> pa.Table:
    """Arrow table of events, one row an event.

    Raises
    ------
    UnknownNameError
        For a collection or column that is not declared.
    """
    fields = [_field(c, _PROCESS if c.name == "process" else None) for c in EVENT]
    arrays = [pa.array(events.event, pa.int64()), pa.array(events.weight, pa.float64()),
              pa.DictionaryArray.from_arrays(pa.array(events.process, pa.int32()),
                                             pa.array(events.process_names or ("",), pa.string()))]
    for name, jagged in events.lists.items():
        array = _list_array(name, jagged)
        fields.append(pa.field(name, array.type, nullable=False, metadata={"meaning": declared(name).meaning}))
        arrays.append(array)
    header = {METADATA_KEY: json.dumps({"format": 1, **(metadata or {})}, sort_keys=True)}
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=header))


def _field(column: Column, kind: pa.DataType | None = None) -> pa.Field:
    """Arrow field of a declared column."""
    kind = kind or pa.from_numpy_dtype(column.dtype)
    if column.width > 1:
        kind = pa.list_(pa.field("item", kind, nullable=False), column.width)
    return pa.field(column.name, kind, nullable=False, metadata={"unit": column.unit, "meaning": column.meaning})


def _list_array(name: str, jagged: Jagged) -> pa.ListArray:
    """Arrow list of records of a collection."""
    collection = declared(name)
    for found in jagged.columns:
        if found not in collection.names:
            findings = Findings(name)
            findings.unknown_name(f"{name}.{found}", found, collection.names, what="column")
            raise EventFileError(findings)
    begin, end = int(jagged.offsets[0]), int(jagged.offsets[-1])
    columns = [c for c in collection.columns if c.name in jagged.columns]
    fields = [_field(c) for c in columns]
    arrays = []
    for column, target in zip(columns, fields, strict=True):
        values = np.ascontiguousarray(jagged[column.name][begin:end], dtype=column.dtype)
        array = pa.array(values.reshape(-1))
        arrays.append(array if column.width == 1 else pa.FixedSizeListArray.from_arrays(array, type=target.type))
    records = pa.StructArray.from_arrays(arrays, fields=fields)
    kind = pa.list_(pa.field("item", records.type, nullable=False))
    return pa.ListArray.from_arrays(pa.array((jagged.offsets - begin).astype(np.int32)), records, type=kind)


class TableWriter:
    """Writer of tables to one Parquet file: one row group a table.

    The schema is that of the first table.
    """

    def __init__(self, target: Any) -> None:
        self._target = target
        self._writer: pq.ParquetWriter | None = None

    def append(self, table: pa.Table) -> None:
        """Write a table as one row group."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._target, table.schema, compression="zstd",
                                            write_page_checksum=True, **encodings(table.schema))
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        pa.default_memory_pool().release_unused()

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def encodings(schema: pa.Schema) -> dict[str, Any]:
    """Encodings of the leaves: dictionary for whole numbers, text and vertices, byte split for measured numbers."""
    dictionary: list[str] = []
    split: list[str] = []
    for path, kind in _leaves(schema):
        vertex = path.startswith("MCParticles.") and path.rsplit(".", 1)[-1] in ("x", "y", "z", "t")
        (dictionary if vertex or not pa.types.is_floating(kind) else split).append(path)
    return {"use_dictionary": dictionary, "use_byte_stream_split": split}


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Parquet path and type of every leaf column."""
    def walk(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            yield from walk(f"{path}.list.element", kind.value_type)
        elif pa.types.is_struct(kind):
            for child in kind:
                yield from walk(f"{path}.{child.name}", child.type)
        else:
            yield path, kind
    for entry in schema:
        yield from walk(entry.name, entry.type)


class Writer:
    """Streaming writer of events to a Parquet file, one row group an append."""

    def __init__(self, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
        self._tables = TableWriter(path)
        self._metadata = metadata
        self._empty = True

    def append(self, events: Events) -> None:
        """Write events as one row group."""
        self._tables.append(to_table(events, self._metadata))
        self._empty = False

    def close(self) -> None:
        """Write the footer; a file without events gets an empty list of particles."""
        if self._empty:
            self.append(Events.of_process("", 0, MCParticles=Jagged.empty(MC_PARTICLES)))
        self._tables.close()


def metadata(path: Path) -> dict[str, Any]:
    """Metadata given to the writer of a file; empty for a file made by someone else."""
    found = (pq.read_schema(path).metadata or {}).get(METADATA_KEY)
    document = json.loads(found) if found else {}
    return document if isinstance(document, dict) else {}


def count(path: Path) -> int:
    """Number of events of a file."""
    return int(pq.ParquetFile(path).metadata.num_rows)


def iterate(path: Path, lists: Iterable[str] | None, chunk: int, findings: Findings, tally: Tally) -> Iterator[Events]:
    """Batches of ``chunk`` events (the last one shorter), types checked, values not yet.

    Raises
    ------
    EventFileError
        When names are missing or unknown.
    """
    # pre-buffering would keep all row groups until the end
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False, buffer_size=1 << 20) as file:
        layout = check_layout(findings, _layout(file.schema_arrow), lists)
        names = [c.name for c in EVENT] + list(layout)
        pending: list[pa.RecordBatch] = []
        held, total = 0, 0
        for batch in file.iter_batches(batch_size=chunk, columns=names, use_threads=False):
            pending.append(batch)
            held, total = held + batch.num_rows, total + batch.num_rows
            pa.default_memory_pool().release_unused()
            if held >= chunk:
                table = pa.Table.from_batches(pending)
                for start in range(0, held - chunk + 1, chunk):
                    yield from_table(table.slice(start, chunk), layout, tally)
                rest = table.slice(held - held % chunk)
                # batches without rows would hold on to the memory of those before
                pending, held = [b for b in rest.to_batches() if b.num_rows], rest.num_rows
                del table, rest
            del batch
        if held or not total:
            yield from_table(pa.Table.from_batches(pending, _subset(file.schema_arrow, names)), layout, tally)


def _subset(schema: pa.Schema, names: list[str]) -> pa.Schema:
    return pa.schema([schema.field(n) for n in schema.names if n in names])


def _layout(schema: pa.Schema) -> dict[str, list[str] | None]:
    """Top-level names and the names of their records."""
    found: dict[str, list[str] | None] = {}
    for entry in schema:
        kind = _storage(entry.type)
        inner = _storage(kind.value_type) if _is_list(kind) else kind
        records = _is_list(kind) and pa.types.is_struct(inner)
        found[entry.name] = [child.name for child in inner] if records else None
    return found


def _storage(kind: pa.DataType) -> pa.DataType:
    """The plain type under extension types."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def from_table(table: pa.Table, layout: Mapping[str, tuple[Column, ...]] | None = None,
               tally: Tally | None = None) -> Events:
    """Events of an Arrow table; without ``tally`` the table is one of :func:`to_table`."""
    tally = tally if tally is not None else Tally()
    if layout is None:
        layout = check_layout(Findings("table"), _layout(table.schema))
    table = table.unify_dictionaries().combine_chunks()
    event, weight = (cast(tally, c.name, _numbers(tally, c.name, _one(table, c.name)), c) for c in EVENT[:2])
    process, names = _text(tally, _one(table, "process"))
    lists = {name: _jagged(tally, name, _one(table, name), columns) for name, columns in layout.items()}
    return Events(event, weight, process, names, lists)


def _one(table: pa.Table, name: str) -> pa.Array:
    """A column of a table as one plain array."""
    column = table.column(name)
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks) if column.num_chunks \
        else pa.array([], column.type)
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array


def _numbers(tally: Tally, path: str, array: pa.Array, offsets: Array | None = None) -> Array:
    """NumPy array of a column of numbers or of lists of numbers of one length."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    if array.null_count:
        tally.add("missing-value", path, np.asarray(array.is_null()), "the value is missing", offsets=offsets)
        return np.zeros(len(array))
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    if pa.types.is_fixed_size_list(array.type):
        return _numbers(tally, path, array.flatten()).reshape(-1, max(1, array.type.list_size))
    if _is_list(array.type):
        lengths = np.diff(np.asarray(array.offsets))
        inner = _numbers(tally, path, array.flatten())
        if len(lengths) and (lengths != lengths[0]).any():
            tally.fault("wrong-type", path, "found lists of different lengths")
            return np.zeros(len(array))
        return inner.reshape(-1, int(lengths[0])) if len(lengths) and lengths[0] else np.zeros((len(array), 0))
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)):
        tally.fault("wrong-type", path, f"found values of type {array.type}", "numbers")
        return np.zeros(len(array))
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _text(tally: Tally, array: pa.Array) -> tuple[Array, tuple[str, ...]]:
    """Codes and names of the process."""
    kind = array.type.value_type if isinstance(array, pa.DictionaryArray) else array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        tally.fault("wrong-type", "process", f"found values of type {kind}", "text")
        return np.zeros(len(array), np.int32), ("",)
    if array.null_count:
        tally.add("missing-value", "process", np.asarray(array.is_null()), "the value is missing")
        return np.zeros(len(array), np.int32), ("",)
    if not isinstance(array, pa.DictionaryArray):
        array = array.dictionary_encode()
    names = tuple("" if n is None else str(n) for n in array.dictionary.to_pylist())
    return np.asarray(array.indices).astype(np.int32), names


def _jagged(tally: Tally, name: str, array: pa.Array, columns: tuple[Column, ...]) -> Jagged:
    """Records of a collection."""
    if array.null_count:
        tally.add("missing-value", name, np.asarray(array.is_null()), "the list is missing")
        return Jagged(np.zeros(len(array) + 1, np.int64), {c.name: c.empty() for c in columns})
    offsets = np.asarray(array.offsets).astype(np.int64)
    offsets = offsets - offsets[0]
    records = array.flatten()
    while isinstance(records, pa.ExtensionArray):
        records = records.storage
    if records.null_count:
        tally.add("missing-value", name, np.asarray(records.is_null()), "the record is missing", offsets=offsets)
        return Jagged(np.zeros(len(array) + 1, np.int64), {c.name: c.empty() for c in columns})
    index = {field.name: i for i, field in enumerate(records.type)}
    parts = records.flatten()
    return Jagged(offsets, {c.name: cast(tally, f"{name}.{c.name}",
                                         _numbers(tally, f"{name}.{c.name}", parts[index[c.name]], offsets), c, offsets)
                            for c in columns})
