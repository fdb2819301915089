"""Record of what the decay engine did: decays by model, and those that a replacement made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DecayCounts:
    """Numbers of decays; records of several chunks add.

    Attributes
    ----------
    total
        All decays.
    models
        Decays by model as the decay file names it.
    fallback
        Decays by model for models that are not done yet and decayed by phase space.
    undecayed
        Unstable particles that had no open channel.
    excess
        Proposed decays whose weight was above the bound of their channel (their density is a little too low).
    """

    total: int = 0
    models: dict[str, int] = field(default_factory=dict)
    fallback: dict[str, int] = field(default_factory=dict)
    undecayed: int = 0
    excess: int = 0

    def __add__(self, other: DecayCounts) -> DecayCounts:
        return DecayCounts(self.total + other.total, dict(Counter(self.models) + Counter(other.models)),
                           dict(Counter(self.fallback) + Counter(other.fallback)), self.undecayed + other.undecayed,
                           self.excess + other.excess)

    def fractions(self) -> dict[str, float]:
        """Fraction of all decays that each replaced model touched, largest first."""
        ordered = sorted(self.fallback.items(), key=lambda item: (-item[1], item[0]))
        return {name: number / self.total for name, number in ordered} if self.total else {}
