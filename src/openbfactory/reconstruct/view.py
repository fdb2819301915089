"""Views: some particles seen from a frame, which is what variables are computed for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from openbfactory.reconstruct.particles import ECL_CLUSTER, KLM_CLUSTER, TRACK, Particles
from openbfactory.reconstruct.vectors import in_rest_frame

if TYPE_CHECKING:
    from openbfactory.reconstruct.reconstruction import Reconstruction

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class View:
    """Particles ``rows`` (n,) seen from the rest frame of ``frame`` (n, 4), from the laboratory where it is None."""

    __slots__ = ("_p4", "frame", "owner", "rows")

    def __init__(self, owner: Reconstruction, rows: Index, frame: Array | None = None) -> None:
        self.owner, self.rows, self.frame = owner, rows, frame
        self._p4: Array | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def particles(self) -> Particles:
        """Table that ``rows`` point into."""
        return self.owner.particles

    @property
    def p4(self) -> Array:
        """E, px, py, pz (n, 4) [GeV] in the frame of the view."""
        if self._p4 is None:
            self._p4 = self.seen(self.lab)
        return self._p4

    @property
    def lab(self) -> Array:
        """E, px, py, pz (n, 4) [GeV] in the laboratory."""
        found: Array = self.particles["p4"][self.rows]
        return found

    def seen(self, p4: Array) -> Array:
        """Four-momenta (n, 4) or (4,) of the laboratory in the frame of the view."""
        return p4 if self.frame is None else in_rest_frame(p4, self.frame)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Column of the table of particles."""
        return self.particles[name][self.rows]

    @property
    def event(self) -> Index:
        """Event (n,) of each particle."""
        found: Index = self.particles["event"][self.rows]
        return found

    def at(self, rows: Index, select: Any = slice(None)) -> View:
        """Other particles seen from the same frame; ``select`` says which of this view's frames."""
        return View(self.owner, rows, None if self.frame is None else self.frame[select])

    def from_frame(self, frame: Array | None) -> View:
        """The same particles from the rest frame of four-momenta (n, 4) or (4,), from the laboratory for None."""
        return View(self.owner, self.rows, None if frame is None else np.broadcast_to(frame, (len(self), 4)))

    def daughters(self, path: tuple[int, ...]) -> Index:
        """Rows (n,) of the daughter that the indices of ``path`` lead to, -1 where there is none."""
        rows = self.rows
        for index in path:
            table = self.particles.daughters
            if not 0 <= index < table.shape[1]:
                return np.full(len(self), -1, np.int64)
            rows = np.where(rows >= 0, table[rows, index], -1)
        return rows

    def of_daughter(self, path: tuple[int, ...], compute: Callable[[View], Array]) -> Array:
        """Values (n,) of a variable of a daughter, NaN where there is none."""
        return self.of_rows(self.daughters(path), compute)

    def of_rows(self, rows: Index, compute: Callable[[View], Array]) -> Array:
        """Values (n,) of a variable of other particles, NaN where the row is -1."""
        there = rows >= 0
        if there.all():
            return compute(self.at(rows))
        values = np.full(len(self), np.nan)
        values[there] = compute(self.at(rows[there], there))
        return values

    def n_daughters(self) -> Index:
        """Number of daughters (n,)."""
        return np.count_nonzero(self.particles.daughters[self.rows] >= 0, axis=1)

    def of_daughters(self, compute: Callable[[View], Array]) -> Array:
        """Values (n, k) of a variable of every daughter, NaN where there is none."""
        k = max(int(self.n_daughters().max(initial=0)), 1)
        return np.stack([self.of_daughter((i,), compute) for i in range(k)], axis=1)

    def track_rows(self) -> Index:
        """Rows (n,) in ``Tracks``, -1 for particles that are no track."""
        return np.where(self.column("kind") == TRACK, self.column("row"), -1)

    def cluster_rows(self) -> Index:
        """Rows (n,) in ``ECLClusters``: that of a photon or K_L, or the one matched to a track; else -1."""
        tracks = self.track_rows()
        matched = self.owner.cluster_of_track()
        rows = np.where(self.column("kind") == ECL_CLUSTER, self.column("row"), -1)
        return np.where(tracks >= 0, matched[tracks] if len(matched) else -1, rows)

    def klm_rows(self) -> Index:
        """Rows (n,) in ``KLMClusters``, -1 for others."""
        return np.where(self.column("kind") == KLM_CLUSTER, self.column("row"), -1)


def picked(values: npt.NDArray[Any], rows: Index) -> Array:
    """Values at ``rows`` as float64, NaN where the row is -1."""
    found = np.full(rows.shape, np.nan)
    there = rows >= 0
    found[there] = values[rows[there]]
    return found
