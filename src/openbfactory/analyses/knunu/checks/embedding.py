"""Signal embedding: B+ -> J/psi(mu mu) K+ turned into B+ -> K+ nu nubar in data and simulation.

The efficiency of the classifiers on the embedded data over that on the embedded simulation tests everything but the
kaon: the other B, and what the detector adds.  See :mod:`.embedding_sample`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.embedding_report import report_sections
from openbfactory.analyses.knunu.checks.embedding_sample import EmbeddingMaker
from openbfactory.analyses.knunu.checks.settings import Combination, events_asked, made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.checks.worlds import of_cards, world_chunks
from openbfactory.analyses.knunu.classifiers import models_digest
from openbfactory.analyses.knunu.config import SIGNAL
from openbfactory.analyses.knunu.finished import source_run
from openbfactory.core.quantities import Quantity
from openbfactory.experiment import load_card
from openbfactory.pipeline.tables import columns_of
from openbfactory.report.records import Number
from openbfactory.select.intervals import share

PURPOSE = ("The efficiency of the signal comes from simulation: B^{+} → J/ψ K^{+} has the same other B in data, and "
           "the J/ψ can be taken out as if it were not seen.")
APPROXIMATIONS = (
    "Background of other events to B^{+} → J/ψ K^{+} is left out; in those of the control sample 0.2 % of the "
    "candidates are wrong.",
    "The embedded kaon keeps the likelihoods and hits of the direction at which it was simulated; clusters near "
    "muons and kaon that do not point to them stay, for those of the embedded kaon too.",
    "Only kaons that pass the identification count, in data and simulation with that of the simulation: its correction "
    "is measured by knunu.kaon_id.")


class Embedding(Combination):
    """Section ``embedding`` of ``checks.yaml``: events of each sample, control decay, cut on eta."""

    presets: dict[str, int]
    chunk_size: int
    sample: str
    fraction: Quantity
    clone_angle: Quantity
    eta: float
    published: Quantity


#: samples in the order of the figures
SAMPLE_NAMES = ("data", "simulation", "signal-data", "signal-simulation")


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check.

    Raises
    ------
    InputError
        When there is no finished run whose classifiers could judge.
    """
    chosen, source = section("embedding", Embedding), source_run(options)
    maker = EmbeddingMaker(str(source.resolve()), of_cards(options.detector), chosen.requested(), chosen.sample,
                           chosen.clone_angle.value)
    per_luminosity = 2 * load_card(options.detector).machine.expected("charged", 1.0) * chosen.fraction.value
    events = events_asked(options, preset_of(chosen.presets, options.preset), per_luminosity)
    samples = dict.fromkeys(SAMPLE_NAMES, events)
    chunks = world_chunks("knunu.embedding", maker, samples, options, "chunks-embedding", chosen.chunk_size,
                          classifiers=models_digest(source))
    tables = {k: columns_of(parts) for k, parts in chunks.items()}
    kaons = {k: sum(s["kaons"] for _, s in parts) for k, parts in chunks.items()}
    rates = {k: Number.of(share(int(np.sum(t["eta"] > chosen.eta)), kaons[k])) for k, t in tables.items()}
    findings = (
        Finding("ratio", f"efficiency at η > {chosen.eta:g}, embedded data / embedded simulation",
                rates["data"].over(rates["simulation"]), rates["signal-data"].over(rates["signal-simulation"]),
                Number.of(chosen.published), remark="planted: genuine signal of both cards"),
        Finding("method", "embedded simulation / genuine signal of the simulation",
                rates["simulation"].over(rates["signal-simulation"]), Number(value=1.0)),
        *(Finding(f"efficiency {k}", f"efficiency of kaons that pass the identification, {k}", rate)
          for k, rate in rates.items()))
    cards = [world.card for world in maker.worlds.values()]
    check = Check("knunu.embedding", "Signal embedding in B^{+} → J/ψ(μ^{+}μ^{−}) K^{+}", PURPOSE, findings,
                  report_sections(tables, kaons, chosen.eta), APPROXIMATIONS, samples,
                  made_of(options, chosen, cards, samples, chosen.sample, SIGNAL), {"kaons": kaons})
    return finish(check, options)
