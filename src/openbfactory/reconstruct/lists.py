"""A particle list: rows of the table of particles, in the order of the events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.decay_string import Decay
from openbfactory.reconstruct.expressions import compile_condition, compile_variable
from openbfactory.reconstruct.particles import offsets_of
from openbfactory.reconstruct.view import View

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: columns that say which event and candidate a row of a table is
INDEX_COLUMNS = ("__experiment__", "__run__", "__event__", "__candidate__", "__ncandidates__", "__weight__")


@dataclass(slots=True)
class ParticleList:
    """Candidates of one kind, of both charges.

    ``list["M"]`` gives a variable of every candidate, lazily computed.

    Attributes
    ----------
    owner
        Where it belongs to.
    name
        Name with label.
    rows : (n,) int64
        Rows in the table of particles, sorted by event.
    recipe
        Text that says how it was made.
    decay
        Decay that it was combined from, None for others.
    self_conjugate
        True where the particle is its own antiparticle.
    """

    owner: Reconstruction
    name: str
    rows: Index
    recipe: str = ""
    decay: Decay | None = None
    self_conjugate: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, variable: str) -> Array:
        """Values (n,) of a variable, or of arithmetic with variables.

        Raises
        ------
        CutError
            When it is unknown, with the nearest name.
        """
        return np.array(compile_variable(variable)(self.view()))

    def view(self) -> View:
        """The candidates as variables see them."""
        return View(self.owner, self.rows)

    def tracks(self, *paths: tuple[int, ...]) -> Index:
        """Rows (n, k) in ``Tracks`` of the daughters at paths such as ``(0, 1)``, -1 for those that are no track."""
        view = self.view()
        return np.stack([view.at(view.daughters(path)).track_rows() for path in paths], axis=1)

    def mask(self, cut: str) -> npt.NDArray[np.bool_]:
        """Mask (n,) of the candidates that pass a cut string."""
        return compile_condition(cut)(self.view())

    @property
    def event(self) -> Index:
        """Index (n,) of the event of each candidate, among those in memory."""
        return self.view().event

    @property
    def offsets(self) -> Index:
        """Candidates of event ``i`` are ``offsets[i]:offsets[i + 1]``."""
        return offsets_of(self.event, len(self.owner.events))

    def selected_variables(self, variables: Iterable[str]) -> list[str]:
        """The variables for every particle that the decay string marks with ``^``; for the mother without any mark."""
        paths = (self.decay.selected_paths() if self.decay else []) or [()]
        names = list(variables)
        if len(paths) == 1 and not paths[0]:
            return names
        return [_nested(aliased(name)[1], path) for path in paths for name in names]

    def table(self, variables: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
        """Columns (n,): numbers of event and candidate, weight, and the variables, in the order of the events.

        Parameters
        ----------
        variables
            Names or arithmetic; ``"mD = daughter(0, M)"`` gives the column the name in front.
        """
        events, index, offsets = self.owner.events, self.event, self.offsets
        counts = np.diff(offsets)
        zero = np.zeros(len(self), np.int32)
        columns: dict[str, npt.NDArray[Any]] = {
            "__experiment__": zero, "__run__": zero, "__event__": events.event[index],
            "__candidate__": (np.arange(len(self)) - offsets[index]).astype(np.int32),
            "__ncandidates__": counts[index].astype(np.int32), "__weight__": events.weight[index]}
        return columns | {name: self[text] for name, text in map(aliased, variables)}


def aliased(text: str) -> tuple[str, str]:
    """Name of the column and variable of ``"variable"`` or ``"name = variable"``."""
    found = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=(?!=)(.*)", text, re.DOTALL)
    return (found[1], found[2].strip()) if found else (text, text)


def _nested(variable: str, path: tuple[int, ...]) -> str:
    """Name of a variable of the particle that the indices lead to."""
    for index in reversed(path):
        variable = f"daughter({index}, {variable})"
    return variable
