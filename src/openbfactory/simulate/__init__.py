"""Truth to detector objects: tracks, clusters, identification likelihoods, beam background."""

from openbfactory.simulate.simulation import simulate

__all__ = ["simulate"]
