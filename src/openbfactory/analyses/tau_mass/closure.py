"""Shifts planted in another data set of the same collisions, and what the calibrations make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from openbfactory.analyses.tau_mass.config import Planted, Range
from openbfactory.analyses.tau_mass.measurement import MEGA, Bias, Calibration, edge, pseudomasses
from openbfactory.analyses.tau_mass.samples import Source
from openbfactory.analyses.tau_mass.systematics import Change, Samples, of_the_calibration
from openbfactory.analyses.tau_mass.tracks import Tracks, selected
from openbfactory.experiment import Machine
from openbfactory.pipeline.generation import Energy

#: largest residual of a pseudomass that counts in their mean, MeV
TAIL = 40.0


@dataclass(frozen=True, slots=True)
class Closure:
    """Planted shifts, the calibration found, the change of the mean pseudomass against truth without and with it.

    ``mass`` is the corrected edge minus its bias, with its statistical uncertainty (data and simulation), MeV.
    """

    planted: Planted
    known: Calibration
    before: Change
    after: Change
    mass: tuple[float, float]


def planted_source(source: Source) -> Source:
    """Data set with the planted shifts."""
    planted = source.config.planted
    return source.varied("planted", Energy(shift=planted.energy), {"switches": {"momentum": planted.momentum}})


def closure(there: Source, known: Calibration, samples: Samples, bias: Bias) -> Closure:
    """What a calibration of the data set with planted shifts makes of its taus.

    The uncertainty of the corrected change holds those of momentum scale and energy.
    """
    config, machine = there.config, there.machine
    planted, nominal, limits = config.planted, Calibration.nominal(machine), config.range
    table = there.at("tau").taus(there.pairs(planted.luminosity, samples.pairs))
    other = selected(table, config.tau, machine)
    one = residual(samples.reference, machine, limits, nominal, machine.sqrt_s)
    two = [residual(other, machine, limits, k, machine.sqrt_s + planted.energy) for k in (nominal, known)]
    before, after = (Change(t.value - one.value, float(np.hypot(t.uncertainty, one.uncertainty))) for t in two)
    more = [c.value for found in of_the_calibration(other, machine, known, limits).values() for c in found.values()]
    after = replace(after, uncertainty=float(np.sqrt(after.uncertainty**2 + np.sum(np.square(more)))))
    value, sigma = edge(pseudomasses(other, machine, known), limits, config.forms[0])
    sigma = float(np.sqrt(sigma**2 + bias.mean[1] ** 2 + np.sum(np.square(more))))
    return Closure(planted, known, before, after, (value - bias.mean[0], sigma))


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
