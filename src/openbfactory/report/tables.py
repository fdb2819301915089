"""Tables of a report from plain records: comparison, cutflow, fallbacks, versions, any pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from openbfactory.core.diagnostics import Findings
from openbfactory.core.provenance import Provenance
from openbfactory.report.content import Table
from openbfactory.report.records import ComparisonRow, CutflowColumn, FallbackModel, Number
from openbfactory.report.references import Reference, citation
from openbfactory.report.style import category_text, in_order
from openbfactory.report.text import format_count, format_number, format_percent


def comparison_table(rows: Sequence[ComparisonRow], references: Sequence[Reference] = (), *,
                     caption: str = "Published figures and those of this run.") -> Table:
    """The table "published | this run"; columns of sources and remarks appear where a row has them."""
    columns = ["quantity", "published", "this run"]
    sources, remarks = any(r.source for r in rows), any(r.remark for r in rows)
    columns += ["source"] * sources + ["remark"] * remarks
    cells = []
    for row in rows:
        line = [row.quantity, *(format_number(n, row.unit, percent=row.percent) for n in (row.published, row.here))]
        line += [citation(row.source, references)] * sources + [row.remark] * remarks
        cells.append(tuple(line))
    return Table(tuple(columns), tuple(cells), caption, numeric=frozenset({1, 2}))


def cutflow_table(flows: Sequence[CutflowColumn], *, caption: str,
                  show: Literal["both", "events", "efficiency"] = "both") -> Table:
    """Events left and total efficiency after each step, by category.

    Parameters
    ----------
    show
        ``both`` is readable for up to four categories; for more take one table
        of ``events`` and one of ``efficiency``.

    Raises
    ------
    InputError
        When the categories have other steps.
    """
    by_key = {f.key: f for f in flows}
    listed = [by_key[k] for k in in_order(list(by_key))]
    names = [s.name for s in listed[0].steps] if listed else []
    findings = Findings("cutflow table")
    for flow in listed:
        if [s.name for s in flow.steps] != names:
            findings.error("other-steps", flow.key, f"'{flow.key}' has the steps {[s.name for s in flow.steps]}",
                           expected=str(names))
    findings.raise_if_errors()
    columns = ["after", *(head for flow in listed for head in _heads(category_text(flow.key, flow.label), show))]
    rows = [(name, *(cell for flow in listed for cell in _cells(flow, index, show)))
            for index, name in enumerate(names) if index or show != "efficiency"]
    return Table(tuple(columns), tuple(rows), caption, numeric=frozenset(range(1, len(columns))))


def _heads(name: str, show: str) -> list[str]:
    """Column heads of one category."""
    return [f"{name}: events", "efficiency"] if show == "both" else [name]


def _cells(flow: CutflowColumn, index: int, show: str) -> list[str]:
    """Cells of one category after one step."""
    step = flow.steps[index]
    events = [format_count(step.weight * flow.scale)] if show != "efficiency" else []
    if show == "events":
        return events
    return [*events, "" if index == 0 else _efficiency(step.efficiency, step.efficiency_uncertainty)]


def _efficiency(value: float | None, uncertainty: float | None) -> str:
    """Efficiency in percent, or as a power of ten when it is small."""
    if value is None or value >= 1e-3 or value == 0.0:
        return format_percent(value, uncertainty)
    return format_number(Number(value=value, uncertainty=uncertainty))


def fallback_table(models: Sequence[FallbackModel], *, caption: str = "Decay models that were replaced by phase space, "
                   "with the fraction of all decays each replacement touched.") -> Table:
    """Decay models that fell back to phase space, the most frequent first."""
    listed = sorted(models, key=lambda m: (-m.fraction, m.model))
    examples = any(m.example for m in listed)
    rows = [(f"`{m.model}`", format_percent(m.fraction), "–" if m.decays is None else format_count(m.decays),
             *([f"`{m.example}`" if m.example else ""] if examples else [])) for m in listed]
    columns = ("model", "fraction of decays", "decays", *(["example"] if examples else []))
    return Table(columns, tuple(rows), caption, numeric=frozenset({1, 2}))


def provenance_table(provenance: Provenance, settings: Mapping[str, str] | None = None, *,
                     caption: str = "What made this result. The same lines give the same bytes.") -> Table:
    """Settings, seed, configuration hash and versions."""
    rows = list((settings or {}).items())
    rows.append(("seed", "none" if provenance.seed is None else str(provenance.seed)))
    rows.append(("configuration", f"`{provenance.config_hash}`"))
    rows.append(("openbfactory", provenance.version))
    rows.append(("libraries", ", ".join(f"{name} {version}" for name, version in provenance.libraries.items())))
    return pairs_table(dict(rows), caption=caption)


def pairs_table(pairs: Mapping[str, str], *, caption: str, heads: tuple[str, str] = ("what", "value")) -> Table:
    """Names and values."""
    return Table(heads, tuple(pairs.items()), caption)
