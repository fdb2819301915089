"""The data set: decay times in the signal region and in the sidebands, made of signal and background candidates.

Signal is the enriched sample at the luminosity of the data set.  Background is what generic samples leave in the wide
mass range ``pool`` (signal decays taken out): as many candidates as are expected in each region are drawn from it with
replacement, each time moved by a Gaussian of its own uncertainty, because a generic sample as large as the data set
would take days; with fewer than :data:`LEAST` there it has none.  Candidates that are the hadron, reconstructed whole
(another way of the same decay), are no background.

Approximation: the background has the same decay times over the whole range of masses, a flat mass, and a resolution
that is wider by the Gaussian of the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.core.errors import InputError
from openbfactory.pipeline.tables import SampleTable

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: ns to fs
FEMTO = 1e6
#: candidates of generic samples from which a background is drawn
LEAST = 30
#: blocks of the data set whose differences give the uncertainty of systematic changes
BLOCKS = 100


@dataclass(frozen=True, slots=True)
class DataSet:
    """Candidates of the signal region and of the sidebands.

    Attributes
    ----------
    time, sigma
        Decay times and uncertainties in the signal region, fs.
    side_time, side_sigma
        The same in the sidebands.
    mass
        Masses of all candidates in the pool's range, GeV.
    residual
        Measured minus generated time of true signal in the signal region, fs; empty without truth.
    sizes
        Ranges of mass: width of the signal region, width of the sidebands.
    background
        Background candidates expected in the signal region.
    block, side_block
        Block (below :data:`BLOCKS`) of each candidate: by its event, so that an event simulated again stays in it.
    simulated
        False for data of a file.
    """

    time: Array
    sigma: Array
    side_time: Array
    side_sigma: Array
    mass: Array
    residual: Array
    sizes: tuple[float, float]
    background: float
    block: Rows
    side_block: Rows
    simulated: bool = True

    @property
    def label(self) -> str:
        """What points of figures are."""
        return "simulated data" if self.simulated else "data"

    @property
    def purity(self) -> tuple[float, float]:
        """Share of signal in the signal region from the sidebands, and its standard deviation; 1, 0 without them."""
        if not self.sizes[1]:
            return 1.0, 0.0
        scale, total = self.sizes[0] / self.sizes[1], len(self.time)
        return 1.0 - scale * len(self.side_time) / total, max(scale * np.sqrt(len(self.side_time)) / total, 1e-4)


def times(table: SampleTable, mode: Mode) -> tuple[Array, Array, Array]:
    """Mass [GeV], decay time and its uncertainty [fs] of candidates."""
    return table[mode.mass], FEMTO * table[mode.time], FEMTO * table[mode.uncertainty]


def true_signal(table: SampleTable, mode: Mode) -> SampleTable:
    """Candidates that are the signal, with a fitted time, in the pool's range."""
    return table.where((table["isSignal"] == 1) & _usable(table, mode))


def _usable(table: SampleTable, mode: Mode) -> npt.NDArray[np.bool_]:
    mass, time, sigma = times(table, mode)
    return np.isfinite(time) & (sigma > 0) & (mass > mode.pool[0]) & (mass < mode.pool[1])


def inside(mass: Array, *ranges: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """True where a mass is in one of the ranges."""
    found = np.zeros(len(mass), bool)
    for low, high in ranges:
        found |= (mass > low) & (mass < high)
    return found


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
    return DataSet(here[0], here[1], beside[0], beside[1], np.concatenate([mass, flat]),
                   residual[np.isfinite(residual)], sizes, density * sizes[0], here[2], beside[2])
