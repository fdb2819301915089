"""Boosted decision trees as flat arrays, evaluated by one compiled kernel.

The text is that of :meth:`openbfactory.select.classifier.Classifier.save`: LightGBM's own format and one line with the
input names and a checksum.  Who trains needs LightGBM; who only applies reads the same file here, and pays neither its
import nor its overhead a call.  The output is that of LightGBM: ``1 / (1 + exp(-sum of leaves))``.

Left out: categorical splits, zero as a missing value, more than two classes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.config import digest
from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import ClassifierError

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: begin of the line with names, settings and checksum
TRAILER = "openbfactory_classifier:"
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_NAN = 1, 2, 2


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of a classifier of two classes.

    Attributes
    ----------
    names
        Inputs in their order.
    roots : (trees,) int64
        First node of each tree, or ``~leaf`` for a tree without nodes.
    feature, left, right : (nodes,) int64
        Input that a node looks at, and the nodes below it; ``~leaf`` for a leaf.
    threshold : (nodes,) float64
        Values up to here go left.
    missing_left : (nodes,) bool
        Where NaN goes.
    leaf : (leaves,) float64
        Values of all leaves.
    """

    names: tuple[str, ...]
    roots: Index
    feature: Index
    left: Index
    right: Index
    threshold: Array
    missing_left: npt.NDArray[np.bool_]
    leaf: Array

    def predict(self, features: Mapping[str, npt.ArrayLike] | Array) -> Array:
        """Outputs (n,) in [0, 1].

        Parameters
        ----------
        features
            Named columns (n,), or a table (n, k) in the order of ``names``; NaN is a missing value.

        Raises
        ------
        ClassifierError
            When an input is missing, or the table has another width.
        """
        table = self._table(features)
        out = np.empty(len(table))
        _evaluate(table, self.roots, self.feature, self.left, self.right, self.threshold, self.missing_left,
                  self.leaf, out)
        return out

    def _table(self, features: Mapping[str, npt.ArrayLike] | Array) -> Array:
        findings = Findings("classifier inputs")
        if isinstance(features, Mapping):
            for name in self.names:
                if name not in features:
                    findings.error("missing-input", name, f"the column '{name}' is missing",
                                   nearest=nearest(name, features))
            findings.raise_if_errors(ClassifierError)
            columns = [np.asarray(features[name], np.float64) for name in self.names]
            for name, column in zip(self.names, columns, strict=True):
                if column.shape != (len(columns[0]),):
                    findings.error("wrong-length", name, f"'{name}' has shape {column.shape}",
                                   expected=f"({len(columns[0])},)")
            findings.raise_if_errors(ClassifierError)
            return np.ascontiguousarray(np.column_stack(columns))
        table = np.ascontiguousarray(features, np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.names):
            findings.error("wrong-shape", "features", f"found an array of shape {table.shape}",
                           expected=f"(n, {len(self.names)})")
            raise ClassifierError(findings)
        return table


@njit(cache=True, error_model="numpy")
def _evaluate(x: Array, roots: Index, feature: Index, left: Index, right: Index, threshold: Array,
              missing_left: npt.NDArray[np.bool_], leaf: Array, out: Array) -> None:
    """Fill the outputs (n,) of a table (n, k)."""
    for i in range(len(x)):
        total = 0.0
        for root in roots:
            node = root
            while node >= 0:
                value = x[i, feature[node]]
                below = missing_left[node] if math.isnan(value) else value <= threshold[node]
                node = left[node] if below else right[node]
            total += leaf[~node]
        out[i] = 1.0 / (1.0 + math.exp(-total))


def read_forest(path: str | Path, names: Sequence[str] | None = None) -> Forest:
    """Forest of a file that :meth:`openbfactory.select.classifier.Classifier.save` wrote; see :func:`forest_of_text`.

    Raises
    ------
    ClassifierError
        When the file is unreadable, damaged or no classifier, or has other inputs.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        findings = Findings(str(path))
        findings.error("unreadable", "", f"cannot read the classifier: {problem}")
        raise ClassifierError(findings) from None
    return forest_of_text(text, names, source=str(path))


def forest_of_text(text: str, names: Sequence[str] | None = None, *, source: str = "classifier") -> Forest:
    """Forest of the text of a classifier.

    Parameters
    ----------
    names
        Inputs that the caller gives, in this order; those of the text must be the same.

    Raises
    ------
    ClassifierError
        When the text is damaged or no classifier, or has other inputs.
    """
    findings = Findings(source)
    model, found, trailer = text.rpartition(TRAILER)
    try:
        document = json.loads(trailer) if found else {}
        own = tuple(str(name) for name in document["names"])
        intact = document["checksum"] == digest([model, list(own), document["config"], int(document["seed"])])
        parts = _trees(model)
    except (ValueError, KeyError, TypeError):
        findings.error("not-a-classifier", "", "the text is damaged or no classifier",
                       expected=f"LightGBM text that ends in '{TRAILER}' with names, config, seed and checksum")
        raise ClassifierError(findings) from None
    if not intact:
        findings.error("damaged", "", "the checksum does not fit the trees: the file was changed or cut short")
    if names is not None and tuple(names) != own:
        findings.error("other-inputs", "names", f"the classifier has the inputs {', '.join(own)}",
                       expected=", ".join(names))
    findings.raise_if_errors(ClassifierError)
    return Forest(own, **parts)


def _trees(model: str) -> dict[str, Any]:
    """Arrays of the trees of a LightGBM text.

    Raises
    ------
    ValueError, KeyError
        When the text is not what is expected.
    """
    columns: dict[str, list[Any]] = {k: [] for k in ("feature", "left", "right", "threshold", "decision", "leaf")}
    roots: list[int] = []
    body = model.split("\nend of trees", 1)[0]
    for section in re.split(r"^Tree=\d+\n", body, flags=re.MULTILINE)[1:]:
        entries = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
        nodes, leaves = len(columns["feature"]), len(columns["leaf"])
        columns["leaf"] += [float(word) for word in entries["leaf_value"].split()]
        if int(entries["num_leaves"]) == 1:
            roots.append(~leaves)
            continue
        roots.append(nodes)
        for name, key in (("left", "left_child"), ("right", "right_child")):
            columns[name] += [n + nodes if (n := int(word)) >= 0 else n - leaves for word in entries[key].split()]
        columns["feature"] += [int(word) for word in entries["split_feature"].split()]
        columns["threshold"] += [float(word) for word in entries["threshold"].split()]
        columns["decision"] += [int(word) for word in entries["decision_type"].split()]
    threshold, decision = np.array(columns["threshold"], np.float64), np.array(columns["decision"], np.int64)
    if not roots or np.any(decision & _CATEGORICAL) or np.any(decision >> 2 & 1):
        message = "no trees, or splits of another kind"
        raise ValueError(message)
    missing = np.where(decision >> 2 & _MISSING_NAN, decision & _DEFAULT_LEFT > 0, threshold >= 0.0)
    whole = {name: np.array(columns[name], np.int64) for name in ("feature", "left", "right")}
    return {"roots": np.array(roots, np.int64), **whole, "threshold": threshold, "missing_left": missing,
            "leaf": np.array(columns["leaf"], np.float64)}
