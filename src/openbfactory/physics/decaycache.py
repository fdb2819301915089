"""Decay tables by file, kept on disk by content hash so that only the first start compiles.

Cache files hold arrays without pickle, are written under a temporary name and renamed, and are named by a hash of
everything that made them: the texts, the species data, the modules that compile them and the versions of the packages.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import DecayFileError
from openbfactory.core.kernel_cache import cache_root
from openbfactory.core.provenance import library_versions
from openbfactory.physics.decayfile import default_decay_file, parse_statements, read_text
from openbfactory.physics.decaystatements import DecayStatements
from openbfactory.physics.decaytable import MAIN, OVERLAY, PACKAGED, USER, DecayTable, compile_table
from openbfactory.physics.particles import DATA

#: modules whose source decides what a cache entry holds
_MAKERS = ("decayfile", "decaystatements", "decaytable", "lineshapes", "particles", "resonances")


def load_decay_table(main: str | Path | None = None, decays: str | Path | None = None,
                     overlay: str = "", *, any_model: bool = False) -> DecayTable:
    """Decay table of a main file with a user file and further text laid over it.

    Parameters
    ----------
    main
        Main decay file, None for DECAY_BELLE2.DEC of decaylanguage.
    decays
        User file whose Decay blocks replace those of the main file.
    overlay
        Text in the same language laid over both.
    any_model
        Whether names that are no decay model are taken (their channels then have no model).

    Raises
    ------
    DecayFileError
        With every mistake and its line, and every decay of the user file that the overlay sets itself.
    """
    texts = []
    for path in (Path(main) if main is not None else default_decay_file(), Path(decays) if decays else None):
        findings = Findings(str(path))
        texts.append((str(path), read_text(path, findings) if path else ""))
        findings.raise_if_errors(DecayFileError)
    return _table((*texts, ("overlay", overlay)), main is None, any_model)


@lru_cache(maxsize=8)
def _table(texts: tuple[tuple[str, str], ...], packaged: bool, any_model: bool) -> DecayTable:
    """Decay table of (name, text) pairs, from memory, disk or compiled."""
    digest = _digest(f"table {packaged} {any_model}", *(text for _, text in texts))
    cached = read_cached(cache_root() / f"table-{digest}.npz")
    if cached is not None:
        return DecayTable(digest=digest, **cached)
    combined, origins = DecayStatements(), dict[str, int]()
    findings = Findings(" + ".join(name for name, text in texts if text.strip()))
    for (name, text), origin in zip(texts, (PACKAGED if packaged else MAIN, USER, OVERLAY), strict=True):
        if text.strip():
            statements = _statements(name, text)
            if origin == OVERLAY:
                _check_replaced(statements, origins, findings)
            origins |= dict.fromkeys(statements.mothers(), origin)
            combined = combined.overlaid(statements)
    table = compile_table(combined, findings, digest, origins)
    if any_model:
        findings.items = [f for f in findings if f.code != "unknown-decay-model"]
    findings.raise_if_errors(DecayFileError)
    path = cache_root() / f"table-{digest}.npz"
    write_cached(path, lambda stream: np.savez(stream, allow_pickle=False, **table.arrays()))
    return table


def _check_replaced(statements: DecayStatements, origins: dict[str, int], findings: Findings) -> None:
    """Add an error for each decay of the user file that the text laid over it sets again."""
    for mother in statements.mothers():
        if origins.get(mother) == USER:
            findings.error("replaced-decay", f"Decay {mother}", f"the sample sets the decays of {mother} itself, those "
                           "of the file would never be used", expected="a sample that leaves them to the decay file")


def _statements(name: str, text: str) -> DecayStatements:
    """Statements of a text; long texts are cached on disk."""
    findings = Findings(name)
    if len(text) < 50_000:
        statements = parse_statements(text, findings)
        findings.raise_if_errors(DecayFileError)
        return statements
    path = cache_root() / f"statements-{_digest('statements', text)}.json"
    try:
        return DecayStatements.from_document(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        statements = parse_statements(text, findings)
        findings.raise_if_errors(DecayFileError)
        document = json.dumps(statements.to_document()).encode()
        write_cached(path, lambda stream: stream.write(document))
        return statements


def main_statements() -> DecayStatements:
    """Statements of the default main file."""
    path = default_decay_file()
    return _statements(str(path), path.read_text(encoding="utf-8-sig"))


def _digest(kind: str, *texts: str) -> str:
    """Hash of what makes a cache entry."""
    versions = library_versions()
    made_by = [DATA / "species.yaml", *(DATA.parent / f"{name}.py" for name in _MAKERS)]
    words = [kind, versions["particle"], versions["decaylanguage"], *(p.read_text(encoding="utf-8") for p in made_by),
             *texts]
    return hashlib.blake2b("\x1f".join(words).encode(), digest_size=16).hexdigest()


def read_cached(path: Path) -> dict[str, Any] | None:
    """Arrays of a cache file, None when absent or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write_cached(path: Path, write: Any) -> None:
    """Write a cache file atomically; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            write(stream)
        Path(stream.name).replace(path)
    except OSError:
        return
