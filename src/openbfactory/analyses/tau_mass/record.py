"""The record of a run of the tau mass for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from openbfactory.analyses.tau_mass.data import Data
from openbfactory.analyses.tau_mass.result import Result
from openbfactory.analyses.tau_mass.systematics import Estimate
from openbfactory.fit.unbinned import UnbinnedResult

#: bins of the pseudomasses in the record
BINS = 60


def record(result: Result) -> dict[str, Any]:
    """Plain dictionary for JSON; masses in MeV."""
    value, sigma = result.value
    scale, energy, closure = result.known.momentum, result.known.energy, result.closure
    planted, (counts, edges) = closure.known, np.histogram(result.mass, BINS, result.config.range)
    return {
        "analysis": "tau_mass", "title": result.preset.title, "unit": "MeV",
        "luminosity": {"value": result.samples.luminosity, "unit": "fb^-1"}, "data": _data(result.data),
        "mass": {"value": value, "statistical": sigma, "systematic": result.systematic,
                 "generated": None if result.data else result.generated},
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


def _data(data: Data | None) -> dict[str, Any] | None:
    """Record of the ntuple."""
    if data is None:
        return None
    return {"file": data.name, "digest": data.digest, "candidates": data.rows, "events": data.events,
            "selected": len(data.tracks), "selected_without_trigger": len(data.tracks_all)}


def _form(fit: UnbinnedResult, found: Estimate) -> dict[str, Any]:
    """Record of one form."""
    return {"edge": found.edge, "mass": found.mass,
            "bias": {"mean": found.bias.mean, "slope": found.bias.slope,
                     "points": {f"{m:g}": v for m, v in found.bias.points.items()}},
            "parameters": {n: {"value": fit[n][0], "uncertainty": fit[n][1]} for n in fit.names}}
