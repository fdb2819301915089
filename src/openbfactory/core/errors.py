"""Every error that the package raises on purpose: one named class per cause.

The command line turns any of them into one message and exit code 1; nothing
that a user can cause ends in a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

from openbfactory.core.diagnostics import Finding, Findings, nearest


class OpenBFactoryError(Exception):
    """Base of all errors of this package."""


class InputError(OpenBFactoryError):
    """An input has at least one error; carries all findings in ``findings``."""

    def __init__(self, findings: Findings | str) -> None:
        if isinstance(findings, str):
            findings = Findings("input", [Finding("input", "", findings)])
        self.findings = findings
        super().__init__(findings)

    def __str__(self) -> str:
        return self.findings.render()


class ConfigError(InputError):
    """A configuration has unknown keys or values that are not allowed."""


class CardError(InputError):
    """A detector or machine card has mistakes."""


class DecayFileError(InputError):
    """A decay file has mistakes."""


class EventFileError(InputError):
    """An event file (Parquet, ROOT, HepMC3) does not hold what it should."""


class WorkspaceError(InputError):
    """A likelihood workspace has mistakes."""


class CutError(InputError):
    """A cut, variable or decay string has mistakes."""


class ClassifierError(InputError):
    """Inputs of a classifier, or a classifier's file, have mistakes."""


class UnknownNameError(InputError):
    """A name is in no registry: the message offers the nearest one."""

    def __init__(self, what: str, found: str, valid: Iterable[str]) -> None:
        findings, names = Findings(what), tuple(valid)
        findings.unknown_name(found, found, names, what=what)
        self.nearest = nearest(found, names)
        super().__init__(findings)
        self.args = (what, found, names)  # what an unpickled copy is made from


class FitError(OpenBFactoryError):
    """A fit has no usable minimum; the message says what was tried."""


class GenerationError(OpenBFactoryError):
    """Events could not be generated as asked."""


class ResumeError(OpenBFactoryError):
    """An output folder belongs to another run, or a chunk in it is damaged."""


class PipelineError(OpenBFactoryError):
    """A chunk failed, or a worker or scheduler was lost; what is finished stays."""


class MissingDependencyError(OpenBFactoryError):
    """An optional package is needed and absent; the message names the extra."""
