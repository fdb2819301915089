"""Parts of the data set, each measured by itself: whether lifetimes scatter as their uncertainties say.

Events are dealt to the parts by their number, so that the parts share no event; each estimates its own purity and
shapes.  Parts of simulated data have pulls from the generated lifetime, those of an ntuple from that of the whole
(then 1 / parts of the variance is missing from the width).  Of n decays a pull has mean -1 / sqrt(n) even where
nothing is wrong: the uncertainty grows with the estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from openbfactory.analyses.lifetimes.dataset import BLOCKS, DataSet
from openbfactory.analyses.lifetimes.measurement import Measurement, settled_model
from openbfactory.core.errors import FitError
from openbfactory.fit.unbinned_toys import UnbinnedToys

#: candidates of the signal region in a part, at least; number of parts, at least
LEAST, FEWEST = 300, 10


def parts(data: DataSet) -> Iterator[DataSet]:
    """Disjoint parts, :data:`BLOCKS` or as many as have enough candidates."""
    number = min(BLOCKS, len(data.time) // LEAST)
    for k in range(number):
        one, two = data.block % number == k, data.side_block % number == k
        yield replace(data, time=data.time[one], sigma=data.sigma[one], side_time=data.side_time[two],
                      side_sigma=data.side_sigma[two], block=data.block[one], side_block=data.side_block[two],
                      side_lower=data.side_lower[two], signal=0)


def subsamples(data: DataSet, found: Measurement, truth: float) -> UnbinnedToys | None:
    """Lifetimes of the parts against a value [fs]; None where there are too few candidates for parts."""
    values, failed = [], 0
    for part in parts(data):
        try:
            best = settled_model(part, found.model, found.fit)[0]
        except FitError:
            failed += 1
            continue
        if any(words.startswith("tau ") for words in best.warnings):
            failed += 1
            continue
        values.append(best["tau"])
    if len(values) < FEWEST:
        return None
    estimates = np.array(values)
    return UnbinnedToys({"tau": truth}, estimates[:, :1], estimates[:, 1:], failed)
