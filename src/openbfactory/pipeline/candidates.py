"""Candidates of a decay from an event file into an ntuple, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.events import Events, Jagged, count, iterate, metadata
from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.ntuples import open_ntuple
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask
from openbfactory.pipeline.progress import Progress

if TYPE_CHECKING:
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.reconstruct.flavour_tagger import FlavourTagger
    from openbfactory.reconstruct.lists import ParticleList

#: variables that are written when none are asked for
DEFAULT_VARIABLES = ("M", "charge", "p", "pt", "cosTheta", "useCMSFrame(p)", "nTracks", "isSignal", "mcErrors", "mcPDG")
#: names of card in files that do not say
DEFAULT_CARD = "belle2"


def of_daughters(daughters: tuple[str, ...], quantity: str) -> tuple[str, ...]:
    """A variable of each of several daughters, as ``px0 = ...``; a daughter is a path such as ``0.1``."""
    found = []
    for k, path in enumerate(daughters):
        text = quantity
        for step in reversed(path.split(".")):
            text = f"daughter({step}, {text})"
        found.append(f"{quantity}{k} = {text}")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Request:
    """What to reconstruct.

    Attributes
    ----------
    decay
        Decay string; ``^`` marks the particles whose variables are written, the mother where there is none.
    cut, cuts
        Cut string of the mother, before the fit; cut strings of particles in brackets by name.
    after
        Cut string of the mother after the fit.
    vetoes
        Decay strings with their cuts, made after the cut ``after`` (whose list is ``NAME:after``); candidates that are
        a daughter of one are dropped.
    tag
        Folder of a hadronic tag whose lists (``B-:tag``) the decay string names, empty for none.
    variables
        Names, or arithmetic.
    fit
        Fit of every candidate that passes the cut: ``none``, ``vertex``, ``tree``.
    ip_constraint, mass_constraints
        Constraints of the fit ``tree``: the interaction region, and names of particles whose mass is fixed.
    rank
        Variable to rank the candidates of an event by, empty for none; ``-`` in front ranks the lowest first.
    best
        Number of candidates to keep of each event, 0 for all.
    flavour_tagger
        Folder of a trained flavour tagger, empty for none.
    """

    decay: str
    cut: str = ""
    cuts: Mapping[str, str] = field(default_factory=dict)
    variables: Sequence[str] = DEFAULT_VARIABLES
    fit: str = "none"
    ip_constraint: bool = False
    mass_constraints: Sequence[str] = ()
    rank: str = ""
    best: int = 0
    after: str = ""
    tag: str = ""
    flavour_tagger: str = ""
    vetoes: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Read every string once.

        Raises
        ------
        CutError
            For the first that is wrong.
        """
        from openbfactory.reconstruct.decay_string import parse_decay
        from openbfactory.reconstruct.expressions import compile_condition, compile_variable
        from openbfactory.reconstruct.lists import aliased

        for decay in (self.decay, *self.vetoes):
            parse_decay(decay)
        for cut in (self.cut, self.after, *self.cuts.values(), *self.vetoes.values()):
            compile_condition(cut)
        ranked = [self.rank.removeprefix("-")] if self.rank else []
        for variable in (*(aliased(text)[1] for text in self.variables), *ranked):
            compile_variable(variable)


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    events, candidates
        Events read, candidates written.
    with_candidate
        Events with at least one.
    failed_fits
        Candidates whose fit has no result; the cut after it decides about them.
    """

    events: int = 0
    candidates: int = 0
    with_candidate: int = 0
    failed_fits: int = 0


def candidates_of(events: Events, card: Any, request: Request, tag: Any = None) -> tuple[dict[str, Any], int]:
    """Columns of the candidates of some events, and the number of failed fits; ``tag`` is a hadronic tag to apply."""
    from openbfactory.reconstruct import Reconstruction

    session = Reconstruction.of_card(events, card)
    if tag is not None:
        tag.apply(session)
    session.flavour_tagger = _tagger(request.flavour_tagger)
    fitted = request.fit != "none"
    made = session.combine(request.decay, request.cut, cuts=request.cuts)
    failed = 0
    if fitted:
        session.fit(made, request.fit, ip_constraint=request.ip_constraint, mass_constraints=request.mass_constraints)
        failed = session.failed_fits[made.name]
    if request.after:
        made = session.cut(f"{made.name.partition(':')[0]}:after", made, request.after)
    for number, (decay, cut) in enumerate(request.vetoes.items()):
        mother = session.combine(decay, cut)
        made = session.cut(f"{made.name.partition(':')[0]}:kept{number}", made,
                           f"isDaughterOfList({mother.name}) == 0")
    if request.rank:
        session.rank(made, request.rank.removeprefix("-"), highest=not request.rank.startswith("-"),
                     keep=request.best)
    elif request.best:
        made.rows = made.rows[made.table([])["__candidate__"] < request.best]
    return made.table(made.selected_variables(request.variables)), failed


def best_candidates(events: Events, card: Any, request: Request) -> tuple[Reconstruction, ParticleList]:
    """Reconstruction of events and its best candidate of each, by decay, cuts and rank of a request."""
    from openbfactory.reconstruct import Reconstruction

    session = Reconstruction.of_card(events, card)
    made = session.combine(request.decay, request.cut, cuts=request.cuts)
    session.rank(made, request.rank.removeprefix("-"), highest=not request.rank.startswith("-"), keep=1)
    return session, made


@lru_cache(maxsize=2)
def _tagger(folder: str) -> FlavourTagger | None:
    """Flavour tagger of a folder."""
    from openbfactory.reconstruct.flavour_tagger import load_tagger

    return load_tagger(folder) if folder else None


def reconstruct_file(source: str | Path, request: Request, output: str | Path, *, card: str | None = None,
                     chunk_size: int = CHUNK_SIZE, progress: Progress | None = None) -> Written:
    """Candidates of a decay in an event file, written as a flat ntuple in the order of the events.

    Parameters
    ----------
    source
        Event file with detector objects.
    output
        Ntuple: ``.root`` or ``.parquet``.
    card
        Name or path of the detector card; that of the file by default.

    Raises
    ------
    OpenBFactoryError
        For wrong strings, names, files or cards; nothing is left of the output.
    """
    from openbfactory.experiment import load_card
    from openbfactory.reconstruct.hadronic_tag import load_tag

    request.check()
    tag = load_tag(request.tag) if request.tag else None
    header = metadata(source)
    loaded = load_card(card or str(header.get("card", DEFAULT_CARD)))
    progress, done = progress or Progress("", quiet=True), Written()
    note: dict[str, Any] = {k: header[k] for k in ("sample", "seed") if k in header}
    size, findings = count(source) or 0, Findings(str(source))
    told = {**note, "decay": request.decay, "cut": request.cut, "cuts": dict(request.cuts), "fit": request.fit,
            "after": request.after}
    with open_ntuple(output, told) as writer, progress:
        progress.start(-(-size // chunk_size), size)
        for index, events in enumerate(iterate(source, chunk_size, findings=findings)):
            columns, failed = candidates_of(events, loaded, request, tag)
            writer.append(columns)
            done.with_candidate += len(np.unique(columns["__event__"]))
            done.failed_fits += failed
            progress.advance(ChunkTask(str(header.get("sample", "events")), index, done.events, len(events), 0))
            done.events += len(events)
        if not done.events:  # an empty table with the same columns
            none = Events.of_process("", 0).with_lists(**{name: Jagged.empty(c) for name, c in COLLECTIONS.items()})
            writer.append(candidates_of(none, loaded, request, tag)[0])
        for finding in findings:
            progress.note(f"{source}: {finding.render()}")
    done.candidates = writer.rows
    return done
