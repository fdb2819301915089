"""Kernels compiled once before workers start, in a process of its own.

Workers that start with an empty cache would all compile the same kernels at once, each with the memory that compiling
takes.  Here one small chunk of each sample is made and thrown away by a process that ends before they begin; a marker
in the cache says that this was done for this state of the sources.
"""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from openbfactory.core.kernel_cache import PACKAGE, cache_root, source_digest
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.pipeline.produce import ChunkFunction

#: events of a chunk that is made for its kernels alone
EVENTS = 300


def compile_kernels(function: ChunkFunction, tasks: Iterable[ChunkTask]) -> bool:
    """Compile the kernels of a chunk function; False where it was done before, or nothing can be kept.

    Failures are left to the chunks themselves, which report them.

    Parameters
    ----------
    function
        Picklable; of a class of this package, whose sources decide whether kernels are there.
    tasks
        Of the run; the first of each sample is tried with few events.
    """
    source = Path(inspect.getfile(type(function)))
    if not source.is_relative_to(PACKAGE) or "NUMBA_CACHE_DIR" in os.environ:
        return False
    marker = cache_root() / "kernels" / f"made-{source_digest(source)}"
    if marker.exists():
        return False
    first: dict[str, ChunkTask] = {}
    for task in tasks:
        first.setdefault(task.sample, replace(task, events=min(task.events, EVENTS)))
    child = multiprocessing.get_context("spawn").Process(target=_make, args=(function, tuple(first.values())))
    child.start()
    child.join()
    with contextlib.suppress(OSError):
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    return child.exitcode == 0


def _make(function: ChunkFunction, tasks: tuple[ChunkTask, ...]) -> None:
    """Make chunks and forget them."""
    from openbfactory.core.errors import OpenBFactoryError

    for task in tasks:
        with contextlib.suppress(OpenBFactoryError):
            function(task)
