"""Validation of B+ -> K+ nu nubar: one module a check, each ``obf run knunu.NAME``.

A check makes "data" of the data-like world (:mod:`openbfactory.analyses.knunu.data_like`) and a simulation, measures
how they differ, and says whether what was planted was found.  :mod:`.shell` holds the common record and report.
"""
