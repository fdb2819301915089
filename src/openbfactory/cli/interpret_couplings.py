"""``obf interpret LIMITS.csv --model zprime|scalar|alp|higgs``: couplings from upper limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: models whose cross section is that of e+e- -> mu+ mu- X
MUON_PAIR_MODELS = ("zprime", "scalar", "alp")


def run(path: Path, model: str, *, card: str, decay: str, kaon: str) -> list[dict[str, Any]]:
    """Limit of the coupling, or excluded values of sin(theta), at each mass; printed."""
    return _mixing(path, kaon, decay) if model == "higgs" else _muon_pairs(path, model, card, decay)


def _muon_pairs(path: Path, model: str, card: str, decay: str) -> list[dict[str, Any]]:
    """Couplings of X from limits of the cross section times the branching fraction of its decay [fb]."""
    from openbfactory.core.errors import UnknownNameError
    from openbfactory.experiment import load_card
    from openbfactory.generate.darksector import DECAYS, cross_section, partial_widths
    from openbfactory.interpret.couplings import coupling_limit, read_limits

    if decay not in DECAYS:
        raise UnknownNameError("decay of X", decay, DECAYS)
    rows = []
    for mass, limit in read_limits(path, ("mass", "limit")):
        widths = partial_widths(model, mass, 1.0)
        share = widths.get(decay, 0.0) / (sum(widths.values()) or 1.0)
        # a narrow X: the width of a small coupling
        sigma, error = cross_section(model, {"mass": mass, "coupling": 1e-3, "width": 0.0}, load_card(card).machine)
        sigma, error = 1e12 * sigma, 1e12 * error  # coupling one, fb
        rows.append({"mass": mass, "limit_fb": limit, "cross_section_fb": sigma, "cross_section_uncertainty_fb": error,
                     "branching_fraction": share, "coupling": coupling_limit(limit, sigma, share)})
    _print(f"e+e- -> mu mu X, X -> {decay}, model {model}", rows)
    return rows


def _mixing(path: Path, kaon: str, decay: str) -> list[dict[str, Any]]:
    """Values of sin(theta) excluded by limits of B(B -> K S) B(S -> x x) over mass and lifetime."""
    from openbfactory.core.errors import UnknownNameError
    from openbfactory.interpret.couplings import mixing_excluded, read_limits
    from openbfactory.physics.higgs_mixed import LEPTONS

    if decay not in LEPTONS:
        raise UnknownNameError("decay of S", decay, LEPTONS)
    if kaon not in ("K+", "K*0"):
        raise UnknownNameError("kaon", kaon, ("K+", "K*0"))
    by_mass: dict[float, dict[float, float]] = {}
    for mass, ctau, limit in read_limits(path, ("mass", "ctau", "limit")):
        by_mass.setdefault(mass, {})[ctau] = limit
    rows = []
    for mass in sorted(by_mass):
        found = mixing_excluded(mass, by_mass[mass], kaon, decay)
        rows.append({"mass": mass, "sine_low": found.low, "sine_high": found.high})
    _print(f"B -> {kaon} S, S -> {decay}: excluded sin(theta) of a scalar mixed with the Higgs boson", rows)
    return rows


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*("-" if v is None else f"{v:.4g}" for v in row.values()))
    Console().print(table)
