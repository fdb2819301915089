"""Lifetimes of charmed hadrons from e+e- -> c cbar.

Flow: ``config`` (modes: decay, cuts, windows, published figures) -> ``data`` (the data set made of samples) ->
``measurement`` (the unbinned fit and its variations) -> ``content`` (the report); ``run`` calls them in order.
"""
