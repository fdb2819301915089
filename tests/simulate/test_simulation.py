"""The detector as a whole.

Oracle: the declarations of the event data model; equality of two runs of one address; independence of the
random streams of the subdetectors; named findings for broken input.
"""

import numpy as np
import pytest

from openbfactory.core.errors import EventFileError
from openbfactory.core.random import Address
from openbfactory.events.check import MAY_BE_ABSENT
from openbfactory.events.columns import COLLECTIONS
from openbfactory.simulate import Counts, simulate, simulate_counted

DETECTOR = ("Tracks", "PIDLikelihoods", "ECLClusters", "KLMClusters", "TRGSummary")
ALL = (*DETECTOR, "MCSecondaries")
CODES = [211, -211, 321, -321, 11, -13, 2212, -2212, 22, 22, 22, 130, 2112, -2112, 12, 310, 1000010020, 3122]


@pytest.fixture(scope="module")
def events(gun):
    n = 500 * len(CODES)
    rng = np.random.default_rng(9)
    return gun(np.tile(CODES, 500), rng.gamma(1.5, 0.5, n), np.arccos(rng.uniform(-1, 1, n)),
               vertex=rng.normal(0, 5, (n, 3)), per_event=len(CODES))


def same(a, b, names=DETECTOR):
    return all(np.array_equal(a[name][k], b[name][k], equal_nan=True) for name in names for k in a[name].columns)


def test_columns_as_declared(events, belle2, run):
    out = run(events, belle2)
    for name in ALL:
        collection, records = COLLECTIONS[name], out[name]
        absent = [c for c in collection.names if c not in records.columns]
        assert list(records.columns) == [c for c in collection.names if c not in absent]
        assert all(collection[c].optional for c in absent)
        assert len(records) == len(events)
        assert records.size > 0
        for column in (collection[c] for c in records.columns):
            values = records[column.name]
            assert values.dtype == column.dtype
            assert values.shape == ((records.size,) if column.width == 1 else (records.size, column.width))
            assert values.flags.c_contiguous
    assert np.array_equal(out["Tracks"].offsets, out["PIDLikelihoods"].offsets)
    assert out["MCParticles"] is events["MCParticles"]


def test_no_nans_and_valid_ranges(events, belle2, run):
    out = run(events, belle2)
    for name in DETECTOR:
        for key, values in out[name].columns.items():
            if key not in MAY_BE_ABSENT:
                assert np.all(np.isfinite(values)), key
    tracks, clusters = out["Tracks"], out["ECLClusters"]
    assert np.all(np.abs(tracks["phi0"]) <= np.pi)
    assert np.all((clusters["clusterE1E9"] >= 0) & (clusters["clusterE1E9"] <= 1))
    assert clusters["clusterE"].min() >= belle2.detector.ecl.threshold.value
    assert np.all(tracks["mcIndex"] < len(CODES))
    assert np.all(clusters["trackIndex"] < tracks.counts[clusters.event_index()])
    with_tracks = tracks.counts[clusters.event_index()] == 0
    assert np.all(np.isnan(clusters["minC2TDist"][with_tracks]))


def test_addressed(events, belle2):
    first, again = (simulate(events, belle2, Address(3, "x", 1)) for _ in range(2))
    assert same(first, again)
    assert not same(first, simulate(events, belle2, Address(3, "x", 2)))


def test_streams_are_independent(events, belle2, varied):
    """A change of the calorimeter leaves tracks and muon detector as they were."""
    one = simulate(events, belle2, Address(4, "x"))
    two = simulate(events, varied(beam_background=2.0), Address(4, "x"))
    assert same(one, two, ("Tracks", "KLMClusters"))
    assert two["ECLClusters"].size > one["ECLClusters"].size


def test_truth_can_be_removed(events, belle2, run):
    data = run(events, belle2).without_truth()
    assert "mcIndex" not in data["Tracks"].columns
    assert set(data.lists) == set(DETECTOR)


def test_no_events(events, belle2, run):
    none = events.take(np.empty(0, np.int64))
    assert all(run(none, belle2)[name].size == 0 for name in DETECTOR)


def test_broken_input_is_named(events, belle2, run):
    broken = events.take(np.arange(3))
    broken["MCParticles"]["px"][20] = np.nan
    broken["MCParticles"]["z"][1] = np.inf
    with pytest.raises(EventFileError) as caught:
        run(broken, belle2)
    assert [f.path for f in caught.value.findings] == ["MCParticles.px", "MCParticles.z"]
    assert "event 1" in caught.value.findings.render()
    with pytest.raises(EventFileError, match="MCParticles"):
        run(events.without("MCParticles"), belle2)


def test_what_is_left_out_is_counted(gun, belle2):
    """Two codes that no detector knows, one particle made outside; neutrinos are no loss."""
    vertex = np.zeros((6, 3))
    vertex[5] = [0.0, 150.0, 0.0]
    events = gun([310, 9900012, 12, -16, 211, 211], np.ones(6), np.full(6, 1.5), vertex=vertex, per_event=6)
    counts = simulate_counted(events, belle2, Address(1, "x"))[1]
    assert (counts.unknown, counts.outside, counts.repaired) == (2, 1, 0)
    assert [line.split()[0] for line in (counts + counts).lines()] == ["4", "2"]
    assert Counts().lines() == []


def test_generators_begin_at_their_addresses():
    """One object for all processes draws what a fresh generator of the address draws; nothing is left of the last."""
    from openbfactory.simulate.simulation import _generator

    address = Address(3, "numbers", 1, "simulate")
    fresh = address.at("simulate:pid").generator().standard_normal(5)
    used = _generator(address, "ecl")
    used.integers(10, dtype=np.int32)
    again = _generator(address, "pid")
    assert again is used
    assert np.array_equal(again.standard_normal(5), fresh)
