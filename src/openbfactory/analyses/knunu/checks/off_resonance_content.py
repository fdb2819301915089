"""Numbers, figures and tables of the check below the resonance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.knunu.checks.shell import Finding
from openbfactory.analyses.knunu.config import FOLDS
from openbfactory.core.quantities import Quantity
from openbfactory.report.classifiers import classifier_outputs
from openbfactory.report.content import Paragraph, Picture, Section, Table
from openbfactory.report.distributions import stacked_histogram
from openbfactory.report.records import (
    ClassifierOutputs,
    Contribution,
    DataPoints,
    Number,
    OutputShape,
    StackedHistogram,
)
from openbfactory.select.reweighting import FoldedReweighting, Shapes

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]
Numbers = Mapping[str, Number]

#: colours of the simulation and of the data
SIMULATION, DATA = "#7fb3d5", "#b03a2e"


def findings(rates: Numbers, shares: Numbers, left: Numbers, shapes: Mapping[str, Shapes], published: Quantity,
             probability: float) -> tuple[Finding, ...]:
    """Rate, shape, and what is left of the difference."""
    bad, other = (shapes[n].bad(probability) for n in ("data", "truth"))
    return (
        Finding("normalisation", "candidates of continuum, data / simulation", rates["found"], rates["planted"],
                Number.of(published), remark="planted: 1.4 times the quark pairs, and the change of the "
                "acceptance by detector and fragmentation"),
        Finding("share", "share of weighted simulation below q^{2}_{rec} = 4 GeV^{2}", shares["after"],
                shares["truth"], remark=f"without the weights {shares['before'].value:.4f}"),
        Finding("left", "area under the ROC curve, data against weighted simulation", left["after"],
                remark=f"without the weights {left['before'].value:.3f}; 0.5 where nothing is left: not judged, the "
                       "weights are of half of the candidates and have their fluctuations"),
        Finding("fluctuations", "area that these fluctuations alone leave to a perfect classifier",
                left["fluctuations"], remark="from the difference of the two halves of BDTc"),
        Finding("disagree", f"of {len(shapes['data'].before)} variables disagree before the weights",
                Number(value=bad[0])),
        Finding("disagree_after", "the same after the weights", Number(value=bad[1])),
        Finding("disagree_truth", "the same, with a second sample like the data that BDTc never saw",
                Number(value=other[1]), remark=f"before the weights {other[0]}"))


def sections(data: Columns, simulated: Columns, found: FoldedReweighting, shapes: Mapping[str, Shapes],
             q2: tuple[float, ...]) -> tuple[Section, ...]:
    """Sections of the report: classifier, shapes after the preselection and, where known, above the cut on BDT1."""
    outputs = Picture(_outputs(data, simulated, found), "Output of BDTc on events that it did not see (lines) and on "
                      "those of its training (points): near 1 is like data.", "output of BDTc")
    weights = Picture(_weights(found.weights), "Weights p/(1-p) of the simulated candidates.", "weights of BDTc")
    drawn = Picture(_shape(data["q2_rec"], simulated["q2_rec"], found.weights, np.asarray(q2), r"$q^2_{rec}$",
                           "GeV$^2$"), "All candidates after the preselection, scaled to the data; dashed: without the "
                    "weights.", "q2_rec before and after the weights")
    text = (f"{found.trees} trees: the number with the least log loss of events that were not trained on. Areas under "
            "the ROC curve, training and independent events: "
            + "; ".join(f"{c.auc_train:.3f} and {c.auc_test:.3f}" for c in found.checks) + ".")
    made = [Section("BDTc", (Paragraph(text), outputs, weights)),
        Section("Shapes after the preselection", (drawn, _table(shapes["data"], "Agreement of the shapes of data and "
                                                                        "simulation.")))]
    if "above" in shapes:
        rows, kept = np.isfinite(data["eta"]), np.isfinite(simulated["eta"])
        figures = [_shape(data[n][rows], simulated[n][kept], found.weights[kept], e, x, u) for n, e, x, u in (
            ("eta", np.linspace(0.6, 1, 9), r"$\eta$(BDT2)", ""),
            ("q2_rec", np.asarray(q2), r"$q^2_{rec}$", "GeV$^2$"))]
        made.append(Section("Shapes above the cut on BDT1", (
            *(Picture(f, "Candidates above the cut on BDT1 of the finished run; dashed: without the weights.", n)
              for f, n in zip(figures, ("eta", "q2_rec"), strict=True)),
            _table(shapes["above"], "Agreement of the shapes above the cut on BDT1."))))
    return tuple(made)


def _table(shapes: Shapes, caption: str) -> Table:
    """chi2 of every variable, the largest before the weights first."""
    before, after = shapes.before, shapes.after
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
    points = DataPoints.counted(counts, "data-like")
    return stacked_histogram(StackedHistogram(edges=edges, contributions=(part,), overlay=before, data=points,
                                              xlabel=xlabel, unit=unit))
