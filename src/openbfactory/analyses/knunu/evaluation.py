"""Classifier outputs of every sample, one chunk at a time, filled into histograms.

A chunk is judged by the classifiers of its own fold, which were trained on the
other half of the chunks.  Nothing but histograms is kept, so memory does not
grow with luminosity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.chunk import Q2_EDGES
from openbfactory.analyses.knunu.config import FOLDS, Region
from openbfactory.analyses.knunu.densities import joint_binning
from openbfactory.analyses.knunu.training import Columns, FoldModel
from openbfactory.select.binning import Axis, Binning, Histogram, add_histograms, fill
from openbfactory.select.transform import fit_transform

#: histograms of each sample that the report shows: name -> (binning, whether only the fit region is filled)
SHOWN: dict[str, tuple[Binning, bool]] = {
    "BDT1": (Binning(axes=(Axis(name="BDT1", edges=tuple(np.linspace(0, 1, 41).tolist())),)), False),
    "BDT2": (Binning(axes=(Axis(name="BDT2", edges=tuple(np.linspace(0, 1, 41).tolist())),)), False),
    "eta": (Binning(axes=(Axis(name="eta", edges=tuple(np.linspace(0.92, 1.0, 9).tolist())),)), True),
    "q2_rec": (Binning(axes=(Axis(name="q2_rec", edges=tuple(float(q) for q in range(-1, 26)), unit="GeV^2"),)), True),
    "mcQ2": (Binning(axes=(Axis(name="mcQ2", edges=Q2_EDGES, unit="GeV^2"),)), True),
}


@dataclass(frozen=True, slots=True)
class SampleHistograms:
    """Histograms of one sample: the fit region, the same by generated q2 (of the signal), and those that are shown."""

    region: Histogram
    shown: dict[str, Histogram]
    joint: Histogram

    def scaled(self, factor: float) -> SampleHistograms:
        """The histograms with every weight multiplied by ``factor``."""
        return SampleHistograms(self.region.scaled(factor), {k: h.scaled(factor) for k, h in self.shown.items()},
                                self.joint.scaled(factor))


def with_eta(models: Sequence[FoldModel], signal: Mapping[int, Iterable[Columns]],
             generated: Mapping[int, float]) -> list[FoldModel]:
    """The models of all folds with their transforms to eta.

    Parameters
    ----------
    models
        One a fold.
    signal
        Fold to the signal candidates of its chunks.
    generated
        Fold to the number of signal events generated in its chunks.
    """
    found = []
    for fold, model in enumerate(models):
        outputs = np.concatenate([model.outputs(columns)["BDT2"] for columns in signal[fold]])
        found.append(replace(model, eta=fit_transform(outputs[np.isfinite(outputs)], generated=generated[fold])))
    return found


def evaluate(chunks: Iterable[tuple[int, Columns]], models: Sequence[FoldModel], region: Region,
             complete: int | None = None) -> SampleHistograms:
    """Histograms of one sample.

    Parameters
    ----------
    chunks
        Index and candidates of each chunk.
    models
        One a fold, with their transforms to eta.
    complete
        Number of chunks at the beginning that hold every candidate, None for all; they fill the histogram of BDT1.
    """
    regions, shown = [], {name: [fill(binning, _empty(binning))] for name, (binning, _) in SHOWN.items()}
    regions.append(fill(region.binning, _empty(region.binning)))
    both = joint_binning(region)
    joint = [fill(both, _empty(both))]
    lowest = region.eta[0]
    for index, columns in chunks:
        outputs = models[index % FOLDS].outputs(columns)
        table = {"q2_rec": columns["q2_rec"], "mcQ2": columns["mcQ2"], **outputs}
        inside = outputs["eta"] >= lowest
        regions.append(fill(region.binning, {n: table[n] for n in region.binning.names}))
        known = np.isfinite(table["mcQ2"])
        joint.append(fill(both, {n: table[n][known] for n in both.names}))
        for name, (binning, only_inside) in SHOWN.items():
            if name == "BDT1" and complete is not None and index >= complete:
                continue
            values = table[name][inside] if only_inside else table[name]
            shown[name].append(fill(binning, {name: values}))
    return SampleHistograms(add_histograms(regions), {name: add_histograms(parts) for name, parts in shown.items()},
                            add_histograms(joint))


def _empty(binning: Binning) -> dict[str, npt.NDArray[np.float64]]:
    """Columns without rows."""
    return {name: np.zeros(0) for name in binning.names}
