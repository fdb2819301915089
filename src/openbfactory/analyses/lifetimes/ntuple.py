"""The data set of an ntuple that a user brings: candidates in the signal region and in the sidebands.

The selection is that of the user; the ranges of mass are those of the mode.  Columns: ``mode.mass`` [GeV],
``mode.time`` and ``mode.uncertainty`` [ns], and the index columns of an ntuple (:mod:`openbfactory.events.ntuples`);
truth is not looked at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openbfactory.analyses.lifetimes.config import Mode
from openbfactory.analyses.lifetimes.dataset import BLOCKS, FEMTO, DataSet, inside
from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import EventFileError
from openbfactory.events.ntuples import read_ntuple

#: candidates in the signal region that a fit needs
FEWEST = 20


def read_data(path: Path, mode: Mode) -> DataSet:
    """Data set of the candidates of an ntuple; those without a fitted time, or outside all ranges, do not count.

    Raises
    ------
    EventFileError
        For a file that is not right, lacks columns (all of them are named), or has too few candidates to fit.
    """
    table = read_ntuple(path, [mode.mass, mode.time, mode.uncertainty])
    mass, time, sigma = (np.asarray(table[n], np.float64) for n in (mode.mass, mode.time, mode.uncertainty))
    usable = np.isfinite(mass) & np.isfinite(time) & (sigma > 0)
    window, sides = inside(mass, mode.window) & usable, inside(mass, *mode.sidebands) & usable
    findings = Findings(str(path))
    if window.sum() < FEWEST:
        where = f"{mode.window[0]:g} < {mode.mass} < {mode.window[1]:g}"
        findings.error("too-few", mode.mass, f"{window.sum()} of {len(mass)} candidates are in the signal region and "
                       f"have a decay time ({usable.sum()} have one)", expected=f"at least {FEWEST} with {where}")
    if mode.sidebands and not sides.any():
        ranges = " or ".join(f"{low:g} to {high:g}" for low, high in mode.sidebands)
        findings.error("no-sidebands", mode.mass, "no candidate is in the sidebands, which give the background",
                       expected=f"masses of {ranges} GeV too: cut less tightly")
    typical = float(np.median(sigma[usable])) if usable.any() else 1.0
    if not 1e-6 < typical < 0.1:
        findings.error("unit", mode.uncertainty, f"the uncertainty of a decay time is {typical:g} for most candidates",
                       expected="ns, about 1e-4")
    findings.raise_if_errors(EventFileError)
    sizes = (mode.window[1] - mode.window[0], sum(high - low for low, high in mode.sidebands))
    block = np.asarray(table["__event__"], np.int64) % BLOCKS
    background = sizes[0] / sizes[1] * float(sides.sum()) if sizes[1] else 0.0
    return DataSet(FEMTO * time[window], FEMTO * sigma[window], FEMTO * time[sides], FEMTO * sigma[sides],
                   mass[inside(mass, mode.pool) & usable], np.zeros(0), sizes, background, block[window], block[sides],
                   mass[sides] < mode.window[0], simulated=False)
