"""Cuts, cutflows, efficiencies, binnings, classifiers and the quantile transform.

What to use when: :mod:`.cuts` turns a cut string into a mask over columns,
:mod:`.cutflow` counts what the cuts leave, :mod:`.intervals` gives efficiencies
and counts their uncertainties, :mod:`.classifier` trains and applies boosted
trees, :mod:`.transform` turns a classifier output into eta (one minus the total
signal efficiency), :mod:`.reweighting` weights a simulation to data,
:mod:`.binning` fills histograms and fit templates.
"""
