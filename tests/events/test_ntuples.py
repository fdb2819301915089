"""Flat ntuples.  Oracles: what was written; the escapes of basf2 (MakeROOTCompatible); uproot; files broken by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from openbfactory.core.errors import EventFileError
from openbfactory.events.ntuples import content_digest, escape, open_ntuple, read_ntuple, unescape, write_ntuple

INDEX = {"__experiment__": [0, 0, 0], "__run__": [0, 0, 0], "__event__": [3, 3, 7], "__candidate__": [0, 1, 0],
         "__ncandidates__": [2, 2, 1]}


def table(**more):
    return {k: np.array(v) for k, v in INDEX.items()} | {
        "M": np.array([1.8, 1.9, np.nan]), "daughter(0, useCMSFrame(p))": np.array([1.0, 2.0, 3.0])} | more


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with open_ntuple(path, {"decay": "D0 -> K- pi+"}) as writer:
        writer.append(table())
        writer.append({k: v[:0] for k, v in table().items()})
        writer.append(table(__event__=np.array([8, 8, 9])))
    found = read_ntuple(path)
    assert len(found) == 6
    assert found.metadata["decay"] == "D0 -> K- pi+"
    for name, values in table().items():
        np.testing.assert_array_equal(found[name][:3], values)
    assert found["__event__"].tolist() == [3, 3, 7, 8, 8, 9]
    assert not found.warnings
    some = read_ntuple(path, ["M"])
    assert list(some.columns) == [*INDEX, "M"]
    with pytest.raises(EventFileError, match="did you mean 'M'"):
        read_ntuple(path, ["m"])
    with pytest.raises(EventFileError, match="unknown column"):
        found["mass"]


def test_layout_in_root_is_that_of_the_field(tmp_path):
    write_ntuple(tmp_path / "a.root", table())
    with uproot.open(tmp_path / "a.root") as file:
        types = file["variables"].typenames()
    assert types == {**dict.fromkeys(INDEX, "int32_t"), "M": "double",
                     "daughter__bo0__cm__spuseCMSFrame__bop__bc__bc": "double"}


def test_escapes():
    assert escape("daughter(0, p)") == "daughter__bo0__cm__spp__bc"
    assert escape("__ncandidates__") == "__ncandidates__"
    assert escape("countInList(pi+:all, p > 1.5)") == "countInList__bopi__pl__clall__cm__spp__sp__gt__sp1__pt5__bc"
    assert unescape("__production__") == "__production__"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet="abpM019 ,:=<>.+-()[]^*/|&@", max_size=30))
def test_escaped_names_come_back(name):
    assert unescape(escape(name)) == name
    assert set(escape(name)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_empty_tables_keep_their_types(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_ntuple(path, {k: v[:0] for k, v in table().items()})
    found = read_ntuple(path)
    assert len(found) == 0
    assert found["M"].dtype == np.float64
    assert found["__event__"].dtype == np.int32


def raw(path, columns):
    if path.suffix == ".root":
        with uproot.recreate(path) as file:
            file.mktree("ntuple", {k: v.dtype for k, v in columns.items()})
            file["ntuple"].extend(columns)
    else:
        pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_wrong_tables_are_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    whole = table()
    raw(path, {"M": whole["M"]})
    with pytest.raises(EventFileError) as caught:
        read_ntuple(path)
    assert [f.path for f in caught.value.findings] == ["__experiment__", "__run__", "__event__"]
    raw(path, {escape(k): v for k, v in (whole | {"__candidate__": np.array([0, 2, 0])}).items()})
    with pytest.raises(EventFileError, match="candidate 2 of 2"):
        read_ntuple(path)
    raw(path, {escape(k): v for k, v in whole.items() if k != "__ncandidates__"})
    with pytest.raises(EventFileError, match="is absent"):
        read_ntuple(path)
    raw(path, {escape(k): v for k, v in (whole | {"__event__": np.array([0.5, 1, 2])}).items()})
    with pytest.raises(EventFileError, match="not whole"):
        read_ntuple(path)


def test_warnings(tmp_path):
    write_ntuple(tmp_path / "a.root", table(x=np.full(3, np.nan), __candidate__=np.array([0, 0, 0])))
    found = read_ntuple(tmp_path / "a.root")
    assert [f.code for f in found.warnings] == ["repeated", "all-nan"]


def test_event_ntuples_need_no_candidate(tmp_path):
    write_ntuple(tmp_path / "a.root", {k: v for k, v in table().items() if "candidate" not in k})
    assert len(read_ntuple(tmp_path / "a.root")) == 3


def test_several_trees_must_be_told_apart(tmp_path):
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        for name, rows in (("one", 3), ("two", 1)):
            columns = {escape(k): v[:rows] for k, v in table().items()}
            file.mktree(name, {k: v.dtype for k, v in columns.items()})
            file[name].extend(columns)
    with pytest.raises(EventFileError, match="one, two"):
        read_ntuple(path)
    assert len(read_ntuple(path, tree="two")) == 1
    with pytest.raises(EventFileError, match="unknown tree"):
        read_ntuple(path, tree="three")


def test_other_files_are_refused(tmp_path):
    for name, content in (("a.root", b""), ("b.root", b"PAR1"), ("c.parquet", b"root"), ("d.csv", b"M\n1\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(EventFileError):
            read_ntuple(tmp_path / name)
    with pytest.raises(EventFileError, match="cannot read"):
        read_ntuple(tmp_path / "absent.root")
    with pytest.raises(EventFileError, match="suffix"), open_ntuple(tmp_path / "a.csv"):
        pass
    with pytest.raises(EventFileError, match="32 bits"):
        write_ntuple(tmp_path / "e.root", table(__event__=np.array([2**40, 1, 2])))
    with pytest.raises(EventFileError, match="same escaped name"):
        write_ntuple(tmp_path / "f.root", table(é=np.ones(3), è=np.ones(3)))
    assert not list(tmp_path.glob("*partial*"))
    assert not (tmp_path / "f.root").exists()


def test_the_digest_is_that_of_the_content(tmp_path):
    """Oracle: sha256 of the empty string begins with e3b0c44298fc1c14."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"")
    two.write_bytes(b"x")
    assert content_digest(one) == "e3b0c44298fc1c14"
    assert content_digest(two) != content_digest(one)
