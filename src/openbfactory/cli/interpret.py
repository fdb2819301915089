"""``obf interpret WORKSPACE.json --model wet``: a likelihood in terms of the parameters of a theory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openbfactory.cli import interpret_couplings, interpret_kx

if TYPE_CHECKING:
    from openbfactory.fit.results import FitResult
    from openbfactory.fit.workspace import Workspace

MODELS = ("wet", "kx", *interpret_couplings.MUON_PAIR_MODELS, "higgs")
LABELS = ("|C_VL + C_VR|", "|C_SL + C_SR|", "|C_TL|")


def interpret(
    workspace: Annotated[Path, typer.Argument(metavar="FILE", help="Likelihood workspace (pyhf JSON; wet, kx), or "
                                              "limits (CSV; the other models).")],
    density: Annotated[list[str] | None, typer.Option(metavar="CHANNEL=FILE.csv", help="Expected signal by fit bin "
                       "and generated q2 bin of a channel (or of the only one whose name begins so); repeat.")] = None,
    model: Annotated[str, typer.Option(help="wet (weak effective theory), kx (B -> K X, X not seen); from "
                                         "limits: zprime, scalar, alp (columns mass, limit [fb]), higgs (mass, ctau "
                                         "[cm], limit).")] = "wet",
    poi: Annotated[str | None, typer.Option(help="Parameter of the old signal [default: that of the measurement].")
                   ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the new workspace to this file.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="OUT", help="Write the result record to this file.")] = None,
    posterior: Annotated[bool, typer.Option("--posterior", help="Sample the coefficients, flat between 0 and 20 "
                                            "(about a minute).")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 1,
    mass: Annotated[str, typer.Option(metavar="M or LO,HI,N", help="Masses of X [GeV] (kx).")] = "0,4,9",
    ctau: Annotated[float | None, typer.Option(help="c tau of X [cm]; default: it never decays (kx).")] = None,
    radius: Annotated[float, typer.Option(help="Distance at which X counts as not seen [cm] (kx).")] = 300.0,
    decay: Annotated[str, typer.Option(help="Decay that limits belong to: ee, mumu, tautau.")] = "tautau",
    kaon: Annotated[str, typer.Option(help="Kaon that limits belong to: K+ or K*0 (higgs).")] = "K+",
    detector: Annotated[str, typer.Option(help="Name or path of the card of the machine.")] = "belle2",
    boost: Annotated[float, typer.Option(help="beta gamma of the collisions (kx).")] = 0.284,
) -> None:
    """Parameters of a theory from a published likelihood, or from upper limits."""
    if model not in MODELS:
        message = f"found '{model}', expected one of {', '.join(MODELS)}"
        raise typer.BadParameter(message, param_hint="--model")
    if not all(math.isfinite(v) and v > 0 for v in (radius, boost, 1.0 if ctau is None else ctau)):
        raise typer.BadParameter("expected numbers above 0", param_hint="--ctau, --radius, --boost")
    masses = interpret_kx.masses_of(mass)
    if model not in ("wet", "kx"):
        rows = interpret_couplings.run(workspace, model, card=detector, decay=decay, kaon=kaon)
        if json is not None:
            from openbfactory.fit.results import write_record

            write_record({"model": model, "points": rows}, json)
        return
    pairs = [text.split("=", 1) for text in density or []]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise typer.BadParameter("expected CHANNEL=FILE.csv", param_hint="--density")
    from openbfactory.fit.results import write_record
    from openbfactory.fit.workspace import parse_workspace, read_workspace
    from openbfactory.interpret.wet import read_number_density, wet_workspace

    old = read_workspace(workspace)
    densities = {_channel(old, name): read_number_density(file) for name, file in pairs}
    if model == "kx":
        found = interpret_kx.run(old, densities, poi or old.measurement().poi, masses, ctau=ctau, radius=radius,
                                 boost=boost)
        if json is not None:
            write_record({"model": model, "points": found}, json)
        return
    document = wet_workspace(old.document, densities, poi=poi or old.measurement().poi)
    new = parse_workspace(document, f"{workspace} (weak effective theory)")
    results = _fit(new)
    _print(results, str(workspace))
    record = {"model": model, "coefficients": {n: _coefficient(r) for n, r in results.items()},
              "squares": {n: r.to_dict() for n, r in results.items()}}
    if posterior:
        record["posterior"] = _posterior(new, seed)
    if output is not None:
        write_record(document, output)
    if json is not None:
        write_record(record, json)


def _channel(workspace: Workspace, name: str) -> str:
    """Channel of a name, or the only one that begins with it."""
    from openbfactory.core.errors import UnknownNameError

    names = workspace.channel_names
    found = [n for n in names if n == name] or [n for n in names if n.startswith(name)]
    if len(found) != 1:
        raise UnknownNameError("channel", name, names)
    return found[0]


def _fit(workspace: Workspace) -> dict[str, FitResult]:
    """Estimate of the square of each coefficient, the others profiled."""
    from openbfactory.fit.estimate import estimate
    from openbfactory.interpret.wet import SQUARES

    return {label: estimate(workspace, name, tests=(0.0,)) for label, name in zip(LABELS, SQUARES, strict=True)}


def _posterior(workspace: Workspace, seed: int) -> dict[str, Any]:
    """Posterior of the coefficients, printed."""
    from rich.console import Console
    from rich.table import Table

    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.posterior import Coordinate, posterior
    from openbfactory.interpret.wet import MAX_COEFFICIENT, SQUARES

    coordinates = [Coordinate(label, name, 0.0, MAX_COEFFICIENT, 11, lambda c: c * c)
                   for label, name in zip(LABELS, SQUARES, strict=True)]
    found = posterior(analyse(workspace, SQUARES[0]), coordinates, seed=seed)
    table = Table(title=f"Posterior, flat in the coefficients ({len(found.samples)} samples)")
    for heading in ("coefficient", "mode", "68.3 % (shortest)", "95 % (shortest)"):
        table.add_column(heading)
    for label, mode in zip(LABELS, found.mode, strict=True):
        table.add_row(label, f"{mode:.2f}", *("{:.2f} to {:.2f}".format(*found.interval(label, level))
                                              for level in (0.6827, 0.95)))
    Console().print(table)
    for warning in found.warnings:
        Console().print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    return found.to_dict()


def _coefficient(result: FitResult) -> dict[str, Any]:
    """Coefficient with its profile interval (where 2NLL has risen by 1); a bound is said to be one."""
    ends = [None if end is None else math.sqrt(max(0.0, result.value + end)) for end in result.interval]
    return {"value": math.sqrt(max(0.0, result.value)), "interval": ends,
            "interval_at_bound": list(result.interval_at_bound)}


def _print(results: dict[str, FitResult], source: str) -> None:
    """Print the coefficients."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Weak effective theory: {Path(source).name}")
    for heading in ("coefficient", "best fit", "interval (profile, 68.3 %)"):
        table.add_column(heading)
    warnings: dict[str, None] = {}
    for label, result in results.items():
        found = _coefficient(result)
        ends = ["-" if e is None else f"{e:.2f}{' (bound)' if b else ''}"
                for e, b in zip(found["interval"], found["interval_at_bound"], strict=True)]
        table.add_row(label, f"{found['value']:.2f}", f"{ends[0]} to {ends[1]}")
        warnings.update(dict.fromkeys(result.warnings))
    console = Console()
    console.print(table)
    for warning in warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
