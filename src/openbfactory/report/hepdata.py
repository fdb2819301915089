"""HEPData submissions: tables and a likelihood in the format that HEPData takes.

A submission is a folder with ``submission.yaml`` and a YAML file for each table
(https://hepdata-submission.readthedocs.io); additional files, such as a workspace in pyhf JSON, lie beside them and are
listed as resources.  Everything written is validated with HEPData's own validator before it counts as done.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from openbfactory.core.config import Config
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.report.records import Floats, OptionalFloats


class Uncertainty(Config):
    """One source of uncertainty of a column: its name and its sizes, down and up (both > 0)."""

    label: str
    down: Floats
    up: Floats


class Column(Config):
    """A column of a table.

    Attributes
    ----------
    name, units
        Of the header; LaTeX between dollars.
    values
        Numbers or texts; None where a bin has no value.
    high
        Upper edges where ``values`` are lower edges of bins.
    qualifiers
        Conditions such as the channel, by name.
    """

    name: str
    units: str = ""
    values: tuple[float | str | None, ...]
    high: OptionalFloats | None = None
    uncertainties: tuple[Uncertainty, ...] = ()
    qualifiers: dict[str, str] = Field(default_factory=dict)


class Table(Config):
    """A table: independent and dependent columns of one length, and keywords by name."""

    name: str
    description: str
    independent: tuple[Column, ...]
    dependent: tuple[Column, ...]
    keywords: dict[str, tuple[str | float, ...]] = Field(default_factory=dict)


def write_submission(folder: str | Path, tables: Sequence[Table], comment: str,
                     resources: Mapping[str, str | Path] | None = None) -> Path:
    """Folder with a validated submission.

    Parameters
    ----------
    folder
        Made when it is not there; must be empty otherwise.
    tables
        In the order in which they are shown.
    comment
        What the record is about.
    resources
        Additional files by description, such as a likelihood.

    Raises
    ------
    InputError
        When tables are inconsistent, a resource is missing, the folder is not empty, or HEPData's validator objects.
    """
    target, findings = Path(folder), Findings(str(folder))
    _check(tables, resources or {}, findings)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        findings.error("not-empty", "", "the folder holds files already", expected="a new or empty folder")
    findings.raise_if_errors(InputError)
    target.mkdir(parents=True, exist_ok=True)
    head: dict[str, Any] = {"comment": comment}
    if resources:
        head["additional_resources"] = [{"description": text, "location": Path(path).name}
                                        for text, path in resources.items()]
        for path in resources.values():
            shutil.copy(path, target / Path(path).name)
    documents = [head]
    for number, table in enumerate(tables, start=1):
        name = f"table_{number}.yaml"
        documents.append(_entry(table, name))
        _write(target / name, [_data(table)])
    _write(target / "submission.yaml", documents)
    _validate(target, findings)
    return target


def workspace_tables(document: Mapping[str, Any], luminosity: str = "") -> list[Table]:
    """Observed and expected events in every channel of a pyhf workspace, a table each; shapes without uncertainties."""
    observed = {o["name"]: o["data"] for o in document["observations"]}
    tables = []
    for channel in document["channels"]:
        name, bins = channel["name"], len(observed[channel["name"]])
        columns = [Column(name="Observed events", values=tuple(float(v) for v in observed[name]))]
        columns += [Column(name=f"Expected events, {s['name']}", values=tuple(float(v) for v in s["data"]))
                    for s in channel["samples"]]
        total = [sum(float(s["data"][k]) for s in channel["samples"]) for k in range(bins)]
        columns.append(Column(name="Expected events, all", values=tuple(total)))
        tables.append(Table(
            name=f"Events in {name}", description=f"Observed events, and expected events before the fit, in {name}.",
            independent=(Column(name="Bin", values=tuple(float(k) for k in range(1, bins + 1))),),
            dependent=tuple(columns), keywords={"observables": ("N",), **(
                {"phrases": (luminosity,)} if luminosity else {})}))
    return tables


def parameter_table(record: Mapping[str, Any]) -> Table:
    """Fitted parameters of a result record of ``obf fit``: value with uncertainty; those without one are left out."""
    kept = [p for p in record["parameters"] if p["uncertainty"]]
    sizes = tuple(float(p["uncertainty"]) for p in kept)
    return Table(
        name="Fitted parameters", description=f"Maximum-likelihood estimates; parameter of interest: {record['poi']}.",
        independent=(Column(name="Parameter", values=tuple(str(p["name"]) for p in kept)),),
        dependent=(Column(name="Estimate", values=tuple(float(p["value"]) for p in kept),
                          uncertainties=(Uncertainty(label="total", down=sizes, up=sizes),)),))


def _check(tables: Sequence[Table], resources: Mapping[str, str | Path], findings: Findings) -> None:
    """Add a finding for each mistake of the tables and resources."""
    if not tables:
        findings.error("no-tables", "", "a submission without tables", expected="at least one")
    names = [t.name for t in tables]
    for name in sorted({n for n in names if names.count(n) > 1}):
        findings.error("same-name", name, "two tables have this name", expected="names of their own")
    for table in tables:
        columns = (*table.independent, *table.dependent)
        lengths = {len(c.values) for c in columns}
        lengths |= {len(c.high) for c in columns if c.high is not None}
        lengths |= {len(row) for c in columns for u in c.uncertainties for row in (u.down, u.up)}
        if not table.independent or not table.dependent or len(lengths) != 1 or 0 in lengths:
            findings.error("columns", table.name, f"columns have {sorted(lengths)} values",
                           expected="independent and dependent columns of one length")
    places = [Path(p).name for p in resources.values()]
    for text, path in resources.items():
        if not Path(path).is_file():
            findings.error("no-file", text, f"there is no file {path}")
        elif places.count(Path(path).name) > 1:
            findings.error("same-name", text, f"two resources are called {Path(path).name}")


def _entry(table: Table, file: str) -> dict[str, Any]:
    """Entry of a table in ``submission.yaml``."""
    return {"name": table.name[:64], "description": table.description, "data_file": file,
            "keywords": [{"name": name, "values": list(values)} for name, values in table.keywords.items()]}


def _data(table: Table) -> dict[str, Any]:
    """Content of a table's file."""
    return {"independent_variables": [{"header": _header(c), "values": _values(c)} for c in table.independent],
            "dependent_variables": [{"header": _header(c), "qualifiers": [
                {"name": n, "value": v} for n, v in c.qualifiers.items()], "values": _values(c)}
                for c in table.dependent]}


def _header(column: Column) -> dict[str, str]:
    return {"name": column.name, **({"units": column.units} if column.units else {})}


def _values(column: Column) -> list[dict[str, Any]]:
    """Values with edges and uncertainties."""
    if column.high is not None:
        return [{"low": low, "high": high} for low, high in zip(column.values, column.high, strict=True)]
    rows: list[dict[str, Any]] = [{"value": "-" if v is None else v} for v in column.values]
    for k, row in enumerate(rows):
        errors = [{"label": u.label, "symerror": float(u.up[k])} if u.up[k] == u.down[k] else
                  {"label": u.label, "asymerror": {"minus": -float(u.down[k]), "plus": float(u.up[k])}}
                  for u in column.uncertainties]
        if errors and row["value"] != "-":
            row["errors"] = errors
    return rows


def _write(path: Path, documents: Sequence[Any]) -> None:
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, explicit_start=len(documents) > 1)
    path.write_text(text, encoding="utf-8")


def _validate(folder: Path, findings: Findings) -> None:
    """Raise with everything that HEPData's validator finds."""
    from hepdata_validator.full_submission_validator import FullSubmissionValidator

    validator = FullSubmissionValidator()
    if not validator.validate(directory=str(folder)):
        for file, messages in validator.get_messages().items():
            for message in messages:
                findings.error("hepdata", Path(file).name, str(message.message))
    findings.raise_if_errors(InputError)
