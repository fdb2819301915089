"""The quantile transform of a classifier output.

Method: eta(b) = 1 - integral from b to 1 of epsilon(b') db', with epsilon the
density of the signal selection efficiency in the classifier output (Phys. Rev.
D 109, 112006, where it is called eta(BDT2)).  So 1 - eta is the *total*
signal efficiency, out of all generated signal, above the cut, and every slice
of eta of equal width holds the same amount of signal.

The density is that of a weighted signal sample: the record holds the distinct
outputs of the sample and eta there (with half of an output's own weight counted
as above it), and interpolates linearly between them.  Below the smallest output
eta falls linearly to one minus the total efficiency at output 0; above the
largest it rises linearly to 1 at output 1.

Validity: where the sample has signal.  With N equal weights in a slice its
signal content fluctuates by sqrt(N) on events that are not those of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError

Floats = NDArray[np.float64]

_FORMAT = "openbfactory.quantile_transform/1"


@dataclass(frozen=True, slots=True)
class QuantileTransform:
    """eta as a function of a classifier output, linear between knots.

    Attributes
    ----------
    outputs
        Knots: strictly rising classifier outputs from 0 to 1.
    etas
        eta at the knots, not falling; the first is one minus the total
        efficiency, the last is 1.
    """

    outputs: tuple[float, ...]
    etas: tuple[float, ...]

    def __call__(self, outputs: ArrayLike) -> Floats:
        """Eta of classifier outputs, same shape; NaN stays NaN."""
        return np.interp(np.asarray(outputs, dtype=np.float64), self.outputs, self.etas)

    def output_at(self, eta: float) -> float:
        """Smallest classifier output whose eta is ``eta``; 0 where every output is above it."""
        if eta <= self.etas[0]:
            return 0.0
        index = int(np.searchsorted(self.etas, eta, side="left"))
        if index >= len(self.etas):
            return 1.0
        low, high = self.etas[index - 1], self.etas[index]
        return self.outputs[index - 1] + (self.outputs[index] - self.outputs[index - 1]) * (eta - low) / (high - low)

    @property
    def efficiency(self) -> float:
        """Total signal efficiency of everything before the cut on eta."""
        return 1.0 - self.etas[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"format": _FORMAT, "outputs": list(self.outputs), "etas": list(self.etas)}


def fit_transform(outputs: ArrayLike, weights: ArrayLike | None = None, *, generated: float,
                  knots: int | None = None) -> QuantileTransform:
    """Quantile transform of a signal sample.

    Parameters
    ----------
    outputs
        Classifier outputs of the selected signal, shape (n,), in [0, 1].
    weights
        Weights of the selected signal, shape (n,), at least 0 (default 1).
    generated
        Sum of the weights of *all* generated signal, selected or not.
    knots
        Largest number of distinct outputs kept, at equal steps of signal; None
        keeps all.  With k knots a slice is exact to about efficiency / k.

    Raises
    ------
    InputError
        With every finding about the sample.
    """
    out = np.asarray(outputs, dtype=np.float64).ravel()
    weight = np.ones(out.shape) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    findings = Findings("quantile transform")
    _check_sample(out, weight, generated, findings)
    findings.raise_if_errors()
    points, inverse = np.unique(out, return_inverse=True)
    own = np.bincount(inverse, weights=weight)
    above = np.cumsum(own[::-1])[::-1] - 0.5 * own
    total = float(own.sum()) / generated
    etas = 1.0 - above / generated
    inside = (points > 0.0) & (points < 1.0)
    points, etas = _thin(points[inside], etas[inside], knots)
    return QuantileTransform((0.0, *map(float, points), 1.0), (1.0 - total, *map(float, etas), 1.0))


def from_dict(document: Any, *, source: str = "quantile transform") -> QuantileTransform:
    """Quantile transform of a dictionary that :meth:`QuantileTransform.to_dict` made.

    Raises
    ------
    InputError
        When the document is not one, or its knots are not in order.
    """
    findings = Findings(source)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        findings.error("not-a-transform", "format", "this is not a quantile transform", expected=f"format '{_FORMAT}'")
        findings.raise_if_errors()
    try:
        outputs = np.asarray(document["outputs"], dtype=np.float64)
        etas = np.asarray(document["etas"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        findings.error("bad-knots", "outputs, etas", "two lists of numbers are needed")
        raise InputError(findings) from None
    if outputs.ndim != 1 or outputs.shape != etas.shape or outputs.size < 2:
        findings.error("bad-knots", "outputs, etas", f"lengths {outputs.shape} and {etas.shape}",
                       expected="two lists of equal length, at least 2")
    else:
        if not (np.all(np.diff(outputs) > 0) and outputs[0] == 0.0 and outputs[-1] == 1.0):
            findings.error("bad-knots", "outputs", "the outputs must rise strictly from 0 to 1")
        if not (np.all(np.diff(etas) >= 0) and etas[0] >= 0.0 and etas[-1] == 1.0):
            findings.error("bad-knots", "etas", "the etas must not fall, lie in [0, 1] and end at 1")
    findings.raise_if_errors()
    return QuantileTransform(tuple(map(float, outputs)), tuple(map(float, etas)))


def _check_sample(outputs: Floats, weights: Floats, generated: float, findings: Findings) -> None:
    """Add findings about a signal sample."""
    if weights.shape != outputs.shape:
        findings.error("wrong-length", "weights", f"{weights.size} weights for {outputs.size} outputs")
        return
    if not ((outputs >= 0.0) & (outputs <= 1.0)).all():
        findings.error("bad-output", "outputs", "an output is outside [0, 1] or missing",
                       expected="outputs of selected candidates, all in [0, 1]")
    if not (np.isfinite(weights) & (weights >= 0.0)).all():
        findings.error("bad-weight", "weights", "weights must be finite and not negative")
        return
    total = float(weights.sum())
    if not total > 0.0:
        findings.error("no-signal", "weights", "there is no signal with positive weight")
    if not (np.isfinite(generated) and generated >= total * (1.0 - 1e-12)):
        findings.error("bad-generated", "generated", f"{generated} generated for {total} selected",
                       expected="the sum of weights of all generated signal, at least that of the selected")


def _thin(points: Floats, etas: Floats, knots: int | None) -> tuple[Floats, Floats]:
    """At most ``knots`` of the points, at equal steps of eta, first and last kept."""
    if knots is None or points.size <= max(knots, 2):
        return points, etas
    targets = np.linspace(etas[0], etas[-1], max(knots, 2))
    keep = np.unique(np.clip(np.searchsorted(etas, targets), 0, points.size - 1))
    return points[keep], etas[keep]
