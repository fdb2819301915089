"""An ntuple of tau candidates in the place of simulated data: read, selected and fitted before anything is made.

Its columns are those of the tables of the simulation without the truth (:func:`.samples.tau_request`).  Momenta and
energy of the collisions are as believed: nothing corrects them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import TauMass
from openbfactory.analyses.tau_mass.measurement import Calibration, pseudomasses
from openbfactory.analyses.tau_mass.samples import tau_request
from openbfactory.analyses.tau_mass.tracks import Tracks, passing, selected
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError, InputError
from openbfactory.events.ntuples import content_digest, read_ntuple
from openbfactory.experiment import Machine
from openbfactory.fit.pseudomass import LEAST, fit_edge
from openbfactory.generate import DecayCounts
from openbfactory.pipeline.tables import SampleTable
from openbfactory.reconstruct.lists import aliased

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Data:
    """Selected taus of an ntuple, with and without asking for the trigger.

    Attributes
    ----------
    name, digest
        Name of the file without its folder, and hash of its content.
    rows, events
        Candidates in the file, and events that have one.
    warnings
        What the reader of the numbers must know.
    """

    name: str
    digest: str
    rows: int
    events: int
    tracks: Tracks
    tracks_all: Tracks
    warnings: tuple[str, ...] = ()


def needed(config: TauMass) -> dict[str, str]:
    """Variable by column of an ntuple that can be measured."""
    return dict(aliased(text) for text in tau_request(config, true=False).variables)


def read_data(path: Path, config: TauMass, machine: Machine) -> Data:
    """Selected taus of an ntuple (ROOT or Parquet).

    Raises
    ------
    EventFileError
        For a file that cannot be read or has no candidate, with every column that is missing or has no numbers.
    InputError
        When too few candidates pass the selection, with what each cut leaves.
    FitError
        When a form of the edge has no minimum.
    """
    columns = needed(config)
    found = read_ntuple(path, columns)
    _check(str(path), found.columns, columns)
    table = SampleTable(found.columns, len(found), 0, DecayCounts())
    tracks, tracks_all = (selected(table, config.tau, machine, trigger=t) for t in (True, False))
    _enough(str(path), table, tracks, config, machine)
    events = len(np.unique(np.stack([found[f"__{k}__"] for k in ("experiment", "run", "event")]), axis=1).T)
    said = [f.message for f in found.warnings if f.severity == "warning"]
    broken = {c: int(np.sum(~np.isfinite(found[c]))) for c in columns}
    said += [f"{n} candidates have no number in the column {c}: they are not selected" for c, n in broken.items() if n]
    return Data(path.name, content_digest(path), len(found), events, tracks, tracks_all,
                tuple(f"{path.name}: {text}" for text in said))


def _check(source: str, found: Mapping[str, Array], columns: Mapping[str, str]) -> None:
    """Find columns that hold no number, or no candidates at all."""
    findings = Findings(source)
    if not len(found["__event__"]):
        findings.error("empty", "", "the file holds no candidate", expected="one row a candidate")
    else:
        for name, variable in columns.items():
            if not np.isfinite(found[name].astype(np.float64)).any():
                findings.error("no-number", name, "no candidate has a number here", expected=variable)
    findings.raise_if_errors(EventFileError)


def _enough(source: str, table: SampleTable, tracks: Tracks, config: TauMass, machine: Machine) -> None:
    """Check that there is something to fit, and fit it."""
    mass, (low, high) = pseudomasses(tracks, machine, Calibration.nominal(machine)), config.range
    count = int(np.sum((mass > low) & (mass < high)))
    if count < LEAST:
        findings = Findings(source)
        middle = f"; the median of their pseudomasses is {np.median(mass):.4g} GeV" if len(mass) else ""
        findings.error("too-few", "", f"{len(tracks)} of {len(table)} candidates pass selection and trigger, {count} "
                       f"of them between {low:g} and {high:g} GeV{middle}", expected=f"at least {LEAST} to fit")
        for cut, left in passing(table, config.tau, machine).items():
            findings.note("cut", " ".join(cut.split()), f"{left} candidates pass this cut alone")
        raise InputError(findings)
    for form in config.forms:
        fit_edge(mass, config.range, form)
