"""Decay tables as the kernels take them, made once a table and kept on disk.

The bounds and payloads of the models take seconds; they are stored under a hash of the table and of the sources that
make them, so that a second start only reads them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from openbfactory.core.kernel_cache import cache_root, source_digest
from openbfactory.generate.columns import Array, TableArrays
from openbfactory.generate.polarised import SpinTable
from openbfactory.physics.decaycache import read_cached, write_cached
from openbfactory.physics.decaytable import DecayTable


def prepared(table: DecayTable) -> tuple[TableArrays, Array, SpinTable]:
    """Arrays of a table for the kernels, a mask of the channels that have no model, and spins; made once a table."""
    return _prepared(Held(table))


class Held:
    """A table as a key of a cache: equal when it is the same object."""

    def __init__(self, table: DecayTable) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and other.table is self.table


@lru_cache(maxsize=8)
def _prepared(held: Held) -> tuple[TableArrays, Array, SpinTable]:
    """Arrays of a table from disk, or made and stored; a table without a digest is not stored."""
    digest = held.table.digest
    path = cache_root() / f"prepared-{digest}-{source_digest(Path(__file__))}.npz"
    stored = read_cached(path) if digest else None
    if stored is not None:
        return (TableArrays(*(stored[f"table_{k}"] for k in TableArrays._fields)), stored["replaced"],
                SpinTable(*(stored[f"spin_{k}"] for k in SpinTable._fields)))
    made = _made(held.table)
    if digest:
        arrays, replaced, spins = made
        named = {f"table_{k}": v for k, v in arrays._asdict().items()} | {"replaced": replaced}
        named |= {f"spin_{k}": v for k, v in spins._asdict().items()}
        write_cached(path, lambda stream: np.savez(stream, allow_pickle=False, **named))
    return made


def _made(table: DecayTable) -> tuple[TableArrays, Array, SpinTable]:
    """Arrays of a table, made."""
    from openbfactory.generate.models import PHASE_SPACE, SEMILEPTONIC, SOFT_PION, table_arrays
    from openbfactory.generate.polarised import PIONIC
    from openbfactory.generate.spintable import spin_table

    arrays, replaced = table_arrays(table)
    others = {PIONIC: arrays.code == SOFT_PION}
    return arrays, replaced, spin_table(table, arrays.code == PHASE_SPACE, arrays.code == SEMILEPTONIC, others)
