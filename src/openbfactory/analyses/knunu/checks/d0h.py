"""B+ -> anti-D0(K+ pi-) h+, h = K or pi: kaon identification validated where the kinematics are those of B decays.

Candidates whose h passes the identification are fitted in the energy difference with the mass of a pion for h: kaons
peak 50 MeV below pions.  Yields of data over simulation are one after the corrections of :mod:`.kaon_id`; so is the
double ratio F = (pions / kaons in data) / (pions / kaons in simulation).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.d0h_fit import KINDS, Yields, fit_yields, shapes_of, true_kind
from openbfactory.analyses.knunu.checks.d0h_report import report_sections
from openbfactory.analyses.knunu.checks.d0h_sample import VARIABLES, D0hMaker
from openbfactory.analyses.knunu.checks.kaon_id import make_tables
from openbfactory.analyses.knunu.checks.pid_corrections import Corrections, KaonId, corrections_of
from openbfactory.analyses.knunu.checks.settings import Combination, events_asked, made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.worlds import World, of_cards, world_chunks
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import load_card
from openbfactory.pipeline.tables import columns_of
from openbfactory.report.records import Number

Table = dict[str, npt.NDArray[Any]]

SIGNAL, GENERIC = "d0h", ("charged", "mixed", "uubar", "ddbar", "ssbar", "ccbar")
PURPOSE = ("Corrections measured in D^{*+} decays are used for kaons and pions of B decays: here they are tested on "
           "these, in events that look like the signal once the D^{0} is taken out.")
APPROXIMATIONS = (
    "B^{+} → D^{(*)0} h^{+} come from an enriched sample; generic samples are added at a luminosity that is smaller "
    "by far (see the table of samples), so that the background is smaller than in data of an experiment.",
    "Shapes of the energy difference are those of true candidates of the simulation, with one common shift.",
    "F is the double ratio of yields; the definition of the publication is recalled, not checked.")


class D0h(Combination):
    """Section ``d0h`` of ``checks.yaml``: events of the enriched sample and generic luminosity [fb^-1] by preset."""

    presets: dict[str, tuple[int, float]]
    chunk_size: int
    fraction: Quantity
    clone_angle: Quantity
    range: tuple[float, float]
    published: Quantity


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check."""
    chosen, worlds = section("d0h", D0h), of_cards(options.detector)
    corrections = corrections_for(options)
    tables, sizes = candidates(options, chosen, worlds)
    shapes = shapes_of(tables["simulation"], chosen.range)
    found = {world: fit_yields(t, shapes, chosen.range) for world, t in tables.items()}
    factors = {k: mean_factor(tables["simulation"], corrections, k) for k in KINDS}
    cards = [world.card for world in worlds.values()]
    check = Check("knunu.d0h", "B^{+} → D^{0}(K^{+}π^{−}) h^{+}: identification in B decays", PURPOSE,
                  findings_of(found, factors, chosen, cards[0]),
                  report_sections(tables, shapes, found, factors, chosen.range),
                  APPROXIMATIONS, sizes, made_of(options, chosen, cards, sizes, SIGNAL, *GENERIC),
                  {"corrections": corrections.to_dict()},
                  tuple(f"{world}: {w}" for world, y in found.items() for w in y.fit.warnings))
    return finish(check, options)


def findings_of(found: dict[str, Yields], factors: dict[str, tuple[float, float]], chosen: D0h,
                card: str) -> tuple[Finding, ...]:
    """Ratios before and after the corrections; after them only the efficiency of three tracks is planted."""
    tracks = load_card(card).detector.switches.track_efficiency ** 3
    seen = {k: [Number.of(found[world].of(k)) for world in ("data", "simulation")] for k in KINDS}
    ratios = {"before": {k: data.over(simulated) for k, (data, simulated) in seen.items()},
              "after": {k: data.over(simulated.times(Number.of(factors[k]))) for k, (data, simulated) in seen.items()}}
    made = [Finding(f"{k} {when}", f"D{k.replace('pi', 'π')} yield, data / simulation, {when} corrections", values[k],
                    Number(value=tracks) if when == "after" else None)
            for when, values in ratios.items() for k in KINDS]
    for when, values in ratios.items():
        planted, published = (Number(value=1.0), Number.of(chosen.published)) if when == "after" else (None, None)
        made.append(Finding(f"F {when}", f"F: pions per kaon, data / simulation, {when} corrections",
                            values["pi"].over(values["K"]), planted, published))
    return tuple(made[::-1])


def corrections_for(options: RunOptions) -> Corrections:
    """Corrections of a finished ``knunu.kaon_id`` beside the output, or measured here."""
    record = options.output.parent / "knunu.kaon_id" / "result.json"
    if record.exists():
        return Corrections.from_dict(json.loads(record.read_text(encoding="utf-8"))["corrections"])
    chosen = section("kaon_id", KaonId)
    return corrections_of(make_tables(replace(options, output=options.output / "kaon_id"), chosen), chosen)[0]


def candidates(options: RunOptions, chosen: D0h, worlds: dict[str, World]) -> tuple[dict[str, Table], dict[str, int]]:
    """Candidates of both worlds, and the events of every sample."""
    events, luminosity = preset_of(chosen.presets, options.preset)
    machine = load_card(options.detector).machine
    events = events_asked(options, events, 2 * machine.expected("charged", 1.0) * chosen.fraction.value)
    each = {SIGNAL: events} | {s: round(machine.expected(s, luminosity)) for s in GENERIC}
    sizes = {f"{world}.{s}": n for world in worlds for s, n in each.items()}
    maker = D0hMaker(worlds, chosen.requested(*VARIABLES), chosen.clone_angle.value)
    chunks = world_chunks("knunu.d0h", maker, sizes, options, "chunks-d0h", chosen.chunk_size)
    tables = {world: columns_of([c for s in each for c in chunks[f"{world}.{s}"]]) for world in worlds}
    return tables, sizes


def mean_factor(table: Table, corrections: Corrections, kind: str) -> tuple[float, float]:
    """Mean correction of the true candidates of a kind that pass."""
    p = table["p"][(table["passed"] > 0) & true_kind(table, kind)]
    return corrections.mean({"K": "kaon", "pi": "pion"}[kind], p)
