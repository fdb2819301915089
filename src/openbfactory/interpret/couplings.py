"""Couplings of new particles from upper limits of cross sections and branching fractions.

A cross section grows with the square of the coupling g, so that a limit L of sigma x B gives

    g < sqrt(L / (sigma_1 B)),            sigma_1 = sigma(g = 1),

where the branching fraction B does not depend on g and the particle decays at once.  For a scalar that mixes with
the Higgs boson the lifetime depends on the coupling too: at each mass the limit, a function of c tau, is compared with
B(B -> K S) B(S -> x x) along c tau(sin theta), and what is excluded is an interval of sin(theta).

Approximation: limits between the given lifetimes are interpolated in the logarithms of both; outside the given
lifetimes nothing is excluded.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openbfactory.core.diagnostics import Findings
from openbfactory.core.errors import InputError
from openbfactory.physics import higgs_mixed

#: values of sin(theta) that are tried
SINES = np.logspace(-8, 0, 1601)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Values of sin(theta) that are excluded at a mass; None where none is.

    Attributes
    ----------
    mass
        Mass of S [GeV].
    low, high
        Ends of the excluded values, from the smallest to the largest.
    """

    mass: float
    low: float | None
    high: float | None


def coupling_limit(limit: float, cross_section: float, branching_fraction: float = 1.0) -> float | None:
    """Largest coupling for a limit of cross section times branching fraction; None where nothing is produced.

    Parameters
    ----------
    limit, cross_section
        Limit, and cross section with coupling one, in the same unit.
    branching_fraction
        Of the decay that was searched for.
    """
    expected = cross_section * branching_fraction
    return math.sqrt(limit / expected) if expected > 0 else None


def mixing_excluded(mass: float, limits: Mapping[float, float], kaon: str = "K+", decay: str = "mumu") -> Excluded:
    """Values of sin(theta) excluded at a mass.

    Parameters
    ----------
    mass
        Mass of S [GeV].
    limits
        Upper limits of B(B -> K S) B(S -> x x) by c tau [cm].
    kaon, decay
        Of the search.

    Raises
    ------
    InputError
        When there are no limits, or they are not above 0.
    """
    findings = Findings(f"limits at {mass:g} GeV")
    if not limits or not all(ct > 0 and math.isfinite(v) and v > 0 for ct, v in limits.items()):
        findings.error("limits", "", "none, or not above 0", expected="limits above 0 by c tau above 0")
    findings.raise_if_errors(InputError)
    lengths = np.array(sorted(limits))
    heights = np.log([limits[x] for x in lengths])
    predicted = (higgs_mixed.branching_fraction_b(mass, kaon) * higgs_mixed.branching_fraction_s(mass, decay)
                 * SINES**2)
    ctau = higgs_mixed.ctau(mass, 1.0) / SINES**2
    inside = (ctau >= lengths[0]) & (ctau <= lengths[-1])
    allowed = np.exp(np.interp(np.log(ctau), np.log(lengths), heights))
    found = SINES[inside & (predicted > allowed)]
    return Excluded(mass, float(found.min()) if len(found) else None, float(found.max()) if len(found) else None)


def read_limits(path: str | Path, columns: Sequence[str]) -> list[tuple[float, ...]]:
    """Rows of a CSV file with a head, its columns in the order asked for.

    Raises
    ------
    InputError
        With every missing column and every cell that is not a number above 0.
    """
    findings, rows = Findings(str(path)), list[tuple[float, ...]]()
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(line for line in file if not line.startswith("#"))
            head = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = head
            for name in columns:
                if name not in head:
                    findings.unknown_name("head", name, head, what="column")
            findings.raise_if_errors(InputError)
            for number, record in enumerate(reader, start=1):
                rows.append(tuple(_number(record[name], f"row {number}, {name}", findings) for name in columns))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        findings.error("unreadable", "", f"cannot read the table: {problem}")
    if not rows and not findings.errors:
        findings.error("empty", "", "the table has no rows")
    findings.raise_if_errors(InputError)
    return rows


def _number(text: str | None, where: str, findings: Findings) -> float:
    """Number above 0 of a cell."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        findings.error("number", where, f"found '{text}'", expected="a number above 0")
    return value
