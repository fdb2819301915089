"""Measurements by name: one package or module each, called through a common record of options."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from openbfactory.core.errors import InputError, UnknownNameError
from openbfactory.core.registry import lookup, names

T = TypeVar("T")

if TYPE_CHECKING:
    from openbfactory.pipeline.tables import Execution


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user may say of a run.

    Attributes
    ----------
    preset
        Name of a preset of the analysis.
    luminosity
        Simulated luminosity in fb^-1, None for that of the preset.
    seed
        Seed of the run.
    workers, scheduler
        Local worker processes (0: in this process), or the address of a Dask scheduler.
    detector
        Name or path of the card.
    output
        Folder of the results.
    resume, overwrite
        Go on with an interrupted run, or replace what is there.
    source
        Folder of a finished run that this one builds on (its classifiers, its templates), None for the usual place.
    unblind
        Whether the signal region of the data is opened.
    data
        Ntuple of candidates that is measured in the place of simulated data; simulation still gives what the
        measurement takes from it.
    """

    preset: str = "quick"
    luminosity: float | None = None
    seed: int = 1
    workers: int = 0
    scheduler: str | None = None
    detector: str = "belle2"
    output: Path = Path("out")
    resume: bool = False
    overwrite: bool = False
    source: Path | None = None
    unblind: bool = False
    data: Path | None = None

    def execution(self, folder: str = "", chunk_size: int | None = None) -> Execution:
        """Where and how tables are made: a folder below the output, in chunks of some size."""
        from openbfactory.pipeline.tables import Execution

        made = Execution(self.output / folder, self.seed, self.workers, self.scheduler, self.resume, self.overwrite)
        return made if chunk_size is None else replace(made, chunk_size=chunk_size)


@dataclass(frozen=True, slots=True)
class Analysis:
    """A measurement: its title, where its ``run(options)`` stands (``module:function``), whether it reads ntuples."""

    title: str
    entry: str
    reads_data: bool = False

    def run(self, options: RunOptions) -> dict[str, object]:
        """Result record of a run; the files are in ``options.output``.

        Raises
        ------
        InputError
            For an ntuple of data where the measurement reads none.
        """
        if options.data is not None and not self.reads_data:
            able = ", ".join(n for n in analysis_names() if ANALYSES[n].reads_data)
            message = f"--data: '{self.title}' does not read ntuples; these do: {able}"
            raise InputError(message)
        from openbfactory.pipeline.engines import kept_engine

        module, function = self.entry.split(":")
        call: Callable[[RunOptions], dict[str, object]] = getattr(importlib.import_module(module), function)
        with kept_engine(options.workers, options.scheduler):
            return call(options)


#: every measurement by name; others register one under the entry-point group ``openbfactory.analyses``
ANALYSES: dict[str, Analysis] = {
    "knunu": Analysis("B+ -> K+ nu nubar with the inclusive tag", "openbfactory.analyses.knunu.run:run"),
    "knunu.closure": Analysis("closure of B+ -> K+ nu nubar with B+ -> pi+ K0",
                              "openbfactory.analyses.knunu.checks.closure:run"),
    "knunu.half_split": Analysis("half splits of the data of B+ -> K+ nu nubar",
                                 "openbfactory.analyses.knunu.checks.half_split:run"),
    "knunu.hadronic_energy": Analysis("check of B+ -> K+ nu nubar: energy of clusters that are not photons",
                                      "openbfactory.analyses.knunu.checks.hadronic_energy:run"),
    "knunu.klong": Analysis("check of B+ -> K+ nu nubar: K_L efficiency of the calorimeter from gamma phi(K_S K_L)",
                            "openbfactory.analyses.knunu.checks.klong:run"),
    "knunu.d0h": Analysis("kaon identification in B+ -> D0 h+, a check of knunu",
                          "openbfactory.analyses.knunu.checks.d0h:run"),
    "knunu.embedding": Analysis("signal embedding in B+ -> J/psi K+, a check of knunu",
                                "openbfactory.analyses.knunu.checks.embedding:run"),
    "knunu.kaon_id": Analysis("kaon identification from D*+ -> D0(K- pi+) pi+, a check of knunu",
                              "openbfactory.analyses.knunu.checks.kaon_id:run"),
    "knunu.sidebands": Analysis("events with D -> K_L X from samples enriched in pions and leptons",
                                "openbfactory.analyses.knunu.checks.sidebands:run"),
    "knunu.off_resonance": Analysis("check of B+ -> K+ nu nubar: rate and shapes of the continuum, BDTc",
                                    "openbfactory.analyses.knunu.checks.off_resonance:run"),
    "lifetimes.d0": Analysis("lifetime of the D0, D*+ -> D0(K- pi+) pi+",
                             "openbfactory.analyses.lifetimes.run:d0", reads_data=True),
    "lifetimes.dplus": Analysis("lifetime of the D+, D*+ -> D+(K- pi+ pi+) pi0",
                                "openbfactory.analyses.lifetimes.run:dplus", reads_data=True),
    "lifetimes.ds": Analysis("lifetime of the D_s+, D_s+ -> phi(K- K+) pi+",
                             "openbfactory.analyses.lifetimes.run:ds", reads_data=True),
    "lifetimes.lambdac": Analysis("lifetime of the Lambda_c+, Lambda_c+ -> p K- pi+",
                                  "openbfactory.analyses.lifetimes.run:lambdac", reads_data=True),
    "lifetimes.omegac": Analysis("lifetime of the Omega_c0, Omega_c0 -> Omega-(Lambda K-) pi+",
                                 "openbfactory.analyses.lifetimes.run:omegac", reads_data=True),
    "tau_mass": Analysis("mass of the tau from the pseudomass of tau -> 3 pi nu",
                         "openbfactory.analyses.tau_mass.run:run", reads_data=True),
}


def analysis_names() -> list[str]:
    """Sorted names of all measurements."""
    return names("analyses", ANALYSES)


def find_analysis(name: str) -> Analysis:
    """Measurement of a name.

    Raises
    ------
    UnknownNameError
        With the nearest name.
    """
    return lookup("analyses", name, ANALYSES)


def preset_of(presets: Mapping[str, T], name: str) -> T:
    """Preset of a name.

    Raises
    ------
    UnknownNameError
        With the nearest preset.
    """
    if name not in presets:
        raise UnknownNameError("preset", name, presets)
    return presets[name]
