"""What is measured: candidates of the signal region and of the sidebands, simulated or read from a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

#: ns to fs
FEMTO = 1e6
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
    side_lower
        Whether a candidate of the sidebands is in the lower one.
    signal
        Number of candidates of the signal region, the first ones, that are signal; 0 where that is not known.
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
    side_lower: npt.NDArray[np.bool_]
    signal: int = 0
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


def inside(mass: Array, *ranges: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """True where a mass is in one of the ranges."""
    found = np.zeros(len(mass), bool)
    for low, high in ranges:
        found |= (mass > low) & (mass < high)
    return found
