"""One self-contained HTML page from a report's content.

Figures are inlined as images, the style sheet is in the page, there is no script
and no address that a browser would load; the page says so itself in its content
security policy.  Equal content gives equal bytes: nothing in the page depends on
the time, the place or the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from openbfactory.report.content import Block, Bullets, Paragraph, Picture, ReportContent, Section, Table
from openbfactory.report.style import data_uri, to_png, to_svg
from openbfactory.report.text import rich_text

#: resolution of figures that are stored as PNG
RASTER_DPI = 150


def render_report(content: ReportContent) -> str:
    """HTML text of a report."""
    folder = resources.files("openbfactory.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True)
    environment.filters["rich"] = rich_text
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    counters = {"table": 0, "figure": 0}
    comparison = _block(content.comparison, counters) if content.comparison else None
    return template.render(
        content=content, css=(folder / "report.css").read_text(encoding="utf-8"), comparison=comparison,
        sections=[_section(s, n, counters) for n, s in enumerate(content.sections, 1)])


def write_report(content: ReportContent, path: str | Path) -> Path:
    """Path of the page written."""
    path = Path(path)
    path.write_text(render_report(content), encoding="utf-8", newline="\n")
    return path


def _section(section: Section, number: int, counters: dict[str, int]) -> dict[str, Any]:
    """What the template needs of a section."""
    return {"number": number, "heading": section.heading, "groups": list(_groups(section.blocks, counters))}


def _groups(blocks: tuple[Block, ...], counters: dict[str, int]) -> Iterator[list[dict[str, Any]]]:
    """Blocks one by one, except that neighbouring figures that are not wide form a group of at most two."""
    pair: list[dict[str, Any]] = []
    for block in blocks:
        beside = isinstance(block, Picture) and not block.wide
        if pair and (not beside or len(pair) == 2):
            yield pair
            pair = []
        made = _block(block, counters)
        if beside:
            pair.append(made)
        else:
            yield [made]
    if pair:
        yield pair


def _block(block: Block, counters: dict[str, int]) -> dict[str, Any]:
    """What the template needs of a block."""
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text}
    if isinstance(block, Bullets):
        return {"kind": "bullets", "items": block.items}
    if isinstance(block, Table):
        counters["table"] += 1
        return {"kind": "table", "number": counters["table"], "table": block}
    counters["figure"] += 1
    address = (data_uri(to_png(block.figure, RASTER_DPI), "png") if block.raster
               else data_uri(to_svg(block.figure), "svg+xml"))
    return {"kind": "figure", "number": counters["figure"], "address": address, "caption": block.caption,
            "alt": block.alt, "wide": block.wide}
