"""EvtGen decay files read into statements, with every mistake and its line.

Method: the grammar is that of decaylanguage (LALR); this module turns its syntax tree into plain statements.  After a
syntax error the line is set aside and reading goes on, so that all errors are reported at once.  A user file is laid
over a main file: its ``Decay`` blocks replace those of the same name, its definitions are added.

Left out: the parameters of Pythia are read and not used.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError
from openbfactory.physics.decaystatements import Channel, DecayStatements
from openbfactory.physics.particles import species_table

#: reading stops after this many syntax errors
MAX_SYNTAX_ERRORS = 20
#: no particle is heavier [GeV]
LARGEST_MASS = 1000.0
#: largest partial wave of a line shape
LARGEST_WAVE = 4

_KEYWORDS = {"Decay", "Enddecay", "CDecay", "CopyDecay", "Alias", "ChargeConj", "Define", "ModelAlias", "Particle"}
#: statements of EvtGen that the grammar of decaylanguage lacks
_EXTRA = re.compile(r"^\s*(BlattWeisskopfBirth|normalPhotos)\b\s*(.*)$")
_MODEL_WORD = re.compile(r"^[A-Z][A-Z0-9_]{2,}$")


def default_decay_file() -> Path:
    """Path of DECAY_BELLE2.DEC as shipped by decaylanguage (reference ``decay-belle2``)."""
    return Path(str(files("decaylanguage"))) / "data" / "DECAY_BELLE2.DEC"


def read_text(path: Path, findings: Findings) -> str:
    """Text of a decay file; an unreadable file becomes an error in ``findings``."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        findings.error("unreadable", "", f"cannot read the file: {problem.strerror}")
    except UnicodeDecodeError:
        findings.error("not-text", "", "the file is not UTF-8 text", expected="an EvtGen decay file")
    return ""


def parse_statements(text: str, findings: Findings) -> DecayStatements:
    """Statements of a decay file's text; mistakes are added to ``findings``."""
    lines = _joined([_without_end(line) for line in text.splitlines()])
    statements = DecayStatements()
    _take_extra(lines, statements, findings)
    _end_channels(lines, findings)
    for tree in _syntax_tree(lines, findings):
        _HANDLERS.get(tree.data, _ignored)(statements, tree, findings)
    return statements


def _end_channels(lines: list[str], findings: Findings) -> None:
    """Report channels without a semicolon and give them one."""
    start = last = -1
    for i, line in enumerate([*lines, "Enddecay"]):
        words = line.replace(";", " ; ").split()
        if not words:
            continue
        if start >= 0 and (words[0] in _KEYWORDS or words[0] == "Enddecay" or _begins_channel(words)):
            findings.error("missing-semicolon", f"line {start + 1}", f"'{_shortened(lines[start])}' does not end",
                           expected="a semicolon after the model and its parameters")
            lines[last] += ";"
            start = -1
        if start < 0 and _begins_channel(words):
            start = i
        last = i
        if ";" in words:
            start = -1


def _begins_channel(words: list[str]) -> bool:
    """True for a number that is followed by a particle, PHOTOS or the model of Pythia."""
    return len(words) > 1 and words[0][0] in "+-.0123456789" and _is_number(words[0]) and (
        words[1] in species_table() or words[1] in ("PHOTOS", "PYTHIA"))


def _take_extra(lines: list[str], statements: DecayStatements, findings: Findings) -> None:
    """Read the statements that the grammar lacks and empty their lines."""
    for number, line in enumerate(lines, start=1):
        found = _EXTRA.match(line)
        if found is None:
            continue
        lines[number - 1] = ""
        words = found[2].split()
        if found[1] == "normalPhotos" and not words:
            statements.photos = "normal"
        elif found[1] == "BlattWeisskopfBirth" and len(words) == 2 and _is_number(words[1]):
            _add_lineshape(statements, number, [found[1], *words], findings)
        else:
            findings.error("syntax", f"line {number}", f"cannot read '{_shortened(line)}'",
                           expected="BlattWeisskopfBirth NAME RADIUS" if words else f"a complete {found[1]} statement")


def _is_number(word: str) -> bool:
    """True for the text of a finite number."""
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def read_statements(path: Path) -> DecayStatements:
    """Statements of a decay file.

    Raises
    ------
    DecayFileError
        With every syntax error and its line.
    """
    findings = Findings(str(path))
    statements = parse_statements(read_text(path, findings), findings)
    findings.raise_if_errors(DecayFileError)
    return statements


def _without_end(line: str) -> str:
    """The line without comment, empty for an ``End`` statement (which may stand between included files)."""
    line = line.split("#", 1)[0].rstrip()
    return "" if line.strip() == "End" else line


def _joined(lines: list[str]) -> list[str]:
    """The lines with channels that are written over several lines joined on the first; the rest become empty."""
    lines = list(lines)
    first = None
    for i, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        if first is not None and words[0][0] not in "+-.0123456789" and words[0] not in _KEYWORDS:
            lines[first] += " " + line.strip()
            lines[i] = ""
        else:
            first = i if words[0][0] in "+-.0123456789" else None
        if ";" in line:
            first = None
    return lines


@lru_cache(maxsize=8)
def _parser(models: tuple[str, ...]) -> Any:
    """Lark parser of the grammar of decaylanguage, knowing also the given models."""
    import lark
    from decaylanguage import DecFileParser

    grammar = DecFileParser()
    if models:
        grammar.load_additional_decay_models(*models)
    text = grammar.grammar()
    options = grammar.grammar_info()
    return lark.Lark(text, parser=options["parser"], lexer=options["lexer"], edit_terminals=options["edit_terminals"])


def _new_models(lines: list[str]) -> tuple[str, ...]:
    """Words that stand where a model stands and that decaylanguage does not know."""
    from decaylanguage.dec.enums import known_decay_models

    words = {w for line in lines for w in line.replace(";", " ").split()[1:] if _MODEL_WORD.match(w)}
    return tuple(sorted(words - set(known_decay_models) - {"PHOTOS"} - set(species_table())))


def _syntax_tree(lines: list[str], findings: Findings) -> list[Any]:
    """Statements of the syntax tree; a line with an error is set aside and reported.

    A file with an error is read again block by block, so that the time is bounded by its length.
    """
    import lark

    parser = _parser(_new_models(lines))
    try:
        return _trees(parser.parse("\n".join(lines) + "\n"))
    except lark.exceptions.UnexpectedInput:
        found: list[Any] = []
        for first, last in _blocks(lines):
            found += _block_trees(parser, lines[first:last], first, findings)
            if len([f for f in findings if f.code == "syntax"]) >= MAX_SYNTAX_ERRORS:
                findings.error("syntax", "", f"at least {MAX_SYNTAX_ERRORS} syntax errors; is this a decay file?")
                break
        return found


def _trees(root: Any) -> list[Any]:
    """Statements below the root of a syntax tree."""
    return [t for t in root.children if hasattr(t, "data")]


def _blocks(lines: list[str]) -> list[tuple[int, int]]:
    """First and last line (exclusive) of each statement: a line, or from Decay to Enddecay or the next statement."""
    found: list[tuple[int, int]] = []
    first: int | None = None
    for i, line in enumerate(lines):
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if first is not None and (word in _KEYWORDS or word == "End") and word != "Enddecay":
            found.append((first, i))
            first = None
        if word == "Decay":
            first = i
        elif first is None and word:
            found.append((i, i + 1))
        elif word == "Enddecay" and first is not None:
            found.append((first, i + 1))
            first = None
    return found if first is None else [*found, (first, len(lines))]


def _block_trees(parser: Any, lines: list[str], first: int, findings: Findings) -> list[Any]:
    """Statements of one block that begins behind line ``first``."""
    import lark

    lines = list(lines)
    for _ in range(MAX_SYNTAX_ERRORS):
        try:
            found = _trees(parser.parse("\n".join(lines) + "\n"))
        except lark.exceptions.UnexpectedInput as problem:
            number = getattr(problem, "line", 0) or 0
            if 0 < number <= len(lines) and lines[number - 1].strip():
                findings.error("syntax", f"line {first + number}", f"cannot read '{_shortened(lines[number - 1])}'",
                               expected="a statement of EvtGen; is a semicolon or Enddecay missing here or above?")
                lines[number - 1] = ""
                continue
            end = max(i for i, line in enumerate(lines, start=1) if line.strip() or i == 1)
            findings.error("syntax", f"line {first + end}", "the file or block ends inside a statement",
                           expected="Enddecay after the last channel")
            lines.append("Enddecay")
            continue
        for tree in found:
            for token in tree.scan_values(lambda _: True):
                token.line = (token.line or 1) + first
        return found
    return []


def _shortened(line: str) -> str:
    """The line, at most 60 characters."""
    line = " ".join(line.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _words(tree: Any) -> list[Any]:
    """Tokens below a tree in order."""
    return [t for t in tree.scan_values(lambda _: True) if t.type != "_NEWLINE"]


def _decay(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    """Read a ``Decay`` block."""
    mother = _words(tree.children[0])[0]
    name = str(mother)
    if name in statements.decays:
        findings.warning("duplicate-decay", f"line {mother.line}", f"'{name}' has a second Decay block; the first "
                         f"(line {statements.lines[name]}) is not used")
    statements.lines[name] = mother.line
    lines = [t for t in tree.children[1:] if getattr(t, "data", "") == "decayline"]
    statements.decays[name] = [_channel(t, findings) for t in lines]


def _channel(tree: Any, findings: Findings) -> Channel:
    """Channel of one line of a block."""
    fraction, photos, daughters, model, parameters = 0.0, False, [], "", []
    line = 0
    for child in tree.children:
        words = _words(child) if hasattr(child, "scan_values") else []
        if child.data == "value":
            fraction, line = float(words[0]), words[0].line
        elif child.data == "particle":
            daughters.append(str(words[0]))
        elif child.data == "photos":
            photos = True
        elif child.data == "model":
            model = str(words[0])
            parameters = [str(w) for w in words[1:] if w.type not in ("_SEMICOLON", "_COMMA")]
            swallowed = [w for w in words[1:] if w.line > words[0].line and str(w) in species_table()]
            if swallowed:
                findings.error("missing-semicolon", f"line {words[0].line}", f"the model '{model}' is followed by "
                               f"'{swallowed[0]}' in line {swallowed[0].line}", expected="a semicolon after the model")
    if not 0 <= fraction < math.inf:
        findings.error("negative-fraction", f"line {line}", f"branching fraction {fraction}",
                       expected="a finite number >= 0")
        fraction = 0.0
    return Channel(fraction, tuple(daughters), model, tuple(parameters), photos, line)


def _alias(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    new, old = _words(tree)
    if str(new) in species_table():
        findings.warning("alias-of-species", f"line {new.line}", f"alias '{new}' is the name of a species")
        return
    statements.aliases[str(new)] = str(old)
    statements.places[f"Alias {new}"] = new.line


def _chargeconj(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    first, second = (str(w) for w in _words(tree))
    statements.places[f"ChargeConj {first}"] = _words(tree)[0].line
    statements.conjugates[first] = second
    statements.conjugates[second] = first


def _define(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    name, value = _words(tree)
    if _finite(value, findings):
        statements.defines[str(name)] = float(value)


def _model_alias(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    name, model, *parameters = [w for w in _words(tree) if w.type not in ("_SEMICOLON", "_COMMA")]
    statements.model_aliases[str(name)] = (str(model), tuple(str(p) for p in parameters))


def _cdecay(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    name = _words(tree)[0]
    statements.charge_conjugate[str(name)] = name.line


def _copydecay(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    new, old = (str(w) for w in _words(tree))
    statements.copies[new] = old
    statements.places[f"CopyDecay {new}"] = _words(tree)[0].line


def _particle(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    name, *values = _words(tree)
    statements.places[f"Particle {name}"] = name.line
    if any(not 0 <= float(v) < LARGEST_MASS for v in values):
        findings.error("mass", f"line {name.line}", f"{name} has mass and width {', '.join(map(str, values))} GeV",
                       expected=f"numbers from 0 to {LARGEST_MASS:g}")
        return
    statements.particles[str(name)] = (float(values[0]), float(values[1]) if len(values) > 1 else -1.0)


def _mass_limit(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    which, name, value = (str(w) for w in _words(tree))
    statements.places[f"ChangeMass {name}"] = _words(tree)[0].line
    lower, upper = statements.mass_limits.get(name, (-1.0, -1.0))
    if not _finite(_words(tree)[2], findings):
        return
    limit = float(value)
    statements.mass_limits[name] = (limit, upper) if which == "ChangeMassMin" else (lower, limit)


def _finite(value: Any, findings: Findings) -> bool:
    """True for a finite number; others are errors."""
    if not _is_number(str(value)):
        findings.error("not-finite", f"line {value.line}", f"the number {value} is not finite")
    return _is_number(str(value))


def _lineshape(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    words = _words(tree)
    named = {"setlspw": "SetLineshapePW", "setlsbw": "BlattWeisskopf"}.get(tree.data)
    _add_lineshape(statements, words[0].line, [*([named] if named else []), *(str(w) for w in words)], findings)


def _add_lineshape(statements: DecayStatements, line: int, words: list[str], findings: Findings) -> None:
    """Keep a statement about a line shape when its value can be."""
    if words[0].startswith("BlattWeisskopf") and not 0 <= float(words[-1]) < math.inf:
        findings.error("negative-radius", f"line {line}", f"the radius {words[-1]} of a barrier factor is not a finite "
                       "number >= 0", expected="a radius in 1/GeV")
    elif words[0] == "SetLineshapePW" and int(words[-1]) > LARGEST_WAVE:
        findings.error("wave", f"line {line}", f"the partial wave {words[-1]}", expected=f"0 to {LARGEST_WAVE}")
    else:
        statements.lineshapes.append([str(line), *words])


def _photos(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    statements.photos = next(str(t.data) for t in tree.children if getattr(t, "data", "") in ("yes", "no"))


def _ignored(statements: DecayStatements, tree: Any, findings: Findings) -> None:
    """Do nothing: parameters of Pythia are not used."""


_HANDLERS = {
    "decay": _decay, "alias": _alias, "chargeconj": _chargeconj, "define": _define, "model_alias": _model_alias,
    "cdecay": _cdecay, "copydecay": _copydecay, "particle_def": _particle, "changemasslimit": _mass_limit,
    "setlspw": _lineshape, "setlsbw": _lineshape, "ls_def": _lineshape, "inc_factor": _lineshape,
    "global_photos": _photos,
}
