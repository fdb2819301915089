"""Oracles: definitions written out in plain Python, truth planted by hand, and symmetry of both flavours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from toy_events import BEAM, FIELD, generic_events, toy_tagger

from openbfactory.core.errors import ClassifierError, InputError
from openbfactory.core.forest import Forest
from openbfactory.events.record import Jagged
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct.flavour_categories import CATEGORIES, TARGETS
from openbfactory.reconstruct.flavour_features import features, kaon_pion, whole_events
from openbfactory.reconstruct.flavour_tagger import _best, combine, load_tagger
from openbfactory.reconstruct.flavour_truth import flavour_truth, other_b


@pytest.fixture(scope="module")
def r() -> Reconstruction:
    return Reconstruction(generic_events(30, 4, tracks=6), beam=BEAM, field=FIELD)


def test_features_are_those_of_the_tracks_that_pass(r: Reconstruction) -> None:
    seen = features(r, whole_events(r))
    tracks = r.get("pi+:all")
    kept = tracks.mask("thetaInCDCAcceptance and dr < 1 and abs(dz) < 3")
    assert np.array_equal(seen.tracks, np.flatnonzero(kept))
    assert np.array_equal(np.diff(seen.offsets), np.bincount(tracks.event[kept], minlength=30))
    for name in ("electronID", "dr", "p", "useCMSFrame(p)"):
        assert np.allclose(seen.columns[name], tracks[name][kept])
    assert np.array_equal(seen.charge, tracks["charge"][kept])
    for a, b in itertools.pairwise(seen.offsets):
        p, axis = seen.columns["useCMSFrame(p)"][a:b], seen.cms[a:b, 1:]
        fast = int(np.argmax(p)) if b > a else 0
        assert np.array_equal(seen.columns["isFast"][a:b] == 1, np.arange(b - a) == fast)
        for i in range(b - a):
            expected = axis[i] @ axis[fast] / p[i] / p[fast] if i != fast else np.nan
            assert seen.columns["cosWithFast"][a + i] == pytest.approx(expected, nan_ok=True)
        assert np.allclose(seen.columns["nROE_Tracks"][a:b], b - a)


def test_every_input_of_every_category_exists(r: Reconstruction) -> None:
    known = {*features(r, whole_events(r)).columns, "y(Kaon)", "y(SlowPion)", "cosKaonPion", "chargeKaonPion"}
    for category in CATEGORIES.values():
        assert {*category.inputs, category.window[0]} <= known
        assert set(category.targets) <= set(TARGETS)
    assert len(CATEGORIES) == 13


def test_the_best_tracks_are_combined() -> None:
    qp = np.array([0.3, -0.8, 0.5, 0.2, -0.9, 0.0])
    offsets = np.array([0, 4, 4, 6])
    one, three = np.zeros(3), np.zeros(3)
    _best(offsets, qp, 1, one)
    _best(offsets, qp, 3, three)
    assert one == pytest.approx([-0.8, 0.0, -0.9])
    plus, minus = 1.3 * 0.2 * 1.5, 0.7 * 1.8 * 0.5
    assert three == pytest.approx([(plus - minus) / (plus + minus), 0.0, -0.9])


def test_the_slow_pion_of_a_kaon_is_the_best_other_track() -> None:
    p = np.array([[1.0, 1, 0, 0], [1.0, 0, 1, 0], [1.0, 1, 1, 0], [1.0, 0, 0, 1]])
    out = np.full((4, 3), np.nan)
    kaon_pion(p, np.array([1.0, -1, 1, 1]), np.array([0, 3, 4]), np.array([0.0, 0.2, 0.6, 0.9]), out)
    assert out[0] == pytest.approx([0.6, np.sqrt(0.5), 1.0])
    assert out[2] == pytest.approx([0.2, np.sqrt(0.5), -1.0])
    assert np.isnan(out[3]).all()


def test_both_flavours_are_treated_alike() -> None:
    tagger = toy_tagger()
    qp = np.random.default_rng(1).uniform(-1, 1, (50, 13))
    assert np.allclose(combine(qp, tagger.combination), -combine(-qp, tagger.combination))
    assert combine(np.zeros((2, 13)), tagger.combination).tolist() == [0, 0]


def _family(codes: list[int], mothers: list[int]) -> dict[str, np.ndarray]:
    return {"PDG": np.array(codes, np.int32), "mother": np.array(mothers, np.int32)}


def test_truth_of_a_decay_written_by_hand() -> None:
    """B0 -> D*- (anti-D0 (K+ e- nu) pi-) mu+ nu beside B0bar -> pi+ pi-: kinds, flavour, partner."""
    r = Reconstruction(generic_events(1, 9, tracks=8), beam=BEAM, field=FIELD)
    codes = [300553, 511, -511, -413, -13, 14, -421, -211, 321, 11, -12, 211, -211]
    mothers = [-1, 0, 0, 1, 1, 1, 3, 3, 6, 6, 6, 2, 2]
    columns = {k: np.zeros((len(codes), *v.shape[1:]), v.dtype) for k, v in r.events["MCParticles"].columns.items()}
    columns |= _family(codes, mothers)
    tracks = r.events["Tracks"]
    index = np.array([4, 7, 8, 9, 11, -1], np.int32)
    charge = np.array([1.0, -1, 1, -1, 1, 1])
    tracks.columns["mcIndex"] = np.resize(index, tracks.size).astype(np.int32)
    lists = {**r.events.lists, "MCParticles": Jagged(np.array([0, len(codes)]), columns)}
    owner = Reconstruction(r.events.with_lists(**lists), beam=BEAM, field=FIELD)
    flavour, bits = flavour_truth(owner, np.array([0, 6]), np.arange(6), charge)
    bit = {name: 1 << i for i, name in enumerate(TARGETS)}
    right = bit["right charge"]
    assert flavour.tolist() == [1]
    assert bits.tolist() == [bit["muon"] | right, bit["slow pion"], bit["kaon"] | right,
                             bit["intermediate electron"], 0, 0]
    assert other_b(owner, np.array([1, 2, 3, -1])).tolist() == [2, 1, -1, -1]


def test_absent_taggers_are_named(r: Reconstruction, tmp_path) -> None:
    with pytest.raises(ClassifierError, match=r"combination\.flavour\.txt") as found:
        load_tagger(tmp_path)
    assert len(found.value.findings.errors) == 14
    r.flavour_tagger = None
    with pytest.raises(InputError, match="obf train flavour-tagger"):
        r.get("pi+:all")["FBDT_qrCombined"]
    r.flavour_tagger = toy_tagger()
    assert isinstance(r.flavour_tagger.combination, Forest)
    values = r.get("pi+:all")["FBDT_qrCombined"]
    assert np.all(np.abs(values) <= 1)
    assert np.array_equal(values, r.get("pi+:all")["qrOutput(FBDT)"])
