"""Mass of the tau from the edge of the pseudomass of tau -> 3 pi nu.

Flow: ``config`` (selection, presets, variations, published figures) -> ``samples`` (tables of candidates) ->
``calibration`` (momentum scale from D0 masses, energy of the beams from B mesons) -> ``measurement`` (fit of the edge,
bias of the estimate) -> ``systematics`` (runs that vary card, generator or fit) -> ``content`` (the report); ``run``
calls them in order.
"""
