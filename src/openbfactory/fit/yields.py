"""Events by sample in every bin, before and after the fit, with the uncertainty of their sum.

Before the fit: nuisances at their auxiliary measurements with the widths of their constraints, free factors at the
start values of the model and without uncertainty.  After it: the best point with its covariance.  The variance of a
bin is J V J^T with the derivatives J of the expectation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from openbfactory.fit.estimate import Analysis
from openbfactory.fit.specification import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ChannelYields:
    """Events in the bins of one channel.

    Attributes
    ----------
    observed : (bins,)
    before, after
        Expected events of each sample.
    before_uncertainty, after_uncertainty : (bins,)
        Standard deviation of the sum of all samples.
    """

    channel: str
    observed: FloatArray
    before: dict[str, FloatArray]
    after: dict[str, FloatArray]
    before_uncertainty: FloatArray
    after_uncertainty: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"channel": self.channel, "observed": self.observed.tolist(),
                "before": {n: v.tolist() for n, v in self.before.items()},
                "after": {n: v.tolist() for n, v in self.after.items()},
                "before_uncertainty": self.before_uncertainty.tolist(),
                "after_uncertainty": self.after_uncertainty.tolist()}


def channel_yields(analysis: Analysis) -> list[ChannelYields]:
    """Events of every channel before and after the fit of an analysis."""
    model = analysis.fit.likelihood.model
    start, best, covariances = _points(analysis)
    errors = [_errors(model.jacobian(model.derivatives(point)), matrix)
              for point, matrix in zip((start, best), covariances, strict=True)]
    observed = analysis.workspace.split(analysis.fit.likelihood.observed)
    before, after = model.expected_by_sample(start), model.expected_by_sample(best)
    split = [analysis.workspace.split(e) for e in errors]
    return [ChannelYields(name, observed[name], before[name], after[name], split[0][name], split[1][name])
            for name in observed]


def summed_yields(analysis: Analysis, name: str, sums: Mapping[str, FloatArray]) -> ChannelYields:
    """Events in bins that are sums of bins of the channels, such as one axis of the binning.

    Parameters
    ----------
    name
        What the result is called.
    sums
        Channel to the weight of each of its bins in each new bin, shape (new bins, bins); other channels stay out.
    """
    model = analysis.fit.likelihood.model
    start, best, covariances = _points(analysis)
    flat = analysis.workspace.split(np.arange(model.bins, dtype=np.float64))
    matrix = np.zeros((len(next(iter(sums.values()))), model.bins))
    for channel, weights in sums.items():
        matrix[:, flat[channel].astype(np.int64)] = weights
    found = []
    for point, covariance in zip((start, best), covariances, strict=True):
        by_sample: dict[str, FloatArray] = {}
        for channel, samples in model.expected_by_sample(point).items():
            for sample, values in samples.items():
                if channel in sums:
                    by_sample[sample] = by_sample.get(sample, 0.0) + sums[channel] @ values
        found.append((by_sample, _errors(matrix @ model.jacobian(model.derivatives(point)), covariance)))
    return ChannelYields(name, matrix @ analysis.fit.likelihood.observed, found[0][0], found[1][0], found[0][1],
                         found[1][1])


def _points(analysis: Analysis) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
    """Parameters before and after the fit, and their covariances."""
    fit = analysis.fit
    parameters = fit.likelihood.model.parameters
    start = np.where(np.isfinite(parameters.center) & ~fit.fixed, parameters.center, parameters.inits)
    widths = np.where(np.isfinite(parameters.width) & ~fit.fixed, parameters.width, 0.0)
    return start, fit.minimum.x, (np.diag(widths**2), np.nan_to_num(fit.covariance))


def _errors(slope: FloatArray, covariance: FloatArray) -> FloatArray:
    """Standard deviations of numbers with some derivatives to the parameters."""
    errors: FloatArray = np.sqrt(np.maximum(np.einsum("bi,ij,bj->b", slope, covariance, slope), 0.0))
    return errors
