"""Standard particle lists: their definitions by name, from ``data/standard_lists.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import Field

from openbfactory.core.config import Config, load
from openbfactory.core.errors import UnknownNameError
from openbfactory.core.quantities import Quantity
from openbfactory.physics.particles import conjugate_name
from openbfactory.reconstruct.config import DATA


class Entry(Config):
    """One list: cut from another (``of``), combined (``decay``), joined (``join``), or made from detector objects."""

    source: str = Field(min_length=1)
    cut: str = ""
    of: str | None = None
    decay: str | None = None
    join: tuple[str, ...] = ()
    fit: str | None = None
    after: str = ""


class WorkingPoints(Config):
    """Identity variable of a particle, and its cuts for given efficiencies."""

    id: str
    id95: float
    id90: float
    id85: float
    source: str = Field(min_length=1)


class StandardLists(Config):
    """Content of ``data/standard_lists.yaml``."""

    track_quality: dict[str, Entry]
    charged: dict[str, Entry]
    working_points: dict[str, WorkingPoints]
    defaults: dict[str, str]
    lists: dict[str, Entry]
    aliases: dict[str, str]
    klong: dict[str, Quantity]
    event: dict[str, Entry]


#: fit of a list that fixes the mass of its particle
MASS = "mass"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a list is made; see :class:`Entry`."""

    name: str
    entry: Entry


@cache
def standard_lists() -> StandardLists:
    """Definitions of all standard lists."""
    return load(DATA / "standard_lists.yaml", StandardLists)


@cache
def standard_names() -> tuple[str, ...]:
    """Names of all standard lists."""
    book = standard_lists()
    charged = [f"{particle}:{label}" for particle in book.working_points for label in book.charged]
    return (*charged, *book.lists)


def default_label(particle: str) -> str:
    """Label of the list of a particle that is named without one, empty where there is none."""
    labels = standard_lists().defaults
    return labels.get(particle, labels.get(conjugate_name(particle), ""))


def recipe(particle: str, label: str) -> Recipe:
    """How the standard list of a particle (or of its conjugate) is made.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    book = standard_lists()
    for suffix, replacement in sorted(book.aliases.items(), key=lambda item: -len(item[0])):
        if label.endswith(suffix):
            label = label.removesuffix(suffix) + replacement
            break
    if particle == "pi0" and label.endswith("Fit") and (plain := f"pi0:{label.removesuffix('Fit')}") in book.lists:
        return Recipe(f"pi0:{label}", book.lists[plain].model_copy(update={"fit": MASS, "after": "chiProb >= 0"}))
    for name in (particle, conjugate_name(particle)):
        full = f"{name}:{label}"
        if full in book.lists:
            return Recipe(full, book.lists[full])
        if name in book.working_points and label in book.charged:
            return Recipe(full, _charged(book, name, label))
    raise UnknownNameError("particle list", f"{particle}:{label}", standard_names())


def _charged(book: StandardLists, particle: str, label: str) -> Entry:
    """Entry of a list of charged particles."""
    entry, points = book.charged[label], book.working_points[particle]
    good = book.track_quality["good"].cut
    cut = entry.cut.format(good=good, **points.model_dump(exclude={"source"}))
    return Entry(source=entry.source, cut=cut, of=None if label == "all" else f"{particle}:all")
