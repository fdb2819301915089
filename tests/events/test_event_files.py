"""Round trips between Parquet, ROOT and HepMC3.

Oracle: the arrays that were written; awkward, uproot and pyhepmc used directly
on our files; exact unit conversions (1 cm = 10 mm, c = 299.792458 mm/ns).
"""

from __future__ import annotations

import io
import json

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pyhepmc
import pytest
import uproot

from openbfactory.core.errors import EventFileError, UnknownNameError
from openbfactory.events import Events, Jagged, iterate, metadata, open_writer, read, write
from openbfactory.events.columns import MC_PARTICLES


def assert_same(left: Events, right: Events, *, exact: bool = True) -> None:
    np.testing.assert_array_equal(left.event, right.event)
    np.testing.assert_array_equal(left.weight, right.weight)
    assert [left.process_names[i] for i in left.process] == [right.process_names[i] for i in right.process]
    assert set(left.lists) == set(right.lists)
    for name, jagged in left.lists.items():
        np.testing.assert_array_equal(jagged.offsets, right[name].offsets)
        assert list(jagged.columns) == list(right[name].columns)
        for column, values in jagged.columns.items():
            assert values.dtype == right[name][column].dtype
            np.testing.assert_allclose(values, right[name][column], rtol=0 if exact else 4e-16, err_msg=column)


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_everything_survives(tmp_path, events_of, suffix):
    events = events_of(57)
    write(tmp_path / f"a.{suffix}", events, {"seed": 7, "sample": "charged"})
    assert_same(read(tmp_path / f"a.{suffix}"), events)
    assert metadata(tmp_path / f"a.{suffix}")["seed"] == 7


def test_round_trip_through_all_formats(tmp_path, events_of):
    events = events_of(40, detector=False)
    events.weight[:] = np.linspace(0.1, 3, 40)
    path = tmp_path / "0.parquet"
    write(path, events)
    for number, suffix in enumerate(("root", "hepmc3", "parquet", "hepmc", "root")):
        following = tmp_path / f"{number}.{suffix}"
        write(following, read(path))
        path = following
    assert_same(read(path), events, exact=False)


def test_hepmc_units_and_vertices_as_pyhepmc_sees_them(tmp_path, events_of):
    events = events_of(5, detector=False)
    write(tmp_path / "a.hepmc3", events, {"seed": 7})
    particles, row = events["MCParticles"], 0
    with pyhepmc.open(tmp_path / "a.hepmc3") as file:
        for row, event in enumerate(file):
            begin = particles.offsets[row]
            for particle in event.particles:
                i = begin + particle.id - 1
                vertex = particle.production_vertex.position if particle.parents else event.event_pos()
                assert particle.pid == particles["PDG"][i]
                assert vertex.x == pytest.approx(10 * particles["x"][i], rel=1e-14)
                assert vertex.t == pytest.approx(299.792458 * particles["t"][i], rel=1e-14)
                if particle.parents:
                    assert particle.parents[0].id - 1 == particles["mother"][i]
            assert event.numpy.particles.e == pytest.approx(particles["E"][begin:particles.offsets[row + 1]], rel=1e-15)
    assert row == 4
    assert metadata(tmp_path / "a.hepmc3")["seed"] == "7"


def test_a_file_of_another_generator_gets_one_initial_system():
    """Beams in MEV and CM: two beams become a virtual photon; a missing vertex position is the mother's."""
    from openbfactory.core.diagnostics import Findings
    from openbfactory.events.check import Tally
    from openbfactory.events.hepmc import _blocks, _events

    text = ("HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nE 3 2 5\nU MEV CM\nW 0.5\n"
            "P 1 0 11 0 0 7004 7004 0.511 4\nP 2 0 -11 0 0 -4002 4002 0.511 4\nV -1 0 [1,2] @ 0.1 0.2 0.3 0.4\n"
            "P 3 -1 553 0 0 3002 11006 0 2\nP 4 3 22 1 0 0 1 0 1\nP 5 3 22 -1 0 0 1 0 1\n"
            "HepMC::Asciiv3-END_EVENT_LISTING\n")
    findings = Findings("text")
    events = _events(list(_blocks(io.BytesIO(text.encode()), findings)), Tally())
    assert not findings
    p = events["MCParticles"]
    assert p["PDG"].tolist() == [10022, 553, 22, 22]
    assert p["mother"].tolist() == [-1, 0, 1, 1]
    assert p["E"] == pytest.approx([11.006, 11.006, 1e-3, 1e-3])
    assert p["pz"][0] == pytest.approx(3.002)
    assert p["x"] == pytest.approx([0, 0.1, 0.1, 0.1])
    assert p["t"][1] == pytest.approx(0.4 / 29.9792458)
    assert events.weight[0] == 0.5


def test_beams_that_make_an_upsilon_are_dropped():
    from openbfactory.core.diagnostics import Findings
    from openbfactory.events.check import Tally
    from openbfactory.events.hepmc import _blocks, _events

    text = ("HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nE 0 2 5\nU GEV MM\nW 1\n"
            "P 1 0 11 0 0 7 7 0 4\nP 2 0 -11 0 0 -4 4 0 4\nV -1 0 [1,2] @ 1 2 3 4\n"
            "P 3 -1 300553 0 0 3 11 10.58 2\nV -2 0 [3] @ 1 2 3 4\n"
            "P 4 -2 521 0.3 0 1.5 5.5 5.28 1\nP 5 -2 -521 -0.3 0 1.5 5.5 5.28 1\nHepMC::Asciiv3-END_EVENT_LISTING\n")
    p = _events(list(_blocks(io.BytesIO(text.encode()), Findings("text"))), Tally())["MCParticles"]
    assert p["PDG"].tolist() == [300553, 521, -521]
    assert p["mother"].tolist() == [-1, 0, 0]
    assert p["status"][0] == 4
    assert p["z"] == pytest.approx([0.3, 0.3, 0.3])


def test_a_long_list_is_written_and_read_in_time_proportional_to_it(tmp_path):
    """Planted fault this guards against: a buffer that is not cleared between events makes the file grow as n^2."""
    size = 3000
    columns = {c.name: c.empty(size) for c in MC_PARTICLES.required}
    columns["mother"][:] = np.maximum(np.arange(size) // 4 - 1, -1)
    columns["mother"][1:] = np.maximum(columns["mother"][1:], 0)
    columns["PDG"][:] = 22
    columns["PDG"][0] = 300553
    columns["E"][:] = 1
    twice = {k: np.concatenate([v, v]) for k, v in columns.items()}
    jagged = Jagged(np.array([0, size, size, 2 * size], np.int64), twice)
    write(tmp_path / "a.hepmc3", Events.of_process("x", 3, MCParticles=jagged))
    lines = (tmp_path / "a.hepmc3").read_text().count("\n")
    assert lines < 2 * (size + size // 4 + 8) + 16
    with pytest.warns(UserWarning, match="has no particles"):
        assert_same(read(tmp_path / "a.hepmc3"), Events.of_process("x", 3, MCParticles=jagged))


def test_awkward_reads_the_parquet_file(tmp_path, events_of):
    events = events_of(30)
    write(tmp_path / "a.parquet", events)
    array = ak.from_parquet(tmp_path / "a.parquet")
    assert array.fields[:4] == ["event", "weight", "process", "MCParticles"]
    np.testing.assert_array_equal(ak.flatten(array["MCParticles"]["PDG"]), events["MCParticles"]["PDG"])
    assert set(array["process"].tolist()) == {"charged"}
    cov = ak.to_numpy(ak.flatten(array["Tracks"]["cov"], axis=1))
    np.testing.assert_array_equal(cov, events["Tracks"]["cov"])
    field = pq.read_schema(tmp_path / "a.parquet").field("MCParticles").type.value_type.field("t")
    assert field.metadata == {b"unit": b"ns", b"meaning": b"production time"}


def test_uproot_reads_the_root_file(tmp_path, events_of):
    events = events_of(30)
    write(tmp_path / "a.root", events)
    with uproot.open(tmp_path / "a.root") as file:
        tree = file["events"]
        np.testing.assert_array_equal(tree["nTracks"].array(), events["Tracks"].counts)
        np.testing.assert_array_equal(ak.flatten(tree["Tracks_cov_14"].array()), events["Tracks"]["cov"][:, 14])


def test_equal_events_give_equal_parquet_bytes(tmp_path, events_of):
    for name in "ab":
        with open_writer(tmp_path / f"{name}.parquet", {"seed": 1}) as writer:
            writer.append(events_of(20))
            writer.append(events_of(25, first=20, seed=2))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2


@pytest.mark.parametrize("suffix", ["parquet", "root", "hepmc3"])
def test_batches_have_the_size_asked_for(tmp_path, events_of, suffix):
    parts = [events_of(n, first=first, seed=n, detector=False, process=f"p{n}")
             for n, first in ((7, 0), (20, 7), (3, 27))]
    with open_writer(tmp_path / f"a.{suffix}") as writer:
        for part in parts:
            writer.append(part)
        assert writer.events == 30
    batches = list(iterate(tmp_path / f"a.{suffix}", 8))
    assert [len(b) for b in batches] == [8, 8, 8, 6]
    assert_same(Events.concatenate(batches), Events.concatenate(parts), exact=False)


@pytest.mark.parametrize("suffix", ["parquet", "root", "hepmc3"])
def test_a_file_without_events(tmp_path, suffix):
    with open_writer(tmp_path / f"a.{suffix}"):
        pass
    assert len(read(tmp_path / f"a.{suffix}")) == 0


@pytest.mark.parametrize("suffix", ["parquet", "root", "hepmc3"])
def test_nothing_is_left_after_an_error(tmp_path, events_of, suffix):
    def write_and_fail():
        with open_writer(tmp_path / f"a.{suffix}") as writer:
            writer.append(events_of(3, detector=False))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_selected_lists_only(tmp_path, events_of):
    write(tmp_path / "a.parquet", events_of(9))
    assert set(read(tmp_path / "a.parquet", ["Tracks"]).lists) == {"Tracks"}


def test_events_without_truth_survive(tmp_path, events_of):
    events = events_of(9).without_truth()
    for suffix in ("parquet", "root"):
        write(tmp_path / f"a.{suffix}", events)
        assert_same(read(tmp_path / f"a.{suffix}"), events)


def test_slices_of_events_are_written_as_they_are(tmp_path, events_of):
    events = events_of(20)
    sliced = Events(events.event[5:9], events.weight[5:9], events.process[5:9], events.process_names,
                    {k: Jagged(v.offsets[5:10], v.columns) for k, v in events.lists.items()})
    for suffix in ("parquet", "root"):
        write(tmp_path / f"a.{suffix}", sliced)
        assert_same(read(tmp_path / f"a.{suffix}"), events.take(np.arange(5, 9)))


def test_named_errors_of_writing(tmp_path, events_of):
    events = events_of(2)
    with pytest.raises(EventFileError, match=r"did you mean '.parquet'"):
        write(tmp_path / "a.parque", events)
    with pytest.raises(EventFileError, match="there are none"):
        write(tmp_path / "a.hepmc3", events.without("MCParticles"))
    with pytest.raises(UnknownNameError, match="did you mean 'Tracks'"):
        write(tmp_path / "a.parquet", events.with_lists(Trcks=events["Tracks"]))
    bad = Jagged(events["Tracks"].offsets, {**events["Tracks"].columns, "omeg": events["Tracks"]["omega"]})
    with pytest.raises(EventFileError, match="did you mean 'omega'"):
        write(tmp_path / "a.parquet", events.with_lists(Tracks=bad))
    (tmp_path / "file").write_text("")
    with pytest.raises(EventFileError, match="cannot write"):
        write(tmp_path / "file" / "a.parquet", events)


def test_metadata_of_a_foreign_file_is_empty(tmp_path, events_of):
    ak.to_parquet(events_of(3).to_awkward(), tmp_path / "a.parquet")
    assert metadata(tmp_path / "a.parquet") == {}
    assert json.dumps(metadata(tmp_path / "a.parquet")) == "{}"
