"""Scenes of events and the verb ``display``.

Oracle: the columns that went into the file (every track, cluster and particle once), closed forms of where they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from openbfactory.core.errors import CardError, EventFileError, InputError
from openbfactory.core.random import Address
from openbfactory.events import Events, Jagged, write
from openbfactory.events.trigger import L1_LINES
from openbfactory.experiment import load_card
from openbfactory.pipeline.display import Choice, display_of, find_events
from openbfactory.pipeline.scenes.detector import shape_of
from openbfactory.simulate import simulate

sys.path.insert(0, str(Path(__file__).resolve().parent))
from display_events import PARTICLES, detected_events, generated_events


@pytest.fixture(scope="module")
def events():
    return detected_events()


@pytest.fixture(scope="module")
def source(events, tmp_path_factory):
    path = tmp_path_factory.mktemp("display") / "toy.parquet"
    write(path, events, {"sample": "toy", "seed": 5, "card": "belle2"})
    return path


@pytest.fixture(scope="module")
def scenes(source):
    return display_of(source, events="100:112").scenes


def of(items, layer):
    return [item for item in items if item.layer == layer]


def test_every_object_is_there_once(events, scenes):
    for row, scene in enumerate(scenes):
        assert scene.number == 100 + row
        tracks = [c.key for c in of(scene.curves, "tracks")]
        assert tracks == [f"track-{i}" for i in range(events["Tracks"].counts[row])]
        assert len(of(scene.towers, "ecl")) == events["ECLClusters"].counts[row]
        assert len(of(scene.towers, "klm")) == events["KLMClusters"].counts[row]
        assert len(of(scene.arrows, "missing")) == 1
        keys = {c.key for c in scene.curves}
        charged_or_seen = [i for i, p in enumerate(PARTICLES) if p[0] in (321, -321, 12, -12, 130, 22, 13)]
        assert {f"mc-{i}" for i in charged_or_seen} <= keys
        secondaries = events["MCSecondaries"]
        assert sum(k.startswith("sec-") for k in keys) <= secondaries.counts[row]


def test_tracks_follow_their_particles(tmp_path):
    """A reconstructed track and the path of its particle lie within a centimetre inside the drift chamber.

    Particles reach it without decays, matter, clones and fakes, which end or double a track.
    """
    card = load_card("belle2")
    switches = card.detector.switches.model_copy(update=dict.fromkeys(
        ("decays_in_flight", "material", "energy_loss", "cloned_tracks", "fake_tracks"), 0.0))
    quiet = card.model_copy(update={"detector": card.detector.model_copy(update={"switches": switches})})
    events = simulate(generated_events(12), quiet, Address(5, "toy"))
    write(tmp_path / "quiet.parquet", events, {"sample": "toy", "seed": 5, "card": "belle2"})
    scenes = display_of(tmp_path / "quiet.parquet", events="100:112").scenes
    compared = 0
    for row, scene in enumerate(scenes):
        curves = {c.key: c for c in scene.curves}
        begin = events["Tracks"].offsets[row]
        for i in range(events["Tracks"].counts[row]):
            index = int(events["Tracks"]["mcIndex"][begin + i])
            if index < 0 or abs(PARTICLES[index][0]) not in (13, 321):
                continue
            drawn, true = curves[f"track-{i}"].points, curves[f"mc-{index}"].points
            radius = np.hypot(true[:, 0], true[:, 1])
            for point in true[(radius > 20) & (radius < 60)][::4]:
                compared += 1
                assert np.linalg.norm(drawn - point, axis=1).min() < 5.0
                assert abs(np.interp(np.hypot(*point[:2]), np.hypot(drawn[:, 0], drawn[:, 1]), drawn[:, 2])
                           - point[2]) < 1.0
    assert compared > 50


def test_tracks_end_at_the_calorimeter_or_a_kink(scenes):
    faces = load_card("belle2").detector.ecl.surface
    for scene in scenes:
        kinks = {p.value for v in scene.vertices if v.name == "Kink" for p in v.properties if p.name == "mother"}
        for curve in of(scene.curves, "tracks"):
            x, y, z = curve.points[-1]
            on_face = (np.isclose(np.hypot(x, y), faces.radius.value) or np.isclose(z, faces.z_forward.value)
                       or np.isclose(z, faces.z_backward.value))
            assert on_face or f"track {curve.key[6:]}" in kinks or len(curve.points) > 80  # a whole turn


def test_clusters_stand_where_they_were_measured(events, scenes):
    clusters = events["ECLClusters"]
    for row, scene in enumerate(scenes):
        for i, tower in enumerate(of(scene.towers, "ecl")):
            j = clusters.offsets[row] + i
            assert np.linalg.norm(tower.start) == pytest.approx(clusters["clusterR"][j])
            assert np.arccos(tower.direction[2]) == pytest.approx(clusters["clusterTheta"][j])
            assert tower.height == pytest.approx(40 * np.sqrt(clusters["clusterE"][j]))


def test_k_short_and_kinks_are_found(scenes):
    shorts = [v for scene in scenes for v in of(scene.vertices, "vertices") if v.name == "V0: K_S0"]
    assert len(shorts) >= 6
    for vertex in shorts:
        np.testing.assert_allclose(vertex.position, [2.5, -3.0, 1.505], atol=0.3)
    for scene in scenes:
        for kink in (v for v in scene.vertices if v.name == "Kink"):
            values = {p.name: str(p.value).replace(" ", "-") for p in kink.properties}
            curves = {c.key: c.points for c in of(scene.curves, "tracks")}
            np.testing.assert_allclose(curves[values["mother"]][-1], kink.position, atol=1.0)
            np.testing.assert_allclose(curves[values["daughter"]][0], kink.position, atol=1.0)


def test_decays_in_flight_end_the_true_path(events, scenes):
    made = events["MCSecondaries"]
    ended = 0
    for row, scene in enumerate(scenes):
        curves = {c.key: c.points for c in scene.curves}
        for j in range(made.offsets[row], made.offsets[row + 1]):
            if made["process"][j] != 1 or made["mcIndex"][j] not in (3, 9, 10, 11):
                continue
            first = [k for k in range(made.offsets[row], made.offsets[row + 1])
                     if made["mcIndex"][k] == made["mcIndex"][j] and made["t"][k] < made["t"][j] - 1e-9]
            if not first:
                place = [made[k][j] for k in "xyz"]
                np.testing.assert_allclose(curves[f"mc-{made['mcIndex'][j]}"][-1], place, atol=1e-4)
                ended += 1
    assert ended > 0


def test_the_tree_holds_every_particle(scenes):
    def count(node):
        return 1 + sum(count(child) for child in node.children)

    for scene in scenes:
        (root,) = scene.tree
        assert root.name == "Upsilon(4S)"
        assert count(root) >= len(PARTICLES)
        assert [child.name for child in root.children] == ["B+", "B-"]


def test_trigger_bits(events, scenes):
    words = events["TRGSummary"]["L1FTDL"]
    for row, scene in enumerate(scenes):
        assert [t.name for t in scene.trigger] == list(L1_LINES)
        assert sum(t.fired << i for i, t in enumerate(scene.trigger)) == words[row]


def test_generated_only_and_data_like_files(tmp_path, events):
    write(tmp_path / "truth.parquet", generated_events(2))
    (scene,) = display_of(tmp_path / "truth.parquet").scenes
    assert scene.number == 100
    assert not scene.towers
    assert {c.layer for c in scene.curves} == {"mc-charged", "mc-photons", "mc-neutrals", "mc-neutrinos"}
    write(tmp_path / "data.parquet", events.without_truth())
    (scene,) = display_of(tmp_path / "data.parquet", events="103").scenes
    assert not any(c.layer.startswith("mc-") for c in scene.curves)
    assert not any(p.truth for c in scene.curves for p in c.properties)
    only = Events(events.event, events.weight, events.process, events.process_names,
                  {"ECLClusters": events["ECLClusters"]})
    write(tmp_path / "clusters.parquet", only.without_truth())
    assert display_of(tmp_path / "clusters.parquet").scenes[0].towers


def test_undone_decays_are_named_and_not_drawn(events):
    """A K_S that hit matter before its decay: its pions are in the tree only."""
    one = events.take(np.array([0]))
    row = {"PDG": 211, "px": 0.1, "py": -0.1, "pz": 0.1, "x": 1.2, "y": -1.4, "z": 0.7, "t": 0.05, "process": 3,
           "mcIndex": 6, "trackIndex": -1}
    made = Jagged(np.array([0, 1]), {k: np.array([v], one["MCSecondaries"][k].dtype) for k, v in row.items()})
    from openbfactory.pipeline.display import scenes_of

    card = load_card("belle2")
    (scene,) = scenes_of(one.with_lists(MCSecondaries=made), card, shape_of(card))
    assert not {"mc-12", "mc-13"} & {c.key for c in scene.curves}
    short = next(c for c in scene.curves if c.key == "mc-6")
    np.testing.assert_allclose(short.points[-1], [1.2, -1.4, 0.7])
    assert "did not happen" in str(scene.tree)


def test_choice_of_events():
    assert Choice.of("3,7, 9") == Choice((3, 7, 9))
    assert Choice.of("0:10,12") == Choice((12,), ((0, 10),))
    for text in ("", "3,x", "5:2", "-1", "1.5", "3:"):
        with pytest.raises(InputError, match="event-choice"):
            Choice.of(text)


def test_events_that_are_not_there(source):
    with pytest.raises(EventFileError) as raised:
        find_events(source, Choice.of("105,7,900"))
    text = str(raised.value)
    assert "no event 7; the file has 12 events with numbers from 100 to 111" in text
    assert "no event 900" in text
    with pytest.raises(EventFileError, match="none of the events"):
        find_events(source, Choice.of("0:50"))
    assert find_events(source, Choice.of("110:500"))[0].event.tolist() == [110, 111]


def test_candidates_are_marked(source, events):
    shown = display_of(source, events="100:112", decay="K_S0 -> pi+:all pi-:all", cut="0.48 < M < 0.52")
    candidates = [(s, c) for s in shown.scenes for c in s.candidates]
    assert len(candidates) >= 6
    for scene, candidate in candidates:
        assert len(candidate.members) == 2
        assert set(candidate.members) <= {c.key for c in of(scene.curves, "tracks")}
    photons = display_of(source, events="100:112", decay="B+ -> gamma:all mu+:all", cut="").scenes
    members = {m.partition("-")[0] for s in photons for c in s.candidates for m in c.members}
    assert members == {"ecl", "track"}


def test_places_in_the_muon_detector():
    shape = shape_of(load_card("belle2"))
    place, depth = shape.muon_place(np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(place, [201.9, 0, 0])
    assert depth == pytest.approx(353.5 - 201.9)
    place, _ = shape.muon_place(np.array([np.cos(np.pi / 8), np.sin(np.pi / 8), 0.0]))
    assert np.hypot(*place[:2]) == pytest.approx(201.9 / np.cos(np.pi / 8))
    assert shape.muon_place(np.array([0.6, 0.0, 0.8]))[0][2] <= 277.0 + 1e-9
    assert shape.muon_place(np.array([0.5, 0.0, np.sqrt(0.75)]))[0][2] == pytest.approx(277.0)
    assert shape.muon_place(np.array([0.6, 0.0, -0.8]))[0][2] == pytest.approx(-183.0)


def test_command(source, tmp_path, obf):
    page = tmp_path / "e.html"
    code, out, _ = obf("display", source, "--event", "100,104", "--output", page)
    assert code == 0
    assert "2 events" in out
    assert "event 104" in page.read_text()
    assert page.stat().st_size < 2e6
    for arguments, text in ((("--event", "9"), "no event 9"), (("--event", "x"), "event-choice"),
                            (("--detector", "bell"), "belle"), (("--decay", "D0 -> K-"), "D0")):
        code, _, err = obf("display", source, *arguments, "--output", tmp_path / "no.html")
        assert (code, (tmp_path / "no.html").exists()) == (1, False), (arguments, err)
        assert text in err
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nothing")
    code, _, err = obf("display", tmp_path / "bad.parquet", "--output", tmp_path / "no.html")
    assert code == 1
    assert "EventFileError" in err
    code, _, err = obf("display", source, "--output", tmp_path)
    assert code == 1
    assert "cannot write" in err


def test_another_card(source):
    assert display_of(source, card="belle").detector == "Belle"
    with pytest.raises((CardError, InputError)):
        display_of(source, card="nowhere/card.yaml")
