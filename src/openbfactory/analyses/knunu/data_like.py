"""The data-like world: simulated "data" that differ from the simulation by known, planted amounts.

The card (``belle2-data``) holds what the detector does differently; ``data_like.yaml`` names it and holds the rates of
processes.  Modules of validation make their "data" with it and must find what was planted.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from openbfactory.core.config import Config, load
from openbfactory.core.quantities import Quantity


class DataLike(Config):
    """Differences of the data-like world.

    Attributes
    ----------
    card
        Name of the detector card of the data.
    rates
        Factors on the number of events of samples.
    klong_from_charm
        Factor on the rate of D mesons to K_L and anything, in B decays.
    fragmentation
        Parameters of the fragmentation of quark pairs.
    """

    card: str
    rates: dict[str, Quantity]
    klong_from_charm: Quantity
    fragmentation: dict[str, Quantity]


@cache
def load_data_like() -> DataLike:
    """The packaged differences."""
    return load(Path(__file__).with_name("data_like.yaml"), DataLike)
