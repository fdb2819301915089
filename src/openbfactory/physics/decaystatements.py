"""The statements of decay files as plain records, names unresolved, and how one file is laid over another."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of a ``Decay`` block, as written."""

    fraction: float
    daughters: tuple[str, ...]
    model: str
    parameters: tuple[str, ...]
    photos: bool
    line: int


@dataclass(slots=True)
class DecayStatements:
    """The statements of one or more decay files, names unresolved.

    Attributes
    ----------
    decays
        Mother to channels; ``lines`` holds the line of each block.
    aliases, conjugates
        Alias to species, and pairs of charge conjugates (both ways).
    defines, model_aliases
        Name to value; name to model and parameters.
    charge_conjugate, copies
        Names of ``CDecay`` with their line; ``CopyDecay`` new to old name.
    particles, mass_limits
        ``Particle`` name to (mass, width or -1) in GeV; name to (lower, upper) in GeV, -1 where not given.
    lineshapes
        Line-shape statements: line, keyword, names and values.
    places
        Line of other statements, by keyword and name.
    photos
        Global switch of photon radiation: ``yes``, ``no``, ``normal`` (as each channel says), empty where not given.
    """

    decays: dict[str, list[Channel]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    conjugates: dict[str, str] = field(default_factory=dict)
    defines: dict[str, float] = field(default_factory=dict)
    model_aliases: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    charge_conjugate: dict[str, int] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    particles: dict[str, tuple[float, float]] = field(default_factory=dict)
    mass_limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    lineshapes: list[list[str]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    photos: str = ""

    def place(self, keyword: str, name: str) -> str:
        """Where a statement stands, for a finding."""
        line = self.places.get(f"{keyword} {name}")
        return f"line {line}" if line else f"{keyword} {name}"

    def is_empty(self) -> bool:
        """True without any statement."""
        return self == DecayStatements()

    def mothers(self) -> tuple[str, ...]:
        """Names whose decays are set: by Decay, CDecay or CopyDecay."""
        return (*self.decays, *(n for n in self.charge_conjugate if n not in self.decays),
                *(n for n in self.copies if n not in self.decays))

    def overlaid(self, other: DecayStatements) -> DecayStatements:
        """These statements with those of ``other`` laid over them."""
        defined = {*other.decays, *other.charge_conjugate, *other.copies}
        kept = {name: line for name, line in self.charge_conjugate.items() if name not in defined}
        replaced = {*other.charge_conjugate, *other.copies}
        decays = {name: channels for name, channels in self.decays.items() if name not in replaced}
        return DecayStatements(
            {**decays, **other.decays}, {**self.lines, **other.lines}, {**self.aliases, **other.aliases},
            {**self.conjugates, **other.conjugates}, {**self.defines, **other.defines},
            {**self.model_aliases, **other.model_aliases}, {**kept, **other.charge_conjugate},
            {**{n: o for n, o in self.copies.items() if n not in defined}, **other.copies},
            {**self.particles, **other.particles}, {**self.mass_limits, **other.mass_limits},
            [*self.lineshapes, *other.lineshapes], {**self.places, **other.places},
            other.photos or self.photos)

    def to_document(self) -> dict[str, Any]:
        """Plain document for a JSON file."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> DecayStatements:
        """Statements from the document of :meth:`to_document`."""
        document = dict(document)
        document["decays"] = {mother: [Channel(c["fraction"], tuple(c["daughters"]), c["model"],
                                               tuple(c["parameters"]), c["photos"], c["line"]) for c in channels]
                              for mother, channels in document["decays"].items()}
        document["model_aliases"] = {n: (m, tuple(p)) for n, (m, p) in document["model_aliases"].items()}
        for key in ("particles", "mass_limits"):
            document[key] = {n: (a, b) for n, (a, b) in document[key].items()}
        return cls(**document)
