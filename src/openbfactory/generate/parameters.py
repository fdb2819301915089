"""Parameters of samples: numbers and choices that a user sets by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ConfigError

#: value of each parameter
Values = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, or a choice, that a sample takes.

    Attributes
    ----------
    name, meaning
        Name for ``--set name=value``, and what it is.
    default
        Value where the user gives none; text for a choice.
    unit
        Unit of a number, ``1`` without one.
    low, high
        Limits that a number may reach.
    choices
        What a choice may be.
    """

    name: str
    default: float | str
    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line for a list: ``mass=5 GeV (0.02 to 10)``."""
        if self.choices:
            return f"{self.name}={self.default} ({', '.join(self.choices)}): {self.meaning}"
        unit = "" if self.unit == "1" else f" {self.unit}"
        limits = "" if math.isinf(self.low) and math.isinf(self.high) else f" ({self.low:g} to {self.high:g})"
        return f"{self.name}={self.default:g}{unit}{limits}: {self.meaning}"


def settled(sample: str, parameters: tuple[Parameter, ...], given: Mapping[str, float | str] | None) -> Values:
    """Value of every parameter of a sample: what was given, else the default.

    Parameters
    ----------
    sample
        Name of the sample, for messages.
    parameters
        What it takes.
    given
        Values by name; numbers may be text.

    Raises
    ------
    ConfigError
        With every unknown name and every value that is no number, outside the limits, or no choice.
    """
    findings, known = Findings(f"parameters of the sample '{sample}'"), {p.name: p for p in parameters}
    values: dict[str, float | str] = {p.name: p.default for p in parameters}
    for name, value in (given or {}).items():
        if name in known:
            values[name] = _checked(known[name], value, findings)
        elif known:
            findings.unknown_name(name, name, known, what="parameter")
        else:
            findings.error("no-parameters", name, f"the sample '{sample}' takes no parameters")
    findings.raise_if_errors(ConfigError)
    return values


def _checked(parameter: Parameter, value: float | str, findings: Findings) -> float | str:
    """A value of the type of the parameter; what is wrong with it goes to ``findings``."""
    if parameter.choices:
        if value not in parameter.choices:
            findings.unknown_name(parameter.name, str(value), parameter.choices, what="choice")
        return str(value)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and parameter.low <= number <= parameter.high):
        findings.error("parameter", parameter.name, f"found {value!r}",
                       expected=f"a number from {parameter.low:g} to {parameter.high:g} [{parameter.unit}]")
    return number
