"""Other processes in the data: how many, and pseudomasses drawn from a smooth shape of small samples of them.

Few candidates are left, and nothing in them knows the mass of the tau: their shape is an exponential of the pseudomass
over a wider range than that of the fit.  Drawing the few candidates again and again, even smeared by 30 MeV, gives the
data set lumps that move the edge (0.09 MeV at 80 fb^-1 where the statistics of the background alone gives 0.05).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import Range
from openbfactory.analyses.tau_mass.measurement import Calibration, pseudomasses
from openbfactory.analyses.tau_mass.samples import Source
from openbfactory.analyses.tau_mass.tracks import selected
from openbfactory.core.random import Address
from openbfactory.pipeline.tables import SampleTable

Array = npt.NDArray[np.float64]

#: how far the shape reaches beyond the range of the fit [GeV], below and above
BEYOND = (0.2, 0.1)
#: steps of Newton's method for its slope
STEPS = 20


@dataclass(frozen=True, slots=True)
class Background:
    """Candidates of other processes.

    Attributes
    ----------
    masses
        Pseudomasses of those in the data [GeV].
    counted
        Candidates of each sample in the range of the fit, and without asking for the trigger.
    scale
        Luminosity of the data over that of the samples.
    """

    masses: Array
    counted: Mapping[str, tuple[int, int]]
    scale: float

    @property
    def expected(self) -> dict[str, tuple[float, float]]:
        """Candidates of each process in the data, and their standard deviation (that of one event for none)."""
        return {k: (self.scale * n, self.scale * max(n, 1) ** 0.5) for k, (n, _) in self.counted.items()}


def background(samples: Mapping[str, SampleTable], source: Source, luminosity: float, data: float,
               address: Address) -> Background:
    """Background of a data set from samples of other processes; luminosities in fb^-1.

    Pseudomasses are drawn from the exponential that describes those of all samples, as many as the data set has.
    """
    config, machine = source.config, source.machine
    nominal, low, high = Calibration.nominal(machine), *config.range
    parts, counted = [np.zeros(0)], {}
    for name, table in samples.items():
        both = [pseudomasses(selected(table, config.tau, machine, trigger=t), machine, nominal) for t in (True, False)]
        parts.append(both[0])
        inside = [int(np.sum((m > low) & (m < high))) for m in both]
        counted[name] = (inside[0], inside[1])
    pool, scale = np.concatenate(parts), data / luminosity if luminosity else 0.0
    ends = (low - BEYOND[0], high + BEYOND[1])
    near = pool[(pool > ends[0]) & (pool < ends[1])]
    rng = address.at("background").generator()
    return Background(drawn(rng, rng.poisson(scale * len(near)), slope(near, ends), ends), counted, scale)


def slope(mass: Array, ends: Range) -> float:
    """Slope a [1/GeV] of the density exp(a m) between two ends that is most likely for some masses, 0 for none.

    The mean over the density, c + (w / 2) (coth u - 1 / u) with u = a w / 2 at the middle c of the width w, is that of
    the masses.
    """
    if not len(mass):
        return 0.0
    width, middle = ends[1] - ends[0], 0.5 * (ends[0] + ends[1])
    wanted, u = float(mass.mean() - middle) / (0.5 * width), 0.0
    for _ in range(STEPS):
        far = abs(u) > 1e-3
        value = 1 / np.tanh(u) - 1 / u if far else u / 3
        u -= (value - wanted) / (1 / u**2 - 1 / np.sinh(u) ** 2 if far else 1 / 3)
    return 2 * float(u) / width


def drawn(rng: np.random.Generator, count: int, a: float, ends: Range) -> Array:
    """Masses (count,) with the density exp(a m) between two ends."""
    share, width = rng.random(count), ends[1] - ends[0]
    return ends[0] + (np.log1p(share * np.expm1(a * width)) / a if abs(a * width) > 1e-9 else share * width)
