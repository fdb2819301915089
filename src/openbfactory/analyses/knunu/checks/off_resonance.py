"""Continuum below the resonance: normalisation of data and simulation, and weights of BDTc for the shapes.

Flow: candidates of the data-like world and of the simulation (``continuum.py``) -> ratio of their numbers -> BDTc, a
classifier of data against simulation, in two halves -> weights p / (1 - p) -> chi2 of every input before and after ->
what a second classifier still tells apart.  A further sample like the data says what is planted: its rate holds the
factor on quark pairs and the change of the acceptance by detector and fragmentation.

With a finished run (``--from``) eta and q2_rec are compared above its cut on BDT1 too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from openbfactory.analyses import RunOptions, preset_of
from openbfactory.analyses.knunu.checks.continuum import Columns, continuum_samples, judged
from openbfactory.analyses.knunu.checks.off_resonance_content import findings, sections
from openbfactory.analyses.knunu.checks.settings import made_of, section
from openbfactory.analyses.knunu.checks.shell import Check, finish
from openbfactory.analyses.knunu.checks.worlds import World, of_continuum
from openbfactory.analyses.knunu.classifiers import load_models
from openbfactory.analyses.knunu.config import CONTINUUM, FOLDS
from openbfactory.analyses.knunu.continuum_shape import FILE
from openbfactory.core.config import Config
from openbfactory.core.quantities import Quantity
from openbfactory.pipeline.tables import rows_of
from openbfactory.reconstruct.variables import BDT2_INPUTS
from openbfactory.report.records import Number
from openbfactory.select.classifier import ClassifierConfig
from openbfactory.select.performance import weighted_share
from openbfactory.select.reweighting import (
    FoldedReweighting,
    area_of_fluctuations,
    compare_shapes,
    learn,
    left_over,
    over_folds,
)

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
    choice: int
    judge: ClassifierConfig
    q2_rec: tuple[float, ...]
    probability: float
    published: Quantity


def remainder(truth: Columns, simulated: Columns, found: FoldedReweighting, names: tuple[str, ...],
              config: OffResonance, seed: int) -> dict[str, Number]:
    """Area under the ROC curve of a second classifier, of independent data against the simulation: before and after.

    The simulation is the half that the first part of BDTc did not see; the second classifier is judged in two parts.
    Beside it, what the fluctuations of the training would leave to a perfect classifier.
    """
    half = rows_of(simulated, simulated["event"] % FOLDS == 0)
    folds = (truth["event"] % FOLDS, half["event"] // FOLDS % FOLDS)
    weights = {"before": np.ones(len(half["event"])), "after": found.parts[0](half)}
    return {when: Number.of(left_over(truth, half, names, folds, w, config.judge, seed=seed))
            for when, w in weights.items()} | {"fluctuations": Number(value=area_of_fluctuations(found, truth))}


def normalisation(data: Columns, simulated: Columns, scale: float) -> Number:
    """Candidates of data over those of the simulation; ``scale`` is the luminosity simulated over that of the data."""
    n, m = (Number.counted(len(columns["event"])) for columns in (data, simulated))
    return n.over(m).times(Number(value=scale))


def share(columns: Columns, weights: Array | None, learned: float = np.inf) -> Number:
    """Share of candidates below q2_rec = 4 GeV^2; weights have the fluctuations of the ``learned`` candidates too."""
    return Number.of(weighted_share(columns["q2_rec"] < BELOW, weights, learned))


def run(options: RunOptions) -> dict[str, Any]:
    """Result record of the check, and ``continuum.json``.

    Raises
    ------
    OpenBFactoryError
        For input that is not right, a folder in use, or too few events.
    """
    config = section("off_resonance", OffResonance)
    names, preset, like = (*config.inputs, *BDT2_INPUTS), preset_of(config.presets, options.preset), of_continuum()
    size = preset.data if options.luminosity is None else options.luminosity
    sizes = {"data": size, "simulation": preset.simulation * size, "truth": preset.truth * size}
    worlds = {"data": like, "simulation": World(options.detector), "truth": like}
    tables, samples = continuum_samples(worlds, sizes, options, config.chunk_size)
    data, simulated, truth = (tables[n] for n in ("data", "simulation", "truth"))
    folds = (data["event"] % FOLDS, simulated["event"] % FOLDS)
    found = over_folds(data, simulated, names, folds, config=config.bdtc, seed=options.seed, choice=config.choice)
    chosen = config.bdtc.model_copy(update={"trees": found.trees})
    learn(data, simulated, names, config=chosen, seed=options.seed).save(options.output / FILE)
    shapes = {"data": compare_shapes(data, simulated, names, found.weights),
              "truth": compare_shapes(truth, simulated, names, found.weights)}
    if options.source is not None:
        models = load_models(options.source)
        data, simulated = judged(data, models), judged(simulated, models)
        kept, keep = (np.isfinite(c["eta"]) for c in (data, simulated))
        shapes["above"] = compare_shapes(rows_of(data, kept), rows_of(simulated, keep), ("eta", "q2_rec"),
                                         found.weights[keep])
    rates = {"found": normalisation(data, simulated, preset.simulation),
             "planted": normalisation(truth, simulated, preset.simulation / preset.truth)}
    left = remainder(truth, simulated, found, names, config, options.seed)
    shares = {"before": share(simulated, None), "after": share(simulated, found.weights, len(data["event"])),
              "truth": share(truth, None)}
    warnings = () if options.source else ("no finished run is named by --from: eta is not compared",)
    return finish(Check(
        "knunu.off_resonance", "Continuum below the resonance",
        "A third of the background is continuum: data taken 60 MeV below the resonance hold nothing else and correct "
        "its normalisation and shapes.", findings(rates, shares, left, shapes, config.published, config.probability),
        sections(data, simulated, found, shapes, config.q2_rec), APPROXIMATIONS, samples,
        made_of(options, config, [w.card for w in worlds.values()], samples, *CONTINUUM),
        {"chi2": shapes["data"].to_dict(), "chi2_above": shapes["above"].to_dict() if "above" in shapes else {},
         "overtraining": [c.to_dict() for c in found.checks]}, warnings), options)
