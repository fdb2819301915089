"""One self-contained page of an event display: three views, what is known of every object, tables, trees.

The flat views are in the page as SVG; a small script without any library switches layers, shows properties, moves the
views and turns the third one.  The page loads nothing and says so in its content security policy; equal content gives
equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from openbfactory.report.display import views
from openbfactory.report.display.names import line, pretty, title
from openbfactory.report.display.records import KINDS, LAYERS, Display, Property, Scene

#: columns of the tables: heading to name of the property
TABLES = {
    "Tracks": ("tracks", ("p", "pT", "theta", "phi", "d0", "hits PXD / SVD / CDC", "likelihood")),
    "Calorimeter clusters": ("ecl", ("E", "theta", "phi", "region", "time", "E9/E21", "track")),
    "KLM clusters": ("klm", ("layers", "theta", "phi", "track")),
    "V0, conversions and kinks": ("vertices", ("mass", "mass of the mother", "p", "angle",
                                               "distance to the beam axis", "tracks")),
}
#: what each flat view shows, for captions and screen readers
VIEWS = {views.RPHI: ("r-φ", "along the beam: x to the right, y up"),
         views.RZ: ("r-z", "from the side: z (forward) to the right, distance to the beam axis up for y > 0, down "
                           "for y < 0")}


def render_display(content: Display) -> str:
    """HTML text of a page."""
    folder = resources.files("openbfactory.report") / "templates"

    def text(name: str) -> Markup:
        return Markup((folder / name).read_text(encoding="utf-8"))

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True)
    environment.filters |= {"pretty": pretty, "title": title}
    template = environment.from_string(text("display.html.jinja"))
    truth_only = not any(c.layer == "tracks" for s in content.scenes for c in s.curves) and not any(
        s.towers for s in content.scenes)
    return template.render(
        content=content, css=text("display.css"), look=text("display_views.css"), script=text("display.js"),
        groups=_layers(truth_only), kinds=KINDS, views=VIEWS, data=_data(content), detector=_detector(content),
        scenes=[_scene(s) for s in content.scenes], box=_boxes(content), hidden=_hidden(truth_only),
        has_candidates=any(s.candidates for s in content.scenes))


def write_display(content: Display, path: str | Path) -> Path:
    """Path of the page written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_display(content), encoding="utf-8", newline="\n")
    return path


def render_picture(content: Display, number: int, *, shown: Iterable[str] = tuple(VIEWS), hide: Iterable[str] = (),
                   extent: str = "", size: int = 720) -> str:
    """Flat views of the event with a number side by side, as an SVG file without script.

    Parameters
    ----------
    shown
        Views: ``rphi``, ``rz``.
    hide
        Layers that are left out, see :data:`.records.LAYERS`.
    extent
        Name of the look at the detector; that of the event by default.
    size
        Width and height of a view in pixels.
    """
    folder = resources.files("openbfactory.report") / "templates"
    scene = next(s for s in content.scenes if s.number == number)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True)
    template = environment.from_string((folder / "display_view.svg.jinja").read_text(encoding="utf-8"))
    half, middle = content.extents[extent or scene.extent or content.extent]
    detector, hidden, drawn = _detector(content), set(hide), []
    for view in shown:
        left = (middle if view == views.RZ else 0.0) - half
        shapes = [s for s in views.shapes_of(scene, view) if s.layer not in hidden]
        drawn.append({"shapes": shapes, "detector": detector[view], "font": views.number(2.0 * half * 13.0 / size),
                      "box": [views.number(v) for v in (left, -half, 2.0 * half, 2.0 * half)]})
    return template.render(views=drawn, size=size, title=f"Event {number} ({scene.process}) in {content.detector}",
                           look=Markup((folder / "display_views.css").read_text(encoding="utf-8")))


def _layers(truth_only: bool) -> dict[str, list[tuple[str, str, bool]]]:
    """Checkboxes by group: layer, label, checked."""
    groups: dict[str, list[tuple[str, str, bool]]] = {}
    for layer, (group, label, on) in LAYERS.items():
        groups.setdefault(group, []).append((layer, label, on or truth_only))
    return groups


def _hidden(truth_only: bool) -> str:
    """Classes of the page that hide the layers that are off at first."""
    return " ".join(f"hide-{layer}" for layer, (_, _, on) in LAYERS.items() if not (on or truth_only))


def _boxes(content: Display) -> dict[str, str]:
    """View boxes of the flat views at first."""
    half, middle = content.extents[content.extent]
    return {view: " ".join(views.number(v) for v in ((middle if view == views.RZ else 0.0) - half, -half, 2 * half,
                                                     2 * half)) for view in VIEWS}


def _detector(content: Display) -> dict[str, dict[str, Any]]:
    """Outlines and labels of the detector by flat view."""
    return {view: {"outlines": [(o.system, o.name, path) for o in content.outlines
                                if (path := views.outline_path(o, view))],
                   "labels": views.labels(content.outlines, view)} for view in VIEWS}


def _scene(scene: Scene) -> dict[str, Any]:
    """What the template needs of an event."""
    return {"number": scene.number, "process": scene.process, "facts": [line(f) for f in scene.facts],
            "trigger": scene.trigger, "hadron_skim": scene.hadron_skim, "tree": scene.tree,
            "shapes": {view: views.shapes_of(scene, view) for view in VIEWS}, "tables": _tables(scene),
            "kinds": [k for k in KINDS if any(k == item.kind for item in _items(scene))],
            "summaries": {k: _summary(v["p"]) for k, v in _objects(scene).items()},
            "candidates": [(c.name, ", ".join(" ".join(line(p)) for p in c.properties), " ".join(c.members))
                           for c in scene.candidates]}


def _items(scene: Scene) -> list[Any]:
    return [*scene.towers, *scene.curves, *scene.arrows, *scene.vertices]


def _objects(scene: Scene) -> dict[str, dict[str, Any]]:
    """Name, kind and properties of every object by its key."""
    found: dict[str, dict[str, Any]] = {}
    for item in _items(scene):
        found.setdefault(item.key, {"n": title(item.name), "c": item.kind, "p": [
            [*line(p), int(p.truth)] for p in item.properties]})
    return found


def _summary(properties: list[list[Any]]) -> str:
    """The first two properties as text, for screen readers."""
    return ", ".join(f"{name} {value}" for name, value, truth in properties[:2] if not truth)


def _tables(scene: Scene) -> list[dict[str, Any]]:
    """Tables of the reconstructed objects that the event has."""
    found = []
    for heading, (layer, columns) in TABLES.items():
        items: dict[str, Any] = {}
        for item in _items(scene):
            if item.layer == layer:  # the first of a key has the properties, a line to it has none
                items.setdefault(item.key, item)
        values = {key: {p.name: p for p in item.properties} for key, item in items.items()}
        used = [c for c in columns if any(c in v for v in values.values())]
        if items:
            rows = [(key, item.kind, title(item.name), [_cell(values[key].get(c)) for c in used])
                    for key, item in items.items()]
            found.append({"heading": heading, "columns": [line(Property(c, ""))[0] for c in used], "rows": rows})
    return found


def _cell(item: Property | None) -> str:
    return "" if item is None else line(item)[1]


def _data(content: Display) -> Markup:
    """What the script needs, as JSON that cannot end its element."""
    events = [{"number": s.number, "look": s.extent or content.extent, "objects": _objects(s),
               "space": views.spatial(s)} for s in content.scenes]
    document = {"extents": content.extents, "extent": content.extent, "wires": views.wires(content.outlines),
                "layers": list(LAYERS), "events": events}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
