"""``obf reconstruct``: candidates of a decay from an event file into a flat ntuple."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Fit(StrEnum):
    """Fits of a candidate."""

    none = "none"
    vertex = "vertex"
    tree = "tree"


def reconstruct(
    file: Annotated[Path, typer.Argument(help="Event file with detector objects.")],
    decay: Annotated[str, typer.Option(help="Decay string: 'D*+ -> [D0 -> K- pi+] pi+'; ^ marks the particles "
                                            "whose variables are written.")],
    output: Annotated[Path, typer.Option(help="Ntuple: .root or .parquet.")],
    cut: Annotated[str, typer.Option(help="Cut string of the mother, before any fit: '1.8 < M < 2.1'.")] = "",
    daughter_cut: Annotated[list[str] | None, typer.Option(
        help="Cut string of a particle in brackets: 'D0: 1.8 < M < 1.9'; may be repeated.")] = None,
    variables: Annotated[str | None, typer.Option(
        help="Names with commas between (see 'obf list variables'); 'mD = daughter(0, M)' names the column.")] = None,
    fit: Annotated[Fit, typer.Option(help="Fit of each candidate that passes the cut.")] = Fit.none,
    cut_after: Annotated[str, typer.Option(help="Cut string of the mother after the fit: 'chiProb > 0.001'.")] = "",
    ip: Annotated[bool, typer.Option("--ip", help="Fit 'tree': the mother comes from the interaction region.")] = False,
    fix_mass: Annotated[str, typer.Option(help="Fit 'tree': particles whose mass is fixed, with commas.")] = "",
    rank: Annotated[str, typer.Option(help="Variable to rank the candidates of an event by, highest first; "
                                           "'-NAME' for lowest first.")] = "",
    best: Annotated[int, typer.Option(help="Candidates to keep of each event, 0 for all.", min=0)] = 0,
    tag: Annotated[Path | None, typer.Option(help="Folder of a trained hadronic tag; its lists are B-:tag, B0:tag, "
                                                  "D0:tag ...")] = None,
    flavour_tagger: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Folder that 'obf train flavour-tagger' wrote, for FBDT_qrCombined and its like.")] = None,
    detector: Annotated[str | None, typer.Option(help="Name or path of the card; that of the file if absent.")] = None,
) -> None:
    """Reconstruct a decay: one row a candidate, with the index columns and names of the field."""
    from openbfactory.events.cut_grammar import split_names
    from openbfactory.pipeline import Progress, Request, reconstruct_file
    from openbfactory.pipeline.candidates import DEFAULT_VARIABLES

    cuts = dict(_named_cut(text) for text in daughter_cut or [])
    names = tuple(split_names(variables)) if variables else DEFAULT_VARIABLES
    fixed = tuple(name.strip() for name in fix_mass.split(",") if name.strip())
    request = Request(decay, cut, cuts, names, fit.value, ip, fixed, rank, best, cut_after,
                      str(tag) if tag else "", str(flavour_tagger or ""))
    done = reconstruct_file(file, request, output, card=detector, progress=Progress("reconstruct"))
    print(f"{output}: {done.candidates} candidates in {done.with_candidate} of {done.events} events")
    if fit is not Fit.none:
        print(f"  {done.failed_fits} candidates whose fit failed (chiProb -1)")


def _named_cut(text: str) -> tuple[str, str]:
    """Name and cut string of ``NAME: CUT``; the name may have a label, ``D0:mine: CUT``."""
    name, found, cut = text.partition(": ")
    if not found:
        message = f"'{text}' is not of the form 'D0: 1.8 < M < 1.9'"
        raise typer.BadParameter(message)
    return name.strip(), cut
