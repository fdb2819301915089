"""What changes the mass: other cards and generators, other fits, the uncertainties of the calibrations.

Cards: the same collisions simulated with another detector, and the mean change of the pseudomass of the candidates that
both have in the range of the fit; the momentum scale is not calibrated again, so part of it counts twice.
Generators: the change of the fitted edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import TauMass, Variation
from openbfactory.analyses.tau_mass.measurement import MEGA, Bias, Calibration, Range, bias, edge, pseudomasses
from openbfactory.analyses.tau_mass.samples import Source, Tracks, selected
from openbfactory.core.errors import FitError, InputError
from openbfactory.experiment import Machine
from openbfactory.pipeline.generation import Energy

Array = npt.NDArray[np.float64]

#: largest residual of a pseudomass that counts in their mean, MeV
TAIL = 40.0


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mass and its statistical uncertainty [MeV], and the share of it that is counted."""

    value: float
    uncertainty: float
    counted: float = 1.0


#: changes by source and name
Changes = dict[str, dict[str, Change]]


@dataclass(frozen=True, slots=True)
class Samples:
    """Selected taus of the data and of the simulation by generated mass [GeV], with and without the trigger.

    ``background`` holds pseudomasses [GeV] of other processes in the data, ``collisions`` is the number of tau pairs.
    """

    data: Tracks
    background: Array
    simulated: Mapping[float, Tracks]
    data_all: Tracks
    simulated_all: Mapping[float, Tracks]
    collisions: int


def corrected(samples: Samples, machine: Machine, known: Calibration, limits: Range, form: str = "quadratic", *,
              trigger: bool = True, background: bool = True) -> tuple[float, Bias]:
    """Edge of the data minus bias [MeV], and the bias, of a choice of fit and selection."""
    nominal = Calibration.nominal(machine)
    chosen, others = (samples.data, samples.simulated) if trigger else (samples.data_all, samples.simulated_all)
    found = bias({m: pseudomasses(t, machine, nominal) for m, t in others.items()}, limits, form)
    mass = pseudomasses(chosen, machine, known)
    mass = np.concatenate([mass, samples.background]) if background else mass
    return edge(mass, limits, form)[0] - found.mean[0], found


def of_the_fit(samples: Samples, machine: Machine, known: Calibration, config: TauMass, sigma: float) -> Changes:
    """Changes by other fits and selections, and by the uncertainties of bias and calibrations."""
    nominal, found = corrected(samples, machine, known, config.range)
    mass, slope = nominal, found.slope
    changes: Changes = {
        "estimator bias": {"statistics of the simulation": Change(found.mean[1], 0.0)},
        "mass dependence of the bias": {"slope": Change(slope[0] * (mass - MEGA * float(np.mean([*found.points]))),
                                                        slope[1] * sigma)}}

    def add(source: str, name: str, **other: object) -> None:
        options = {"limits": config.range, **other}
        try:
            value = corrected(samples, machine, known, **options)[0] - nominal  # type: ignore[arg-type]
        except (FitError, InputError):
            value = float("nan")
        changes.setdefault(source, {})[name] = Change(value, 0.0)

    add("fit function", "linear form", form="linear")
    for low, high in config.other_ranges:
        add("fit range", f"{low:g} to {high:g} GeV", limits=(low, high))
    add("trigger", "not asked for", trigger=False)
    add("background", "left out", background=False)
    return changes | _of_the_calibration(samples, machine, known, config.range)


def _of_the_calibration(samples: Samples, machine: Machine, known: Calibration, limits: Range) -> Changes:
    """Changes by one standard deviation of the energy, and along each axis of the momentum scale's covariance."""
    def shifted(calibration: Calibration) -> float:
        near = pseudomasses(samples.data, machine, known)
        inside = (near > limits[0]) & (near < limits[1])
        return MEGA * float(np.mean((pseudomasses(samples.data, machine, calibration) - near)[inside]))

    energy, scale = known.energy, known.momentum
    moved = replace(known, energy=replace(energy, value=energy.value + energy.uncertainty))
    size, axes = np.linalg.eigh(scale.covariance)
    steps = np.sqrt(np.maximum(size, 0.0))[:, None] * axes.T
    along = [shifted(replace(known, momentum=replace(scale, factors=scale.factors + s.reshape(scale.factors.shape))))
             for s in steps]
    return {"beam energy": {f"sqrt(s) {MEGA * energy.uncertainty:+.2f} MeV": Change(shifted(moved), 0.0)},
            "momentum scale": {"uncertainty of the factors": Change(float(np.sqrt(np.sum(np.square(along)))), 0.0)}}


def matched(one: Tracks, other: Tracks, machine: Machine, limits: Range, known: tuple[Calibration, Calibration],
            ) -> Change:
    """Mean change from ``one`` to ``other`` of the pseudomass of the candidates that both have in the range."""
    _, i, j = np.intersect1d(one.event, other.event, return_indices=True)
    a, b = pseudomasses(one.take(i), machine, known[0]), pseudomasses(other.take(j), machine, known[1])
    inside = (a > limits[0]) & (a < limits[1]) & (b > limits[0]) & (b < limits[1])
    if inside.sum() < 2:
        return Change(float("nan"), float("nan"))
    away = MEGA * (b - a)[inside]
    return Change(float(away.mean()), float(away.std() / np.sqrt(len(away))))


def residual(tracks: Tracks, machine: Machine, limits: Range, known: Calibration, sqrt_s: float) -> Change:
    """Mean of the pseudomass minus that of the true momenta and energy [GeV], of true pseudomasses in the range."""
    assert tracks.true is not None
    seen = tracks.take(np.asarray(np.isfinite(tracks.true).all(axis=(1, 2))))
    assert seen.true is not None
    nominal = Calibration.nominal(machine)
    truth = replace(nominal, energy=replace(nominal.energy, value=sqrt_s))
    true = pseudomasses(replace(seen, p=seen.true), machine, truth)
    away = MEGA * (pseudomasses(seen, machine, known) - true)
    away = away[(true > limits[0]) & (true < limits[1]) & (np.abs(away) < TAIL)]
    if len(away) < 2:
        return Change(float("nan"), float("nan"))
    return Change(float(away.mean()), float(away.std() / np.sqrt(len(away))))


def of_the_variations(source: Source, samples: Samples, luminosity: float) -> Changes:
    """Changes by runs of other cards and generators, against the same part of the data."""
    changes: Changes = {}
    for k, variation in enumerate(source.config.variations):
        changes.setdefault(variation.effect, {})[variation.name] = _varied(source, k, variation, samples, luminosity)
    return changes


def _varied(source: Source, number: int, variation: Variation, samples: Samples, luminosity: float) -> Change:
    """Change by one variation."""
    config, machine = source.config, source.machine
    there = source.varied(f"variations/{number:02d}", variation.card, Energy(**variation.energy))  # type: ignore[arg-type]
    table, _ = there.taus(there.pairs(luminosity, samples.collisions), decays=variation.decays)
    other = selected(table, config.tau, machine)
    known = Calibration.nominal(machine)
    one = samples.data.take(samples.data.event < table.events)
    if variation.card:
        found = matched(one, other, machine, config.range, (known, known))
        return replace(found, counted=variation.counted)
    try:
        new, old = (edge(pseudomasses(t, machine, known), config.range) for t in (other, one))
    except (FitError, InputError):
        return Change(float("nan"), float("nan"), variation.counted)
    return Change(new[0] - old[0], float(np.hypot(new[1], old[1])), variation.counted)


def total(changes: Mapping[str, Change], *, largest: bool) -> float:
    """Systematic uncertainty of a source [MeV]: the largest counted change, or the root of the sum of squares."""
    sizes = [abs(c.value) * c.counted for c in changes.values() if np.isfinite(c.value)]
    return max(sizes, default=0.0) if largest else float(np.sqrt(np.sum(np.square(sizes))))
