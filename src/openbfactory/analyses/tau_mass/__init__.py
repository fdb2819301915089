"""Mass of the tau from the edge of the pseudomass of tau -> 3 pi nu.

Flow: ``config`` (selection, presets, variations, published figures) -> ``samples``, ``tracks`` (candidates and their
selection), ``background``, ``data`` (an ntuple in the place of simulated data) -> ``momentum_scale`` (from D0 masses),
``beam_energy`` (from B mesons) -> ``datasets`` (all of these) -> ``measurement`` (edge and bias) -> ``systematics``
(other fits), ``variations`` (runs of other cards and generators), ``closure`` (planted shifts) -> ``result``,
``record`` and ``content``, ``sections``, ``figures`` (the report); ``run`` calls them in order.
"""
