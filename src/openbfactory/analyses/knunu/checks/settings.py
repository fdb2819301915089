"""Settings of the checks: sections of ``checks.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from openbfactory.analyses import RunOptions
from openbfactory.core.config import Config, read_yaml, validate

C = TypeVar("C", bound=Config)

#: numbers of all checks
PATH = Path(__file__).with_name("checks.yaml")


def section(name: str, model: type[C]) -> C:
    """Settings of one check.

    Raises
    ------
    ConfigError
        With all findings.
    """
    document, _ = read_yaml(PATH)
    return validate(document[name], model, source=f"{PATH.name}: {name}")


def events_asked(options: RunOptions, preset: float, per_luminosity: float) -> int:
    """Events of a preset, or those of the luminosity [fb^-1] that a user asks for, at so many per fb^-1."""
    return round(preset if options.luminosity is None else options.luminosity * per_luminosity)
