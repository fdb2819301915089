"""Everything that a run of the tau mass found, and its record for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.background import Background
from openbfactory.analyses.tau_mass.closure import Closure
from openbfactory.analyses.tau_mass.config import Preset, TauMass
from openbfactory.analyses.tau_mass.measurement import MEGA, Calibration
from openbfactory.analyses.tau_mass.systematics import Changes, Estimate, Samples, total
from openbfactory.analyses.tau_mass.tracks import Tracks
from openbfactory.core.provenance import Provenance
from openbfactory.experiment import Machine
from openbfactory.fit.unbinned import UnbinnedResult
from openbfactory.physics.particles import species

Array = npt.NDArray[np.float64]


#: bins of the pseudomasses in the record
BINS = 60


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found: pseudomasses [GeV], fits and estimates by form, scan, changes."""

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
        """Generated mass, MeV."""
        return MEGA * species("tau-").mass

    @property
    def at_published(self) -> float:
        """Statistical uncertainty at the published luminosity, MeV."""
        return self.value[1] * float(np.sqrt(self.samples.luminosity / self.config.published.luminosity))

    @property
    def candidates(self) -> int:
        """Candidates in the range of the fit."""
        return int(np.sum((self.mass > self.config.range[0]) & (self.mass < self.config.range[1])))

    @property
    def purity(self) -> float:
        """Share of tau pairs among them."""
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
        if not len(self.samples.background):
            said.append("no candidate of another process was found: the data set has no background")
        return tuple(said)


def record(result: Result) -> dict[str, Any]:
    """Plain dictionary for JSON; masses in MeV."""
    value, sigma = result.value
    scale, energy, closure = result.known.momentum, result.known.energy, result.closure
    planted, (counts, edges) = closure.known, np.histogram(result.mass, BINS, result.config.range)
    return {
        "analysis": "tau_mass", "title": result.preset.title, "unit": "MeV",
        "luminosity": {"value": result.samples.luminosity, "unit": "fb^-1"},
        "mass": {"value": value, "statistical": sigma, "systematic": result.systematic, "generated": result.generated},
        "statistical_at_published_luminosity": result.at_published, "warnings": list(result.warnings),
        "candidates": result.candidates, "purity": result.purity, "trigger_efficiency": result.trigger,
        "backgrounds": {k: {"expected": v, "uncertainty": s, "candidates": result.background.counted[k][0],
                            "candidates_without_trigger": result.background.counted[k][1]}
                        for k, (v, s) in result.background.expected.items()},
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
        "forms": {form: _form(result.fits[form], found) for form, found in result.estimates.items()},
        "momentum_scale": {"mean": scale.mean, "factors": scale.factors.tolist(), "cosines": scale.cosines,
                           "uncertainties": scale.uncertainties.tolist(), "species": scale.species,
                           "candidates": scale.candidates},
        "beam_energy": {"sqrt_s": energy.value, "uncertainty": energy.uncertainty, "response": energy.response,
                        "nominal": result.machine.sqrt_s, "events": energy.candidates},
        "planted": {"momentum": closure.planted.momentum, "energy": closure.planted.energy,
                    "found_momentum": planted.momentum.mean, "found_energy": planted.energy.value,
                    "energy_uncertainty": planted.energy.uncertainty, "mass": closure.mass,
                    "before": closure.before.record, "after": closure.after.record},
        "changes": {k: {n: c.record for n, c in v.items()} for k, v in result.changes.items()},
        "systematics": result.systematics, "published": result.config.published.model_dump(mode="json"),
        "samples": dict(result.sizes), "provenance": result.provenance.to_dict(),
    }


def _form(fit: UnbinnedResult, found: Estimate) -> dict[str, Any]:
    """Record of one form."""
    return {"edge": found.edge, "mass": found.mass,
            "bias": {"mean": found.bias.mean, "slope": found.bias.slope,
                     "points": {f"{m:g}": v for m, v in found.bias.points.items()}},
            "parameters": {n: {"value": fit[n][0], "uncertainty": fit[n][1]} for n in fit.names}}
