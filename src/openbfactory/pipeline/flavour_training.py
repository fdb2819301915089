"""Training of the flavour tagger on simulated Upsilon(4S) -> B0 anti-B0, one of them to nu nubar.

Half of the chunks train the classifiers of the categories, a third of them their combination, the others measure.  No
event is used twice, and the measurement is on events that no classifier has seen.  Chunks are made one after another
from their addresses: the same seed gives the same tagger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.config import digest
from openbfactory.core.errors import PipelineError
from openbfactory.core.forest import Forest, forest_of_text
from openbfactory.core.provenance import Provenance
from openbfactory.pipeline.chunks import CHUNK_SIZE, ChunkTask, plan
from openbfactory.pipeline.progress import Progress

if TYPE_CHECKING:
    from openbfactory.reconstruct.flavour_categories import Category
    from openbfactory.reconstruct.flavour_features import Features
    from openbfactory.select.classifier import ClassifierConfig
    from openbfactory.select.tagging import TaggingPerformance

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: sample of the training; name of the record
SAMPLE, RECORD = "nunubar", "flavour-tagger.json"
#: trees of the categories and of the combination
TREES, TREES_COMBINED = 100, 200
#: smallest number of events: one of each of the thirds must have enough tracks of every category
MIN_EVENTS = 600


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of a training.

    Attributes
    ----------
    performance
        On events that were not trained on.
    categories
        That of every category alone.
    qr, flavour : (n,)
        Outputs and true flavours of those events.
    record
        What is written as JSON.
    """

    performance: TaggingPerformance
    categories: dict[str, TaggingPerformance]
    qr: Array
    flavour: Index
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """Tracks of some events with their truth: flavour (n,) of the events and bits (m,) of the tracks."""

    seen: Features
    flavour: Index
    bits: Index


def train_flavour_tagger(events: int, output: str | Path, *, seed: int = 1, card: str = "belle2", trees: int = TREES,
                         chunk_size: int = CHUNK_SIZE, progress: Progress | None = None) -> Trained:
    """Train a flavour tagger, measure it and write it into a folder.

    Parameters
    ----------
    events
        Number of events to generate, for training and measurement together.
    output
        Folder of the classifiers, the record ``flavour-tagger.json`` and nothing else.
    trees
        Trees of each category; the combination has twice as many.

    Raises
    ------
    PipelineError
        For fewer than 600 events.
    ClassifierError
        When a category has nothing to learn from.
    """
    from openbfactory.reconstruct.flavour_categories import CATEGORIES, COMBINED
    from openbfactory.reconstruct.flavour_tagger import COMBINATION, SUFFIX, combine
    from openbfactory.select.classifier import ClassifierConfig
    from openbfactory.select.tagging import category_performance, tagging_performance

    if events < MIN_EVENTS:
        message = f"{events} events are too few to train a flavour tagger: at least {MIN_EVENTS}"
        raise PipelineError(message)
    size = min(chunk_size, events // 6)
    tasks = plan({SAMPLE: events}, seed, size)
    progress = progress or Progress("", quiet=True)
    rows = max(20, min(100, events // 500))
    config = ClassifierConfig(trees=trees, leaves=16, learning_rate=0.1, min_rows_in_leaf=rows)
    last = config.model_copy(update={"trees": 2 * trees, "learning_rate": 0.05, "leaves": 8,
                                      "min_rows_in_leaf": 4 * rows})
    first, second = len(tasks) // 2, len(tasks) * 5 // 6
    with progress:
        progress.start(len(tasks), events)
        done = {"events": 0}
        parts = [_part(task, card, progress, done) for task in tasks[:first]]
        models = {}
        forests: dict[str, Forest] = {}
        for name, category in CATEGORIES.items():
            progress.note(f"training {name}")
            models[name] = _train_category(category, parts, forests, config, seed)
            forests[name] = forest_of_text(models[name])
        del parts
        tables = [_table(_part(task, card, progress, done), forests) for task in tasks[first:second]]
        models[COMBINATION] = _train_combination(tables, COMBINED, last, seed)
        combination = forest_of_text(models[COMBINATION])
        measured = [_table(_part(task, card, progress, done), forests) for task in tasks[second:]]
    qp, flavour = np.concatenate([t for t, _ in measured]), np.concatenate([f for _, f in measured])
    qr = combine(qp, combination)
    performance = tagging_performance(qr, flavour)
    alone = category_performance(dict(zip(CATEGORIES, qp.T, strict=True)), flavour)
    settings = {"events": events, "card": card, "trees": trees, "chunk_size": size}
    record = {"kind": "flavour-tagger", **settings, "measured": performance.to_dict(),
              "categories": {name: p.to_dict() for name, p in alone.items()},
              "provenance": Provenance(digest(settings), seed, ("belle2-flavour-2022",)).to_dict()}
    _write(Path(output), {f"{name}{SUFFIX}": text for name, text in models.items()}, record)
    return Trained(performance, alone, qr, flavour, record)


def _part(task: ChunkTask, card: str, progress: Progress, done: dict[str, int]) -> _Part:
    """Tracks of the events of a chunk with their truth."""
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.reconstruct.flavour_features import features, whole_events
    from openbfactory.reconstruct.flavour_truth import flavour_truth
    from openbfactory.simulate import simulate

    loaded = load_card(card)
    truth, _ = generate_events(task.sample, task.events, task.address.at("generate"), loaded.machine, first=task.first)
    owner = Reconstruction.of_card(simulate(truth, loaded, task.address.at("simulate")), loaded)
    seen = features(owner, whole_events(owner))
    flavour, bits = flavour_truth(owner, seen.offsets, seen.tracks, seen.charge)
    done["events"] += task.events
    progress.advance(task)
    return _Part(seen, flavour, bits)


def _train_category(category: Category, parts: list[_Part], forests: Mapping[str, Forest], config: ClassifierConfig,
                    seed: int) -> str:
    """Text of the classifier of a category: what it searches against the other tracks that it looks at."""
    from openbfactory.reconstruct.flavour_categories import CATEGORIES, KAON_PION, TARGETS
    from openbfactory.reconstruct.flavour_tagger import looked_at, outputs_of_tracks, with_pairs
    from openbfactory.select.classifier import train

    wanted = sum(1 << TARGETS.index(target) for target in category.targets)
    tables, labels = [], []
    for part in parts:
        seen = part.seen
        if category.name == KAON_PION.name:
            seen = with_pairs(seen, {name: outputs_of_tracks(seen, CATEGORIES[name], forests[name])
                                     for name in ("Kaon", "SlowPion")})
        mask = looked_at(seen, category) & (np.repeat(part.flavour, np.diff(seen.offsets)) != 0)
        tables.append(np.column_stack([seen.columns[name][mask] for name in category.inputs]))
        labels.append((part.bits[mask] & wanted) > 0)
    return train(np.concatenate(tables), category.inputs, np.concatenate(labels), config=config, seed=seed).to_text()


def _table(part: _Part, forests: Mapping[str, Forest]) -> tuple[Array, Index]:
    """Outputs (n, categories) and flavours (n,)."""
    from openbfactory.reconstruct.flavour_tagger import category_outputs

    return np.column_stack(list(category_outputs(part.seen, forests).values())), part.flavour


def _train_combination(tables: list[tuple[Array, Index]], names: tuple[str, ...], config: ClassifierConfig,
                       seed: int) -> str:
    """Text of the classifier of all outputs; every event enters with both flavours."""
    from openbfactory.select.classifier import train

    qp, flavour = np.concatenate([t for t, _ in tables]), np.concatenate([f for _, f in tables])
    qp, flavour = qp[flavour != 0], flavour[flavour != 0]
    return train(np.concatenate([qp, -qp]), names, np.concatenate([flavour, -flavour]) > 0, config=config,
                 seed=seed).to_text()


def _write(folder: Path, files: Mapping[str, str], record: Mapping[str, Any]) -> None:
    """Write the classifiers and, last, the record.

    Raises
    ------
    PipelineError
        When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as problem:
        message = f"cannot write {folder}: {problem.strerror or problem}"
        raise PipelineError(message) from None


