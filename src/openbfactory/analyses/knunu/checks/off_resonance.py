"""Continuum below the resonance: normalisation of data and simulation, and weights of BDTc for the shapes.

Flow: candidates of the data-like world and of the simulation (``continuum.py``) -> ratio of their numbers -> BDTc, a
classifier of data against simulation, in two halves -> weights p / (1 - p) -> chi2 of every input before and after ->
what a second classifier still tells apart.  A further sample like the data says what is planted: its rate holds the
factor on quark pairs and the change of the acceptance by detector and fragmentation.

With a finished run (``--from``) eta and q2_rec are compared above its cut on BDT1 too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.continuum import Columns, World, continuum_samples, data_world, judged
from openbfactory.analyses.knunu.checks.off_resonance_content import sections
from openbfactory.analyses.knunu.checks.settings import section
from openbfactory.analyses.knunu.checks.shell import Check, Finding, finish
from openbfactory.analyses.knunu.classifiers import load_models
from openbfactory.analyses.knunu.config import FOLDS
from openbfactory.analyses.knunu.continuum_shape import FILE
from openbfactory.core.config import Config, digest
from openbfactory.core.provenance import Provenance
from openbfactory.core.quantities import Quantity, references_in
from openbfactory.experiment import load_card
from openbfactory.reconstruct.variables import BDT2_INPUTS
from openbfactory.report.records import Number
from openbfactory.select.classifier import ClassifierConfig
from openbfactory.select.performance import effective_number
from openbfactory.select.reweighting import FoldedReweighting, ShapeAgreement, learn, over_folds, shape_agreement

Array = npt.NDArray[Any]

#: first edge of the fit in q2_rec [GeV^2]
BELOW = 4.0
APPROXIMATIONS = (
    "The data-like continuum differs by the rate of quark pairs, three parameters of the fragmentation and the card of "
    "the detector; taus differ by the card alone.",
    "BDTc has the inputs of BDT2 and q^{2}_{rec}, and learns from all candidates after the preselection.",
    "The weights change shapes; their statistical uncertainty is not propagated.",
    "Beam background is the same in both.",
)


class Preset(Config):
    """Luminosity of the data [fb^-1]; simulation and truth in units of it."""

    title: str
    data: float
    simulation: float
    truth: float


class OffResonance(Config):
    """Section ``off_resonance`` of ``checks.yaml``."""

    presets: dict[str, Preset]
    chunk_size: int
    inputs: tuple[str, ...]
    bdtc: ClassifierConfig
    q2_rec: tuple[float, ...]
    probability: float
    published: Quantity


@dataclass(frozen=True, slots=True)
class Shapes:
    """chi2 of variables before and after the weights, of all candidates or of those above the cut on BDT1."""

    before: dict[str, ShapeAgreement]
    after: dict[str, ShapeAgreement]

    def bad(self, probability: float) -> tuple[int, int]:
        """Number of variables that disagree, before and after."""
        counts = [sum(a.p_value < probability for a in part.values()) for part in (self.before, self.after)]
        return counts[0], counts[1]


def rows_of(columns: Columns, mask: Array) -> Columns:
    """Some of the candidates."""
    return {n: c[mask] for n, c in columns.items()}


def shapes_of(names: tuple[str, ...], data: Columns, simulated: Columns, weights: Array) -> Shapes:
    """Agreement of the shapes of variables before and after the weights."""
    return Shapes({n: shape_agreement(data[n], simulated[n]) for n in names},
                  {n: shape_agreement(data[n], simulated[n], weights) for n in names})


def left_over(truth: Columns, simulated: Columns, found: FoldedReweighting, names: tuple[str, ...],
              config: OffResonance, seed: int) -> tuple[Number, Number]:
    """Area under the ROC curve of a second classifier, of independent data against the simulation: before and after.

    The simulation is the half that the first part of BDTc did not see; the second classifier is judged in two parts.
    """
    half = rows_of(simulated, simulated["event"] % FOLDS == 0)
    weights, numbers = found.parts[0](half), []
    for w in (np.ones(len(weights)), weights):
        folds = (truth["event"] % FOLDS, half["event"] // FOLDS % FOLDS)
        second = over_folds(truth, half, names, folds, w, config.bdtc, seed=seed)
        sigma = np.sqrt((1 / len(truth["event"]) + 1 / effective_number(w)) / 12)
        numbers.append(Number(value=float(np.mean([c.auc_test for c in second.checks])), uncertainty=float(sigma)))
    return numbers[0], numbers[1]


def normalisation(data: Columns, simulated: Columns, scale: float) -> Number:
    """Candidates of data over those of the simulation; ``scale`` is the luminosity simulated over that of the data."""
    n, m = len(data["event"]), len(simulated["event"])
    ratio = scale * n / m
    return Number(value=ratio, uncertainty=ratio * float(np.sqrt(1 / n + 1 / m)))


def share(columns: Columns, weights: Array | None, learned: float = np.inf) -> Number:
    """Share of candidates below q2_rec = 4 GeV^2; weights have the fluctuations of the ``learned`` candidates too."""
    w = np.ones(len(columns["event"])) if weights is None else weights
    value = float(np.average(columns["q2_rec"] < BELOW, weights=w))
    sigma = np.sqrt(value * (1 - value) * (1 / effective_number(w) + 1 / learned))
    return Number(value=value, uncertainty=float(sigma))


def run(options: RunOptions, world: World | None = None) -> dict[str, Any]:
    """Result record of the check, and ``continuum.json``; ``world`` is the data-like world by default.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few events.
    """
    config, names = section("off_resonance", OffResonance), BDT2_INPUTS
    names = (*config.inputs, *names)
    preset, like = preset_of(config.presets, options.preset), world or data_world()
    size = preset.data if options.luminosity is None else options.luminosity
    sizes = {"data": size, "simulation": preset.simulation * size, "truth": preset.truth * size}
    worlds = {"data": like, "simulation": World(options.detector), "truth": like}
    tables, samples = continuum_samples(worlds, sizes, options, config.chunk_size)
    data, simulated, truth = (tables[n] for n in ("data", "simulation", "truth"))
    folds = (data["event"] % FOLDS, simulated["event"] % FOLDS)
    found = over_folds(data, simulated, names, folds, config=config.bdtc, seed=options.seed)
    learn(data, simulated, names, config=config.bdtc, seed=options.seed).save(options.output / FILE)
    shapes, above = shapes_of(names, data, simulated, found.weights), None
    other = shapes_of(names, truth, simulated, found.weights)
    if options.source is not None:
        models = load_models(options.source)
        data, simulated = judged(data, models), judged(simulated, models)
        keep = np.isfinite(simulated["eta"])
        above = shapes_of(("eta", "q2_rec"), rows_of(data, np.isfinite(data["eta"])), rows_of(simulated, keep),
                          found.weights[keep])
    before, after = left_over(truth, simulated, found, names, config, options.seed)
    rate = normalisation(data, simulated, preset.simulation)
    planted = normalisation(truth, simulated, preset.simulation / preset.truth)
    bad = shapes.bad(config.probability)
    public = Number(value=config.published.value, uncertainty=config.published.uncertainty)
    findings = (
        Finding("normalisation", "candidates of continuum, data / simulation", rate, planted, public,
                remark="planted: 1.4 times the quark pairs, and the change of the acceptance by detector and "
                       "fragmentation"),
        Finding("share", "share of weighted simulation below q^{2}_{rec} = 4 GeV^{2}",
                share(simulated, found.weights, len(data["event"])), share(truth, None),
                remark=f"without the weights {share(simulated, None).value:.4f}"),
        Finding("left", "area under the ROC curve, data against weighted simulation", after,
                remark=f"without the weights {before.value:.3f}; 0.5 where nothing is left: BDTc learns that from more "
                       "candidates"),
        Finding("disagree", f"of {len(names)} variables disagree before the weights", Number(value=bad[0])),
        Finding("disagree_after", "the same after the weights", Number(value=bad[1])),
        Finding("disagree_truth", "the same, with a second sample like the data that BDTc never saw",
                Number(value=other.bad(config.probability)[1]),
                remark=f"before the weights {other.bad(config.probability)[0]}"))
    cards = [load_card(w.card) for w in worlds.values()]
    references = {*references_in(config), *(r for c in cards for r in references_in(c))}
    provenance = Provenance(digest({"config": config.model_dump(mode="json"), "samples": samples}), options.seed,
                            tuple(sorted(references)))
    drawn = sections(data, simulated, found, (shapes.before, shapes.after),
                     None if above is None else (above.before, above.after), config.q2_rec)
    chi2 = {n: [shapes.before[n].chi2, shapes.after[n].chi2, shapes.after[n].ndf] for n in names}
    chi2_above = {} if above is None else {n: [above.before[n].chi2, above.after[n].chi2, above.after[n].ndf]
                                           for n in above.after}
    warnings = () if options.source else ("no finished run is named by --from: eta is not compared",)
    return finish(Check(
        "knunu.off_resonance", "Continuum below the resonance",
        "A third of the background is continuum: data taken 60 MeV below the resonance hold nothing else and correct "
        "its normalisation and shapes.", findings, drawn, APPROXIMATIONS, samples, provenance,
        {"chi2": chi2, "chi2_above": chi2_above,
         "overtraining": [c.to_dict() for c in found.checks]}, warnings), options)
