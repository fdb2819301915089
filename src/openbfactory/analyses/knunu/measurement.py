"""Fits of the expectation, of one pseudo-experiment and of counts from outside, as one frozen record.

The expectation is fitted with mu = 1 (the Standard Model) and with the published mu, whose uncertainties compare with
the published ones.  Everything is scaled to the luminosity of the data set; the uncertainty from the size of the
simulated samples is that of the run, and the studies of it say what larger samples would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from openbfactory.analyses.knunu.blinding import counts, visible
from openbfactory.analyses.knunu.config import KnunuConfig
from openbfactory.analyses.knunu.studies import FitStudy, ToyStudy, study, throw_toys
from openbfactory.analyses.knunu.templates import Expectation, Shifts, knunu_workspace
from openbfactory.core.random import Address
from openbfactory.fit.build import asimov, pseudo_experiment
from openbfactory.fit.estimate import analyse, estimate, scan
from openbfactory.fit.results import FitResult, ScanResult
from openbfactory.fit.workspace import Workspace
from openbfactory.physics.published import load_published


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """A group of nuisances: its impact on mu in the publication, in a fit of the published likelihood, and here.

    ``here`` is at mu = 1, ``here_published_mu`` at the published mu; None where the model has no such parameter.
    """

    title: str
    published: float | None
    source: str | None
    likelihood: float | None
    here: float | None
    here_published_mu: float | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Fits of the likelihood at the luminosity of the data set.

    Attributes
    ----------
    workspace
        Expected events with mu = 1 as data.
    data
        The channels that may be seen, with the counts of the data; all channels once unblinded.
    expectation, expectation_published_mu
        Studies of the expectation with mu = 1 and the published mu.
    observation
        Study of the data, None while the signal region is hidden.
    expected_large_simulation
        Fit of the expectation without the parameters of the size of the simulated samples.
    simulation
        Factor on the size of the simulated samples to the uncertainty of mu, at mu = 1.
    profile
        Profile likelihood of the expectation.
    toys
        Toys at mu = 1; None where the preset has none.
    impacts
        Rows of the impacts table.
    """

    workspace: Workspace
    data: Workspace
    expectation: FitStudy
    expectation_published_mu: FitStudy
    observation: FitStudy | None
    expected_large_simulation: FitResult
    simulation: dict[float, float | None]
    profile: ScanResult
    toys: ToyStudy | None
    impacts: tuple[ImpactRow, ...]

    @property
    def expected(self) -> FitResult:
        """Fit of the expectation with mu = 1."""
        return self.expectation.fit

    @property
    def pseudo(self) -> FitResult | None:
        """Fit of the data, None while the signal region is hidden."""
        return None if self.observation is None else self.observation.fit

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON, without the workspaces."""
        return {"expected": self.expected.to_dict(), "unblinded": self.pseudo is not None, "data": counts(self.data),
                "pseudo_experiment": None if self.pseudo is None else self.pseudo.to_dict(),
                "expected_large_simulation": self.expected_large_simulation.to_dict(),
                "profile": self.profile.to_dict(),
                "studies": {"expectation": self.expectation.to_dict(),
                            "expectation_published_mu": self.expectation_published_mu.to_dict(),
                            "observation": None if self.observation is None else self.observation.to_dict()},
                "impacts": [asdict(row) for row in self.impacts],
                "simulation": [{"factor": f, "uncertainty": u} for f, u in self.simulation.items()],
                "toys": None if self.toys is None else asdict(self.toys)}


def mu_bounds(workspace: Workspace) -> tuple[float, float]:
    """Bounds of mu in a workspace."""
    low, high = workspace.document["measurements"][0]["config"]["parameters"][0]["bounds"][0]
    return float(low), float(high)


def measure(expectations: Mapping[str, Expectation], config: KnunuConfig, seed: int, shifts: Shifts | None = None, *,
            toys: int = 0, observed: Mapping[str, Sequence[float]] | None = None, unblind: bool = False) -> Measurement:
    """Fits of the expectation and, where the signal region may be seen, of the data, with their studies.

    Parameters
    ----------
    shifts
        Systematic shifts of the templates, :func:`openbfactory.analyses.knunu.templates.relative_shifts`.
    toys
        Toys to throw at mu = 1.
    observed
        Counts of the data by channel; one pseudo-experiment with mu = 1 by default.
    unblind
        Whether the signal region may be seen.

    Raises
    ------
    FitError
        When a fit has no minimum.
    """
    unit, published = config.branching_fraction.value, config.studies.mu.value
    workspace = asimov(knunu_workspace(expectations, config, shifts), mu=1.0)
    if observed is None:
        data = pseudo_experiment(workspace, Address(seed, "data", stage="pseudo-experiment").generator(), mu=1.0)
    else:
        data = workspace.with_observations(observed)
    expectation = study(workspace, config, "expectation with mu = 1")
    at_published = study(asimov(workspace, mu=published), config, f"expectation with mu = {published:g}")
    sizes = {f: estimate(asimov(knunu_workspace(expectations, config, shifts, simulation=f)), tests=()).uncertainty
             for f in config.studies.simulation}
    large = asimov(knunu_workspace(expectations, config, shifts, simulation=float("inf")), mu=1.0)
    return Measurement(
        workspace, visible(data, unblind=unblind), expectation, at_published,
        study(data, config, "data") if unblind else None, estimate(large, unit=unit),
        {1.0: expectation.fit.uncertainty, **sizes}, _profile(workspace, expectation.fit),
        throw_toys(analyse(workspace, "mu"), toys, seed) if toys else None, _rows(config, expectation, at_published))


def measure_counts(workspace: Workspace, counts: Mapping[str, Sequence[float]], config: KnunuConfig,
                   title: str = "data") -> tuple[Workspace, FitStudy]:
    """Workspace with counts from outside, and the study of their fit.

    Parameters
    ----------
    workspace
        That of a :class:`Measurement`.
    counts
        Channel to the events in its bins: data, a pseudo-experiment, or
        :func:`openbfactory.analyses.knunu.templates.channel_counts` of another sample.

    Raises
    ------
    WorkspaceError
        When the counts of a channel are not those of its bins.
    FitError
        When the fit has no minimum.
    """
    observed = workspace.with_observations(counts)
    return observed, study(observed, config, title)


def _profile(workspace: Workspace, fit: FitResult) -> ScanResult:
    """Profile likelihood 2.5 standard deviations around the estimate."""
    low, high = mu_bounds(workspace)
    reach = 2.5 * (fit.uncertainty or 1.0)
    return scan(workspace, "mu", low=max(low, fit.value - reach), high=min(high, fit.value + reach), points=31)


def _rows(config: KnunuConfig, here: FitStudy, at_published: FitStudy) -> tuple[ImpactRow, ...]:
    """Rows of the impacts table."""
    published, rows = load_published("knunu"), []
    for group in config.systematics.impacts:
        figure = None if group.published is None else published[group.published]
        rows.append(ImpactRow(group.title, None if figure is None else figure.value,
                              None if figure is None else figure.source, group.likelihood, here.impacts[group.title],
                              at_published.impacts[group.title]))
    return tuple(rows)
