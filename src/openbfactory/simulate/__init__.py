"""Truth to detector objects: tracks, clusters, identification likelihoods, beam background."""

from openbfactory.simulate.simulation import Counts, simulate, simulate_counted

__all__ = ["Counts", "simulate", "simulate_counted"]
