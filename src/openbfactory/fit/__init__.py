"""Templates and samples to likelihoods, estimates, limits, toys and combinations."""
