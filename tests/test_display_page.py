"""The event display in a browser. Oracle: what the page itself shows after its layers, objects and events are used."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from openbfactory.events import write
from openbfactory.pipeline.display import display_file, display_of

sys.path.insert(0, str(Path(__file__).resolve().parent / "pipeline"))
from display_events import detected_events

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
                if (found := shutil.which(name))), None)
WATCH = """<script>
window.problems = [];
addEventListener("error", event => problems.push(String(event.message)));
addEventListener("securitypolicyviolation", event => problems.push(event.violatedDirective));
for (const name of ["error", "warn"]) console[name] = (...words) => problems.push(words.join(" "));
</script>"""
USE = """<script>
const every = selector => [...document.querySelectorAll("section.event:not([hidden]) " + selector)];
const here = selector => every(selector)[0];
const shown = selector => getComputedStyle(here(selector)).display;
const seen = { problems };
const tick = value => document.querySelector(`input.layer[value="${value}"]`).click();
const truth = '[data-view="rphi"] [data-layer="mc-charged"]', track = '[data-view="rphi"] [data-k="track-0"]';
const space = '[data-view="space"] ';
seen.truthAtFirst = shown(truth);
seen.blind = document.body.classList.contains("blind");
tick("mc-charged");
seen.truthOn = shown(truth); seen.truthInSpace = shown(space + '[data-layer="mc-charged"]');
tick("mc-charged");
seen.truthOff = shown(truth); seen.trackOn = shown(track);
tick("tracks"); seen.trackOff = shown(track);
seen.mixed = document.getElementById("group-reconstructed").indeterminate;
tick("tracks");
document.getElementById("group-true").click();
seen.groupOn = shown('[data-view="rz"] [data-layer="mc-photons"]');
const tip = document.getElementById("tip");
here(track).dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 40, clientY: 40 }));
seen.tip = tip.hidden ? "" : tip.textContent;
seen.lit = every(".lit").length;
document.body.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 1, clientY: 1 }));
seen.tipAfter = tip.hidden;
here(track).dispatchEvent(new MouseEvent("click", { bubbles: true }));
seen.chosen = here(".chosen").textContent;
here('[data-view="rphi"]').focus();
here('[data-view="rphi"] [data-k="ecl-0"]').focus({ focusVisible: true });
seen.focused = tip.textContent;
const path = () => here(space + '[data-k="track-0"] .line').getAttribute("d"), before = path();
here('[data-view="space"]').dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
seen.turned = path() !== before && !/NaN/.test(path());
const box = () => here('[data-view="rz"]').getAttribute("viewBox"), wide = box();
document.querySelector('.look[value="silicon"]').click();
seen.nearer = +box().split(" ")[2] < +wide.split(" ")[2]; seen.scale = here(".scale span").textContent;
here('[data-view="rz"]').dispatchEvent(new WheelEvent("wheel", { deltaY: -200, bubbles: true, cancelable: true }));
seen.wheel = box();
seen.first = document.getElementById("number").textContent;
document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
seen.second = document.getElementById("number").textContent;
seen.sections = document.querySelectorAll("section.event:not([hidden])").length;
seen.inSpace = every(space + '[data-layer="tracks"]').length;
document.getElementById("previous").click();
seen.back = document.getElementById("number").textContent;
const paper = () => getComputedStyle(document.body).backgroundColor, was = paper();
document.getElementById("theme").click();
seen.theme = paper() !== was;
HTMLAnchorElement.prototype.click = function () { seen.saved = [this.download, decodeURIComponent(this.href)]; };
here(".save").click();
seen.dark = getComputedStyle(document.documentElement).getPropertyValue("--paper");
seen.marked = every("svg .marked").length;
seen.names = every("svg .o[tabindex]").every(e => e.getAttribute("aria-label"));
document.documentElement.dataset.seen = JSON.stringify(seen);
</script></body>"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "toy.parquet"
    write(path, detected_events(6), {"sample": "toy", "card": "belle2"})
    return path


@pytest.fixture(scope="module")
def seen(source, tmp_path_factory):
    """What a browser saw while every control was used once."""
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "e.html"
    display_file(source, page, events="100:103", decay="K_S0 -> pi+:all pi-:all", cut="0.3 < M < 0.7")
    text = page.read_text(encoding="utf-8")
    assert text.count("<head>") == text.count("</body>") == 1
    page.write_text(text.replace("<head>", "<head>" + WATCH).replace("</body>", USE), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
         "--virtual-time-budget=2000", "--window-size=1400,1000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


def test_no_errors(seen):
    assert seen["problems"] == []


def test_layers(seen):
    assert (seen["truthAtFirst"], seen["truthOn"], seen["truthInSpace"], seen["truthOff"]) == (
        "none", "inline", "inline", "none")
    assert (seen["trackOn"], seen["trackOff"], seen["groupOn"]) == ("inline", "none", "inline")
    assert seen["mixed"]
    assert seen["blind"]


def test_hover_click_and_focus_tell_the_properties(seen, source):
    track = next(c for c in display_of(source, events="100").scenes[0].curves if c.key == "track-0")
    momentum = next(p.value for p in track.properties if p.name == "p")
    for text in (seen["tip"], seen["chosen"]):
        assert text.strip().startswith("Track 0")
        assert f"{momentum:.4g} GeV" in text
        assert "hits PXD / SVD / CDC" in text
        assert "likelihood" in text
    assert seen["tipAfter"]
    assert seen["lit"] >= 4  # two flat views, space, row of the table
    assert "Cluster 0" in seen["focused"]
    assert "E9/E21" in seen["focused"]


def test_views_move(seen):
    assert seen["turned"]
    assert seen["nearer"]
    assert seen["scale"].endswith("cm")
    assert len(seen["wheel"].split()) == 4


def test_events_theme_and_candidates(seen, source):
    assert (seen["first"], seen["second"], seen["back"], seen["sections"]) == ("100", "101", "100", 1)
    second = display_of(source, events="101").scenes[0]
    assert seen["inSpace"] == sum(c.layer == "tracks" for c in second.curves)
    assert seen["theme"]
    assert seen["marked"] == 6  # two tracks in three views
    assert seen["names"]


def test_a_saved_view_is_a_picture_of_its_own_in_the_colours_of_the_page(seen):
    name, text = seen["saved"]
    assert name == "event-100-rphi.svg"
    picture = text.split(",", 1)[1]
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    style = next(e.text for e in root.iter() if e.tag.endswith("style"))
    assert f"--paper:{seen['dark']};" in style.rpartition(":root:root{")[2]
    assert 'class="near"' not in picture


def test_a_page_of_one_event_is_small(source, tmp_path):
    display_file(source, tmp_path / "e.html")
    assert (tmp_path / "e.html").stat().st_size < 1e6
