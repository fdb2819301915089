"""Event files: read, iterate, write, check; the format follows from the suffix.

``.parquet`` and ``.root`` hold everything; ``.hepmc3`` (or ``.hepmc``) holds the
generated particles only, see :mod:`openbfactory.events.hepmc` for what is lost.
Every file is checked on the way in, those of this package too.
"""

from __future__ import annotations

import importlib
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import EventFileError, OpenBFactoryError
from openbfactory.events.check import Tally, check_events
from openbfactory.events.record import Events

#: suffix -> module that reads and writes it
FORMATS: dict[str, str] = {
    ".parquet": "openbfactory.events.parquet",
    ".root": "openbfactory.events.root",
    ".hepmc3": "openbfactory.events.hepmc",
    ".hepmc": "openbfactory.events.hepmc",
}
_BEGINS = {".parquet": b"PAR1", ".root": b"root", ".hepmc3": b"HepMC::Version", ".hepmc": b"HepMC::Version"}
_NAMES = {".parquet": "Parquet", ".root": "ROOT", ".hepmc3": "HepMC3", ".hepmc": "HepMC3"}
#: events in memory at once while a file is read
BATCH = 10_000


class EventFileWarning(UserWarning):
    """An event file is usable, but the user may not mean what is in it."""


def format_of(path: str | Path) -> str:
    """Suffix of a file, one of :data:`FORMATS`.

    Raises
    ------
    EventFileError
        For another suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        findings = Findings(str(path))
        findings.error("unknown-format", "", f"no event format has the suffix '{suffix}'",
                       expected=f"one of {', '.join(FORMATS)}", nearest=nearest(suffix, FORMATS))
        raise EventFileError(findings)
    return suffix


def read(path: str | Path, lists: Iterable[str] | None = None, *, findings: Findings | None = None) -> Events:
    """All events of a file, checked.

    Parameters
    ----------
    lists
        Collections to read; None for all.
    findings
        Takes the warnings; without it they are issued as :class:`EventFileWarning`.

    Raises
    ------
    EventFileError
        With all findings of the whole file.
    """
    own, tally, parts = Findings(str(path)), Tally(), []
    for events in _batches(Path(path), lists, BATCH, own, tally):
        check_events(tally, events)
        parts.append(events)
    _conclude(own, tally, findings)
    return Events.concatenate(parts)


def iterate(path: str | Path, chunk: int = BATCH, lists: Iterable[str] | None = None, *,
            findings: Findings | None = None) -> Iterator[Events]:
    """Batches of ``chunk`` events (the last one shorter) of a file, checked; memory is bounded by the batch.

    Raises
    ------
    EventFileError
        With all findings up to the first batch that has an error.
    """
    if chunk < 1:
        message = f"a batch needs at least one event, asked for {chunk}"
        raise ValueError(message)
    own, tally = Findings(str(path)), Tally()
    for events in _batches(Path(path), lists, chunk, own, tally):
        check_events(tally, events)
        if any(hit.severity == "error" for hit in tally.hits.values()):
            break
        yield events
        del events  # the user's alone, so that it can be gone before the next batch is read
    _conclude(own, tally, findings)


def check_file(path: str | Path) -> Findings:
    """Every finding about an event file; empty when there is none."""
    findings, tally = Findings(str(path)), Tally()
    try:
        for events in _batches(Path(path), None, BATCH, findings, tally):
            check_events(tally, events)
    except EventFileError as problem:
        findings = problem.findings
    tally.report(findings)
    return findings


def metadata(path: str | Path) -> dict[str, Any]:
    """Metadata that the writer of a file was given (sample, seed); empty for a file made by someone else."""
    path, findings = Path(path), Findings(str(path))
    module = importlib.import_module(FORMATS[format_of(path)])
    with _named_errors(path, findings):
        _check_magic(path, format_of(path), findings)
        return dict(module.metadata(path))


def count(path: str | Path) -> int | None:
    """Number of events of a file, None where it does not say (HepMC3)."""
    path, findings = Path(path), Findings(str(path))
    module = importlib.import_module(FORMATS[format_of(path)])
    with _named_errors(path, findings):
        _check_magic(path, format_of(path), findings)
        found: int | None = module.count(path)
    return found


def write(path: str | Path, events: Events, metadata: Mapping[str, Any] | None = None) -> None:
    """Write events to a file, which appears under its name only when it is complete."""
    with open_writer(path, metadata) as writer:
        writer.append(events)


class EventWriter:
    """Streaming writer: :meth:`append` as often as wanted.

    Attributes
    ----------
    events
        Number of events written.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.events = 0

    def append(self, events: Events) -> None:
        """Write further events; all appends have the same collections."""
        self._writer.append(events)
        self.events += len(events)


@contextmanager
def open_writer(path: str | Path, metadata: Mapping[str, Any] | None = None) -> Iterator[EventWriter]:
    """A writer of an event file, as a context.

    The file is written under a temporary name and renamed at the end; after an
    error nothing is left.

    Raises
    ------
    EventFileError
        For an unknown suffix, or when the file cannot be written.
    """
    path = Path(path)
    module = importlib.import_module(FORMATS[format_of(path)])
    partial = path.with_name(f".{path.name}.partial")
    writer = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = module.Writer(partial, metadata)
        yield EventWriter(writer)
        writer.close()
        partial.replace(path)
    except OSError as problem:
        findings = Findings(str(path))
        findings.error("unwritable", "", f"cannot write the file: {problem.strerror or problem}")
        raise EventFileError(findings) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _conclude(own: Findings, tally: Tally, findings: Findings | None) -> None:
    """Raise for errors; hand warnings on."""
    tally.report(own)
    own.raise_if_errors(EventFileError)
    if findings is not None:
        findings.items.extend(own)
    elif own:
        warnings.warn(own.render(), EventFileWarning, stacklevel=3)


def _batches(path: Path, lists: Iterable[str] | None, chunk: int, findings: Findings, tally: Tally) -> Iterator[Events]:
    """Batches of a file of any format; whatever goes wrong in a library becomes a finding."""
    suffix = format_of(path)
    with _named_errors(path, findings):
        _check_magic(path, suffix, findings)
        module = importlib.import_module(FORMATS[suffix])
        yield from module.iterate(path, lists, chunk, findings, tally)


@contextmanager
def _named_errors(path: Path, findings: Findings) -> Iterator[None]:
    """Turn what a library raises about a file into an :class:`EventFileError`."""
    try:
        yield
    except (OpenBFactoryError, GeneratorExit):
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as problem:
        findings.error("unreadable", "", f"cannot read the file: {problem.strerror}")
        raise EventFileError(findings) from None
    except Exception as problem:
        text = str(problem).strip().split("\n")[0][:200] or type(problem).__name__
        findings.error("damaged", "", f"the content cannot be read: {text}", expected=_NAMES[format_of(path)])
        raise EventFileError(findings) from None


def _check_magic(path: Path, suffix: str, findings: Findings) -> None:
    """Find files that are empty, of another format than their name says, or cut short."""
    with path.open("rb") as file:
        head = file.read(32)
        size = file.seek(0, 2)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if suffix == ".root" and len(head) > 20:
        version, _, end = struct.unpack(">iii", head[4:16])
        end = struct.unpack(">q", head[12:20])[0] if version >= 1_000_000 else end
        tail = _BEGINS[suffix] if end <= size else b""
    begin, name = _BEGINS[suffix], _NAMES[suffix]
    if not head.lstrip().startswith(begin):
        other = next((_NAMES[s] for s, b in _BEGINS.items() if head.startswith(b)), None)
        shown = "the file is empty" if not head else f"the file is {other}" if other else f"the file is not {name}"
        findings.error("wrong-format", "", shown, expected=name)
    elif suffix in (".parquet", ".root") and (tail != begin or size < 12):
        findings.error("truncated", "", f"the file ends in the middle ({size} bytes)", expected="a complete file")
    findings.raise_if_errors(EventFileError)
