"""The data set: decay times in the signal region and in the sidebands, made of signal and background candidates.

Signal is the enriched sample at the luminosity of the data set.  Background is what generic samples leave in the wide
mass range ``pool`` (signal decays taken out): as many candidates as are expected in each region are drawn from it with
replacement, each time moved by a Gaussian of its own uncertainty, because a generic sample as large as the data set
would take days; with fewer than :data:`LEAST` there it has none.  Candidates that are the hadron, reconstructed whole
(another way of the same decay), are no background.

Approximation: the background has the same decay times over the whole range of masses (also in both sidebands), a flat
mass, and a resolution that is wider by the Gaussian of the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.dataset import BLOCKS, FEMTO, DataSet, inside
from openbfactory.core.errors import InputError
from openbfactory.pipeline.tables import SampleTable

Array = npt.NDArray[np.float64]

#: candidates of generic samples from which a background is drawn
LEAST = 30


def times(table: SampleTable, mode: Mode) -> tuple[Array, Array, Array]:
    """Mass [GeV], decay time and its uncertainty [fs] of candidates."""
    return table[mode.mass], FEMTO * table[mode.time], FEMTO * table[mode.uncertainty]


def true_signal(table: SampleTable, mode: Mode) -> SampleTable:
    """Candidates that are the signal, with a fitted time, in the pool's range."""
    return table.where((table["isSignal"] == 1) & _usable(table, mode))


def _usable(table: SampleTable, mode: Mode) -> npt.NDArray[np.bool_]:
    mass, time, sigma = times(table, mode)
    return np.isfinite(time) & (sigma > 0) & (mass > mode.pool[0]) & (mass < mode.pool[1])


def make_data(mode: Mode, signal: SampleTable, generic: Mapping[str, SampleTable], scale: float,
              rng: np.random.Generator) -> DataSet:
    """The data set of a mode.

    Parameters
    ----------
    signal
        Candidates of the enriched sample, as many as the data set has.
    generic
        Candidates of the generic samples.
    scale
        Luminosity of the data set over that of the generic samples.
    rng
        Draws the background.

    Raises
    ------
    InputError
        Without signal candidates in the signal region.
    """
    true = true_signal(signal, mode)
    mass, time, sigma = times(true, mode)
    window, sides = inside(mass, mode.window), inside(mass, *mode.sidebands)
    if not window.any():
        message = f"{mode.title}: no candidate in the signal region among {signal.events} events of {mode.sample}"
        raise InputError(message)
    parts = [times(t.where(_usable(t, mode) & (t[mode.is_genuine] == 0)), mode) for t in generic.values()]
    pool = [np.concatenate([p[k] for p in parts]) if parts else np.zeros(0) for k in range(3)]
    if len(pool[0]) < LEAST:
        pool = [np.zeros(0)] * 3
    sizes = (mode.window[1] - mode.window[0], sum(high - low for low, high in mode.sidebands))
    density = len(pool[0]) * scale / (mode.pool[1] - mode.pool[0])
    if mode.loose and len(pool[0]):
        density = window.sum() * (1 / mode.published.purity - 1) / sizes[0]
    drawn = [rng.integers(0, max(len(pool[0]), 1), rng.poisson(density * s) if len(pool[0]) else 0) for s in sizes]
    flat = rng.uniform(*mode.pool, rng.poisson(density * (mode.pool[1] - mode.pool[0])))
    residual = time[window] - FEMTO * true[mode.truth][window]
    here, beside = ((np.concatenate([time[where], rng.normal(pool[1][rows], pool[2][rows])]),
                     np.concatenate([sigma[where], pool[2][rows]]),
                     np.concatenate([true["__event__"][where], rows]) % BLOCKS)
                    for where, rows in zip((window, sides), drawn, strict=True))
    lower = rng.random(len(beside[0])) * sizes[1] < sum(high - low for low, high in mode.sidebands[:1])
    return DataSet(here[0], here[1], beside[0], beside[1], np.concatenate([mass, flat]),
                   residual[np.isfinite(residual)], sizes, density * sizes[0], here[2], beside[2], lower,
                   int(window.sum()))
