"""What a report holds: front page, sections of paragraphs, lists, tables and figures, references.

These records know nothing of a particular analysis.  All texts take the markup
of :mod:`.text`.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from openbfactory.core.diagnostics import Findings
from openbfactory.report.references import Reference

DISCLAIMER = (
    "openbfactory is open software. It is not a product of, affiliated with, or endorsed by any collaboration. "
    "Published numbers are quoted from the cited sources. No data of an experiment were used unless the text says so."
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: column heads, rows of equal length, a caption.

    ``numeric`` names the columns (by index) that are aligned to the right;
    ``emphasis`` the rows that are set in bold.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    numeric: frozenset[int] = frozenset()
    emphasis: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        findings = Findings(f"table '{self.caption[:40]}'")
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                findings.error("wrong-length", f"rows[{index}]", f"the row has {len(row)} cells",
                               expected=f"{len(self.columns)} as the head")
        findings.raise_if_errors()


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure with a caption that says what to see.

    ``alt`` describes it in a few words; ``raster`` stores PNG instead of SVG,
    for figures with very many elements; ``wide`` lets it take the whole width.
    """

    figure: Figure
    caption: str
    alt: str
    raster: bool = False
    wide: bool = False

    def __post_init__(self) -> None:
        findings = Findings("figure")
        for name, text in (("caption", self.caption), ("alt", self.alt)):
            if not text.strip():
                findings.error("no-caption", name, "every figure says what to see", expected="a sentence")
        findings.raise_if_errors()


Block = Paragraph | Bullets | Table | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows it; neighbouring figures stand side by side where there is room."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Highlight:
    """A number of the front page: what it is and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ReportContent:
    """A whole report.

    Attributes
    ----------
    title, subtitle
        What was measured, and on what.
    result
        The result in one sentence.
    comparison
        The table "published | this run" of the front page.
    references
        In the order of their numbers; see :func:`.references.resolve`.
    """

    title: str
    subtitle: str
    result: str
    sections: tuple[Section, ...]
    comparison: Table | None = None
    highlights: tuple[Highlight, ...] = ()
    references: tuple[Reference, ...] = ()
    warnings: tuple[str, ...] = ()
    footer: str = ""
    disclaimer: str = DISCLAIMER
