"""Oracles: the selection and every kinematic variable written out again with NumPy event by event; truth of the toys.

The toys are in ``toy_events``.  Statistical statements use fixed seeds and have a false-alarm rate below 1e-4.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import numpy as np
import pytest
import toy_events as toy
import yaml

from openbfactory.core.errors import EventFileError
from openbfactory.events.record import Events, Jagged
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.event_shape import thrusts
from openbfactory.reconstruct.inclusive_tag import (
    CandidateTable,
    Collision,
    reconstruct_inclusive_tag,
    reconstruct_with_energies,
)
from openbfactory.reconstruct.kshort import find_kshort
from openbfactory.reconstruct.photons import photon_list
from openbfactory.reconstruct.tracks import masses, track_list
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS, TRUTH, VARIABLES

CONFIG = InclusiveTagConfig()
MACHINE = Collision(toy.BEAM)
Track = Literal["kaon", "pion", "electron", "muon"]
Mass = Literal["own", "kaon"]
ORIGIN = np.zeros(3)


@pytest.fixture(scope="module")
def signal() -> Events:
    return toy.generic_events(400, 11, signal=True)


@pytest.fixture(scope="module")
def generic() -> Events:
    return toy.generic_events(300, 12, tracks=8)


@pytest.fixture(scope="module")
def signal_table(signal: Events) -> CandidateTable:
    return reconstruct_inclusive_tag(signal, MACHINE, CONFIG)


def test_registry_has_the_published_numbers_of_inputs() -> None:
    assert len(BDT1_INPUTS) == 12
    assert len(BDT2_INPUTS) == 35
    assert set(BDT1_INPUTS) <= set(BDT2_INPUTS)
    assert all(v.unit and v.meaning and v.source for v in (*VARIABLES.values(), *TRUTH.values()))
    assert not any(name.startswith("mc") for name in VARIABLES)


def test_every_source_is_a_known_reference() -> None:
    known = set(yaml.safe_load((files("openbfactory.physics") / "data" / "references.yaml").read_text()))
    assert {v.source.split(";")[0] for v in (*VARIABLES.values(), *TRUTH.values())} <= known


def test_columns_are_those_of_the_registry(signal_table: CandidateTable) -> None:
    assert list(signal_table.columns) == [*VARIABLES, *TRUTH]
    for name, variable in (VARIABLES | TRUTH).items():
        assert signal_table.columns[name].dtype == variable.dtype, name
        assert signal_table.columns[name].shape == (len(signal_table),), name


@pytest.mark.parametrize(("track", "mass"), [("kaon", "own"), ("pion", "own"), ("pion", "kaon"), ("muon", "own")])
def test_selection_is_the_one_written_out(generic: Events, track: Track, mass: Mass) -> None:
    config = InclusiveTagConfig(signal_track=track, signal_mass=mass)
    kind = {"kaon": 3, "pion": 2, "muon": 1}[track]
    tracks = track_list(generic["Tracks"], generic["PIDLikelihoods"], CONFIG, ORIGIN)
    photons = photon_list(generic["ECLClusters"], CONFIG, ORIGIN)
    ks = find_kshort(tracks, CONFIG, ORIGIN)
    good = tracks.good & ~ks.used
    last = f"signal{track.capitalize()}"
    flow, rows = dict.fromkeys(("all", "nTracks", "visibleEnergy", "thetaMiss", last), 0), []
    m_k = masses()[3 if mass == "kaon" else kind]
    for e in range(len(generic)):
        flow["all"] += 1
        t = np.flatnonzero(good[tracks.offsets[e]:tracks.offsets[e + 1]]) + tracks.offsets[e]
        g = np.flatnonzero(photons.good[photons.offsets[e]:photons.offsets[e + 1]]) + photons.offsets[e]
        neutral = ks.p4[ks.offsets[e]:ks.offsets[e + 1]]
        total = tracks.p4[t].sum(0) + photons.p4[g].sum(0) + neutral.sum(0)
        missing = toy.BEAM - total
        if not 4 <= len(t) <= 10:
            continue
        flow["nTracks"] += 1
        if total[0] <= 4:
            continue
        flow["visibleEnergy"] += 1
        if not 0.3 < np.arctan2(np.hypot(*missing[1:3]), missing[3]) < 2.8:
            continue
        flow["thetaMiss"] += 1
        kaons = [i for i in t if tracks.pid[i, kind] > 0.9 and tracks.nPXDHits[i] >= 1]
        if not kaons:
            continue
        flow[last] += 1
        q2 = []
        for i in kaons:
            energy = np.sqrt(m_k**2 + np.sum(tracks.p4[i, 1:] ** 2))
            star = (toy.BEAM[0] * energy - toy.BEAM[1:] @ tracks.p4[i, 1:]) / toy.SQRT_S
            q2.append(toy.SQRT_S**2 / 4 + m_k**2 - toy.SQRT_S * star)
        k = kaons[int(np.argmin(q2))]
        roe = total - tracks.p4[k]
        missing = toy.BEAM - roe - np.append(np.sqrt(m_k**2 + np.sum(tracks.p4[k, 1:] ** 2)), tracks.p4[k, 1:])
        cms = toy._boost(roe[None] * 1.0, np.append(toy.BEAM[0], -toy.BEAM[1:])[None])[0]
        pt = np.hypot(tracks.p4[t, 1], tracks.p4[t, 2])[t != k]
        star = toy._boost(missing[None], np.append(toy.BEAM[0], -toy.BEAM[1:])[None])[0]
        rows.append({
            "event": e, "q2_rec": min(q2), "roeDeltae": cms[0] - toy.SQRT_S / 2, "roeP": np.linalg.norm(roe[1:]),
            "roePTheta": np.arccos(roe[3] / np.linalg.norm(roe[1:])), "nTracks": len(t), "nPhotons": len(g),
            "nKShort": len(neutral), "totalCharge2": tracks.charge[t].sum() ** 2, "roeTrackPtVariance": pt.var(),
            "missingMass2OfEvent": missing[0] ** 2 - np.sum(missing[1:] ** 2), "kaonID": tracks.pid[k, 3],
            "mm2": star[0] * abs(star[0]) - np.sum(star[1:] ** 2),
            "nLeptons": np.sum((tracks.pid[t, 0] > 0.9) | (tracks.pid[t, 1] > 0.9)) - (track == "muon"),
            "dr": abs(tracks.d0[k]), "cosTheta": tracks.p4[k, 3] / np.linalg.norm(tracks.p4[k, 1:]),
        })
    table = reconstruct_inclusive_tag(generic, MACHINE, config)
    assert table.cutflow == flow
    assert len(rows) > 30
    assert list(table.event) == [r["event"] for r in rows]
    for name in set(rows[0]) - {"event"}:
        assert np.allclose(table.columns[name], [r[name] for r in rows], rtol=1e-9, atol=1e-9), name


def test_angles_in_the_centre_of_mass_are_those_of_boosted_momenta(generic: Events) -> None:
    """One event rebuilt with the textbook boost: thrust axis of the rest of event and the missing momentum."""
    table = reconstruct_inclusive_tag(generic, MACHINE, CONFIG)
    tracks = track_list(generic["Tracks"], generic["PIDLikelihoods"], CONFIG, ORIGIN)
    photons = photon_list(generic["ECLClusters"], CONFIG, ORIGIN)
    ks = find_kshort(tracks, CONFIG, ORIGIN)
    back = np.append(toy.BEAM[0], -toy.BEAM[1:])
    for row in range(20):
        e = table.event[row]
        t = np.flatnonzero((tracks.good & ~ks.used)[tracks.offsets[e]:tracks.offsets[e + 1]]) + tracks.offsets[e]
        k = t[np.argmin(abs(tracks.pid[t, 3] - table.columns["kaonID"][row]))]
        g = np.flatnonzero(photons.good[photons.offsets[e]:photons.offsets[e + 1]]) + photons.offsets[e]
        lab = np.vstack([tracks.p4[t[t != k]], photons.p4[g], ks.p4[ks.offsets[e]:ks.offsets[e + 1]]])
        roe = toy._boost(lab, np.tile(back, (len(lab), 1)))
        kaon = toy._boost(tracks.p4[k][None], back[None])[0]
        _, axis = thrusts(np.ascontiguousarray(roe), np.array([0]), np.array([len(roe)]))
        cosine = abs(kaon[1:] @ axis[0]) / np.linalg.norm(kaon[1:])
        assert table.columns["cosTBTO"][row] == pytest.approx(cosine, abs=1e-9)
        missing = -roe[:, 1:].sum(0) - kaon[1:]
        theta = np.arccos(missing[2] / np.linalg.norm(missing))
        assert table.columns["missingMomentumOfEventCMS_theta"][row] == pytest.approx(theta, abs=1e-9)


def test_truth_of_signal(signal: Events, signal_table: CandidateTable) -> None:
    c = signal_table.columns
    matched = c["mcIsSignal"]
    assert matched.mean() > 0.6
    assert np.all(c["mcKaonPDG"][matched] == 321)
    assert np.all(c["mcMotherPDG"][matched] == 521)
    assert np.all(abs(c["mcKaonPDG"][~matched]) != 0)
    q2 = []
    truth = signal["MCParticles"]
    for e in signal_table.event:
        rows = slice(truth.offsets[e], truth.offsets[e + 1])
        nu = np.isin(truth["PDG"][rows], [14, -14])
        p = [truth[name][rows][nu].sum() for name in ("E", "px", "py", "pz")]
        q2.append(p[0] ** 2 - p[1] ** 2 - p[2] ** 2 - p[3] ** 2)
    assert np.allclose(c["mcQ2"], q2)
    smearing = (c["q2_rec"] - c["mcQ2"])[matched]
    assert abs(smearing.mean()) < 0.3
    assert abs(smearing).max() < 2.2  # sqrt(s) gamma beta p_K: at most 1.74 GeV^2, and the resolution of the toys


def test_no_signal_in_generic_events(generic: Events) -> None:
    c = reconstruct_inclusive_tag(generic, MACHINE, CONFIG).columns
    assert not c["mcIsSignal"].any()
    assert np.isnan(c["mcQ2"]).all()


def test_a_semileptonic_or_broken_mother_is_no_signal(signal: Events) -> None:
    """Planted faults in the truth: one neutrino less, a kaon of another mother, a mother that is no B."""
    truth = signal["MCParticles"]
    for column, old, new in (("PDG", -14, 22), ("PDG", 521, 511), ("PDG", -14, 14)):
        values = np.where(truth[column] == old, new, truth[column]).astype(np.int32)
        changed = signal.with_lists(MCParticles=type(truth)(truth.offsets, truth.columns | {column: values}))
        c = reconstruct_inclusive_tag(changed, MACHINE, CONFIG).columns
        assert not c["mcIsSignal"].any()


def test_truth_of_a_pion_with_a_neutral_kaon(signal: Events) -> None:
    """The toys' signal with pion and K_L in the place of kaon and neutrinos; matched leptons come from a B."""
    truth = signal["MCParticles"]
    pdg = truth["PDG"].copy()
    mother = truth["mother"].copy()
    of_signal = np.flatnonzero((mother == 1) & (pdg == 321))
    pdg[of_signal] = 211
    mother[np.flatnonzero(pdg == -14)] = 0  # not a daughter of the B
    pdg[pdg == 14] = 130
    changed = signal.with_lists(MCParticles=type(truth)(truth.offsets, truth.columns | {"PDG": pdg, "mother": mother}))
    loose = InclusiveTagConfig(signal_track="pion", pion_id_min=0, kaon_pxd_hits_min=0)
    c = reconstruct_inclusive_tag(changed, MACHINE, loose).columns
    assert c["mcIsSignal"].mean() > 0.2
    assert np.all(c["mcKaonPDG"][c["mcIsSignal"]] == 211)
    assert np.isfinite(c["mcQ2"]).all()
    assert not reconstruct_inclusive_tag(changed, MACHINE, CONFIG).columns["mcIsSignal"].any()
    muons = reconstruct_inclusive_tag(changed, MACHINE, InclusiveTagConfig(signal_track="muon")).columns
    of_b = abs(muons["mcMotherPDG"]) == 521
    assert np.array_equal(muons["mcIsSignal"], of_b & (abs(muons["mcKaonPDG"]) == 13))
    assert muons["mcIsSignal"].mean() > 0.5


def test_nothing_but_truth_columns_changes_without_truth(signal: Events, signal_table: CandidateTable) -> None:
    data = reconstruct_inclusive_tag(signal.without_truth(), MACHINE, CONFIG)
    assert list(data.columns) == list(VARIABLES)
    assert data.cutflow == signal_table.cutflow
    for name in VARIABLES:
        assert data.columns[name].tobytes() == signal_table.columns[name].tobytes(), name


def test_an_event_gives_the_same_candidate_in_any_company(signal: Events, signal_table: CandidateTable) -> None:
    chosen = signal_table.event[5:60:7]
    alone = reconstruct_inclusive_tag(signal.take(np.asarray(chosen)), MACHINE, CONFIG)
    assert np.array_equal(alone.event, chosen)
    for name in (*VARIABLES, *TRUTH):
        assert alone.columns[name].tobytes() == signal_table.columns[name][5:60:7].tobytes(), name


def test_charm_columns_are_possible_values(signal_table: CandidateTable) -> None:
    c = signal_table.columns
    finite = np.isfinite(c["DzeroM"])
    assert finite.mean() > 0.9
    assert np.all(c["DzeroVertexChi2"][finite] >= 0)
    assert np.all(c["DzeroMedianPValue"][finite] <= 1)
    assert np.all(c["DzeroM"][finite] > masses()[3] + masses()[2])
    assert np.all(c["DplusM"][np.isfinite(c["DplusM"])] > masses()[3] + 2 * masses()[2])


def test_tag_vertex_is_where_the_other_b_decayed() -> None:
    """ROE tracks of the signal toys come from z = 80 um beside the beam-spot point; the mean must find it."""
    events = toy.generic_events(600, 22, signal=True, ks_fraction=0.0)
    loose = InclusiveTagConfig(n_tracks_min=3, n_tracks_max=30, visible_energy_min=0, theta_miss_min=0,
                               theta_miss_max=3.1416)
    table = reconstruct_inclusive_tag(events, MACHINE, loose)
    matched = table.columns["mcIsSignal"]
    truth = events["MCParticles"]
    z = np.array([truth["z"][truth.offsets[e] + 4] for e in table.event])  # the first particle of the other B
    pull = (table.columns["roeVertexDz"] - z)[matched & (table.columns["roeVertexState"] == 0)]
    assert abs(np.median(pull)) < 4e-4
    assert np.percentile(abs(pull), 68) < 60e-4
    p = table.columns["roeVertexPValue"][matched & (table.columns["roeVertexState"] == 0)]
    assert 0.45 < p.mean() < 0.55  # flat: 0.5 +- 0.29 / sqrt(n)


def test_constraint_to_the_interaction_point_pulls_the_tag_vertex(signal: Events) -> None:
    tight = reconstruct_inclusive_tag(signal, MACHINE, CONFIG, ip_covariance=np.diag([1e-6, 1e-6, 1e-6]) ** 2)
    assert np.nanmax(abs(tight.columns["roeVertexDx"])) < 1e-4


def test_failed_fits_are_counted_and_leave_nan() -> None:
    """One-track rest of event: no tag vertex, no D+."""
    events = toy.generic_events(200, 23, tracks=3, ks_fraction=0)
    loose = InclusiveTagConfig(n_tracks_min=1, visible_energy_min=0, theta_miss_min=0, theta_miss_max=3.1416,
                               kaon_id_min=0)
    table = reconstruct_inclusive_tag(events, MACHINE, loose)
    bad = table.columns["roeVertexState"] != 0
    assert 0 < bad.sum() == table.failed_fits["roeVertex"]
    for name in ("roeVertexDx", "roeVertexDz", "roeVertexPValue", "drToTagVertex"):
        assert np.array_equal(np.isnan(table.columns[name]), bad), name
    assert np.all(np.isnan(table.columns["roeTrackPtVariance"][table.columns["nTracks"] == 1]))


def test_weights_enter_the_cutflow(signal: Events) -> None:
    heavy = Events(signal.event, 2.0 * signal.weight, signal.process, signal.process_names, signal.lists)
    one, two = (reconstruct_inclusive_tag(e, MACHINE, CONFIG).cutflow for e in (signal, heavy))
    assert {k: 2 * v for k, v in one.items()} == two
    assert list(one.values()) == sorted(one.values(), reverse=True)


def test_no_events_give_an_empty_table_with_types() -> None:
    events = toy.generic_events(3, 24).take(np.zeros(3, bool))
    table = reconstruct_inclusive_tag(events, MACHINE, CONFIG)
    assert len(table) == 0
    assert all(table.columns[n].dtype == v.dtype for n, v in (VARIABLES | TRUTH).items())
    assert table.cutflow["all"] == 0


def test_events_without_detector_objects_are_refused_with_all_findings(signal: Events) -> None:
    with pytest.raises(EventFileError) as caught:
        reconstruct_inclusive_tag(signal.without("PIDLikelihoods", "ECLClusters"), MACHINE, CONFIG)
    assert {f.path for f in caught.value.findings} == {"PIDLikelihoods", "ECLClusters"}
    tracks = signal["Tracks"]
    short = type(tracks)(tracks.offsets, {k: v for k, v in tracks.columns.items() if k != "omega"})
    with pytest.raises(EventFileError, match="omega"):
        reconstruct_inclusive_tag(signal.with_lists(Tracks=short), MACHINE, CONFIG)
    with pytest.raises(EventFileError, match="not-parallel"):
        reconstruct_inclusive_tag(signal.with_lists(PIDLikelihoods=_shifted(signal["PIDLikelihoods"])), MACHINE, CONFIG)


def _shifted(records: Jagged) -> Jagged:
    offsets = records.offsets.copy()
    offsets[1] += 1
    return Jagged(offsets, records.columns)


def test_several_sets_of_energies_are_several_reconstructions(generic: Events) -> None:
    """Oracle: each set reconstructed on its own; what ``keep`` refuses is left out and nothing else changes."""
    clusters = generic["ECLClusters"]
    energies = [None, clusters["clusterE"] * 1.3, clusters["clusterE"] * 0.0]
    found = reconstruct_with_energies(generic, MACHINE, CONFIG, energies)
    few = reconstruct_with_energies(generic, MACHINE, CONFIG, energies, keep=lambda c: c["cosTBTO"] > 0.5)
    for energy, table, kept in zip(energies, found, few, strict=True):
        scaled = clusters.columns | ({} if energy is None else {"clusterE": energy})
        alone = reconstruct_inclusive_tag(generic.with_lists(ECLClusters=Jagged(clusters.offsets, scaled)), MACHINE,
                                          CONFIG)
        assert table.cutflow == kept.cutflow == alone.cutflow
        wanted = alone.columns["cosTBTO"] > 0.5
        assert 0 < wanted.sum() < len(alone)
        assert np.array_equal(kept.event, alone.event[wanted])
        for name, column in alone.columns.items():
            assert np.array_equal(table.columns[name], column, equal_nan=column.dtype.kind == "f")
            assert np.array_equal(kept.columns[name], column[wanted], equal_nan=column.dtype.kind == "f")
    assert not np.array_equal(found[0].columns["roeDeltae"], found[1].columns["roeDeltae"])
