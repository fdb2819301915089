"""Other processes in the data: how many, and pseudomasses drawn from what small samples of them leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.measurement import Calibration, pseudomasses
from openbfactory.analyses.tau_mass.samples import Source
from openbfactory.analyses.tau_mass.tracks import selected
from openbfactory.core.random import Address
from openbfactory.pipeline.tables import SampleTable

Array = npt.NDArray[np.float64]

#: standard deviation of the smearing of background pseudomasses [GeV]: a few events are drawn many times
SMEARING = 0.03


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

    Pseudomasses are drawn with replacement and smeared, as many as the data set has.
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
    if len(pool):
        rng = address.at("background").generator()
        many = rng.choice(pool, rng.poisson(scale * len(pool)))
        pool = many + SMEARING * rng.standard_normal(len(many))
    return Background(pool, counted, scale)
