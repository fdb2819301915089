"""The hadronic tag on an event file: the best B candidates of each event into an ntuple."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.events import Events, Jagged, count, iterate, metadata
from openbfactory.events.columns import COLLECTIONS
from openbfactory.events.ntuples import open_ntuple
from openbfactory.pipeline.candidates import DEFAULT_CARD
from openbfactory.pipeline.chunks import ChunkTask
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import write_whole
from openbfactory.reconstruct import ParticleList, Reconstruction
from openbfactory.reconstruct.hadronic_tag import HadronicTag, load_tag, summed
from openbfactory.reconstruct.tag_channels import LABEL, MODE, PROBABILITY
from openbfactory.reconstruct.tag_session import StageCounts, TagSession

#: events that are tagged at once: the table of particles of a batch stays small
BATCH = 2_000
#: variable by which the candidates of an event are ordered
_P = f"extraInfo({PROBABILITY})"
#: columns of the ntuple
VARIABLES = ("PDG", "charge", "Mbc", "deltaE", f"{PROBABILITY} = {_P}", f"{MODE} = extraInfo({MODE})",
             "rank = extraInfo(tag_rank)", "useCMSFrame(p)", "cosTBTO", "foxWolframR2", "isSignal", "mcErrors", "mcPDG")


@dataclass(slots=True)
class Tagged:
    """What was written.

    Attributes
    ----------
    events, candidates
        Events read, candidates written.
    with_tag
        Events with a candidate, by particle.
    counts
        What became of the candidates of every channel.
    """

    events: int = 0
    candidates: int = 0
    with_tag: dict[str, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], StageCounts] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What the limits of the stages cut away."""
        total = StageCounts()
        for counts in self.counts.values():
            total += counts
        beyond, late = total.found - total.classified, total.likely - total.kept
        return [f"{beyond} of {total.found} candidates were beyond the limit of their channel and event",
                f"{late} of {total.likely} with enough probability were beyond the limit of their particle and event"]


def tags_of(events: Events, card: Any, tag: HadronicTag, *, best: int = 1) -> tuple[ParticleList, TagSession]:
    """The ``best`` candidates of every event for each particle that tags, most probable first, and the session."""
    owner = Reconstruction.of_card(events, card)
    session = tag.apply(owner)
    rows = [owner.rank(f"{head}:{LABEL}", _P, keep=best, name="tag_rank").rows for head in tag.channels.heads]
    every = np.concatenate(rows)
    order = np.argsort(owner.particles["event"][every], kind="stable")
    return ParticleList(owner, f"B:{LABEL}", every[order], "hadronic tag"), session


def tag_file(source: str | Path, classifiers: str | Path, output: str | Path, *, best: int = 1,
             card: str | None = None, counts: str | Path | None = None,
             progress: Progress | None = None) -> Tagged:
    """Write the best candidates of the hadronic tag of an event file as a flat ntuple.

    Parameters
    ----------
    source
        Event file with detector objects.
    classifiers
        Folder that :func:`openbfactory.pipeline.tag_training.train_hadronic_tag` wrote.
    output
        Ntuple: ``.root`` or ``.parquet``; the columns are :data:`VARIABLES`.
    best
        Candidates of an event and particle, most probable first.
    card
        Name or path of the detector card; that of the file by default.
    counts
        JSON file for what became of the candidates of every channel.

    Raises
    ------
    OpenBFactoryError
        For wrong files, classifiers or cards; nothing is left of the output.
    """
    from openbfactory.experiment import load_card

    header = metadata(source)
    name = card or str(header.get("card", DEFAULT_CARD))
    loaded, tag = load_card(name), load_tag(classifiers)
    progress, done = progress or Progress("", quiet=True), Tagged()
    for finding in tag.warnings(name, digest(loaded.model_dump(mode="json"))):
        progress.note(finding.render())
    note: dict[str, Any] = {k: header[k] for k in ("sample", "seed") if k in header}
    size, findings = count(source) or 0, Findings(str(source))
    told = {**note, "hadronic_tag": digest(tag.header), "modes": {
        s.particle: [m.name for m in s.modes()] for s in tag.channels.stages if s.particle in tag.channels.heads}}
    with open_ntuple(output, told) as writer, progress:
        progress.start(-(-size // BATCH), size)
        for index, events in enumerate(iterate(source, BATCH, findings=findings)):
            writer.append(_columns(events, loaded, tag, best, done))
            progress.advance(ChunkTask(str(header.get("sample", "events")), index, done.events, len(events), 0))
            done.events += len(events)
        if not done.events:  # an empty table with the same columns
            none = Events.of_process("", 0).with_lists(**{k: Jagged.empty(c) for k, c in COLLECTIONS.items()})
            writer.append(_columns(none, loaded, tag, best, done))
        for finding in findings:
            progress.note(f"{source}: {finding.render()}")
    done.candidates = writer.rows
    if counts is not None:
        document = {f"{p}: {m}": {k: getattr(c, k) for k in ("found", "classified", "likely", "kept")}
                    for (p, m), c in done.counts.items()}
        write_whole(Path(counts), json.dumps(document, indent=1).encode())
    return done


def _columns(events: Events, card: Any, tag: HadronicTag, best: int, done: Tagged) -> dict[str, Any]:
    """Columns of the tags of a batch; counts go to ``done``."""
    made, session = tags_of(events, card, tag, best=best)
    for head in tag.channels.heads:
        found = len(np.unique(session.owner.get(f"{head}:{LABEL}").event))
        done.with_tag[head] = done.with_tag.get(head, 0) + found
    columns = made.table(VARIABLES)
    done.counts = summed([done.counts, session.counts])
    return columns
