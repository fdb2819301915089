"""B+ -> K+ nu nubar with the inclusive tag (Phys. Rev. D 109, 112006), thin but with every stage real.

Flow: ``config`` (sizes, cuts, fit region) -> ``chunk`` (one chunk: generate,
simulate, reconstruct, preselect) -> ``training`` (BDT1, BDT2 in two folds) ->
``templates`` (expected events, workspace) -> ``measurement`` (fits) ->
``content`` (the report); ``run`` calls them in order.
"""
