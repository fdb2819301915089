"""Files made by someone else: every mistake is named, all at once, and nothing ends in a traceback.

Oracle: mistakes planted one by one into a good file; bytes flipped, cut and
inserted at random (hypothesis) into files of all three formats, where the only
accepted outcomes are events or an EventFileError.
"""

from __future__ import annotations

import subprocess
import sys
import warnings

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events import Events, check_file, iterate, read, write


def codes_of(path, lists=None):
    with pytest.raises(EventFileError) as caught:
        read(path, lists)
    return {(f.code, f.path): f for f in caught.value.findings if f.severity == "error"}


def with_column(events, collection, column, values):
    events[collection].columns[column] = values
    return events


def parquet_of(path, **columns):
    """A file of another writer: plain Python lists through Arrow."""
    pq.write_table(pa.table(columns), path)
    return path


PARTICLE = {"PDG": 300553, "px": 0.0, "py": 0.0, "pz": 3.0, "E": 11.0, "x": 0.0, "y": 0.0, "z": 0.0, "t": 0.0,
            "mother": -1, "status": 4}


def test_a_good_foreign_file_is_read_with_safe_casts(tmp_path):
    """Nullable 64-bit integers, an integer momentum and plain text are all the same values."""
    path = parquet_of(tmp_path / "a.parquet", event=pa.array([3], pa.uint8()), weight=[1], process=["x"],
                      MCParticles=[[PARTICLE | {"px": 0, "pz": 3}]])
    events = read(path)
    assert events["MCParticles"]["PDG"].dtype == np.int32
    assert events["MCParticles"]["pz"].tolist() == [3.0]
    assert events.event.tolist() == [3]


def test_awkward_and_pandas_like_files_are_read(tmp_path, events_of):
    events = events_of(11)
    ak.to_parquet(events.to_awkward(), tmp_path / "a.parquet", extensionarray=True)
    ak.to_parquet(events.to_awkward(), tmp_path / "b.parquet", list_to32=False, extensionarray=False)
    for name in "ab":
        found = read(tmp_path / f"{name}.parquet")
        np.testing.assert_array_equal(found["Tracks"]["cov"], events["Tracks"]["cov"])
        assert found.process_names == ("charged",)


def test_names_that_are_missing_or_unknown(tmp_path):
    path = parquet_of(tmp_path / "a.parquet", event=[1], wieght=[1.0], process=["x"],
                      MCParticle=[[{**PARTICLE}]], Tracks=[[{"d0": 1.0, "omeg": 2.0}]])
    found = codes_of(path)
    assert ("missing-column", "weight") in found
    assert found["unknown-collection", "wieght"].nearest == "weight"
    assert found["unknown-collection", "MCParticle"].nearest == "MCParticles"
    assert found["unknown-column", "Tracks.omeg"].nearest == "omega"
    assert ("missing-column", "Tracks.tanLambda") in found
    assert ("missing-column", "Tracks.mcIndex") not in found


def test_collections_asked_for(tmp_path, events_of):
    write(tmp_path / "a.parquet", events_of(2, detector=False))
    assert ("missing-collection", "Tracks") in codes_of(tmp_path / "a.parquet", ["Tracks"])
    assert codes_of(tmp_path / "a.parquet", ["Track"])["unknown-collection", "Track"].nearest == "Tracks"


def test_types_that_cannot_be_cast(tmp_path):
    record = PARTICLE | {"PDG": 1.5, "status": 3_000_000_000, "E": "much"}
    path = parquet_of(tmp_path / "a.parquet", event=["one"], weight=[[1.0]], process=[3], MCParticles=[[record]])
    found = codes_of(path)
    for where in ("event", "process", "MCParticles.PDG", "MCParticles.status", "MCParticles.E", "weight"):
        assert ("wrong-type", where) in found, where


def test_missing_values(tmp_path):
    path = parquet_of(tmp_path / "a.parquet", event=[1, None], weight=[1.0, 1.0], process=["x", None],
                      MCParticles=[[PARTICLE, PARTICLE | {"E": None, "mother": 0}], []])
    assert {("missing-value", w) for w in ("event", "process", "MCParticles.E")} <= set(codes_of(path))
    path = parquet_of(tmp_path / "b.parquet", event=[1, 2], weight=[1.0, 1.0], process=["x", "x"],
                      MCParticles=[[PARTICLE], None])
    assert ("missing-value", "MCParticles") in codes_of(path)


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_values_that_cannot_be(tmp_path, events_of, suffix):
    events = events_of(20)
    particles, tracks = events["MCParticles"], events["Tracks"]
    particles["px"][3] = np.nan
    particles["E"][particles.offsets[4]] = -1
    many = particles.offsets[np.flatnonzero(particles.counts > 3)] + 1
    particles["mother"][many[0]] = 99
    particles["mother"][many[1]] = 2
    tracks["cov"][5, 7] = np.inf
    tracks["mcIndex"][2] = -5
    events["ECLClusters"]["trackIndex"][1] = 1000
    events["ECLClusters"]["minC2TDist"][:] = np.nan
    events.weight[7] = np.inf
    write(tmp_path / f"a.{suffix}", events)
    found = codes_of(tmp_path / f"a.{suffix}")
    assert set(found) == {
        ("not-finite", "MCParticles.px"), ("negative-energy", "MCParticles.E"), ("mother-range", "MCParticles.mother"),
        ("mother-order", "MCParticles.mother"), ("not-finite", "Tracks.cov"), ("index-range", "Tracks.mcIndex"),
        ("index-range", "ECLClusters.trackIndex"), ("not-finite", "weight")}
    assert "row 7" in found["not-finite", "weight"].message
    assert "record" in found["not-finite", "Tracks.cov"].message


def test_lists_of_different_length(tmp_path, events_of):
    events = events_of(6)
    events.lists["PIDLikelihoods"] = events["PIDLikelihoods"].select(np.arange(events["PIDLikelihoods"].size) != 3)
    write(tmp_path / "a.parquet", events)
    assert ("parallel", "PIDLikelihoods") in codes_of(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", events.without("Tracks"))
    assert ("missing-collection", "Tracks") in codes_of(tmp_path / "b.parquet")


def test_warnings_leave_the_events_usable(tmp_path, events_of):
    events = events_of(5, detector=False)
    first = events["MCParticles"].offsets[:-1]
    events["MCParticles"]["PDG"][first[:2]] = 11
    events["MCParticles"]["E"][first[3]] = 10579.0
    write(tmp_path / "a.parquet", events)
    findings = Findings("a")
    assert len(read(tmp_path / "a.parquet", findings=findings)) == 5
    assert {f.code for f in findings} == {"initial-system", "energy-unit"}
    assert "2 times, first in row 0" in findings.render()
    with pytest.warns(UserWarning, match="initial-system"):
        list(iterate(tmp_path / "a.parquet", 2))


def test_findings_of_later_batches_are_found_and_bad_batches_are_not_given(tmp_path, events_of):
    events = events_of(30, detector=False)
    events["MCParticles"]["E"][-1] = np.nan
    write(tmp_path / "a.parquet", events)
    assert {f.code for f in check_file(tmp_path / "a.parquet")} == {"not-finite"}
    given_out = []
    with pytest.raises(EventFileError, match="row 29"):
        given_out.extend(len(b) for b in iterate(tmp_path / "a.parquet", 10))
    assert given_out == [] or given_out == [10, 10]


def test_foreign_root_files(tmp_path):
    def tree_of(name, **branches):
        with uproot.recreate(tmp_path / "a.root") as file:
            file.mktree(name, {k: v.dtype if isinstance(v, np.ndarray) else v.type.content
                               for k, v in branches.items()}).extend(branches)
        return tmp_path / "a.root"

    number = np.arange(2)
    good = {"event": number, "weight": np.ones(2), "process": number}
    records = ak.Array([[PARTICLE], [PARTICLE, PARTICLE | {"mother": 0}]])
    events = read(tree_of("tree", **good, MCParticles=records))
    assert events.process_names == ("0", "1")
    found = codes_of(tree_of("events", **good, MCParticles=records[["PDG", "px"]], foo=number))
    assert ("missing-column", "MCParticles.E") in found
    assert ("unknown-collection", "foo") in found
    found = codes_of(tree_of("events", event=number, weight=records["px"], process=number,
                             **{f"MCParticles_{k}": number for k in PARTICLE}))
    assert ("wrong-type", "weight") in found
    assert ("wrong-type", "MCParticles_E") in found


def test_branches_of_different_length(tmp_path):
    columns = {f"MCParticles_{k}": ak.Array([[v]]) for k, v in PARTICLE.items()}
    columns["MCParticles_px"] = ak.Array([[1.0, 2.0]])
    branches = {"event": np.array([1]), "weight": np.ones(1), "process": np.array([0]), **columns}
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {k: v.dtype if isinstance(v, np.ndarray) else v.type.content
                               for k, v in branches.items()}).extend(branches)
    assert ("parallel", "MCParticles_px") in codes_of(tmp_path / "a.root")


HEPMC = ("HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nW weight\nE 0 1 3\nU GEV MM\nW 1\n"
         "P 1 0 300553 0 0 3 11 10.58 4\nV -1 0 [1] @ 1 2 3 4\nP 2 -1 521 0.3 0 1.5 5.5 5.28 1\n"
         "P 3 -1 -521 -0.3 0 1.5 5.5 5.28 1\nHepMC::Asciiv3-END_EVENT_LISTING\n")


@pytest.mark.parametrize(("old", "new", "code"), [
    ("[1]", "[7]", "malformed"), ("[1]", "[100000000000,5]", "malformed"), ("[1]", "[3]", "malformed"),
    ("P 3 -1", "P 3 -2", "malformed"), ("P 3 -1", "P 3 5", "malformed"), ("P 3", "P 4", "malformed"),
    ("E 0 1 3", "E 0 1 4", "malformed"), ("E 0 1 3", "E 0 1 9999999", "malformed"),
    ("11 10.58", "eleven 10", "malformed"), ("V -1", "V -9", "malformed"), ("E 0", "E -5", "malformed"),
    ("HepMC::Asciiv3-END_EVENT_LISTING\n", "", "truncated"),
    ("Asciiv3-START", "IO_GenEvent-START", "wrong-format"), ("HepMC::Version", "hello", "wrong-format"),
    ("0 0 3 11", "0 nan 3 11", "not-finite"), ("0 0 3 11", "0 0 3 -11", "negative-energy"),
])
def test_broken_hepmc_files(tmp_path, old, new, code):
    (tmp_path / "good.hepmc3").write_text(HEPMC)
    assert read(tmp_path / "good.hepmc3")["MCParticles"].size == 3
    (tmp_path / "a.hepmc3").write_text(HEPMC.replace(old, new, 1))
    assert code in {c for c, _ in codes_of(tmp_path / "a.hepmc3")}


def test_files_that_are_something_else(tmp_path, events_of):
    for suffix in ("parquet", "root", "hepmc3"):
        write(tmp_path / f"good.{suffix}", events_of(50, detector=False))
        good = (tmp_path / f"good.{suffix}").read_bytes()
        bad = tmp_path / f"bad.{suffix}"
        assert any("cannot read" in f.message for f in codes_of(bad).values())
        for content in (b"", b"hello", good[: len(good) // 2], good[:5], good[:-9]):
            bad.write_bytes(content)
            assert {c for c, _ in codes_of(bad)} <= {"wrong-format", "truncated", "damaged", "malformed"}, content[:9]
            assert check_file(bad).errors
    (tmp_path / "x.root").write_bytes((tmp_path / "good.parquet").read_bytes())
    assert "the file is Parquet" in codes_of(tmp_path / "x.root")["wrong-format", ""].message
    (tmp_path / "folder.parquet").mkdir()
    assert codes_of(tmp_path / "folder.parquet")


def outcome(path) -> str:
    """What reading ends in; anything but the two is a traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f"{len(read(path))} events"
        except EventFileError as error:
            return "findings" if error.findings.errors else ""


@pytest.fixture(scope="module")
def good_bytes(tmp_path_factory, events_of):
    folder = tmp_path_factory.mktemp("good")
    for suffix in ("parquet", "root", "hepmc3"):
        write(folder / f"a.{suffix}", events_of(12, detector=suffix != "hepmc3"))
    return {suffix: (folder / f"a.{suffix}").read_bytes() for suffix in ("parquet", "root", "hepmc3")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
          derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["parquet", "root", "hepmc3"])
def test_damaged_bytes_never_end_in_a_traceback(tmp_path, good_bytes, suffix, data):
    content = bytearray(good_bytes[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "text"]))
        if kind == "flip":
            content[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del content[place:place + data.draw(st.integers(1, 40))]
        elif kind == "insert":
            content[place:place] = data.draw(st.binary(min_size=1, max_size=12))
        else:
            content[place:place + 1] = data.draw(st.sampled_from([b"-", b"9999", b" ", b"\n", b"e", b"[", b"nan"]))
        if not content:
            break
    (tmp_path / f"a.{suffix}").write_bytes(bytes(content))
    assert outcome(tmp_path / f"a.{suffix}")


NUMBERS = st.one_of(st.none(), st.integers(-2**40, 2**40), st.floats(), st.text(max_size=3), st.booleans())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
          derandomize=True)
@given(data=st.data())
def test_columns_of_any_type_never_end_in_a_traceback(tmp_path, data):
    rows = data.draw(st.integers(0, 3))
    names = list(PARTICLE)

    def column(length):
        kind = data.draw(st.sampled_from([st.integers(-3, 9), st.floats(), st.text(max_size=3), st.none(),
                                          st.lists(st.integers(0, 3), max_size=3)]))
        return data.draw(st.lists(kind, min_size=length, max_size=length))

    odd = data.draw(st.sets(st.sampled_from(names), max_size=4))
    lists = []
    for _ in range(rows):
        size = data.draw(st.integers(0, 3))
        lists.append([dict(PARTICLE) for _ in range(size)])
    total = sum(len(x) for x in lists)
    for name in odd:
        values = iter(column(total))
        for record in (r for x in lists for r in x):
            record[name] = next(values)
    columns = {"event": column(rows), "weight": column(rows), "process": column(rows), "MCParticles": lists}
    dropped = data.draw(st.sampled_from([None, None, *columns]))
    table = {k: v for k, v in columns.items() if k != dropped}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    assert outcome(tmp_path / "a.parquet")


def test_heavy_libraries_load_only_when_a_file_is_touched():
    """Start-up time: the data model alone needs neither Arrow nor ROOT nor HepMC."""
    heavy = "('pyarrow', 'uproot', 'pyhepmc', 'awkward')"
    code = f"import sys, openbfactory.events; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          timeout=60).stdout.strip() == "[]"
    assert Events is not None
