"""Decay models: the names of decay files and the kernels that make their momenta.

Each model has a number that kernels switch on.  A model that is not in :data:`DECAY_MODELS` decays by phase space and
is counted, so that a report can say how many decays that touched.
"""

from __future__ import annotations

from typing import Final

#: numbers of the kernels
PHASE_SPACE: Final = 0
PARTONIC: Final = 1
VECTOR_TO_SCALARS: Final = 2
MIXING_PAIR: Final = 3

#: kernel of every model that is done as it should be, and what it is
DECAY_MODELS: dict[str, tuple[int, str]] = {
    "PHSP": (PHASE_SPACE, "n-body phase space"),
    "PYTHIA": (PARTONIC, "partons hadronised by Pythia"),
    "VSS": (VECTOR_TO_SCALARS, "vector to two scalars; Upsilon(4S) polarised along the beams"),
    "VSS_BMIX": (MIXING_PAIR, "vector to a coherent pair of neutral mesons"),
}
