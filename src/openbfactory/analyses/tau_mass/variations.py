"""Runs of other cards and generators: the change of the edge, with the uncertainty of the difference.

The collisions are those of a part of the data, so that samples of another detector fluctuate with it (a jackknife over
groups of collisions gives the uncertainty).  What moves all momenta is the mean change of the pseudomass of common
candidates, which is known better than that of the edge where the detector draws other random numbers.  The momentum
scale is not calibrated again: a part of what moves the momenta counts twice.  Another a1 meson weighs the events of the
data: its propagator is a factor of the whole amplitude.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.beam_energy import BeamEnergy
from openbfactory.analyses.tau_mass.config import Range, Variation
from openbfactory.analyses.tau_mass.measurement import MEGA, Calibration, pseudomasses
from openbfactory.analyses.tau_mass.momentum_scale import MomentumScale
from openbfactory.analyses.tau_mass.samples import Source
from openbfactory.analyses.tau_mass.systematics import Change, Changes, Samples
from openbfactory.analyses.tau_mass.tracks import Tracks, selected
from openbfactory.core.errors import FitError, InputError
from openbfactory.experiment import Machine, load_card
from openbfactory.fit.pseudomass import Sample, edge_change
from openbfactory.generate.taudecay import a1_width
from openbfactory.physics.decaycache import load_decay_table
from openbfactory.pipeline.generation import Energy

Array = npt.NDArray[np.float64]

#: largest change of a pseudomass that counts in their mean, MeV
TAIL = 40.0
#: squared masses of three pions [GeV^2] between which the width of the a1 is interpolated
GRID = np.linspace(0.18, 3.2, 400)


def of_the_variations(source: Source, samples: Samples, luminosity: float) -> Changes:
    """Changes by runs of other cards and generators, against the same collisions of the nominal one."""
    changes: Changes = {}
    for k, variation in enumerate(source.config.variations):
        changes.setdefault(variation.effect, {})[variation.name] = _varied(source, k, variation, samples, luminosity)
    return changes


def _varied(source: Source, number: int, variation: Variation, samples: Samples, luminosity: float) -> Change:
    """Change by one variation."""
    machine, data = source.machine, samples.reference
    if variation.read:
        card = source.at(f"variations/{number:02d}").changed_card(machine=variation.machine)
        one, other = _sample(data, machine), _sample(data, load_card(card).machine, machine.sqrt_s)
    elif variation.a1:
        one, other = _sample(data, machine), _sample(data, machine, weights=a1_weights(data, variation.a1))
    else:
        energy = Energy(**variation.energy)  # type: ignore[arg-type]
        there = source.varied(f"variations/{number:02d}", energy, variation.detector)
        table = there.taus(there.pairs(luminosity, samples.pairs), decays=variation.decays)
        one = _sample(data.take(data.event < table.events), machine)
        other = _sample(selected(table, source.config.tau, machine), machine)
    change = moved if variation.mean else changed
    return change(one, other, source.config.range, variation.counted)


def changed(one: Sample, other: Sample, limits: Range, counted: float = 1.0) -> Change:
    """Change of the edge from one sample to another; not a number where there is no fit."""
    try:
        value, sigma = edge_change(one, other, limits)
    except (FitError, InputError):
        return Change(float("nan"), float("nan"), counted)
    return Change(MEGA * value, MEGA * sigma, counted)


def moved(one: Sample, other: Sample, limits: Range, counted: float = 1.0) -> Change:
    """Mean change of the pseudomass of the candidates that both have in the range; not a number without them."""
    _, i, j = np.intersect1d(one.collision, other.collision, return_indices=True)
    inside = np.logical_and.reduce([(m > limits[0]) & (m < limits[1]) for m in (one.mass[i], other.mass[j])])
    away = MEGA * (other.mass[j] - one.mass[i])[inside]
    away = away[np.abs(away) < TAIL]
    if len(away) < 2:
        return Change(float("nan"), float("nan"), counted)
    return Change(float(away.mean()), float(away.std() / np.sqrt(len(away))), counted)


def _sample(tracks: Tracks, machine: Machine, sqrt_s: float | None = None, weights: Array | None = None) -> Sample:
    """Pseudomasses of selected taus with momenta and energy as they are believed to be."""
    known = Calibration(MomentumScale.none(), BeamEnergy(sqrt_s or machine.sqrt_s, 0.0))
    return Sample(pseudomasses(tracks, machine, known), np.asarray(tracks.event, np.int64), weights)


def a1_weights(tracks: Tracks, a1: Range) -> Array:
    """Weights (n,) of events for an a1 of another mass and width [GeV], with mean 1; 1 where the truth is not known.

    They are those of |BW(q^2)|^2, BW = m^2 / (m^2 - q^2 - i m^2 gamma g(q^2) / g(m^2)), at the true mass of the pions.
    """
    assert tracks.true is not None
    table = load_decay_table()
    channel = next(c for c in table.channels_of("tau-") if table.models[table.model[c]] == "TAUHADNU")
    parameters = table.parameters_of(channel)
    p4 = Tracks(tracks.true, tracks.charge, tracks.event).p4("pi+", "pi+", "pi+").sum(axis=1)
    q2 = p4[:, 0] ** 2 - np.sum(p4[:, 1:] ** 2, axis=1)
    pion, rho = float(table.mass[table.index["pi+"]]), float(parameters[1])
    width = np.array([a1_width(x, pion, rho) for x in GRID.tolist()])

    def size(mass: float, gamma: float) -> Array:
        running = np.interp(q2, GRID, width) / a1_width(mass * mass, pion, rho)
        found: Array = mass**4 / ((mass * mass - q2) ** 2 + (mass * mass * gamma * running) ** 2)
        return found

    ratio = size(*a1) / size(float(parameters[5]), float(parameters[6]))
    known = np.isfinite(q2)
    return np.where(known, ratio / ratio[known].mean(), 1.0)
