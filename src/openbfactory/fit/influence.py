"""Change of unbinned estimates when events are added or left out, to first order: no fit is made again.

The estimates of a cost F (-2 ln L) move by

    delta theta = - V / 2  grad(G)(theta)

when a small G is added to F, V being the covariance of the fit (V = 2 H^-1 with the Hessian H of F).  With the events
cut into m blocks the jackknife needs their gradients alone; the variance of an estimate, or of the difference of two
estimates that share events, is

    m / (m - 1)  sum_b (d_b - mean d)^2

with the change d_b by block b (the infinitesimal jackknife: B. Efron, The Jackknife, the Bootstrap and Other
Resampling Plans, SIAM 1982, section 6).

Validity: changes small against the uncertainty, no parameter at a limit.  Left out: terms of the cost that are not sums
over events (constraints).
"""

from __future__ import annotations

import math

import numpy as np

from openbfactory.core.errors import InputError
from openbfactory.fit.costs import Cost
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.unbinned import UnbinnedResult


def influence(cost: Cost, found: UnbinnedResult, weight: float = 1.0) -> FloatArray:
    """Change of every estimate, in the order of its names, when the events of a cost are added with a weight.

    Raises
    ------
    InputError
        When the cost has parameters that were not fitted, or no gradient.
    """
    unknown = [n for n in cost.parameters if n not in found.names]
    rows = [found.names.index(n) for n in cost.parameters if n in found.names]
    slope = None if unknown else cost.gradient(found.values[rows])
    if slope is None:
        message = f"not among the fitted parameters: {', '.join(unknown)}" if unknown else "the cost has no gradient"
        raise InputError(message)
    change: FloatArray = -0.5 * weight * found.covariance[:, rows] @ slope
    return change


def block_uncertainty(changes: FloatArray) -> float:
    """Standard deviation of what changes by ``changes`` (blocks,) when blocks of events are added.

    Raises
    ------
    InputError
        For fewer than two blocks.
    """
    blocks = len(changes)
    if blocks < 2:
        message = f"found {blocks} blocks of events, at least 2 are needed"
        raise InputError(message)
    return math.sqrt(blocks / (blocks - 1) * float(np.sum((changes - changes.mean()) ** 2)))


def consistency(differences: FloatArray, gains: FloatArray, expected: FloatArray) -> tuple[FloatArray, float]:
    """Differences (k,) of estimates in standard deviations, and the chi2 of all with their correlations.

    Two differences that depend on the same events have the covariance sum_c w_c g_i(c) g_j(c), w_c being the variance
    of the number of events c.

    Parameters
    ----------
    differences : (k,)
        Each is 0 where the estimates agree.
    gains : (k, n)
        Change of each when one event c is added.
    expected : (n,)
        Expected number of each event (Poisson).
    """
    covariance = (gains * expected) @ gains.T
    sigma = np.sqrt(np.diag(covariance))
    pulls: FloatArray = differences / sigma
    return pulls, float(pulls @ np.linalg.solve(covariance / np.outer(sigma, sigma), pulls))
