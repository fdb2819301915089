"""The look of every figure: categories in one order and one palette, axes as the field draws them.

The palette is that of M. Okabe and K. Ito (Color Universal Design, 2008), which
stays apart under the common kinds of colour blindness; ticks, fonts and label
positions are mplhep's ROOT style at the size of a page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import mplhep
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from openbfactory.core.errors import UnknownNameError
from openbfactory.report.records import Contribution, OutputShape


@dataclass(frozen=True, slots=True)
class Category:
    """How one category looks: LaTeX name for figures, text name for tables, colour."""

    latex: str
    text: str
    color: str


#: every category, in the order of legends and tables; stacks grow from the last to the first
CATEGORIES: Final[dict[str, Category]] = {
    "signal": Category("signal", "signal", "#D55E00"),
    "charged": Category(r"$B^{+}B^{-}$", "B^{+}B^{−}", "#0072B2"),
    "mixed": Category(r"$B^{0}\overline{B}{}^{0}$", "B^{0}B̅^{0}", "#56B4E9"),
    "ccbar": Category(r"$c\bar{c}$", "cc̅", "#009E73"),
    "ssbar": Category(r"$s\bar{s}$", "ss̅", "#F0E442"),
    "uubar": Category(r"$u\bar{u}$", "uu̅", "#E69F00"),
    "ddbar": Category(r"$d\bar{d}$", "dd̅", "#CC79A7"),
    "taupair": Category(r"$\tau^{+}\tau^{-}$", "τ^{+}τ^{−}", "#8C8C8C"),
}
INK: Final = "#1a1a1a"
PUBLISHED: Final = "#0072B2"
HERE: Final = "#D55E00"
LINES: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_SALT = "openbfactory"
_SETTINGS: Final[dict[str, Any]] = {
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"], "figure.figsize": (7.0, 5.4), "figure.dpi": 72,
    "figure.constrained_layout.w_pad": 0.08, "figure.constrained_layout.h_pad": 0.05, "font.size": 13.0,
    "axes.labelsize": 14.0, "xtick.labelsize": 12.0, "ytick.labelsize": 12.0, "legend.fontsize": 11.5,
    "axes.linewidth": 1.1, "xtick.major.size": 7.0, "xtick.minor.size": 3.5, "ytick.major.size": 7.0,
    "ytick.minor.size": 3.5, "xtick.major.pad": 5.0, "legend.handlelength": 1.4, "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35, "lines.linewidth": 1.6, "hatch.linewidth": 0.6, "svg.hashsalt": _SALT,
    "svg.fonttype": "path", "axes.edgecolor": INK, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.formatter.use_mathtext": True, "axes.formatter.limits": (-4, 5),
}


@contextmanager
def style() -> Iterator[None]:
    """Context in which figures are made and written; nothing outside it is changed."""
    settings: Any = {**mplhep.style.ROOT, **_SETTINGS}
    with matplotlib.rc_context(settings):
        yield


def figure(width: float = 7.0, height: float = 5.4) -> Figure:
    """Empty figure in inches, without any global state."""
    return Figure(figsize=(width, height), layout="constrained")


def category_label(key: str, label: str | None = None) -> str:
    """LaTeX name of a category; ``label`` goes first.

    Raises
    ------
    UnknownNameError
        When the key is not in :data:`CATEGORIES` and there is no label.
    """
    if label is None and key not in CATEGORIES:
        raise UnknownNameError("category", key, CATEGORIES)
    return label if label is not None else CATEGORIES[key].latex


def category_text(key: str, label: str | None = None) -> str:
    """Text name of a category for tables; ``label`` goes first, an unknown key names itself."""
    if label is not None:
        return label
    return CATEGORIES[key].text if key in CATEGORIES else key


def category_colors(entries: Sequence[Contribution | OutputShape]) -> dict[str, str]:
    """Colour by key: the entry's own, that of the table, or the next free one of the palette."""
    taken = {e.color or CATEGORIES[e.key].color for e in entries if e.color or e.key in CATEGORIES}
    free = iter([c.color for c in CATEGORIES.values() if c.color not in taken] * len(entries))
    return {e.key: e.color or (CATEGORIES[e.key].color if e.key in CATEGORIES else next(free, INK)) for e in entries}


def in_order(keys: Sequence[str]) -> list[str]:
    """Keys in the order of :data:`CATEGORIES`, unknown ones behind in their own order."""
    known = [k for k in CATEGORIES if k in keys]
    return known + [k for k in keys if k not in CATEGORIES]


def corner(axes: Axes, luminosity: float | None = None, note: str = "", *, simulated: bool = True) -> None:
    """Write who made the figure above its left corner, and the luminosity above its right one."""
    mark = axes.text(0.0, 1.015, "openbfactory", transform=axes.transAxes, ha="left", va="bottom", weight="bold")
    words = ", ".join(word for word in ("simulation" if simulated else "", note) if word)
    axes.annotate(f"  {words}", (1.0, 0.0), xycoords=mark, ha="left", va="bottom", style="italic", fontsize=11.5)
    if luminosity is not None:
        axes.text(1.0, 1.015, rf"$\int L\,dt = {luminosity:g}\ \mathrm{{fb}}^{{-1}}$", transform=axes.transAxes,
                  ha="right", va="bottom", fontsize=12)


def axis_label(text: str, unit: str) -> str:
    """Label of an axis with its unit in brackets."""
    return f"{text} [{unit}]" if unit else text


def to_svg(drawn: Figure) -> str:
    """SVG text of a figure; equal figures give equal text."""
    buffer = io.BytesIO()
    with style():
        _settle(drawn)
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode("utf-8")


def to_png(drawn: Figure, dpi: int = 100) -> bytes:
    """PNG bytes of a figure; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with style():
        _settle(drawn)
        drawn.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _settle(drawn: Figure) -> None:
    """Lay the figure out once and for all: every further layout would move it a little."""
    if drawn.get_layout_engine() is not None:
        drawn.draw_without_rendering()
        drawn.draw_without_rendering()
        drawn.set_layout_engine("none")


def data_uri(content: bytes | str, kind: str) -> str:
    """``data:`` address that holds the content of an image (kind ``svg+xml`` or ``png``)."""
    raw = content.encode("utf-8") if isinstance(content, str) else content
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode('ascii')}"


def ordered(contributions: Sequence[Contribution]) -> list[Contribution]:
    """Contributions in the order of legends."""
    by_key: Mapping[str, Contribution] = {c.key: c for c in contributions}
    return [by_key[k] for k in in_order(list(by_key))]
