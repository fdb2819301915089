"""Engines, store and resume together.

Oracle: the files of a run in one process, compared byte for byte with those of
one and two workers, of a run that was killed with SIGKILL and resumed, and of a
run whose chunks were damaged.  Planted faults: a bug in a chunk function, a
worker that exits, a chunk cut short.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fake_chunks import MANIFEST, FakeChunk, Total, fake_events, tree

from openbfactory.core.errors import DecayFileError, EventFileError, PipelineError, ResumeError, UnknownNameError
from openbfactory.events import read
from openbfactory.pipeline import ChunkTask, engines, open_engine, open_store, plan, produce
from openbfactory.pipeline.engines import InProcess, kept_engine
from openbfactory.pipeline.generation import write_chunks
from openbfactory.pipeline.progress import Progress

SCRIPT = Path(__file__).with_name("fake_chunks.py")
TASKS = plan({"charged": 1050, "mixed": 320}, 5, 100)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    """The run in one process."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    with open_store(folder, MANIFEST) as store, open_engine() as engine:
        produce(TASKS, FakeChunk(), store, engine)
    return folder


def test_a_plan_covers_every_event_once():
    assert [(t.sample, t.index, t.first, t.events) for t in plan({"a": 25, "b": 10, "c": 0}, 1, 10)] == [
        ("a", 0, 0, 10), ("a", 1, 10, 10), ("a", 2, 20, 5), ("b", 0, 0, 10)]
    assert len({t.address.key() for t in TASKS}) == len(TASKS)
    with pytest.raises(PipelineError, match="at least one event"):
        plan({"a": 1}, 1, 0)
    with pytest.raises(PipelineError, match="cannot be negative"):
        plan({"a": -1}, 1)


def test_files_and_summaries_in_the_order_of_the_plan(reference):
    assert sorted(p.name for p in (reference / "chunks" / "mixed").iterdir())[:2] == ["00000.json", "00000.parquet"]
    with open_store(reference, MANIFEST, resume=True) as store, open_engine() as engine:
        summaries = produce(TASKS, FakeChunk(), store, engine)
    assert [s["cutflow"][0] for s in summaries] == [t.events for t in TASKS]
    table = pq.read_table(reference / "chunks" / "charged" / "00003.parquet")
    assert table.num_rows == summaries[3]["kept"]
    assert json.loads((reference / "run.json").read_text())["seed"] == 5


def test_one_and_two_workers_give_the_same_bytes_and_errors_keep_their_names(reference, tmp_path):
    for workers in (1, 2):
        with open_store(tmp_path / str(workers), MANIFEST) as store, open_engine(workers) as engine:
            fresh = produce(TASKS, FakeChunk(0.01), store, engine)
            assert engine.map(FakeChunk(), []) is not None
            if workers == 2:
                _errors_of_workers(engine)
                _appended_in_order(engine)
        assert tree(tmp_path / str(workers)) == tree(reference)
        with open_store(tmp_path / str(workers), MANIFEST, resume=True) as store, open_engine() as engine:
            assert produce(TASKS, FakeChunk(), store, engine) == fresh


def _errors_of_workers(engine):
    """A bug is named with its place, an error of ours keeps its class, a dead worker is named."""
    for how, error, text in (("bug", PipelineError, r"chunk charged/2: ZeroDivisionError.*fake_chunks.py, line"),
                             ("named", DecayFileError, "no such decay"),
                             ("unknown", UnknownNameError, "did you mean 'charged'"),
                             ("not-picklable", PipelineError, "Awkward: 1 and 2"),
                             ("exit", PipelineError, "its worker died")):
        with pytest.raises(error, match=text):
            list(engine.map(FakeChunk(fail=how), TASKS[:4]))
    assert len(list(engine.map(FakeChunk(), TASKS[:4]))) == 4


def _appended_in_order(engine):
    ordered = [task for task, _ in engine.map(FakeChunk(0.01), TASKS, ordered=True)]
    assert ordered == list(TASKS)
    limits = [t.index for t, _ in zip(engine.map(FakeChunk(), endless()), range(3), strict=False)]
    assert len(limits) == 3


def endless():
    """More tasks than there is time for: only a few may be taken at a time."""
    index = 0
    while True:
        yield ChunkTask("charged", index, 0, 10, 1)
        index += 1
        assert index < 20


def test_errors_in_this_process_have_the_same_names():
    with open_engine() as engine:
        for how, error in (("bug", PipelineError), ("named", DecayFileError), ("unknown", UnknownNameError)):
            with pytest.raises(error):
                list(engine.map(FakeChunk(fail=how), TASKS[:4]))


def test_a_kept_engine_is_opened_once_and_closed_at_the_end(monkeypatch):
    happened = []

    @contextmanager
    def cluster(workers):
        happened.append(f"open {workers}")
        yield InProcess()
        happened.append("close")

    monkeypatch.setattr(engines, "_local_cluster", cluster)
    with kept_engine(2):
        assert not happened
        for _ in range(2):
            with open_engine(2) as engine:
                assert len(list(engine.map(FakeChunk(), TASKS[:2]))) == 2
        with open_engine() as other, open_engine(2) as same:
            assert other is not same is engine
        assert happened == ["open 2"]
        with open_engine(1):
            pass
        assert happened == ["open 2", "open 1", "close"]
    assert happened[3:] == ["close"]
    with open_engine(2):
        assert happened[4:] == ["open 2"]
    with kept_engine(), kept_engine(3):
        pass
    with pytest.raises(PipelineError, match="asked for -1"), kept_engine(-1), open_engine(-1):
        pass


def children_of(pid: int) -> list[int]:
    """Processes started by ``pid`` and by those, from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
    found, front = [], [pid]
    while front:
        front = [child for child, parent in parents.items() if parent in front]
        found += front
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_kill_and_resume_end_in_the_same_bytes_and_no_process_is_left(reference, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), "2", "slow"], stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while len(list(folder.glob("chunks/*/*.json"))) < 3:
        assert process.poll() is None, "the run ended by itself"
        assert time.monotonic() < limit
        time.sleep(0.02)
    children = children_of(process.pid)
    assert len(children) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    limit = time.monotonic() + 10
    while any(alive(pid) for pid in children):
        assert time.monotonic() < limit, "workers outlive the run"
        time.sleep(0.05)
    assert 3 <= len(list(folder.glob("chunks/*/*.json"))) < len(TASKS)
    done = subprocess.run([sys.executable, str(SCRIPT), str(folder), "0", "resume"], capture_output=True, text=True,
                          timeout=60, check=True)
    assert "chunks are finished already" in done.stderr
    assert tree(folder) == tree(reference)


def test_interrupted_run_leaves_quietly_and_can_be_resumed(reference, tmp_path):
    """Ctrl-C goes to the whole process group; only the run itself may speak of it."""
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), "2", "slow"], stderr=subprocess.PIPE,
                               text=True, start_new_session=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    limit = time.monotonic() + 60
    while not list(folder.glob("chunks/*/*.json")):
        assert time.monotonic() < limit
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == said.count("KeyboardInterrupt") == 1
    assert len(list(folder.glob("chunks/*/*.json"))) < len(TASKS)
    with open_store(folder, MANIFEST, resume=True) as store, open_engine() as engine:
        produce(TASKS, FakeChunk(), store, engine)
    assert tree(folder) == tree(reference)


def test_damaged_chunks_are_made_again_and_named(reference, tmp_path, capsys):
    folder = tmp_path / "run"
    with open_store(folder, MANIFEST) as store, open_engine() as engine:
        produce(TASKS, FakeChunk(), store, engine)
    chunks = folder / "chunks" / "charged"
    content = (chunks / "00001.parquet").read_bytes()
    (chunks / "00001.parquet").write_bytes(content[:-7])
    (chunks / "00002.json").write_text("{")
    (chunks / "00003.parquet").unlink()
    (chunks / "00004.json").unlink()
    (chunks / "00005.json").write_text((chunks / "00006.json").read_text())
    (chunks / ".00007.parquet.partial").write_bytes(b"left over")
    with open_store(folder, MANIFEST, resume=True) as store, open_engine() as engine, Progress("fake") as progress:
        produce(TASKS, FakeChunk(), store, engine, progress)
        assert len(store.damaged) == 4
    said = capsys.readouterr().err
    for text in ("chunk charged/1: its checksum differs", "chunk charged/2: its record cannot be read",
                 "chunk charged/3: its file is missing", "chunk charged/5: it has another address"):
        assert text in said
    assert tree(folder) == tree(reference)


def test_folders_of_other_runs_are_refused(reference, tmp_path):
    def opened(folder, manifest=MANIFEST, **options):
        with open_store(folder, manifest, **options):
            pass

    with pytest.raises(ResumeError, match="continue it with --resume"):
        opened(reference)
    other = {**MANIFEST, "seed": 6, "cuts": {"M": [1.7, 2.1]}, "tag": "x"}
    with pytest.raises(ResumeError) as caught:
        opened(reference, other, resume=True)
    for text in ("seed: 5 there, 6 asked for", "cuts.M[1]: 2.0 there, 2.1 asked for", 'tag: absent there, "x"'):
        assert text in str(caught.value)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(ResumeError, match="holds no run"):
            opened(tmp_path / "home", **options)
    assert (tmp_path / "home" / "thesis.tex").exists()
    opened(tmp_path / "new", resume=True)
    with pytest.raises(ResumeError, match="another process"), open_store(tmp_path / "new", MANIFEST, resume=True):
        opened(tmp_path / "new", resume=True)
    (tmp_path / "new" / "run.json").write_text("[")
    with pytest.raises(ResumeError, match="damaged"):
        opened(tmp_path / "new", resume=True)
    with pytest.raises(ResumeError, match="cannot make the folder"):
        opened(tmp_path / "home" / "thesis.tex" / "x")


def test_overwriting_throws_the_former_chunks_away(tmp_path):
    for seed in (1, 2):
        with open_store(tmp_path / "run", {"seed": seed}, overwrite=True) as store, open_engine() as engine:
            produce(plan({"a": 10 * (3 - seed)}, seed, 10), FakeChunk(), store, engine)
    assert len(list((tmp_path / "run" / "chunks").rglob("*.parquet"))) == 1


def test_wrong_requests_have_names(tmp_path):
    def opened(*arguments):
        with open_engine(*arguments):
            pass

    with pytest.raises(PipelineError, match="choose one"):
        opened(2, "tcp://127.0.0.1:1")
    with pytest.raises(PipelineError, match="-1 workers"):
        opened(-1)
    with open_store(tmp_path / "run", MANIFEST) as store, pytest.raises(PipelineError, match="name of a folder"):
        store.path(ChunkTask("../x", 0, 0, 1, 1))


def test_a_scheduler_that_does_not_answer(monkeypatch):
    from openbfactory.pipeline import engines

    monkeypatch.setattr(engines, "CONNECT_SECONDS", 1)
    with pytest.raises(PipelineError, match="does not answer"), open_engine(0, "tcp://127.0.0.1:9"):
        pass


def test_a_scheduler_that_runs_gives_the_same_file(tmp_path):
    from distributed import LocalCluster

    tasks = plan({"charged": 450}, 3, 100)
    assert write_chunks(fake_events, tasks, tmp_path / "a.parquet") == Total(450)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0",
                      protocol="tcp", host="127.0.0.1") as cluster:
        total = write_chunks(fake_events, tasks, tmp_path / "b.parquet", scheduler=cluster.scheduler_address)
    assert total == Total(450)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert read(tmp_path / "a.parquet").event.tolist() == list(range(450))
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 5


def test_no_file_is_left_when_a_chunk_fails(tmp_path):
    def failing(task):
        raise DecayFileError("no such decay")

    with pytest.raises(DecayFileError):
        write_chunks(failing, plan({"a": 10}, 1), tmp_path / "a.parquet")
    with pytest.raises(EventFileError, match="suffix"):
        write_chunks(failing, plan({"a": 10}, 1), tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_progress_says_one_line_a_chunk_off_a_terminal(capsys):
    with Progress("generate charged") as progress:
        progress.start(2, 30)
        progress.advance(ChunkTask("charged", 0, 0, 20, 1))
        progress.advance(ChunkTask("charged", 1, 20, 10, 1))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "chunk charged/0 done (1 of 2)" in lines[0]
    assert "events/s" in lines[1]
    with Progress("x", quiet=True) as progress:
        progress.advance(ChunkTask("charged", 0, 0, 20, 1))
    assert capsys.readouterr().err == ""


def test_progress_draws_a_bar_on_a_terminal():
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Progress("generate charged", stream=stream) as progress:
        progress.start(2, 30)
        progress.advance(ChunkTask("charged", 0, 0, 20, 1))
        progress.note("chunk [1] was damaged")
    assert "20/30" in stream.getvalue()
    assert "chunk [1] was damaged" in stream.getvalue()
