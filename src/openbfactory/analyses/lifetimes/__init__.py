"""Lifetimes of charmed hadrons from e+e- -> c cbar.

Flow: ``config`` (modes: decay, cuts, windows, published figures) -> ``data`` (samples, and the data set made of them) ->
``measurement`` (the unbinned fit and its variations) -> ``content`` (the report); ``run`` calls them in order.
"""
