"""``obf data``: files from public records, and submissions for HEPData."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Get files of public records; write a HEPData submission.", no_args_is_help=True)


@app.command("get")
def get(
    source: Annotated[str, typer.Argument(metavar="URL-or-DOI", help="Such as 10.17182/hepdata.166082 or https://...")],
    sha256: Annotated[str | None, typer.Option(help="Checksum that the file must have.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to keep it [default: the cache].")] = None,
    again: Annotated[bool, typer.Option("--again", help="Fetch it also when it is there.")] = False,
) -> None:
    """Download a file once, with its checksum, and print where it lies."""
    from openbfactory.core.download import download

    found = download(source, sha256=sha256, folder=folder, again=again)
    print(found.path)
    print(f"sha256 {found.sha256} ({'fetched' if found.fresh else 'in the cache'})")


@app.command("submission")
def submission(
    workspace: Annotated[Path, typer.Argument(metavar="WORKSPACE.json", help="Likelihood workspace (pyhf JSON).")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the submission.")],
    fit: Annotated[Path | None, typer.Option(metavar="RECORD.json", help="Result record of obf fit --json.")] = None,
    comment: Annotated[str, typer.Option(help="What the record is about.")] = "Likelihood written by openbfactory.",
) -> None:
    """Write tables and the likelihood as a HEPData submission, validated."""
    import json

    from openbfactory.core.diagnostics import Findings
    from openbfactory.core.errors import InputError
    from openbfactory.fit.workspace import read_workspace
    from openbfactory.report.hepdata import parameter_table, workspace_tables, write_submission

    checked = read_workspace(workspace)
    tables = workspace_tables(checked.document)
    if fit is not None:
        try:
            tables.append(parameter_table(json.loads(fit.read_text("utf-8"))))
        except (OSError, ValueError, KeyError, TypeError):
            findings = Findings(str(fit))
            findings.error("record", "", "not a result record", expected="a file written by obf fit --json")
            raise InputError(findings) from None
    write_submission(output, tables, comment, {"Likelihood (HistFactory JSON)": workspace})
    print(f"{output}: {len(tables)} tables and the likelihood, valid")
