"""Figures and tables of the check below the resonance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.config import FOLDS
from openbfactory.report.classifiers import classifier_outputs
from openbfactory.report.content import Paragraph, Picture, Section, Table
from openbfactory.report.distributions import stacked_histogram
from openbfactory.report.records import ClassifierOutputs, Contribution, DataPoints, OutputShape, StackedHistogram
from openbfactory.select.reweighting import FoldedReweighting, ShapeAgreement

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]
Pair = tuple[dict[str, ShapeAgreement], dict[str, ShapeAgreement]]

#: colours of the simulation and of the data
SIMULATION, DATA = "#7fb3d5", "#b03a2e"


def sections(data: Columns, simulated: Columns, found: FoldedReweighting, shapes: Pair, above: Pair | None,
             q2: tuple[float, ...]) -> tuple[Section, ...]:
    """Sections of the report: classifier, shapes after the preselection, shapes above the cut on BDT1."""
    outputs = Picture(_outputs(data, simulated, found), "Output of BDTc on events that it did not see (lines) and on "
                      "those of its training (points): near 1 is like data.", "output of BDTc")
    weights = Picture(_weights(found.weights), "Weights p/(1-p) of the simulated candidates.", "weights of BDTc")
    drawn = Picture(_shape(data["q2_rec"], simulated["q2_rec"], found.weights, np.asarray(q2), r"$q^2_{rec}$",
                           "GeV$^2$"), "All candidates after the preselection, scaled to the data; dashed: without the "
                    "weights.", "q2_rec before and after the weights")
    made = [Section("BDTc", (Paragraph("Areas under the ROC curve, training and independent events: " + "; ".join(
        f"{c.auc_train:.3f} and {c.auc_test:.3f}" for c in found.checks) + "."), outputs, weights)),
        Section("Shapes after the preselection", (drawn, _table(shapes, "Agreement of the shapes of data and "
                                                                        "simulation.")))]
    if above is not None:
        rows, kept = np.isfinite(data["eta"]), np.isfinite(simulated["eta"])
        figures = [_shape(data[n][rows], simulated[n][kept], found.weights[kept], e, x, u) for n, e, x, u in (
            ("eta", np.linspace(0.6, 1, 9), r"$\eta$(BDT2)", ""),
            ("q2_rec", np.asarray(q2), r"$q^2_{rec}$", "GeV$^2$"))]
        made.append(Section("Shapes above the cut on BDT1", (
            *(Picture(f, "Candidates above the cut on BDT1 of the finished run; dashed: without the weights.", n)
              for f, n in zip(figures, ("eta", "q2_rec"), strict=True)),
            _table(above, "Agreement of the shapes above the cut on BDT1."))))
    return tuple(made)


def _table(shapes: Pair, caption: str) -> Table:
    """chi2 of every variable, the largest before the weights first."""
    before, after = shapes
    names = sorted(before, key=lambda n: before[n].p_value)
    rows = tuple((f"`{n}`", str(before[n].ndf), f"{before[n].chi2:.1f}", f"{before[n].p_value:.2g}",
                  f"{after[n].chi2:.1f}", f"{after[n].p_value:.2g}") for n in names)
    return Table(("variable", "degrees of freedom", "χ^{2} before", "p-value", "χ^{2} after", "p-value"), rows, caption,
                 numeric=frozenset(range(1, 6)))


def _outputs(data: Columns, simulated: Columns, found: FoldedReweighting) -> Any:
    """Figure of the outputs of BDTc, both parts together."""
    edges = np.linspace(0.35, 0.65, 31)
    shapes: tuple[OutputShape, ...] = ()
    for key, columns, color in (("data", data, DATA), ("simulation", simulated, SIMULATION)):
        fold = columns["event"] % FOLDS
        outputs = [part.classifier.predict({n: columns[n] for n in part.classifier.names}) for part in found.parts]
        seen = np.histogram(np.concatenate([o[fold != k] for k, o in enumerate(outputs)]), edges)[0]
        unseen = np.histogram(np.concatenate([o[fold == k] for k, o in enumerate(outputs)]), edges)[0]
        shapes += (OutputShape(key=key, label=key, color=color, test=unseen / unseen.sum(), train=seen / seen.sum(),
                               test_uncertainties=np.sqrt(unseen) / unseen.sum()),)
    return classifier_outputs(ClassifierOutputs(edges=edges, shapes=shapes, xlabel="BDTc", log=False))


def _weights(weights: Array) -> Any:
    """Figure of the weights."""
    edges = np.linspace(0.3, 2.3, 41)
    counts = np.histogram(weights, edges)[0]
    part = Contribution(key="simulation", label="simulation", color=SIMULATION, values=counts)
    return stacked_histogram(StackedHistogram(edges=edges, contributions=(part,), xlabel="$p/(1-p)$"))


def _shape(data: Array, simulated: Array, weights: Array, edges: Array, xlabel: str, unit: str) -> Any:
    """Figure of data and weighted simulation of the same number; the unweighted one is dashed."""
    counts = np.histogram(data, edges)[0].astype(float)
    scale, plain = len(data) / weights.sum(), len(data) / len(simulated)
    values, squares = (np.histogram(simulated, edges, weights=w)[0] for w in (weights, weights**2))
    part = Contribution(key="weighted", label="weighted simulation", color=SIMULATION, values=scale * values,
                        variances=scale**2 * squares)
    before = Contribution(key="before", label="without weights", color="#2c3e50",
                          values=plain * np.histogram(simulated, edges)[0])
    points = DataPoints(values=counts, low=counts - np.sqrt(counts), high=counts + np.sqrt(counts), label="data-like")
    return stacked_histogram(StackedHistogram(edges=edges, contributions=(part,), overlay=before, data=points,
                                              xlabel=xlabel, unit=unit))
