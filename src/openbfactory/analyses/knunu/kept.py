"""Histograms and training of a run, kept in its folder: what is fitted and drawn again without looking at a candidate.

``histograms.json`` holds the histograms of every sample (scaled to the data set), the sums of their variations and the
training summaries, and a key: the hash of the run and of the code that fills them.  A resumed run whose chunks are all
there and whose key is the same starts from it; otherwise it is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.analyses.knunu.evaluation import SampleHistograms
from openbfactory.analyses.knunu.shifts import Shift
from openbfactory.analyses.knunu.training import TrainingSummary
from openbfactory.core.errors import OpenBFactoryError
from openbfactory.pipeline.store import write_whole
from openbfactory.select.binning import from_dict
from openbfactory.select.classifier import Importance
from openbfactory.select.performance import KSResult, OvertrainingCheck

#: name of the file in an output folder
KEPT = "histograms.json"
#: what the content depends on besides the chunks
_CODE = {"openbfactory.analyses.knunu": ("config", "continuum_shape", "densities", "evaluation", "run", "shifts",
                                         "training"),
         "openbfactory.select": ("binning", "classifier", "performance", "reweighting", "transform")}

Content = tuple[dict[str, SampleHistograms], list[TrainingSummary]]


def key_of(config_hash: str) -> str:
    """Key of the histograms of a run: hash of its manifest and of the code that fills them."""
    digest = hashlib.blake2b(config_hash.encode(), digest_size=16)
    for package, modules in _CODE.items():
        for module in modules:
            digest.update((resources.files(package) / f"{module}.py").read_bytes())
    return digest.hexdigest()


def keep(folder: Path, key: str, histograms: Mapping[str, SampleHistograms],
         training: Sequence[TrainingSummary]) -> None:
    """Write the file."""
    document = {"key": key, "training": [{**t.to_dict(), "shapes": t.shapes} for t in training],
                "samples": {name: {"region": h.region.to_dict(), "joint": h.joint.to_dict(),
                                   "shown": {n: s.to_dict() for n, s in h.shown.items()},
                                   "shifts": {n: s.sums.tolist() for n, s in h.shifts.items()}}
                            for name, h in histograms.items()}}
    write_whole(folder / KEPT, (json.dumps(document) + "\n").encode())


def read(folder: Path, key: str) -> Content | None:
    """Histograms by sample and training summaries; None where there are none, or not of this key."""
    try:
        document = json.loads((folder / KEPT).read_text(encoding="utf-8"))
        if document["key"] != key:
            return None
        return ({name: _histograms(part) for name, part in document["samples"].items()},
                [_training(part) for part in document["training"]])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OpenBFactoryError):
        return None


def _histograms(part: Mapping[str, Any]) -> SampleHistograms:
    """Histograms of one sample."""
    return SampleHistograms(from_dict(part["region"]), {n: from_dict(h) for n, h in part["shown"].items()},
                            from_dict(part["joint"]),
                            {n: Shift(np.asarray(s, np.float64)) for n, s in part["shifts"].items()})


def _training(part: Mapping[str, Any]) -> TrainingSummary:
    """Summary of one fold."""
    checks = {n: OvertrainingCheck(KSResult(**c["signal"]), KSResult(**c["background"]), c["auc_train"], c["auc_test"])
              for n, c in part["checks"].items()}
    return TrainingSummary(
        {n: (int(r[0]), int(r[1])) for n, r in part["rows"].items()}, checks,
        {n: tuple(Importance(**i) for i in found) for n, found in part["importance"].items()}, part["bdt1_cut"],
        {n: {c: (tuple(pair[0]), tuple(pair[1])) for c, pair in by.items()} for n, by in part["shapes"].items()})
