"""Decay strings: ``"B+ -> [anti-D0:good -> K+ pi-] ^pi+:all ?nu"`` to a tree.

The grammar is that of the Belle II analysis framework (basf2 documentation,
"DecayString"), written for lark (LALR)::

    start     := particle | decay
    decay     := particle arrow (particle | "[" decay "]")+ keyword*
    arrow     := "->" | "=direct=>" | "=norad=>" | "=exact=>"
    keyword   := "..." | "?nu" | "?gamma" | "?addbrems"
    particle  := ("^" | "@" | "(misID)" | "(decay)")* NAME [":" LABEL]

Names are those of EvtGen's decay files.  ``^`` selects a particle, ``@`` leaves
its identity open in truth matching, ``(misID)`` and ``(decay)`` accept a final
state particle that is misidentified or has decayed in flight.  Arrows and
keywords change what counts as signal, nothing else.

Left out: aliases and user-defined particle names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NoReturn

import lark

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import CutError
from openbfactory.events.cut_grammar import fail, pointer
from openbfactory.physics.particles import conjugate_name, species, species_table

GRAMMAR: Final = r"""
start: decay | particle
decay: particle ARROW (particle | nested)+ KEYWORD*
nested: "[" decay "]"
particle: MARKER* NAME
ARROW: "->" | "=direct=>" | "=norad=>" | "=exact=>"
KEYWORD: "..." | "?nu" | "?gamma" | "?addbrems"
MARKER: "^" | "@" | "(misID)" | "(decay)"
NAME: /[A-Za-z](?:[A-Za-z0-9_*'()\/+~]|-(?!>))*(?::(?:[A-Za-z0-9_.*'()\/+]|-(?!>))+)?/
%import common.WS
%ignore WS
"""

#: what truth matching ignores; as bits
RADIATED_PHOTONS, INTERMEDIATE, MASSIVE, NEUTRINO, GAMMA, BREMS, UNSPECIFIED, MISID, DECAY = (1 << i for i in range(9))
ARROWS: Final[dict[str, int]] = {
    "->": RADIATED_PHOTONS | INTERMEDIATE, "=direct=>": RADIATED_PHOTONS, "=norad=>": INTERMEDIATE, "=exact=>": 0,
}
KEYWORDS: Final[dict[str, int]] = {"...": MASSIVE, "?nu": NEUTRINO, "?gamma": GAMMA, "?addbrems": BREMS}
MARKERS: Final[dict[str, int]] = {"@": UNSPECIFIED, "(misID)": MISID, "(decay)": DECAY}
#: arrows that the field once used, and what to write
OLD_ARROWS: Final = {"-->": "->", "=>": "=direct=> or =norad=>", "==>": "=exact=>"}
MAX_DEPTH: Final = 20
#: names of terminals in messages
_EXPECTED: Final = {
    "NAME": "a particle", "MARKER": "a particle", "LSQB": "'['", "RSQB": "']'", "ARROW": "an arrow",
    "KEYWORD": "a keyword", "$END": "the end",
}


@dataclass(frozen=True, slots=True)
class Decay:
    """A particle and, where it is given, how it decays.

    Attributes
    ----------
    name, pdg
        Name in decay files, and PDG code.
    label
        Label of its list, empty for none.
    selected
        Marked with ``^``.
    markers
        ``UNSPECIFIED``, ``MISID`` and ``DECAY`` as bits.
    arrow, keywords
        As written; empty without daughters.
    daughters
        In the order written.
    """

    name: str
    pdg: int
    label: str = ""
    selected: bool = False
    markers: int = 0
    arrow: str = ""
    daughters: tuple[Decay, ...] = ()
    keywords: tuple[str, ...] = ()

    @property
    def ignored(self) -> int:
        """Bits of what truth matching ignores for this particle."""
        bits = self.markers | ARROWS.get(self.arrow, 0)
        for word in self.keywords:
            bits |= KEYWORDS[word]
        return bits

    @property
    def list_name(self) -> str:
        """Name and label, ``K+:loose``."""
        return f"{self.name}:{self.label}" if self.label else self.name

    def conjugate(self) -> Decay:
        """The charge conjugate, with the same labels and marks."""
        name = conjugate_name(self.name)
        return replace(self, name=name, pdg=species(name).pdg, daughters=tuple(d.conjugate() for d in self.daughters))

    def walk(self, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Decay]]:
        """Every particle with the indices that lead to it, mothers first."""
        yield path, self
        for i, daughter in enumerate(self.daughters):
            yield from daughter.walk((*path, i))

    def selected_paths(self) -> list[tuple[int, ...]]:
        """Indices that lead to the particles marked with ``^``."""
        return [path for path, particle in self.walk() if particle.selected]

    def __str__(self) -> str:
        marks = "^" * self.selected + "".join(text for text, bit in MARKERS.items() if self.markers & bit)
        if not self.daughters:
            return marks + self.list_name
        parts = [f"[{d}]" if d.daughters else str(d) for d in self.daughters]
        return " ".join([marks + self.list_name, self.arrow, *parts, *self.keywords])


@cache
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", propagate_positions=True)


def parse_decay(text: str) -> Decay:
    """Tree of a decay string, or of a single particle.

    Raises
    ------
    CutError
        At the first character that is not in the grammar, or with every name that no particle has and the nearest
        to each.
    """
    _check_depth(text)
    try:
        tree = _parser().parse(text)
    except lark.UnexpectedCharacters as problem:
        _unexpected_character(text, int(problem.pos_in_stream or 0))
    except lark.UnexpectedToken as problem:
        at = len(text.rstrip()) if problem.token.type == "$END" else int(problem.token.start_pos or 0)
        _unexpected_token(text, at, str(problem.token), problem.accepts or problem.expected)
    findings = Findings(f"decay string '{text}'")
    decay = _build(tree.children[0], text, findings)
    findings.raise_if_errors(CutError)
    return decay


def split_list_name(text: str) -> tuple[str, str]:
    """Particle and label of the name of a list, ``("K+", "loose")``; the label may be empty.

    Raises
    ------
    CutError
        When it is not the name of a list.
    """
    decay = parse_decay(text)
    if decay.daughters or decay.selected or decay.markers:
        fail(text, 0, f"'{text}' is not the name of a list", "expected a name such as K+:loose", kind="list")
    return decay.name, decay.label


def _check_depth(text: str) -> None:
    """Refuse brackets that are nested too deeply or do not close."""
    opened: list[int] = []
    for at, character in enumerate(text):
        if character == "[":
            opened.append(at)
        elif character == "]":
            if not opened:
                fail(text, at, "unexpected ']'", "there is no opening bracket to it", kind="decay")
            opened.pop()
        if len(opened) > MAX_DEPTH:
            fail(text, at, "nested too deeply", f"at most {MAX_DEPTH} levels are allowed", kind="decay")
    if opened:
        fail(text, len(text.rstrip()), "found the end", f"expected ']' to close character {opened[-1] + 1}",
             kind="decay")


def _unexpected_character(text: str, at: int) -> NoReturn:
    rest = text[at:]
    hint = "expected a particle, an arrow or a keyword"
    for old, new in sorted(OLD_ARROWS.items(), key=lambda item: -len(item[0])):
        if rest.startswith(old):
            fail(text, at, f"the arrow '{old}' is not known", f"write {new}", kind="decay")
    if rest[0] in "-=":
        hint = f"arrows are {' '.join(ARROWS)}"
    elif rest[0] in "?.":
        hint = f"keywords are {' '.join(KEYWORDS)}"
    elif rest[0] == "(":
        hint = "markers are ^ @ (misID) (decay)"
    elif rest[0] == ":":
        hint = "a label follows the ':' without a space"
    fail(text, at, f"unexpected character '{rest[0]}'", hint, kind="decay")


def _unexpected_token(text: str, at: int, token: str, expected: Any) -> NoReturn:
    names = sorted({_EXPECTED.get(name, name) for name in expected})
    hint = "expected " + " or ".join(names)
    if token.startswith("[") and text[:at].rstrip().endswith("^"):
        hint = "the mark '^' of a particle that decays stands inside the bracket: [^D0 -> ...]"
    elif "KEYWORD" in expected and token and token[0].isalpha():
        hint = "keywords come after all particles"
    elif token in ARROWS and at:
        hint = "a particle that decays further stands in brackets: B+ -> [anti-D0 -> K+ pi-] pi+"
    shown = f"unexpected '{token}'" if token else "found the end" if text.strip() else "the string is empty"
    fail(text, at, shown, hint, kind="decay")


def _build(tree: Any, text: str, findings: Findings) -> Decay:
    """Decay of a node of the tree; unknown names go to ``findings``."""
    if tree.data == "nested":
        return _build(tree.children[0], text, findings)
    if tree.data == "particle":
        return _particle(tree, text, findings)
    mother, arrow, *rest = tree.children
    words = tuple(str(c) for c in rest if isinstance(c, lark.Token))
    daughters = tuple(_build(c, text, findings) for c in rest if not isinstance(c, lark.Token))
    return replace(_particle(mother, text, findings), arrow=str(arrow), daughters=daughters,
                   keywords=tuple(dict.fromkeys(words)))


def _particle(tree: Any, text: str, findings: Findings) -> Decay:
    """Particle without daughters."""
    *markers, token = tree.children
    name, _, label = str(token).partition(":")
    bits = 0
    for marker in markers:
        bits |= MARKERS.get(str(marker), 0)
    table = species_table()
    pdg = table[name].pdg if name in table else 0
    if name not in table:
        at = int(token.start_pos)
        findings.error("unknown-particle", f"character {at + 1}",
                       f"unknown particle '{name}'\n{pointer(text, at)}", nearest=nearest(name, table))
    return Decay(name, pdg, label, any(str(m) == "^" for m in markers), bits)
