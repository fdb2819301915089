"""The chunk store: finished chunks as files, each with what made it and a checksum.

Layout of an output folder::

    run.json                        what the run is (settings, seed, versions) and its hash
    chunks/<sample>/<index>.parquet a finished chunk
    chunks/<sample>/<index>.json    its address, the hash of the run, checksum, summary

A file is written under a temporary name and renamed, the chunk before its
record; a chunk counts as finished when its record fits the run and the checksum
fits the chunk.  Nothing in a folder depends on time, host or order.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from openbfactory.core.config import digest
from openbfactory.core.errors import PipelineError, ResumeError
from openbfactory.core.provenance import package_version
from openbfactory.pipeline.chunks import ChunkTask

MANIFEST = "run.json"
CHUNKS = "chunks"
_LOCK = ".lock"
_MOST_DIFFERENCES = 8


class ChunkStore:
    """Finished chunks of one run in one folder; made by :func:`open_store`.

    Attributes
    ----------
    folder
        Output folder of the run.
    config_hash
        Hash of the manifest.
    damaged
        One line for each chunk that was there and could not be used.
    """

    def __init__(self, folder: Path, config_hash: str) -> None:
        self.folder = folder
        self.config_hash = config_hash
        self.damaged: list[str] = []

    def path(self, task: ChunkTask) -> Path:
        """File of a chunk."""
        if not re.fullmatch(r"\w[\w.+-]*", task.sample):
            message = f"the sample name '{task.sample}' cannot be the name of a folder"
            raise PipelineError(message)
        return self.folder / CHUNKS / task.sample / f"{task.index:05d}.parquet"

    def finished(self, task: ChunkTask) -> dict[str, Any] | None:
        """Summary of a chunk that is finished and whole, None otherwise (damage is recorded)."""
        path = self.path(task)
        record_path = path.with_suffix(".json")
        if not record_path.exists():
            return None
        try:
            record = json.loads(record_path.read_text(encoding="utf-8"))
            problem = self._problem(record, task, path)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            problem = "its record cannot be read"
        if problem:
            self.damaged.append(f"chunk {task.name}: {problem}; it is made again")
            return None
        return dict(record["summary"])

    def _problem(self, record: Any, task: ChunkTask, path: Path) -> str | None:
        """Why a chunk cannot be used, None where it can."""
        if record["address"] != _address(task):
            return "it has another address"
        if record["config"] != self.config_hash:
            return "it was made with other settings"
        if not isinstance(record["summary"], dict):
            return "its record has no summary"
        if not path.exists():
            return "its file is missing"
        if record["checksum"] != _checksum(path.read_bytes()):
            return "its checksum differs"
        return None

    def put(self, task: ChunkTask, data: bytes, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Store a finished chunk; gives the summary as it will be read back."""
        path = self.path(task)
        record = {"address": _address(task), "config": self.config_hash, "checksum": _checksum(data),
                  "summary": dict(summary)}
        text = json.dumps(record, sort_keys=True, indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        record_path = path.with_suffix(".json")
        record_path.unlink(missing_ok=True)
        write_whole(path, data)
        write_whole(record_path, text.encode())
        return dict(json.loads(text)["summary"])


def _address(task: ChunkTask) -> dict[str, Any]:
    return {"seed": task.seed, "sample": task.sample, "chunk": task.index, "first": task.first, "events": task.events}


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)


@contextmanager
def open_store(folder: str | Path, manifest: Mapping[str, Any], *, resume: bool = False,
               overwrite: bool = False) -> Iterator[ChunkStore]:
    """The chunk store of a run, as a context; one process at a time.

    Parameters
    ----------
    manifest
        Everything that decides what the run makes, as a JSON document (the
        number of workers does not).  The version of the package is added.
    resume
        Continue a run with the same manifest; a new or empty folder is fine too.
    overwrite
        Throw away the chunks of a former run in the folder.

    Raises
    ------
    ResumeError
        When the folder is not empty and neither was asked for, holds another
        run (the message says what differs), or is in use.
    """
    folder = Path(folder)
    document = json.loads(json.dumps({"openbfactory": package_version(), **manifest}, sort_keys=True))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        message = f"cannot make the folder {folder}: {problem.strerror}"
        raise ResumeError(message) from None
    with _locked(folder):
        _prepare(folder, document, resume, overwrite)
        yield ChunkStore(folder, digest(document))


def _prepare(folder: Path, document: dict[str, Any], resume: bool, overwrite: bool) -> None:
    """Bring the folder into the state that the run starts from."""
    empty = all(entry.name == _LOCK for entry in folder.iterdir())
    path = folder / MANIFEST
    if not empty and not path.is_file():
        message = f"the folder {folder} is not empty and holds no run: choose another folder"
        raise ResumeError(message)
    if not empty and overwrite:
        shutil.rmtree(folder / CHUNKS, ignore_errors=True)
    elif not empty and not resume:
        message = f"the folder {folder} holds a run already: continue it with --resume, or choose another folder"
        raise ResumeError(message)
    elif not empty:
        _check_same_run(path, document)
        for partial in (folder / CHUNKS).glob("*/.*.partial"):
            partial.unlink(missing_ok=True)
        return
    write_whole(path, json.dumps(document, sort_keys=True, indent=1).encode())


def _check_same_run(path: Path, document: dict[str, Any]) -> None:
    """Raise unless the manifest in the folder is the one asked for."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        message = f"{path} is damaged: choose another folder"
        raise ResumeError(message) from None
    there, here = _flat(found), _flat(document)
    differs = [f"  {key}: {there.get(key, 'absent')} there, {here.get(key, 'absent')} asked for"
               for key in sorted({*there, *here}) if there.get(key) != here.get(key)]
    if differs:
        shown = differs[:_MOST_DIFFERENCES]
        if len(differs) > len(shown):
            shown.append(f"  and {len(differs) - len(shown)} more")
        message = "\n".join([f"the folder {path.parent} holds another run:", *shown])
        raise ResumeError(message)


def _flat(document: Any, path: str = "") -> dict[str, str]:
    """Dotted path of every leaf to its JSON text."""
    children: list[tuple[str, Any]] = []
    if isinstance(document, dict):
        children = [(f"{path}.{key}" if path else key, value) for key, value in document.items()]
    elif isinstance(document, list):
        children = [(f"{path}[{i}]", value) for i, value in enumerate(document)]
    if not children:
        return {path: json.dumps(document)}
    return {key: text for child, value in children for key, text in _flat(value, child).items()}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it when the process ends in any way."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - not on this system
        yield
        return
    file: IO[str]
    with (folder / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another process works in the folder {folder}"
            raise ResumeError(message) from None
        except OSError:
            pass
        yield
