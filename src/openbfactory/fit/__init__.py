"""Templates and samples to likelihoods, estimates, limits, toys and combinations.

Start at :func:`openbfactory.fit.estimate.estimate` (fit a workspace),
:func:`openbfactory.fit.estimate.scan`, :func:`openbfactory.fit.build.build_workspace`
(templates to a workspace) and :func:`openbfactory.fit.workspace.read_workspace`.
"""
