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
    classifiers/<particle>/<mode>.json    record of the classifier of a channel: file of its trees, odds, checksum
    classifiers/<particle>/<mode>.txt     its trees; all.txt holds those for channels with too little signal
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ClassifierError
from openbfactory.core.forest import Forest, forest_of_text
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.tag_channels import Stage, TagChannels, channels_of
from openbfactory.reconstruct.tag_session import StageCounts, TagSession

Array = npt.NDArray[np.float64]
HEADER, CLASSIFIERS, POOLED = "tag.json", "classifiers", "all"


@dataclass(frozen=True, slots=True)
class ChannelClassifier:
    """Classifier of the candidates of a channel.

    Attributes
    ----------
    forest
        Trees trained on as much signal as background; None where training had too little signal.
    odds
        Signal over background among the candidates of the channel in the sample.
    """

    forest: Forest | None
    odds: float

    @property
    def names(self) -> tuple[str, ...]:
        """Inputs."""
        return self.forest.names if self.forest else ()

    def predict(self, table: Array) -> Array:
        """Probabilities (n,) of signal for a table (n, k) of the inputs: ``p r / (p r + 1 - p)`` with odds ``r``."""
        p = self.forest.predict(table) if self.forest else np.full(len(table), 0.5)
        found: Array = p * self.odds / (p * self.odds + 1.0 - p)
        return found


@dataclass(frozen=True, slots=True)
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
    classifiers: dict[str, list[ChannelClassifier]]
    header: dict[str, Any] = field(default_factory=dict)

    def apply(self, owner: Reconstruction) -> TagSession:
        """Make the list ``NAME:tag`` of every particle, up to ``B+:tag`` and ``B0:tag``; gives the counts."""
        session = TagSession(owner, self.channels)
        for stage in self.channels.stages:
            run_stage(session, stage, self.classifiers[stage.particle])
        return session

    def warnings(self, card: str, card_digest: str) -> Findings:
        """What somebody should know who applies it to events of a card."""
        findings = Findings("hadronic tag")
        if self.header.get("card_digest") != card_digest:
            findings.warning("other-card", "card", f"the classifiers were trained with the card "
                             f"'{self.header.get('card')}', the events are those of '{card}' or of a changed card",
                             expected="classifiers trained with the same card")
        return findings


def run_stage(session: TagSession, stage: Stage, classifiers: list[ChannelClassifier]) -> None:
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
    header = read_header(folder)
    channels = channels_of(header.get("channels"), f"{folder / HEADER}, channels")
    findings = Findings(str(folder))
    found: dict[str, list[ChannelClassifier]] = {}
    for stage in channels.stages:
        read = [read_classifier(folder, stage, k, digest(header), findings) for k in range(len(stage.modes()))]
        found[stage.particle] = [made for made in read if made is not None]
    findings.raise_if_errors(ClassifierError)
    return HadronicTag(channels, found, header)


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
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        findings.error("no-classifiers", HEADER, "the folder holds no trained hadronic tag",
                       expected="a folder that 'obf train hadronic-tag --output FOLDER' wrote")
        raise ClassifierError(findings) from None
    if checksum != digest(header):
        findings.error("damaged", HEADER, "the checksum does not fit: the file was changed")
        raise ClassifierError(findings)
    return dict(header)


def record_path(folder: Path, stage: Stage, mode: int) -> Path:
    """Record of the classifier of a channel."""
    return folder / CLASSIFIERS / stage.folder / f"{mode:02d}.json"


def text_checksum(text: str) -> str:
    """Checksum of the file of trees."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_classifier(folder: Path, stage: Stage, mode: int, training: str,
                    findings: Findings) -> ChannelClassifier | None:
    """Classifier of a channel that belongs to a training (digest of its header); findings where there is none."""
    path = record_path(folder, stage, mode)
    where, what = str(path.relative_to(folder)), f"{stage.particle}, '{stage.modes()[mode].name}'"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        odds, file, belongs = float(record["odds"]), record["file"], record["training"]
        text = (path.parent / str(file)).read_text(encoding="utf-8") if file else ""
        whole = not file or record["checksum"] == text_checksum(text)
        forest = forest_of_text(text, source=str(file)) if file and whole else None
    except FileNotFoundError:
        findings.error("missing-classifier", where, f"there is no classifier for {what}",
                       expected="a training that is finished; go on with: obf train hadronic-tag --resume")
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, ClassifierError):
        findings.error("damaged", where, f"the classifier for {what} cannot be read")
        return None
    if not whole:
        findings.error("damaged", where, f"the checksum of the trees for {what} does not fit")
        return None
    if belongs != training:
        findings.error("other-training", where, f"the classifier for {what} belongs to another training: of another "
                       "list of channels, sample or card", expected=f"training {training}, found {belongs}")
        return None
    return ChannelClassifier(forest, odds)


def summed(counts: Iterable[Mapping[tuple[str, str], StageCounts]]) -> dict[tuple[str, str], StageCounts]:
    """Sum of the counts of several batches, by particle and channel."""
    total: dict[tuple[str, str], StageCounts] = {}
    for batch in counts:
        for key, numbers in batch.items():
            total.setdefault(key, StageCounts())
            total[key] += numbers
    return total
