"""``obf run``: one measurement, end to end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def run(
    analysis: Annotated[str, typer.Argument(help="measurement; see: obf list analyses")],
    preset: Annotated[str, typer.Option(help="quick, standard or full")] = "quick",
    luminosity: Annotated[float | None, typer.Option(help="simulated luminosity in fb^-1 in the place of the preset's",
                                                     min=0.0)] = None,
    workers: Annotated[int, typer.Option(help="local worker processes; 0: in this process", min=0)] = 0,
    scheduler: Annotated[str | None, typer.Option(help="address of a Dask scheduler that runs")] = None,
    seed: Annotated[int, typer.Option(help="seed of every random number", min=0)] = 1,
    detector: Annotated[str, typer.Option(help="name or path of the card, with :PERIOD for a run period")] = "belle2",
    output: Annotated[Path | None, typer.Option(help="folder of the results; default: out/ANALYSIS")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted run")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace what is in the output folder")] = False,
    source: Annotated[Path | None, typer.Option("--from", help="folder of a finished run that this one builds on, "
                                                               "such as out/knunu for its validation, or, for knunu, "
                                                               "out/knunu.off_resonance")] = None,
    unblind: Annotated[bool, typer.Option("--unblind", help="open the signal region of the data")] = False,
    data: Annotated[Path | None, typer.Option(help="ntuple of candidates (ROOT or Parquet) to measure in the place of "
                                                   "simulated data")] = None,
) -> None:
    """Measure: generate, simulate, reconstruct, select, fit and report."""
    from openbfactory.analyses import RunOptions, find_analysis

    if resume and overwrite:
        message = "--resume continues what is there and --overwrite deletes it: give one of them"
        raise typer.BadParameter(message)
    found = find_analysis(analysis)
    folder = output or Path("out") / analysis
    options = RunOptions(preset=preset, luminosity=luminosity, seed=seed, workers=workers, scheduler=scheduler,
                         detector=detector, output=folder, resume=resume, overwrite=overwrite, source=source,
                         unblind=unblind, data=data)
    try:
        found.run(options)
    except KeyboardInterrupt:
        print(f"interrupted: finished chunks are kept in {folder}; continue with --resume", file=sys.stderr)
        raise typer.Exit(130) from None
    for name in ("report.html", "result.json", "workspace.json"):
        if (folder / name).exists():
            print(folder / name)
