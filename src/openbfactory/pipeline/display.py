"""Event display of an event file: find the events, prepare their scenes, write the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError, InputError
from openbfactory.events import Events, iterate, metadata
from openbfactory.experiment import Card, load_card
from openbfactory.pipeline.candidates import DEFAULT_CARD
from openbfactory.report.display import Candidate, Display, Property, Scene

#: events on one page at most
MOST_EVENTS = 100
#: a file for the display has at least one of these
DRAWN = ("MCParticles", "Tracks", "ECLClusters", "KLMClusters")
#: variables of a candidate that are shown beside its mass
OF_CANDIDATES = ("M", "p")
OF_B_MESONS = ("Mbc", "deltaE")


@dataclass(frozen=True, slots=True)
class Choice:
    """Numbers of events: those listed, and ranges with the last one not included."""

    numbers: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, text: str) -> Choice:
        """The choice of a text such as ``3,7,9`` or ``0:10``.

        Raises
        ------
        InputError
            For a text of another form, or an empty range.
        """
        numbers, ranges, findings = [], [], Findings("--event")
        for part in (piece.strip() for piece in text.split(",")):
            begin, colon, end = part.partition(":")
            if part.isdecimal():
                numbers.append(int(part))
            elif colon and begin.isdecimal() and end.isdecimal() and int(begin) < int(end):
                ranges.append((int(begin), int(end)))
            else:
                findings.error("event-choice", part or "(nothing)", f"'{part}' names no event",
                               expected="numbers with commas between (3,7,9), or a range (0:10 for 0 to 9)")
        findings.raise_if_errors(InputError)
        return cls(tuple(dict.fromkeys(numbers)), tuple(ranges))

    def mask(self, events: Events) -> Any:
        """Mask (n,) of the events that are chosen."""
        chosen = np.isin(events.event, self.numbers)
        for begin, end in self.ranges:
            chosen |= (events.event >= begin) & (events.event < end)
        return chosen


def display_file(source: str | Path, output: str | Path, *, events: str | None = None, card: str | None = None,
                 decay: str = "", cut: str = "") -> int:
    """Number of events of a file that were drawn on a page.

    Parameters
    ----------
    source
        Event file with generated particles, detector objects, or both.
    output
        HTML page.
    events
        Numbers of events: ``3,7,9``, ``0:10`` (without the last); the first of the file by default.
    card
        Name or path of the detector card; that of the file by default.
    decay, cut
        Decay string, and cut string of the mother, of candidates that are marked.

    Raises
    ------
    OpenBFactoryError
        For wrong files, cards, numbers, strings or an output that cannot be written.
    """
    from openbfactory.report.display import write_display

    made = display_of(source, events=events, card=card, decay=decay, cut=cut)
    try:
        write_display(made, output)
    except OSError as problem:
        findings = Findings(str(output))
        findings.error("unwritable", "", f"cannot write the page: {problem.strerror or problem}")
        raise InputError(findings) from None
    return len(made.scenes)


def display_of(source: str | Path, *, events: str | None = None, card: str | None = None, decay: str = "",
               cut: str = "") -> Display:
    """Content of a page about some events of a file; parameters and errors as :func:`display_file`."""
    from openbfactory.pipeline.scenes.detector import shape_of

    header = metadata(source)
    loaded = load_card(card or str(header.get("card", DEFAULT_CARD)))
    found, findings = find_events(source, None if events is None else Choice.of(events))
    shape = shape_of(loaded)
    scenes = scenes_of(found, loaded, shape, decay, cut)
    return Display(Path(source).name, loaded.detector.name, loaded.detector.field.value, shape.outlines, scenes,
                   shape.extents, scenes[0].extent, tuple(f.render() for f in findings))


def find_events(source: str | Path, choice: Choice | None) -> tuple[Events, Findings]:
    """The chosen events of a file (the first one without a choice) in its order, and warnings about the file.

    Raises
    ------
    EventFileError
        When one of the numbers is not there (the range of the file is named), when too many are chosen, or when the
        file holds nothing that can be drawn.
    """
    warnings, findings, parts = Findings(str(source)), Findings(str(source)), []
    low, high, rows, missing = 0, -1, 0, set(choice.numbers) if choice else set()
    for batch in iterate(source, findings=warnings):
        if not any(name in batch.lists for name in DRAWN):
            findings.error("nothing-to-draw", "", "the file has no particles, tracks or clusters",
                           expected=f"at least one of {', '.join(DRAWN)}")
            break
        if len(batch):
            low = int(batch.event.min()) if not rows else min(low, int(batch.event.min()))
            high, rows = max(high, int(batch.event.max())), rows + len(batch)
            mask = choice.mask(batch) if choice else np.arange(len(batch)) == 0
            parts.append(batch.take(mask))
            missing -= set(parts[-1].event.tolist())
        if rows and (choice is None or not (missing or choice.ranges)):
            break
    there = f"{rows} events with numbers from {low} to {high}" if rows else "no events"
    for number in sorted(missing):
        findings.error("no-event", f"event {number}", f"there is no event {number}; the file has {there}")
    found = sum(len(part) for part in parts)
    if not found and not findings:
        findings.error("no-event", "", f"none of the events asked for is there; the file has {there}")
    if found > MOST_EVENTS:
        findings.error("too-many-events", "", f"{found} events are too many for one page",
                       expected=f"at most {MOST_EVENTS}")
    findings.raise_if_errors(EventFileError)
    return Events.concatenate(parts), warnings


def scenes_of(events: Events, card: Card, shape: Any, decay: str = "", cut: str = "") -> tuple[Scene, ...]:
    """Scene of every event, with the candidates of a decay where one is given."""
    from openbfactory.pipeline.scenes.reconstructed import reconstructed_of, trigger_of
    from openbfactory.pipeline.scenes.truth import names_of, truth_of

    candidates = _candidates(events, card, decay, cut) if decay else [()] * len(events)
    widest, bz, scenes = next(iter(shape.extents)), card.detector.field.value, []
    for row in range(len(events)):
        event = events.take(np.array([row]))
        names = names_of(event)
        seen, truth = reconstructed_of(event, card, shape, names), truth_of(event, names, bz, shape)
        lines, hlt = trigger_of(event)
        far = any(tower.layer == "klm" for tower in seen.towers)
        scenes.append(Scene(
            int(event.event[0]), events.process_names[int(event.process[0])],
            (*truth.curves, *seen.curves), tuple(seen.towers), (*truth.vertices, *seen.vertices), tuple(seen.arrows),
            tuple(seen.facts), lines, hlt, truth.tree, tuple(candidates[row]), widest if far else "calorimeter"))
    return tuple(scenes)


def _candidates(events: Events, card: Card, decay: str, cut: str) -> list[tuple[Candidate, ...]]:
    """Candidates of a decay in every event, with the tracks and clusters that they are made of."""
    from openbfactory.reconstruct import Reconstruction

    session = Reconstruction.of_card(events, card)
    made = session.combine(decay, cut)
    shown = OF_CANDIDATES + (OF_B_MESONS if made.name.startswith("B") else ())
    values = {name: made[name] for name in shown}
    found: list[list[Candidate]] = [[] for _ in range(len(events))]
    for n, (row, event) in enumerate(zip(made.rows, made.event, strict=True)):
        keys = tuple(_key(events, int(event), int(source)) for source in session.particles.sources[row] if source >= 0)
        lines = tuple(Property(name, float(values[name][n]), "GeV") for name in shown
                      if np.isfinite(values[name][n]))
        found[event].append(Candidate(f"{made.name.partition(':')[0]} candidate {len(found[event])}", lines, keys))
    return [tuple(of_event) for of_event in found]


def _key(events: Events, event: int, source: int) -> str:
    """Key of a detector object of an event by its number among all sources: tracks, calorimeter and KLM clusters."""
    for name, prefix in (("Tracks", "track"), ("ECLClusters", "ecl"), ("KLMClusters", "klm")):
        size = events[name].size if name in events.lists else 0
        if source < size:
            return f"{prefix}-{source - int(events[name].offsets[event])}"
        source -= size
    return ""
