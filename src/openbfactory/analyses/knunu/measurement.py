"""Fits of the expectation and of one pseudo-experiment, as one frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openbfactory.analyses.knunu.blinding import counts, visible
from openbfactory.analyses.knunu.config import KnunuConfig
from openbfactory.analyses.knunu.templates import Expectation, knunu_workspace
from openbfactory.core.random import Address
from openbfactory.fit.build import asimov, pseudo_experiment
from openbfactory.fit.estimate import analyse, estimate, scan
from openbfactory.fit.results import FitResult, ScanResult
from openbfactory.fit.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Measurement:
    """Fits of the likelihood at the luminosity of the data set.

    Attributes
    ----------
    workspace
        Expected events with mu = 1 as data.
    data
        The channels that may be seen, with the counts of one pseudo-experiment; all channels once unblinded.
    expected
        Fit of the expectation.
    pseudo
        Fit of the data, None while the signal region is hidden.
    expected_large_simulation
        Fit of the expectation without the parameters of the size of the simulated samples.
    profile
        Profile likelihood of the expectation.
    """

    workspace: Workspace
    data: Workspace
    expected: FitResult
    pseudo: FitResult | None
    expected_large_simulation: FitResult
    profile: ScanResult

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON, without the workspaces."""
        return {"expected": self.expected.to_dict(), "unblinded": self.pseudo is not None, "data": counts(self.data),
                "pseudo_experiment": None if self.pseudo is None else self.pseudo.to_dict(),
                "expected_large_simulation": self.expected_large_simulation.to_dict(),
                "profile": self.profile.to_dict()}


def mu_bounds(workspace: Workspace) -> tuple[float, float]:
    """Bounds of mu in a workspace."""
    low, high = workspace.document["measurements"][0]["config"]["parameters"][0]["bounds"][0]
    return float(low), float(high)


def measure(expectations: Mapping[str, Expectation], config: KnunuConfig, seed: int, *,
            unblind: bool = False) -> Measurement:
    """Fits of the expectation (mu = 1) and, where the signal region may be seen, of one pseudo-experiment.

    Raises
    ------
    FitError
        When a fit has no minimum.
    """
    unit = config.branching_fraction.value
    workspace = asimov(knunu_workspace(expectations, config), mu=1.0)
    large = asimov(knunu_workspace(expectations, config, simulation_statistics=False), mu=1.0)
    pseudo = pseudo_experiment(workspace, Address(seed, "data", stage="pseudo-experiment").generator(), mu=1.0)
    expectation = analyse(workspace, "mu")
    expected = estimate(expectation, unit=unit)
    low, high = mu_bounds(workspace)
    reach = 2.5 * (expected.uncertainty or 1.0)
    profile = scan(expectation, "mu", low=max(low, 1.0 - reach), high=min(high, 1.0 + reach), points=31)
    return Measurement(workspace, visible(pseudo, unblind=unblind), expected,
                       estimate(pseudo, unit=unit) if unblind else None, estimate(large, unit=unit), profile)
