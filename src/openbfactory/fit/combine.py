"""Combination of measurements with correlated uncertainties: best linear unbiased estimates.

Measurements y_i of observables x_alpha (U_i,alpha = 1 where y_i measures x_alpha, else 0)
with covariance M, the sum of one matrix for each source of uncertainty:

    x = lambda y,   lambda = (U^T M^-1 U)^-1 U^T M^-1,   cov(x) = (U^T M^-1 U)^-1,
    chi2 = (y - U x)^T M^-1 (y - U x),   degrees of freedom: measurements less observables

(L. Lyons, D. Gibaut, P. Clifford, NIM A 270 (1988) 110; A. Valassi, NIM A 500 (2003)
391).  For normal uncertainties this is the maximum of the likelihood.  The part of a
source k in cov(x) is lambda M_k lambda^T.

Approximation: uncertainties do not depend on the values; asymmetric ones are
replaced by half their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.fit.specification import FloatArray
from openbfactory.physics.published import PublishedMeasurement


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value.

    Attributes
    ----------
    name, value
        Name and value.
    uncertainties
        By source: standard deviation, or (down, up).
    observable
        What is measured; measurements of one observable are averaged.
    """

    name: str
    value: float
    uncertainties: Mapping[str, float | tuple[float, float]]
    observable: str = "x"

    def sigma(self, source: str) -> float:
        """Standard deviation of a source, 0 where it has none."""
        found = self.uncertainties.get(source, 0.0)
        return (abs(found[0]) + abs(found[1])) / 2 if isinstance(found, tuple) else float(found)


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """Combined observables.

    Attributes
    ----------
    observables, values, uncertainties
        Names, estimates, standard deviations.
    covariance
        Covariance of the observables.
    weights
        lambda, shape (observables, measurements); may be negative.
    parts
        Standard deviation of each observable by source.
    pulls
        (y - U x) / its own standard deviation, by measurement; 0 where a measurement decides alone.
    chi2, degrees
        chi2 and degrees of freedom.
    """

    observables: tuple[str, ...]
    values: FloatArray
    uncertainties: FloatArray
    covariance: FloatArray
    weights: FloatArray
    parts: dict[str, FloatArray]
    pulls: FloatArray
    chi2: float
    degrees: int

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi2; None without degrees of freedom."""
        return float(chi2.sf(self.chi2, self.degrees)) if self.degrees > 0 else None


def combine(measurements: Sequence[Measurement],
            correlations: Mapping[str, float | FloatArray] | None = None) -> Combination:
    """Best linear unbiased estimates of the observables.

    Parameters
    ----------
    measurements
        At least one of each observable.
    correlations
        By source: one coefficient for all pairs, or a matrix; 0 by default.

    Raises
    ------
    InputError
        With all findings: uncertainties that are not positive, unknown sources, matrices that are none.
    """
    sources = list(dict.fromkeys(s for m in measurements for s in m.uncertainties))
    matrices = _matrices(measurements, sources, dict(correlations or {}))
    total: FloatArray = np.sum(list(matrices.values()), axis=0)
    y = np.array([m.value for m in measurements])
    observables = tuple(dict.fromkeys(m.observable for m in measurements))
    u = np.array([[float(m.observable == o) for o in observables] for m in measurements])
    inverse = np.linalg.inv(total)
    covariance = np.linalg.inv(u.T @ inverse @ u)
    weights = covariance @ u.T @ inverse
    values = weights @ y
    left = y - u @ values
    spread = np.diag(total - u @ covariance @ u.T)
    pulls = np.where(spread > 1e-12 * np.diag(total), left / np.sqrt(np.maximum(spread, 1e-300)), 0.0)
    parts = {s: np.sqrt(np.maximum(np.diag(weights @ m @ weights.T), 0.0)) for s, m in matrices.items()}
    return Combination(observables, values, np.sqrt(np.diag(covariance)), covariance, weights, parts, pulls,
                       float(left @ inverse @ left), len(y) - len(observables))


def from_published(published: PublishedMeasurement, names: Sequence[str]) -> list[Measurement]:
    """Measurements of one observable from published quantities, each with its total uncertainty.

    Raises
    ------
    UnknownNameError
        When there is no such quantity.
    InputError
        When one has no uncertainty, or their units differ.
    """
    findings = Findings(published.title)
    chosen = {name: published[name] for name in names}
    for name, quantity in chosen.items():
        if quantity.uncertainty is None:
            findings.error("uncertainty", name, "the quantity has no uncertainty")
    units = {q.unit for q in chosen.values()}
    if len(units) > 1:
        findings.error("unit", "", f"found the units {', '.join(sorted(units))}", expected="one unit")
    findings.raise_if_errors(InputError)
    return [Measurement(n, q.value, {"total": q.uncertainty or 0.0}) for n, q in chosen.items()]


def _matrices(measurements: Sequence[Measurement], sources: Sequence[str],
              correlations: Mapping[str, float | FloatArray]) -> dict[str, FloatArray]:
    """Covariance of the measurements by source, after all checks."""
    findings = Findings("measurements")
    if not measurements:
        findings.error("measurements", "", "there is none", expected="at least one")
    for m in measurements:
        sigmas = [m.sigma(s) for s in m.uncertainties]
        if not (math.isfinite(m.value) and all(math.isfinite(s) and s >= 0 for s in sigmas) and any(sigmas)):
            findings.error("uncertainty", m.name, f"found {m.value:g} with uncertainties {sigmas}",
                           expected="finite numbers, uncertainties not negative, one above 0")
    for source in correlations:
        if source not in sources:
            findings.unknown_name(source, source, sources, what="source of uncertainty")
    result: dict[str, FloatArray] = {}
    for source in sources:
        sigma = np.array([m.sigma(source) for m in measurements])
        rho = np.asarray(correlations.get(source, 0.0), dtype=np.float64)
        if rho.ndim == 0:
            rho = np.where(np.eye(len(sigma), dtype=bool), 1.0, float(rho))
        if rho.shape != (len(sigma), len(sigma)) or not np.allclose(rho, rho.T) or not np.allclose(np.diag(rho), 1.0):
            findings.error("correlation", source, f"found a matrix of shape {rho.shape}",
                           expected=f"a symmetric {len(sigma)} x {len(sigma)} matrix with 1 on the diagonal")
        elif not np.isfinite(rho).all() or np.linalg.eigvalsh(rho).min() < -1e-9:
            findings.error("correlation", source, "the matrix has a negative eigenvalue", expected="correlations")
        else:
            result[source] = np.outer(sigma, sigma) * rho
    findings.raise_if_errors(InputError)
    total = np.sum(list(result.values()), axis=0)
    scale = np.sqrt(np.diag(total))
    if np.linalg.eigvalsh(total / np.outer(scale, scale)).min() < 1e-12:
        findings.error("correlation", "", "the total covariance is singular: two measurements are the same")
        findings.raise_if_errors(InputError)
    return result
