"""Tracks of candidates as arrays, and the selection of taus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses.tau_mass.config import EVENT, Tau
from openbfactory.experiment import Machine
from openbfactory.kinematics.pseudomass import in_centre_of_mass
from openbfactory.physics.particles import species
from openbfactory.pipeline.tables import SampleTable
from openbfactory.select.cuts import compile_cut

Array = npt.NDArray[np.float64]

#: true momenta of the pions of the tau
TRUE = ("mcPX", "mcPY", "mcPZ")


@dataclass(frozen=True, slots=True)
class Tracks:
    """Momenta (n, k, 3) [GeV] and charges (n, k) of the tracks of candidates, the event of each (n,), true momenta."""

    p: Array
    charge: Array
    event: Array
    true: Array | None = None

    def __len__(self) -> int:
        return len(self.p)

    def take(self, rows: npt.NDArray[Any]) -> Tracks:
        """Some of the candidates, by rows or mask."""
        return Tracks(self.p[rows], self.charge[rows], self.event[rows], None if self.true is None else self.true[rows])

    def p4(self, *names: str) -> Array:
        """Four-momenta (n, k, 4) with the masses of named particles."""
        masses = np.array([species(name).mass for name in names])
        energy = np.sqrt(np.sum(self.p**2, axis=2) + masses**2)
        return np.concatenate([energy[:, :, None], self.p], axis=2)


def tracks_of(table: SampleTable, count: int) -> Tracks:
    """Tracks of a table of candidates.

    Raises
    ------
    InputError
        With every column that is missing.
    """
    table.require(f"{c}{k}" for c in ("px", "py", "pz", "charge") for k in range(count))
    charge = np.stack([table[f"charge{k}"] for k in range(count)], axis=1)
    true = _vectors(table, TRUE, 3) if f"{TRUE[0]}0" in table.columns else None
    return Tracks(_vectors(table, ("px", "py", "pz"), count), charge, table["__event__"], true)


def _vectors(table: SampleTable, names: tuple[str, ...], count: int) -> Array:
    """Vectors (n, count, 3) of numbered columns."""
    found: Array = np.stack([np.stack([table[f"{c}{k}"] for c in names], axis=1) for k in range(count)], axis=1)
    return found.astype(np.float64)


def selected(table: SampleTable, chosen: Tau, machine: Machine, *, trigger: bool = True) -> Tracks:
    """The three pions of the taus that pass the selection, and the trigger if asked.

    Raises
    ------
    InputError
        With every column that is missing.
    """
    columns, tracks = selection_columns(table, machine), tracks_of(table, 4)
    cuts = [chosen.selection, chosen.trigger] if trigger else [chosen.selection]
    kept = tracks.take(np.logical_and.reduce([compile_cut(cut)(columns) for cut in cuts]))
    return replace(kept, p=kept.p[:, :3], charge=kept.charge[:, :3])


def passing(table: SampleTable, chosen: Tau, machine: Machine) -> dict[str, int]:
    """Candidates that pass each cut of the selection alone, and the trigger."""
    columns = selection_columns(table, machine)
    return {cut: int(np.sum(compile_cut(cut)(columns))) for cut in (*chosen.selection.split(" and "), chosen.trigger)}


def selection_columns(table: SampleTable, machine: Machine) -> dict[str, npt.NDArray[Any]]:
    """Columns of a table and what the selection makes of them.

    ``aligned`` is 1 where the pions are on one side of the plane across the thrust axis and the other track is on the
    other, ``electron`` the largest E/p of the pions, ``neutral`` the energy on their side that is not theirs,
    ``tag_mass`` the mass of the other side [GeV, c.m.].

    Raises
    ------
    InputError
        With every column that is missing.
    """
    table.require([*EVENT, "eop0", "eop1", "eop2"])
    p4 = tracks_of(table, 4).p4("pi+", "pi+", "pi+", "pi+")
    star = np.stack([in_centre_of_mass(p4[:, k], machine.p4) for k in range(4)], axis=1)
    axis = np.stack([table[f"axis_{c}"] for c in "xyz"], axis=1)
    along = np.einsum("nkc,nc->nk", star[:, :, 1:], axis)
    forward = along[:, 0] > 0
    same = np.where(forward[:, None], along > 0, along < 0)
    return dict(table.columns) | {
        "aligned": (same[:, :3].all(axis=1) & ~same[:, 3]).astype(np.float64),
        "electron": np.max([table[f"eop{k}"] for k in range(3)], axis=0),
        "neutral": np.where(forward, table["forward_energy"], table["backward_energy"]) - star[:, :3, 0].sum(axis=1),
        "tag_mass": np.where(forward, table["backward_mass"], table["forward_mass"])}
