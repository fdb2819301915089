"""Training of the hadronic tag: stage by stage, one classifier a channel, resumable.

For every stage the candidates of all channels are made on all batches, with the classifiers of the stages before; each
channel is trained (:mod:`openbfactory.select.classifier`), and the stage is made again with its classifiers, for the
next.  A channel with too little signal takes one classifier of all channels of its particle.  Files are written under
a temporary name; a run that was stopped goes on behind the last classifier it wrote and ends in the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import PipelineError
from openbfactory.core.provenance import package_version
from openbfactory.core.random import Address
from openbfactory.pipeline.progress import Progress
from openbfactory.pipeline.store import open_store, write_whole
from openbfactory.pipeline.tag_samples import TrainingSample, make_batch
from openbfactory.reconstruct import Reconstruction
from openbfactory.reconstruct.hadronic_tag import (
    HEADER,
    POOLED,
    ChannelClassifier,
    read_classifier,
    record_path,
    run_stage,
    summed,
    text_checksum,
)
from openbfactory.reconstruct.tag_channels import CHANNELS, MODE, Mode, Stage, TagChannels, expanded, load_channels
from openbfactory.reconstruct.tag_session import StageCounts, TagSession

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class ChannelSample:
    """Candidates of a channel: inputs (n, k), truth (n,), and whether they are of generic events (n,)."""

    table: Array
    signal: Mask
    generic: Mask

    def used(self, most: int, rng: np.random.Generator) -> tuple[Index, Array]:
        """Rows to train on and their weights: all signal, and at most ``most`` generic background."""
        wrong = np.flatnonzero(~self.signal & self.generic)
        chosen = wrong if len(wrong) <= most else np.sort(rng.choice(wrong, most, replace=False))
        right = np.flatnonzero(self.signal)
        weight = np.concatenate([np.ones(len(right)), np.full(len(chosen), len(wrong) / max(len(chosen), 1))])
        return np.concatenate([right, chosen]), weight

    def odds(self, enrichment: int) -> float:
        """Signal over background in generic events; ``enrichment`` above 0 where chosen events count too."""
        right = int(np.count_nonzero(self.signal & self.generic))
        if enrichment:
            right = int(np.count_nonzero(self.signal)) / (1.0 + enrichment)  # type: ignore[assignment]
        return (right + 0.5) / (float(np.count_nonzero(~self.signal & self.generic)) + 1.0)


@dataclass(slots=True)
class Training:
    """A training in work.

    Attributes
    ----------
    folder
        Where it goes.
    channels, sample
        What is trained, on what.
    digest
        Of the header of the folder; every record carries it.
    batches
        Sessions of all batches, and whether they are generic.
    trained, resumed
        Number of channels that were trained, and of those that were there.
    """

    folder: Path
    channels: TagChannels
    sample: TrainingSample
    digest: str
    batches: list[tuple[TagSession, bool]] = field(default_factory=list)
    trained: int = 0
    resumed: int = 0

    def stage(self, stage: Stage, say: Callable[[str], None]) -> None:
        """Train what is missing of a stage, and make its list on every batch."""
        found = self.found(stage)
        if found is None:
            samples = self._samples(stage)
            self._train(stage, samples, say)
            found = self.found(stage)
            assert found is not None
        else:
            self.resumed += len(found)
        for session, _ in self.batches:
            run_stage(session, stage, found)

    def found(self, stage: Stage) -> list[ChannelClassifier] | None:
        """Classifiers of a stage that are there and whole, None where one is missing."""
        ignored = Findings("resume")
        found = [read_classifier(self.folder, stage, k, self.digest, ignored) for k in range(len(stage.modes()))]
        whole = [made for made in found if made is not None]
        return whole if len(whole) == len(found) else None

    def _samples(self, stage: Stage) -> list[ChannelSample]:
        """Candidates of every channel of all batches, with the inputs of the classifier of all channels."""
        names = pooled_inputs(stage)
        parts: list[list[ChannelSample]] = [[] for _ in stage.modes()]
        for session, generic in self.batches:
            begin = session.begin(stage)
            for part, rows in zip(parts, session.candidates(stage), strict=True):
                right = session.signal(rows)
                rows, right = (rows, right) if generic else (rows[right], right[right])
                part.append(ChannelSample(session.inputs(rows, names), right, np.full(len(rows), generic)))
            session.forget(begin)
        return [ChannelSample(*(np.concatenate([getattr(p, name) for p in part])
                                for name in ("table", "signal", "generic"))) for part in parts]

    def _train(self, stage: Stage, samples: list[ChannelSample], say: Callable[[str], None]) -> None:
        """Train all channels of a stage and write their records."""
        names, settings = pooled_inputs(stage), self.channels.settings
        enrichment = self.sample.enrichment if stage.particle in self.channels.heads else 0
        folder = record_path(self.folder, stage, 0).parent
        folder.mkdir(parents=True, exist_ok=True)
        rare = [int(s.signal.sum()) < settings.min_signal.value for s in samples]
        if any(rare):
            whole = ChannelSample(*(np.concatenate([getattr(s, name) for s in samples])
                                    for name in ("table", "signal", "generic")))
            self._fit(stage, POOLED, names, names, whole)
        for k, (mode, sample) in enumerate(zip(stage.modes(), samples, strict=True)):
            own = None if rare[k] else self._fit(stage, f"{k:02d}", names, channel_inputs(stage, mode), sample)
            file = own or (f"{POOLED}.txt" if (folder / f"{POOLED}.txt").exists() else None)
            text = (folder / file).read_text(encoding="utf-8") if file else ""
            odds = sample.odds(enrichment)
            if file and not own:
                odds = whole.odds(enrichment)
            record = {"channel": mode.name, "file": file, "checksum": text_checksum(text), "odds": odds,
                      "signal": int(sample.signal.sum()), "candidates": len(sample.signal),
                      "training": self.digest}
            write_whole(record_path(self.folder, stage, k),
                        json.dumps(record, sort_keys=True, indent=1).encode())
            self.trained += 1
        say(f"{stage.particle}: {len(samples)} channels, {sum(rare)} of them with the classifier of all; "
            f"{sum(int(s.signal.sum()) for s in samples)} right candidates of "
            f"{sum(len(s.signal) for s in samples)}")

    def _fit(self, stage: Stage, name: str, columns: tuple[str, ...], inputs: tuple[str, ...],
             sample: ChannelSample) -> str | None:
        """File of newly trained trees; None where there are not both classes."""
        from openbfactory.select.classifier import ClassifierConfig, train

        settings, path = self.channels.settings, record_path(self.folder, stage, 0).parent / f"{name}.txt"
        path.unlink(missing_ok=True)
        address = Address(self.sample.seed, f"{stage.particle}/{name}", 0, "train-hadronic-tag")
        rows, weights = sample.used(int(settings.max_background.value), address.generator())
        label = sample.signal[rows]
        if min(int(label.sum()), int((~label).sum())) < 2 * int(settings.min_rows_in_leaf.value):
            return None
        config = ClassifierConfig(
            trees=int(settings.trees.value), leaves=int(settings.leaves.value), row_fraction=0.7,
            learning_rate=settings.learning_rate.value, min_rows_in_leaf=int(settings.min_rows_in_leaf.value))
        chosen = [columns.index(text) for text in inputs]
        made = train(sample.table[rows][:, chosen], inputs, label, weights, config,
                     seed=address.pythia_seed())
        write_whole(path, made.to_text().encode())
        return path.name


def channel_inputs(stage: Stage, mode: Mode) -> tuple[str, ...]:
    """Inputs of the classifier of a channel."""
    return expanded(stage.inputs, len(mode.decay.daughters) if mode.decay else 2 * bool(stage.channels))


def pooled_inputs(stage: Stage) -> tuple[str, ...]:
    """Inputs of the classifier of all channels of a particle: those of every channel, and its number."""
    every = [name for mode in stage.modes() for name in channel_inputs(stage, mode)]
    return tuple(dict.fromkeys([*every, f"extraInfo({MODE})"]))


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training did: channels trained now and before, and the counts of its batches."""

    trained: int
    resumed: int
    events: int
    chosen: int
    counts: dict[tuple[str, str], StageCounts]


def train_hadronic_tag(output: str | Path, *, events: int, seed: int = 1, card: str = "belle2",
                       channels: str | Path = CHANNELS, enrichment: int = 4, resume: bool = False,
                       progress: Progress | None = None) -> Trained:
    """Train the hadronic tag on generated and simulated B pairs.

    Parameters
    ----------
    output
        Folder for the classifiers.
    events
        Generic B pairs.
    card
        Name or path of the detector card.
    channels
        YAML file with the channels.
    enrichment
        Further pairs, as a multiple of ``events``, of which only those with a B that may be right are simulated.
    resume
        Go on with a training that was stopped; one that is finished is left as it is, without counts.

    Raises
    ------
    OpenBFactoryError
        For a wrong card, channels, or a folder that holds something else.
    """
    from openbfactory.experiment import load_card

    if events < 2:
        message = f"a training needs at least two events, asked for {events}"
        raise PipelineError(message)
    loaded, told, sample = load_card(card), load_channels(channels), TrainingSample(events, enrichment, seed)
    header = {"openbfactory": package_version(), "channels": told.model_dump(mode="json"), "card": Path(card).name,
              "card_digest": digest(loaded.model_dump(mode="json")), "events": events, "enrichment": enrichment,
              "seed": seed}
    progress = progress or Progress("", quiet=True)
    with open_store(output, {"run": "hadronic-tag", **header}, resume=resume), progress:
        folder = Path(output)
        write_whole(folder / HEADER, json.dumps({**header, "checksum": digest(header)}, sort_keys=True).encode())
        work = Training(folder, told, sample, digest(header))
        modes = [len(stage.modes()) for stage in told.stages if work.found(stage) is not None]
        if len(modes) == len(told.stages):
            return Trained(0, sum(modes), events, 0, {})
        tasks = list(sample.tasks())
        progress.start(len(tasks), sum(task.events for task, _ in tasks))
        chosen = 0
        for task, generic in tasks:
            made = make_batch(task, generic, loaded, told)
            chosen += 0 if generic else len(made)
            work.batches.append((TagSession(Reconstruction.of_card(made, loaded), told), generic))
            progress.advance(task)
        for stage in told.stages:
            work.stage(stage, progress.note)
        counts = summed([session.counts for session, generic in work.batches if generic])
        return Trained(work.trained, work.resumed, events, chosen, counts)
