"""``obf compare``: our simulation beside public samples of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Put our simulation beside public samples.", no_args_is_help=True)


@app.callback()
def compare() -> None:
    """Put our simulation beside public samples."""


@app.command("flavorclass")
def flavorclass(
    file: Annotated[Path, typer.Argument(metavar="FILE.parquet", help="File of the data set FlavorClass (Zenodo record "
                                                                      "19632131).")],
    events: Annotated[int, typer.Option(help="Rows of the file, and events to simulate.", min=1)] = 20_000,
    output: Annotated[Path, typer.Option(metavar="PAGE.html", help="Page to write.")] = Path("flavorclass.html"),
    seed: Annotated[int, typer.Option(help="Seed of every random number.", min=0)] = 1,
    detector: Annotated[str, typer.Option(help="Name or path of the detector card.")] = "belle2",
) -> None:
    """Compare every column of the data set with our own simulation of the same process, on one page."""
    from openbfactory.events.flavorclass import LABEL, SOURCE, groups
    from openbfactory.pipeline import Progress
    from openbfactory.pipeline.flavorclass import compare_flavorclass
    from openbfactory.report.samples import SamplePage, write_sample_page

    done = compare_flavorclass(file, events, seed=seed, card=detector, progress=Progress("compare flavorclass"))
    notes = tuple(finding.render() for finding in done.findings)
    page = SamplePage("FlavorClass", f"Upsilon(4S) -> B0 anti-B0, one B0 -> nu nubar: {done.rows[0]} rows of "
                      f"{done.source} and {done.rows[1]} events of our own simulation", ("file", "here"), done.rows,
                      notes, (SOURCE,))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_sample_page(page, done.columns, {**groups(), "flavour of the other B": [LABEL]}, output)
    for note in notes:
        print(note)
    print(f"{output}: {len(done.columns)} columns, {done.rows[0]} rows of the file, {done.rows[1]} simulated")
    for column in done.columns[:10]:
        print(f"  {column.disagreement:.4f}  {column.name}: mean {column.means[0]:.4g}, here {column.means[1]:.4g}; "
              f"present {column.present[0]:.4f}, here {column.present[1]:.4f}")
