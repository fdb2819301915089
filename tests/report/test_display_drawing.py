"""Drawing of scenes. Oracle: closed forms of the projections, and the records that went in."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from openbfactory.report.display import (
    Arrow,
    Candidate,
    Curve,
    Display,
    Node,
    Outline,
    Property,
    Scene,
    Tower,
    TriggerLine,
    Vertex,
    render_display,
    render_picture,
    views,
)
from openbfactory.report.display.names import pretty, shown, title
from openbfactory.report.display.records import KINDS


def scene(number=4, **changes):
    """A scene with one of everything."""
    line = np.linspace([0.0, 0.0, 0.0], [30.0, 40.0, 20.0], 5)
    u = np.array([0.6, 0.8, 0.0])
    content = {"process": "charged",
        "curves": (Curve("track-0", "tracks", "pi", "Track 0: pi+", line, (Property("p", 1.25, "GeV"),
                                                                      Property("true particle", "K+", truth=True))),
                Curve("mc-1", "mc-charged", "K", "K+ (true)", line + 0.1)),
        "towers": (Tower("ecl-0", "ecl", "gamma", "Cluster 0", 125 * u, u, 20.0, 6.0, (Property("E", 0.25, "GeV"),)),),
        "vertices": (Vertex("v0-0", "vertices", "neutral", "V0: K_S0", np.array([3.0, -4.0, 1.0])),),
        "arrows": (Arrow("missing", "missing", "unseen", "Missing momentum", np.zeros(3), np.array([0.0, -50, 10])),),
        "facts": (Property("visible energy", 7.5, "GeV"),), "trigger": (TriggerLine("fff", True, True),),
        "hadron_skim": True, "tree": (Node("B+", "p 1 GeV", "mc-0", (Node("K+", "p 2 GeV", "mc-1"),)),),
        "candidates": (Candidate("D0 candidate 0", (Property("M", 1.86, "GeV"),), ("track-0", "ecl-0")),)}
    return Scene(number, **(content | changes))


@pytest.fixture
def display():
    """A display with two events."""
    box = ((-80.0, 16.0), (160.0, 16.0), (160.0, 113.0), (-80.0, 113.0))
    return Display("e.parquet", "Test", 1.5, (Outline("KLM", "KLM", ((-180., 200.), (270., 200.), (270., 350.),
                                                                     (-180., 350.)), (200.0, 350.0), 8),
                                              Outline("CDC", "CDC", box, (16.0, 113.0))),
                   (scene(4), scene(9)), {"all": (400.0, 40.0), "calorimeter": (200.0, 40.0)}, "all")


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_r_phi_is_seen_with_y_up():
    (piece,) = views.flat(np.array([[1.0, 2.0, 3.0], [4.0, -5.0, 6.0]]), views.RPHI)
    np.testing.assert_array_equal(piece, [[1, -2], [4, 5]])


def test_r_z_breaks_where_y_changes_sign():
    points = np.array([[3.0, 4.0, 0.0], [3.0, 1.0, 1.0], [3.0, -1.0, 3.0], [3.0, -4.0, 4.0]])
    above, below = views.flat(points, views.RZ)
    np.testing.assert_allclose(above, [[0, -5], [1, -np.sqrt(10)], [2, -3]])
    np.testing.assert_allclose(below, [[2, 3], [3, np.sqrt(10)], [4, 5]])
    assert sum(len(p) for p in views.flat(points * [1, -1, 1], views.RZ)) == 6


def test_blocks_of_clusters():
    tower = scene().towers[0]
    block = views.corners(tower)
    np.testing.assert_allclose(np.mean(block[:4], axis=0), tower.start)
    np.testing.assert_allclose(np.mean(block[4:], axis=0), tower.start + 20 * tower.direction)
    assert np.linalg.norm(block[0] - block[1]) == pytest.approx(6.0)
    assert np.linalg.norm(block[4] - block[5]) == pytest.approx(6.0 * 145 / 125)
    outline = [[float(v) for v in pair.split()] for pair in views.tower_path(tower, views.RZ)[1:-1].split("L")]
    assert {round(abs(y)) for _, y in outline} == {125, 145}
    assert all(y < 0 for _, y in outline)


def test_hull_of_points():
    rng = np.random.default_rng(3)
    inner = rng.uniform(-0.5, 0.5, (30, 2))
    square = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]], float)
    assert {tuple(p) for p in views.hull(np.vstack([inner, square]))} == {tuple(p) for p in square}


def test_rings_and_polygons():
    assert views.ring(2.0, 0) == "M2 0A2 2 0 1 0 -2 0A2 2 0 1 0 2 0Z"
    numbers = np.array(re.findall(r"[-\d.]+ [-\d.]+", views.ring(2.0, 8)))
    corners = np.array([[float(v) for v in pair.split()] for pair in numbers])
    assert len(corners) == 8
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1), 2.0 / np.cos(np.pi / 8), rtol=1e-4)
    np.testing.assert_allclose(corners[:, 0].max(), 2.0, rtol=1e-4)


def test_every_object_is_in_both_views_with_its_layer(display):
    page = render_display(display)
    for view in ("rphi", "rz"):
        drawn = re.findall(rf'<svg class="view" data-view="{view}".*?</svg>', page, re.DOTALL)
        assert len(drawn) == 2
        for svg in drawn:
            ElementTree.fromstring(svg.replace(" aria-", " data-"))
            found = re.findall(r'data-layer="([\w-]+)" data-k="([\w-]+)"', svg)
            assert sorted(found) == sorted([("tracks", "track-0"), ("mc-charged", "mc-1"), ("ecl", "ecl-0"),
                                            ("vertices", "v0-0"), ("missing", "missing")])
    space = data_of(page)["events"][0]["space"]
    assert [item["k"] for item in space] == ["ecl-0", "track-0", "mc-1", "missing", "v0-0"]


def test_true_layers_are_off_at_first_and_on_without_detector_objects(display):
    page = render_display(display)
    body = re.search(r'<body class="([^"]*)"', page)[1].split()
    assert set(body) == {"hide-mc-charged", "hide-mc-photons", "hide-mc-neutrals", "hide-mc-neutrinos",
                         "hide-mc-vertices"}
    truth = scene(curves=display.scenes[0].curves[1:], towers=(), vertices=(), arrows=(), trigger=(), facts=())
    alone = render_display(Display("g.hepmc3", "Test", 1.5, display.outlines, (truth,), display.extents, "all"))
    assert '<body class="">' in alone
    assert "<h2>Trigger</h2>" not in alone


def test_the_page_loads_nothing(display):
    page = render_display(display)
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"https?://[^\s\"'<]+", page) == ["http://www.w3.org/2000/svg"]


def test_names_cannot_become_markup(display):
    evil = scene(process='<script>alert("x")</script>', curves=(Curve(
        "track-0", "tracks", "pi", "</script><b>", np.zeros((2, 3)), (Property("</script>", "<i>"),)),))
    page = render_display(Display("<e>.parquet", "Test", 1.5, (), (evil,), display.extents, "all"))
    assert "<b>," not in page
    assert "alert(\"x\")" not in page
    assert page.count("</script>") == 2
    assert data_of(page)["events"][0]["objects"]["track-0"]["p"] == [["</script>", "<i>", 0]]


def test_equal_content_gives_equal_bytes_and_numbers_are_finite(display):
    assert render_display(display) == render_display(display)
    assert "nan" not in re.sub(r"[a-zA-Z]*nan[a-zA-Z]+|[a-zA-Z]+nan", "", render_display(display).lower())


def test_events_tables_trees_and_candidates(display):
    page = render_display(display)
    assert page.count('<section class="event"') == 2
    assert page.count(" hidden>\n<div class=\"page\">") == 1
    assert re.search(r'<tr class="o k-pi" data-k="track-0".*?<td>1.25 GeV</td>', page, re.DOTALL)
    assert "<b>B⁺</b>" in page
    assert 'value="track-0 ecl-0"' in page
    assert 'class="kept">fff' in page
    assert "visible energy" in page
    single = render_display(Display("e.parquet", "Test", 1.5, (), (scene(),), display.extents, "all"))
    assert 'id="next"' not in single


def test_tables_show_clusters_that_have_a_line_to_them(display):
    tower = Tower("klm-0", "klm", "klm", "KLM cluster 0", np.array([0.0, 210.0, 0.0]), np.array([0.0, 1.0, 0.0]), 30.0,
                  16.0, (Property("layers", 4),))
    line = Curve("klm-0", "klm", "klm", "KLM cluster 0", np.array([[0.0, 0, 0], [0, 210, 0]]), faint=True)
    event = scene(towers=(tower,), curves=(line,))
    page = render_display(Display("e", "Test", 1.5, (), (event,), display.extents, "all"))
    assert re.search(r'data-k="klm-0" tabindex="0">.*?<td>4</td>', page, re.DOTALL)


def test_views_as_a_picture(display):
    text = render_picture(display, 9, hide=("mc-charged",), extent="calorimeter", size=500)
    root = ElementTree.fromstring(text)
    boxes = [child.attrib["viewBox"] for child in root if child.tag.endswith("svg")]
    assert boxes == ["-200 -200 400 400", "-160 -200 400 400"]
    assert root.attrib["width"] == "1000"
    assert "k-pi" in text
    assert '"o k-K' not in text


def luminance(colour):
    """Relative luminance of a colour #rrggbb (Web Content Accessibility Guidelines 2.1)."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_stand_out_from_the_page(display):
    """Contrast of at least 3 for graphics and 4.5 for text, in both themes (the same guidelines)."""
    style = re.search(r'<style id="look">(.*?)</style>', render_display(display), re.DOTALL)[1]
    themes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(
        r":root[^{]*\{(.*?)\}", style, re.DOTALL)]
    assert len(themes) == 3
    assert themes[1] == themes[2]
    for theme in themes[:2]:
        for name, least in {**dict.fromkeys(KINDS, 3.0), "ink": 4.5, "soft": 4.5, "accent": 4.5}.items():
            bright, dim = sorted((luminance(theme[name]), luminance(theme["paper"])), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= least, name


def test_names():
    written = {"anti-D*0": "D̅*⁰", "K+": "K⁺", "D_s*+": "Dₛ*⁺", "nu_tau": "ν_τ", "anti-nu_e": "ν̅ₑ", "J/psi": "J/ψ",
               "eta'": "η′", "Upsilon(4S)": "ϒ(4S)", "K_S0": "K_S⁰", "vpho": "γ*", "Lambda_c+": "Λ_c⁺", "pi0": "π⁰",
               "-12345": "-12345", "photon": "photon", "gamma": "γ"}
    assert {name: pretty(name) for name in written} == written
    assert title("Track 0: pi+") == "Track 0: π⁺"


def test_values():
    assert [shown(v) for v in (3, -2, 0.0, 1.23456, -0.5, 1.2e-5, 3e7, float("nan"), "a-b")] == [
        "3", "−2", "0", "1.235", "−0.5", "1.20 × 10⁻⁵", "3.00 × 10⁷", "not known", "a-b"]
    assert (shown(12.0, "deg"), shown(0.1, "GeV^2")) == ("12°", "0.1 GeV²")
