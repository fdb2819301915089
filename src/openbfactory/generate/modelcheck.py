"""Channels without their decay model: errors with their lines, unless phase space was asked for in its place.

A decay file of the user must have models that are there and whose parameters and daughters fit.  The channels of the
packaged file whose model is not done are listed and counted instead (:func:`packaged_without_model`).  Known particles
that ``PYTHIA`` is to decay with a weight of its own (modes other than 0, 21, 22, 23) decay by phase space, and are
counted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from openbfactory.core.diagnostics import Finding, Findings, nearest
from openbfactory.core.errors import DecayFileError
from openbfactory.generate.models import DECAY_MODELS, has_model
from openbfactory.generate.preparation import prepared
from openbfactory.physics.decaycheck import checked_table
from openbfactory.physics.decaytable import MAIN, PACKAGED, USER, DecayTable
from openbfactory.physics.particles import is_parton

#: numbers of parameters that a model takes, where they do not depend on the daughters alone
PARAMETERS: Final[dict[str, tuple[int, ...]]] = {
    **dict.fromkeys(("PHSP", "VSS", "TSS", "SVS", "STS", "VSP_PWAVE", "VLL", "SLN", "TAULNUNU", "TAUSCALARNU",
                     "TAUVECTORNU", "ISGW2", "D_DALITZ", "OMEGA_DALITZ", "PI0_DALITZ", "VVPIPI"), (0,)),
    "ETA_PI0DALITZ": (1,), "HypNonLepton": (2,), "YMSTOYNSPIPICLEOBOOST": (2,), "BTO3PI_CP": (2,), "LLSW": (3, 4),
    "HQET3": (3, 5), "SVP_HELAMP": (4,), "ETAPRIME_DALITZ": (4,), "SLBKPOLE": (4,), "VVS_PWAVE": (6,),
    "TVS_PWAVE": (6,), "SVV_HELAMP": (6,), "ETA_FULLDALITZ": (6,), "BGL": (6, 8), "TAUHADNU": (7,), "VVP": (8,),
    "SSD_CP": (8,), "BCL": (8, 11), "SVV_CP": (9,),
}


def require_models(table: DecayTable, source: str) -> None:
    """Raise unless every channel of the user's files has its model.

    Raises
    ------
    DecayFileError
        With every channel that has none, and its line.
    """
    missing, findings = prepared(table)[1], Findings(source)
    mother = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    asked = np.isin(table.origin[mother], (MAIN, USER)) & (table.fraction > 0)
    for c in np.flatnonzero(missing & asked).tolist():
        if not _weighted_by_pythia(table, c):
            _add_finding(table, c, int(mother[c]), findings)
    findings.raise_if_errors(DecayFileError)


def packaged_without_model(table: DecayTable) -> dict[str, int]:
    """Numbers of channels by model of the packaged file whose model is not done, as phase space takes their place."""
    mother = np.repeat(np.arange(len(table.names)), np.diff(table.channel_first))
    missing = prepared(table)[1] & (table.origin[mother] == PACKAGED)
    names, numbers = np.unique(table.models[table.model[missing]], return_counts=True)
    return {str(name): int(n) for name, n in zip(names, numbers, strict=True)}


def check_decay_file(path: str | Path) -> Findings:
    """Every finding about a decay file, those about its models included."""
    findings, table = checked_table(path)
    if table is None:
        return findings
    for s in np.flatnonzero(table.origin == USER).tolist():
        for c in range(int(table.channel_first[s]), int(table.channel_first[s + 1])):
            if table.fraction[c] > 0 and not _known_twice(findings, int(table.line[c])):
                _check_channel(table, c, s, findings)
    findings.items.sort(key=_line)
    return findings


def _line(finding: Finding) -> int:
    """Line of a finding, 0 for none."""
    found = re.match(r"line (\d+)", finding.path)
    return int(found[1]) if found else 0


def _known_twice(findings: Findings, line: int) -> bool:
    """True when the model of a line is an error already."""
    return any(f.code in _CODES and f.path == f"line {line}" for f in findings)


def _check_channel(table: DecayTable, channel: int, mother: int, findings: Findings) -> None:
    """Add what is wrong with the model of a channel."""
    if _weighted_by_pythia(table, channel) and not has_model(table, channel, mother):
        findings.warning("phase-space", f"line {table.line[channel]}", "Pythia's own weight of mode "
                         f"{table.parameters_of(channel)[0]:g} is left out: these particles decay by phase space")
        return
    given, allowed = len(table.parameters_of(channel)), PARAMETERS.get(str(table.models[table.model[channel]]))
    if not has_model(table, channel, mother) or (allowed is not None and given not in allowed):
        _add_finding(table, channel, mother, findings)


def _weighted_by_pythia(table: DecayTable, channel: int) -> bool:
    """True for a PYTHIA channel of known particles with a mode that has a weight of its own."""
    parameters, first, last = table.parameters_of(channel), *table.daughter_first[channel:channel + 2]
    codes = table.pdg[table.daughters[first:last]].tolist()
    return (str(table.models[table.model[channel]]) == "PYTHIA" and bool(codes)
            and not any(is_parton(c) for c in codes) and len(parameters) == 1 and bool(parameters[0] > 0))


#: codes of the findings about models
_CODES = ("unknown-decay-model", "model-not-done", "parameter-count", "model-does-not-fit", "undefined-parameter")


def _add_finding(table: DecayTable, channel: int, mother: int, findings: Findings) -> None:
    """Add the error of a channel without its model."""
    model, where = str(table.models[table.model[channel]]), f"line {table.line[channel]}"
    text = f"{table.names[mother]} -> {' '.join(table.daughters_of(channel))}"
    values = table.parameters_of(channel)
    allowed = PARAMETERS.get(model)
    if model not in DECAY_MODELS:
        findings.error("model-not-done", where, f"{text} has the decay model '{model}', which is not there",
                       expected="a name of 'obf list models'", nearest=nearest(model, DECAY_MODELS))
    elif np.any(np.isnan(values)):
        findings.error("undefined-parameter", where, f"{text}: a parameter of {model} is neither a number nor defined",
                       expected="a Define statement for it")
    elif allowed is not None and len(values) not in allowed:
        findings.error("parameter-count", where, f"{text}: {model} has {len(values)} parameters",
                       expected=" or ".join(map(str, allowed)))
    else:
        findings.error("model-does-not-fit", where, f"{text}: {model} with {len(values)} parameters does not fit these "
                       "particles", expected=DECAY_MODELS[model][1])
