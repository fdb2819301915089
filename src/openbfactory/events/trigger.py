"""Names of the first-level trigger lines: bit i of the words in ``TRGSummary`` is line i.

Names as in the experiments' trigger menus; what each requires stands in
:mod:`openbfactory.simulate.trigger`, the thresholds in the cards.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.core.errors import UnknownNameError

#: first-level lines in the order of their bits
L1_LINES = ("fff", "ffo", "stt", "hie", "c4", "lml0", "lml1", "lml12", "cdcklm", "single_photon", "ffy",
            "fyo")


def fired(words: npt.NDArray[Any], line: str) -> npt.NDArray[np.bool_]:
    """Whether a line fired, (n,), from ``TRGSummary`` words (``L1FTDL`` or ``L1PSNM``).

    Raises
    ------
    UnknownNameError
        For a line that does not exist, with the nearest.
    """
    if line not in L1_LINES:
        raise UnknownNameError("trigger line", line, L1_LINES)
    bits: npt.NDArray[np.bool_] = (words >> L1_LINES.index(line)) & 1 == 1
    return bits
