"""Records of the fit room: frozen, with provenance, None for what is absent.

Definitions
-----------
uncertainty
    From the inverse of the analytic Hessian of the negative log-likelihood.
interval
    Where the profile of twice the negative log-likelihood (2NLL) has risen by 1,
    as offsets from the value: (-1.326, +1.349).
significance of a tested value t
    sign(value - t) * sqrt(2NLL(t) - 2NLL_min), nuisances profiled: positive when
    the estimate lies above t.  Its square is the two-sided test statistic
    (G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, eq. 7 in the asymptotic
    limit); for t = 0 and a positive estimate it is their discovery significance.
pull, constraint
    (value - auxiliary measurement) / its standard deviation, and the uncertainty
    over that standard deviation, for parameters with a constraint term.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.core.provenance import Provenance


@dataclass(frozen=True, slots=True)
class ParameterEstimate:
    """Fitted value of one component of one parameter.

    Attributes
    ----------
    uncertainty
        None where fixed, held at a bound or not determined.
    pull, constraint
        See the head of the module; None without constraint term or when fixed.
    """

    name: str
    value: float
    uncertainty: float | None
    pull: float | None
    constraint: float | None
    fixed: bool
    at_bound: bool


@dataclass(frozen=True, slots=True)
class BranchingFraction:
    """The estimate times the unit of its parameter of interest."""

    unit: float
    value: float
    uncertainty: float | None
    interval: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class FitResult:
    """Maximum-likelihood estimate of one parameter, everything else profiled.

    Attributes
    ----------
    poi, value, uncertainty
        Parameter of interest, estimate, Hessian standard deviation (None when not determined).
    interval
        Profile interval as offsets (low, high) from the value; an end is None when not found.
    interval_at_bound
        Whether each end is the bound of the parameter instead of a rise by 1.
    twice_nll
        2NLL at the minimum, with the constants of pyhf.
    significance
        By tested value (as text): signed square root of the rise of 2NLL; None where it has no value.
    parameters
        Every component of every parameter, in the order of the model.
    warnings
        What the reader of the numbers must know, one sentence each.
    """

    poi: str
    value: float
    uncertainty: float | None
    interval: tuple[float | None, float | None]
    interval_at_bound: tuple[bool, bool]
    twice_nll: float
    significance: dict[str, float | None]
    branching_fraction: BranchingFraction | None
    measurement: str
    channels: tuple[str, ...]
    bins: int
    observed: float
    expected: float
    parameters: tuple[ParameterEstimate, ...]
    warnings: tuple[str, ...]
    provenance: Provenance

    def pulls(self) -> list[ParameterEstimate]:
        """Constrained parameters, the largest pull first."""
        return sorted((p for p in self.parameters if p.pull is not None), key=lambda p: (-abs(p.pull or 0.0), p.name))

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON: stable order of keys, None for what is absent."""
        fraction = self.branching_fraction
        return {
            "poi": self.poi, "value": self.value, "uncertainty": self.uncertainty, "interval": list(self.interval),
            "interval_at_bound": list(self.interval_at_bound), "twice_nll": self.twice_nll,
            "significance": dict(self.significance),
            "branching_fraction": None if fraction is None else {
                "unit": fraction.unit, "value": fraction.value, "uncertainty": fraction.uncertainty,
                "interval": list(fraction.interval)},
            "measurement": self.measurement, "channels": list(self.channels), "bins": self.bins,
            "observed": self.observed, "expected": self.expected,
            "parameters": [{"name": p.name, "value": p.value, "uncertainty": p.uncertainty, "pull": p.pull,
                            "constraint": p.constraint, "fixed": p.fixed, "at_bound": p.at_bound}
                           for p in self.parameters],
            "warnings": list(self.warnings), "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Profile likelihood of one parameter.

    Attributes
    ----------
    values
        Values at which the parameter was held.
    delta
        2NLL above its minimum at each value, nuisances profiled; None where no fit was possible.
    best, twice_nll
        Estimate and 2NLL at the minimum.
    """

    poi: str
    values: tuple[float, ...]
    delta: tuple[float | None, ...]
    best: float
    twice_nll: float
    warnings: tuple[str, ...]
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return {"poi": self.poi, "values": list(self.values), "delta": list(self.delta), "best": self.best,
                "twice_nll": self.twice_nll, "warnings": list(self.warnings),
                "provenance": self.provenance.to_dict()}


def write_record(record: FitResult | ScanResult | Mapping[str, Any], path: str | Path) -> None:
    """Write a record as JSON; every float keeps all its digits.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    document = record if isinstance(record, Mapping) else record.to_dict()
    try:
        Path(path).write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as problem:
        findings = Findings(str(path))
        findings.error("unwritable", "", f"cannot write the file: {problem.strerror}")
        raise InputError(findings) from None
