"""Estimates and likelihoods to model parameters: empty until the inference issue fills it."""
