"""Classifier outputs of every sample, one chunk at a time, filled into histograms.

A chunk is judged by the classifiers of its own fold, which were trained on the
other half of the chunks.  Nothing but histograms is kept, so memory does not
grow with luminosity.  Histograms hold the column ``weight`` (1 where a table has
none) of the nominal rows (``variation`` = 0, all where a table has no such column).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.chunk import Q2_EDGES
from openbfactory.analyses.knunu.config import FOLDS, Region
from openbfactory.analyses.knunu.densities import joint_binning
from openbfactory.analyses.knunu.shifts import Selected, Shift, add_shifts, detector_shifts, event_shifts
from openbfactory.analyses.knunu.training import Columns, FoldModel
from openbfactory.select.binning import Axis, Binning, Histogram, empty, fill
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
    """Histograms of one sample: the fit region, the same by generated q2 (of the signal), and those that are shown.

    ``shifts`` holds what each variation does to the fit region, by the name of the variation.
    """

    region: Histogram
    shown: dict[str, Histogram]
    joint: Histogram
    shifts: dict[str, Shift] = field(default_factory=dict)

    def scaled(self, factor: float) -> SampleHistograms:
        """The histograms with every weight multiplied by ``factor``."""
        return SampleHistograms(self.region.scaled(factor), {k: h.scaled(factor) for k, h in self.shown.items()},
                                self.joint.scaled(factor), {k: s.scaled(factor) for k, s in self.shifts.items()})


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
             complete: int | None = None, detector: Sequence[str] = ()) -> SampleHistograms:
    """Histograms of one sample.

    Parameters
    ----------
    chunks
        Index and candidates of each chunk.
    models
        One a fold, with their transforms to eta.
    complete
        Number of chunks at the beginning that hold every candidate, None for all; they fill the histogram of BDT1.
    detector
        Names of the detector-level variations 1, 2, ...; ``NAME_up`` and ``NAME_down`` are the two sides of one.
    """
    total = SampleHistograms(empty(region.binning), {n: empty(b) for n, (b, _) in SHOWN.items()},
                             empty(joint_binning(region)))
    for index, columns in chunks:
        part = _chunk(columns, models[index % FOLDS], region, detector)
        if complete is not None and index >= complete:
            part.shown["BDT1"] = empty(SHOWN["BDT1"][0])
        total = SampleHistograms(total.region + part.region, {n: h + part.shown[n] for n, h in total.shown.items()},
                                 total.joint + part.joint, add_shifts([total.shifts, part.shifts]))
    return total


def _chunk(columns: Columns, model: FoldModel, region: Region, detector: Sequence[str]) -> SampleHistograms:
    """Histograms of one chunk."""
    outputs = model.outputs(columns)
    table = {"q2_rec": columns["q2_rec"], "mcQ2": columns["mcQ2"], **outputs}
    weight = np.asarray(columns["weight"], float) if "weight" in columns else np.ones(len(table["q2_rec"]))
    variation = columns["variation"] if "variation" in columns else np.zeros(len(weight), np.int32)
    nominal = variation == 0

    def filled(binning: Binning, rows: npt.NDArray[np.bool_]) -> Histogram:
        return fill(binning, {n: table[n][rows] for n in binning.names}, weight[rows])

    inside = nominal & (outputs["eta"] >= region.eta[0])
    flat = region.binning.index({n: table[n] for n in region.binning.names})
    plain = {n: c[nominal] for n, c in columns.items() if n.endswith(("_up", "_down"))}
    shifts = event_shifts(plain, flat[nominal], weight[nominal], region.binning.size)
    if (variation > 0).any():
        events = np.asarray(columns["event"], np.int64)
        rows = [Selected(events[k], flat[k], weight[k]) for k in (variation == v for v in range(len(detector) + 1))]
        shifts |= detector_shifts(rows, detector, region.binning.size)
    shown = {name: filled(binning, inside if only else nominal) for name, (binning, only) in SHOWN.items()}
    return SampleHistograms(filled(region.binning, nominal), shown,
                            filled(joint_binning(region), nominal & np.isfinite(table["mcQ2"])), shifts)
