"""Record of what the decay engine did: decays by model, and those that a replacement made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AskedDecay:
    """How often a decay of the user's file was made, and how often it would be on average.

    Attributes
    ----------
    mother
        Name of the mother; that of the antiparticle is ``conjugate``.
    line
        Line of the channel, 0 for all decays of the mother.
    done, expected
        Decays made; mean number from the particles that the events began with.
    hadronised
        Whether hadronised partons may make the mother too, which the mean leaves out.
    """

    mother: str
    conjugate: str
    line: int = 0
    done: int = 0
    expected: float = 0.0
    hadronised: bool = False

    def __add__(self, other: AskedDecay) -> AskedDecay:
        return AskedDecay(self.mother, self.conjugate, self.line, self.done + other.done,
                          self.expected + other.expected, self.hadronised or other.hadronised)


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
        Decays by model for channels without their model, which decayed by phase space.
    undecayed
        Unstable particles that had no open channel.
    excess
        Proposed decays whose weight was above the bound of their channel (their density is a little too low).
    asked
        The decays of the user's file: the mothers, and their channels as text.
    tried
        Collisions made to find the events of an enriched sample, 0 for all others.
    """

    total: int = 0
    models: dict[str, int] = field(default_factory=dict)
    fallback: dict[str, int] = field(default_factory=dict)
    undecayed: int = 0
    excess: int = 0
    asked: dict[str, AskedDecay] = field(default_factory=dict)
    tried: int = 0

    def __add__(self, other: DecayCounts) -> DecayCounts:
        asked = self.asked | {k: self.asked[k] + v if k in self.asked else v for k, v in other.asked.items()}
        return DecayCounts(self.total + other.total, dict(Counter(self.models) + Counter(other.models)),
                           dict(Counter(self.fallback) + Counter(other.fallback)), self.undecayed + other.undecayed,
                           self.excess + other.excess, asked, self.tried + other.tried)

    def fractions(self) -> dict[str, float]:
        """Fraction of all decays that each replaced model touched, largest first."""
        ordered = sorted(self.fallback.items(), key=lambda item: (-item[1], item[0]))
        return {name: number / self.total for name, number in ordered} if self.total else {}
