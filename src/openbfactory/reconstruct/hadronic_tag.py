"""The hadronic tag (full event interpretation): B mesons in many hadronic channels, each with its probability.

::

    tag = load_tag("hadronic-tag")                      # what `obf train hadronic-tag` wrote
    r = Reconstruction.of_card(events, card)
    tag.apply(r)                                        # makes D0:tag ... B+:tag, B0:tag
    r.rank("B+:tag", "extraInfo(SignalProbability)", keep=1)
    y4s = r.combine("Upsilon(4S) -> B-:tag B+:sig")

Every candidate of ``NAME:tag`` has ``extraInfo(SignalProbability)`` and ``extraInfo(decayModeID)``, the number of its
channel in ``tag.channels``.  Stages and approximations are those of :mod:`.tag_session`.

Layout of a folder::

    tag.json                              channels, card, sample and settings of the training
    classifiers/<particle>/<mode>.json    trees of a channel (all.json: of all channels of a particle)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ClassifierError
from openbfactory.reconstruct.boosted_trees import BoostedTrees
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.tag_channels import Stage, TagChannels, channels_of
from openbfactory.reconstruct.tag_session import StageCounts, TagSession

Array = npt.NDArray[np.float64]
HEADER, CLASSIFIERS, POOLED = "tag.json", "classifiers", "all"


@dataclass(frozen=True)
class HadronicTag:
    """A trained hadronic tag.

    Attributes
    ----------
    channels
        What is combined.
    classifiers
        By particle, one of each channel.
    header
        How it was trained: ``card``, ``card_digest``, ``events``, ``seed``.
    """

    channels: TagChannels
    classifiers: dict[str, list[BoostedTrees]]
    header: dict[str, Any] = field(default_factory=dict)

    def apply(self, owner: Reconstruction) -> TagSession:
        """Make the list ``NAME:tag`` of every particle, up to ``B+:tag`` and ``B0:tag``; gives the counts."""
        session = TagSession(owner, self.channels)
        for stage in self.channels.stages:
            run_stage(session, stage, self.classifiers[stage.particle])
        return session

    def warnings(self, card_digest: str) -> Findings:
        """What a user should know who applies it to events of a card."""
        findings = Findings("hadronic tag")
        if self.header.get("card_digest") != card_digest:
            findings.warning("other-card", "card", f"the classifiers were trained with the card "
                             f"'{self.header.get('card')}', which is not that of these events",
                             expected="classifiers trained with the same card")
        return findings


def run_stage(session: TagSession, stage: Stage, classifiers: list[BoostedTrees]) -> None:
    """Make the list of one stage."""
    begin = session.begin(stage)
    rows = session.candidates(stage)
    outputs = [c.predict(session.inputs(r, c.names)) for c, r in zip(classifiers, rows, strict=True)]
    session.finish(stage, begin, rows, outputs)


def load_tag(folder: str | Path) -> HadronicTag:
    """Hadronic tag of a folder that ``obf train hadronic-tag`` wrote.

    Raises
    ------
    ClassifierError
        When there is none, it is not finished, damaged, or its classifiers belong to other channels.
    ConfigError
        When its channels have mistakes.
    """
    folder = Path(folder)
    findings = Findings(str(folder))
    header = read_header(folder)
    channels = channels_of(header.get("channels"), f"{folder / HEADER}, channels")
    wanted, found = channels.digest(), {}
    for stage in channels.stages:
        found[stage.particle] = [_read(folder, stage, k, mode.name, wanted, findings)
                                 for k, mode in enumerate(stage.modes())]
    findings.raise_if_errors(ClassifierError)
    whole = {particle: [c for c in made if c is not None] for particle, made in found.items()}
    return HadronicTag(channels, whole, header)


def read_header(folder: Path) -> dict[str, Any]:
    """Content of ``tag.json``.

    Raises
    ------
    ClassifierError
        When it is not there or damaged.
    """
    findings = Findings(str(folder))
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        checksum = header.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        findings.error("no-classifiers", HEADER, "the folder holds no trained hadronic tag",
                       expected="a folder that 'obf train hadronic-tag --output FOLDER' wrote")
        raise ClassifierError(findings) from None
    if checksum != digest(header):
        findings.error("damaged", HEADER, "the checksum does not fit: the file was changed")
        raise ClassifierError(findings)
    return dict(header)


def classifier_path(folder: Path, stage: Stage, mode: int | str) -> Path:
    """File of the classifier of a channel, by number, or of all channels (``"all"``)."""
    name = f"{mode:02d}" if isinstance(mode, int) else mode
    return folder / CLASSIFIERS / stage.folder / f"{name}.json"


def _read(folder: Path, stage: Stage, mode: int, name: str, wanted: str, findings: Findings) -> BoostedTrees | None:
    """Classifier of a channel; findings where there is none that fits."""
    path = classifier_path(folder, stage, mode)
    where = str(path.relative_to(folder))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("of") == POOLED:
            document = json.loads(classifier_path(folder, stage, POOLED).read_text(encoding="utf-8")) | {
                "odds_of_channel": document["odds"]}
    except FileNotFoundError:
        findings.error("missing-classifier", where, f"there is no classifier for {stage.particle}, '{name}'",
                       expected="a training that is finished; go on with: obf train hadronic-tag --resume")
        return None
    except (OSError, ValueError, AttributeError, KeyError, RecursionError):
        findings.error("damaged", where, "the classifier cannot be read")
        return None
    odds = document.pop("odds_of_channel", None)
    try:
        made = BoostedTrees.of_document(document, where)
    except ClassifierError as problem:
        findings.items.extend(problem.findings)
        return None
    if made.note.get("channels") != wanted:
        findings.error("other-channels", where, "the classifier was trained for another list of channels",
                       expected=f"channels {wanted}, found {made.note.get('channels')}")
    return made if odds is None else BoostedTrees(made.names, float(odds), made.arrays, made.note)


def counts_table(sessions: list[TagSession]) -> dict[tuple[str, str], StageCounts]:
    """Sum of the counts of several batches."""
    total: dict[tuple[str, str], StageCounts] = {}
    for session in sessions:
        for key, counts in session.counts.items():
            total.setdefault(key, StageCounts())
            total[key] += counts
    return total
