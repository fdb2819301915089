"""Studies of one fit: what its uncertainty is made of, the Gaussian cross-check, distributions after the fit, toys.

Definitions are those of the publication: the impact of a group of nuisances is sqrt(sigma_total^2 - sigma_fixed^2);
the statistical uncertainty is the spread of the estimate under Poisson fluctuations of the counts, all nuisances
profiled (:mod:`openbfactory.fit.impacts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from openbfactory.analyses.knunu.config import KnunuConfig, Region
from openbfactory.analyses.knunu.templates import CHANNELS
from openbfactory.core.errors import FitError
from openbfactory.fit.estimate import Analysis, analyse, estimate
from openbfactory.fit.gaussian import gaussian_fit
from openbfactory.fit.impacts import UncertaintySplit, group_impacts, statistical_split
from openbfactory.fit.results import FitResult
from openbfactory.fit.specification import FloatArray
from openbfactory.fit.toys import fit_toys
from openbfactory.fit.toys import statistical_split as thrown_split
from openbfactory.fit.workspace import Workspace
from openbfactory.fit.yields import ChannelYields, summed_yields


@dataclass(frozen=True, slots=True)
class GaussianCheck:
    """Estimate and uncertainty of mu by the Gaussian fit.

    Attributes
    ----------
    variance
        ``expected`` (the same minimum as the Poisson fit) or ``observed`` (Neyman).
    difference
        Estimate less that of the Poisson fit.
    chi2, degrees, p_value
        Goodness of the Gaussian fit, nuisances included.
    problem
        Why there is no Gaussian fit, the numbers being None; None where there is one.
    """

    variance: str
    value: float | None = None
    uncertainty: float | None = None
    difference: float | None = None
    chi2: float | None = None
    degrees: int | None = None
    p_value: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FitStudy:
    """One fit of some counts with everything that is asked of it.

    Attributes
    ----------
    split
        Statistical and systematic part of the uncertainty (linear formula).
    gaussian
        Cross-checks.
    impacts
        Title of the group to its impact on mu; None where the model has no such parameter.
    distributions
        ``q2_rec``, ``q2_rec_high_eta`` (the last slice of eta), ``eta`` and the same with ``_off``, before and after
        the fit.
    """

    title: str
    fit: FitResult
    split: UncertaintySplit
    gaussian: tuple[GaussianCheck, ...]
    impacts: dict[str, float | None]
    distributions: tuple[ChannelYields, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON; the fit and its parameters are left to its own record."""
        return {"title": self.title, "value": self.fit.value, "uncertainty": self.fit.uncertainty,
                "interval": list(self.fit.interval), "significance": dict(self.fit.significance),
                "split": asdict(self.split), "gaussian": [asdict(g) for g in self.gaussian],
                "impacts": dict(self.impacts), "distributions": [d.to_dict() for d in self.distributions]}


@dataclass(frozen=True, slots=True)
class ToyStudy:
    """Toys thrown at a fit, and what their estimates of mu say.

    Attributes
    ----------
    count, failed
        Toys that were fitted, and those without a minimum.
    mean, spread
        Of the estimates, each with its uncertainty.
    pull_mean, pull_width
        Of (estimate - truth) / uncertainty, each with its uncertainty.
    coverage
        Share of toys whose interval holds the truth, with its uncertainty; 0.683 expected.
    statistical
        Half the central 68.27 % interval of toys in which the counts alone fluctuate.
    """

    count: int
    failed: int
    truth: float
    mean: tuple[float, float]
    spread: tuple[float, float]
    pull_mean: tuple[float, float]
    pull_width: tuple[float, float]
    coverage: tuple[float, float]
    statistical: float


def study(workspace: Workspace, config: KnunuConfig, title: str) -> FitStudy:
    """Fit of the counts in a workspace with its studies.

    Raises
    ------
    FitError
        When the fit has no minimum or gives no uncertainty.
    """
    analysis = analyse(workspace, "mu")
    fit = estimate(analysis, unit=config.branching_fraction.value)
    checks = tuple(_gaussian(analysis, v) for v in ("expected", "observed"))
    return FitStudy(title, fit, statistical_split(analysis), checks, _impacts(analysis, config),
                    _distributions(analysis, config.region))


def throw_toys(analysis: Analysis, count: int, seed: int) -> ToyStudy:
    """Toys at the best fit of an analysis.

    Raises
    ------
    FitError
        When no toy has a minimum.
    """
    truth = float(analysis.fit.minimum.x[analysis.index])
    toys = fit_toys(analysis, count, seed=seed, tested=truth)
    return ToyStudy(len(toys.estimates), toys.failed, truth, *_moments(toys.estimates), *_moments(toys.pulls()),
                    toys.coverage(), thrown_split(analysis, count, seed=seed).statistical)


def _moments(values: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and standard deviation, each with its uncertainty (that of the latter for a Gaussian)."""
    size = len(values)
    width = float(np.std(values, ddof=1)) if size > 1 else math.nan
    return (float(np.mean(values)), width / math.sqrt(size)), (width, width / math.sqrt(max(2 * (size - 1), 1)))


def _gaussian(analysis: Analysis, variance: Any) -> GaussianCheck:
    """Gaussian fit of an analysis."""
    try:
        found = gaussian_fit(analysis, variance=variance)
    except FitError as error:
        return GaussianCheck(variance, problem=str(error))
    index = found.names.index(analysis.poi)
    value = float(found.values[index])
    return GaussianCheck(variance, value, float(found.uncertainties[index]),
                         value - float(analysis.fit.minimum.x[analysis.index]), float(found.chi2), found.degrees,
                         found.p_value)


def _impacts(analysis: Analysis, config: KnunuConfig) -> dict[str, float | None]:
    """Impacts of the configured groups."""
    names = [n.split("[")[0] for n in analysis.fit.likelihood.model.parameters.names]
    groups = {g.title: [p for p in g.parameters if any(fnmatchcase(n, p) for n in names)]
              for g in config.systematics.impacts}
    found: Mapping[str, float] = group_impacts(analysis, {t: p for t, p in groups.items() if p})
    return {title: found.get(title) for title in groups}


def _distributions(analysis: Analysis, region: Region) -> tuple[ChannelYields, ...]:
    """q2_rec in the whole region and in the last slice of eta, and eta; on and off resonance."""
    q2, eta = (a.size for a in region.binning.axes)
    flat = np.arange(q2 * eta)
    sums = {"q2_rec": np.eye(q2)[flat % q2].T, "q2_rec_high_eta": np.eye(q2)[flat % q2].T * (flat // q2 == eta - 1),
            "eta": np.eye(eta)[flat // q2].T}
    found = []
    for off in (False, True):
        for name, matrix in sums.items():
            parts = {c: matrix[:, region.control_bins:] if upper else matrix[:, :region.control_bins]
                     for c, off_resonance, upper in CHANNELS if off_resonance == off}
            found.append(summed_yields(analysis, name + ("_off" if off else ""), parts))
    return tuple(found)
