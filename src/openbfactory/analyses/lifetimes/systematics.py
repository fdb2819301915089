"""What changes the lifetime: other models, other detectors, the nominal mass, hadrons that decay to this one, toys.

A detector that differs is simulated from the same truth with the same random numbers, and only candidates of events
that both have are fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from openbfactory.analyses.lifetimes.changes import Change, Changes, Fitted, change
from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.data import make_data, times, true_signal
from openbfactory.analyses.lifetimes.dataset import DataSet, inside
from openbfactory.analyses.lifetimes.measurement import LEAST, Model, fit, settled_model
from openbfactory.core.errors import FitError
from openbfactory.fit.costs import DecayCost
from openbfactory.fit.influence import influence
from openbfactory.fit.unbinned_toys import PullSummary
from openbfactory.physics.particles import species
from openbfactory.pipeline.tables import SampleTable

#: no fit
NONE = Change(float("nan"), float("nan"), counted=False)
#: other numbers of bins of the ratio of densities of the uncertainties
BINS = (20, 80)
#: GeV to MeV
MEGA = 1e3


def of_models(data: DataSet, model: Model) -> Changes:
    """Changes by other models of resolution and background; NaN where one has no minimum."""
    nominal = (data, model, fit(data, model))
    other, used = settled_model(data, replace(model, gaussians=3 - min(model.gaussians, 2)))
    found = {"resolution model": {f"Gaussians: {used.gaussians}": change(nominal, (data, used, other))}}
    if model.background:
        tried = {"background of one lifetime": (replace(model, lives=1), True),
                 "one density of the uncertainties": (replace(model, ratio=False), False),
                 "no background": (replace(model, background=False), False)}
        found["background model"] = {name: _by_model(nominal, m, counted) for name, (m, counted) in tried.items()
                                     if m != model}
        found["background model"] |= {f"{name} sideband alone": _by_sideband(nominal, name == "lower")
                                      for name in ("lower", "upper")}
        if data.signal:
            found["background model"]["signal alone, by truth"] = _by_truth(nominal)
        found["bins of the uncertainties"] = {f"{n} bins": _by_model(nominal, replace(model, bins=n)) for n in BINS}
        found["purity"] = {f"{sign:+d} standard deviation": _by_purity(nominal, sign) for sign in (1, -1)}
    return found


def _by_model(nominal: Fitted, model: Model, counted: bool = True) -> Change:
    """Change by another model of the background."""
    try:
        found = fit(nominal[0], model)
    except FitError:
        return NONE
    return change(nominal, (nominal[0], model, found), counted=counted)


def _by_sideband(nominal: Fitted, lower: bool) -> Change:
    """Change by the shape of the background in one sideband; the purity stays that of both."""
    data, model, _ = nominal
    kept = data.side_lower == lower
    if kept.sum() < LEAST:
        return NONE
    other = replace(data, side_time=data.side_time[kept], side_sigma=data.side_sigma[kept],
                    side_block=data.side_block[kept], side_lower=data.side_lower[kept],
                    sizes=(data.sizes[0], data.sizes[1] * float(kept.mean())))
    try:
        return change(nominal, (other, model, fit(other, model)))
    except FitError:
        return NONE


def _by_truth(nominal: Fitted) -> Change:
    """Change when the background is left out by truth: what its model does to the lifetime, beyond its noise."""
    data, model, _ = nominal
    true = slice(data.signal)
    alone = replace(data, time=data.time[true], sigma=data.sigma[true], block=data.block[true])
    other = replace(model, background=False)
    try:
        return change(nominal, (alone, other, fit(alone, other)))
    except FitError:
        return NONE


def _by_purity(nominal: Fitted, sign: int) -> Change:
    """Change with a purity one standard deviation away; not counted, the fit is free to move by as much."""
    data, model, _ = nominal
    value, sigma = data.purity
    try:
        found = fit(data, model, {"purity": min(value + sign * sigma, 1.0)}, ("purity",))
    except FitError:
        return NONE
    return Change(found["tau"][0] - nominal[2]["tau"][0], 0.0, counted=False)


def of_mass(mode: Mode, tau: float) -> Changes:
    """Change by the nominal mass of the hadron, to which decay times are proportional."""
    mass = mode.mass_uncertainty
    return {"input mass": {f"{MEGA * mass.value:+.2g} MeV": Change(tau * mass.value / species(mode.hadron).mass, 0.0)}}


def of_detectors(mode: Mode, nominal: SampleTable, varied: Mapping[str, Mapping[str, SampleTable]]) -> Changes:
    """Changes by detectors that differ from what the reconstruction assumes; signal alone, one Gaussian."""
    alone, model = mode.model_copy(update={"sidebands": ()}), Model(1, background=False)

    def fitted(table: SampleTable) -> Fitted:
        data = make_data(alone, table, {}, 0.0, np.random.default_rng(0))
        return data, model, fit(data, model)

    def compared(table: SampleTable) -> Change:
        kept = [_selected(t, mode) for t in (nominal, table)]
        both = np.intersect1d(kept[0]["__event__"], kept[1]["__event__"])
        return change(*(fitted(t.where(np.isin(t["__event__"], both))) for t in kept))

    return {source: {name: compared(table) for name, table in tables.items()} for source, tables in varied.items()}


def of_feed_down(mode: Mode, data: DataSet, model: Model, heavier: Mapping[str, tuple[SampleTable, float]]) -> Changes:
    """Changes by decays of heavier hadrons to this one, from their samples and the weights of these."""
    found, changes = fit(data, model), {}
    for name, (table, weight) in heavier.items():
        mass, time, sigma = times(_selected(table, mode), mode)
        value, error = 0.0, 0.0
        if len(mass):
            moved = np.array([influence(DecayCost(time[k:k + 1], sigma[k:k + 1], model.gaussians), found, weight)[
                found.names.index("tau")] for k in range(len(mass))])
            value, error = float(moved.sum()), float(np.sqrt(np.sum(moved**2)))
        changes[name] = Change(value, error)
    return {"feed-down": changes} if changes else {}


def of_toys(pulls: PullSummary) -> Changes:
    """Bias of the estimate in toys."""
    return {"fit bias": {f"{pulls.toys} toys": Change(*pulls.bias)}}


def _selected(table: SampleTable, mode: Mode) -> SampleTable:
    """True signal in the signal region."""
    true = true_signal(table, mode)
    return true.where(inside(true[mode.mass], mode.window))
