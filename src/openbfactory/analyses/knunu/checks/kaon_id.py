"""Kaon identification from D*+ -> D0(K- pi+) pi+: efficiency and pion fake rate in data and simulation.

The slow pion says which track of the D0 is the kaon; the measurement is in :mod:`.pid_corrections`.

Approximation: the background is that of events with a D*+ (in generic c cbar events it is as large: 3 of 94).
"""

from __future__ import annotations

from typing import Any

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.kaon_id_report import report_sections
from openbfactory.analyses.knunu.checks.pid_corrections import FITTED, TRUTH, KaonId, corrections_of
from openbfactory.analyses.knunu.checks.settings import events_asked, made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.data_like import load_data_like
from openbfactory.experiment import load_card
from openbfactory.generate import enriched_events
from openbfactory.pipeline.tables import CandidateMaker, SampleSetting, SampleTable, candidate_tables
from openbfactory.report.records import Number

PURPOSE = ("The cut on kaonID is the one strong requirement on the signal kaon: its efficiency and the rate of pions "
           "above it must be known in data.")
APPROXIMATIONS = (
    "D^{*+} come from the enriched sample charm-d0; backgrounds of other events are left out: in generic c c̄ "
    "events 3 of 94 candidates were no D^{*+}, as many as here.",
    "The peaks of passing and failing candidates differ in their widths alone.",
    "What was planted is counted with truth in independent samples of both cards.")


def make_tables(options: RunOptions, chosen: KaonId) -> dict[str, SampleTable]:
    """Candidates of the fitted samples and of those with truth; chunks are kept in the folder of the run."""
    tables: dict[str, SampleTable] = {}
    per_luminosity = enriched_events(chosen.sample, load_card(options.detector).machine, 1.0)
    events = events_asked(options, preset_of(chosen.presets, options.preset), per_luminosity)
    for names, card in zip(zip(FITTED, TRUTH, strict=True), (load_data_like().card, options.detector), strict=True):
        execution = options.execution(f"chunks-{names[0]}", chosen.chunk_size)
        maker = CandidateMaker(card, chosen.request, {n: SampleSetting(chosen.sample) for n in names})
        sizes = dict.fromkeys(names, events)
        tables |= candidate_tables("knunu.kaon_id", maker, sizes, execution,
                                   {"analysis": "knunu.kaon_id", "card": load_card(card).digest()})
    return tables


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check, with the table ``corrections``."""
    chosen = section("kaon_id", KaonId)
    tables = make_tables(options, chosen)
    corrections, found = corrections_of(tables, chosen)
    findings: list[Finding] = []
    for name, what in (("kaon", "efficiency of kaons"), ("pion", "fake rate of pions")):
        (ratio,), published = found[name], chosen.published
        findings += [Finding(name, f"{what}, data / simulation", ratio.found, ratio.planted,
                             Number(value=published[name].value)),
                     Finding(f"{name}_rate", f"{what}, simulation", Number.of(ratio.simulation), None,
                             Number(value=published[f"{name}_rate"].value), remark="momenta of this sample")]
    events, cards = {k: t.events for k, t in tables.items()}, (load_data_like().card, options.detector)
    check = Check("knunu.kaon_id", "Kaon identification from D^{*+} → D^{0}(K^{−}π^{+}) π^{+}", PURPOSE,
                  tuple(findings), report_sections(tables, found, chosen), APPROXIMATIONS,
                  events, made_of(options, chosen, cards, events, chosen.sample),
                  {"corrections": corrections.to_dict()})
    return finish(check, options)
