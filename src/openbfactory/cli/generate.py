"""``obf generate``: collisions of a sample into an event file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openbfactory.pipeline import Energy

#: panel of the options that only the sample gun takes
GUN = "Particle gun (further ones by --set: obf list samples --search gun)"


def generate(
    sample: Annotated[str, typer.Argument(help="Sample; see: obf list samples.")],
    events: Annotated[int, typer.Option(help="Number of events.", min=1)],
    output: Annotated[Path, typer.Option(help="Event file: .parquet, .hepmc3 or .root.")],
    decay_file: Annotated[Path | None, typer.Option(help="Main decay file in the place of the packaged one.")] = None,
    decays: Annotated[Path | None, typer.Option(help="Decay file laid over the main one.")] = None,
    fallback: Annotated[str | None, typer.Option(
        metavar="phsp", help="What channels of your decay files do whose model is not there: phsp, counted; without it "
                             "they are errors.")] = None,
    detector: Annotated[str, typer.Option(help="Name or path of the card of the machine.")] = "belle2",
    settings: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE", help="Parameter of the sample, can be repeated; see: obf list samples.")] = None,
    particles: Annotated[str | None, typer.Option(
        metavar="A,B", help="Particles of the sample gun: names or PDG codes.", rich_help_panel=GUN)] = None,
    momentum: Annotated[str | None, typer.Option(
        metavar="LO,HI", help="Their momentum [GeV].", rich_help_panel=GUN)] = None,
    theta: Annotated[str | None, typer.Option(
        metavar="LO,HI", help="Their polar angle [deg].", rich_help_panel=GUN)] = None,
    radius: Annotated[str | None, typer.Option(
        metavar="LO,HI", help="Distance of their origin from the z axis [cm].", rich_help_panel=GUN)] = None,
    time: Annotated[str | None, typer.Option(
        metavar="LO,HI", help="Time of their origin [ns].", rich_help_panel=GUN)] = None,
    reweight: Annotated[list[str] | None, typer.Option(
        metavar="NAME", help="Reweighting whose columns are written, can be repeated; see: obf list reweightings.")
    ] = None,
    off_resonance: Annotated[bool, typer.Option(
        "--off-resonance", help="Collide at the off-resonance energy of the card.")] = False,
    energy_shift: Annotated[float, typer.Option(help="Change of sqrt(s) [GeV].")] = 0.0,
    fixed_energy: Annotated[bool, typer.Option(
        "--fixed-energy", help="Every collision at the nominal energy: no spread, no initial radiation.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of every random number.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Local worker processes; 0: in this process.", min=0)] = 0,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler that runs.")] = None,
) -> None:
    """Generate events of a sample into a file; the same seed gives the same events for any number of workers."""
    from openbfactory.generate import unused_decays
    from openbfactory.pipeline import Energy, Progress, generate_file

    if workers and scheduler:
        message = "--workers starts processes here and --scheduler uses those elsewhere: give one of them"
        raise typer.BadParameter(message)
    if fallback not in (None, "phsp"):
        message = f"found '{fallback}', expected phsp"
        raise typer.BadParameter(message, param_hint="--fallback")
    options = {"particles": particles, "momentum": momentum, "theta": theta, "radius": radius, "time": time}
    given = _pairs(settings or []) | {name: text for name, text in options.items() if text is not None}
    energy = Energy(off_resonance, energy_shift, fixed_energy)
    counts = generate_file(sample, events, seed, output, workers=workers, scheduler=scheduler, card=detector,
                           decay_file=decay_file, decays=decays, settings=given, energy=energy,
                           reweight=reweight or (), fallback=fallback is not None,
                           progress=Progress(f"generate {sample}"))
    print(f"{output}: {events} events, {counts.total} decays")
    _print_cross_section(sample, given, energy, detector)
    for model, fraction in counts.fractions().items():
        print(f"  {model}: {counts.fallback[model]} decays ({100 * fraction:.3g} % of all) made by phase space in its "
              "place")
    for finding in unused_decays(counts, str(decays), events):
        print(f"  {finding.render()}")
    if counts.undecayed:
        print(f"  {counts.undecayed} unstable particles had no open channel")
    if counts.tried:
        print(f"  {counts.tried} collisions were made to find them")
    if counts.excess:
        print(f"  {counts.excess} proposed decays had a weight above the bound of their channel")


def _print_cross_section(sample: str, given: dict[str, float | str], energy: Energy, detector: str) -> None:
    """Print the cross section of a sample that computes its own."""
    from openbfactory.core.registry import lookup
    from openbfactory.experiment import load_card
    from openbfactory.generate import SAMPLES, settled

    chosen = lookup("samples", sample, SAMPLES)
    if chosen.cross_section:
        value, error = chosen.cross_section(settled(sample, chosen.parameters, given),
                                            energy.of(load_card(detector).machine))
        print(f"  cross section {1e6 * value:.4g} fb (integration {1e6 * error:.2g} fb), before radiation")


def _pairs(texts: list[str]) -> dict[str, float | str]:
    """Names and values of texts ``name=value``."""
    found: dict[str, float | str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            message = f"--set takes NAME=VALUE, found '{text}'"
            raise typer.BadParameter(message)
        found[name.strip()] = value.strip()
    return found
