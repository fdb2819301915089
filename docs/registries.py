"""Reference pages from the live registries: columns, detectors, samples, variables, references, Python API."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import yaml

import openbfactory
from openbfactory.analyses import ANALYSES
from openbfactory.events.columns import COLLECTIONS, EVENT
from openbfactory.experiment import card_names, load_card
from openbfactory.generate import REWEIGHTINGS, SAMPLES
from openbfactory.reconstruct import VOCABULARY
from openbfactory.reconstruct.standard_lists import recipe, standard_names
from openbfactory.reconstruct.variables import VARIABLES

ROOMS = ("core", "kinematics", "physics", "experiment", "events", "generate", "simulate", "reconstruct", "select",
         "fit", "report", "pipeline", "analyses")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown table."""
    clean = [[str(c).replace("|", "\\|").replace("\n", " ") for c in row] for row in rows]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in clean]) + "\n"


def columns_page() -> str:
    """Every column of the event data model."""
    text = ["# Event data model", "", "Every column is declared once, in `events/columns.py`.", "", "## Event", "",
            table(["column", "type", "unit", "meaning"], [[f"`{c.name}`", c.dtype, c.unit, c.meaning] for c in EVENT])]
    for collection in COLLECTIONS.values():
        rows = [[f"`{c.name}`", c.dtype + (f" x {c.width}" if c.width > 1 else ""), c.unit, c.meaning]
                for c in collection.columns]
        text += [f"## {collection.name}", "", collection.meaning[0].upper() + collection.meaning[1:] + ".", "",
                 table(["column", "type", "unit", "meaning"], rows)]
    return "\n".join(text)


def detectors_page() -> str:
    """Every card with its machine."""
    rows = []
    for name in card_names():
        card = load_card(name)
        m = card.machine
        rows.append([f"`{name}`", card.description, m.name, f"{m.her.energy.value:g} x {m.ler.energy.value:g}",
                     f"{m.sqrt_s:.4f}", f"{m.integrated_luminosity():g}"])
    return "# Detectors\n\nA card is one YAML file: copy one, change a number, give its path.\n\n" + table(
        ["name", "what", "machine", "beams [GeV]", "sqrt(s) [GeV]", "on resonance [fb^-1]"], rows)


def samples_page() -> str:
    """Every sample and analysis."""
    return ("# Samples and analyses\n\n## Samples\n\n"
            + table(["name", "what", "parameters (`--set name=value`)"],
                    [[f"`{n}`", s.title, "; ".join(p.text for p in s.parameters)] for n, s in sorted(SAMPLES.items())])
            + "\n## Reweightings\n\nFor decays made by phase space; see `openbfactory.generate.reweighting`.\n\n"
            + table(["name", "what", "rate", "uncertainty"],
                    [[f"`{r.name}`", r.title, f"{r.rate():.3g}", f"{100 * r.uncertainty:.0f} %"]
                     for r in REWEIGHTINGS.values()])
            + "\n## Analyses\n\n" + table(["name", "what"], [[f"`{n}`", a.title] for n, a in sorted(ANALYSES.items())]))


def variables_page() -> str:
    """Every variable of a candidate, by group, and the columns of the inclusive tag."""
    text = ["# Variables", "",
            "Names are those of basf2; `?` marks arguments that may be absent, `*` and `+` those that may be repeated.",
            ""]
    for group in dict.fromkeys(v.group for v in VOCABULARY.values()):
        rows = [[f"`{v.signature}`", v.unit, v.meaning, v.source] for v in VOCABULARY.values() if v.group == group]
        text += [f"## {group}", "", table(["name", "unit", "meaning", "source"], rows)]
    rows = [[f"`{v.name}`", v.unit, v.meaning, v.source] for v in VARIABLES.values()]
    return "\n".join([*text, "## Columns of the inclusive tag", "", table(["name", "unit", "meaning", "source"], rows)])


def lists_page() -> str:
    """Every standard particle list."""
    rows = []
    for name in standard_names():
        entry = recipe(*name.split(":")).entry
        rows.append([f"`{name}`", entry.decay or entry.of or ", ".join(entry.join) or "detector objects",
                     f"`{entry.cut}`" if entry.cut else "", f"`{entry.after}`" if entry.after else "", entry.source])
    head = ["name", "made from", "cut", "cut after a vertex fit", "source"]
    return "# Standard particle lists\n\n" + table(head, rows)


def references_page() -> str:
    """Every reference that an input names."""
    path = Path(openbfactory.__file__).parent / "physics" / "data" / "references.yaml"
    rows = [[f"`{k}`", r["title"], r.get("link", "")] for k, r in yaml.safe_load(path.read_text()).items()]
    return "# References\n\n" + table(["key", "title", "link"], rows)


def api_page(room: str) -> str:
    """Python API of one room."""
    package = importlib.import_module(f"openbfactory.{room}")
    names = [package.__name__, *sorted(m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
                                       if not m.name.split(".")[-1].startswith("_"))]
    title = f"openbfactory.{room}"
    text = [title, "=" * len(title), ""]
    for name in names:
        text += [name, "-" * len(name), "", f".. automodule:: {name}", "   :members:", "   :ignore-module-all:", ""]
    return "\n".join(text)


def write_reference_pages(folder: Path) -> None:
    """Write every page that is generated."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"columns.md": columns_page(), "detectors.md": detectors_page(), "samples.md": samples_page(),
             "variables.md": variables_page(), "lists.md": lists_page(), "references.md": references_page()}
    pages |= {f"api_{room}.rst": api_page(room) for room in ROOMS}
    for name, text in pages.items():
        target = folder / name
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
