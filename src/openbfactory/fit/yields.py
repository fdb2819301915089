"""Events by sample in every bin, before and after the fit, with the uncertainty of their sum.

Before the fit: nuisances at their auxiliary measurements with the widths of their constraints, free factors at the
start values of the model and without uncertainty.  After it: the best point with its covariance.  The variance of a
bin is J V J^T with the derivatives J of the expectation.
"""

from __future__ import annotations

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
    fit = analysis.fit
    model, best = fit.likelihood.model, fit.minimum.x
    parameters = model.parameters
    start = np.where(np.isfinite(parameters.center) & ~fit.fixed, parameters.center, parameters.inits)
    widths = np.where(np.isfinite(parameters.width) & ~fit.fixed, parameters.width, 0.0)
    covariance = np.nan_to_num(fit.covariance)
    errors = []
    for point, matrix in ((start, np.diag(widths**2)), (best, covariance)):
        slope = model.jacobian(model.derivatives(point))
        errors.append(np.sqrt(np.maximum(np.einsum("bi,ij,bj->b", slope, matrix, slope), 0.0)))
    observed = analysis.workspace.split(fit.likelihood.observed)
    before, after = model.expected_by_sample(start), model.expected_by_sample(best)
    split = [analysis.workspace.split(e) for e in errors]
    return [ChannelYields(name, observed[name], before[name], after[name], split[0][name], split[1][name])
            for name in observed]
