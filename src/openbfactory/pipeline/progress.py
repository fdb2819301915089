"""Progress of long work: a bar on a terminal, one line a chunk otherwise; on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any

from openbfactory.pipeline.chunks import ChunkTask


class Progress:
    """Reports finished chunks with an estimate of the time left; a context.

    Parameters
    ----------
    title
        What is done, such as ``generate charged``.
    quiet
        Say nothing.
    stream
        Where to; standard error unless given.
    """

    def __init__(self, title: str, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self._title = title
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._chunks = self._events = self._chunks_done = self._events_done = 0
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, chunks: int, events: int) -> None:
        """Say how much there is to do (0 where nobody knows); what is finished already does not count."""
        self._chunks, self._events, self._begin = chunks, events, time.monotonic()
        self._chunks_done = self._events_done = 0
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._quiet or not events or not self._stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"),
                        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                        console=Console(file=self._stream))
        self._task = self._bar.add_task(self._title, total=events)
        self._bar.start()

    def advance(self, task: ChunkTask) -> None:
        """Count a finished chunk."""
        self._chunks_done += 1
        self._events_done += task.events
        if self._bar is not None:
            self._bar.update(self._task, completed=self._events_done)
            return
        seconds = max(1e-9, time.monotonic() - self._begin)
        rate = self._events_done / seconds
        text = f"{self._title}: chunk {task.name} done"
        if self._events:
            left = _time((self._events - self._events_done) / rate) if rate else "no time"
            text += f" ({self._chunks_done} of {self._chunks}), {left} left"
        self.note(f"{text}, {rate:.0f} events/s")

    def note(self, text: str) -> None:
        """Say a line."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)


def _time(seconds: float) -> str:
    """Time in words: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
