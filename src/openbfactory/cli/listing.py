"""``obf list``: what there is by name, from the live registries."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer


class Kind(StrEnum):
    """What can be listed."""

    analyses = "analyses"
    samples = "samples"
    detectors = "detectors"
    models = "models"
    reweightings = "reweightings"
    variables = "variables"
    lists = "lists"


def listing(kind: Annotated[Kind, typer.Argument(help="What to list.")],
            search: Annotated[str | None, typer.Option(help="Only lines with this word in them.")] = None) -> None:
    """List analyses, samples, detectors, decay models, reweightings, particle lists or variables."""
    lines = LISTS[kind.value]()
    if search is not None:
        lines = _found(lines, search, kind.value)
    print("\n".join(lines))


def _found(lines: list[str], word: str, kind: str) -> list[str]:
    """Lines with a word in them.

    Raises
    ------
    UnknownNameError
        Without one, with the nearest name.
    """
    from openbfactory.core.errors import UnknownNameError

    found = [line for line in lines if word.lower() in line.lower()]
    if not found:
        names = [line.split()[0].split("(")[0] for line in lines if line.strip()]
        raise UnknownNameError(kind.rstrip("s"), word, names)
    return found


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows with columns of equal width."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _named(kind: str, builtin: dict[str, Any], text: Callable[[Any], str]) -> list[str]:
    """One line a name; entries of other packages are named without loading them."""
    from openbfactory.core.registry import names

    return _table([(name, text(builtin[name]) if name in builtin else "from another package")
                   for name in names(kind, builtin)])


def _analyses() -> list[str]:
    from openbfactory.analyses import ANALYSES

    return _named("analyses", ANALYSES, lambda a: str(a.title))


def _samples() -> list[str]:
    from openbfactory.core.registry import names
    from openbfactory.generate import SAMPLES

    lines: list[str] = []
    for line, name in zip(_named("samples", SAMPLES, lambda s: str(s.title)), names("samples", SAMPLES), strict=True):
        lines += [line, *(f"    --set {p.text}" for p in (SAMPLES[name].parameters if name in SAMPLES else ()))]
    return lines


def _models() -> list[str]:
    from openbfactory.generate.models import DECAY_MODELS

    return [*_table([(name, text) for name, (_, text) in sorted(DECAY_MODELS.items())]),
            "any other model of a decay file is an error; obf generate --fallback phsp takes phase space, and counts"]


def _reweightings() -> list[str]:
    from openbfactory.generate.reweighting import REWEIGHTINGS

    def rate(r: Any) -> str:
        return f"rate {r.rate():.3g}" + (f" +- {100 * r.uncertainty:.0f} %" if r.uncertainty else "")

    return _named("reweightings", REWEIGHTINGS, lambda r: f"{r.title}; {rate(r)}")


def _variables() -> list[str]:
    from openbfactory.events.cut_grammar import FUNCTIONS
    from openbfactory.reconstruct import VOCABULARY
    from openbfactory.reconstruct.variables import VARIABLES

    rows = [(v.signature, v.unit or "-", f"{v.meaning} [{v.group}]") for v in VOCABULARY.values()]
    rows += [(f"{name}({', '.join(['expression'] * n)})", "-", "function of numbers, anywhere in a cut")
             for name, n in FUNCTIONS.items()]
    return _table([*rows, *((v.name, v.unit, f"{v.meaning} [columns of the inclusive tag]")
                            for v in VARIABLES.values())])


def _lists() -> list[str]:
    from openbfactory.reconstruct.standard_lists import recipe, standard_names

    rows: list[tuple[str, ...]] = []
    for name in standard_names():
        entry = recipe(*name.split(":")).entry
        rows.append((name, entry.decay or entry.of or ", ".join(entry.join) or "detector objects",
                     " then ".join(t for t in (entry.cut, entry.fit and f"{entry.fit} fit", entry.after) if t)))
    return _table(rows)


def _detectors() -> list[str]:
    from openbfactory.experiment import card_names, load_card

    lines: list[str] = []
    for name in card_names():
        lines += [*_detector(name, load_card(name)), ""]
    return lines[:-1]


def _detector(name: str, card: Any) -> list[str]:
    """What a card says of its machine."""
    m = card.machine
    angle = 1e3 * (m.her.angle.value + m.ler.angle.value)
    region = m.luminous_region
    rows: list[tuple[str, ...]] = [
        ("machine", m.name),
        ("beams", f"e- {m.her.energy.value:g} GeV, e+ {m.ler.energy.value:g} GeV, sqrt(s) {m.sqrt_s:.4f} GeV"),
        ("angles", f"e- {1e3 * m.her.angle.value:g} mrad, e+ {1e3 * m.ler.angle.value:g} mrad, "
                   f"crossing {angle:g} mrad"),
        ("energy spread", f"e- {1e3 * m.her.spread.value:g} MeV, e+ {1e3 * m.ler.spread.value:g} MeV"),
        ("luminous region", f"x {1e4 * region.x.value:g} um, y {1e4 * region.y.value:g} um, "
                            f"z {1e4 * region.z.value:g} um"),
        ("cross sections", ", ".join(f"{p} {m.cross_section(p):g} nb" for p in m.processes)),
        ("data", f"{m.luminosity.on_resonance.value:g} /fb on resonance, "
                 f"{m.luminosity.off_resonance.value:g} /fb {1e3 * m.off_resonance_shift.value:+g} MeV"),
    ]
    rows += [("period", f"{name}:{period}: {entry.description}") for period, entry in card.periods.items()]
    return [f"{name}: {card.description}", *("  " + line for line in _table(rows))]


#: kind -> lines
LISTS: dict[str, Callable[[], list[str]]] = {
    "analyses": _analyses,
    "samples": _samples,
    "detectors": _detectors,
    "models": _models,
    "reweightings": _reweightings,
    "variables": _variables,
    "lists": _lists,
}
