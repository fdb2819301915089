"""Shape of the continuum: the weights of BDTc as a variation of the templates (contW, 100 % of the correction).

``obf run knunu.off_resonance`` writes the weights to ``continuum.json`` in its folder; ``obf run knunu --from`` that
folder takes them for the variation ``contW`` in the place of the quoted sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.select.reweighting import Reweighting, load_reweighting

#: file of the weights in the folder of the check
FILE = "continuum.json"


def load_continuum(folder: Path) -> Reweighting:
    """Weights of the folder of a finished check.

    Raises
    ------
    InputError
        When there are none, or the file is damaged.
    """
    return load_reweighting(folder / FILE)


def vary_continuum(columns: Mapping[str, npt.NDArray[Any]], weights: Reweighting) -> dict[str, npt.NDArray[Any]]:
    """Columns with ``contW_up`` = c and ``contW_down`` = 2 - c, c being the weight (at most 2): a shift by c - 1."""
    factor = np.clip(weights(columns), 0.0, 2.0).astype(np.float32)
    return {**columns, "contW_up": factor, "contW_down": 2.0 - factor}
