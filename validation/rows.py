"""One row of the table: a quantity from a reference and from here, with a tolerance and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity, its reference value, ours, the largest difference that is agreement, and a remark."""

    what: str
    reference: float
    here: float
    tolerance: float
    remark: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the two agree within the tolerance."""
        return abs(self.here - self.reference) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Difference:
    """A known difference: the largest size (reference - here) that it may have, and its reason.

    One at the ``edge`` of its tolerance may agree by chance.
    """

    size: float
    reason: str
    edge: bool = False


def verdict(row: Row, known: dict[str, Difference]) -> tuple[bool, str]:
    """Whether a row is as it should be, and the words for the table.

    A known difference that has grown, or that is there no more, is not as it should be.
    """
    listed = known.get(row.what)
    if listed is None:
        return row.agrees, "agrees" if row.agrees else "differs"
    if row.agrees and listed.edge:
        return True, "agrees; at the edge of the tolerance"
    if row.agrees:
        return False, "agrees, but is listed as a known difference"
    if abs(row.here - row.reference) > listed.size:
        return False, f"differs by more than the known difference ({listed.reason})"
    return True, f"known difference: {listed.reason}"


def line(row: Row, words: str) -> str:
    """Line of the table."""
    return (f"| {row.what} | {row.reference:.6g} | {row.here:.6g} | {row.tolerance:.2g} | {words} | {row.remark} |")


def reference_input(*parts: str) -> Path:
    """Path of a reference input.

    Raises
    ------
    FileNotFoundError
        When it is not on this machine.
    """
    path = SHARED.joinpath(*parts)
    if not path.exists():
        message = f"the reference input {path.name} is not on this machine"
        raise FileNotFoundError(message)
    return path
