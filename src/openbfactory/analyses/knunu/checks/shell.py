"""What the checks have in common: what was planted, found and published, the verdict, and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from openbfactory.analyses import RunOptions
from openbfactory.core.provenance import Provenance
from openbfactory.fit.results import write_record
from openbfactory.report.content import Bullets, Highlight, ReportContent, Section, Table
from openbfactory.report.html import write_report
from openbfactory.report.records import Number
from openbfactory.report.references import resolve
from openbfactory.report.tables import provenance_table
from openbfactory.report.text import format_number

#: deviations beyond this number of standard deviations are not agreement
LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One number of a check.

    Attributes
    ----------
    name, quantity
        Key in the record, and what it is in words.
    found
        Value and uncertainty of this run.
    planted
        What the "data" were made with, with the uncertainty of its knowledge (of a truth from simulated events); None
        where nothing was planted: the number then has no part in the verdict.
    published
        The number of the publication.
    remark
        Why they differ, or what is not comparable.
    """

    name: str
    quantity: str
    found: Number
    planted: Number | None = None
    published: Number | None = None
    unit: str = ""
    remark: str = ""

    @property
    def pull(self) -> float | None:
        """(found - planted) in standard deviations; None without a planted value or an uncertainty."""
        if self.planted is None or not self.found.uncertainty:
            return None
        spread = sqrt(self.found.uncertainty**2 + (self.planted.uncertainty or 0.0) ** 2)
        return (self.found.value - self.planted.value) / spread

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        numbers = {k: v.model_dump(mode="json") if v else None
                   for k, v in (("found", self.found), ("planted", self.planted), ("published", self.published))}
        return {"name": self.name, "quantity": self.quantity, "unit": self.unit, **numbers, "pull": self.pull,
                "remark": self.remark}


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome of a check.

    Attributes
    ----------
    name, title
        As in ``obf run``, and in words.
    purpose
        One sentence: why the measurement needs it.
    findings
        Numbers, in the order of the table.
    sections
        Figures and tables of the report.
    approximations
        What is left out.
    samples
        Events generated, by sample.
    extra
        More for the record.
    """

    name: str
    title: str
    purpose: str
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]
    approximations: tuple[str, ...]
    samples: Mapping[str, int]
    provenance: Provenance
    extra: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every planted number was found within its uncertainty, and there was one."""
        pulls = [f.pull for f in self.findings if f.pull is not None]
        return bool(pulls) and all(abs(p) < LIMIT for p in pulls)

    @property
    def verdict(self) -> str:
        """One sentence computed from the numbers."""
        judged = [f for f in self.findings if f.pull is not None]
        if not judged:
            return "No verdict: nothing was planted or no uncertainty is known."
        told = "; ".join(f"{f.quantity}: {format_number(f.found, f.unit)} where {format_number(f.planted, f.unit)} was "
                         f"planted ({f.pull:+.1f}σ)" for f in judged)
        return f"{'Found what was planted' if self.passed else 'NOT what was planted'}: {told}."


def finish(check: Check, options: RunOptions) -> dict[str, Any]:
    """Record of a check; it and the report are written to the output folder."""
    document = {"analysis": check.name, "title": check.title, "passed": check.passed, "verdict": check.verdict,
                "findings": [f.to_dict() for f in check.findings], "samples": dict(check.samples),
                "warnings": list(check.warnings), **check.extra, "provenance": check.provenance.to_dict()}
    write_record(document, options.output / "result.json")
    write_report(_content(check), options.output / "report.html")
    return document


def _content(check: Check) -> ReportContent:
    """The page of a check."""
    rows = tuple((f.quantity, format_number(f.planted, f.unit), format_number(f.found, f.unit),
                  "–" if f.pull is None else f"{f.pull:+.1f}", format_number(f.published, f.unit), f.remark)
                 for f in check.findings)
    counts = tuple((name, f"{n:,}".replace(",", " ")) for name, n in check.samples.items())
    table = Table(("quantity", "planted", "found", "difference [σ]", "published", "remark"), rows,
                  "What was planted in the simulated data, what the check found, what was published.",
                  numeric=frozenset({1, 2, 3, 4}))
    return ReportContent(
        title=check.title, subtitle="validation of B^{+} → K^{+} ν ν̅ on simulated data", result=check.verdict,
        comparison=table, highlights=tuple(Highlight(f.quantity, format_number(f.found, f.unit))
                                           for f in check.findings[:3]),
        sections=(Section("Why", (Bullets((check.purpose,)),)), *check.sections,
                  Section("What is approximate", (Bullets(check.approximations),)),
                  Section("Run", (Table(("sample", "events generated"), counts, "Samples.", numeric=frozenset({1})),
                                  provenance_table(check.provenance)))),
        references=resolve(list(check.provenance.references)), warnings=check.warnings)
