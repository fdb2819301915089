"""The report of B+ -> K+ nu nubar, its accounts, and what it must not show.

Oracle: two runs whose data differ in the signal region alone give the same blinded page, record by record; the
published numbers of the likelihood; sums by hand.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from openbfactory.analyses.knunu import measurement
from openbfactory.analyses.knunu.accounts import accounts
from openbfactory.analyses.knunu.blinding import HIDDEN
from openbfactory.analyses.knunu.config import BACKGROUNDS, CONTINUUM, SIGNAL, SamplePlan, load_config
from openbfactory.analyses.knunu.content import report_content
from openbfactory.analyses.knunu.densities import joint_binning
from openbfactory.analyses.knunu.evaluation import SHOWN, SampleHistograms
from openbfactory.analyses.knunu.figures import fall
from openbfactory.analyses.knunu.record import KnunuResult, SampleSummary
from openbfactory.analyses.knunu.templates import expectation
from openbfactory.analyses.knunu.training import SHAPE_EDGES, TrainingSummary
from openbfactory.analyses.knunu.validations import find_validations
from openbfactory.core.provenance import Provenance
from openbfactory.generate import DecayCounts
from openbfactory.physics.published import load_published
from openbfactory.pipeline.costs import Cost, CostLog
from openbfactory.reconstruct.variables import BDT1_INPUTS, BDT2_INPUTS
from openbfactory.report import classifiers, comparisons, distributions, fits, likelihood
from openbfactory.select.binning import Histogram
from openbfactory.select.classifier import Importance
from openbfactory.select.performance import KSResult, OvertrainingCheck

SECTIONS = ("Why", "Data set and samples", "Selection", "The two classifiers", "Signal efficiency", "Backgrounds",
            "Validation", "Systematic uncertainties", "Fit", "After the fit", "Result", "In the world",
            "Reinterpretation", "What it cost", "Decays", "What is approximate")
DRAWN = ((distributions, "stacked_histogram"), (comparisons, "efficiency_comparison"),
         (comparisons, "yield_comparison"), (comparisons, "paired_bars"), (classifiers, "classifier_outputs"),
         (classifiers, "importance_ranking"), (likelihood, "likelihood_profile"), (likelihood, "pulls"),
         (fits, "measurement_comparison"))
STEPS = ("all", "nTracks", "visibleEnergy", "thetaMiss", "signalKaon")


def histogram(binning, values):
    values = np.asarray(values, float)
    return Histogram(binning, values, values, np.ceil(values).astype(np.int64))


def sample(config, name):
    """Summary and histograms of a sample with the published yields."""
    base, off = name.removesuffix("_off"), name.endswith("_off")
    channel = "off_resonance" if off else "on_resonance"
    yields = load_published("knunu").yields[channel].samples["signal" if base == SIGNAL else base]
    joint = np.zeros(joint_binning(config.region).size)
    if base == SIGNAL:
        joint[:] = 160.0 / joint.size
    shown = {n: histogram(b, np.full(b.size, 2.0)) for n, (b, _) in SHOWN.items()}
    flow = {step: 1000.0 / 2**k for k, step in enumerate(STEPS)}
    summary = SampleSummary(SamplePlan(name, base, off, 1000), 2.0, flow, (0,) * 23, DecayCounts(),
                            pilot_events=100, pilot_bytes=5000, later_bytes=900)
    return summary, SampleHistograms(histogram(config.region.binning, yields), shown,
                                     histogram(joint_binning(config.region), joint))


def trained():
    """Summary of a training that never happened."""
    same = KSResult(0.01, 0.5)
    flat = tuple(1.0 / (len(SHAPE_EDGES) - 1) for _ in SHAPE_EDGES[1:])
    shapes = {n: dict.fromkeys(("signal", "background"), (flat, flat)) for n in ("BDT1", "BDT2")}
    importance = {n: tuple(Importance(v, 1.0 / len(inputs), 3) for v in inputs)
                  for n, inputs in (("BDT1", BDT1_INPUTS), ("BDT2", BDT2_INPUTS))}
    return TrainingSummary(dict.fromkeys(shapes, (10, 20)),
                           dict.fromkeys(shapes, OvertrainingCheck(same, same, 0.9, 0.9)), importance, 0.5, shapes)


@pytest.fixture(scope="module")
def parts():
    config = load_config()
    names = (SIGNAL, *BACKGROUNDS, *(f"{n}_off" for n in CONTINUUM))
    found = {n: sample(config, n) for n in names}
    return config, {n: s for n, (s, _) in found.items()}, {n: h for n, (_, h) in found.items()}


@pytest.fixture(scope="module")
def done():
    """Measurements that were made."""
    return {}


@pytest.fixture(scope="module")
def once():
    """The study of a fit, made once for the same counts."""
    original, kept = measurement.study, {}

    def study(workspace, *arguments):
        key = workspace.digest()
        if key not in kept:
            kept[key] = original(workspace, *arguments)
        return kept[key]

    return study


@pytest.fixture
def result(parts, done, once, monkeypatch):
    """Result of a run with a number of events added to the data of the first bin of the signal region."""
    config, summaries, histograms = parts
    expectations = {n: expectation(h.region) for n, h in histograms.items()}
    original = measurement.pseudo_experiment
    quick = config.model_copy(update={"studies": config.studies.model_copy(update={"simulation": ()})})

    def made(shift, *, unblind):
        def shifted(*arguments, **options):
            data = original(*arguments, **options)
            counts = next(o["data"] for o in data.document["observations"] if o["name"] == HIDDEN[0])
            return data.with_observations({HIDDEN[0]: [counts[0] + shift, *counts[1:]]})

        if (shift, unblind) not in done:
            monkeypatch.setattr(measurement, "pseudo_experiment", shifted)
            monkeypatch.setattr(measurement, "study", once)
            done[shift, unblind] = measurement.measure(expectations, quick, 3, unblind=unblind)
        measured = done[shift, unblind]
        return KnunuResult(config, "test", 362.0, 42.0, summaries, histograms, expectations, {}, (trained(), trained()),
                           measured, Provenance("0", 3, ()))

    return made


@pytest.fixture
def plain(monkeypatch):
    """Figures are left as the records that they are drawn from, so that pages can be compared."""
    for module, name in DRAWN:
        monkeypatch.setattr(module, name, lambda record, *_: record)


def test_blinded_page_does_not_depend_on_the_signal_region(result, plain):
    first, second = (result(n, unblind=False) for n in (0, 500))
    page = report_content(first)
    assert page == report_content(second)
    assert first.to_dict() == second.to_dict()
    assert [s.heading for s in page.sections] == list(SECTIONS)
    assert "hidden" in page.result


def test_opened_page_does_depend_on_it(result, plain):
    """The planted fault of the test above: what an opened page shows is seen to differ, in figures and tables."""
    first, second = (report_content(result(n, unblind=True)) for n in (0, 500))
    changed = {a.heading for a, b in zip(first.sections, second.sections, strict=True) if a != b}
    assert {"Fit", "After the fit", "Result", "In the world"} <= changed
    assert first.result != second.result
    assert not changed & {"Backgrounds", "Systematic uncertainties", "What it cost"}


def test_published_efficiency_is_that_of_the_number_densities(shared_data):
    """Sums of the released tables over the bins of the fit and four bins of q2 each, to four digits."""
    spectra = load_published("knunu").spectra
    high, low = (np.loadtxt(shared_data / "belle2-knunu" / f"number_density_ita_reg{r}.csv", delimiter=",")
                 for r in "AB")
    for name, table in (("signal_in_region", np.vstack([high, low])), ("signal_high_eta", high[6:])):
        sums = table[:, 1:].sum(axis=0).reshape(-1, 4).sum(axis=1)
        assert spectra[name].values == pytest.approx(sums.tolist(), abs=6e-5)


def test_published_efficiency_falls_by_more_than_forty(result):
    """The publication: by more than 40 from 5 to 15 GeV^2."""
    assert fall(result(0, unblind=False), load_published("knunu"), published_numbers=True) > 40


def test_accounts_extrapolate_to_the_whole_data_set(result):
    """1000 events in 4 CPU s, each for 2e6 of the data set; 100 + 900 events hold 5000 and 900 bytes, so the whole
    has 50 bytes an event in the pilot share 2 / 362 and 1 byte an event behind it."""
    found = result(0, unblind=False)
    costs = [Cost(f"charged/{k}", 500, 2.0, 300.0, 10) for k in range(2)]
    line = next(x for x in accounts(found, costs).splitlines() if x.startswith("charged")).split()
    assert line[1:3] == ["2", "1000"]
    assert float(line[4]) == pytest.approx(250)
    whole = replace(found.samples["charged"], weight=2e6)
    line = next(x for x in accounts(replace(found, samples={"charged": whole}), costs).splitlines()
                if x.startswith("charged")).split()
    assert float(line[6]) == pytest.approx(4e-3 * 2e9 / 3600, rel=1e-3)
    assert float(line[7]) == pytest.approx(2e9 * (2 / 362 * 50 + 360 / 362) / 1e9, abs=0.01)


def test_costs_are_read_back_and_what_is_made_twice_counts_once(tmp_path):
    log = CostLog(tmp_path)
    assert log.read() == []
    for seconds in (1.0, 3.0):
        log.add(Cost("charged/0", 10, seconds, 100.0, 7))
    with log.stage("fits"):
        pass
    with (tmp_path / "cost.tsv").open("a") as file:
        file.write("charged/1\tbroken\n")
    assert [(c.what, c.sample, c.events) for c in log.read()] == [("charged/0", "charged", 10), ("fits", "", 0)]
    assert log.read()[0].seconds == 3.0


def test_verdicts_of_checks_beside_the_run_are_found(tmp_path):
    for name, text in (("knunu.a", json.dumps({"analysis": "knunu.a", "title": "A", "verdict": "Found.",
                                               "passed": True})), ("knunu.b", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(text)
    found = find_validations(tmp_path / "knunu")
    assert [(v.name, v.verdict, v.passed) for v in found] == [("knunu.a", "Found.", True)]
