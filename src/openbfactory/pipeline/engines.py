"""Engines: one small interface that maps a function over chunks, two ways to do it.

``workers=0`` runs in this process; otherwise ``dask.distributed`` does the work,
with a local cluster of single-threaded processes or with a scheduler that runs
elsewhere.  Results do not depend on the engine, because chunks do not know of
each other; only the order of completion does.

Workers of a local cluster end with this process, even after a ``kill -9``: each
holds a pipe to it and leaves when the pipe closes.  A script of one's own that
asks for workers must guard its body with ``if __name__ == "__main__":``, as
everywhere where Python starts processes.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from openbfactory.core.errors import OpenBFactoryError, PipelineError
from openbfactory.core.provenance import package_version
from openbfactory.pipeline.chunks import ChunkTask

R = TypeVar("R")

#: tasks in flight for each worker
IN_FLIGHT = 2
#: a chunk that takes its worker down this often is given up
ALLOWED_FAILURES = 2
#: seconds to wait for a scheduler and its first worker
CONNECT_SECONDS = 30
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class Engine(Protocol):
    """What runs chunks."""

    def map(self, function: Callable[[ChunkTask], R], tasks: Iterable[ChunkTask], *,
            ordered: bool = False) -> Iterator[tuple[ChunkTask, R]]:
        """Each task with its result, as completed (or in the order of the tasks).

        Raises
        ------
        PipelineError
            When a chunk fails or its worker dies.
        """


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong in a chunk, in a form that can cross processes."""

    message: str
    error: bytes | None


def _attempt(function: Callable[[ChunkTask], R], task: ChunkTask) -> R | _Failure:
    """Result of a chunk, or its failure."""
    try:
        return function(task)
    except Exception as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        error = None
        if isinstance(problem, OpenBFactoryError):
            with contextlib.suppress(Exception):
                pickled = pickle.dumps(problem.with_traceback(None))
                pickle.loads(pickled)
                error = pickled
        place = "" if isinstance(problem, OpenBFactoryError) else f" ({where.filename}, line {where.lineno})"
        return _Failure(f"chunk {task.name}: {type(problem).__name__}: {problem}{place}", error)


def _raise(failure: _Failure) -> None:
    """Raise the error of a failed chunk."""
    if failure.error is not None:
        try:
            problem = pickle.loads(failure.error)
        except Exception:
            problem = None
        if isinstance(problem, OpenBFactoryError):
            raise problem from None
    raise PipelineError(failure.message) from None


class InProcess:
    """Engine that runs one chunk after the other in this process."""

    def map(self, function: Callable[[ChunkTask], R], tasks: Iterable[ChunkTask], *,
            ordered: bool = False) -> Iterator[tuple[ChunkTask, R]]:
        """See :meth:`Engine.map`."""
        for task in tasks:
            result = _attempt(function, task)
            if isinstance(result, _Failure):
                _raise(result)
            else:
                yield task, result


class Dask:
    """Engine over a ``dask.distributed`` client."""

    def __init__(self, client: Any, workers: int) -> None:
        self._client = client
        self._window = max(1, IN_FLIGHT * workers)

    def map(self, function: Callable[[ChunkTask], R], tasks: Iterable[ChunkTask], *,
            ordered: bool = False) -> Iterator[tuple[ChunkTask, R]]:
        """See :meth:`Engine.map`; at most two tasks a worker are in flight."""
        pending = iter(tasks)
        queue: deque[tuple[ChunkTask, Any]] = deque()
        try:
            while True:
                while len(queue) < self._window and (task := next(pending, None)) is not None:
                    queue.append((task, self._client.submit(_attempt, function, task, pure=False)))
                if not queue:
                    return
                task, future = queue[0] if ordered else self._first_done(queue)
                result = self._result(task, future)
                queue.remove((task, future))
                future.release()
                yield task, result
        finally:
            with contextlib.suppress(Exception):
                self._client.cancel([future for _, future in queue], force=True)

    @staticmethod
    def _first_done(queue: deque[tuple[ChunkTask, Any]]) -> tuple[ChunkTask, Any]:
        """A task that is finished (the first in the queue, where several are)."""
        from distributed import wait

        with contextlib.suppress(Exception):
            wait([future for _, future in queue], return_when="FIRST_COMPLETED")
        return next((item for item in queue if item[1].done()), queue[0])

    @staticmethod
    def _result(task: ChunkTask, future: Any) -> Any:
        """Result of a future.

        Raises
        ------
        PipelineError
            When the chunk failed, its worker died or the scheduler was lost.
        """
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            result = future.result()
        except KilledWorker:
            message = f"chunk {task.name}: its worker died {ALLOWED_FAILURES + 1} times (out of memory?)"
            raise PipelineError(message) from None
        except CancelledError:
            message = f"chunk {task.name}: the scheduler was lost; what is finished stays"
            raise PipelineError(message) from None
        except Exception as problem:
            message = f"chunk {task.name}: {type(problem).__name__}: {problem}"
            raise PipelineError(message) from None
        if isinstance(result, _Failure):
            _raise(result)
        return result


@contextmanager
def open_engine(workers: int = 0, scheduler: str | None = None) -> Iterator[Engine]:
    """An engine, as a context: in this process, a local cluster, or a running scheduler.

    Parameters
    ----------
    workers
        Number of processes of a local cluster; 0 for none.
    scheduler
        Address of a running ``dask.distributed`` scheduler.

    Raises
    ------
    PipelineError
        For a negative number of workers, for both, or when the scheduler does not answer.
    """
    if workers < 0 or (workers and scheduler):
        message = f"asked for {workers} workers" + (f" and the scheduler {scheduler}: choose one" if scheduler else "")
        raise PipelineError(message)
    if _kept and _kept[-1].asked == (workers, scheduler):
        yield _kept[-1].engine()
    elif scheduler:
        with _connected(scheduler) as engine:
            yield engine
    elif workers:
        with _local_cluster(workers) as engine:
            yield engine
    else:
        yield InProcess()


class _Kept:
    """An engine that is opened when it is asked for first."""

    def __init__(self, workers: int, scheduler: str | None, stack: ExitStack) -> None:
        self.asked, self._stack = (workers, scheduler), stack
        self._engine: Engine | None = None

    def engine(self) -> Engine:
        """The engine, opened once."""
        if self._engine is None:
            workers, scheduler = self.asked
            opened = _connected(str(scheduler)) if scheduler else _local_cluster(workers)
            self._engine = self._stack.enter_context(opened)
        return self._engine


#: engines that stay open, innermost last
_kept: list[_Kept] = []


@contextmanager
def kept_engine(workers: int = 0, scheduler: str | None = None) -> Iterator[None]:
    """A context in which :func:`open_engine` with the same arguments gives one engine, opened once.

    A run that makes many samples would start its processes for each of them, and each would load all kernels again.
    Nothing starts before an engine is asked for; without workers and scheduler there is nothing to keep.
    """
    if workers <= 0 and not scheduler:
        yield
        return
    with ExitStack() as stack:
        _kept.append(_Kept(workers, scheduler, stack))
        try:
            yield
        finally:
            _kept.pop()


@contextmanager
def _configured() -> Iterator[None]:
    """Settings of dask while an engine is open: quiet, no profiling, few retries."""
    import dask

    for name in ("distributed", "bokeh", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
                          "distributed.worker.profile.enabled": False,
                          "distributed.admin.large-graph-warning-threshold": "1GiB",
                          "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s"}):
        yield


@contextmanager
def _local_cluster(workers: int) -> Iterator[Engine]:
    """Engine over single-threaded processes of this machine."""
    from distributed import Client, LocalCluster

    cluster = client = None
    with _configured():
        try:
            with _interrupts_held():
                cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, memory_limit=0,
                                       dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL, env=_ONE_THREAD,
                                       preload=["openbfactory.pipeline.worker"],
                                       protocol="tcp", host="127.0.0.1")
                client = Client(cluster, set_as_default=False)
            engine = Dask(client, workers)
        except (OSError, RuntimeError) as problem:
            message = (f"cannot start {workers} workers: {problem or type(problem).__name__} (a script of your own "
                       'needs the guard: if __name__ == "__main__")')
            raise PipelineError(message) from None
        else:
            yield engine
        finally:
            with _interrupts_held(), contextlib.suppress(Exception):
                if client is not None:
                    client.close(timeout=5)
                if cluster is not None:
                    cluster.close(timeout=10)


@contextmanager
def _connected(address: str) -> Iterator[Engine]:
    """Engine over a scheduler that runs."""
    from distributed import Client

    with _configured():
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as problem:
            message = f"the scheduler {address} does not answer: {problem or type(problem).__name__}"
            raise PipelineError(message) from None
        try:
            _check_versions(client, address)
            yield Dask(client, sum(client.nthreads().values()))
        finally:
            with contextlib.suppress(Exception):
                client.close(timeout=5)


def _check_versions(client: Any, address: str) -> None:
    """Raise unless every worker has this version: another one would give other events."""
    try:
        found = set(client.run(package_version).values())
    except Exception as problem:
        message = f"the workers of {address} cannot use openbfactory: {problem}"
        raise PipelineError(message) from None
    if found != {package_version()}:
        message = f"the workers of {address} have openbfactory {', '.join(sorted(found))}, here is {package_version()}"
        raise PipelineError(message)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the end, so that starting and stopping processes is never cut in the middle."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        raise KeyboardInterrupt
