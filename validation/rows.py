"""One row of the table: a quantity from a reference and from here, with a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity, its reference value, ours, and the largest difference that is agreement."""

    what: str
    reference: float
    here: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the two agree within the tolerance."""
        return abs(self.here - self.reference) <= self.tolerance

    def line(self) -> str:
        """Line of the table."""
        verdict = "agrees" if self.agrees else "differs"
        return f"| {self.what} | {self.reference:.6g} | {self.here:.6g} | {self.tolerance:.2g} | {verdict} |"


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
