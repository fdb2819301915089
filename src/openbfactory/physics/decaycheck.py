"""Checks of decay files: every mistake with its line, before anything is generated.

Errors stop a run: what cannot be read, unknown particles and models.  Warnings say what a user may not mean: channels
that are kinematically closed or break charge, baryon or lepton number.  Notes say what is changed: branching
fractions that are normalised to 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openbfactory.core.diagnostics import Finding, Findings
from openbfactory.physics.decaycache import main_statements
from openbfactory.physics.decayfile import parse_statements, read_text
from openbfactory.physics.decaystatements import DecayStatements
from openbfactory.physics.decaytable import CLOSED_MARGIN, PACKAGED, USER, DecayTable, compile_table
from openbfactory.physics.particles import Species, is_parton

#: sums of branching fractions closer to 1 than this are not mentioned
SUM_TOLERANCE = 1e-3


def check_decay_file(path: str | Path) -> Findings:
    """Every finding about a decay file, a main file or one that is laid over the default main file."""
    return checked_table(path)[0]


def checked_table(path: str | Path) -> tuple[Findings, DecayTable | None]:
    """Every finding about a decay file but those about its models, and the table with it laid over the main file.

    The table is None when the file cannot be read.
    """
    findings = Findings(str(path))
    text = read_text(Path(path), findings)
    if findings.errors:
        return findings, None
    statements = parse_statements(text, findings)
    if not findings and statements.is_empty():
        findings.error("no-decays", "", "the file has no Decay block", expected="an EvtGen decay file")
    main = main_statements()
    table = compile_table(main.overlaid(statements), compiled := Findings(str(path)), "",
                          dict.fromkeys(main.mothers(), PACKAGED) | dict.fromkeys(statements.mothers(), USER))
    known = _keys(_compiled_findings(main))
    findings.items += [f for f in compiled if _key(f) not in known]
    _check_sums(statements, findings)
    for mother in statements.decays:
        if mother in table.index:
            _check_channels(table, mother, findings)
    _check_unused(statements, table, findings)
    return findings, table


def _compiled_findings(statements: DecayStatements) -> Findings:
    """Findings of compiling statements."""
    findings = Findings("main")
    compile_table(statements, findings)
    return findings


def _key(finding: Finding) -> tuple[str, str, str]:
    """What makes two findings equal."""
    return finding.code, finding.path, finding.message


def _keys(findings: Findings) -> set[tuple[str, str, str]]:
    """Keys of all findings."""
    return {_key(f) for f in findings}


def _check_sums(statements: DecayStatements, findings: Findings) -> None:
    """Note the mothers whose branching fractions do not add up to 1."""
    for mother, channels in statements.decays.items():
        total = sum(c.fraction for c in channels)
        where = f"line {statements.lines[mother]}"
        if channels and total <= 0:
            findings.error("no-fraction", where, f"the branching fractions of {mother} add up to {total:g}")
        elif channels and abs(total - 1.0) > SUM_TOLERANCE:
            findings.note("fractions", where, f"the branching fractions of {mother} add up to {total:.6g}; "
                          "they are normalised to 1")


def _check_channels(table: DecayTable, mother: str, findings: Findings) -> None:
    """Warn of channels of a mother that are closed or break a conservation law."""
    s = table.index[mother]
    for c in table.channels_of(mother):
        chosen = table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]]
        where = f"line {table.line[c]}"
        text = f"{mother} -> {' '.join(table.daughters_of(c))}"
        if table.threshold[c] > table.mass_high[s] + CLOSED_MARGIN:
            findings.warning("closed-channel", where, f"{text} needs at least {table.threshold[c]:.4f} GeV; the mass "
                             f"of {mother} is {table.mass[s]:.4f} GeV; the channel is not used")
        codes = [int(table.pdg[d]) for d in chosen]
        if not codes or any(is_parton(code) for code in codes):
            continue
        for name, before, after in _numbers(table, s, chosen.tolist()):
            if before != after:
                findings.warning(f"{name.replace(' ', '-')}", where, f"{text} changes the {name} from {before:g} to "
                                 f"{after:g}")


def _numbers(table: DecayTable, mother: int, daughters: list[int]) -> list[tuple[str, float, float]]:
    """Conserved numbers of the mother and of the daughters."""
    def species(i: int) -> Species:
        return Species("", int(table.pdg[i]), 0.0, 0.0, 0, 0)

    numbers = [("charge", table.charge3[mother] / 3, float(np.sum(table.charge3[daughters])) / 3),
               ("baryon number", float(species(mother).baryon_number),
                float(sum(species(d).baryon_number for d in daughters)))]
    for family, name in enumerate(("electron", "muon", "tau")):
        numbers.append((f"{name} number", float(species(mother).lepton_number(family)),
                        float(sum(species(d).lepton_number(family) for d in daughters))))
    return numbers


def _check_unused(statements: DecayStatements, table: DecayTable, findings: Findings) -> None:
    """Warn of aliases that nothing decays to, and note decay blocks of particles that leave generation undecayed."""
    made = set(table.names[np.unique(table.daughters)].tolist())
    for name in statements.mothers():
        if name in statements.aliases and name in table.index and name not in made:
            findings.warning("unreached-alias", statements.place("Alias", name), f"nothing decays to '{name}'",
                             expected="a channel with it among its daughters")
    for mother in statements.decays:
        if mother in table.index and table.stable[table.index[mother]] and table.channels_of(mother):
            findings.note("stable", f"line {statements.lines[mother]}",
                          f"{mother} leaves generation undecayed; its Decay block is not used")
