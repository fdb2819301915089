"""Everything that a run of the tau mass found, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.background import Background
from openbfactory.analyses.tau_mass.closure import Closure
from openbfactory.analyses.tau_mass.config import Preset, TauMass
from openbfactory.analyses.tau_mass.data import Data
from openbfactory.analyses.tau_mass.measurement import MEGA, Calibration
from openbfactory.analyses.tau_mass.systematics import Changes, Estimate, Samples, total
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.core.provenance import Provenance
from openbfactory.experiment import Machine
from openbfactory.fit.unbinned import UnbinnedResult
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found: pseudomasses [GeV], fits and estimates by form, scan, changes; the ntuple if any."""

    config: TauMass
    preset: Preset
    mass: Array
    samples: Samples
    background: Background
    machine: Machine
    fits: Mapping[str, UnbinnedResult]
    estimates: Mapping[str, Estimate]
    scan: tuple[tuple[float, ...], tuple[float, ...]]
    known: Calibration
    mesons: tuple[Tracks, Tracks, Tracks]
    closure: Closure
    changes: Changes
    sizes: Mapping[str, float]
    provenance: Provenance
    data: Data | None = None

    @property
    def fit(self) -> UnbinnedResult:
        """Fit of the form that gives the result."""
        return self.fits[self.config.forms[0]]

    @property
    def estimate(self) -> Estimate:
        """Edge and bias of the form that gives the result."""
        return self.estimates[self.config.forms[0]]

    @property
    def value(self) -> tuple[float, float]:
        """Mass and statistical uncertainty, MeV."""
        return self.estimate.mass, self.estimate.edge[1]

    @property
    def generated(self) -> float:
        """Mass that the simulation was generated with, MeV."""
        return MEGA * species("tau-").mass

    @property
    def at_published(self) -> float | None:
        """Statistical uncertainty at the published luminosity, MeV; None where that of the data is not known."""
        here = self.samples.luminosity
        return None if here is None else self.value[1] * float(np.sqrt(here / self.config.published.luminosity))

    @property
    def candidates(self) -> int:
        """Candidates in the range of the fit."""
        return int(np.sum((self.mass > self.config.range[0]) & (self.mass < self.config.range[1])))

    @property
    def purity(self) -> float | None:
        """Share of tau pairs among them; None where the truth is not known."""
        if self.data:
            return None
        low, high = self.config.range
        other = self.samples.background
        return 1.0 - float(np.sum((other > low) & (other < high))) / max(self.candidates, 1)

    @property
    def trigger(self) -> float:
        """Share of the selected taus that the trigger takes."""
        return len(self.samples.data) / max(len(self.samples.data_all), 1)

    @property
    def systematics(self) -> dict[str, float]:
        """Systematic uncertainty by source, MeV."""
        return {source: total(source, found) for source, found in self.changes.items()}

    @property
    def systematic(self) -> float:
        """Root of the sum of their squares, MeV."""
        return float(np.sqrt(np.sum(np.square([*self.systematics.values()]))))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of the numbers must know."""
        said = [f"{form} form: {w}" for form, f in self.fits.items() for w in f.warnings]
        said += [f"{form} form, {w}" for form, e in self.estimates.items() for w in e.bias.warnings]
        said += [f"{source}, {name}: no fit, it counts as zero" for source, found in self.changes.items()
                 for name, c in found.items() if not np.isfinite(c.value)]
        said += self.data.warnings if self.data else ()
        if not self.data and not len(self.samples.background):
            said.append("no candidate of another process was found: the data set has no background")
        return tuple(said)
