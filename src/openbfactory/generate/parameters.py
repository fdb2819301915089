"""Parameters of samples: numbers and choices that a user sets by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import ConfigError
from openbfactory.physics.particles import is_parton, species_table

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
    kind
        ``number``; ``integer``; ``range``, two numbers with a comma between them, or one; ``particles``, names or PDG
        codes with commas between them.
    """

    name: str
    default: float | str
    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    kind: Literal["number", "integer", "range", "particles"] = "number"

    @property
    def text(self) -> str:
        """One line for a list: ``mass=5 GeV (0.02 to 10)``."""
        if self.choices:
            return f"{self.name}={self.default} ({', '.join(self.choices)}): {self.meaning}"
        unit = "" if self.unit == "1" else f" {self.unit}"
        limits = "" if math.isinf(self.low) and math.isinf(self.high) else f" ({self.low:g} to {self.high:g})"
        default = self.default if isinstance(self.default, str) else f"{self.default:g}"
        return f"{self.name}={default}{unit}{limits}: {self.meaning}"


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


def range_of(text: float | str) -> tuple[float, float]:
    """Lower and upper end of a range ``"LO,HI"``; one number is both; NaN for what is no number."""
    try:
        ends = [float(part) for part in str(text).split(",")]
    except ValueError:
        ends = []
    return (ends[0], ends[-1]) if len(ends) in (1, 2) else (math.nan, math.nan)


def particles_of(text: float | str, path: str, findings: Findings) -> list[int]:
    """PDG codes of names or codes with commas between them; unknown ones go to ``findings``."""
    table, codes = {n: s.pdg for n, s in species_table().items() if not is_parton(s.pdg)}, []
    known = {str(code) for code in table.values()}
    for name in (part.strip() for part in str(text).split(",")):
        if name in table or name in known:
            codes.append(table[name] if name in table else int(name))
        else:
            findings.unknown_name(path, name, table, what="particle")
    return codes


def _checked(parameter: Parameter, value: float | str, findings: Findings) -> float | str:
    """A value of the type of the parameter; what is wrong with it goes to ``findings``."""
    if parameter.kind == "particles":
        particles_of(value, parameter.name, findings)
        return str(value)
    if parameter.kind == "range":
        low, high = range_of(value)
        if not (math.isfinite(low) and math.isfinite(high) and parameter.low <= low <= high <= parameter.high):
            findings.error("parameter", parameter.name, f"found {value!r}", expected="LO,HI (or one number) from "
                           f"{parameter.low:g} to {parameter.high:g} [{parameter.unit}], LO not above HI")
        return str(value)
    if parameter.choices:
        if value not in parameter.choices:
            findings.unknown_name(parameter.name, str(value), parameter.choices, what="choice")
        return str(value)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    whole = parameter.kind == "integer"
    if not (math.isfinite(number) and parameter.low <= number <= parameter.high) or (whole and number % 1):
        findings.error("parameter", parameter.name, f"found {value!r}",
                       expected=f"{'an integer' if whole else 'a number'} from {parameter.low:g} to "
                                f"{parameter.high:g} [{parameter.unit}]")
    return number
